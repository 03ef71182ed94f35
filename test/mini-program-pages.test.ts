import { describe, expect, onTestFinished, test } from 'vitest';
import { reviewer, type Who } from '../demo/people.ts';
import { textOf } from '../miniprogram/texts.ts';
import { describeFlow, logsIn } from './mini-program-pages-flow.ts';
import { demoForAll, type JsdomPhone, openInJsdom } from './mini-program-pages.ts';

const shared = demoForAll();

describeFlow('jsdom', openInJsdom, shared);

test('a mini-program that was closed › stays so when the tab of the browser is left and shown again', async ({
  onTestFinished,
}) => {
  const phone = await openInJsdom(shared.demo.phoneUrl('member'));
  onTestFinished(() => phone.close());
  await phone.shows('张三');
  await phone.tap('关闭');
  phone.turnTab(false);
  phone.turnTab(true);
  expect(phone.told).toEqual(['onAppHide']);
  await phone.tap('打开小程序');
  expect(phone.told).toEqual(['onAppHide', 'onAppShow']);
  phone.turnTab(false);
  phone.turnTab(true);
  expect(phone.told).toEqual(['onAppHide', 'onAppShow', 'onAppHide', 'onAppShow']);
});

describe('a phone that is opened at a page', () => {
  async function open(who: Who, link: string): Promise<JsdomPhone> {
    const phone = await openInJsdom(shared.demo.phoneUrl(who, `&open=${encodeURIComponent(link)}`));
    onTestFinished(() => phone.close());
    return phone;
  }
  const rightPassword = async (phone: JsdomPhone) => {
    await phone.tap('审核人员登录');
    await phone.type('账号', reviewer.account);
    await phone.type('密码', reviewer.password);
    await phone.tap('登录');
  };

  test('[P8] a deep link › keeps its path and query through the login', async () => {
    const phone = await open('member', '/pages/home/home?order=7&note=%E5%BC%A0%26%20b');
    await phone.shows('张三');
    expect(phone.page()).toEqual({ route: 'pages/home/home', options: { order: '7', note: '张& b' } });
  });

  test('[P8] a deep link › keeps them through a refusal and a second try', async () => {
    await shared.demo.page.breakage.set('codeFails', true);
    const phone = await open('member', '/pages/home/home?order=8&to=x');
    await phone.shows('企业微信未能登录');
    await shared.demo.page.breakage.healAll();
    await phone.tap('重试');
    await phone.shows('张三');
    expect(phone.page()).toEqual({ route: 'pages/home/home', options: { order: '8', to: 'x' } });
  });

  test('[P8] a deep link › keeps them for a reviewer, whose way is longer', async () => {
    const phone = await open('reviewer', '/pages/home/home?order=9');
    await rightPassword(phone);
    await phone.shows('示例部门');
    expect(phone.page()).toEqual({ route: 'pages/home/home', options: { order: '9' } });
  });

  test.each([
    ['a page that is not there', '/pages/entrance/entrance?to=%2Fpages%2Fnone%2Fnone'],
    ['the first page', '/pages/entrance/entrance?to=%2Fpages%2Fentrance%2Fentrance%3Fstay%3Dleft'],
    ['no page of this mini-program', '/pages/entrance/entrance?to=https%3A%2F%2Fevil.test'],
    ['what cannot be read', '/pages/entrance/entrance?to=%25E0%25A4%25A'],
  ])('a link to %s › leads home', async (_, link) => {
    const phone = await open('member', link);
    await phone.shows('张三');
    expect(phone.page()).toEqual({ route: 'pages/home/home', options: {} });
  });

  test('a tap on 重试 that comes after the login has succeeded › logs nobody in again', async () => {
    const phone = await open('member', '/pages/home/home?order=3');
    await phone.shows('张三');
    // What the page of the refusal does when it is tapped.
    phone.wx.reLaunch({ url: '/pages/entrance/entrance?to=%2Fpages%2Fhome%2Fhome%3Forder%3D4' });
    await phone.shows('张三');
    expect(phone.page()).toEqual({ route: 'pages/home/home', options: { order: '4' } });
    expect(await shared.demo.sent()).toEqual(['POST /login']);
  });

  test('[P8] a page that is gone › takes nobody anywhere when the login ends', async () => {
    await shared.demo.page.breakage.set('codeHangs', true);
    const phone = await open('member', '/pages/entrance/entrance');
    await phone.shows('正在进入');
    phone.wx.reLaunch({ url: '/pages/refused/refused?code=offline' });
    await phone.shows('网络连接失败');
    const answered = () => shared.demo.entries().map(({ kind }) => kind);
    expect(answered()).not.toContain('answered');
    await shared.demo.page.breakage.healAll();
    await expect.poll(answered).toContain('answered');
    // Whatever the page may still do is done when the next one has asked and is answered.
    await fetch(shared.demo.phoneUrl('member'));
    expect(phone.page().route).toBe('pages/refused/refused');
    expect(await phone.text()).toContain('网络连接失败');
  });

  test('somebody who is refused › can copy all that the administrator needs, the whole number with it', async () => {
    const phone = await open('disabled', '/pages/home/home');
    await phone.shows('您暂无使用权限');
    const copied: string[] = [];
    phone.wx.setClipboardData = ({ data, success }: { data: string; success(): void }) => {
      copied.push(data);
      success();
    };
    await phone.tap('复制给管理员');
    await phone.shows('已复制');
    expect(copied).toEqual([
      expect.stringMatching(
        /^您暂无使用权限\n错误代码 member_not_allowed\n错误编号 [0-9a-f-]{36}\n时间 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n账号 \w+$/,
      ),
    ]);
    const number = /错误编号 (\S+)/.exec(await phone.text())?.[1] ?? '';
    expect(number).toHaveLength(8);
    expect(copied[0]).toContain(`错误编号 ${number}`);
  });

  test('a member who is refused in the middle › copies who they are as well', async () => {
    const phone = await open('member', '/pages/home/home?order=1');
    await phone.shows('张三');
    await shared.demo.page.breakage.set('memberLeft', true);
    await phone.tap('刷新');
    await phone.shows('您暂无使用权限', '账号 ZhangSan');
    await shared.demo.page.breakage.healAll();
    await phone.tap('重试');
    await phone.shows('张三');
    expect(phone.page().options).toEqual({ order: '1' });
  });

  test('a refused member with blanks and Chinese in their userid › can copy it', async () => {
    const phone = await open('disabled', '/pages/home/home');
    await phone.shows('您暂无使用权限');
    const userid = encodeURIComponent('王 小明@总部');
    phone.wx.reLaunch({ url: `/pages/refused/refused?code=member_not_allowed&userid=${userid}` });
    await phone.shows('账号 王 小明@总部');
  });

  test('a reviewer who tried too often › reads of their account, a member of the network', async () => {
    expect(textOf('rate_limited').advice).not.toContain('账号安全');
    const phone = await open('reviewer', '/pages/entrance/entrance');
    await phone.tap('审核人员登录');
    await phone.type('账号', reviewer.account);
    // Sooner on a slow machine, where a try may count that is answered with 503.
    let read: string | undefined;
    for (let tries = 1; tries <= 7 && read !== '尝试次数过多'; tries += 1) {
      await phone.type('密码', `wrong ${tries}`);
      read = await logsIn(phone, ['账号或密码不正确', '尝试次数过多']);
    }
    expect(read).toBe('尝试次数过多');
    await phone.shows('为保护账号安全，请稍后再试。');
  });
});

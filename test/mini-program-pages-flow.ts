// Every kind of person and every fault, tap by tap, in jsdom or in Chromium.
import { describe, expect, test } from 'vitest';
import { reviewer, type Who } from '../demo/people.ts';
import type { FaultName } from '../demo/faults.ts';
import { texts } from '../miniprogram/texts.ts';
import type { Demo, OpenPhone, Phone } from './mini-program-pages.ts';

/** The first text a member reads with this fault. */
const titleOf = (code: string): string => {
  const { title } = texts[code] ?? {};
  if (!title) throw new Error(`no text for ${code}`);
  return title;
};

/**
 * Taps 登录 until one of these can be read, and returns which. Taps again where the function missed a deadline because it
 * got no CPU time, as a person would.
 */
export async function logsIn(
  phone: Phone,
  texts: readonly string[],
  tap: (name: string) => Promise<void> = phone.tap,
): Promise<string | undefined> {
  const busy = titleOf('temporarily_unavailable');
  for (;;) {
    await tap('登录');
    const read = () => phone.text();
    await expect.poll(read).toSatisfy((text) => [...texts, busy].some((wanted) => text.includes(wanted)));
    const text = await read();
    const found = texts.find((wanted) => text.includes(wanted));
    if (found !== undefined) return found;
    // The longest wait that the server asks for.
    await phone.pass(10);
  }
}

export function describeFlow(browser: string, open: OpenPhone, shared: { demo: Demo }): void {
  /** Opens a phone for this person. At the end of the test it must have reported no problem. */
  async function withPhone(who: Who, use: (phone: Phone) => Promise<void>, query = '') {
    const phone = await open(shared.demo.phoneUrl(who, query));
    try {
      await use(phone);
      expect(phone.complaints).toEqual([]);
    } finally {
      await phone.close();
    }
    expect(shared.demo.world.wecom.violations).toEqual([]);
  }

  describe(`${browser}: who opens it`, () => {
    test('a member › is in at once, asks who they are, shows data that only WeCom has, leaves and comes back', () =>
      withPhone('member', async (phone) => {
        await phone.shows('张三', '示例公司 · 工程师', 'ZhangSan');
        expect(await shared.demo.sent('member')).toEqual(['POST /login']);
        await phone.tap('刷新');
        await phone.shows('更新时间', '研发部');
        await phone.tap('企业资料');
        await phone.shows('姓名');
        await phone.tap('手机号');
        await phone.shows('允许此小程序使用你的手机号？');
        await phone.tap('拒绝');
        await phone.shows(titleOf('userdata_not_given'));
        await phone.tap('手机号');
        await phone.tap('允许');
        await phone.shows('13800000000');
        await phone.tap('退出登录');
        await phone.shows('您已退出登录', '本次会话已结束。');
        await phone.tap('重新进入');
        await phone.shows('张三');
        expect(await shared.demo.sent('member')).toEqual([
          'POST /login',
          'GET /session?department_names=true',
          'POST /userdata',
          'POST /userdata',
          'DELETE /session',
          'POST /login',
        ]);
      }));

    test('a member of the second company › is in, after a second code for their own company', () =>
      withPhone('secondCompany', async (phone) => {
        await phone.shows('王五', '示例子公司');
        expect(await shared.demo.sent('secondCompany')).toEqual(['POST /login', 'POST /login']);
      }));

    test.each([
      ['out of the visible range', 'outOfRange', 'member_not_allowed'],
      ['disabled', 'disabled', 'member_not_allowed'],
      ['of another company', 'stranger', 'corp_not_allowed'],
    ] as const)('somebody %s › reads why not and what to do, and may try again', (_, who, code) =>
      withPhone(who, async (phone) => {
        await phone.shows(titleOf(code), `错误代码 ${code}`, '错误编号');
        expect(await phone.buttons()).toEqual(['复制给管理员', '重试']);
        // Both have the same code, so the text names neither as the cause.
        expect(await phone.text()).not.toContain('可见范围');
        await phone.tap('重试');
        await expect.poll(() => shared.demo.sent(who)).toEqual(['POST /login', 'POST /login']);
        await phone.shows(titleOf(code));
      }),
    );

    test('a reviewer in ordinary WeChat › reads for whom this is, logs in by password and sees demo data only', () =>
      withPhone('reviewer', async (phone) => {
        await phone.shows('仅供示例公司员工使用');
        await phone.tap('审核人员登录');
        await phone.shows('仅供应用商店审核使用');
        await phone.tap('登录');
        await phone.shows('请填写完整');
        await phone.type('账号', reviewer.account);
        await phone.type('密码', 'not the password');
        await logsIn(phone, [titleOf('invalid_credentials')]);
        await phone.type('密码', reviewer.password);
        await logsIn(phone, ['示例部门'], phone.tapTwice);
        expect(await phone.buttons()).not.toContain('手机号');
        expect(await shared.demo.sent('reviewer')).toEqual([
          'GET /login/reviewer',
          'POST /login/reviewer',
          'POST /login/reviewer',
        ]);
        await phone.tap('退出登录');
        await phone.shows('您已退出登录');
      }));

    test('a developer who has not entered the address of their server › reads where to do it', () =>
      withPhone('member', (phone) => phone.shows(titleOf('server_url_missing')), '&server=unset'));
  });

  describe(`${browser}: what breaks`, () => {
    const refusing: [FaultName, string][] = [
      ['redisDown', 'temporarily_unavailable'],
      ['phoneOffline', 'offline'],
      ['htmlAnswer', 'bad_server_answer'],
      ['codeFails', 'wecom_login_failed'],
      ['codeHangs', 'wecom_timeout'],
    ];
    for (const [fault, code] of refusing) {
      test(`${fault} › says what is wrong; healed, one more tap lets the member in`, async () => {
        await shared.demo.page.breakage.set(fault, true);
        await withPhone('member', async (phone) => {
          if (fault === 'codeHangs') await phone.passWaiting(10);
          await phone.showsInTime(titleOf(code), code);
          await shared.demo.page.breakage.healAll();
          const before = await shared.demo.sent();
          // The browser does not try again by itself.
          if (fault === 'phoneOffline') expect(before).toEqual(['POST /login']);
          // The longest wait that the server asks for.
          await phone.pass(10);
          await phone.tapTwice('重试');
          // In real time, because a function needs time to connect to Redis again, and the phone retries when told to.
          await phone.shows('张三', '工程师');
          expect((await shared.demo.sent()).slice(before.length)).toEqual(['POST /login']);
        });
      });
    }

    const mended: FaultName[] = ['ipNotTrusted', 'wecomDown'];
    for (const fault of mended) {
      test(`${fault} › healed while the mini-program waits, it lets the member in without a tap`, async () => {
        await shared.demo.page.breakage.set(fault, true);
        await withPhone('member', async (phone) => {
          await expect
            .poll(() => shared.demo.entries())
            .toContainEqual(expect.objectContaining({ kind: 'answered', status: 503 }));
          await shared.demo.page.breakage.healAll();
          await phone.shows('张三');
        });
      });
    }

    for (const fault of ['wrongSecret', 'rateLimited'] as const) {
      test(`${fault} › asks the member to wait for a minute and says how long it still is`, async () => {
        await shared.demo.page.breakage.set(fault, true);
        await withPhone('member', async (phone) => {
          await phone.showsInTime(titleOf('temporarily_unavailable'), '后可重试');
          const secondsLeft = async () => Number(/(\d+) 秒后可重试/.exec(await phone.text())?.[1] ?? 60);
          const requests = () => shared.demo.entries().filter(({ kind }) => kind === 'sent').length;
          const [atFirst, sent] = [await secondsLeft(), requests()];
          await phone.pass(5);
          expect(await secondsLeft()).toBeLessThan(atFirst);
          expect(await phone.buttons()).not.toContain('重试');
          expect(requests()).toBe(sent);
        });
      });
    }

    test('wrongSecret › is over as soon as the function has the new secret', async () => {
      await shared.demo.page.breakage.set('wrongSecret', true);
      await shared.demo.page.breakage.set('wrongSecret', false);
      await withPhone('member', (phone) => phone.shows('张三'));
    });

    test('tokenDropped › goes unnoticed and costs one gettoken', async () => {
      await withPhone('member', async (phone) => {
        await phone.shows('张三');
        await phone.tap('退出登录');
        const { gettoken } = shared.demo.world.wecom.counts();
        await shared.demo.page.breakage.set('tokenDropped', true);
        await phone.tap('重新进入');
        await phone.shows('张三');
        expect(shared.demo.world.wecom.counts().gettoken).toBe(gettoken + 1);
        expect(shared.demo.page.breakage.isActive('tokenDropped')).toBe(false);
      });
    });

    test('wecomSlow › says that it takes longer, and then is in', async () => {
      await shared.demo.page.breakage.set('wecomSlow', true);
      await shared.demo.page.breakage.set('codeHangs', true);
      await withPhone('member', async (phone) => {
        await phone.passWaiting(4);
        await phone.shows('比平时久一些');
        await shared.demo.page.breakage.set('codeHangs', false);
        await phone.shows('张三');
      });
    });

    test('put to the background during login › it is in when it is back, after one login', async () => {
      await shared.demo.page.breakage.set('codeHangs', true);
      await withPhone('member', async (phone) => {
        await phone.shows('正在进入');
        await phone.tap('关闭');
        await phone.tap('打开小程序');
        await shared.demo.page.breakage.set('codeHangs', false);
        await phone.shows('张三');
        expect(await shared.demo.sent()).toEqual(['POST /login']);
      });
    });

    test('memberLeft › the callback ends their session: the next tap says so; back again, they are let in', async () => {
      await withPhone('member', async (phone) => {
        await phone.shows('张三');
        await shared.demo.page.breakage.set('memberLeft', true);
        expect(shared.demo.entries()).toContainEqual(
          expect.objectContaining({ kind: 'callback', status: 200, event: 'unsubscribe' }),
        );
        await phone.tap('刷新');
        await phone.shows(titleOf('member_not_allowed'));
        await shared.demo.page.breakage.healAll();
        await phone.tap('重试');
        await phone.shows('张三');
      });
    });

    test('a session lost in the middle › is replaced without a word', async () => {
      await withPhone('member', async (phone) => {
        await phone.shows('张三');
        await shared.demo.world.redis.empty?.();
        await phone.tap('刷新');
        await phone.shows('更新时间');
        expect(await shared.demo.sent()).toEqual([
          'POST /login',
          'GET /session?department_names=true',
          'POST /login',
          'GET /session?department_names=true',
        ]);
      });
    });
  });
}

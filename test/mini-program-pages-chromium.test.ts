// The same flow in a real browser, and what only one can tell: sizes, keyboard, the Content-Security-Policy.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type ConsoleMessage, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumArgs, chromiumPath } from '../demo/chromium.ts';
import { describeFlow } from './mini-program-pages-flow.ts';
import {
  chromiumScreen,
  type Demo,
  demoForAll,
  isComplaint,
  openInChromium,
  startDemo,
} from './mini-program-pages.ts';

const path = chromiumPath();
const found = existsSync(path);
if (!found && process.env['CI'] === 'true') throw new Error(`CI needs chromium; there is none at ${path}`);

let browser: Browser;
let screen: Page;
beforeAll(async () => {
  if (!found) return;
  browser = await chromium.launch({ executablePath: path, args: chromiumArgs });
  screen = await chromiumScreen(browser);
});
afterAll(() => browser?.close());

if (!found) {
  test.skip(`there is no chromium at ${path}: the flow was tested in jsdom only; CHROMIUM_PATH names another`, () => {});
}

describe.runIf(found)('Chromium', () => {
  const shared = demoForAll();
  describeFlow(
    'Chromium',
    openInChromium(() => screen),
    shared,
  );

  test.each([320, 375])('every page of the mini-program › fits a phone of %i px', async (width) => {
    const open = openInChromium(() => screen, width);
    const fits = async (
      who: 'member' | 'outOfRange' | 'reviewer',
      ...steps: [shows: string, tap?: string][]
    ) => {
      const phone = await open(shared.demo.phoneUrl(who));
      for (const [shows, tap] of steps) {
        await phone.shows(shows);
        expect(await phone.overflow(), `${who}: ${shows}`).toEqual([]);
        if (tap !== undefined) await phone.tap(tap);
      }
      await phone.close();
    };
    await fits(
      'member',
      ['张三', '手机号'],
      ['允许此小程序', '拒绝'],
      ['未取得资料', '退出登录'],
      ['您已退出登录'],
    );
    await fits('outOfRange', ['您暂无使用权限']);
    await fits('reviewer', ['仅供', '审核人员登录'], ['登录后只能看到示例数据', '登录'], ['请填写完整']);
  });

  test('the mini-program › can be used by keyboard alone', async () => {
    const phone = await openInChromium(() => screen)(shared.demo.phoneUrl('reviewer'));
    await phone.shows('仅供');
    await phone.tabTo('审核人员登录');
    await phone.press('Enter');
    await phone.shows('应用商店审核使用');
    for (const name of ['账号', '密码', '显示密码', '登录', '返回']) await phone.tabTo(name);
    await phone.press('Enter');
    await phone.shows('仅供');
    expect(phone.complaints).toEqual([]);
    await phone.close();
  });
});

describe.runIf(found)('Chromium', () => {
  let demo: Demo;
  /** Where the page is shown, once for each test: a new one each time is slow. */
  let page: Page;
  beforeAll(async () => {
    demo = await startDemo();
    const viewport = { width: 1280, height: 800 };
    const context = await browser.newContext({ viewport, locale: 'en-US', reducedMotion: 'reduce' });
    page = await context.newPage();
  });
  afterAll(() => demo.stop());

  /** Fails on whatever the page complains about. */
  async function openWorld() {
    const complaints: string[] = [];
    const onError = (error: Error) => complaints.push(error.message);
    const onConsole = (message: ConsoleMessage) => {
      if (isComplaint(message)) complaints.push(message.text());
    };
    page.on('pageerror', onError).on('console', onConsole);
    await page.goto(`${demo.page.url}/`);
    async function close() {
      await page.evaluate('localStorage.clear(); sessionStorage.clear()');
      await page.goto('about:blank');
      page.off('pageerror', onError).off('console', onConsole);
    }
    return { page, phone: page.frameLocator('#phone'), complaints, close };
  }

  test('the page › shows all that is essential at 1280 × 800 without scrolling', async () => {
    const { page, phone, complaints, close } = await openWorld();
    await phone.getByText('张三').first().waitFor();
    const sizes =
      'document.documentElement.scrollHeight <= 800 && document.documentElement.scrollWidth <= 1280';
    expect(await page.evaluate(sizes)).toBe(true);
    for (const name of ['Reopen', 'Token dropped', 'wx.qy.login hangs', '500 members']) {
      const box = await page.getByRole('button', { name }).boundingBox();
      expect((box?.y ?? 800) + (box?.height ?? 0), name).toBeLessThanOrEqual(800);
    }
    await page.getByText('POST /login').first().waitFor();
    await page.getByText('jscode2session').last().waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  test('the page › reaches every control with the Tab key and shows where it is', async () => {
    const { page, close } = await openWorld();
    await page.locator('#heal:disabled').waitFor();
    const controls = await page.locator('button:enabled').count();
    const seen = new Set<string>();
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate<string>(
        '(() => { const e = document.activeElement; return e.matches("button:focus-visible") && getComputedStyle(e).outlineStyle !== "none" ? e.textContent : ""; })()',
      );
      if (at) seen.add(at);
    }
    expect(seen.size).toBe(controls);
    await close();
  });

  test('the page › another person takes the phone, a fault is shown, then cleared', async () => {
    const { page, phone, complaints, close } = await openWorld();
    await phone.getByText('张三').first().waitFor();
    await page.getByRole('radio', { name: '李四' }).press('Space');
    await phone.getByText('您暂无使用权限').waitFor();
    await page.getByText('403 member_not_allowed').first().waitFor();
    await page.getByText('user/get → 60011').first().waitFor();

    await page.getByRole('button', { name: 'Hotel Wi-Fi' }).click();
    await page.locator('[data-fault=htmlAnswer][aria-pressed=true]').waitFor();
    await page.getByRole('button', { name: 'Reopen' }).click();
    await phone.getByText('服务器的回复无法识别').waitFor();
    await page.getByText('200 not from the login function').first().waitFor();
    await page.getByRole('button', { name: 'Clear all faults' }).click();
    await page.locator('[data-fault=htmlAnswer][aria-pressed=false]').waitFor();

    await page.getByRole('radio', { name: 'Reviewer' }).press('Space');
    await page.getByText(/Account reviewer, password \S{19}/).waitFor();
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('全部恢复').waitFor();
    await page.getByText('403 member_not_allowed').first().waitFor();
    expect(complaints).toEqual([]);
    await close();
  });
});

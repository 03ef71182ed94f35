// `npm run screenshots`: takes the pictures of docs/images from the running demo, with this machine's Chromium.
import { mkdir } from 'node:fs/promises';
import { type Browser, chromium, type Page as BrowserPage } from 'playwright-core';
import { buildFunctions } from './build.ts';
import { chromiumArgs, chromiumPath } from './chromium.ts';
import { type Who } from './people.ts';
import { compileFiles, type Page, startPage } from './page-server.ts';
import { startDemoRedis } from './redis.ts';
import { createWorld } from './world.ts';

interface PhonePicture {
  name: string;
  who: Who;
  /** The picture is taken when this text is visible. */
  shows: string;
  width?: number;
  dark?: boolean;
  /** Buttons to tap before. */
  taps?: readonly string[];
}

interface WorldPicture {
  name: string;
  locale: string;
  dark: boolean;
  who: Who;
  shows: string;
}

const directory = 'docs/images';
const phones: readonly PhonePicture[] = [
  { name: 'home', who: 'member', shows: '更新时间', taps: ['刷新'] },
  { name: 'home-320', who: 'member', shows: 'ZhangSan', width: 320 },
  { name: 'home-dark', who: 'member', shows: 'ZhangSan', dark: true },
  { name: 'refused', who: 'outOfRange', shows: '错误编号' },
  { name: 'refused-320', who: 'outOfRange', shows: '错误编号', width: 320, dark: true },
  { name: 'entrance-wechat', who: 'reviewer', shows: '审核人员登录' },
  { name: 'reviewer-login', who: 'reviewer', shows: '显示', taps: ['审核人员登录'] },
];
const worlds: readonly WorldPicture[] = [
  { name: 'world', locale: 'en-US', dark: false, who: 'member', shows: 'ZhangSan' },
  { name: 'world-zh', locale: 'zh-CN', dark: true, who: 'outOfRange', shows: '错误编号' },
];
const phoneHeight = 720;
const world = { width: 1280, height: 800 };

await buildFunctions();
await mkdir(directory, { recursive: true });
const simulated = await createWorld(await startDemoRedis(undefined));
const page = await startPage(simulated, await compileFiles());
const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs });
try {
  for (const picture of phones) await takePhone(browser, page, picture);
  for (const picture of worlds) await takeWorld(browser, page, picture);
} finally {
  await browser.close();
  await page.stop();
  await simulated.stop();
}

async function takePhone(
  from: Browser,
  { url }: Page,
  { name, who, shows, width = 375, dark = false, taps = [] }: PhonePicture,
): Promise<void> {
  const context = await from.newContext({
    viewport: { width, height: phoneHeight },
    deviceScaleFactor: 2,
    colorScheme: dark ? 'dark' : 'light',
    locale: 'zh-CN',
  });
  const phone = await context.newPage();
  await phone.goto(`${url}/phone/?who=${who}`);
  for (const tap of taps) await phone.getByRole('button', { name: tap }).click();
  await phone.getByText(shows).first().waitFor();
  await take(phone, name);
  await context.close();
}

/** 500 members log in at once, WeCom drops the token, and somebody opens the mini-program. */
async function takeWorld(from: Browser, { url }: Page, picture: WorldPicture): Promise<void> {
  const { name, locale, dark, who, shows } = picture;
  const context = await from.newContext({ viewport: world, locale, colorScheme: dark ? 'dark' : 'light' });
  const view = await context.newPage();
  await view.goto(`${url}/`);
  const phone = view.frameLocator('#phone');
  await phone.getByText('ZhangSan').waitFor();
  await view.locator('#rush').click();
  await view.locator('#rush:disabled').waitFor();
  await view.locator('#rush:enabled').waitFor({ timeout: 120_000 });
  await view.locator('[data-fault=tokenDropped]').click();
  await view.locator('[data-fault=tokenDropped][aria-pressed=true]').waitFor();
  if (who === 'member') await view.locator('#reopen').click();
  else await view.locator(`input[value=${who}]`).press('Space');
  await view.locator('[data-fault=tokenDropped][aria-pressed=false]').waitFor();
  await phone.getByText(shows).first().waitFor();
  await view.locator('[data-fault=wecomSlow]').click();
  await view.locator('[data-fault=wecomSlow][aria-pressed=true]').waitFor();
  await take(view, name);
  await view.locator('#heal').click();
  await view.locator('#heal:disabled').waitFor();
  await context.close();
}

async function take(view: BrowserPage, name: string): Promise<void> {
  const path = `${directory}/${name}.png`;
  await view.mouse.move(0, 0);
  await view.screenshot({ path, animations: 'disabled', caret: 'hide' });
  process.stdout.write(`${path}\n`);
}

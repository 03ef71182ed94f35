// The demo's phone in the hands of a test: the same steps in jsdom, which is always there, and in Chromium.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { JSDOM, VirtualConsole } from 'jsdom';
import type { Browser, ConsoleMessage, Page as BrowserPage } from 'playwright-core';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Entry } from '../demo/feed.ts';
import type { Who } from '../demo/people.ts';
import { compileFiles, type Page, startPage } from '../demo/page-server.ts';
import { startDemoRedis } from '../demo/redis.ts';
import { createWorld, type World } from '../demo/world.ts';
import { secret } from './world.ts';

/** A phone with the mini-program open. */
export interface Phone {
  /** Everything that can be read on it. */
  text(): Promise<string>;
  /** Waits until this can be read. */
  shows(...texts: string[]): Promise<void>;
  /** The same, and lets time pass on the phone whenever it waits for no answer. */
  showsInTime(...texts: string[]): Promise<void>;
  /** Lets time pass on the phone, as soon as it waits for no answer. */
  pass(seconds: number): Promise<void>;
  /** The same, while it waits for one. */
  passWaiting(seconds: number): Promise<void>;
  /** Taps the button of this name as soon as it can be tapped. */
  tap(name: string): Promise<void>;
  /** Twice before anything can be answered, as impatient fingers do: the second falls on what is there by then. */
  tapTwice(name: string): Promise<void>;
  /** Types into the field of this name. */
  type(name: string, text: string): Promise<void>;
  /** Names of the page's own buttons that can be tapped. */
  buttons(): Promise<string[]>;
  /** Exceptions, console output, violations of the Content-Security-Policy: there must be none. */
  complaints: string[];
  close(): Promise<void>;
}

/** Opens phones; one for jsdom, one for Chromium. */
export type OpenPhone = (url: string) => Promise<Phone>;

/** What only jsdom can do. */
export interface JsdomPhone extends Phone {
  /** Brings the browser's tab to the front or puts another one before it. */
  turnTab(visible: boolean): void;
  /** What the mini-program was told about being seen, in order. */
  told: readonly ('onAppShow' | 'onAppHide')[];
  /** The page on top, with the query it was opened with. */
  page(): { route: string; options: Record<string, string> };
  /** What a page of the mini-program may call. */
  wx: { reLaunch(options: { url: string }): unknown; setClipboardData: unknown } & Record<
    string,
    ((options: object) => unknown) | undefined
  >;
}

/** What only a real browser can do. */
export interface BrowserPhone extends Phone {
  /** What sticks out to the side. */
  overflow(): Promise<string[]>;
  /** Presses Tab until the control of this name has the focus. */
  tabTo(name: string): Promise<void>;
  press(key: string): Promise<void>;
}

const tabsMax = 30;
const clockScript = readFileSync('test/mini-program-phone-clock.js', 'utf8');

/** The demo without a terminal: everything of `npm start` but the story. */
export interface Demo {
  world: World;
  page: Page;
  /** Nothing is broken, Redis is empty, and nothing has been sent. */
  reset(): Promise<void>;
  /** What happened since, as the page shows it. */
  entries(): readonly Entry[];
  /**
   * What the phones sent, `POST /login` and so on, when all of it is answered. Without what was answered with 503: a
   * function that gets no time says so on a slow machine, and the phone comes back.
   */
  sent(who?: Who): Promise<string[]>;
  phoneUrl(who: Who, query?: string): string;
  stop(): Promise<void>;
}

/** Only ends a test that hangs. */
const shownMsMax = 60_000;
const pauseMsMax = 150;
const files = compileFiles();

/** One demo for all tests of a file, as new before each; filled in before the first. */
export function demoForAll(): { demo: Demo } {
  const shared = {} as { demo: Demo };
  beforeAll(async () => {
    shared.demo = await startDemo();
  });
  beforeEach(() => shared.demo.reset());
  afterAll(() => shared.demo.stop());
  return shared;
}

export async function startDemo(): Promise<Demo> {
  const world = await createWorld(await startDemoRedis(undefined));
  for (const corpsecret of world.corpsecrets.values()) secret(corpsecret);
  const page = await startPage(world, await files);
  let begin = 0;
  const entries = () => page.feed.entries.filter(({ number }) => number > begin);
  return {
    world,
    page,
    async reset() {
      await page.breakage.healAll();
      await world.redis.empty?.();
      begin = page.feed.entries.at(-1)?.number ?? 0;
    },
    entries,
    async sent(who) {
      const requests = entries().flatMap((entry) => (entry.kind === 'sent' ? [entry] : []));
      const statuses = await eventually(() => {
        const answers = entries().flatMap((entry) =>
          entry.kind === 'answered' ? [[entry.id, entry.status] as const] : [],
        );
        const found = new Map(answers);
        for (const { id, path } of requests) if (!found.has(id)) throw new Error(`${path} is not answered`);
        return found;
      });
      return requests
        .filter((request) => who === undefined || request.who === who)
        .filter(({ id }) => statuses.get(id) !== 503)
        .map(({ method, path }) => `${method} ${path}`);
    },
    phoneUrl: (who, query = '') => `${page.url}/phone/?who=${who}${query}`,
    async stop() {
      await page.stop();
      await world.stop();
    },
  };
}

/** The mini-program in jsdom: no layout and no style sheets, but real requests to the real functions. */
export const openInJsdom = async (url: string, otherScript?: string): Promise<JsdomPhone> => {
  const complaints: string[] = [];
  const virtualConsole = new VirtualConsole();
  for (const kind of ['jsdomError', 'error', 'warn', 'info', 'log'] as const) {
    virtualConsole.on(kind as 'log', (...said: unknown[]) =>
      complaints.push(`${kind}: ${said.map(String).join(' ')}`),
    );
  }
  const [html, script] = await Promise.all(
    [url, new URL('phone.js', url)].map(async (address) => (await fetch(address)).text()),
  );
  const { window } = new JSDOM(html, {
    url,
    runScripts: 'outside-only',
    pretendToBeVisual: true,
    virtualConsole,
  });
  const { document } = window;
  // jsdom reports a request that got no answer as an error of the page; the mini-program's way to meet it is tested.
  const isNetwork = (complaint: string) => /^jsdomError: Error: (connect|socket|read|Error)/.test(complaint);
  window.eval(clockScript);
  window.eval(otherScript ?? script ?? '');
  const told: ('onAppShow' | 'onAppHide')[] = [];
  const { wx, getCurrentPages } = window as unknown as {
    wx: JsdomPhone['wx'] & Record<(typeof told)[number], (heard: () => void) => void>;
    getCurrentPages(): ReturnType<JsdomPhone['page']>[];
  };
  for (const name of ['onAppShow', 'onAppHide'] as const) wx[name](() => told.push(name));

  const visible = (element: Element) => !element.closest('[hidden]') && !element.closest('[inert]');
  const nameOf = (element: Element) => (element.getAttribute('aria-label') ?? element.textContent).trim();
  const find = (selector: string, name: string) =>
    eventually(() => {
      const found = [...document.querySelectorAll<HTMLInputElement>(selector)].find(
        (element) => visible(element) && !element.disabled && nameOf(element) === name,
      );
      if (!found) throw new Error(`there is no ${name} to tap in: ${textOf()}`);
      return found;
    });

  function textOf(): string {
    const body = document.body.cloneNode(true) as HTMLElement;
    for (const element of body.querySelectorAll('[hidden], script')) element.remove();
    for (const element of body.querySelectorAll('view, text, button, p, h1, h2')) element.append('\n');
    return body.textContent.replaceAll(/\s*\n\s*/g, '\n').trim();
  }

  return {
    get complaints() {
      return complaints.filter((complaint) => !isNetwork(complaint));
    },
    text: () => Promise.resolve(textOf()),
    ...timeOf(
      (expression) => Promise.resolve(window.eval(expression) as boolean),
      () => Promise.resolve(textOf()),
    ),
    tap: async (name) => (await find('button', name)).click(),
    async tapTwice(name) {
      const button = await find('button', name);
      button.click();
      button.click();
    },
    async type(name, text) {
      const input = await find('input', name);
      input.value = text;
      input.dispatchEvent(new window.Event('input', { bubbles: true }));
    },
    buttons: () =>
      Promise.resolve(
        [...document.querySelectorAll<HTMLButtonElement>('page button')]
          .filter((button) => visible(button) && !button.disabled)
          .map(nameOf),
      ),
    close: () => Promise.resolve(window.close()),
    told,
    wx,
    page() {
      const { route = '', options = {} } = getCurrentPages().at(-1) ?? {};
      return { route, options: { ...options } };
    },

    turnTab(visible) {
      Object.defineProperty(document, 'visibilityState', {
        value: visible ? 'visible' : 'hidden',
        configurable: true,
      });
      document.dispatchEvent(new window.Event('visibilitychange'));
    },
  };
};

/**
 * Where the phones of {@link openInChromium} are shown, one after the other: a new one each time is slow. What turns or runs
 * without end would take more CPU than the tests.
 */
export async function chromiumScreen(browser: Browser): Promise<BrowserPage> {
  const context = await browser.newContext({ locale: 'zh-CN', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.addInitScript(clockScript);
  page.setDefaultTimeout(shownMsMax);
  return page;
}

/** The mini-program in a Chromium, with empty storage, as wide as a phone. */
export function openInChromium(
  screen: () => BrowserPage,
  width = 375,
): (url: string) => Promise<BrowserPhone> {
  return async (url) => {
    const page = screen();
    await page.setViewportSize({ width, height: 700 });
    const complaints: string[] = [];
    const onError = (error: Error) => complaints.push(`pageerror: ${error.message}`);
    const onConsole = (message: ConsoleMessage) => {
      if (isComplaint(message)) complaints.push(`console: ${message.text()}`);
    };
    page.on('pageerror', onError).on('console', onConsole);
    await page.goto(url);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    const text = () => page.innerText('body');
    return {
      complaints,
      text,
      ...timeOf((expression) => page.evaluate<boolean>(expression), text),
      tap: (name) => button(name).click(),
      async tapTwice(name) {
        // In one task of the page, so that it does not matter how fast the first tap is answered.
        await button(name).evaluate((element) => {
          const { x, y, width, height } = element.getBoundingClientRect();
          const tap = (target: unknown) => (target as { click?(): void } | null)?.click?.();
          tap(element);
          tap(element.ownerDocument.elementFromPoint(x + width / 2, y + height / 2));
        });
      },
      type: (name, typed) => page.getByRole('textbox', { name, exact: true }).fill(typed),
      buttons: () => page.locator('page button:enabled:visible').allInnerTexts(),
      async close() {
        await page.evaluate('localStorage.clear()');
        await page.goto('about:blank');
        page.off('pageerror', onError).off('console', onConsole);
      },
      press: (key) => page.keyboard.press(key),

      async tabTo(name) {
        const focused = `(({ ariaLabel, textContent }) => (ariaLabel ?? textContent).trim())(document.activeElement)`;
        for (let presses = 0; presses < tabsMax; presses += 1) {
          await page.keyboard.press('Tab');
          if ((await page.evaluate(focused)) === name) return;
        }
        throw new Error(`${tabsMax} times Tab did not reach ${name}`);
      },

      overflow: () =>
        page.evaluate<
          string[]
        >(`[...document.querySelectorAll('body, .wx-page:not([hidden]), .wx-page:not([hidden]) *')]
          .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== 'inline'
            && e.tagName !== 'INPUT' || e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.tagName + '.' + e.className + ' ' + e.scrollWidth + ' > ' + e.clientWidth)`),
    };
  };
}

/** Chromium reports every answer that is no success as an error; how the mini-program meets those is tested. */
export function isComplaint(message: ConsoleMessage): boolean {
  const serious = ['error', 'warning', 'assert'].includes(message.type());
  return serious && !message.text().startsWith('Failed to load resource');
}

/** What all phones do with time; `evaluate` runs JavaScript in one. */
function timeOf(
  evaluate: (expression: string) => Promise<boolean>,
  text: () => Promise<string>,
): Pick<Phone, 'shows' | 'showsInTime' | 'pass' | 'passWaiting'> {
  const passIdle = (seconds: number) =>
    evaluate(`!phoneClock.waitsForAnswer() && (phoneClock.pass(${seconds * 1000}), true)`);
  const until = (happened: () => Promise<boolean>, what: string) =>
    eventually(async () => {
      if (!(await happened())) throw new Error(`the phone ${what}`);
    });
  return {
    shows: (...texts) => waitForTexts(text, texts),
    async showsInTime(...texts) {
      const read = async () => {
        await passIdle(1);
        return text();
      };
      await waitForTexts(read, texts);
    },
    pass: (seconds) => until(() => passIdle(seconds), 'still waits for an answer'),
    async passWaiting(seconds) {
      const passed = () =>
        evaluate(`phoneClock.waitsForAnswer() && (phoneClock.pass(${seconds * 1000}), true)`);
      await until(passed, 'waits for no answer');
    },
  };
}

function waitForTexts(read: () => Promise<string>, texts: readonly string[]): Promise<void> {
  return eventually(async () => {
    const text = await read();
    const missing = texts.filter((wanted) => !text.includes(wanted));
    if (missing.length > 0) throw new Error(`the phone does not show ${missing.join(', ')} but:\n${text}`);
  });
}

/** Tries until `attempt` throws no more, at growing intervals: what it waits for needs the CPU itself. */
async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const endMs = performance.now() + shownMsMax;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, pauseMsMax)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await sleep(pauseMs);
  }
}

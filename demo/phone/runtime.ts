/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- events, elements and glass-easel are typed more loosely than they are */
// Runs a compiled mini-program in the browser: App, Page and Component, the stack of pages and their lifecycle.
import { MiniProgramEnv } from 'glass-easel-miniprogram-adapter';
import { createElementBackend } from './elements.ts';
import { createScreen } from './screen.ts';
import { createAppLife } from './app-life.ts';
import { createWx, type Navigation } from './wx.ts';

type Json = Record<string, unknown>;

/** The path under which the page's server forwards requests to the login function. */
const serverPath = '/server';

/** What compile.ts writes into `phone.js`. */
export interface Program {
  /** app.json */
  app: { pages: string[]; window?: Json; usingComponents?: Record<string, string> };
  /** theme.json, or `{}` */
  theme: { light?: Record<string, string>; dark?: Record<string, string> };
  /** The JSON of each page and component. */
  parts: Record<string, Json & { component?: boolean; usingComponents?: Record<string, string> }>;
  templates: Record<string, unknown>;
  unknownTags: { tag: string; place: string }[];
  /** The mini-program's settings, before its pages read them. */
  settings: { serverUrl: string };
  loadApp(): void;
  loaders: Record<string, () => void>;
}

/** A page as the mini-program's code sees it: its data and its methods. */
type PageInstance = Record<string, unknown> & { route: string; options: Record<string, string> };

interface OpenPage {
  path: string;
  instance: PageInstance;
  element: HTMLElement;
  release(): void;
}

const stackMax = 10;

/**
 * Opens the mini-program at its first page. The address sets who holds the phone: `?who=member`. With `&server=unset` the
 * server's address is missing in settings.ts; otherwise it is the login function behind this page. With `&open=/pages/…`
 * another page opens first, as by a link in a message.
 */
export function openMiniProgram(program: Program): void {
  const query = new URLSearchParams(location.search);
  const who = query.get('who') ?? 'member';
  if (query.get('server') !== 'unset') program.settings.serverUrl = location.origin + serverPath;
  const inWecom = who !== 'reviewer';
  const env = new MiniProgramEnv();
  const codeSpace = env.createCodeSpace('', true);
  const backend = env.associateBackend(createElementBackend());
  const stack: OpenPage[] = [];
  const defined = new Set<string>();
  let app: Json = {};
  let inBackground = false;
  /** The mini-program is hidden when it is closed with ◎, and when the browser's tab is hidden. */
  const away = { closed: false, tabHidden: false };
  const life = createAppLife();

  const screen = createScreen(inWecom ? '企业微信' : '微信', {
    back: () => navigation.back(1),
    toBackground: () => setAway({ closed: true }),
    toForeground: () => setAway({ closed: false }),
  });

  function call(target: Json | undefined, method: string, ...args: unknown[]): void {
    const found = target?.[method];
    if (typeof found === 'function') (found as (...values: unknown[]) => unknown).apply(target, args);
  }

  const top = () => stack.at(-1);

  function setAway(change: Partial<typeof away>): void {
    Object.assign(away, change);
    const hidden = away.closed || away.tabHidden;
    if (hidden === inBackground) return;
    inBackground = hidden;
    const event = hidden ? 'onHide' : 'onShow';
    if (hidden) {
      call(top()?.instance, event);
      call(app, event);
      life.hidden();
    } else {
      life.shown();
      call(app, event, { path: top()?.path, query: {}, scene: 1001 });
      call(top()?.instance, event);
    }
  }

  function define(path: string): void {
    if (defined.has(path)) return;
    defined.add(path);
    const config = program.parts[path] ?? {};
    for (const used of Object.values(config.usingComponents ?? {})) {
      define(new URL(used, `https://x/${path}`).pathname.slice(1));
    }
    codeSpace.addComponentStaticConfig(path, config);
    codeSpace.addCompiledTemplate(path, {
      groupList: program.templates,
      content: program.templates[path],
      fallbackListenerOnNativeNode: true,
    } as never);
    codeSpace.globalComponentEnv(window, path, () => program.loaders[path]?.());
  }

  function open(path: string, options: Record<string, string>): void {
    define(path);
    const element = document.createElement('div');
    element.className = 'wx-page';
    const placeholder = document.createElement('div');
    element.append(placeholder);
    screen.pages.append(element);
    const root = backend.createRoot('page', codeSpace, path);
    root.attach(element as never, placeholder as never);
    const instance = root.get() as unknown as PageInstance;
    Object.assign(instance, { route: path, options });
    stack.push({ path, instance, element, release: () => root.release() });
    call(instance, 'onLoad', options);
    show();
    call(instance, 'onReady');
  }

  function close(): void {
    const page = stack.pop();
    if (!page) return;
    call(page.instance, 'onUnload');
    page.release();
    page.element.remove();
  }

  /** Shows the top page, with only its own style sheet. */
  function show(): void {
    const page = top();
    if (!page) return;
    for (const other of stack) other.element.hidden = other !== page;
    for (const sheet of document.querySelectorAll<HTMLLinkElement>('link[data-page]')) {
      sheet.media = sheet.dataset['page'] === page.path ? 'all' : 'not all';
    }
    restyle();
    page.element.scrollTop = 0;
    if (!inBackground) call(page.instance, 'onShow');
  }

  function restyle(): void {
    const dark = window.matchMedia?.('(prefers-color-scheme: dark)').matches ?? false;
    const theme = (dark ? program.theme.dark : program.theme.light) ?? {};
    const config = { ...program.app.window, ...program.parts[top()?.path ?? ''] };
    const value = (name: string, otherwise: string) => {
      const configured = config[name];
      const text = typeof configured === 'string' ? configured : otherwise;
      return text.startsWith('@') ? (theme[text.slice(1)] ?? otherwise) : text;
    };
    const style = {
      title: value('navigationBarTitleText', ''),
      barBackground: value('navigationBarBackgroundColor', dark ? '#191919' : '#ededed'),
      barText: value('navigationBarTextStyle', dark ? 'white' : 'black'),
      background: value('backgroundColor', dark ? '#111' : '#fff'),
    };
    screen.style(style, stack.length > 1);
  }

  const navigation: Navigation = {
    find(url) {
      const { pathname, searchParams } = new URL(url, `https://x/${top()?.path ?? ''}`);
      const path = pathname.slice(1);
      if (!program.app.pages.includes(path)) return undefined;
      return { path, options: Object.fromEntries(searchParams) };
    },
    push(path, options) {
      if (stack.length >= stackMax) return false;
      call(top()?.instance, 'onHide');
      open(path, options);
      return true;
    },
    replace(path, options) {
      close();
      open(path, options);
    },
    restart(path, options) {
      while (stack.length > 0) close();
      open(path, options);
    },
    back(delta) {
      if (stack.length <= 1) return;
      for (let closed = 0; closed < delta && stack.length > 1; closed += 1) close();
      show();
    },
  };

  for (const path of program.app.pages) {
    const sheet = document.createElement('link');
    Object.assign(sheet, { rel: 'stylesheet', href: `/phone/${path}.css`, media: 'not all' });
    sheet.dataset['page'] = path;
    document.head.append(sheet);
  }
  window.matchMedia?.('(prefers-color-scheme: dark)').addEventListener('change', restyle);
  document.addEventListener('visibilitychange', () =>
    setAway({ tabHidden: document.visibilityState === 'hidden' }),
  );
  Object.assign(window, {
    wx: createWx({ who, inWecom, life, serverUrl: program.settings.serverUrl, screen, navigation }),
    App: (definition: Json) => (app = definition),
    getApp: () => app,
    getCurrentPages: () => stack.map(({ instance }) => instance),
  });

  for (const { tag, place } of program.unknownTags) screen.warn(`<${tag}> (${place})`);
  const [first = ''] = program.app.pages;
  const start = navigation.find(query.get('open') ?? `/${first}`) ?? { path: first, options: {} };
  const launch = { path: start.path, query: start.options, scene: 1001, referrerInfo: {} };
  program.loadApp();
  call(app, 'onLaunch', launch);
  call(app, 'onShow', launch);
  open(start.path, start.options);
}

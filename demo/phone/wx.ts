/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- events, elements and glass-easel are typed more loosely than they are */
// `wx` as far as a login needs it. WeCom's app is simulated behind this page and called over HTTP. `wx.request` reaches
// the built login function at the address in the mini-program's settings.
import type { AppLife } from './app-life.ts';
import type { Screen } from './screen.ts';
import { createSender, fileSystem, storeFile } from './wx-request.ts';

/** How `wx` changes pages. */
export interface Navigation {
  /** Returns `undefined` for a page that app.json does not list. */
  find(url: string): { path: string; options: Record<string, string> } | undefined;
  /** Returns `false` if the stack is full. */
  push(path: string, options: Record<string, string>): boolean;
  replace(path: string, options: Record<string, string>): void;
  restart(path: string, options: Record<string, string>): void;
  back(delta: number): void;
}

/** What {@link createWx} uses. */
export interface Phone {
  who: string;
  inWecom: boolean;
  serverUrl: string;
  life: AppLife;
  screen: Screen;
  navigation: Navigation;
}

/** Options of each asynchronous API of `wx`. */
export interface Callbacks {
  success?: (result: object) => void;
  fail?: (error: { errMsg: string }) => void;
  complete?: (result: object) => void;
}
type Options = Callbacks & Record<string, unknown>;

const consents: Record<string, string> = {
  getMobile: '手机号',
  getEmail: '邮箱',
  getAvatar: '头像',
  getQrCode: '二维码',
};

/** Creates the global `wx`. As on a phone, it has no `wx.qy` outside WeCom. */
export function createWx({ who, inWecom, serverUrl, life, screen, navigation }: Phone) {
  const { onAppShow, onAppHide, offAppShow, offAppHide } = life;
  const storage = createStorage(who);

  const turn = (name: string, go: (path: string, options: Record<string, string>) => unknown) =>
    api(name, ({ url }) => {
      const page = navigation.find(String(url));
      if (!page) throw new Error(`page "${String(url)}" is not found`);
      if (go(page.path, page.options) === false) throw new Error('webview count limit exceed');
    });

  /** Calls the simulated WeCom app. */
  const qy = (name: string) =>
    api(`qy.${name}`, async ({ timeout }) => {
      const asked = consents[name];
      if (
        asked &&
        !(await screen.dialog({
          title: '授权',
          content: `允许此小程序使用你的${asked}？`,
          confirmText: '允许',
          cancelText: '拒绝',
        }))
      ) {
        throw new Error('auth deny');
      }
      return askWecomApp(name, who, Number(timeout ?? 0));
    });

  const systemInfo = () => ({
    ...(inWecom && { environment: 'wxwork' }),
    brand: 'demo',
    model: 'browser',
    platform: 'devtools',
    system: 'browser',
    language: 'zh_CN',
    version: '8.0.50',
    SDKVersion: '3.4.0',
    pixelRatio: window.devicePixelRatio,
    theme: isDark() ? 'dark' : 'light',
    statusBarHeight: 0,
    windowWidth: window.innerWidth,
    windowHeight: window.innerHeight,
    screenWidth: window.innerWidth,
    screenHeight: window.innerHeight,
  });

  const sender = (name: Parameters<typeof createSender>[0]) => createSender(name, { serverUrl, who, life });
  const wx = {
    request: sender('request'),
    uploadFile: sender('uploadFile'),
    downloadFile: sender('downloadFile'),
    getFileSystemManager: () => fileSystem,
    chooseMedia: api('chooseMedia', async () => {
      const chosen = await chooseFile();
      return { type: 'image', tempFiles: [{ tempFilePath: storeFile(chosen), size: chosen.size }] };
    }),
    /** Functions as they are deployed here take none, so it fails: with a task, as on a phone. */
    connectSocket({ fail, complete }: Callbacks = {}) {
      screen.warn('wx.connectSocket（此处部署的云函数不支持 WebSocket，见 docs/develop.md）');
      const error = { errMsg: 'connectSocket:fail functions deployed here take no WebSocket' };
      let onError: ((error: object) => void) | undefined;
      const task = Object.fromEntries(
        ['onOpen', 'onMessage', 'onClose', 'send', 'close'].map((name) => [name, () => undefined]),
      );
      setTimeout(() => {
        fail?.(error);
        complete?.(error);
        onError?.(error);
      });
      return { ...task, onError: (listener: typeof onError) => void (onError = listener) };
    },
    env: { USER_DATA_PATH: 'wxfile://usr' },
    onAppShow,
    onAppHide,
    offAppShow,
    offAppHide,
    getSystemInfo: api('getSystemInfo', systemInfo),
    getSystemInfoSync: systemInfo,
    getAccountInfoSync: () => ({
      miniProgram: { appId: 'wxdemo0000000000', envVersion: 'develop', version: '' },
    }),
    getNetworkType: api('getNetworkType', () => ({ networkType: 'wifi' })),
    nextTick: (then: () => void) => queueMicrotask(then),

    navigateTo: turn('navigateTo', navigation.push),
    redirectTo: turn('redirectTo', navigation.replace),
    reLaunch: turn('reLaunch', navigation.restart),
    switchTab: api('switchTab', () => {
      throw new Error('can not switch to no-tabBar page');
    }),
    navigateBack: api('navigateBack', ({ delta }) => navigation.back(Number(delta ?? 1))),
    setNavigationBarTitle: api('setNavigationBarTitle', ({ title }) => {
      screen.showTitle(String(title));
    }),

    showToast: api('showToast', ({ title, duration, mask }) =>
      screen.showToast(String(title), duration === undefined ? undefined : Number(duration), Boolean(mask)),
    ),
    hideToast: api('hideToast', screen.hideToast),
    showLoading: api('showLoading', ({ title, mask }) =>
      screen.showToast(String(title), Infinity, Boolean(mask)),
    ),
    hideLoading: api('hideLoading', screen.hideToast),
    showModal: api('showModal', async ({ title, content, confirmText, cancelText, showCancel }) => {
      const confirm = await screen.dialog({
        title: textOr(title, ''),
        content: textOr(content, ''),
        confirmText: textOr(confirmText, '确定'),
        cancelText: showCancel === false ? '' : textOr(cancelText, '取消'),
      });
      return { confirm, cancel: !confirm };
    }),
    setClipboardData: api('setClipboardData', async ({ data }) => {
      // Not every browser allows this; the user sees the toast in any case.
      await navigator.clipboard?.writeText(String(data)).catch(() => undefined);
      screen.showToast('内容已复制');
    }),

    ...storage,
    getStorage: api('getStorage', ({ key }) => ({ data: storage.getStorageSync(String(key)) })),
    setStorage: api('setStorage', ({ key, data }) => storage.setStorageSync(String(key), data)),
    removeStorage: api('removeStorage', ({ key }) => storage.removeStorageSync(String(key))),

    ...(inWecom && {
      qy: {
        login: qy('login'),
        checkSession: qy('checkSession'),
        getEnterpriseUserInfo: qy('getEnterpriseUserInfo'),
        getMobile: qy('getMobile'),
        getEmail: qy('getEmail'),
        getAvatar: qy('getAvatar'),
        getQrCode: qy('getQrCode'),
      },
    }),
  };
  return warnOfUnknown(wx, screen);
}

/** A function that this phone does not have warns, on the screen and in the console, and fails; the page goes on. */
function warnOfUnknown<Wx extends object>(wx: Wx, screen: Screen): Wx {
  return new Proxy(wx, {
    get(target, name) {
      // What code may look for before it uses it is missing, as on an old phone.
      if (name in target || typeof name === 'symbol' || !/^(?!on|off|qy$|then$)[a-z]\w+$/.test(name)) {
        return Reflect.get(target, name) as unknown;
      }
      return api(name, () => {
        screen.warn(`wx.${name}`);
        throw new Error(`the demo has no wx.${name}`);
      });
    },
  });
}

/** Opens the browser's file dialog. */
function chooseFile(): Promise<Blob> {
  const input = document.createElement('input');
  input.type = 'file';
  return new Promise((resolve, reject) => {
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) resolve(file);
      else reject(new Error('cancel'));
    });
    input.addEventListener('cancel', () => reject(new Error('cancel')));
    input.click();
  });
}

async function askWecomApp(api: string, who: string, timeoutMs: number): Promise<object> {
  const request = new XMLHttpRequest();
  request.open('POST', `/wecom-app/${api}`);
  request.setRequestHeader('Content-Type', 'application/json');
  request.timeout = timeoutMs;
  return new Promise((resolve, reject) => {
    request.addEventListener('load', () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText) as object);
      else reject(new Error(request.responseText));
    });
    request.addEventListener('error', () => reject(new Error('network error')));
    request.addEventListener('timeout', () => reject(new Error('timeout')));
    request.send(JSON.stringify({ who }));
  });
}

/** Each phone has its own storage. */
function createStorage(who: string) {
  const prefix = `${who}:`;
  return {
    getStorageSync: (key: string): unknown => JSON.parse(localStorage.getItem(prefix + key) ?? '""'),
    setStorageSync: (key: string, value: unknown) =>
      localStorage.setItem(prefix + key, JSON.stringify(value)),
    removeStorageSync: (key: string) => localStorage.removeItem(prefix + key),
    clearStorageSync: () => {
      for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
    },
  };
}

function isDark() {
  return window.matchMedia?.('(prefers-color-scheme: dark)').matches ?? false;
}

/** Creates an API with callbacks, or with a promise if there are none. An error of `run` becomes the `errMsg`. */
function api(name: string, run: (options: Options) => unknown) {
  return (options: Options = {}): Promise<object> | undefined => {
    const promise = settled(name, options, run);
    if (!options.success && !options.fail && !options.complete) {
      return promise.then(({ ok, result }) => (ok ? result : Promise.reject(result)));
    }
    void call(promise, options);
    return undefined;
  };
}

async function settled(name: string, options: Options, run: (options: Options) => unknown) {
  try {
    const result = { ...((await run(options)) as object | undefined), errMsg: `${name}:ok` };
    return { ok: true, result } as const;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, result: { errMsg: `${name}:fail ${reason}` } } as const;
  }
}

async function call(promise: ReturnType<typeof settled>, options: Callbacks): Promise<void> {
  const { ok, result } = await promise;
  if (ok) options.success?.(result);
  else options.fail?.(result);
  options.complete?.(result);
}

function textOr(value: unknown, otherwise: string) {
  return typeof value === 'string' ? value : otherwise;
}

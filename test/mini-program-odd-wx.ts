// The wx of a phone in a random history: for each call, the next prepared oddity of its kind happens, or else the usual.
import {
  type AnswerInstead,
  answersInstead,
  type History,
  oddities,
  type Oddity,
  type QyFate,
  type RequestFate,
  type StorageFault,
  type SystemInfoFate,
} from './mini-program-histories.ts';
import type { VirtualTime } from './mini-program-virtual-time.ts';
import { corpid, type Login, otherCorpid, secret, type World } from './world.ts';

interface Callbacks {
  success(result?: unknown): void;
  fail(error?: unknown): void;
}

export interface WantedRequest extends Callbacks {
  url: string;
  method: string;
  data?: object;
  header: Record<string, string>;
}

export interface Answer {
  statusCode: number | string;
  header?: Record<string, string>;
  data: unknown;
}

/** What the history records of the client. */
export interface Watcher {
  broken(promise: string): void;
  sends(request: WantedRequest): void;
  hears(request: WantedRequest, answer: Answer): void;
  stores(value: unknown): void;
}

const wecomTimeoutMs = 10_000;
const answerMs = 5;
const lateMs = 15_000;
const oddity = (fate: string | undefined) => oddities.find((known) => known === fate);
/** A helper, because the linter forbids to throw it directly. */
const nothing: unknown = undefined;

export function createOddWx(
  { world, login }: { world: World; login: Login },
  { inWecom, tellsShow }: History,
  time: VirtualTime,
  watcher: Watcher,
) {
  const userid = world.addMember();
  const network = `81.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}.9`;
  const storage = new Map<string, unknown>();
  const listeners: Record<'show' | 'hide', (() => void)[]> = { show: [], hide: [] };
  const next = {
    qy: [] as QyFate[],
    request: [] as RequestFate[],
    systemInfo: [] as SystemInfoFate[],
    storage: [] as StorageFault[],
  };

  /** Calls a callback of the client as wx does: an exception is thrown inside wx. */
  function within(name: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      watcher.broken(`nothing is thrown in a callback of ${name}: ${String(error)}`);
    }
  }

  /** Calls the callbacks as the oddity says; `usual` is the documented result. */
  function odd(
    name: string,
    fate: Oddity | undefined,
    { success, fail }: Callbacks,
    usual: () => object,
  ): unknown {
    const errMsg = `${name}:fail system error`;
    const oddTypes = { code: 7, errMsg: 8, statusCode: {}, data: Symbol('data'), header: 9 };
    const calls: Record<Oddity | 'usual', (() => void)[]> = {
      usual: [() => success(usual())],
      late: [() => success(usual())],
      never: [],
      throws: [],
      'throws nothing': [],
      'promise rejects': [],
      'fail()': [() => fail()],
      'fail(null)': [() => fail(null)],
      'fail(text)': [() => fail(errMsg)],
      'fail(object)': [() => fail({ errMsg })],
      'fail(Error)': [() => fail(new Error(errMsg))],
      'fail(odd errMsg)': [() => fail({ errMsg: { deep: Symbol('errMsg') } })],
      'success()': [() => success()],
      'success(null)': [() => success(null)],
      'success(text)': [() => success('ok')],
      'success({})': [() => success({})],
      'success(odd types)': [() => success(oddTypes)],
      'fail then success': [() => fail({ errMsg }), () => success(usual())],
      'success then fail': [() => success(usual()), () => fail()],
      'success twice': [() => success(usual()), () => success(usual())],
    };
    if (fate === 'throws') throw new Error(errMsg);
    if (fate === 'throws nothing') throw nothing;
    if (fate === 'promise rejects') return Promise.reject(new Error(errMsg));
    const run = () => calls[fate ?? 'usual'].forEach((one) => within(`${name} (${fate ?? ''})`, one));
    time.setTimeout(run, fate === 'late' ? lateMs : 1);
    return undefined;
  }

  let loginOpen = false;
  let junkCodes = 0;
  function qyLogin(callbacks: Callbacks): unknown {
    const fate = next.qy.shift();
    if (loginOpen) watcher.broken('there is one wx.qy.login at a time');
    loginOpen = !['throws', 'throws nothing', 'promise rejects'].includes(fate ?? '');
    const closed = () => (loginOpen = false);
    // The client no longer waits, so another call is allowed.
    time.setTimeout(closed, wecomTimeoutMs - 1);
    const closing: Callbacks = {
      success: (...result) => (closed(), callbacks.success(...result)),
      fail: (...error) => (closed(), callbacks.fail(...error)),
    };
    const newCode = () => (fate === 'junk code' ? `junk-${(junkCodes += 1)}` : world.jsCode(userid));
    return odd('qy.login', oddity(fate), closing, () => ({ code: newCode(), errMsg: 'login:ok' }));
  }

  /** A reviewer has no session_key in WeCom. */
  function encrypted(): object {
    try {
      const data = world.wecom.encryptUserData({ userid, corpid }, { mobile: secret('13900001111') });
      return { encryptedData: data.encrypted_data, iv: data.iv };
    } catch {
      return { encryptedData: 'AAAA', iv: 'AAAA' };
    }
  }

  const qyData = (name: string) => (callbacks: Callbacks) =>
    odd(name, oddity(next.qy.shift()), callbacks, encrypted);
  const qy = {
    login: qyLogin,
    checkSession: (callbacks: Callbacks) =>
      odd('qy.checkSession', oddity(next.qy.shift()), callbacks, () => ({ expireIn: 600 })),
    getEnterpriseUserInfo: qyData('qy.getEnterpriseUserInfo'),
    getMobile: qyData('qy.getMobile'),
  };

  function request(wanted: WantedRequest): unknown {
    watcher.sends(wanted);
    const fate = next.request.shift();
    const { success, fail } = wanted;
    const fails = (reason: string) => () =>
      within('request', () => fail({ errMsg: `request:fail ${reason}` }));
    const answered = (answer: Answer) => {
      watcher.hears(wanted, answer);
      within('request', () => success(answer));
    };
    if (fate !== undefined && fate in answersInstead) {
      time.setTimeout(() => answered(insteadOf(fate as AnswerInstead)), answerMs);
    } else if (oddity(fate) !== undefined) {
      return odd('request', oddity(fate), wanted, () => ({ statusCode: 200, header: {}, data: {} }));
    } else if (fate?.startsWith('unsent: ')) {
      time.setTimeout(fails(fate.slice('unsent: '.length)), answerMs);
    } else if (fate?.startsWith('lost: ')) {
      void time.during(reach(wanted).then(fails(fate.slice('lost: '.length))));
    } else if (fate === 'abort throws') {
      // No response either, so that it is aborted.
      return { abort: () => odd('abort', 'throws', wanted, Object) };
    } else {
      void time.during(reach(wanted).then((answer) => answered(reshaped(answer, fate))));
      if (fate === 'no task') return undefined;
    }
    return { abort: () => undefined };
  }

  /** Any response of a download is stored. */
  let stored = '';
  const storing = (wanted: WantedRequest): WantedRequest => ({
    ...wanted,
    method: 'GET',
    success(result) {
      const { data } = Object(result) as { data?: unknown };
      stored = JSON.stringify(data) ?? '';
      wanted.success({ ...Object(result), data: undefined, tempFilePath: 'wxfile://tmp' });
    },
  });

  /** A handshake, of which wx tells no status. */
  function connectSocket(wanted: WantedRequest): unknown {
    const heard: Record<string, (result: object) => void> = {};
    const on = (name: string) => (listener: (result: object) => void) => void (heard[name] = listener);
    const opening = request({
      ...wanted,
      url: wanted.url.replace(/^ws/, 'http'),
      method: 'GET',
      success: (result) =>
        Number((Object(result) as { statusCode?: unknown }).statusCode) < 300
          ? heard['open']?.({})
          : heard['error']?.({ errMsg: 'bad response' }),
      fail: () => heard['error']?.({ errMsg: 'bad response' }),
    });
    void Promise.resolve(opening).catch(() => heard['error']?.({ errMsg: 'bad response' }));
    const close = () => within('onClose', () => heard['close']?.({ code: 1000, reason: '' }));
    return {
      close,
      onOpen: on('open'),
      onError: on('error'),
      onClose: on('close'),
      onMessage: on('message'),
    };
  }

  /** Over real HTTP. `/own` is a function that only checks who is calling. */
  async function reach({ url, method, data, header }: WantedRequest): Promise<Answer> {
    const own = new URL(url).pathname.startsWith('/own');
    const response = await fetch(own ? url.replace(/\/own.*/, '/session') : url, {
      method: own ? 'GET' : method,
      headers: { ...header, 'X-Forwarded-For': network },
      ...(data !== undefined && !own && { body: JSON.stringify(data) }),
    });
    const text = await response.text();
    const body: unknown = text === '' ? '' : JSON.parse(text);
    const { session_token: token } = Object(body) as { session_token?: unknown };
    if (typeof token === 'string') secret(token);
    return {
      statusCode: response.status,
      header: Object.fromEntries(response.headers),
      data: own && response.ok ? { done: true } : body,
    };
  }

  return {
    next,
    /** Before the last login: cancels the remaining oddities. */
    heal: () => Object.values(next).forEach((fates) => fates.splice(0)),

    hide(): void {
      if (time.hidden()) return;
      time.hide();
      for (const listener of listeners.hide) within('onAppHide', listener);
    },
    show(): void {
      if (!time.hidden()) return;
      time.show();
      if (tellsShow) for (const listener of listeners.show) within('onAppShow', listener);
    },

    /** Ends this session without telling the phone. */
    endSession: (authorization: string) => login.send('DELETE', '/session', { headers: { authorization } }),

    wx: {
      get qy() {
        if (!inWecom) return undefined;
        const [fate] = next.qy;
        if (fate !== 'absent' && fate !== 'without functions') return qy;
        next.qy.shift();
        return fate === 'absent' ? undefined : {};
      },
      request,
      uploadFile: (wanted: WantedRequest) => request({ ...wanted, method: 'POST' }),
      downloadFile: (wanted: WantedRequest) => request(storing(wanted)),
      connectSocket,
      getFileSystemManager: () => ({
        readFile: ({ success }: Callbacks) => time.setTimeout(() => success({ data: stored }), 1),
        unlink: () => undefined,
      }),
      getSystemInfo(callbacks: Callbacks) {
        const fate = next.systemInfo.shift();
        const elsewhere = !inWecom || fate === 'elsewhere';
        const usual = () => (elsewhere ? { platform: 'ios' } : { environment: 'wxwork' });
        return odd('getSystemInfo', oddity(fate), callbacks, usual);
      },
      getStorageSync(key: string): unknown {
        const fault = next.storage[0] === 'set throws' ? undefined : next.storage.shift();
        if (fault === 'get throws') throw new Error('getStorageSync:fail');
        if (fault === 'junk') return { a: 1 };
        if (fault === 'other company') return otherCorpid;
        return fault === 'no company' ? 'wwnobody' : (storage.get(key) ?? '');
      },
      setStorageSync(key: string, value: unknown): void {
        watcher.stores(value);
        if (next.storage[0] !== 'set throws') return void storage.set(key, value);
        next.storage.shift();
        throw new Error('setStorageSync:fail exceed');
      },
      onAppShow: (listener: () => void) => void listeners.show.push(listener),
      onAppHide: (listener: () => void) => void listeners.hide.push(listener),
    },
  };
}

function insteadOf(name: AnswerInstead): Answer {
  const [statusCode, data, retryAfter] = answersInstead[name] as [number, unknown, string?];
  return { statusCode, data, header: { ...(retryAfter !== undefined && { 'RETRY-AFTER': retryAfter }) } };
}

function reshaped(answer: Answer, fate: RequestFate | undefined): Answer {
  const { statusCode, header: _, data } = answer;
  if (fate === 'status as text') return { ...answer, statusCode: String(statusCode) };
  if (fate === 'data as text') return { ...answer, data: JSON.stringify(data) };
  return fate === 'no headers' ? { statusCode, data } : answer;
}

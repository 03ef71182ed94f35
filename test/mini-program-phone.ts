import {
  createServer,
  type IncomingMessage,
  request as requestOverHttp,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished, vi } from 'vitest';
import { createWecomLogin, toLoginError, type WecomLoginError } from '../miniprogram/wecom-login.ts';
import { compiled, openClient } from './mini-program-old-runtime.ts';
import { corpid, type Login, secret, type World } from './world.ts';

interface Callbacks {
  success(result: object): void;
  fail(error: { errMsg: string; errCode?: number }): void;
}

interface Sent {
  method: string;
  path: string;
  body: Record<string, unknown>;
  authorization: string | undefined;
}

/** What the WeCom client does instead of its usual response: fail with a text, return this, or never respond. */
type QyInstead = { fail: string; errCode?: number } | { answer: object } | 'hang';

type ClientChanges = Partial<Parameters<typeof createWecomLogin>[0]>;

export type Phone = ReturnType<typeof openPhone>;

/**
 * Creates the `wx` of one phone for the rest of this test. Requests use real HTTP, codes and encrypted data come from the
 * simulated WeCom, and everything is counted. `qy: false` is ordinary WeChat. Not every WeCom has `checkSession`.
 */
export function openPhone(
  world: World,
  options: { userid?: string; corpid?: string; qy?: boolean; checkSession?: boolean } = {},
) {
  const person = { userid: options.userid ?? 'ZhangSan', corpid: options.corpid ?? corpid };
  const sent: Sent[] = [];
  const storage = new Map<string, unknown>();
  const listeners: Record<'show' | 'hide', (() => void)[]> = { show: [], hide: [] };
  let hung: ((success: Callbacks['success']) => void) | undefined;
  const phone = {
    person,
    sent,
    storage,
    /** Whether the answer of wx.downloadFile has the headers, as on many phones, or only its task, as documented. */
    answersHaveHeaders: false,
    /** Contents of the phone's files, by path. */
    files: new Map<string, string>(),
    /** Number of calls of each function of wx.qy. */
    asked: { login: 0, checkSession: 0, getEnterpriseUserInfo: 0, getMobile: 0, getSystemInfo: 0 },
    /** What happens to the next calls of wx.qy.login, wx.qy.get… and wx.getSystemInfo, and of wx.request, instead. */
    nextQy: [] as QyInstead[],
    nextSystemInfo: [] as QyInstead[],
    nextRequest: [] as (string | ((reach: () => void, fail: (errMsg: string) => void) => void))[],
    /** What `wx.getAccountInfoSync` does; in WeCom it may not tell the version. */
    accountInfo: (): object => ({ miniProgram: { appId: 'wx0' } }),
    /** Returns the requests that arrived at a path. */
    to: (path: string) => sent.filter((request) => request.path === path),
    /** Resolves with the `success` of the next call of wx.qy that hangs. */
    hung: () => new Promise<Callbacks['success']>((resolve) => (hung = resolve)),
    hide: () => listeners.hide.forEach((listener) => listener()),
    show: () => listeners.show.forEach((listener) => listener()),
    client: (login: Login | string, changes: ClientChanges = {}) =>
      createWecomLogin({ serverUrl: typeof login === 'string' ? login : login.url, ...changes }),
    /** The waits that a quick client skipped. */
    skippedMs: [] as number[],
    /**
     * Creates a compiled client that skips waits of `quick.fromMs` to `quick.toMs`: `quick.skip` is called with what
     * comes after the wait.
     */
    quickClient(
      serverUrl: string,
      quick: { fromMs: number; toMs: number; skip?: (run: () => void) => void },
      changes: ClientChanges = {},
    ) {
      const surroundings = {
        wx: (globalThis as unknown as { wx: object }).wx,
        setTimeout(run: () => void, ms: number) {
          if (ms < quick.fromMs || ms > quick.toMs) return setTimeout(run, ms);
          phone.skippedMs.push(ms);
          if (quick.skip) return quick.skip(run);
          return setTimeout(run, 0);
        },
        clearTimeout,
        now: Date.now,
      };
      const code = compiled('miniprogram/wecom-login.ts');
      return openClient(code, surroundings).createWecomLogin({ serverUrl, ...changes });
    },
  };

  const qyCall =
    (name: keyof typeof phone.asked, queue: () => QyInstead | undefined, usual: () => object) =>
    ({ success, fail }: Callbacks) => {
      phone.asked[name] += 1;
      const instead = queue();
      if (instead === 'hang') return hung?.(success);
      setImmediate(() => {
        if (instead && 'fail' in instead) {
          const { fail: errMsg, errCode } = instead;
          fail({ errMsg, ...(errCode !== undefined && { errCode }) });
        } else success(instead?.answer ?? usual());
      });
    };
  const qy = () => phone.nextQy.shift();
  const encrypted = () => {
    const data = world.wecom.encryptUserData(person, { mobile: secret('13900001111') });
    return { encryptedData: data.encrypted_data, iv: data.iv };
  };

  /** A function of wx that sends something; `send` does it over real HTTP. */
  const sender =
    <Wanted extends ToSend>(send: (wanted: Wanted, aborted: AbortSignal) => Promise<object>) =>
    (wanted: Wanted) => {
      const instead = phone.nextRequest.shift();
      const aborted = new AbortController();
      const fail = (errMsg: string) => void setImmediate(() => wanted.fail({ errMsg }));
      async function reach() {
        const { url, method = wanted.filePath === undefined ? 'GET' : 'POST', data, header } = wanted;
        const { pathname, search } = new URL(url);
        const { Authorization: authorization } = header;
        sent.push({ method, path: pathname + search, body: { ...data }, authorization });
        const signal = AbortSignal.any([aborted.signal, AbortSignal.timeout(wanted.timeout)]);
        try {
          wanted.success(await send(wanted, signal));
        } catch (error) {
          const name = error instanceof Error ? error.name : '';
          fail(name === 'TimeoutError' ? 'request:fail timeout' : 'request:fail ');
        }
      }
      if (typeof instead === 'string') fail(instead);
      else if (instead) instead(() => void reach(), fail);
      else void reach();
      let heard: ((update: { progress: number }) => void) | undefined;
      setImmediate(() => heard?.({ progress: 50 }));
      const onProgressUpdate = (listener: typeof heard) => (heard = listener);
      const onHeadersReceived = (listener: typeof wanted.heardHeaders) =>
        Object.assign(wanted, { heardHeaders: listener });
      return { abort: () => aborted.abort(), onProgressUpdate, onHeadersReceived };
    };

  vi.stubGlobal('wx', {
    request: sender(sendRequest),
    uploadFile: sender(async ({ url, header, filePath = '', name, formData = {} }: UploadToSend, signal) => {
      const body = new FormData();
      for (const [part, value] of Object.entries(formData)) body.append(part, value);
      body.append(name, new Blob([phone.files.get(filePath) ?? '']), 'photo.jpg');
      const response = await fetch(url, { method: 'POST', headers: header, body, signal });
      return { statusCode: response.status, data: await response.text() };
    }),
    downloadFile: sender(async (wanted: ToSend, signal) => {
      const { url, header, filePath } = wanted;
      const response = await fetch(url, { headers: header, signal });
      const answered = { header: Object.fromEntries(response.headers) };
      wanted.heardHeaders?.(answered);
      const stored = filePath ?? `wxfile://tmp_${phone.files.size}`;
      phone.files.set(stored, await response.text());
      const where = filePath === undefined ? { tempFilePath: stored } : { filePath: stored };
      return { statusCode: response.status, ...where, ...(phone.answersHaveHeaders && answered) };
    }),
    connectSocket: (wanted: SocketToOpen) => openSocket(wanted, sent),
    getFileSystemManager: () => ({
      readFile: ({ filePath, success, fail }: Callbacks & { filePath: string }) => {
        const data = phone.files.get(filePath);
        setImmediate(() => (data === undefined ? fail({ errMsg: 'readFile:fail' }) : success({ data })));
      },
      unlink: ({ filePath }: { filePath: string }) => void phone.files.delete(filePath),
    }),
    getAccountInfoSync: () => phone.accountInfo(),
    getSystemInfo: qyCall(
      'getSystemInfo',
      () => phone.nextSystemInfo.shift(),
      () => ({ platform: 'ios' }),
    ),
    getStorageSync: (key: string) => storage.get(key) ?? '',
    setStorageSync: (key: string, value: unknown) => void storage.set(key, value),
    onAppShow: (listener: () => void) => void listeners.show.push(listener),
    onAppHide: (listener: () => void) => void listeners.hide.push(listener),
    ...(options.qy !== false && {
      qy: {
        login: qyCall('login', qy, () => ({
          code: world.jsCode(person.userid, person.corpid),
          errMsg: 'login:ok',
        })),
        getEnterpriseUserInfo: qyCall('getEnterpriseUserInfo', qy, encrypted),
        getMobile: qyCall('getMobile', qy, encrypted),
        ...(options.checkSession === true && {
          checkSession: qyCall('checkSession', qy, () => ({ expireIn: 600 })),
        }),
      },
    }),
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  return phone;
}

interface ToSend extends Callbacks {
  url: string;
  method?: string;
  data?: object;
  header: Record<string, string>;
  timeout: number;
  filePath?: string;
  heardHeaders?: (answered: { header: object }) => void;
}

interface UploadToSend extends ToSend {
  name: string;
  formData?: Record<string, string>;
}

/** `wx.request` as phones do it: any status is a success, JSON becomes a value, anything else stays text. */
async function sendRequest({ url, method = 'GET', data, header }: ToSend, signal: AbortSignal) {
  const body = data === undefined ? {} : { body: JSON.stringify(data) };
  const response = await fetch(url, { method, headers: header, signal, ...body });
  // Phones differ: some keep the server's spelling, some use lower case, some their own.
  const headers = [...response.headers].map(([name, value]) => [name.toUpperCase(), value]);
  return {
    statusCode: response.status,
    header: Object.fromEntries(headers),
    data: jsonOr(await response.text()),
  };
}

interface SocketToOpen extends ToSend {
  protocols?: string[];
}

/** `wx.connectSocket`: a real handshake, and of the frames only short texts of the server. */
function openSocket({ url, header, protocols = [] }: SocketToOpen, sent: Sent[]) {
  type Name = 'open' | 'message' | 'close' | 'error';
  const heard: Partial<Record<Name, (result: object) => void>> = {};
  const on = (name: Name) => (listener: (result: object) => void) => void (heard[name] = listener);
  const { pathname } = new URL(url);
  sent.push({ method: 'WS', path: pathname, body: {}, authorization: header['Authorization'] });
  const handshake = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...(protocols.length > 0 && { 'Sec-WebSocket-Protocol': protocols.join(', ') }),
  };
  const outgoing = requestOverHttp(url.replace(/^ws/, 'http'), { headers: { ...header, ...handshake } });
  // As on iOS: the status is not named.
  const refused = () => heard.error?.({ errMsg: 'There was a bad response from the server.' });
  outgoing.on('response', refused).on('error', refused);
  let close = () => void outgoing.destroy();
  outgoing.on('upgrade', (_, socket, head) => {
    close = () => void socket.destroy();
    socket.on('data', (frame: Buffer) => heard.message?.({ data: frame.subarray(2).toString() }));
    socket.on('close', () => heard.close?.({ code: 1006, reason: '' }));
    heard.open?.({});
    socket.unshift(head);
  });
  outgoing.end();
  return {
    send: () => undefined,
    close: () => close(),
    onOpen: on('open'),
    onMessage: on('message'),
    onClose: on('close'),
    onError: on('error'),
  };
}

function jsonOr(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Returns the error that the promise rejects with; fails if it resolves. */
export async function errorOf(promise: Promise<unknown>): Promise<WecomLoginError> {
  const [result] = await Promise.allSettled([promise]);
  if (result.status === 'fulfilled') throw new Error(`no error, but ${JSON.stringify(result.value)}`);
  // The error of a compiled client is from another context.
  const { name } = Object(result.reason) as { name?: unknown };
  return name === 'WecomLoginError' ? (result.reason as WecomLoginError) : toLoginError(result.reason);
}

/** Starts another server and returns its address. */
export async function serve(
  answer: (request: IncomingMessage & { body: string }, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => answer(Object.assign(request, { body }), response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends the session that this phone uses, without telling it. */
export async function endSession(login: Login, phone: Phone): Promise<void> {
  const bearer = phone.sent.findLast(({ authorization }) => authorization !== undefined)?.authorization ?? '';
  const { status } = await login.send('DELETE', '/session', { headers: { authorization: bearer } });
  if (status !== 204) throw new Error(`there was no session to end: ${status}`);
}

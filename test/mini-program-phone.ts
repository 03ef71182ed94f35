import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished, vi } from 'vitest';
import { createWecomLogin, toLoginError, type WecomLoginError } from '../miniprogram/wecom-login.ts';
import { compiled, openClient } from './mini-program-old-runtime.ts';
import { corpid, type Login, secret, type World } from './world.ts';

interface Callbacks {
  success(result: object): void;
  fail(error: { errMsg: string }): void;
}

interface Sent {
  method: string;
  path: string;
  body: Record<string, unknown>;
  authorization: string | undefined;
}

/** What the WeCom client does instead of its usual response: fail with a text, return this, or never respond. */
type QyInstead = { fail: string } | { answer: object } | 'hang';

export type Phone = ReturnType<typeof openPhone>;

/**
 * Creates the `wx` of one phone for the rest of this test. Requests use real HTTP, codes and encrypted data come from the
 * simulated WeCom, and everything is counted. `qy: false` is ordinary WeChat.
 */
export function openPhone(world: World, options: { userid?: string; corpid?: string; qy?: boolean } = {}) {
  const person = { userid: options.userid ?? 'ZhangSan', corpid: options.corpid ?? corpid };
  const sent: Sent[] = [];
  const storage = new Map<string, unknown>();
  const listeners: Record<'show' | 'hide', (() => void)[]> = { show: [], hide: [] };
  const phone = {
    person,
    sent,
    storage,
    /** Number of calls of each function of wx.qy. */
    asked: { login: 0, getEnterpriseUserInfo: 0, getMobile: 0, getSystemInfo: 0 },
    /** What happens to the next calls of wx.qy.login, wx.qy.get… and wx.getSystemInfo, and of wx.request, instead. */
    nextQy: [] as QyInstead[],
    nextSystemInfo: [] as QyInstead[],
    nextRequest: [] as (string | ((reach: () => void, fail: (errMsg: string) => void) => void))[],
    /** Returns the requests that arrived at a path. */
    to: (path: string) => sent.filter((request) => request.path === path),
    hide: () => listeners.hide.forEach((listener) => listener()),
    show: () => listeners.show.forEach((listener) => listener()),
    client: (login: Login | string, changes: Partial<Parameters<typeof createWecomLogin>[0]> = {}) =>
      createWecomLogin({ serverUrl: typeof login === 'string' ? login : login.url, ...changes }),
    /** The waits that a quick client skipped. */
    skippedMs: [] as number[],
    /** Creates a compiled client that skips waits of `quick.fromMs` to `quick.toMs`. */
    quickClient(serverUrl: string, quick: { fromMs: number; toMs: number }) {
      const surroundings = {
        wx: (globalThis as unknown as { wx: object }).wx,
        setTimeout(run: () => void, ms: number) {
          if (ms < quick.fromMs || ms > quick.toMs) return setTimeout(run, ms);
          phone.skippedMs.push(ms);
          return setTimeout(run, 0);
        },
        clearTimeout,
        now: Date.now,
      };
      const code = compiled('miniprogram/wecom-login.ts');
      return openClient(code, surroundings).createWecomLogin({ serverUrl });
    },
  };

  const qyCall =
    (name: keyof typeof phone.asked, queue: () => QyInstead | undefined, usual: () => object) =>
    ({ success, fail }: Callbacks) => {
      phone.asked[name] += 1;
      const instead = queue();
      if (instead === 'hang') return;
      setImmediate(() => {
        if (instead && 'fail' in instead) fail({ errMsg: instead.fail });
        else success(instead?.answer ?? usual());
      });
    };
  const qy = () => phone.nextQy.shift();
  const encrypted = () => {
    const data = world.wecom.encryptUserData(person, { mobile: secret('13900001111') });
    return { encryptedData: data.encrypted_data, iv: data.iv };
  };

  vi.stubGlobal('wx', {
    request(wanted: RequestToSend) {
      const instead = phone.nextRequest.shift();
      const aborted = new AbortController();
      const reach = () => void send(wanted, sent, aborted.signal);
      const fail = (errMsg: string) => void setImmediate(() => wanted.fail({ errMsg }));
      if (typeof instead === 'string') fail(instead);
      else if (instead) instead(reach, fail);
      else reach();
      return { abort: () => aborted.abort() };
    },
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
      },
    }),
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  return phone;
}

interface RequestToSend extends Callbacks {
  url: string;
  method: string;
  data?: object;
  header: Record<string, string>;
  timeout: number;
}

/** `wx.request` as phones do it: any status is a success, JSON becomes a value, anything else stays text. */
async function send(
  { url, method, data, header, timeout, success, fail }: RequestToSend,
  sent: Sent[],
  aborted: AbortSignal,
) {
  const { pathname, search } = new URL(url);
  sent.push({
    method,
    path: pathname + search,
    body: { ...data },
    authorization: header['Authorization'],
  });
  try {
    const response = await fetch(url, {
      method,
      headers: header,
      signal: AbortSignal.any([aborted, AbortSignal.timeout(timeout)]),
      ...(data !== undefined && { body: JSON.stringify(data) }),
    });
    const body = await response.text();
    // Phones differ: some keep the server's spelling, some use lower case, some their own.
    const headers = [...response.headers].map(([name, value]) => [name.toUpperCase(), value]);
    success({ statusCode: response.status, header: Object.fromEntries(headers), data: jsonOr(body) });
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    fail({ errMsg: name === 'TimeoutError' ? 'request:fail timeout' : 'request:fail ' });
  }
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

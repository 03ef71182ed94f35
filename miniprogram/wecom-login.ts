/**
 * The login of a WeCom (企业微信) mini-program, in one file that imports nothing: copy it into any mini-program.
 *
 * The session_token stays in memory: storage can be read by whoever holds the device, and in WeCom a new login costs
 * nobody a tap. Which environment this is only decides what a page shows; who may enter is decided by the server.
 */

/** What can go wrong on this side; all other codes are the server's. */
export const clientErrorCodes = [
  'not_in_wecom',
  'wecom_too_old',
  'wecom_login_failed',
  'wecom_timeout',
  'userdata_not_given',
  'server_url_missing',
  'server_url_refused',
  'url_not_trusted',
  'offline',
  'server_timeout',
  'interrupted',
  'bad_server_answer',
  'reviewer_session_ended',
  'logged_out',
  'unexpected',
] as const;

export type ClientErrorCode = (typeof clientErrorCodes)[number];

export interface WecomLoginErrorDetails {
  /** HTTP status, when the server answered. */
  status?: number;
  /** By which the operator finds this request in the log. */
  requestId?: string;
  /** How long the server asks to wait, whole seconds. */
  retryAfterSeconds?: number;
  /** Only with `login_again`: the company whose hint the next login carries. */
  corpid?: string;
  /** What wx or the runtime said, for the developer. */
  detail?: string;
}

/** Everything this client rejects with; decide by `code`. */
export class WecomLoginError extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly corpid: string | undefined;
  readonly detail: string | undefined;

  constructor(code: string, details: WecomLoginErrorDetails = {}) {
    super(code);
    this.name = 'WecomLoginError';
    this.code = code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.corpid = details.corpid;
    this.detail = details.detail;
  }
}

/** Whatever was thrown, as a {@link WecomLoginError}; a bug becomes `unexpected`. */
export function toLoginError(thrown: unknown): WecomLoginError {
  // By name: compiled to ES5, `instanceof` does not know what extends Error.
  if (thrown instanceof Error && thrown.name === 'WecomLoginError') return thrown as WecomLoginError;
  return new WecomLoginError('unexpected', { detail: String(thrown) });
}

export interface Member {
  corpid: string;
  userid: string;
  name: string;
  /** Departments by id, as far as the app may see them. */
  department: number[];
  position: string;
}

/** Who is logged in. The session_token is not in it: only {@link WecomLogin.request} needs it. */
export type Session = {
  /** When it ends if it is not used, by the clock of this device, Unix time in ms. */
  endsAtMs: number;
} & ({ role: 'member'; member: Member } | { role: 'reviewer'; member?: undefined });

export interface RequestOptions {
  /** A path on `serverUrl`, or a whole address of one of `otherBackends`. */
  url: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON, with GET as query. */
  data?: object;
  header?: Record<string, string>;
  timeoutMs?: number;
}

/** What WeCom's client hands out encrypted. `getMobile`, `getEmail` and `getQrCode` ask the member each time. */
export type UserdataKind = 'getEnterpriseUserInfo' | 'getMobile' | 'getEmail' | 'getAvatar' | 'getQrCode';

export interface WecomLoginOptions {
  /** `https://…` where the login function answers. */
  serverUrl: string;
  /** Other addresses (`https://host` or `https://host/path`) that may receive the session_token; none by default. */
  otherBackends?: readonly string[];
  /** For one answer of the server; 12,000 by default, a little more than a login takes at worst. */
  requestTimeoutMs?: number;
  /** For one answer of `wx.qy.login`; 10,000 by default. */
  wecomTimeoutMs?: number;
  /** All waiting that the server asks for within one call; 10,000 by default. */
  waitMsMax?: number;
}

export type WecomLogin = ReturnType<typeof createWecomLogin>;

interface Held {
  sessionToken: string;
  session: Session;
}

const waitsMax = 3;
const interruptionsMax = 2;
/** After this long no further try of one call begins; time in the background does not count. */
const tryingMsMax = 30_000;
/** A member reads a question of WeCom's before he answers it. */
const consentTimeoutMs = 120_000;
const environmentTimeoutMs = 1500;
const hintKey = 'wecom-login-corpid';

/** The client of one login function; make one for the whole mini-program. All its promises reject with {@link WecomLoginError}. */
export function createWecomLogin(options: WecomLoginOptions) {
  const { requestTimeoutMs = 12_000, wecomTimeoutMs = 10_000, waitMsMax = 10_000 } = options;
  const serverUrl = options.serverUrl.trim().replace(/\/+$/, '');
  const foreground = watchForeground();
  let held: Held | undefined;
  let running: Promise<Held> | undefined;
  /** What the reviewer typed whose login is `running`. */
  let typed: string | undefined;
  let leftOnPurpose = false;
  let known: 'wecom' | 'wechat' | undefined;

  /**
   * Where this runs, for the looks of a page; anybody can fake it. Never rejects.
   * @see https://developer.work.weixin.qq.com/document/path/91510
   */
  async function environment(): Promise<'wecom' | 'wechat'> {
    if (known === undefined && typeof wx.qy?.login === 'function') known = 'wecom';
    if (known !== undefined) return known;
    const info = await settle<SystemInfo>(
      // In WeCom the newer functions are missing, or lack `environment` on phones.
      (callbacks) => wx.getSystemInfo(callbacks),
      environmentTimeoutMs,
      'unexpected',
      'unexpected',
    ).catch((): SystemInfo => ({}));
    const found = info.environment === 'wxwork' ? 'wecom' : 'wechat';
    // Some versions answer {} on an error: that is no answer to keep.
    if (Object.keys(info).length > 0) known = found;
    return found;
  }

  /** One exchange with the server. */
  async function call(
    url: string,
    { method = 'GET', data, header, timeoutMs = requestTimeoutMs }: Omit<RequestOptions, 'url'>,
    sessionToken?: string,
  ): Promise<unknown> {
    const authorization: Record<string, string> =
      sessionToken === undefined ? {} : { Authorization: `Bearer ${sessionToken}` };
    let task: { abort?: () => void } | undefined;
    const answer = await settle<HttpAnswer>(
      (callbacks) => {
        task = wx.request({
          url,
          method,
          ...(data !== undefined && { data }),
          header: { 'Content-Type': 'application/json', ...header, ...authorization },
          timeout: timeoutMs,
          ...callbacks,
        });
      },
      // wx's own timeout first, where it is supported; ours for what hangs all the same.
      timeoutMs + 500,
      'server_timeout',
      codeOfFailure,
    ).catch((error: unknown) => {
      task?.abort?.();
      throw error;
    });
    return bodyOf(answer);
  }

  const ask = (path: string, request: Omit<RequestOptions, 'url'>, sessionToken?: string) =>
    call(`${validServerUrl(serverUrl)}${path}`, request, sessionToken);

  /**
   * Tries until it works or nothing more can be done about what goes wrong: `mend` may do something about an error and
   * answer true; the server's wish to wait is met; what broke because the app was in the background is repeated when it
   * is back, if it may be `repeated`.
   */
  async function persevere<Result>(
    attempt: () => Promise<Result>,
    repeated: boolean,
    mend: (error: WecomLoginError) => boolean | Promise<boolean>,
  ): Promise<Result> {
    const startedMs = foreground.shownMs();
    let waitMsLeft = waitMsMax;
    let waits = 0;
    let interruptions = 0;
    for (;;) {
      const hides = foreground.hides();
      try {
        return await attempt();
      } catch (thrown) {
        const error = toLoginError(thrown);
        const interrupted =
          error.code === 'interrupted' ||
          (foreground.hides() > hides && stoppedByHiding.includes(error.code));
        if (repeated && interrupted && interruptions < interruptionsMax) {
          interruptions += 1;
          await foreground.shown();
          continue;
        }
        if (foreground.shownMs() - startedMs > tryingMsMax) throw error;
        if (await mend(error)) continue;
        const asked = error.code === 'temporarily_unavailable' || error.code === 'rate_limited';
        const waitMs = (error.retryAfterSeconds ?? 1) * 1000;
        if (!asked || waits >= waitsMax || waitMs > waitMsLeft) throw error;
        waits += 1;
        waitMsLeft -= waitMs;
        // A little apart, so that all who were told the same do not come back in the same moment.
        await new Promise((resolve) => setTimeout(resolve, waitMs * (1 + Math.random() / 5)));
      }
    }
  }

  /** `wx.qy.login`; every call gives a new code, good for one exchange. */
  async function newJsCode(): Promise<string> {
    const qy = wx.qy;
    if (typeof qy?.login !== 'function') {
      throw new WecomLoginError((await environment()) === 'wecom' ? 'wecom_too_old' : 'not_in_wecom');
    }
    const { code, errMsg } = await settle<{ code?: string; errMsg?: string }>(
      (callbacks) => qy.login(callbacks),
      wecomTimeoutMs,
      'wecom_timeout',
      'wecom_login_failed',
    );
    if (!code) throw new WecomLoginError('wecom_login_failed', { detail: errMsg ?? '' });
    return code;
  }

  async function logIn(): Promise<Held> {
    let corpid = rememberedCorpid();
    const mended = new Set<string>();
    const body = await persevere(
      async () => {
        const url = `${validServerUrl(serverUrl)}/login`;
        const data = { js_code: await newJsCode(), ...(corpid !== '' && { corpid }) };
        // With the session that this one replaces, so that the server ends it.
        return call(url, { method: 'POST', data }, held?.sessionToken);
      },
      true,
      (error) => {
        if (error.code === 'login_again' && error.corpid !== undefined) {
          corpid = error.corpid;
          rememberCorpid(corpid);
        } else if (error.code !== 'invalid_js_code') return false;
        if (mended.has(error.code)) return false;
        mended.add(error.code);
        return true;
      },
    ).catch((error: unknown) => {
      forgetRefused(toLoginError(error));
      throw error;
    });
    return keep(body);
  }

  function keep(body: unknown): Held {
    const { session_token: sessionToken } = (body ?? {}) as { session_token?: unknown };
    const session = sessionOf(body);
    if (typeof sessionToken !== 'string' || !session) throw new WecomLoginError('bad_server_answer');
    held = { sessionToken, session };
    return held;
  }

  /** A member who may not enter any more has no session left to try. */
  function forgetRefused({ code }: WecomLoginError): void {
    if (code === 'corp_not_allowed' || code === 'member_not_allowed') held = undefined;
  }

  /** Never two logins at once: whoever comes while one is under way gets what that one brings. */
  function oneAtATime(work: () => Promise<Held>): Promise<Held> {
    if (!running) {
      running = work().finally(() => {
        running = undefined;
        typed = undefined;
      });
    }
    return running;
  }

  /** Joins only a login with the same credentials: any other one brings a session for somebody else. */
  async function enterAsReviewer(account: string, password: string): Promise<Held> {
    const data = { account, password };
    const typing = JSON.stringify(data);
    if (running && typed !== typing) {
      await running.catch(() => undefined);
      if (leftOnPurpose) throw new WecomLoginError('logged_out');
      return enterAsReviewer(account, password);
    }
    typed = typing;
    return oneAtATime(async () =>
      keep(await ask('/login/reviewer', { method: 'POST', data }, held?.sessionToken)),
    );
  }

  async function enter(): Promise<Held> {
    if (leftOnPurpose) throw new WecomLoginError('logged_out');
    return running ?? held ?? oneAtATime(logIn);
  }

  /** A session in place of one that no longer works, without a word to the member. */
  async function replace(failed: Held): Promise<Held> {
    if (leftOnPurpose) throw new WecomLoginError('logged_out');
    if (held && held !== failed) return held;
    if (failed.session.role === 'reviewer') {
      held = undefined;
      throw new WecomLoginError('reviewer_session_ended');
    }
    return oneAtATime(logIn);
  }

  async function request(wanted: RequestOptions): Promise<unknown> {
    const url = trustedUrl(wanted.url, validServerUrl(serverUrl), options.otherBackends ?? []);
    let used = await enter();
    let replaced = false;
    return persevere(
      () => call(url, wanted, used.sessionToken),
      (wanted.method ?? 'GET') === 'GET',
      async (error) => {
        forgetRefused(error);
        if (error.status !== 401 || replaced) return false;
        replaced = true;
        used = await replace(used);
        return true;
      },
    );
  }

  return {
    environment,

    /** Logs the member in, unless he is; a second call while the first is under way gets the same session. */
    async login(): Promise<Session> {
      leftOnPurpose = false;
      return (await enter()).session;
    },

    /** Who is logged in, as far as this side knows. */
    session: (): Session | undefined => held?.session,

    /**
     * Calls a function of yours, or ours, as the one who is logged in; logs in first if nobody is. A session that ended is
     * replaced once, for all requests that wait at that moment, and the request is sent again.
     *
     * Resolves with the JSON body, `undefined` for 204. When the server asks to wait, it waits up to `waitMsMax`.
     */
    request: request as <Body = unknown>(wanted: RequestOptions) => Promise<Body>,

    /**
     * Data of the member that only his WeCom client has, decrypted by the server. The session_key may have changed since:
     * then it logs in anew and fetches the data again, once.
     */
    async userdata(kind: UserdataKind): Promise<Record<string, unknown>> {
      for (let again = false; ; again = true) {
        const before = await enter();
        const data = await encryptedUserdata(kind);
        try {
          return (await request({ url: '/userdata', method: 'POST', data })) as Record<string, unknown>;
        } catch (thrown) {
          if (again || toLoginError(thrown).code !== 'invalid_encrypted_data') throw thrown;
          await replace(before);
        }
      }
    },

    /**
     * Whether reviewers of the app store may log in at the moment. Asks with GET, which the route answers with 405 while
     * it is open and 404 while it is not: no password is sent, so no try is counted.
     */
    async reviewerLoginOffered(): Promise<boolean> {
      try {
        await ask('/login/reviewer', {});
      } catch (thrown) {
        const error = toLoginError(thrown);
        if (error.code === 'method_not_allowed') return true;
        if (error.code === 'not_found') return false;
        throw error;
      }
      throw new WecomLoginError('bad_server_answer');
    },

    /**
     * Logs a reviewer in, after any other login that is under way. Never tries again by itself: the server counts every
     * try.
     */
    async reviewerLogin(account: string, password: string): Promise<Session> {
      leftOnPurpose = false;
      return (await enterAsReviewer(account, password)).session;
    },

    /**
     * Ends the session; with `everywhere` all of this person's. From then on nothing logs in by itself.
     *
     * Resolves with false when the server could not be told: the session then ends there when it has been unused long
     * enough. Never rejects.
     */
    async logout({ everywhere = false } = {}): Promise<boolean> {
      leftOnPurpose = true;
      await running?.catch(() => undefined);
      const ended = held;
      held = undefined;
      if (!ended) return true;
      const path = everywhere ? '/session?all=true' : '/session';
      return ask(path, { method: 'DELETE' }, ended.sessionToken).then(
        () => true,
        (error: unknown) => toLoginError(error).code === 'invalid_session',
      );
    },
  };
}

/** What a login that was put to the background fails with, beside `interrupted`. */
const stoppedByHiding = ['wecom_login_failed', 'wecom_timeout', 'server_timeout', 'offline'];

/** Whether the mini-program can be seen. In the background WeChat stops requests after 5 s and refuses new ones. */
function watchForeground() {
  let hiddenSinceMs: number | undefined;
  let hiddenMs = 0;
  let hides = 0;
  let waiting: (() => void)[] = [];
  const hiddenNowMs = () => (hiddenSinceMs === undefined ? 0 : Date.now() - hiddenSinceMs);
  wx.onAppHide?.(() => {
    hiddenSinceMs = hiddenSinceMs ?? Date.now();
    hides += 1;
  });
  wx.onAppShow?.(() => {
    hiddenMs += hiddenNowMs();
    hiddenSinceMs = undefined;
    for (const resolve of waiting) resolve();
    waiting = [];
  });
  return {
    hides: () => hides,
    /** A clock that stands still in the background. */
    shownMs: () => Date.now() - hiddenMs - hiddenNowMs(),
    shown: () =>
      hiddenSinceMs === undefined ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve)),
  };
}

/** A function of wx as a promise; it rejects with `timeoutCode` when neither success nor fail came in time. */
function settle<Result>(
  call: (callbacks: { success(result: Result): void; fail(error: { errMsg?: string }): void }) => void,
  timeoutMs: number,
  timeoutCode: ClientErrorCode,
  failedCode: ClientErrorCode | ((errMsg: string) => ClientErrorCode),
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new WecomLoginError(timeoutCode)), timeoutMs);
    call({
      success(result) {
        clearTimeout(timer);
        resolve(result);
      },
      fail(error) {
        clearTimeout(timer);
        const detail = error.errMsg ?? '';
        const code = typeof failedCode === 'string' ? failedCode : failedCode(detail);
        reject(new WecomLoginError(code, { detail }));
      },
    });
  });
}

async function encryptedUserdata(kind: UserdataKind): Promise<{ encrypted_data: string; iv: string }> {
  const qy = wx.qy;
  if (!qy) throw new WecomLoginError('not_in_wecom');
  if (typeof qy[kind] !== 'function') throw new WecomLoginError('wecom_too_old');
  const { encryptedData, iv } = await settle<EncryptedUserdata>(
    (callbacks) => qy[kind]?.(callbacks),
    consentTimeoutMs,
    'wecom_timeout',
    'userdata_not_given',
  );
  if (!encryptedData || !iv) throw new WecomLoginError('userdata_not_given');
  return { encrypted_data: encryptedData, iv };
}

/** The JSON of a 2xx; everything else is thrown. What is no JSON object is not our server: a proxy, a hotel's login page. */
function bodyOf({ statusCode, data, header }: HttpAnswer): unknown {
  if (statusCode === 204) return undefined;
  const body = typeof data === 'string' ? parsed(data) : data;
  if (typeof body !== 'object' || body === null) {
    throw new WecomLoginError('bad_server_answer', { status: statusCode });
  }
  if (statusCode >= 200 && statusCode < 300) return body;
  const { error, request_id: requestId, corpid } = body as Record<string, unknown>;
  const retryAfter = Object.entries(header ?? {}).find(([name]) => name.toLowerCase() === 'retry-after')?.[1];
  throw new WecomLoginError(typeof error === 'string' ? error : 'bad_server_answer', {
    status: statusCode,
    ...(typeof requestId === 'string' && { requestId }),
    ...(typeof corpid === 'string' && { corpid }),
    ...(/^\d{1,6}$/.test(String(retryAfter)) && { retryAfterSeconds: Number(retryAfter) }),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The session in an answer of `/login`, `/login/reviewer` or `/session`; `undefined` if there is none in it. */
export function sessionOf(body: unknown): Session | undefined {
  const answer = body as { role?: unknown; expires_in?: unknown; member?: unknown };
  if (typeof answer?.expires_in !== 'number') return undefined;
  const endsAtMs = Date.now() + answer.expires_in * 1000;
  if (answer.role === 'reviewer') return { role: 'reviewer', endsAtMs };
  const member = {
    corpid: '',
    userid: '',
    name: '',
    department: [],
    position: '',
    ...(answer.member as object),
  };
  if (answer.role !== 'member' || member.userid === '') return undefined;
  return { role: 'member', endsAtMs, member };
}

function codeOfFailure(errMsg: string): ClientErrorCode {
  if (/interrupted/i.test(errMsg)) return 'interrupted';
  if (/time(d[ _])?out/i.test(errMsg)) return 'server_timeout';
  if (/domain list|invalid url|cert|ssl/i.test(errMsg)) return 'server_url_refused';
  return 'offline';
}

/** mini-programs have no URL class. */
function validServerUrl(serverUrl: string): string {
  const host = /^https?:\/\/([^/:?#@\s]+)(:\d+)?(\/[^?#\s]*)?$/.exec(serverUrl)?.[1];
  if (host === undefined || /(^|\.)example\.(com|org|net)$/.test(host)) {
    throw new WecomLoginError('server_url_missing');
  }
  return serverUrl;
}

/** The session_token goes nowhere else. */
function trustedUrl(url: string, serverUrl: string, otherBackends: readonly string[]): string {
  // What a URL parser would resolve to somewhere else.
  if (/\\|\/(\.|%2e){2}/i.test(url)) throw new WecomLoginError('url_not_trusted', { detail: url });
  if (/^\/(?!\/)/.test(url)) return `${serverUrl}${url}`;
  const trusted = [serverUrl, ...otherBackends].map((backend) => `${backend.replace(/\/+$/, '')}/`);
  if (trusted.some((prefix) => url.startsWith(prefix))) return url;
  throw new WecomLoginError('url_not_trusted', { detail: url });
}

/**
 * The only thing that is stored: which company's app to ask first. It names nobody, opens nothing, and the server never
 * trusts it; without it every start of a second company's member would cost a code and a round trip.
 */
function rememberedCorpid(): string {
  try {
    const corpid: unknown = wx.getStorageSync(hintKey);
    return typeof corpid === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(corpid) ? corpid : '';
  } catch {
    return '';
  }
}

function rememberCorpid(corpid: string): void {
  try {
    wx.setStorageSync(hintKey, corpid);
  } catch {
    // Full or forbidden: the next start costs a round trip more.
  }
}

interface Callbacks<Result> {
  success(result: Result): void;
  fail(error: { errMsg?: string }): void;
}

interface HttpAnswer {
  statusCode: number;
  data: unknown;
  header?: Record<string, unknown>;
}

/** What `wx.getSystemInfo` says in WeCom beside the rest. */
export interface SystemInfo {
  environment?: string;
}

export interface EncryptedUserdata {
  encryptedData?: string;
  iv?: string;
}

/**
 * `wx.qy`: only in WeCom, and not in miniprogram-api-typings.
 * @see https://developer.work.weixin.qq.com/document/path/91506
 */
export type Qy = {
  login(options: Callbacks<{ code?: string; errMsg?: string }>): void;
} & Partial<Record<UserdataKind, (options: Callbacks<EncryptedUserdata>) => void>>;

/** All that this file asks of the mini-program around it. */
declare const wx: {
  qy?: Qy;
  getSystemInfo(options: Callbacks<SystemInfo>): void;
  request(
    options: Callbacks<HttpAnswer> & {
      url: string;
      method: 'GET' | 'POST' | 'PUT' | 'DELETE';
      data?: object;
      header: Record<string, string>;
      timeout: number;
    },
  ): { abort?: () => void } | undefined;
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, value: string): void;
  onAppShow?(listener: () => void): void;
  onAppHide?(listener: () => void): void;
};

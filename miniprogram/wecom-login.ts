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
  'wecom_api_missing',
  'wecom_login_failed',
  'wecom_timeout',
  'userdata_not_given',
  'server_url_missing',
  'server_url_refused',
  'url_not_trusted',
  'offline',
  'server_timeout',
  'interrupted',
  'server_failed',
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
  /** Only with `member_not_allowed`, if WeCom said who it is: tell it the administrator. */
  userid?: string;
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
  readonly userid: string | undefined;
  readonly detail: string | undefined;

  constructor(code: string, details: WecomLoginErrorDetails = {}) {
    super(code);
    this.name = 'WecomLoginError';
    this.code = code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.corpid = details.corpid;
    this.userid = details.userid;
    this.detail = details.detail;
  }
}

/** Whatever was thrown, as a {@link WecomLoginError}; a bug becomes `unexpected`. */
export function toLoginError(thrown: unknown): WecomLoginError {
  // By name: compiled to ES5, `instanceof` does not know what extends Error.
  if (thrown instanceof Error && thrown.name === 'WecomLoginError') return thrown as WecomLoginError;
  return new WecomLoginError('unexpected', { detail: saidBy(thrown) });
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
/** After this long no further wait of one call begins; time in the background does not count. */
const tryingMsMax = 30_000;
/** A member reads a question of WeCom's before they answer it. */
const consentTimeoutMs = 120_000;
const environmentTimeoutMs = 1500;
/** WeChat stops JavaScript 5 s after the mini-program was hidden: whoever still runs after 6 s can go on. */
const hiddenMsMax = 6000;
const hintKey = 'wecom-login-corpid';

/**
 * The client of one login function; make one for the whole mini-program.
 *
 * Never throws, so that a mini-program without an address starts all the same: the first call then says
 * `server_url_missing`. All its promises reject with {@link WecomLoginError} and nothing else.
 */
export function createWecomLogin(options: WecomLoginOptions) {
  const given: Partial<WecomLoginOptions> = Object(options) as object;
  const { requestTimeoutMs = 12_000, wecomTimeoutMs = 10_000, waitMsMax = 10_000 } = given;
  const foreground = watchForeground();
  let held: Held | undefined;
  let running: Promise<Held> | undefined;
  /** What the reviewer typed whose login is `running`. */
  let typed: string | undefined;
  let leftOnPurpose = false;
  /** How often somebody left: what began before the last time is over. */
  let departures = 0;
  /** The part of a logout that takes the session away. */
  let leaving: Promise<unknown> | undefined;
  let known: 'wecom' | 'wechat' | undefined;

  const serverUrl = () => validServerUrl(given.serverUrl);

  /**
   * Where this runs, for the looks of a page; anybody can fake it. Never rejects.
   * @see https://developer.work.weixin.qq.com/document/path/91510
   */
  async function environment(): Promise<'wecom' | 'wechat'> {
    if (known === undefined && typeof ownQy()?.login === 'function') known = 'wecom';
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

  /** One exchange with a server. */
  async function call(
    url: string,
    { method = 'GET', data, header, timeoutMs = requestTimeoutMs }: Omit<RequestOptions, 'url'>,
    sessionToken?: string,
  ): Promise<unknown> {
    let task: { abort?: () => void } | undefined;
    const answer = await settle<HttpAnswer>(
      (callbacks) => {
        task = wx.request({
          url,
          method,
          header: headersToSend(header, sessionToken),
          timeout: timeoutMs,
          ...(data !== undefined && { data }),
          ...callbacks,
        });
        return task;
      },
      // wx's own timeout first, where it is supported; ours for what hangs all the same.
      timeoutMs + 500,
      'server_timeout',
      codeOfFailure,
    ).catch((error: unknown) => {
      abort(task);
      throw error;
    });
    return bodyOf(answer);
  }

  const ask = async (path: string, request: Omit<RequestOptions, 'url'>, sessionToken?: string) =>
    call(`${serverUrl()}${path}`, request, sessionToken);

  /**
   * Tries until it works or nothing more can be done about what goes wrong. `mend` may do something about an error, each
   * kind once, and returns true then. The server's wish to wait is met. What broke because the app was in the background
   * is repeated when it is back, and what the platform answered in place of the server once more: if it is `harmless`
   * to send it twice, or if it was certainly not processed.
   */
  async function persevere<Result>(
    attempt: () => Promise<Result>,
    harmless: boolean,
    mend: (error: WecomLoginError) => boolean | Promise<boolean> = () => false,
  ): Promise<Result> {
    const startedMs = foreground.shownMs();
    let waitMsLeft = waitMsMax;
    let waits = 0;
    let interruptions = 0;
    let failures = 0;
    for (;;) {
      const hides = foreground.hides();
      try {
        return await attempt();
      } catch (thrown) {
        const error = toLoginError(thrown);
        const interrupted =
          error.code === 'interrupted' ||
          (foreground.hides() > hides && stoppedByHiding.includes(error.code));
        if (harmless && interrupted && interruptions < interruptionsMax) {
          interruptions += 1;
          await foreground.shown();
          continue;
        }
        if (await mend(error)) continue;
        if (foreground.shownMs() - startedMs > tryingMsMax) throw error;
        const failed = error.code === 'server_failed' && (harmless || wasNotProcessed(error));
        if (failed) failures += 1;
        const asked = error.code === 'temporarily_unavailable' || error.code === 'rate_limited';
        const waitMs = (error.retryAfterSeconds ?? 1) * 1000;
        const again = asked || (failed && failures === 1);
        if (!again || waits >= waitsMax || waitMs > waitMsLeft) throw error;
        waits += 1;
        waitMsLeft -= waitMs;
        // A little apart, so that all who were told the same do not come back in the same moment.
        await new Promise((resolve) => setTimeout(resolve, waitMs * (1 + Math.random() / 5)));
      }
    }
  }

  /** A check for what takes more than one step: it throws once somebody has logged out since now. */
  function untilLogout(): () => void {
    const before = departures;
    return () => {
      if (departures !== before) throw new WecomLoginError('logged_out');
    };
  }

  /** `wx.qy.login`; every call gives a new code, good for one exchange. */
  async function newJsCode(): Promise<string> {
    const qy = await qyWith('login');
    const { code, errMsg } = await settle<{ code?: unknown; errMsg?: unknown }>(
      (callbacks) => qy.login(callbacks),
      wecomTimeoutMs,
      'wecom_timeout',
      'wecom_login_failed',
    );
    if (typeof code === 'string' && code !== '') return code;
    throw new WecomLoginError('wecom_login_failed', { detail: saidBy({ errMsg }) });
  }

  /** `wx.qy`, which has this function; else whose fault it is: nobody's, the developer's, or that of an old WeCom. */
  async function qyWith(name: 'login' | UserdataKind): Promise<Qy> {
    const qy = ownQy();
    if (typeof qy?.[name] === 'function') return qy;
    if (!qy && (await environment()) !== 'wecom') throw new WecomLoginError('not_in_wecom');
    throw new WecomLoginError(qy ? 'wecom_too_old' : 'wecom_api_missing');
  }

  async function logIn(): Promise<Held> {
    const stay = untilLogout();
    let corpid = rememberedCorpid();
    const mended = new Set<string>();
    const body = await persevere(
      async () => {
        stay();
        const url = `${serverUrl()}/login`;
        const data = { js_code: await newJsCode(), ...(corpid !== '' && { corpid }) };
        // With the session that this one replaces, so that the server ends it.
        return call(url, { method: 'POST', data }, held?.sessionToken);
      },
      // Each try has a code of its own.
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
    const { session_token: sessionToken } = Object(body) as { session_token?: unknown };
    const session = sessionOf(body);
    if (typeof sessionToken !== 'string' || sessionToken === '' || !session) {
      throw new WecomLoginError('bad_server_answer');
    }
    held = { sessionToken, session };
    return held;
  }

  /** A member who may not enter any more has no session left to try. */
  function forgetRefused({ code }: WecomLoginError): void {
    if (code === 'corp_not_allowed' || code === 'member_not_allowed') held = undefined;
  }

  /** Never two logins at once: whoever comes while one is under way gets what that one brings. */
  function oneAtATime(work: () => Promise<Held>): Promise<Held> {
    if (running) return running;
    const ended = () => {
      running = undefined;
      typed = undefined;
    };
    const started = work();
    running = started;
    // Not `finally`, which old base libraries lack.
    void started.then(ended, ended);
    return started;
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

  /** Somebody wants to be logged in: after a logout that takes the session away, and unless another one came since. */
  async function comeBack(arrive: () => Promise<Held>): Promise<Session> {
    if (leaving) {
      const stay = untilLogout();
      await leaving;
      stay();
    }
    leftOnPurpose = false;
    return (await arrive()).session;
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

  /**
   * One exchange as the one who is logged in: logs in first if nobody is, and once more when the session has ended. The
   * one place that hands out the session_token; `send` puts it into an Authorization header.
   */
  async function authorized<Result>(
    send: (sessionToken: string) => Promise<Result>,
    harmless: boolean,
  ): Promise<Result> {
    const stay = untilLogout();
    let used = await enter();
    let replaced = false;
    return persevere(
      async () => {
        stay();
        return send(used.sessionToken);
      },
      harmless,
      async (error) => {
        forgetRefused(error);
        // A 401 with another word for it is an answer about something else, a wrong PIN for example.
        const unnamed = error.code === 'bad_server_answer' && harmless;
        const ended = error.status === 401 && (error.code === 'invalid_session' || unnamed);
        if (!ended || replaced) return false;
        stay();
        replaced = true;
        used = await replace(used);
        return true;
      },
    );
  }

  async function request({ url, ...wanted }: RequestOptions): Promise<unknown> {
    const address = trustedUrl(url, serverUrl(), given.otherBackends ?? []);
    return authorized(
      (sessionToken) => call(address, wanted, sessionToken),
      (wanted.method ?? 'GET') === 'GET',
    );
  }

  async function userdata(kind: UserdataKind): Promise<Record<string, unknown>> {
    for (let again = false; ; again = true) {
      const before = await enter();
      const qy = await qyWith(kind);
      const data = await encryptedUserdata(qy, kind);
      try {
        // It only reads, so it may be sent twice.
        const body = await authorized(
          (sessionToken) => ask('/userdata', { method: 'POST', data }, sessionToken),
          true,
        );
        return body as Record<string, unknown>;
      } catch (thrown) {
        if (again || toLoginError(thrown).code !== 'invalid_encrypted_data') throw thrown;
        await replace(before);
      }
    }
  }

  async function reviewerLoginOffered(): Promise<boolean> {
    try {
      await persevere(() => ask('/login/reviewer', {}), true);
    } catch (thrown) {
      const error = toLoginError(thrown);
      if (error.code === 'method_not_allowed') return true;
      if (error.code === 'not_found') return false;
      throw error;
    }
    throw new WecomLoginError('bad_server_answer');
  }

  /** Takes the session away, that of a login under way as well. */
  async function takeSession(): Promise<Held | undefined> {
    await running?.catch(() => undefined);
    const taken = held;
    held = undefined;
    return taken;
  }

  return {
    environment,

    /** Logs the member in, unless they are; a second call while the first is under way gets the same session. */
    login: (): Promise<Session> => promised(() => comeBack(enter)),

    /** Who is logged in, as far as this side knows. */
    session: (): Session | undefined => held?.session,

    /**
     * Calls a function of yours, or ours, as the one who is logged in; logs in first if nobody is. A session that ended is
     * replaced once, for all requests that wait at that moment, and the request is sent again.
     *
     * Resolves with the JSON body, `undefined` for 204. When the server asks to wait, it waits up to `waitMsMax`.
     */
    request: <Body = unknown>(wanted: RequestOptions): Promise<Body> =>
      promised(async () => (await request(wanted)) as Body),

    /**
     * Data of the member that only their WeCom client has, decrypted by the server. The session_key may have changed since:
     * then it logs in again and fetches the data again, once.
     */
    userdata: (kind: UserdataKind): Promise<Record<string, unknown>> => promised(() => userdata(kind)),

    /**
     * Whether reviewers of the app store may log in at the moment. Asks with GET, which the route answers with 405 while
     * it is open and 404 while it is not: no password is sent, so no try is counted.
     */
    reviewerLoginOffered: (): Promise<boolean> => promised(reviewerLoginOffered),

    /**
     * Logs a reviewer in, after any other login that is under way. Never tries again by itself: the server counts every
     * try.
     */
    reviewerLogin: (account: string, password: string): Promise<Session> =>
      promised(() => comeBack(() => enterAsReviewer(account, password))),

    /**
     * Ends the session; with `everywhere` all of this person's. From then on nothing logs in by itself, and what waits for
     * another try is over.
     *
     * Resolves with false when the server could not be told: the session then ends there when it has been unused long
     * enough. Never rejects.
     */
    async logout(how: { everywhere?: boolean } = {}): Promise<boolean> {
      leftOnPurpose = true;
      departures += 1;
      const taking = takeSession();
      leaving = taking;
      const ended = await taking;
      if (leaving === taking) leaving = undefined;
      if (!ended) return true;
      const everywhere = (Object(how) as typeof how).everywhere === true;
      const end = () =>
        ask(everywhere ? '/session?all=true' : '/session', { method: 'DELETE' }, ended.sessionToken);
      try {
        await end().catch((error: unknown) => {
          if (toLoginError(error).code !== 'server_failed') throw error;
          return end();
        });
        return true;
      } catch (thrown) {
        return toLoginError(thrown).code === 'invalid_session';
      }
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
  try {
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
  } catch {
    // Not in a mini-program: every call says so by itself.
  }
  return {
    hides: () => hides,
    /** A clock that stops in the background. */
    shownMs: () => Date.now() - hiddenMs - hiddenNowMs(),
    /** Resolves when it can be seen again, or runs all the same: the event of being shown may be lost. */
    shown: () =>
      new Promise<void>((resolve) => {
        if (hiddenSinceMs === undefined) return resolve();
        waiting.push(resolve);
        setTimeout(resolve, hiddenMsMax);
      }),
  };
}

/** A promise that rejects with {@link WecomLoginError} alone. */
async function promised<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw toLoginError(thrown);
  }
}

/**
 * A function of wx as a promise, which is settled once whatever wx does: calls back with nothing, with something else than
 * documented, twice, never, or throws. Rejects with `timeoutCode` when neither success nor fail came in time, and with
 * `failedCode` for all else; a result that is no object is an empty one.
 */
function settle<Result extends object>(
  call: (callbacks: Callbacks<Result>) => unknown,
  timeoutMs: number,
  timeoutCode: ClientErrorCode,
  failedCode: ClientErrorCode | ((errMsg: string) => ClientErrorCode),
): Promise<Partial<Result>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new WecomLoginError(timeoutCode)), timeoutMs);
    const success = (result: unknown) => {
      clearTimeout(timer);
      resolve(Object(result) === result ? (result as Result) : {});
    };
    const fail = (error: unknown) => {
      clearTimeout(timer);
      const detail = saidBy(error);
      reject(
        new WecomLoginError(typeof failedCode === 'string' ? failedCode : failedCode(detail), { detail }),
      );
    };
    try {
      const returned = Object(call({ success, fail })) as { then?: unknown };
      // Frameworks make promises of these functions; what they resolve with has come to `success` before.
      if (typeof returned.then === 'function') void Promise.resolve(returned).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  });
}

/** What wx, the runtime or whoever else threw says about it; never throws. */
function saidBy(error: unknown): string {
  try {
    const { errMsg, message } = Object(error) as { errMsg?: unknown; message?: unknown };
    const said = errMsg ?? message ?? error ?? '';
    return typeof said === 'string' ? said : (JSON.stringify(said) ?? '');
  } catch {
    return '';
  }
}

function abort(task: { abort?: () => void } | undefined): void {
  try {
    task?.abort?.();
  } catch {
    // Its answer is not waited for any more.
  }
}

/** `wx.qy`, if there is one. */
function ownQy(): Qy | undefined {
  try {
    return wx.qy ?? undefined;
  } catch {
    return undefined;
  }
}

async function encryptedUserdata(
  qy: Qy,
  kind: UserdataKind,
): Promise<{ encrypted_data: string; iv: string }> {
  const { encryptedData, iv } = await settle<EncryptedUserdata>(
    (callbacks) => qy[kind]?.(callbacks),
    consentTimeoutMs,
    'wecom_timeout',
    'userdata_not_given',
  );
  if (!encryptedData || !iv) throw new WecomLoginError('userdata_not_given');
  return { encrypted_data: encryptedData, iv };
}

/** In whatever letters a caller writes them, JSON is the default and Authorization is always ours. */
function headersToSend(
  header: Record<string, string> | undefined,
  sessionToken: string | undefined,
): Record<string, string> {
  const names = Object.keys(header ?? {});
  const sent: Record<string, string> = {};
  if (!names.some((name) => name.toLowerCase() === 'content-type')) sent['Content-Type'] = 'application/json';
  for (const name of names) {
    const value = header?.[name];
    if (name.toLowerCase() !== 'authorization' && value !== undefined) sent[name] = value;
  }
  if (sessionToken !== undefined) sent['Authorization'] = `Bearer ${sessionToken}`;
  return sent;
}

/**
 * The JSON of a 2xx; everything else is thrown. What neither we nor an own function answered is `server_failed` when it
 * comes from the platform or a gateway before the server, else `bad_server_answer`: a proxy, a hotel's login page.
 */
function bodyOf({ statusCode, data, header }: Partial<HttpAnswer>): unknown {
  const status = Number(statusCode);
  if (status === 204) return undefined;
  const body = typeof data === 'string' ? parsed(data) : data;
  const succeeded = status >= 200 && status < 300;
  const fromPlatform = isPlatformError(body);
  if (succeeded && !fromPlatform && typeof body === 'object' && body !== null) return body;
  const { error, request_id: named, corpid, userid, errorMessage } = Object(body) as Record<string, unknown>;
  const requestId = named ?? headerOf(header, 'x-scf-request-id');
  const retryAfter = headerOf(header, 'retry-after');
  const instead = fromPlatform || isPlatformStatus(status) ? 'server_failed' : 'bad_server_answer';
  throw new WecomLoginError(typeof error === 'string' && !succeeded ? error : instead, {
    ...(status > 0 && { status }),
    ...(typeof requestId === 'string' && { requestId }),
    ...(typeof corpid === 'string' && { corpid }),
    ...(typeof userid === 'string' && { userid }),
    ...(typeof errorMessage === 'string' && { detail: errorMessage }),
    ...(/^\d{1,6}$/.test(String(retryAfter)) && { retryAfterSeconds: Number(retryAfter) }),
  });
}

/** The fields of SCF's own errors. A body with any other field is an answer of somebody's function. */
const platformFields = ['errorCode', 'errorMessage', 'errorType', 'requestId', 'stackTrace', 'statusCode'];

/** SCF in place of the function: `{"errorCode":…,"errorMessage":…}`, with 200 too. */
function isPlatformError(body: unknown): boolean {
  const names = Object.keys(Object(body) as object);
  return (
    names.includes('errorCode') &&
    names.includes('errorMessage') &&
    names.every((name) => platformFields.includes(name))
  );
}

/**
 * Statuses with which SCF (430 to 449, 429) or a gateway answers when the server could not. 511 is a network that wants to
 * be logged in to.
 * @see https://cloud.tencent.com/document/product/583/42611
 */
function isPlatformStatus(status: number): boolean {
  return status === 429 || (status >= 430 && status < 450) || (status >= 500 && status !== 511);
}

/** No instance was free, so nothing ran. */
function wasNotProcessed({ status }: WecomLoginError): boolean {
  return status === 429 || status === 432 || status === 449;
}

function headerOf(header: Record<string, unknown> | undefined, wanted: string): unknown {
  const name = Object.keys(Object(header) as object).find((one) => one.toLowerCase() === wanted);
  return name === undefined ? undefined : header?.[name];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** The session in an answer of `/login`, `/login/reviewer` or `/session`; `undefined` if there is none in it. */
export function sessionOf(body: unknown): Session | undefined {
  const answer = Object(body) as { role?: unknown; expires_in?: unknown; member?: unknown };
  if (typeof answer.expires_in !== 'number') return undefined;
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

/** In the languages of the systems that WeCom runs on; what nobody knows is taken for a bad network. */
function codeOfFailure(errMsg: string): ClientErrorCode {
  if (/interrupted/i.test(errMsg)) return 'interrupted';
  if (/time(d?[ _-]?)out|超时|逾時/i.test(errMsg)) return 'server_timeout';
  // The name of a server that is not found is a matter of the network.
  if (/not[ _]resolved|解析/i.test(errMsg)) return 'offline';
  if (/domain list|legal domain|invalid url|cert(?!ain)|ssl|tls/i.test(errMsg)) return 'server_url_refused';
  if (/证书|憑證|域名|備案|备案/.test(errMsg)) return 'server_url_refused';
  return 'offline';
}

/** mini-programs have no URL class. */
function validServerUrl(serverUrl: unknown): string {
  const address = typeof serverUrl === 'string' ? serverUrl.trim().replace(/\/+$/, '') : '';
  const host = /^https?:\/\/([^/:?#@\s]+)(:\d+)?(\/[^?#\s]*)?$/.exec(address)?.[1];
  if (host === undefined || /(^|\.)example\.(com|org|net)$/.test(host)) {
    throw new WecomLoginError('server_url_missing');
  }
  return address;
}

/** The session_token goes nowhere else. */
function trustedUrl(url: string, serverUrl: string, otherBackends: readonly string[]): string {
  const whole = /^\/(?!\/)/.test(url) ? `${serverUrl}${url}` : url;
  const { origin, path } = partsOf(whole);
  // What a URL parser would resolve to somewhere else.
  const strays = /\\|(\/|%2f|%5c)(\.|%2e){2}/i.test(path);
  const trusted = [serverUrl, ...otherBackends].some((backend) => {
    const { origin: itsOrigin, path: itsPath } = partsOf(backend.replace(/\/+$/, ''));
    return origin === itsOrigin && `${path}/`.startsWith(`${itsPath}/`);
  });
  if (origin === '' || strays || !trusted) throw new WecomLoginError('url_not_trusted', { detail: url });
  return whole;
}

/** `https://host:port`, in small letters, and the path without query. */
function partsOf(url: string): { origin: string; path: string } {
  const [, origin = '', path = ''] = /^(https?:\/\/[^/?#\\]+)([^?#]*)/i.exec(url) ?? [];
  return { origin: origin.toLowerCase(), path };
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

/** As documented; {@link settle} expects anything. */
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
  login(options: Callbacks<{ code?: string; errMsg?: string }>): unknown;
} & Partial<Record<UserdataKind, (options: Callbacks<EncryptedUserdata>) => unknown>>;

/** All that this file asks of the mini-program around it. */
declare const wx: {
  qy?: Qy;
  getSystemInfo(options: Callbacks<SystemInfo>): unknown;
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

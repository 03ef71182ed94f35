/**
 * The login of a WeCom (企业微信) mini-program, in one file that imports nothing: copy it into any mini-program.
 *
 * It trusts neither `wx` nor the network: what they return is checked before it is used. The session_token stays in
 * memory, because anybody who holds the device can read its storage, and a new login in WeCom needs no tap. The
 * environment only decides what a page shows; the server decides who may log in.
 */

/** Errors of the client; all other codes come from the server. */
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
  'aborted',
  'unexpected',
] as const;

export type ClientErrorCode = (typeof clientErrorCodes)[number];

export interface WecomLoginErrorDetails {
  /** HTTP status, if the server responded. */
  status?: number;
  /** The operator finds the request in the log by this id. */
  requestId?: string;
  /** How long the server asks to wait, in whole seconds. */
  retryAfterSeconds?: number;
  /** Only with `login_again`: the company that the next login sends as hint. */
  corpid?: string;
  /** Only with `member_not_allowed`, if WeCom named the member or their session was refused: for the administrator. */
  userid?: string;
  /** The message of wx or the runtime, for the developer. */
  detail?: string;
}

/** The only error this client rejects with. Decide by `code`. */
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

/** Converts anything thrown into a {@link WecomLoginError}; a bug becomes `unexpected`. */
export function toLoginError(thrown: unknown): WecomLoginError {
  // By name: after compilation to ES5, `instanceof` does not work for classes that extend Error.
  if (thrown instanceof Error && thrown.name === 'WecomLoginError') return thrown as WecomLoginError;
  return new WecomLoginError('unexpected', { detail: messageOf(thrown) });
}

export interface Member {
  corpid: string;
  userid: string;
  name: string;
  /** Ids of the departments that the app may see. */
  department: number[];
  position: string;
}

/** Who is logged in. Does not contain the session_token: only {@link WecomLogin.request} needs it. */
export type Session = {
  /** When the session ends if it is not used. Unix time in ms, by the clock of this device. */
  endsAtMs: number;
} & ({ role: 'member'; member: Member } | { role: 'reviewer'; member?: undefined });

/** What every call with the session takes. */
interface CallOptions {
  /** A path on `serverUrl`, or a full URL on one of `otherBackends`. */
  url: string;
  header?: Record<string, string>;
  /** For each try; `requestTimeoutMs` by default, 60,000 for a file. */
  timeoutMs?: number;
}

export interface RequestOptions extends CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON; with GET, as the query. */
  data?: object;
  /** Resolves with a {@link FullResponse} instead of the JSON body. Then the body may be anything. */
  full?: boolean;
}

/** A response with a status of 2xx. Others reject. */
export interface FullResponse<Body> {
  status: number;
  /** Names in lower case. */
  header: Record<string, string>;
  data: Body;
}

interface FileOptions extends CallOptions {
  /** Called with 0 to 100. Begins again when the file is sent again. */
  onProgress?: (percent: number) => void;
}

export interface UploadOptions extends FileOptions {
  filePath: string;
  /** Name of the file's part in the multipart/form-data. */
  name: string;
  /** Further parts. */
  formData?: Record<string, string>;
}

export interface DownloadOptions extends FileOptions {
  /** Where to store it, below `wx.env.USER_DATA_PATH`. By default a temporary file. */
  filePath?: string;
}

export interface SocketOptions extends CallOptions {
  protocols?: string[];
  /**
   * Called with each SocketTask before it opens, to register `onMessage`: on iOS a message may come before the promise
   * of `connectSocket` calls back.
   */
  listen?: (task: SocketTask) => void;
}

/** A promise with `abort()`, after which it rejects with `aborted`. What was sent may have arrived. */
export type RequestTask<Result> = Promise<Result> & { abort(): void };

/** Each may also be missing: WeCom returns what the member and the company allow. */
interface UserdataFields {
  corpid?: string;
  userid?: string;
  /** WeCom adds fields at any time. */
  [field: string]: unknown;
}

/** What `userdata()` returns, by the function of `wx.qy` that it comes from. */
export interface Userdata {
  getEnterpriseUserInfo: UserdataFields & { name?: string; gender?: string | number; language?: string };
  getMobile: UserdataFields & { mobile?: string };
  getEmail: UserdataFields & { email?: string; biz_mail?: string };
  getAvatar: UserdataFields & { avatar?: string };
  getQrCode: UserdataFields & { qrCode?: string };
}

/** Data that WeCom's client returns encrypted. `getMobile`, `getEmail` and `getQrCode` ask the member each time. */
export type UserdataKind = keyof Userdata;

/** One address per version of the mini-program. A version without an address uses that of the release. */
export interface ServerUrls {
  develop?: string;
  trial?: string;
  release: string;
}

export interface WecomLoginOptions {
  /** Address of the login function, `https://…`. With several, `wx.getAccountInfoSync` decides; unknown is the release. */
  serverUrl: string | ServerUrls;
  /** Other addresses (`https://host` or `https://host/path`) that may receive the session_token; none by default. */
  otherBackends?: readonly string[];
  /** For frameworks that copy `wx`, and for tests; the global one by default. */
  wx?: Wx;
  /** For one response of the server; 12,000 by default, a little more than the slowest login takes. */
  requestTimeoutMs?: number;
  /** For one response of `wx.qy.login`; 10,000 by default. */
  wecomTimeoutMs?: number;
  /** Total time of all waits in one call that the server asks for; 10,000 by default. */
  waitMsMax?: number;
}

export type WecomLogin = ReturnType<typeof createWecomLogin>;

interface Held {
  sessionToken: string;
  session: Session;
}

const waitsMax = 3;
const interruptionsMax = 2;
/** After this time, a call starts no further wait. Time in the background does not count. */
const tryingMsMax = 30_000;
const fileTimeoutMs = 60_000;
/** Long, because the member first reads WeCom's question. */
const consentTimeoutMs = 120_000;
const environmentTimeoutMs = 1500;
const readFileTimeoutMs = 2000;
/** WeChat stops JavaScript 5 s after the mini-program was hidden: code that still runs after 6 s may continue. */
const hiddenMsMax = 6000;
const hintKey = 'wecom-login-corpid';
/** After these a member can do nothing on the page they are on. */
const endings = [
  'corp_not_allowed',
  'member_not_allowed',
  'not_in_wecom',
  'logged_out',
  'reviewer_session_ended',
];

/**
 * When a request may be sent again: `always` if it only reads; `undone` if it writes, so only when the server did
 * nothing; `never` if sending it takes long; then only with a new session.
 */
type Repeats = 'always' | 'undone' | 'never';

/**
 * Creates the client of one login function. Create one for the whole mini-program.
 *
 * Never throws, so that a mini-program without an address still starts: the first call then rejects with
 * `server_url_missing`. All its promises reject only with {@link WecomLoginError}.
 */
export function createWecomLogin(options: WecomLoginOptions) {
  const given: Partial<WecomLoginOptions> = Object(options) as object;
  const { requestTimeoutMs = 12_000, wecomTimeoutMs = 10_000, waitMsMax = 10_000 } = given;
  /** At each use: where there is no `wx`, this throws. */
  const getWx = (): Wx => given.wx ?? wx;
  const foreground = watchForeground(getWx);
  const sessionChange = createEvent<Session | undefined>();
  const refused = createEvent<WecomLoginError>();
  let held: Held | undefined;
  let running: Promise<Held> | undefined;
  /** Account and password of the reviewer login that is `running`. */
  let runningCredentials: string | undefined;
  let loggedOut = false;
  /** Number of logouts so far. A logout cancels everything that started before it. */
  let logouts = 0;
  /** The part of a logout that removes the session. */
  let runningLogout: Promise<unknown> | undefined;
  /** Whether `refused` was told since the last login. */
  let refusalTold = false;
  let openSockets: SocketTask[] = [];
  let knownEnvironment: 'wecom' | 'wechat' | undefined;

  const serverUrl = () => validServerUrl(addressIn(given.serverUrl, getWx));

  /**
   * Returns where this runs, for the look of a page only: anybody can fake it. Never rejects.
   * @see https://developer.work.weixin.qq.com/document/path/91510
   */
  async function environment(): Promise<'wecom' | 'wechat'> {
    // Before what is remembered: `wx.qy` may appear late.
    if (typeof qyOf(getWx)?.login === 'function') return 'wecom';
    if (knownEnvironment !== undefined) return knownEnvironment;
    const info = await settle<SystemInfo>(
      // In WeCom the newer functions are missing, or do not report `environment` on phones.
      (callbacks) => getWx().getSystemInfo(callbacks),
      environmentTimeoutMs,
      'unexpected',
      'unexpected',
    ).catch((): SystemInfo => ({}));
    const found = info.environment === 'wxwork' ? 'wecom' : 'wechat';
    // Some versions return {} on an error: do not remember that.
    if (Object.keys(info).length > 0) knownEnvironment = found;
    return found;
  }

  /** Sends one request to a server. */
  async function call(
    url: string,
    { method = 'GET', data, header, timeoutMs = requestTimeoutMs, full }: Omit<RequestOptions, 'url'>,
    sessionToken?: string,
    stop?: Stop,
  ): Promise<unknown> {
    const answer = await transfer<HttpAnswer>(
      (callbacks) =>
        getWx().request({
          url,
          method,
          header: headersToSend(header, sessionToken, 'application/json'),
          timeout: timeoutMs,
          ...(data !== undefined && { data }),
          ...callbacks,
        }),
      timeoutMs,
      stop,
    );
    const response = responseOf(answer);
    return full === true ? response : jsonBodyOf(response);
  }

  const ask = async (path: string, request: Omit<RequestOptions, 'url'>, sessionToken?: string) =>
    call(`${serverUrl()}${path}`, request, sessionToken);

  /**
   * Retries until it succeeds or cannot be recovered. `recover` may fix an error, each kind once, and then returns true.
   * Retry-After is honoured. If an attempt broke in the background, one with `always` is repeated when the app is visible
   * again. If the platform responded instead of the server, the attempt is repeated once, if that is harmless or
   * it was certainly not processed.
   */
  async function withRetries<Result>(
    attempt: () => Promise<Result>,
    repeats: Repeats,
    recover: (error: WecomLoginError) => boolean | Promise<boolean> = () => false,
  ): Promise<Result> {
    const startedMs = foreground.shownMs();
    let waitMsLeft = waitMsMax;
    let waits = 0;
    let interruptions = 0;
    let failures = 0;
    for (;;) {
      const hideCount = foreground.hideCount();
      try {
        return await attempt();
      } catch (thrown) {
        const error = toLoginError(thrown);
        const interrupted =
          error.code === 'interrupted' ||
          (foreground.hideCount() > hideCount && backgroundErrors.includes(error.code));
        if (repeats === 'always' && interrupted && interruptions < interruptionsMax) {
          interruptions += 1;
          await foreground.shown();
          continue;
        }
        if (await recover(error)) continue;
        if (repeats === 'never' || foreground.shownMs() - startedMs > tryingMsMax) throw error;
        const failed = error.code === 'server_failed' && (repeats === 'always' || wasNotProcessed(error));
        if (failed) failures += 1;
        const asked = error.code === 'temporarily_unavailable' || error.code === 'rate_limited';
        const waitMs = (error.retryAfterSeconds ?? 1) * 1000;
        const again = asked || (failed && failures === 1);
        if (!again || waits >= waitsMax || waitMs > waitMsLeft) throw error;
        waits += 1;
        waitMsLeft -= waitMs;
        // Random, so that clients that were told the same time do not all come back at once.
        await new Promise((resolve) => setTimeout(resolve, waitMs * (1 + Math.random() / 5)));
      }
    }
  }

  /** Returns a check for the later steps of a call: it throws if there was a logout in the meantime. */
  function watchLogout(): () => void {
    const before = logouts;
    return () => {
      if (logouts !== before) throw new WecomLoginError('logged_out');
    };
  }

  /** Calls `wx.qy.login`. Each call returns a new code, which is valid for one exchange. */
  async function newJsCode(): Promise<string> {
    const qy = await qyWith('login');
    const { code, errMsg } = await settle<{ code?: unknown; errMsg?: unknown }>(
      (callbacks) => qy.login(callbacks),
      wecomTimeoutMs,
      'wecom_timeout',
      'wecom_login_failed',
    );
    if (typeof code === 'string' && code !== '') return code;
    throw new WecomLoginError('wecom_login_failed', { detail: messageOf({ errMsg }) });
  }

  /**
   * Returns `wx.qy` if it has this function. Otherwise the error says why: not in WeCom, WeCom too old, or a framework
   * that replaced `wx`.
   */
  async function qyWith(name: 'login' | UserdataKind): Promise<Qy> {
    const qy = qyOf(getWx);
    if (typeof qy?.[name] === 'function') return qy;
    if (!qy && (await environment()) !== 'wecom') throw new WecomLoginError('not_in_wecom');
    throw new WecomLoginError(qy ? 'wecom_too_old' : 'wecom_api_missing');
  }

  async function logIn(): Promise<Held> {
    const throwIfLoggedOut = watchLogout();
    let corpid = rememberedCorpid(getWx);
    const recovered = new Set<string>();
    const body = await withRetries(
      async () => {
        throwIfLoggedOut();
        const url = `${serverUrl()}/login`;
        const data = { js_code: await newJsCode(), ...(corpid !== '' && { corpid }) };
        // The old session is sent too, so that the server ends it.
        return call(url, { method: 'POST', data }, held?.sessionToken);
      },
      // Each try has its own code.
      'always',
      (error) => {
        if (error.code === 'login_again' && error.corpid !== undefined) {
          corpid = error.corpid;
          rememberCorpid(getWx, corpid);
        } else if (error.code !== 'invalid_js_code') return false;
        if (recovered.has(error.code)) return false;
        recovered.add(error.code);
        return true;
      },
    ).catch((error: unknown) => {
      forgetIfRefused(toLoginError(error));
      throw error;
    });
    return holdSession(body);
  }

  function hold(next: Held | undefined): void {
    if (held === next) return;
    // A socket belongs to whoever opened it.
    if (!next || !isSamePerson(held?.session, next.session)) closeSockets();
    held = next;
    if (next) refusalTold = false;
    sessionChange.tell(next?.session);
  }

  function holdSession(body: unknown): Held {
    const { session_token: sessionToken } = Object(body) as { session_token?: unknown };
    const session = sessionOf(body);
    if (typeof sessionToken !== 'string' || sessionToken === '' || !session) {
      throw new WecomLoginError('bad_server_answer');
    }
    const next = { sessionToken, session };
    hold(next);
    return next;
  }

  /** The server ended the session of a member who may no longer enter. */
  function forgetIfRefused({ code }: WecomLoginError): void {
    if (code === 'corp_not_allowed' || code === 'member_not_allowed') hold(undefined);
  }

  /** Never runs two logins at once: a caller that comes during a login gets its result. */
  function oneAtATime(work: () => Promise<Held>): Promise<Held> {
    if (running) return running;
    const ended = () => {
      running = undefined;
      runningCredentials = undefined;
    };
    const started = work();
    running = started;
    // Not `finally`: it is missing in old base libraries.
    void started.then(ended, ended);
    return started;
  }

  /** Joins a running login only if it has the same credentials: any other is for another person. */
  async function enterAsReviewer(account: string, password: string): Promise<Held> {
    const data = { account, password };
    const credentials = JSON.stringify(data);
    if (running && runningCredentials !== credentials) {
      await running.catch(() => undefined);
      if (loggedOut) throw new WecomLoginError('logged_out');
      return enterAsReviewer(account, password);
    }
    runningCredentials = credentials;
    return oneAtATime(async () =>
      holdSession(await ask('/login/reviewer', { method: 'POST', data }, held?.sessionToken)),
    );
  }

  /** A running login of a reviewer is for another person: what comes meanwhile waits, and does not get its error. */
  async function afterReviewerLogin(work: () => Promise<Held>): Promise<Held> {
    if (running && runningCredentials !== undefined) {
      await running.catch(() => undefined);
      return afterReviewerLogin(work);
    }
    if (loggedOut) throw new WecomLoginError('logged_out');
    return work();
  }

  async function enter(): Promise<Held> {
    return afterReviewerLogin(async () => running ?? held ?? oneAtATime(logIn));
  }

  /** A login that the page asked for ends the logged-out state. Waits for a running logout first. */
  async function logInOnDemand(logInNow: () => Promise<Held>): Promise<Session> {
    if (runningLogout) {
      const throwIfLoggedOut = watchLogout();
      await runningLogout;
      throwIfLoggedOut();
    }
    loggedOut = false;
    refusalTold = false;
    return (await logInNow()).session;
  }

  /**
   * Replaces a session that no longer works. The member does not notice. Rejects with `login_again` if another person is
   * logged in now: what a page asked for one person is not sent for another.
   */
  async function replace(failed: Held): Promise<Held> {
    const next = await afterReviewerLogin(async () => {
      if (held && held !== failed) return held;
      if (failed.session.role === 'member') return oneAtATime(logIn);
      hold(undefined);
      throw new WecomLoginError('reviewer_session_ended');
    });
    if (!isSamePerson(failed.session, next.session)) throw new WecomLoginError('login_again');
    return next;
  }

  /** A call of a page. An error of {@link endings} is also told to {@link refused}, once. */
  function pageCall<Result>(work: (stop: Stop) => Promise<Result>): RequestTask<Result> {
    const before = logouts;
    return abortable((stop) =>
      work(stop).catch((thrown: unknown) => {
        const error = toLoginError(thrown);
        // A call from before a logout says nothing about who is logged in now.
        const isOfNow = logouts === before || loggedOut;
        if (endings.includes(error.code) && isOfNow && !refusalTold) {
          refusalTold = true;
          refused.tell(error);
        }
        throw error;
      }),
    );
  }

  /**
   * Sends with the session, to a trusted address only. Logs in first if there is no session, and once more, for all that
   * wait, if it has ended. This is the only place that gives away the session_token; `send` puts it into an
   * Authorization header.
   */
  async function authorized<Result>(
    url: string,
    repeats: Repeats,
    send: (address: string, sessionToken: string) => Promise<Result>,
    stop?: Stop,
  ): Promise<Result> {
    const address = trustedUrl(url, serverUrl(), given.otherBackends ?? []);
    const throwIfLoggedOut = watchLogout();
    let used = await enter();
    let replaced = false;
    return withRetries(
      async () => {
        throwIfLoggedOut();
        if (stop?.aborted) throw new WecomLoginError('aborted');
        return send(address, used.sessionToken);
      },
      repeats,
      async (error) => {
        if (held === used) forgetIfRefused(error);
        // Here it is who the session names. A login, which may refuse another person, does not come here.
        const { userid } = used.session.member ?? {};
        if (error.code === 'member_not_allowed') Object.assign(error, { userid: error.userid ?? userid });
        // A 401 with another code is about something else, for example a wrong PIN.
        const unnamed = error.code === 'bad_server_answer' && repeats === 'always';
        const ended = error.status === 401 && (error.code === 'invalid_session' || unnamed);
        if (!ended || replaced) return false;
        throwIfLoggedOut();
        replaced = true;
        used = await replace(used);
        return true;
      },
    );
  }

  /** Overloaded by what it resolves with. */
  function request<Body = unknown>(wanted: RequestOptions & { full: true }): RequestTask<FullResponse<Body>>;
  function request<Body = unknown>(wanted: RequestOptions): RequestTask<Body>;
  function request({ url, ...wanted }: RequestOptions): RequestTask<unknown> {
    const repeats = (wanted.method ?? 'GET') === 'GET' ? 'always' : 'undone';
    return pageCall((stop) =>
      authorized(url, repeats, (address, sessionToken) => call(address, wanted, sessionToken, stop), stop),
    );
  }

  async function uploadFile(
    { url, filePath, name, formData, header, timeoutMs = fileTimeoutMs, onProgress }: UploadOptions,
    stop: Stop,
  ): Promise<unknown> {
    const send = (address: string, sessionToken: string) =>
      transfer<HttpAnswer>(
        (callbacks) =>
          watched(
            getWx().uploadFile({
              url: address,
              filePath,
              name,
              // wx adds a Content-Type with the boundary.
              header: headersToSend(header, sessionToken),
              timeout: timeoutMs,
              ...(formData && { formData }),
              ...callbacks,
            }),
            onProgress,
          ),
        timeoutMs,
        stop,
      );
    return authorized(url, 'never', async (...to) => jsonBodyOf(responseOf(await send(...to))), stop);
  }

  async function downloadFile(
    { url, filePath, header, timeoutMs = fileTimeoutMs, onProgress }: DownloadOptions,
    stop: Stop,
  ): Promise<{ filePath: string }> {
    return authorized(
      url,
      'always',
      async (address, sessionToken) => {
        let heard: Record<string, unknown> | undefined;
        const answer = await transfer<DownloadAnswer>(
          (callbacks) => {
            const task = getWx().downloadFile({
              url: address,
              header: headersToSend(header, sessionToken),
              timeout: timeoutMs,
              ...(filePath !== undefined && { filePath }),
              ...callbacks,
            });
            // On many phones the answer has them too, but only these are documented.
            task?.onHeadersReceived?.((received) => (heard = received?.header));
            return watched(task, onProgress);
          },
          timeoutMs,
          stop,
        );
        const headers = answer.header ?? heard ?? {};
        const path: unknown = answer.filePath ?? answer.tempFilePath;
        const stored = typeof path === 'string' ? path : '';
        const hasFile = stored !== '' && isSuccess(Number(answer.statusCode));
        if (hasFile && !/json/i.test(lowerCased(headers)['content-type'] ?? '')) return { filePath: stored };
        // wx stores any response, so the error is in the file.
        const data = stored === '' ? '' : await readText(getWx, stored);
        if (hasFile && !isPlatformError(jsonOr(data))) return { filePath: stored };
        if (stored !== '') removeFile(getWx, stored);
        jsonBodyOf(responseOf(Object.assign(answer, { data, header: headers })));
        throw new WecomLoginError('bad_server_answer');
      },
      stop,
    );
  }

  async function connectSocket(
    { url, protocols, header, timeoutMs = requestTimeoutMs, listen }: SocketOptions,
    stop: Stop,
  ): Promise<SocketTask> {
    const open = async (address: string, sessionToken: string) => {
      const throwIfLoggedOut = watchLogout();
      let socket: SocketTask | undefined;
      await transfer<object>(
        ({ success, fail }) => {
          // From now on a logout closes it, also while it opens.
          const opened = getWx().connectSocket({
            url: address.replace(/^http/i, 'ws'),
            header: headersToSend(header, sessionToken),
            timeout: timeoutMs,
            success: () => undefined,
            fail,
            ...(protocols && { protocols }),
          });
          socket = opened;
          openSockets.push(opened);
          opened.onOpen(success);
          opened.onError(fail);
          opened.onClose(() => {
            openSockets = openSockets.filter((one) => one !== opened);
            fail({ errMsg: 'connectSocket:fail closed' });
          });
          listen?.(opened);
          return { abort: () => opened.close({}) };
        },
        timeoutMs,
        stop,
      ).catch(async (error: unknown) => {
        openSockets = openSockets.filter((one) => one !== socket);
        // Also when `listen` threw.
        end({ abort: () => socket?.close({}) });
        throwIfLoggedOut();
        if (stop.aborted) throw error;
        // wx does not tell the status of a refused handshake, so ask whether the session is the reason.
        const reason: unknown = await ask('/session', {}, sessionToken).catch((refusal: unknown) => refusal);
        throw reason instanceof Error && toLoginError(reason).code === 'invalid_session' ? reason : error;
      });
      if (!socket) throw new WecomLoginError('unexpected');
      throwIfLoggedOut();
      return socket;
    };
    return authorized(url.replace(/^ws/i, 'http'), 'never', open, stop);
  }

  function closeSockets(): void {
    for (const socket of openSockets) end({ abort: () => socket.close({}) });
    openSockets = [];
  }

  async function userdata(kind: UserdataKind, stop: Stop): Promise<unknown> {
    const throwIfLoggedOut = watchLogout();
    for (let again = false; ; again = true) {
      const before = await enter();
      const isMember = before.session.role === 'member';
      const qy = await qyWith(kind);
      try {
        // First, so that the member is not asked twice.
        if (isMember && !again) await checkQyLogin(qy, wecomTimeoutMs);
        const data = await encryptedUserdata(qy, kind);
        throwIfLoggedOut();
        // Only reads, so it may be sent twice.
        return await authorized(
          '/userdata',
          'always',
          (address, sessionToken) => call(address, { method: 'POST', data }, sessionToken, stop),
          stop,
        );
      } catch (thrown) {
        if (again || !isMember || toLoginError(thrown).code !== 'invalid_encrypted_data') throw thrown;
        throwIfLoggedOut();
        await replace(before);
      }
    }
  }

  async function reviewerLoginOffered(): Promise<boolean> {
    try {
      await withRetries(() => ask('/login/reviewer', {}), 'always');
    } catch (thrown) {
      const error = toLoginError(thrown);
      if (error.code === 'method_not_allowed') return true;
      if (error.code === 'not_found') return false;
      throw error;
    }
    throw new WecomLoginError('bad_server_answer');
  }

  /** Removes the session, also that of a login in progress. */
  async function takeSession(): Promise<Held | undefined> {
    await running?.catch(() => undefined);
    const taken = held;
    hold(undefined);
    return taken;
  }

  return {
    environment,

    /**
     * Logs the member in if they are not. A second call during a login gets the same session; during a login of a
     * reviewer it waits for its end first.
     */
    login: (): Promise<Session> => rejectWithLoginError(() => logInOnDemand(enter)),

    /** Returns who is logged in, as far as the client knows. */
    session: (): Session | undefined => held?.session,

    /**
     * Calls `listener` after each login and each end of a session, for stores and open sockets. Returns a function that
     * stops it.
     */
    onSessionChange: (listener: (session: Session | undefined) => void): (() => void) =>
      sessionChange.add(listener),

    /**
     * Calls `listener` when a call other than a login ends with an error after which the member cannot stay on any page:
     * `corp_not_allowed`, `member_not_allowed`, `not_in_wecom`, `logged_out`, `reviewer_session_ended`. Once, however
     * many calls wait, until the next login. Returns a function that stops it.
     */
    onRefused: (listener: (error: WecomLoginError) => void): (() => void) => refused.add(listener),

    /**
     * Calls one of your functions, or ours, with the session. Logs in first if there is none. A session that ended is
     * replaced once, for all waiting calls, and the request is sent again.
     *
     * Resolves with the JSON body, or `undefined` for 204. If the server asks to wait, waits up to `waitMsMax`.
     */
    request,

    /** Sends a file, and again only if the session had ended. Resolves with the JSON body. */
    uploadFile: <Body = unknown>(wanted: UploadOptions): RequestTask<Body> =>
      pageCall(async (stop) => (await uploadFile(wanted, stop)) as Body),

    /** Resolves with the path of the stored file. After an error there is no file. */
    downloadFile: (wanted: DownloadOptions): RequestTask<{ filePath: string }> =>
      pageCall((stop) => downloadFile(wanted, stop)),

    /**
     * Opens a WebSocket (`wss://…` on a trusted address) and resolves when it is open. The server checks the session at
     * the handshake; afterwards the socket stays open until one side or `logout()` closes it.
     */
    connectSocket: (wanted: SocketOptions): RequestTask<SocketTask> =>
      pageCall((stop) => connectSocket(wanted, stop)),

    /**
     * Returns data of the member that only their WeCom client has, decrypted by the server. If the session_key has
     * changed, or WeCom's own login has ended, logs in again and fetches the data again, once.
     */
    userdata: <Kind extends UserdataKind>(kind: Kind): RequestTask<Userdata[Kind]> =>
      pageCall(async (stop) => (await userdata(kind, stop)) as Userdata[Kind]),

    /**
     * Returns whether the app store's reviewers may log in now. Sends a GET: 405 means yes, 404 means no. No password is
     * sent, so the server counts no try.
     */
    reviewerLoginOffered: (): Promise<boolean> => rejectWithLoginError(reviewerLoginOffered),

    /**
     * Logs a reviewer in. Waits for any other login first. Never retries by itself, because the server counts each try.
     */
    reviewerLogin: (account: string, password: string): Promise<Session> =>
      rejectWithLoginError(() => logInOnDemand(() => enterAsReviewer(account, password))),

    /**
     * Ends the session; with `everywhere`, all sessions of this person. Closes the sockets. Afterwards nothing logs in by
     * itself, and calls that wait for another try are cancelled.
     *
     * Resolves with false if the server could not be reached: there the session ends after its idle time. With
     * `everywhere` also if the session had already ended, or there was none: then the other sessions go on. Log in and
     * call it again. Never rejects.
     */
    async logout(how: { everywhere?: boolean } = {}): Promise<boolean> {
      loggedOut = true;
      logouts += 1;
      const thisLogout = takeSession();
      runningLogout = thisLogout;
      const ended = await thisLogout;
      if (runningLogout === thisLogout) runningLogout = undefined;
      closeSockets();
      const everywhere = (Object(how) as typeof how).everywhere === true;
      if (!ended) return !everywhere;
      const leave = () =>
        ask(everywhere ? '/session?all=true' : '/session', { method: 'DELETE' }, ended.sessionToken);
      try {
        await leave().catch((error: unknown) => {
          if (toLoginError(error).code !== 'server_failed') throw error;
          return leave();
        });
        return true;
      } catch (thrown) {
        return !everywhere && toLoginError(thrown).code === 'invalid_session';
      }
    },
  };
}

/** Errors, apart from `interrupted`, of an attempt that was sent to the background. */
const backgroundErrors = ['wecom_login_failed', 'wecom_timeout', 'server_timeout', 'offline'];

/** Watches whether the mini-program is visible. In the background WeChat stops requests after 5 s and refuses new ones. */
function watchForeground(getWx: () => Wx) {
  let hiddenSinceMs: number | undefined;
  let hiddenMs = 0;
  let hideCount = 0;
  let waiting: (() => void)[] = [];
  const hiddenNowMs = () => (hiddenSinceMs === undefined ? 0 : Date.now() - hiddenSinceMs);
  try {
    getWx().onAppHide?.(() => {
      hiddenSinceMs = hiddenSinceMs ?? Date.now();
      hideCount += 1;
    });
    getWx().onAppShow?.(() => {
      hiddenMs += hiddenNowMs();
      hiddenSinceMs = undefined;
      for (const resolve of waiting) resolve();
      waiting = [];
    });
  } catch {
    // Not in a mini-program: each call reports that itself.
  }
  return {
    hideCount: () => hideCount,
    /** A clock that does not run in the background. */
    shownMs: () => Date.now() - hiddenMs - hiddenNowMs(),
    /** Resolves when the mini-program is visible again, or still runs after `hiddenMsMax`: the event may be lost. */
    shown: () =>
      new Promise<void>((resolve) => {
        if (hiddenSinceMs === undefined) return resolve();
        waiting.push(resolve);
        setTimeout(resolve, hiddenMsMax);
      }),
  };
}

/** Listeners of one event. One that throws does not disturb the others; the mini-program's onError gets its error. */
function createEvent<Value>() {
  let listeners: ((value: Value) => void)[] = [];
  return {
    add(listener: (value: Value) => void): () => void {
      listeners = [...listeners, listener];
      return () => void (listeners = listeners.filter((one) => one !== listener));
    },
    tell(value: Value): void {
      for (const listener of listeners) {
        try {
          listener(value);
        } catch (error) {
          setTimeout(() => {
            throw error;
          }, 0);
        }
      }
    },
  };
}

/** What `abort()` of a {@link RequestTask} does to a call: nothing is started after it, and `task` ends. */
interface Stop {
  aborted: boolean;
  task?: Task | undefined;
}

/** Makes a {@link RequestTask} of `work`. */
function abortable<Result>(work: (stop: Stop) => Promise<Result>): RequestTask<Result> {
  const stop: Stop = { aborted: false };
  let rejectNow: ((error: WecomLoginError) => void) | undefined;
  const result = new Promise<Result>((resolve, reject) => {
    rejectNow = reject;
    work(stop).then(resolve, (thrown: unknown) => reject(toLoginError(thrown)));
  });
  return Object.assign(result, {
    abort() {
      stop.aborted = true;
      rejectNow?.(new WecomLoginError('aborted'));
      end(stop.task);
    },
  });
}

/** Runs `work`; rejects only with {@link WecomLoginError}. */
async function rejectWithLoginError<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw toLoginError(thrown);
  }
}

/** A code of the client; `invalid_encrypted_data` is the server's, and WeCom's client may say the same. */
type ErrorCode = ClientErrorCode | 'invalid_encrypted_data';

/**
 * Calls a function of wx and returns a promise. It settles exactly once, whatever wx does: calls back with nothing, with
 * an undocumented value, twice, never, or throws. Rejects with `timeoutCode` if wx does not call back in time, and with
 * `failedCode` for any other failure. A result that is not an object becomes `{}`.
 */
function settle<Result extends object>(
  call: (callbacks: Callbacks<Result>) => unknown,
  timeoutMs: number,
  timeoutCode: ErrorCode,
  failedCode: ErrorCode | ((errMsg: string) => ErrorCode),
): Promise<Partial<Result>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new WecomLoginError(timeoutCode)), timeoutMs);
    const success = (result: unknown) => {
      clearTimeout(timer);
      resolve(Object(result) === result ? (result as Result) : {});
    };
    const fail = (error: unknown) => {
      clearTimeout(timer);
      const detail = messageOf(error);
      reject(
        new WecomLoginError(typeof failedCode === 'string' ? failedCode : failedCode(detail), { detail }),
      );
    };
    try {
      const returned = Object(call({ success, fail })) as { then?: unknown };
      // Some frameworks make these functions return promises; their result was passed to `success` before.
      if (typeof returned.then === 'function') void Promise.resolve(returned).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  });
}

/** Returns the message of anything that was thrown; never throws. */
function messageOf(error: unknown): string {
  try {
    const { errMsg, errCode, message } = Object(error) as Record<string, unknown>;
    const said = errMsg ?? message ?? error ?? '';
    const text = typeof said === 'string' ? said : (JSON.stringify(said) ?? '');
    return typeof errCode === 'number' ? `${text} (${errCode})` : text;
  } catch {
    return '';
  }
}

/** Runs a function of wx that sends something. Whatever ends the wait also ends what was started. */
async function transfer<Answer extends object>(
  start: (callbacks: Callbacks<Answer>) => Task | undefined,
  timeoutMs: number,
  stop?: Stop,
): Promise<Partial<Answer>> {
  let task: Task | undefined;
  return settle<Answer>(
    (callbacks) => {
      task = start(callbacks);
      if (stop) stop.task = task;
      return task;
    },
    // wx's own timeout comes first, if it is supported. Ours is for requests that still hang.
    timeoutMs + 500,
    'server_timeout',
    codeOfFailure,
  ).catch((error: unknown) => {
    end(task);
    throw error;
  });
}

function end(task: Task | undefined): void {
  try {
    task?.abort?.();
  } catch {
    // Nobody waits for its response any more.
  }
}

function watched(task: Task | undefined, onProgress?: (percent: number) => void): Task | undefined {
  if (onProgress) task?.onProgressUpdate?.(({ progress }) => onProgress(progress));
  return task;
}

/** Reads a small file as text; never rejects. */
async function readText(getWx: () => Wx, filePath: string): Promise<string> {
  const { data } = await settle<{ data?: unknown }>(
    ({ success, fail }) => {
      const files = getWx().getFileSystemManager?.();
      if (!files) throw new Error('there is no getFileSystemManager');
      files.readFile({ filePath, encoding: 'utf8', success, fail });
    },
    readFileTimeoutMs,
    'unexpected',
    'unexpected',
  ).catch((): { data?: unknown } => ({}));
  return typeof data === 'string' ? data : '';
}

function removeFile(getWx: () => Wx, filePath: string): void {
  try {
    getWx()
      .getFileSystemManager?.()
      .unlink({ filePath, fail: () => undefined });
  } catch {
    // It stays: there is an error to report already.
  }
}

/** Returns `wx.qy`, if there is one. */
function qyOf(getWx: () => Wx): Qy | undefined {
  try {
    return getWx().qy ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Throws `invalid_encrypted_data` if WeCom's own login has ended: it may end before the session. A WeCom that cannot tell
 * fails later, with 42013.
 */
async function checkQyLogin(qy: Qy, timeoutMs: number): Promise<void> {
  if (typeof qy.checkSession !== 'function') return;
  const ended = 'invalid_encrypted_data';
  await settle<object>(
    (callbacks) => qy.checkSession?.(callbacks),
    timeoutMs,
    ended,
    () => ended,
  );
}

async function encryptedUserdata(
  qy: Qy,
  kind: UserdataKind,
): Promise<{ encrypted_data: string; iv: string }> {
  const { encryptedData, iv } = await settle<EncryptedUserdata>(
    (callbacks) => qy[kind]?.(callbacks),
    consentTimeoutMs,
    'wecom_timeout',
    (failure) => (/\b42013\b/.test(failure) ? 'invalid_encrypted_data' : 'userdata_not_given'),
  );
  if (!encryptedData || !iv) throw new WecomLoginError('userdata_not_given');
  return { encrypted_data: encryptedData, iv };
}

/** Authorization is always ours, in whatever case the caller writes the names. */
function headersToSend(
  header: Record<string, string> | undefined,
  sessionToken: string | undefined,
  contentType?: string,
): Record<string, string> {
  const names = Object.keys(header ?? {});
  const sent: Record<string, string> = {};
  const typed = names.some((name) => name.toLowerCase() === 'content-type');
  if (contentType !== undefined && !typed) sent['Content-Type'] = contentType;
  for (const name of names) {
    const value = header?.[name];
    if (name.toLowerCase() !== 'authorization' && value !== undefined) sent[name] = value;
  }
  if (sessionToken !== undefined) sent['Authorization'] = `Bearer ${sessionToken}`;
  return sent;
}

/**
 * Returns a response of 2xx and throws for every other. A response that does not come from a function is `server_failed`
 * if the platform or a gateway sent it, otherwise `bad_server_answer`: a proxy, a hotel's login page.
 */
function responseOf({ statusCode, data, header: headers }: Partial<HttpAnswer>): FullResponse<unknown> {
  const status = Number(statusCode);
  const header = lowerCased(headers);
  const body = typeof data === 'string' ? jsonOr(data) : data;
  const fromPlatform = isPlatformError(body);
  if (isSuccess(status) && !fromPlatform) return { status, header, data: status === 204 ? undefined : body };
  const { error, request_id: named, corpid, userid, errorMessage } = Object(body) as Record<string, unknown>;
  const requestId = named ?? header[scfRequestId];
  const retryAfter = header['retry-after'] ?? '';
  const instead = fromPlatform || isPlatformStatus(status) ? 'server_failed' : 'bad_server_answer';
  throw new WecomLoginError(typeof error === 'string' && !isSuccess(status) ? error : instead, {
    ...(status > 0 && { status }),
    ...(typeof requestId === 'string' && { requestId }),
    ...(typeof corpid === 'string' && { corpid }),
    ...(typeof userid === 'string' && { userid }),
    ...(typeof errorMessage === 'string' && { detail: errorMessage }),
    ...(/^\d{1,6}$/.test(retryAfter) && { retryAfterSeconds: Number(retryAfter) }),
  });
}

/** Returns the JSON of a 2xx, and `undefined` for 204. Anything else does not come from a function of ours. */
function jsonBodyOf({ status, header, data }: FullResponse<unknown>): unknown {
  if (status === 204 || (typeof data === 'object' && data !== null)) return data;
  const requestId = header[scfRequestId];
  throw new WecomLoginError('bad_server_answer', { status, ...(requestId !== undefined && { requestId }) });
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const scfRequestId = 'x-scf-request-id';

/** The fields of SCF's own errors. A body with any other field comes from a function. */
const platformFields = ['errorCode', 'errorMessage', 'errorType', 'requestId', 'stackTrace', 'statusCode'];

/** SCF responded instead of the function: `{"errorCode":…,"errorMessage":…}`, possibly with status 200. */
function isPlatformError(body: unknown): boolean {
  const names = typeof body === 'object' && body !== null ? Object.keys(body) : [];
  return (
    names.includes('errorCode') &&
    names.includes('errorMessage') &&
    names.every((name) => platformFields.includes(name))
  );
}

/**
 * Statuses that SCF (430 to 449, 429) or a gateway sends when the server could not respond. 511 means that the network
 * requires a login.
 * @see https://cloud.tencent.com/document/product/583/42611
 */
function isPlatformStatus(status: number): boolean {
  return status === 429 || (status >= 430 && status < 450) || (status >= 500 && status !== 511);
}

/** No instance was free, so nothing ran. */
function wasNotProcessed({ status }: WecomLoginError): boolean {
  return status === 429 || status === 432 || status === 449;
}

function lowerCased(header: Record<string, unknown> | undefined): Record<string, string> {
  const given = Object(header) as Record<string, unknown>;
  const lower: Record<string, string> = {};
  for (const name of Object.keys(given)) lower[name.toLowerCase()] = String(given[name]);
  return lower;
}

/** Returns the text itself if it is not JSON. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return text;
  }
}

/** Returns the session in a response of `/login`, `/login/reviewer` or `/session`, or `undefined`. */
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

/** Messages are in the language of the system. An unknown message counts as a bad network. */
function codeOfFailure(errMsg: string): ClientErrorCode {
  if (/interrupted/i.test(errMsg)) return 'interrupted';
  // The file to upload: a mistake of the page.
  if (/file not found|no such file/i.test(errMsg)) return 'unexpected';
  if (/time(d?[ _-]?)out|超时|逾時/i.test(errMsg)) return 'server_timeout';
  // A server name that cannot be resolved is a network problem.
  if (/not[ _]resolved|解析/i.test(errMsg)) return 'offline';
  if (/domain list|legal domain|invalid url|cert(?!ain)|ssl|tls/i.test(errMsg)) return 'server_url_refused';
  if (/证书|憑證|域名|備案|备案/.test(errMsg)) return 'server_url_refused';
  return 'offline';
}

/** Returns the address for this version of the mini-program. WeCom may not say which it is: then that of the release. */
function addressIn(serverUrl: unknown, getWx: () => Wx): unknown {
  if (typeof serverUrl !== 'object' || serverUrl === null) return serverUrl;
  const { develop, trial, release } = serverUrl as Partial<ServerUrls>;
  const version = envVersionOf(getWx);
  return (version === 'develop' ? develop : version === 'trial' ? trial : undefined) ?? release;
}

function envVersionOf(getWx: () => Wx): unknown {
  try {
    return getWx().getAccountInfoSync?.().miniProgram?.envVersion;
  } catch {
    return undefined;
  }
}

/** By regular expression: mini-programs have no URL class. */
function validServerUrl(serverUrl: unknown): string {
  const address = typeof serverUrl === 'string' ? serverUrl.trim().replace(/\/+$/, '') : '';
  const host = /^https?:\/\/([^/:?#@\s]+)(:\d+)?(\/[^?#\s]*)?$/.exec(address)?.[1];
  if (host === undefined || /(^|\.)example\.(com|org|net)$/.test(host)) {
    throw new WecomLoginError('server_url_missing');
  }
  return address;
}

function isSamePerson(one: Session | undefined, other: Session): boolean {
  return (
    one?.role === other.role &&
    one.member?.corpid === other.member?.corpid &&
    one.member?.userid === other.member?.userid
  );
}

/** Returns the full URL, or throws: the session_token must not be sent anywhere else. */
function trustedUrl(url: string, serverUrl: string, otherBackends: readonly string[]): string {
  const whole = /^\/(?!\/)/.test(url) ? `${serverUrl}${url}` : url;
  const { origin, path } = partsOf(whole);
  // A URL parser would resolve these to another path, or drop them.
  const strays = /[\\\s]|(\/|%2f|%5c)(\.|%2e){2}/i.test(path);
  const trusted = [serverUrl, ...otherBackends].some((backend) => {
    const { origin: itsOrigin, path: itsPath } = partsOf(backend.replace(/\/+$/, '').replace(/^ws/i, 'http'));
    return origin === itsOrigin && `${path}/`.startsWith(`${itsPath}/`);
  });
  if (origin === '' || strays || !trusted) throw new WecomLoginError('url_not_trusted', { detail: url });
  return whole;
}

/** Splits into `https://host:port` in lower case, and the path without the query. */
function partsOf(url: string): { origin: string; path: string } {
  const [, origin = '', path = ''] = /^(https?:\/\/[^/?#\\]+)([^?#]*)/i.exec(url) ?? [];
  return { origin: origin.toLowerCase(), path };
}

/**
 * The only stored value: which company's app to ask first. It names no person, gives no access, and the server does not
 * trust it. It saves members of a second company one code and one round trip at each start.
 */
function rememberedCorpid(getWx: () => Wx): string {
  try {
    const corpid: unknown = getWx().getStorageSync(hintKey);
    return typeof corpid === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(corpid) ? corpid : '';
  } catch {
    return '';
  }
}

function rememberCorpid(getWx: () => Wx, corpid: string): void {
  try {
    getWx().setStorageSync(hintKey, corpid);
  } catch {
    // Full or forbidden: the next start costs one more round trip.
  }
}

/** As documented; {@link settle} handles everything else too. */
interface Callbacks<Result> {
  success(result: Result): void;
  fail(error: { errMsg?: string }): void;
}

interface HttpAnswer {
  statusCode: number;
  data: unknown;
  header?: Record<string, unknown>;
}

/** `environment` is what `wx.getSystemInfo` adds in WeCom. */
export interface SystemInfo {
  environment?: string;
  platform?: string;
}

export interface EncryptedUserdata {
  encryptedData?: string;
  iv?: string;
}

/**
 * `wx.qy`: exists only in WeCom, and is missing in miniprogram-api-typings.
 * @see https://developer.work.weixin.qq.com/document/path/91506
 */
export type Qy = {
  login(options: Callbacks<{ code?: string; errMsg?: string }>): unknown;
  checkSession?(options: Callbacks<object>): unknown;
} & Partial<Record<UserdataKind, (options: Callbacks<EncryptedUserdata>) => unknown>>;

/** What wx returns for something that it sends. */
interface Task {
  abort?: () => void;
  onProgressUpdate?: (listener: (update: { progress: number }) => void) => void;
  onHeadersReceived?: (listener: (received?: { header?: Record<string, unknown> }) => void) => void;
}

interface DownloadAnswer extends Omit<HttpAnswer, 'data'> {
  tempFilePath?: string;
  filePath?: string;
}

/** @see https://developers.weixin.qq.com/miniprogram/dev/api/network/websocket/SocketTask.html */
export interface SocketTask {
  send(options: { data: string | ArrayBuffer }): void;
  close(options: { code?: number; reason?: string }): void;
  onOpen(listener: (result: object) => void): void;
  onMessage(listener: (result: { data: string | ArrayBuffer }) => void): void;
  onClose(listener: (result: { code: number; reason: string }) => void): void;
  onError(listener: (result: { errMsg: string }) => void): void;
}

interface Transfer<Answer> extends Callbacks<Answer> {
  url: string;
  header: Record<string, string>;
  /** ms */
  timeout: number;
}

/** Everything this file uses of the mini-program around it. */
export interface Wx {
  qy?: Qy | undefined;
  getSystemInfo(options: Callbacks<SystemInfo>): unknown;
  getAccountInfoSync?(): { miniProgram?: { envVersion?: string } };
  request(
    options: Transfer<HttpAnswer> & { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; data?: object },
  ): Task | undefined;
  uploadFile(
    options: Transfer<HttpAnswer> & { filePath: string; name: string; formData?: Record<string, string> },
  ): Task | undefined;
  downloadFile(options: Transfer<DownloadAnswer> & { filePath?: string }): Task | undefined;
  connectSocket(options: Transfer<object> & { protocols?: string[] }): SocketTask;
  getFileSystemManager?(): {
    readFile(options: Callbacks<{ data: unknown }> & { filePath: string; encoding: 'utf8' }): void;
    unlink(options: { filePath: string; fail(): void }): void;
  };
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, value: string): void;
  onAppShow?(listener: () => void): void;
  onAppHide?(listener: () => void): void;
}

declare const wx: Wx;

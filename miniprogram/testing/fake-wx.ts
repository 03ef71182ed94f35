// A `wx` for unit tests of your own code: no network and no WeCom. Leave it out of what you upload.
import type { Member, SocketTask, Wx } from '../wecom-login';

/** One request as your functions would receive it. */
export interface FakeRequest {
  method: string;
  /** With the query. */
  path: string;
  header: Record<string, string>;
  /** The JSON body, or the further parts of an upload. */
  data?: unknown;
  filePath?: string;
}

export interface FakeAnswer {
  /** 200 by default. */
  status?: number;
  data?: unknown;
  header?: Record<string, string>;
}

export interface FakeWxOptions {
  /** Who holds the phone. */
  member?: Partial<Member>;
  /** `false` is ordinary WeChat, without `wx.qy`. */
  inWecom?: boolean;
  /**
   * Your functions, as `'GET /orders': (request) => ({ data: […] })`. All others respond with 404 `not_found`. An answer
   * of yours to `POST /login` or `POST /login/reviewer` begins the session that it holds.
   */
  answers?: Record<string, (request: FakeRequest) => FakeAnswer>;
}

interface Callbacks<Result> {
  success(result: Result): void;
  fail(error: { errMsg?: string }): void;
}

const expiresInSeconds = 1800;
const fakeMember: Member = {
  corpid: 'wwfake',
  userid: 'ZhangSan',
  name: '张三',
  department: [1],
  position: '',
};

/** Creates the `wx` option of `createWecomLogin`, and what a test needs to steer it. Everything calls back later. */
export function createFakeWx({ member, inWecom = true, answers = {} }: FakeWxOptions = {}) {
  const person = { ...fakeMember, ...member };
  const sent: FakeRequest[] = [];
  const storage = new Map<string, unknown>();
  const listeners = { show: [] as (() => void)[], hide: [] as (() => void)[] };
  const failures: string[] = [];
  let logins = 0;
  let valid = '';
  let codes = 0;
  let stored = '';

  const ofMember = { role: 'member', expires_in: expiresInSeconds, member: person };
  let session: object = {};

  function answerTo(request: FakeRequest): FakeAnswer {
    const what = `${request.method} ${request.path.split('?')[0]}`;
    const own = answers[what];
    if (what.endsWith(' /login') || what.endsWith(' /login/reviewer')) {
      if (!own && what !== 'POST /login') return { status: 404, data: { error: 'not_found' } };
      const answer = own?.(request) ?? { data: { session_token: `fake-${(logins += 1)}`, ...ofMember } };
      const { session_token: sessionToken, ...begun } = Object(answer.data) as Record<string, unknown>;
      if (typeof sessionToken === 'string' && (answer.status ?? 200) < 300) {
        valid = sessionToken;
        session = begun;
      }
      return answer;
    }
    if (valid === '' || request.header['Authorization'] !== `Bearer ${valid}`) {
      return { status: 401, data: { error: 'invalid_session' } };
    }
    if (own) return own(request);
    if (what === 'GET /session') return { data: session };
    if (what === 'DELETE /session') {
      valid = '';
      return { status: 204, data: '' };
    }
    if (what !== 'POST /userdata') return { status: 404, data: { error: 'not_found' } };
    return { data: { corpid: person.corpid, userid: person.userid } };
  }

  function send(
    url: string,
    request: Omit<FakeRequest, 'path'>,
    fail: (error: { errMsg: string }) => void,
    answered: (answer: Required<FakeAnswer>) => void,
  ): { abort(): void } {
    let aborted = false;
    const path = url.replace(/^\w+:\/\/[^/]+/, '');
    later(() => {
      const errMsg = aborted ? 'request:fail abort' : failures.shift();
      if (errMsg !== undefined) return fail({ errMsg });
      sent.push({ ...request, path });
      answered({ status: 200, data: '', header: {}, ...answerTo({ ...request, path }) });
    });
    return { abort: () => void (aborted = true) };
  }

  const wx: Wx = {
    request: ({ url, method, header, data, success, fail }) =>
      send(url, { method, header, ...(data && { data }) }, fail, (answer) =>
        success({ statusCode: answer.status, header: answer.header, data: answer.data }),
      ),
    uploadFile: ({ url, header, filePath, formData, success, fail }) =>
      send(url, { method: 'POST', header, filePath, ...(formData && { data: formData }) }, fail, (answer) =>
        success({ statusCode: answer.status, data: JSON.stringify(answer.data) }),
      ),
    downloadFile: ({ url, header, filePath, success, fail }) =>
      send(url, { method: 'GET', header }, fail, ({ status, data }) => {
        stored = typeof data === 'string' ? data : JSON.stringify(data);
        const where = filePath === undefined ? { tempFilePath: 'fake://file' } : { filePath };
        success({ statusCode: status, ...where });
      }),
    connectSocket({ url, header }) {
      const heard: { open?: (result: object) => void; error?: (error: { errMsg: string }) => void } = {};
      const refused = (error: { errMsg: string }) => heard.error?.(error);
      const { abort } = send(url, { method: 'GET', header }, refused, ({ status }) =>
        status < 300 ? heard.open?.({}) : refused({ errMsg: `connectSocket:fail ${status}` }),
      );
      const socket: SocketTask = {
        send: () => undefined,
        close: abort,
        onOpen: (listener) => void (heard.open = listener),
        onError: (listener) => void (heard.error = listener),
        onMessage: () => undefined,
        onClose: () => undefined,
      };
      return socket;
    },
    getFileSystemManager: () => ({
      readFile: ({ success }) => later(() => success({ data: stored })),
      unlink: () => undefined,
    }),
    getSystemInfo: ({ success }) =>
      later(() => success(inWecom ? { environment: 'wxwork' } : { environment: 'wechat' })),
    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => void storage.set(key, value),
    onAppShow: (listener) => void listeners.show.push(listener),
    onAppHide: (listener) => void listeners.hide.push(listener),
    ...(inWecom && {
      qy: {
        login: ({ success }) => later(() => success({ code: `fake-code-${(codes += 1)}` })),
        getEnterpriseUserInfo: encrypted,
        getMobile: encrypted,
        getEmail: encrypted,
        getAvatar: encrypted,
        getQrCode: encrypted,
      },
    }),
  };

  return {
    wx,
    /** All requests, in order. */
    sent: sent as readonly FakeRequest[],
    /** Ends the session on the server; the client does not know. */
    endSession: () => void (valid = ''),
    /** The next request does not arrive. */
    failNext: (errMsg = 'request:fail ') => void failures.push(errMsg),
    hide: () => listeners.hide.forEach((listener) => listener()),
    show: () => listeners.show.forEach((listener) => listener()),
  };
}

function encrypted({ success }: Callbacks<{ encryptedData: string; iv: string }>): void {
  later(() => success({ encryptedData: 'fake', iv: 'fake' }));
}

function later(run: () => void): void {
  void Promise.resolve().then(run);
}

// Plays one history with the compiled client, and checks the client's promises.
import { texts } from '../miniprogram/texts.ts';
import type { History, Operation, Step } from './mini-program-histories.ts';
import { type Answer, createOddWx, type WantedRequest, type Watcher } from './mini-program-odd-wx.ts';
import { openClient } from './mini-program-old-runtime.ts';
import { createVirtualTime } from './mini-program-virtual-time.ts';
import type { Login, World } from './world.ts';

export interface Stage {
  world: World;
  login: Login;
  reviewer: { account: string; password: string };
}

const hourMs = 3_600_000;
const timersMax = 5000;
const loginMsMax = 60_000;

/** @throws an error with one line per broken promise */
export async function play(code: string, stage: Stage, history: History): Promise<void> {
  const broken: string[] = [];
  const time = createVirtualTime();
  const watcher = watchRequests(broken);
  const phone = createOddWx(stage, history, time, watcher);
  const client = openClient(code, { ...time, wx: phone.wx }).createWecomLogin({ serverUrl: stage.login.url });
  const pending = new Set<string>();
  let calls = 0;

  /** Follows a promise of the client to its end; resolves with undefined when it rejects. */
  async function follow(name: string, promise: Promise<unknown>, neverRejects = false): Promise<unknown> {
    const call = `${name} #${(calls += 1)}`;
    pending.add(call);
    try {
      return await promise;
    } catch (thrown) {
      const { name: kind, code: found, detail } = Object(thrown) as Record<string, unknown>;
      const known = kind === 'WecomLoginError' && (found === 'wrong_pin' || String(found) in texts);
      if (neverRejects || !known || found === 'unexpected') {
        broken.push(
          `${call} rejects as documented, not with ${String(kind)} ${String(found)}: ${String(detail)}`,
        );
      }
      return undefined;
    } finally {
      pending.delete(call);
    }
  }

  let lastTask: { abort(): void } | undefined;
  function abortable(name: string, task: Promise<unknown> & { abort(): void }): Promise<unknown> {
    lastTask = task;
    return follow(name, task);
  }

  /** Time passes until all that was called is settled; the member comes back when nothing else happens. */
  async function allSettles(): Promise<void> {
    for (let fired = 0; fired < timersMax; fired += 1) {
      await time.quiet();
      if (pending.size === 0) return;
      if (time.next()) continue;
      if (!time.hidden()) break;
      phone.show();
    }
    broken.push(`everything ends, but not ${[...pending].join(', ')}`);
    pending.clear();
  }

  /** A member who was logged in, and was neither logged out nor refused since, has a session. */
  async function loggedIn(): Promise<unknown> {
    const before = watcher.losses();
    const session = await client.login();
    if (watcher.losses() === before && client.session() === undefined) {
      broken.push('a login that succeeded has a session');
    }
    return session;
  }

  const operations: Record<Operation, () => unknown> = {
    login: () => follow('login', watcher.entering(loggedIn)),
    get: () => abortable('get', client.request({ url: '/session' })),
    post: () => abortable('post', client.request({ url: `/own?call=${calls}`, method: 'POST', data: {} })),
    full: () => abortable('full', client.request({ url: '/session', full: true })),
    upload: () =>
      abortable('upload', client.uploadFile({ url: `/own/upload?call=${calls}`, filePath: 'a', name: 'a' })),
    download: () => abortable('download', client.downloadFile({ url: '/own/file' })),
    socket: () => abortable('socket', client.connectSocket({ url: '/own/live' })),
    abort: () => lastTask?.abort(),
    userdata: () => follow('userdata', client.userdata('getEnterpriseUserInfo')),
    mobile: () => follow('mobile', client.userdata('getMobile')),
    logout: () =>
      follow(
        'logout',
        watcher.leaving(() => client.logout()),
        true,
      ),
    'logout everywhere': () =>
      follow(
        'logout',
        watcher.leaving(() => client.logout({ everywhere: true })),
        true,
      ),
    reviewer: () => {
      const { account, password } = stage.reviewer;
      return follow(
        'reviewerLogin',
        watcher.entering(() => client.reviewerLogin(account, password)),
      );
    },
    offered: () => follow('reviewerLoginOffered', client.reviewerLoginOffered()),
    environment: () => follow('environment', client.environment(), true),
    session: () => client.session(),
  };

  async function take(step: Step): Promise<void> {
    if ('call' in step) void operations[step.call]();
    else if ('qy' in step) phone.next.qy.push(step.qy);
    else if ('request' in step) phone.next.request.push(step.request);
    else if ('systemInfo' in step) phone.next.systemInfo.push(step.systemInfo);
    else if ('storage' in step) phone.next.storage.push(step.storage);
    else if ('passMs' in step) await time.pass(step.passMs);
    else if (step.happens === 'hide') phone.hide();
    else if (step.happens === 'show') phone.show();
    else if (step.happens === 'hour ahead') time.setClock(hourMs);
    else if (step.happens === 'hour back') time.setClock(-hourMs);
    else if (step.happens === 'all settles') await allSettles();
    else if (watcher.authorization() !== '') await phone.endSession(watcher.authorization());
  }

  async function afterwards<Result>(name: string, work: () => Promise<Result>): Promise<Result | undefined> {
    const followed = follow(name, work());
    await allSettles();
    return (await Promise.race([followed, Promise.resolve()])) as Result | undefined;
  }

  for (const step of history.steps) {
    await take(step);
    if (broken.length > 0) break;
  }
  phone.heal();
  phone.show();
  await allSettles();
  // A login goes on when the call that began it is aborted.
  await time.pass(loginMsMax);
  if (history.inWecom) {
    const session = await afterwards('the last login', () => watcher.entering(() => client.login()));
    if (!session || client.session() === undefined) broken.push('a login works when everything is in order');
  } else if ((await afterwards('the last question', () => client.reviewerLoginOffered())) !== true) {
    broken.push('a question is answered when everything is in order');
  }
  if (broken.length > 0) throw new Error(broken.join('\n'));
}

/** Checks what is sent and when, and what is stored. */
function watchRequests(broken: string[]) {
  const tokens = new Set<string>();
  const leftTokens = new Set<string>();
  const codesSent = new Set<unknown>();
  const postsSent = new Set<string>();
  let lastAuthorization = '';
  let entrances = 0;
  let losses = 0;
  /** Since a logout that nobody has logged in after. */
  let left = false;

  const watcher = {
    broken: (promise: string) => void broken.push(promise),
    /** How often a session may have been lost: left, or refused. */
    losses: () => losses,
    /** The last Authorization sent. */
    authorization: () => lastAuthorization,

    entering<Result>(work: () => Promise<Result>): Promise<Result> {
      entrances += 1;
      left = false;
      return work();
    },
    async leaving(work: () => Promise<boolean>): Promise<boolean> {
      const before = entrances;
      losses += 1;
      const told = await work();
      if (entrances === before) left = true;
      return told;
    },

    sends({ url, method, data, header }: WantedRequest): void {
      const { pathname, search } = new URL(url);
      const authorization = header['Authorization'] ?? '';
      const what = `${method} ${pathname}`;
      if (pathname === '/login') {
        const { js_code: jsCode } = Object(data) as { js_code?: unknown };
        if (codesSent.has(jsCode)) broken.push('no js_code is sent twice');
        codesSent.add(jsCode);
      }
      if (method === 'DELETE') leftTokens.add(authorization);
      else if (leftTokens.has(authorization)) broken.push(`no ${what} after logout()`);
      else if (left && (authorization !== '' || pathname === '/login')) {
        broken.push(`no ${what} until somebody logs in again`);
      }
      if (method === 'POST' && pathname.startsWith('/own')) {
        if (postsSent.has(search)) broken.push(`no ${what} is sent twice`);
        postsSent.add(search);
      }
      if (authorization !== '') lastAuthorization = authorization;
    },

    /** A POST may come again when the server said so, or when nothing has run; an upload only with a new session. */
    hears({ url }: WantedRequest, { statusCode, data }: Answer): void {
      const body: unknown = typeof data === 'string' ? parsed(data) : data;
      const { error, session_token: token } = Object(body) as { error?: unknown; session_token?: unknown };
      const { pathname, search } = new URL(url);
      const told =
        ['temporarily_unavailable', 'rate_limited'].includes(String(error)) || Number(statusCode) === 432;
      if (error === 'invalid_session' || (told && pathname !== '/own/upload')) postsSent.delete(search);
      if (typeof token === 'string') tokens.add(token);
      if (['401', '403'].includes(String(statusCode))) losses += 1;
    },

    stores(value: unknown): void {
      const text = JSON.stringify(value);
      if ([...tokens].some((token) => text.includes(token))) broken.push('no session_token is stored');
    },
  } satisfies Watcher & Record<string, unknown>;
  return watcher;
}

/** Some phones give the body as text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

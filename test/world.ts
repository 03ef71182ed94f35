import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import {
  type Environment,
  invokeFunction,
  type Invocation,
  type RunningFunction,
  startFunction,
  type StartOptions,
} from '../simulator/functions.ts';
import { redisServerInstalled } from '../simulator/redis.ts';
import type { MemberInput } from '../simulator/wecom/directory.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { borrowRedis, type BorrowedRedis } from './redis-pool.ts';

/**
 * Records a value that must never be printed; `npm test` searches the whole output of the run for all of them.
 * Returns the value.
 */
export function secret(value: string): string {
  const file = process.env['SECRETS_FILE'];
  if (file !== undefined) appendFileSync(file, `${value}\n`);
  return value;
}

/** Records what was printed or logged, for the same search. */
export function keepOutput(line: string): void {
  const file = process.env['OUTPUT_FILE'];
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

/** Whether there is a real redis-server; in CI there must be one. */
export const realRedis = redisServerInstalled();
if (process.env['CI'] === 'true' && !realRedis) throw new Error('CI needs redis-server');

/** For worlds with much load: the real server responds in time even on a busy machine. */
export const quickRedis = { redis: realRedis ? 'server' : 'embedded' } as const;

/** Variables of a function in which no deadline expires because this machine is busy; Redis and WeCom keep their own time. */
export const patient = { NODE_OPTIONS: `--require "${resolve('test/patient-shim.cjs')}"` } as const;

export interface World {
  redis: BorrowedRedis;
  wecom: Wecom;
  /** Returns the complete environment of a function. Overrides take precedence; `undefined` removes a variable. */
  environment(overrides?: Record<string, string | undefined>): Environment;
  startLogin(overrides?: Record<string, string | undefined>, options?: StartOptions): Promise<Login>;
  /** Its environment has only REDIS_URL and WECOM_CALLBACKS. */
  startCallback(overrides?: Record<string, string>, options?: StartOptions): Promise<Login>;
  /** Any Web function, `dist/<name>`, with exactly this environment. */
  startWeb(name: string, environment: Environment, options?: StartOptions): Promise<Login>;
  refresh(overrides?: Record<string, string | undefined>, event?: unknown): Promise<Invocation>;
  admin(event: unknown, overrides?: Record<string, string | undefined>): Promise<Invocation>;
  /** The 接收消息 settings of each company. */
  callbacks: Record<string, { token: string; encodingAESKey: string }>;
  jsCode(userid?: string, corpid?: string): string;
  /** Adds a member for this test. Returns the userid. */
  addMember(changes?: Partial<MemberInput>): string;
  /** Sends one command on its own connection, not through the code under test. */
  redisCommand(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** Returns the whole content of Redis. */
  redisContents(): Promise<RedisEntry[]>;
  /** Every corpsecret, access_token, js_code, session_key and encryption key of this world so far. */
  secrets: readonly string[];
  /** Ends the world; only for one that lives longer than a test. */
  stop(): Promise<void>;
}

export interface RedisEntry {
  key: string;
  type: string;
  /** -1: never expires. */
  ttlMs: number;
  /** Of a hash: its fields; of a string: `''` with the value. */
  fields: Record<string, string>;
}

/** The companies of every world; each has the member `ZhangSan` in range, named 张三. */
export const corpid = 'wwcorpa0000000001';
export const otherCorpid = 'wwcorpb0000000002';

/** Tells all callers that wait in `logOf` that a function wrote a line. */
const lineWritten = new EventEmitter().setMaxListeners(0);
let membersAdded = 0;
let requestsSent = 0;

/**
 * One world and one login function for all tests of a describe block, to save time. Each test adds its own members. The
 * returned object is filled before the first test.
 */
export function worldForAll(
  overrides?: Record<string, string | undefined>,
  options?: StartOptions,
): { world: World; login: Login } {
  const shared = {} as { world: World; login: Login };
  beforeAll(async () => {
    shared.world = await startWorld({ lifetime: 'suite' });
    shared.login = await shared.world.startLogin(overrides, options);
  });
  afterAll(() => shared.world.stop());
  return shared;
}

/**
 * Starts a new world: Redis, WeCom with two companies, and the functions that the test starts. It ends with the test or,
 * with lifetime `suite`, when `stop` is called.
 */
export async function startWorld(
  options: { redis?: 'embedded' | 'server'; lifetime?: 'test' | 'suite' } = {},
): Promise<World> {
  const redis = await borrowRedis(options.redis ?? 'embedded');
  const secrets: string[] = [];
  const keep = (value: string) => {
    secrets.push(value);
    return secret(value);
  };
  const wecom = await startWecom({ onSecret: keep });
  const corpsecrets = [corpid, otherCorpid].map((id) => {
    const corpsecret = keep(`corpsecret-${randomBytes(16).toString('hex')}`);
    wecom.addCompany({ corpid: id, corpsecret });
    wecom.addMember({ corpid: id, userid: 'ZhangSan', name: '张三', department: [1, 7], position: '工程师' });
    return `${id}:${corpsecret}`;
  });
  const callbacks = Object.fromEntries(
    [corpid, otherCorpid].map((id) => {
      const token = keep(randomBytes(16).toString('hex'));
      // 43 characters of base64 that stand for 32 bytes.
      return [
        id,
        { token, encodingAESKey: keep(randomBytes(32).toString('base64').slice(0, 42).concat('A')) },
      ];
    }),
  );
  const encryptionKey = keep(randomBytes(32).toString('base64url'));
  const started: RunningFunction[] = [];
  async function stop(): Promise<void> {
    await Promise.all(started.map((running) => running.stop()));
    await Promise.all([wecom.close(), redis.giveBack()]);
  }
  if (options.lifetime !== 'suite') onTestFinished(stop);

  async function invoke(
    name: string,
    overrides: Record<string, string | undefined> | undefined,
    event: unknown,
  ): Promise<Invocation> {
    const invocation = await invokeFunction(name, world.environment(overrides), event);
    invocation.lines.forEach(keepOutput);
    keepOutput(JSON.stringify(invocation.result ?? invocation.error ?? ''));
    return invocation;
  }

  const world: World = {
    redis,
    wecom,
    secrets,
    environment(overrides = {}) {
      const all: Record<string, string | undefined> = {
        WECOM_CORPS: corpsecrets.join(','),
        REDIS_URL: redis.url,
        ENCRYPTION_KEY: encryptionKey,
        WECOM_BASE_URL: wecom.url,
        ...overrides,
      };
      const set = Object.entries(all).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      );
      return Object.fromEntries(set) as Environment;
    },
    callbacks,
    startLogin: (overrides, startOptions) =>
      world.startWeb('login', world.environment(overrides), startOptions),
    startCallback(overrides, startOptions) {
      const entries = Object.entries(callbacks).map(
        ([id, { token, encodingAESKey }]) => `${id}:${token}:${encodingAESKey}`,
      );
      const environment = { REDIS_URL: redis.url, WECOM_CALLBACKS: entries.join(','), ...overrides };
      return world.startWeb('callback', environment, startOptions);
    },
    async startWeb(name, environment, startOptions = {}) {
      const onLine = (line: string) => {
        keepOutput(line);
        startOptions.onLine?.(line);
        lineWritten.emit('line');
      };
      const running = await startFunction(name, environment, { ...startOptions, onLine });
      started.push(running);
      return client(running);
    },
    refresh: (overrides, event) => invoke('refresh', overrides, event),
    admin: (event, overrides) => invoke('admin', overrides, event),
    jsCode: (userid = 'ZhangSan', id = corpid) => wecom.createJsCode({ corpid: id, userid }),
    addMember(changes = {}) {
      const userid = `Member${(membersAdded += 1)}`;
      const member = { corpid, userid, name: `成员${membersAdded}`, ...changes };
      wecom.addMember(member);
      return member.userid;
    },
    redisCommand: (name, ...args) => redis.connected((connection) => connection.call(name, ...args)),
    redisContents: () =>
      redis.connected(async (connection) => {
        const keys = await connection.keys('*');
        return Promise.all(
          keys.toSorted().map(async (key) => {
            const [type, ttlMs] = await Promise.all([connection.type(key), connection.pttl(key)]);
            const fields =
              type === 'hash' ? await connection.hgetall(key) : { '': String(await connection.get(key)) };
            return { key, type, ttlMs, fields };
          }),
        );
      }),
    stop,
  };
  return world;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** The JSON body; `{}` if there is none. */
  body: Record<string, unknown>;
  text: string;
  /** SCF's request id that was sent; the function's log lines have it. */
  scfRequestId: string;
}

/** A running login function with a client for it. */
export interface Login extends RunningFunction {
  send(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> },
  ): Promise<Answer>;
  /** `POST /login`. */
  login(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a request with this session_token. */
  withSession(method: string, path: string, sessionToken: unknown): Promise<Answer>;
  /** Returns the parsed log lines of an event. */
  logged(event: string): Record<string, unknown>[];
  /** Returns all log lines of this request. Waits for the last one, which is `request`. */
  logOf(answer: Pick<Answer, 'scfRequestId'>): Promise<Record<string, unknown>[]>;
  /** Waits for the first line of an event. */
  firstLogged(event: string): Promise<Record<string, unknown>>;
}

function client(running: RunningFunction): Login {
  const login: Login = {
    ...running,
    async send(method, path, { headers = {}, body } = {}) {
      const scfRequestId = `scf-${(requestsSent += 1)}`;
      const response = await fetch(running.url + path, {
        method,
        headers: { 'x-scf-request-id': scfRequestId, ...headers },
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
      const parsed: Record<string, unknown> = json ? JSON.parse(text) : {};
      if (typeof parsed['session_token'] === 'string') secret(parsed['session_token']);
      return { status: response.status, headers: response.headers, body: parsed, text, scfRequestId };
    },
    login: (body, headers) =>
      login.send('POST', '/login', {
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    withSession: (method, path, sessionToken) =>
      login.send(method, path, { headers: { authorization: `Bearer ${String(sessionToken)}` } }),
    logged: (event) =>
      running.lines
        .map((line): Record<string, unknown> => JSON.parse(line))
        .filter((line) => line['event'] === event),
    async logOf({ scfRequestId }) {
      for (;;) {
        const lines = running.lines
          .filter((line) => line.includes(`"scf_request_id":"${scfRequestId}"`))
          .map((line): Record<string, unknown> => JSON.parse(line));
        if (lines.at(-1)?.['event'] === 'request') return lines;
        await once(lineWritten, 'line');
      }
    },
    async firstLogged(event) {
      for (;;) {
        const [first] = login.logged(event);
        if (first) return first;
        await once(lineWritten, 'line');
      }
    },
  };
  return login;
}

/** Logs in `count` members at the same moment, spread over these functions. Returns how many got which status. */
export async function loginsAtOnce(
  world: World,
  functions: readonly Login[],
  count: number,
  id = corpid,
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  const logins = Array.from({ length: count }, async (_, i) => {
    const login = functions[i % functions.length];
    const answer = await login?.login({ js_code: world.jsCode('ZhangSan', id), corpid: id });
    if (answer) statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
  });
  await Promise.all(logins);
  return statuses;
}

/** Deadlines that a function misses if it gets no CPU time. */
export const missedDeadline = /^(busy|login_deadline|redis_(connect_)?timeout|token_wait|wecom_failed)$/;

/**
 * Logs in as many members at the same moment, spread over these functions; all must succeed. After a 503 for a deadline
 * that a slow machine missed, a member tries again, as the client does, but half as many at the same moment each time: a
 * crowd that came back whole might miss every deadline for as long as it lasts. Fails with any other response. Returns how
 * many tried again.
 */
export async function allLetIn(
  world: World,
  functions: readonly Login[],
  count: number,
  id = corpid,
): Promise<number> {
  let cameBack = 0;
  let coming = Array.from({ length: count }, (_, i) => i);
  for (let atOnce = count; coming.length > 0; atOnce = Math.ceil(atOnce / 2)) {
    const again: number[] = [];
    const logIn = async (i: number) => {
      if (!(await isLetIn(world, functions[i % functions.length], id))) again.push(i);
    };
    for (let first = 0; first < coming.length; first += atOnce) {
      await Promise.all(coming.slice(first, first + atOnce).map(logIn));
    }
    cameBack += again.length;
    coming = again;
  }
  return cameBack;
}

/** Returns false after a missed deadline. */
async function isLetIn(world: World, login: Login | undefined, id: string): Promise<boolean> {
  if (!login) throw new Error('there is no function to log in at');
  const answer = await login.login({ js_code: world.jsCode('ZhangSan', id), corpid: id });
  if (answer.status === 200) return true;
  // 408: the function read the request too late.
  if (answer.status !== 408) {
    expect(answer.status).toBe(503);
    expect((await login.logOf(answer)).at(-1)?.['reason']).toMatch(missedDeadline);
  }
  return false;
}

let addressesUsed = 0;

/** Returns X-Forwarded-For with this address, or with one from a network that no test of this file has used. */
export function from(address?: string): Record<string, string> {
  addressesUsed += 1;
  return { 'x-forwarded-for': address ?? `81.${addressesUsed >> 8}.${addressesUsed & 255}.9` };
}

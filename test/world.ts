import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import {
  type Environment,
  invokeFunction,
  type Invocation,
  type RunningFunction,
  startFunction,
  type StartOptions,
} from '../simulator/functions.ts';
import { type RunningRedis, redisServerInstalled, startRedis } from '../simulator/redis.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';

/**
 * Notes a value that nothing may print; `npm test` searches the whole output of the run for all of them.
 * Answers the value itself.
 */
export function secret(value: string): string {
  const file = process.env['SECRETS_FILE'];
  if (file !== undefined) appendFileSync(file, `${value}\n`);
  return value;
}

/** What the functions wrote, kept for the same search. */
function keepOutput(line: string): void {
  const file = process.env['OUTPUT_FILE'];
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

/** A real redis-server where there is one; in CI there must be. */
export const realRedis = redisServerInstalled();
if (process.env['CI'] === 'true' && !realRedis) throw new Error('CI needs redis-server');

export interface World {
  redis: RunningRedis;
  wecom: Wecom;
  /** The complete environment of a function; overrides win, `undefined` unsets. */
  environment(overrides?: Record<string, string | undefined>): Environment;
  startLogin(overrides?: Record<string, string | undefined>, options?: StartOptions): Promise<Login>;
  refresh(overrides?: Record<string, string | undefined>, event?: unknown): Promise<Invocation>;
  jsCode(userid?: string, corpid?: string): string;
}

/** The companies of every world; each has the member `ZhangSan` in range, named 张三. */
export const corpid = 'wwcorpa0000000001';
export const otherCorpid = 'wwcorpb0000000002';

/** A world of its own: Redis, WeCom with two companies, and whatever functions the test starts; gone after it. */
export async function startWorld(options: { redis?: 'embedded' | 'server' } = {}): Promise<World> {
  const redis = await startRedis({ kind: options.redis ?? 'embedded' });
  const wecom = await startWecom({ onSecret: secret });
  const corpsecrets = [corpid, otherCorpid].map((id) => {
    const corpsecret = secret(`corpsecret-${randomBytes(16).toString('hex')}`);
    wecom.addCompany({ corpid: id, corpsecret });
    wecom.addMember({ corpid: id, userid: 'ZhangSan', name: '张三', department: [1, 7], position: '工程师' });
    return `${id}:${corpsecret}`;
  });
  const encryptionKey = secret(randomBytes(32).toString('base64url'));
  const started: RunningFunction[] = [];
  onTestFinished(async () => {
    await Promise.all(started.map((running) => running.stop()));
    await Promise.all([wecom.close(), redis.stop()]);
  });

  const world: World = {
    redis,
    wecom,
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
    async startLogin(overrides, startOptions = {}) {
      const onLine = keepOutput;
      const running = await startFunction('login', world.environment(overrides), { onLine, ...startOptions });
      started.push(running);
      return client(running);
    },
    async refresh(overrides, event) {
      const invocation = await invokeFunction('refresh', world.environment(overrides), event);
      invocation.lines.forEach(keepOutput);
      return invocation;
    },
    jsCode: (userid = 'ZhangSan', id = corpid) => wecom.createJsCode({ corpid: id, userid }),
  };
  return world;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** The JSON body, `{}` when there is none. */
  body: Record<string, unknown>;
  text: string;
}

/** A running login function with a client for it. */
export interface Login extends RunningFunction {
  send(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string },
  ): Promise<Answer>;
  /** `POST /login`. */
  login(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Any method with this session_token. */
  withSession(method: string, path: string, sessionToken: unknown): Promise<Answer>;
  /** The log lines of an event, parsed. */
  logged(event: string): Record<string, unknown>[];
}

function client(running: RunningFunction): Login {
  const login: Login = {
    ...running,
    async send(method, path, { headers = {}, body } = {}) {
      const response = await fetch(running.url + path, {
        method,
        headers,
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
      const parsed: Record<string, unknown> = json ? JSON.parse(text) : {};
      if (typeof parsed['session_token'] === 'string') secret(parsed['session_token']);
      return { status: response.status, headers: response.headers, body: parsed, text };
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
  };
  return login;
}

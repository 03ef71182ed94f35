import { connect } from 'node:net';
import { Redis as Client } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { startRedis } from '../../simulator/redis.ts';
import { expectError } from '../expect-answer.ts';
import { gettokens } from '../token-state.ts';
import { allLetIn, type Answer, type Login, missedDeadline, startWorld, type World } from '../world.ts';

/** Logs in once and returns the response. */
export const oneLogin = (world: World, login: Login): Promise<Answer> =>
  login.login({ js_code: world.jsCode() });

/** A warm process, a new one without a token, and one logged-in member. */
export async function running(redisUrl?: string) {
  const world = await startWorld({ redis: 'server' });
  const overrides = redisUrl === undefined ? {} : { REDIS_URL: redisUrl };
  const [warm, fresh] = await Promise.all([world.startLogin(overrides), world.startLogin(overrides)]);
  const { body } = await warm.login({ js_code: world.jsCode(world.addMember()) });
  return { world, warm, fresh, sessionToken: body['session_token'] };
}

/**
 * Every login, at least twice 20 of them at once, is answered 503 with Retry-After, until the log of each function names the
 * reason. It names one in 2 s, and on a slow machine that may be a missed deadline. Nobody calls gettoken, and every process
 * lives on.
 */
export async function allRefused(world: World, functions: readonly Login[], reason: RegExp): Promise<void> {
  const before = gettokens(world);
  const reasonsOf = ({ logged }: Login) => logged('redis_failed').map((failure) => String(failure['reason']));
  const isNamed = (login: Login) => reasonsOf(login).some((logged) => reason.test(logged));
  for (let rounds = 0; rounds < 2 || !functions.every(isNamed); rounds += 1) {
    const logins = functions.flatMap((login) =>
      Array.from({ length: Math.ceil(20 / functions.length) }, () =>
        login.login({ js_code: world.jsCode() }),
      ),
    );
    for (const answer of await Promise.all(logins)) {
      // 408: the function read the request too late.
      if (answer.status !== 408) expectError(answer, 'temporarily_unavailable', { retryAfter: '2' });
    }
    const others = functions.flatMap(reasonsOf).filter((logged) => !reason.test(logged));
    for (const other of others) expect(`redis_${other}`).toMatch(missedDeadline);
  }
  expect(gettokens(world)).toBe(before);
  for (const { process, logged } of functions) {
    expect(process.exitCode).toBeNull();
    expect(logged('crashed')).toEqual([]);
    for (const failure of logged('redis_failed')) expect(failure).toMatchObject({ level: 'error' });
  }
}

/** Redis is whole again; a process notices within a second, so the first answers do not count. */
export async function recovers(world: World, functions: readonly Login[]): Promise<void> {
  for (const login of functions) {
    while ((await oneLogin(world, login)).status !== 200);
  }
  await allLetIn(world, functions, 20);
}

/** A connection past the code under test that asks no questions of its own and stays open until the test ends. */
export function connected(world: World): Client {
  const client = new Client(world.redis.url, { enableReadyCheck: false, retryStrategy: () => null });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** One command in words, on a connection of its own. */
export async function command(world: World, text: string): Promise<unknown> {
  const [name = '', ...args] = text.split(' ');
  const client = connected(world);
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/** Freezes a process until the answer is called, or the test ends. */
export function freeze(pid: number | undefined): () => void {
  if (pid === undefined) throw new Error('there is no process to freeze');
  process.kill(pid, 'SIGSTOP');
  const thaw = () => {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It is gone already.
    }
  };
  onTestFinished(thaw);
  return thaw;
}

/**
 * A port at which the kernel answers no SYN any more: that of a frozen server whose queue of connections is full. `hear` ends
 * that.
 */
export async function deafServer(): Promise<{ url: string; hear: () => void }> {
  const server = await startRedis({ kind: 'server', args: ['--tcp-backlog', '1'] });
  onTestFinished(() => server.stop());
  const thaw = freeze(server.pid);
  const { hostname, port } = new URL(server.url);
  const queued = Array.from({ length: 8 }, () =>
    connect(Number(port), hostname).on('error', () => undefined),
  );
  const hear = () => {
    for (const socket of queued) socket.destroy();
    thaw();
  };
  onTestFinished(hear);
  return { url: server.url, hear };
}

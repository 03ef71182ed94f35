// Redis as clouds offer it: behind proxies that do not take or do everything as a Redis of today does.
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../simulator/redis.ts';
import { expectError } from './expect-answer.ts';
import { type Manner, startRedisProxy } from './redis-proxy.ts';
import { from, type Login, quickRedis, realRedis, startWorld, type World } from './world.ts';

async function behind(manner: Manner) {
  const world = await startWorld(quickRedis);
  const proxy = await startRedisProxy(world.redis.url, manner);
  return { world, proxy, startLogin: () => world.startLogin({ REDIS_URL: proxy.url }) };
}

/** 副本只读 with a replica that shows nothing new until it is told to. */
async function split() {
  const replica = await startRedis({ kind: quickRedis.redis });
  onTestFinished(() => replica.stop());
  return behind({ kind: 'split', replicaUrl: replica.url });
}

async function newSession(world: World, login: Login): Promise<unknown> {
  const answer = await login.login({ js_code: world.jsCode(world.addMember()) });
  expect(answer.status).toBe(200);
  return answer.body['session_token'];
}

const session = (login: Login, sessionToken: unknown) => login.withSession('GET', '/session', sessionToken);

/** All that a member does: in, looks, out; and what they must not do afterwards. */
async function wholeLife(world: World, login: Login, other: Login): Promise<void> {
  const sessionToken = await newSession(world, login);
  expect((await session(other, sessionToken)).status).toBe(200);
  expect((await login.withSession('DELETE', '/session', sessionToken)).status).toBe(204);
  expectError(await session(other, sessionToken), 'invalid_session');
}

describe('reads go to a replica that lags', () => {
  test('[R20] GET /session › knows a session at once, and no more after DELETE, whatever the replica still shows', async () => {
    const { world, proxy, startLogin } = await split();
    const [login, other] = await Promise.all([startLogin(), startLogin()]);
    const first = await newSession(world, login);
    expect((await session(other, first)).status).toBe(200);
    await proxy.catchUp();
    // Now the replica shows it, and will not notice its end.
    expect((await login.withSession('DELETE', '/session', first)).status).toBe(204);
    expectError(await session(other, first), 'invalid_session');

    const second = await newSession(world, login);
    await proxy.catchUp();
    expect((await other.withSession('DELETE', '/session?all=true', second)).status).toBe(204);
    expectError(await session(login, second), 'invalid_session');
    expect(world.wecom.counts().gettoken).toBe(1);
  });

  test('[R20] POST /login › counts codes that fail where they are written', async () => {
    const { world, startLogin } = await split();
    const [login, other] = await Promise.all([startLogin(), startLogin()]);
    for (let i = 0; i < 30; i += 1) {
      expectError(
        await (i % 2 ? login : other).login({ js_code: 'unknown' }, from('81.1.1.1')),
        'invalid_js_code',
      );
    }
    expectError(await login.login({ js_code: 'unknown' }, from('81.1.1.1')), 'rate_limited', {
      retryAfterMax: 60,
    });
    expect(world.wecom.counts().jscode2session).toBe(30);
  });

  test('[R20] GET /session › asks Redis once', async () => {
    const { world, startLogin } = await split();
    const login = await startLogin();
    const sessionToken = await newSession(world, login);
    // The first one brings the script.
    await session(login, sessionToken);
    const answer = await session(login, sessionToken);
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ redis_calls: 1 });
  });
});

describe('a proxy refuses what a Redis takes', () => {
  test.each([
    ["ERR unknown command 'evalsha'"],
    ['ERR parse error'],
    ["NOPERM this user has no permissions to run the 'evalsha' command"],
  ])('[R22] POST /login › goes on with EVAL when EVALSHA is answered with %s', async (answer) => {
    const { world, proxy, startLogin } = await behind({ kind: 'no_evalsha', answer });
    const login = await startLogin();
    await wholeLife(world, login, login);
    const tried = proxy.seen('EVALSHA');
    expect(tried).toBeGreaterThan(0);
    await wholeLife(world, login, login);
    // Remembered.
    expect(proxy.seen('EVALSHA')).toBe(tried);
    expect(world.wecom.counts().gettoken).toBe(1);
  });

  const others: [string, Manner][] = [
    ['hangs up on INFO', { kind: 'no_info' }],
    ['takes only scripts whose keys are written KEYS[n]', { kind: 'literal_keys' }],
    ['is like Redis 4, where no script writes after TIME', { kind: 'redis_4' }],
  ];
  test.each(others)('[R22] POST /login › works when what stands before Redis %s', async (_, manner) => {
    const { world, startLogin } = await behind(manner);
    const [login, other] = await Promise.all([startLogin(), startLogin()]);
    await wholeLife(world, login, other);
    await wholeLife(world, other, login);
    expect(world.wecom.counts().gettoken).toBe(1);
  });

  test.skipIf(!realRedis).each([
    ['REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE', 'read_only'],
    ['CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0', 'out_of_memory'],
  ])(
    '[R22] POST /login › says what is wrong with a Redis 6 after %s, and works after %s',
    async (broken, whole, reason) => {
      const { world, startLogin } = await behind({ kind: 'redis_6' });
      const login = await startLogin();
      await newSession(world, login);
      await world.redisCommand(...(broken.split(' ') as [string]));
      expectError(await login.login({ js_code: world.jsCode() }), 'temporarily_unavailable');
      expect(login.logged('redis_failed').at(-1)).toMatchObject({ level: 'error', reason });
      await world.redisCommand(...(whole.split(' ') as [string]));
      expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    },
  );
});

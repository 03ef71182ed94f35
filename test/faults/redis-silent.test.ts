// Redis that does not answer, or whose answers a network spoils.
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../simulator/redis.ts';
import { expectError } from '../expect-answer.ts';
import { startRedisGate } from '../redis-gate.ts';
import { gettokens } from '../token-state.ts';
import { allLetIn, type Login, loginsAtOnce, quickRedis, realRedis, startWorld } from '../world.ts';
import { allRefused, command, deafServer, freeze, oneLogin, recovers, running } from './trouble.ts';

const session = (login: Login, sessionToken: unknown) => login.withSession('GET', '/session', sessionToken);

/** A process behind a gate to a redis-server. */
async function gated() {
  const world = await startWorld({ redis: 'server' });
  const gate = await startRedisGate(world.redis.url);
  const login = await world.startLogin({ REDIS_URL: gate.url });
  return { world, gate, login };
}

test('POST /login › answers 503 when what answers at REDIS_URL is not Redis', async () => {
  const world = await startWorld(quickRedis);
  const login = await world.startLogin({ REDIS_URL: world.wecom.url.replace('http:', 'redis:') });
  await allRefused(world, [login], /^not_redis$/);
  expect(gettokens(world)).toBe(0);
});

describe.skipIf(!realRedis)('Redis does not answer', () => {
  test('[R1] POST /login › answers 503 when Redis was killed, and fetches one token when an empty one stands in its place', async () => {
    const { world, gate, login } = await gated();
    const second = await world.startLogin({ REDIS_URL: gate.url });
    await allLetIn(world, [login, second], 2);
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) });
    await world.redis.stop();
    await gate.set({ kind: 'refuse' });
    await allRefused(world, [login, second], /^(refused|closed|econnreset)$/);
    expectError(await session(login, body['session_token']), 'temporarily_unavailable', { retryAfter: '2' });

    const next = await startRedis({ kind: 'server' });
    onTestFinished(() => next.stop());
    gate.leadTo(next.url);
    await gate.set();
    await recovers(world, [login, second]);
    // The two still had the token; a fresh process finds none.
    expect(gettokens(world)).toBe(1);
    await recovers(world, [await world.startLogin({ REDIS_URL: gate.url })]);
    expect(gettokens(world)).toBe(2);
  });

  test('[R2] POST /login › answers 503 in time when Redis hangs, and works after it thaws', async () => {
    const { world, warm, fresh } = await running();
    const thaw = freeze(world.redis.pid);
    await allRefused(world, [warm, fresh, await world.startLogin()], /timeout$/);
    thaw();
    await recovers(world, [warm, fresh]);
    expect(gettokens(world)).toBe(1);
  });

  test('[R3] POST /login › answers 503 while packets to Redis are lost, and drops the connection they were lost on', async () => {
    const { world, gate, login } = await gated();
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) });
    const cold = await world.startLogin({ REDIS_URL: gate.url });
    await gate.set({ kind: 'black_hole' });
    await allRefused(world, [login, cold], /^timeout$/);
    expectError(await session(login, body['session_token']), 'temporarily_unavailable');
    await gate.set();
    // What was open meanwhile stays silent: only a new connection can help.
    await recovers(world, [login, cold]);
    expect((await session(login, body['session_token'])).status).toBe(200);
    expect(gettokens(world)).toBe(1);
  });

  test('[R3] POST /login › answers 503 when connecting to Redis takes for ever', async () => {
    const world = await startWorld({ redis: 'server' });
    const deaf = await deafServer();
    const login = await world.startLogin({ REDIS_URL: deaf.url });
    await allRefused(world, [login], /^connect_timeout$/);
    deaf.hear();
    await recovers(world, [login]);
    expect(gettokens(world)).toBe(1);
  });
});

describe.skipIf(!realRedis)('A network spoils the replies of Redis', () => {
  test('[R4] POST /login › is 200 when the connection breaks in the middle of any one reply, and does nothing twice', async () => {
    const { world, gate, login } = await gated();
    expect((await oneLogin(world, login)).status).toBe(200);
    for (let broken = 0; broken < 6; broken += 1) {
      await world.redis.flush();
      world.wecom.reset();
      // A process of its own, so that it has no token; its login has up to six replies.
      const fresh = await world.startLogin({ REDIS_URL: gate.url });
      await gate.set({ kind: 'reset', after: broken });
      const answer = await oneLogin(world, fresh);
      expect([broken, answer.status]).toEqual([broken, 200]);
      expect(world.wecom.counts()).toEqual({ gettoken: 1, jscode2session: 1, 'user/get': 1 });
      const contents = await world.redisContents();
      const sessions = contents.filter(({ key }) => key.startsWith('wxs1:'));
      // One session and what WeCom said of its member.
      expect(sessions.map(({ fields }) => Object.keys(fields).length)).toEqual([2]);
      expect(contents.filter(({ key }) => key.endsWith(':lease'))).toEqual([]);
      await gate.set();
    }
  });

  test('[R4] POST /login › is 200 when replies come in pieces, 503 at one byte a second', async () => {
    const { world, gate, login } = await gated();
    for (const bytes of [1, 2, 7]) {
      await gate.set({ kind: 'slices', bytes });
      await allLetIn(world, [login, await world.startLogin({ REDIS_URL: gate.url })], 10);
    }
    await gate.set({ kind: 'bandwidth', bytesPerSecond: 1 });
    await allRefused(world, [login], /^timeout$/);
    await gate.set();
    await recovers(world, [login]);
    expect(gettokens(world)).toBe(1);
  });

  test('[R5] POST /login › is 200 when every reply is 300 ms late, 503 at 1 s, and one slow command costs no gettoken', async () => {
    const { world, gate, login } = await gated();
    const cold = await world.startLogin({ REDIS_URL: gate.url });
    await gate.set({ kind: 'latency', ms: 300 });
    await allLetIn(world, [login], 10);
    await gate.set({ kind: 'latency', ms: 1000 });
    await allRefused(world, [login, cold], /^timeout$/);
    await gate.set();
    await recovers(world, [login, cold]);

    const asleep = command(world, 'DEBUG SLEEP 1');
    const answers = await Promise.all([oneLogin(world, login), oneLogin(world, cold)]);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    await asleep;
    await recovers(world, [login, cold]);
    expect(gettokens(world)).toBe(1);
  });
});

describe.skipIf(!realRedis)('Redis pauses writes, as in a fail-over', () => {
  test('[R6] POST /login › answers 503 while writes are paused, GET /session 200 all the time', async () => {
    const { world, warm, fresh, sessionToken } = await running();
    await command(world, 'CLIENT PAUSE 600000 WRITE');
    await allRefused(world, [warm, fresh], /^timeout$/);
    // Also next to logins that wait for their write.
    const logins = loginsAtOnce(world, [warm], 10);
    const uses = await Promise.all(Array.from({ length: 10 }, () => session(warm, sessionToken)));
    expect(uses.map(({ status }) => status)).toEqual(uses.map(() => 200));
    expect((await session(fresh, sessionToken)).status).toBe(200);
    expect(await logins).toEqual({ 503: 10 });
    await command(world, 'CLIENT UNPAUSE');
    await recovers(world, [warm, fresh]);
    expect((await session(warm, sessionToken)).status).toBe(200);
    expect(gettokens(world)).toBe(1);
  });
});

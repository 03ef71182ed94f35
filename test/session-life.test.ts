import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { movableClock } from './clock.ts';
import { expectError } from './expect-answer.ts';
import { startRedisGate } from './redis-gate.ts';
import { type Login, realRedis, secret, startWorld, type World } from './world.ts';

const get = (login: Login, sessionToken: unknown) => login.withSession('GET', '/session', sessionToken);

async function newSession(world: World, login: Login, userid = world.addMember()): Promise<unknown> {
  const answer = await login.login({ js_code: world.jsCode(userid) });
  expect(answer.status).toBe(200);
  return answer.body['session_token'];
}

const about = (expected: number) =>
  expect.toSatisfy((seconds: number) => seconds <= expected && seconds > expected - 20, `about ${expected}`);

describe('how long a session lives', () => {
  test('[A24] GET /session › ends a session that was not used for 30 minutes', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const token = await newSession(world, login);

    clock.advanceSeconds(1780);
    expect((await get(login, token)).body['expires_in']).toBe(1800);
    clock.advanceSeconds(1801);
    const ended = await get(login, token);
    expectError(ended, 'invalid_session');
    expect((await login.logOf(ended)).at(-1)).toMatchObject({ reason: 'expired' });
    // Redis deletes it when it must end by Redis' own clock.
    const [left] = (await world.redisContents()).filter(({ key }) => key.startsWith('wxs1:'));
    expect(left?.ttlMs).toSatisfy((ms: number) => ms > 0 && ms <= 28_800_000);
  });

  test('DELETE /session › answers 401 invalid_session to a session that was not used for 30 minutes', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const token = await newSession(world, login);
    clock.advanceSeconds(1801);
    expectError(await login.withSession('DELETE', '/session?all=true', token), 'invalid_session');
  });

  test('POST /login, DELETE /session?all=true › count as ended no session that was not used for 30 minutes', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const userid = world.addMember();
    const old = await sessionsOf(3);
    clock.advanceSeconds(1801);
    const young = await sessionsOf(6);
    const [ended] = login.logged('session_ended');
    expect(login.logged('session_ended')).toEqual([ended]);
    expect(ended).toMatchObject({ reason: 'too_many', sessions: 1, client_address: '127.0.0.1' });
    for (const token of old) expectError(await get(login, token), 'invalid_session');

    clock.advanceSeconds(1801);
    const left = await newSession(world, login, userid);
    const out = await login.withSession('DELETE', '/session?all=true', left);
    expect(out.status).toBe(204);
    await login.logOf(out);
    expect(login.logged('session_ended').slice(1)).toEqual([
      expect.objectContaining({ reason: 'logout_all', sessions: 1 }),
    ]);
    expect((await world.redisContents()).filter(({ key }) => key.startsWith('wxs1:'))).toEqual([]);
    expectError(await get(login, young.at(-1)), 'invalid_session');

    async function sessionsOf(count: number): Promise<unknown[]> {
      const tokens: unknown[] = [];
      for (let i = 0; i < count; i += 1) tokens.push(await newSession(world, login, userid));
      return tokens;
    }
  });

  test('[A24] GET /session › ends a session after 8 hours however much it is used', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const token = await newSession(world, login);

    for (let usedSeconds = 1700; usedSeconds < 28_000; usedSeconds += 1700) {
      clock.advanceSeconds(1700);
      const { body } = await get(login, token);
      expect(body['expires_in']).toEqual(about(Math.min(1800, 28_800 - usedSeconds)));
    }
    // 27,200 s are gone: what is left is less than the idle time.
    clock.advanceSeconds(1000);
    expect((await get(login, token)).body['expires_in']).toEqual(about(600));
    clock.advanceSeconds(601);
    expectError(await get(login, token), 'invalid_session');
  });

  test('POST /login › answers the configured idle and absolute time, whichever is less', async () => {
    const world = await startWorld();
    const idle = await world.startLogin({ SESSION_IDLE_SECONDS: '60', SESSION_MAX_SECONDS: '300' });
    expect((await idle.login({ js_code: world.jsCode() })).body['expires_in']).toBe(60);
    const absolute = await world.startLogin({ SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '300' });
    expect((await absolute.login({ js_code: world.jsCode() })).body['expires_in']).toBe(300);
  });

  test('GET /session › counts a use only once in a while, so that most requests only read', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const token = await newSession(world, login);
    const roundTrips = async () => (await login.logOf(await get(login, token))).at(-1)?.['redis_calls'];
    expect(await roundTrips()).toBe(1);
    clock.advanceSeconds(31);
    expect([await roundTrips(), await roundTrips()]).toEqual([2, 1]);
  });
});

describe('an ended session stays ended', () => {
  test('[A25] GET /session › does not bring a session back that another instance ends while this one notes its use', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const gate = await startRedisGate(world.redis.url);
    const slow = await clock.startLogin({ REDIS_URL: gate.url });
    const fast = await world.startLogin();
    const token = await newSession(world, slow);

    // The script is known to the server first, so that the request held back is the one that writes.
    clock.advanceSeconds(31);
    expect((await get(slow, token)).status).toBe(200);

    clock.advanceSeconds(31);
    const { held, release } = gate.holdNext('evalsha');
    const touching = get(slow, token);
    await held;
    const ended = await fast.withSession('DELETE', '/session?all=true', token);
    release();
    expect(ended.status).toBe(204);
    await touching;

    for (const login of [slow, fast]) expectError(await get(login, token), 'invalid_session');
    expect((await world.redisContents()).filter(({ key }) => key.startsWith('wxs1:'))).toEqual([]);
  });

  test('[A25] GET /session › answers 200 or 401 to uses during a logout, and 401 ever after', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin();
    for (let round = 0; round < 10; round += 1) {
      const token = await newSession(world, login);
      clock.advanceSeconds(31);
      const uses = Array.from({ length: 10 }, () => get(login, token));
      await login.withSession('DELETE', '/session?all=true', token);
      for (const { status } of await Promise.all(uses)) expect([200, 401]).toContain(status);
      expectError(await get(login, token), 'invalid_session');
    }
  });
});

describe('a session record that does not open', () => {
  async function tampered(
    change: (world: World, key: string, field: string, value: string) => Promise<unknown>,
  ) {
    const world = await startWorld();
    const login = await world.startLogin();
    const token = await newSession(world, login);
    const entry = (await world.redisContents()).find(({ key }) => key.startsWith('wxs1:'));
    const [[field, value] = ['', '']] = Object.entries(entry?.fields ?? {});
    await change(world, entry?.key ?? '', field, value);
    const answer = await get(login, token);
    expectError(answer, 'invalid_session');
    return (await login.logOf(answer)).at(-1)?.['reason'];
  }

  test.each([
    ['empty', ''],
    ['garbage', 'garbage'],
    ['too short to be sealed', '1700000000000|AAAA'],
    ['not base64url', '1700000000000|\u0000\u00ff!'],
    ['JSON in clear', '1700000000000|{"role":"member","endsAt":9999999999999}'],
    ['200 KB long', `1700000000000|${'A'.repeat(200_000)}`],
  ])('GET /session › answers 401 invalid_session when the record is %s', async (_, record) => {
    const reason = await tampered((world, key, field) => world.redisCommand('HSET', key, field, record));
    expect(reason).toBe('unreadable');
  });

  test('GET /session › answers 401 invalid_session when one bit of the record was changed', async () => {
    const reason = await tampered((world, key, field, value) => {
      const changed = `${value.slice(0, -3)}${value.at(-3) === 'A' ? 'B' : 'A'}${value.slice(-2)}`;
      return world.redisCommand('HSET', key, field, changed);
    });
    expect(reason).toBe('unreadable');
  });

  test("GET /session › answers 401 invalid_session when another person's record was put in its place", async () => {
    const reason = await tampered(async (world, key, field) => {
      await newSession(world, await world.startLogin());
      const other = (await world.redisContents()).find(
        (entry) => entry.key.startsWith('wxs1:') && entry.key !== key,
      );
      const [value = ''] = Object.values(other?.fields ?? {});
      return world.redisCommand('HSET', key, field, value);
    });
    expect(reason).toBe('unreadable');
  });

  test('GET /session › answers 401 invalid_session after the ENCRYPTION_KEY was replaced', async () => {
    const world = await startWorld();
    const token = await newSession(world, await world.startLogin());
    const ENCRYPTION_KEY = secret(randomBytes(32).toString('base64url'));
    const login = await world.startLogin({ ENCRYPTION_KEY });
    expectError(await get(login, token), 'invalid_session');
    expect((await get(login, await newSession(world, login))).status).toBe(200);
  });

  test('GET /session › knows old and new sessions on old and new instances while ENCRYPTION_KEY is new,old', async () => {
    const world = await startWorld();
    const { ENCRYPTION_KEY: old = '' } = world.environment();
    const fresh = secret(randomBytes(32).toString('base64url'));
    const userid = world.addMember();
    const before = await newSession(world, await world.startLogin(), userid);

    const login = await world.startLogin({ ENCRYPTION_KEY: `${fresh},${old}` });
    expect((await get(login, before)).status).toBe(200);
    const after = await newSession(world, login, userid);
    const done = await world.startLogin({ ENCRYPTION_KEY: fresh });
    expect((await get(done, after)).status).toBe(200);
    expectError(await get(done, before), 'invalid_session');
    // One person, one key: the member's old and new sessions end together.
    expect((await login.withSession('DELETE', '/session?all=true', after)).status).toBe(204);
    expectError(await get(login, before), 'invalid_session');
  });
});

describe.runIf(realRedis)('a Redis that only reads', () => {
  test('GET /session › still knows living sessions, and still answers 401 to ended ones', async () => {
    const world = await startWorld({ redis: 'server' });
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const token = await newSession(world, login);
    await world.redisCommand('REPLICAOF', '127.0.0.1', '1');

    clock.advanceSeconds(31);
    const answer = await get(login, token);
    expect(answer.status).toBe(200);
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'session_not_touched', reason: 'read_only' }),
    );
    clock.advanceSeconds(1801);
    expectError(await get(login, token), 'invalid_session');
  });

  test('GET /session › answers 200 to all of 30 members at once, twice, though no use can be noted', async () => {
    const world = await startWorld({ redis: 'server' });
    const clock = movableClock(world);
    const login = await clock.startLogin();
    const tokens = await Promise.all(Array.from({ length: 30 }, () => newSession(world, login)));
    await world.redisCommand('REPLICAOF', '127.0.0.1', '1');
    clock.advanceSeconds(31);
    for (let round = 0; round < 2; round += 1) {
      const answers = await Promise.all(tokens.map((token) => get(login, token)));
      expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 200));
    }
  });
});

// What must not happen to sessions: ended by a login that fails or by an instance that is wrong, prolonged by a check
// that is older than it looks, used by somebody whom WeCom has refused.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { movableClock } from './clock.ts';
import { expectError } from './expect-answer.ts';
import { startRedisGate } from './redis-gate.ts';
import {
  type Answer,
  corpid,
  from,
  type Login,
  patient,
  realRedis,
  secret,
  startWorld,
  type World,
} from './world.ts';

const long = { SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '2592000' };
const hour = 3600;

const get = (login: Login, token: unknown) => login.withSession('GET', '/session', token);
const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });
const checksIn = (world: World) => world.wecom.counts()['user/get'];
const sessionsIn = async (world: World) =>
  (await world.redisContents()).filter(({ key }) => /^wxs1:\{[^}]*\}$/.test(key));

async function newSession(world: World, login: Login, userid: string, came?: unknown): Promise<unknown> {
  const answer = await login.login({ js_code: world.jsCode(userid) }, came === undefined ? {} : bearer(came));
  expect(answer.status).toBe(200);
  return answer.body['session_token'];
}

async function logged(login: Login, answer: Answer, event: string) {
  return (await login.logOf(answer)).filter((line) => line['event'] === event);
}

/** Who checks again finds nobody else at it. */
async function claimsOver(world: World): Promise<void> {
  for (const { key } of await world.redisContents()) {
    if (key.endsWith(':check')) await world.redisCommand('DEL', key);
  }
}

describe('a session that a login replaces', () => {
  test.runIf(realRedis)(
    '[A23 R8] POST /login › leaves the session it came with when Redis is full, whoever logs in',
    async () => {
      const world = await startWorld({ redis: 'server' });
      const login = await world.startLogin();
      const [mine, other] = [world.addMember(), world.addMember()];
      const old = await newSession(world, login, mine);
      await world.redisCommand('CONFIG', 'SET', 'maxmemory', 1);
      for (const userid of [mine, other]) {
        const answer = await login.login({ js_code: world.jsCode(userid) }, bearer(old));
        expectError(answer, 'temporarily_unavailable');
        expect(await logged(login, answer, 'session_ended')).toEqual([]);
        expect((await get(login, old)).status).toBe(200);
      }
      await world.redisCommand('CONFIG', 'SET', 'maxmemory', 0);
      const fresh = await newSession(world, login, mine, old);
      expect([(await get(login, old)).status, (await get(login, fresh)).status]).toEqual([401, 200]);
    },
  );

  test('[A23] POST /login › leaves the session it came with when it is too late', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    // On a slow machine, the call to WeCom could miss its own deadline first.
    const login = await clock.startLogin(patient);
    const userid = world.addMember();
    const old = await newSession(world, login, userid);
    const gate = world.wecom.hold({ endpoint: 'user/get' });
    const late = login.login({ js_code: world.jsCode(userid) }, bearer(old));
    await gate.arrived(1);
    clock.advanceSeconds(9);
    gate.release();
    const answer = await late;
    expectError(answer, 'temporarily_unavailable');
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ reason: 'login_deadline' });
    expect((await get(login, old)).status).toBe(200);
    // One session, and what WeCom said of the member.
    expect(Object.keys((await sessionsIn(world))[0]?.fields ?? {})).toHaveLength(2);
  });

  test.each(['the same person', 'another person'])(
    '[A23] POST /login › loses no session of %s when storing the new one takes until after the deadline',
    async (whose) => {
      const world = await startWorld();
      const clock = movableClock(world);
      const redis = await startRedisGate(world.redis.url);
      const login = await clock.startLogin({ REDIS_URL: redis.url, SESSION_IDLE_SECONDS: '86400' });
      const userid = world.addMember();
      const old = await newSession(world, login, whose === 'the same person' ? userid : world.addMember());
      const { held, release } = redis.holdNext('wxs1:');
      const late = login.login({ js_code: world.jsCode(userid) }, bearer(old));
      await held;
      clock.advanceSeconds(9);
      release();
      const { status, body } = await late;
      const tokens = status === 200 ? [body['session_token'], old] : [old];
      const statuses = await Promise.all(tokens.map(async (token) => (await get(login, token)).status));
      // Replaced by one that was handed out, or still there.
      expect([status, ...statuses]).toEqual(status === 200 ? [200, 200, 401] : [503, 200]);
    },
  );

  test('[A23] POST /login › replaces a session of the same person in one step, without ending another one for it', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const userid = world.addMember();
    const tokens: unknown[] = [];
    for (let i = 0; i < 5; i += 1) tokens.push(await newSession(world, login, userid));
    const came = await login.login({ js_code: world.jsCode(userid) }, bearer(tokens[4]));
    const statuses = await Promise.all(tokens.map(async (token) => (await get(login, token)).status));
    expect(statuses).toEqual([200, 200, 200, 200, 401]);
    expect(await logged(login, came, 'session_ended')).toEqual([
      expect.objectContaining({ reason: 'replaced', corpid, userid, sessions: 1 }),
    ]);
    const plain = await login.login({ js_code: world.jsCode(userid) });
    const calls = async (answer: Answer) => (await login.logOf(answer)).at(-1)?.['redis_calls'];
    expect(await calls(came)).toBe(await calls(plain));
  });

  test('[A23] POST /login › ends the session of another person it came with, after its own exists', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const [first, second] = [world.addMember(), world.addMember()];
    const old = await newSession(world, login, first);
    const answer = await login.login(
      { js_code: world.jsCode(second) },
      { ...bearer(old), ...from('81.5.5.5') },
    );
    expect(await logged(login, answer, 'session_ended')).toEqual([
      expect.objectContaining({ reason: 'replaced', userid: first, client_address: '81.5.5.5' }),
    ]);
    expectError(await get(login, old), 'invalid_session');
    expect((await get(login, answer.body['session_token'])).status).toBe(200);
  });
});

describe('an instance that is wrong', () => {
  test('[S18] GET /session › refuses for itself the company that its WECOM_CORPS lacks, and ends nothing', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const token = await newSession(world, login, 'ZhangSan');
    const WECOM_CORPS = world.environment()['WECOM_CORPS']?.split(',')[1];
    const older = await world.startLogin({ WECOM_CORPS });
    const answer = await get(older, token);
    expectError(answer, 'invalid_session');
    expect(await older.logOf(answer)).toEqual([
      expect.objectContaining({ event: 'request', status: 401, reason: 'corp_removed' }),
    ]);
    expect((await get(login, token)).status).toBe(200);
  });

  test('[S18] GET /session › refuses for itself what has ended by a clock an hour ahead, and ends nothing', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const token = await newSession(world, login, world.addMember());
    const clock = movableClock(world);
    const ahead = await clock.startLogin();
    clock.advanceSeconds(hour);
    const answer = await get(ahead, token);
    expectError(answer, 'invalid_session');
    expect((await ahead.logOf(answer)).at(-1)).toMatchObject({ reason: 'expired' });
    expect((await get(login, token)).status).toBe(200);
  });

  test('[S18] GET /session › asks WeCom again when an instance with another key wrote over what it had said', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const userid = world.addMember({ name: '张三' });
    const token = await newSession(world, login, userid);
    const stranger = await world.startLogin({
      ENCRYPTION_KEY: secret(randomBytes(32).toString('base64url')),
    });
    expectError(await get(stranger, token), 'invalid_session');
    await newSession(world, stranger, userid);
    const before = checksIn(world);
    expect((await get(login, token)).body['member']).toMatchObject({ userid, name: '张三' });
    expect((await get(login, token)).status).toBe(200);
    expect(checksIn(world)).toBe(before + 1);
  });

  test('[S18] GET /session › lets nobody in on what it cannot read, while WeCom cannot be asked', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const userid = world.addMember();
    const token = await newSession(world, login, userid);
    const stranger = await world.startLogin({
      ENCRYPTION_KEY: secret(randomBytes(32).toString('base64url')),
    });
    await newSession(world, stranger, userid);
    world.wecom.fault({ endpoint: 'user/get', kind: 'cut', at: 'before' });
    expectError(await get(login, token), 'temporarily_unavailable', { retryAfter: '5' });
  });
});

describe('the time of a check', () => {
  test.each(['login', 're-check'])(
    '[G6 S18] GET /session › counts from the question, not from the answer that waited in the socket (%s)',
    async (which) => {
      const world = await startWorld();
      const clock = movableClock(world);
      const login = await clock.startLogin(long);
      const userid = world.addMember();
      const first = which === 'login' ? undefined : await newSession(world, login, userid);
      const frozenSeconds = which === 'login' ? 3 : 20;
      if (first !== undefined) clock.advanceSeconds(601);
      const ask = () =>
        first === undefined ? login.login({ js_code: world.jsCode(userid) }) : get(login, first);
      async function frozen(): Promise<Answer> {
        const gate = world.wecom.hold({ endpoint: 'user/get' }, 'after');
        const asking = ask();
        await gate.arrived(1);
        clock.advanceSeconds(frozenSeconds);
        gate.release();
        const answer = await asking;
        // A login has seconds in all, and a busy machine may need the rest of them.
        return answer.status === 503 && first === undefined ? frozen() : answer;
      }
      const { status, body } = await frozen();
      expect(status).toBe(200);
      world.wecom.updateMember(corpid, userid, { visible: false });
      clock.advanceSeconds(580 - frozenSeconds);
      const token = first ?? body['session_token'];
      expect((await get(login, token)).status).toBe(200);
      clock.advanceSeconds(21);
      expectError(await get(login, token), 'invalid_session');
    },
  );

  test('[G6] GET /session › is not prolonged by an answer that is older than the grace', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin(long);
    const token = await newSession(world, login, world.addMember());
    clock.advanceSeconds(601);
    const gate = world.wecom.hold({ endpoint: 'user/get' }, 'after');
    const asking = get(login, token);
    await gate.arrived(1);
    clock.advanceSeconds(hour);
    gate.release();
    expectError(await asking, 'temporarily_unavailable', { retryAfter: '5' });
    await claimsOver(world);
    expect((await get(login, token)).status).toBe(200);
  });

  test('[G6] GET /session › answers 401 when the sessions ended while WeCom was asked', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin(long);
    const token = await newSession(world, login, world.addMember());
    clock.advanceSeconds(601);
    const gate = world.wecom.hold({ endpoint: 'user/get' }, 'after');
    const asking = get(login, token);
    await gate.arrived(1);
    await login.withSession('DELETE', '/session?all=true', token);
    gate.release();
    expectError(await asking, 'invalid_session');
    expect(await sessionsIn(world)).toEqual([]);
  });

  test('[G6 S18] GET /session › is not believed from the future: WeCom is asked, and a leaver is out', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const ahead = await clock.startLogin(long);
    const login = await world.startLogin(long);
    clock.advanceSeconds(hour);
    const [stays, leaves] = [world.addMember(), world.addMember()];
    const [good, bad] = [await newSession(world, ahead, stays), await newSession(world, ahead, leaves)];
    world.wecom.updateMember(corpid, leaves, { visible: false });
    expectError(await get(login, bad), 'invalid_session');
    const before = checksIn(world);
    for (let i = 0; i < 3; i += 1) expect((await get(login, good)).status).toBe(200);
    // Asked once; then its own word counts.
    expect(checksIn(world)).toBe(before + 1);
    world.wecom.fault({ endpoint: 'user/get', kind: 'cut', at: 'before' });
    const third = await newSessionAhead();
    expectError(await get(login, third), 'temporarily_unavailable', { retryAfter: '5' });

    async function newSessionAhead(): Promise<unknown> {
      world.wecom.clearFaults();
      const token = await newSession(world, ahead, world.addMember());
      world.wecom.fault({ endpoint: 'user/get', kind: 'cut', at: 'before' });
      return token;
    }
  });

  test('GET /session › believes a clock that is half a minute ahead', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const ahead = await clock.startLogin(long);
    const login = await world.startLogin(long);
    clock.advanceSeconds(30);
    const token = await newSession(world, ahead, world.addMember());
    expect((await get(login, token)).status).toBe(200);
    expect(checksIn(world)).toBe(1);
  });
});

describe.runIf(realRedis)('a refusal that Redis cannot be told', () => {
  const readOnly = (world: World) => world.redisCommand('REPLICAOF', '127.0.0.1', '1');
  const writable = (world: World) => world.redisCommand('REPLICAOF', 'NO', 'ONE');

  async function start() {
    const world = await startWorld({ redis: 'server' });
    const clock = movableClock(world);
    const login = await clock.startLogin(long);
    const userid = world.addMember();
    const token = await newSession(world, login, userid);
    return { world, clock, login, userid, token };
  }

  test('[W23] GET /session › lets the person in no more, and ends the sessions as soon as Redis writes', async () => {
    const { world, clock, login, userid, token } = await start();
    const colleague = await newSession(world, login, world.addMember());
    const second = await newSession(world, login, userid);
    clock.advanceSeconds(601);
    expect((await get(login, colleague)).status).toBe(200);
    world.wecom.updateMember(corpid, userid, { visible: false });
    const gate = world.wecom.hold({ endpoint: 'user/get' });
    const asking = get(login, token);
    await gate.arrived(1);
    await readOnly(world);
    gate.release();
    const refused = await asking;
    expectError(refused, 'invalid_session');
    expect(await logged(login, refused, 'session_not_ended')).toEqual([
      expect.objectContaining({
        level: 'error',
        corpid,
        userid,
        reason: 'errcode_60011',
        failure: 'redis_read_only',
      }),
    ]);
    for (const session of [token, second, token]) expectError(await get(login, session), 'invalid_session');
    expect((await get(login, colleague)).status).toBe(200);

    await writable(world);
    await claimsOver(world);
    const ended = await untilEnded(login, second);
    expectError(ended, 'invalid_session');
    expect(login.logged('session_ended')).toEqual([
      expect.objectContaining({ userid, reason: 'errcode_60011', sessions: 2 }),
    ]);
    expect(await sessionsIn(world)).toHaveLength(1);
  });

  test('[W23] POST /login › answers 403 to the person all the same, and GET /session 401 to the sessions that are left', async () => {
    const { world, login, userid, token } = await start();
    world.wecom.updateMember(corpid, userid, { status: 2 });
    await readOnly(world);
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expectError(answer, 'member_not_allowed', { userid });
    expect(await logged(login, answer, 'session_not_ended')).toHaveLength(1);
    expectError(await get(login, token), 'invalid_session');
    await writable(world);
    await untilEnded(login, token);
    expect(await sessionsIn(world)).toEqual([]);
  });

  test('[W23] GET /session › forgets it when WeCom has confirmed the person since', async () => {
    const { world, login, userid, token } = await start();
    const other = await world.startLogin(long);
    world.wecom.updateMember(corpid, userid, { status: 2 });
    await readOnly(world);
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expectError(answer, 'member_not_allowed', { userid });
    await writable(world);
    world.wecom.updateMember(corpid, userid, { status: 1 });
    const fresh = await newSession(world, other, userid);
    for (const session of [fresh, token]) expect((await get(login, session)).status).toBe(200);
  });

  /** The connection that was read-only is replaced with the first request. */
  async function untilEnded(login: Login, token: unknown): Promise<Answer> {
    for (;;) {
      const answer = await get(login, token);
      expect(answer.status).not.toBe(200);
      if (login.logged('session_ended').length > 0) return answer;
    }
  }
});

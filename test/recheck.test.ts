import { describe, expect, test } from 'vitest';
import { movableClock } from './clock.ts';
import { expectError } from './expect-answer.ts';
import { startRedisGate } from './redis-gate.ts';
import { figure } from './reliability/figure.ts';
import {
  type Answer,
  corpid,
  type Login,
  otherCorpid,
  quickRedis,
  realRedis,
  startWorld,
  type World,
} from './world.ts';

/** `ENDED_MEMBERS=200` for a long run; each has five sessions. */
const endedMembers = Number(process.env['ENDED_MEMBERS'] ?? 60);

/** Long enough that only the re-check can end a session here. */
const idle = { SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '2592000' };

const get = (login: Login, token: unknown) => login.withSession('GET', '/session', token);

/** Asks again after a 503, as a client would, a few times: thousands of requests may be too much for this machine. */
async function unlessBusy(ask: () => Promise<Answer>, asks = 10): Promise<Answer> {
  const answer = await ask();
  return answer.status === 503 && asks > 1 ? unlessBusy(ask, asks - 1) : answer;
}

async function newSession(world: World, login: Login, userid: string, id = corpid): Promise<unknown> {
  const answer = await unlessBusy(() => login.login({ js_code: world.jsCode(userid, id), corpid: id }));
  expect(answer.status).toBe(200);
  return answer.body['session_token'];
}

/** A world in which the word of WeCom about everybody is 601 seconds old as soon as `age` is called. */
async function startOld(options: Parameters<typeof startWorld>[0] = {}) {
  const world = await startWorld(options);
  const clock = movableClock(world);
  const login = await clock.startLogin(idle);
  const userid = world.addMember();
  const token = await newSession(world, login, userid);
  /** Lets the pause after a failed check end. */
  const pauseOver = async () => {
    const keys = (await world.redisContents()).filter(({ key }) => key.endsWith(':check'));
    for (const { key } of keys) await world.redisCommand('DEL', key);
  };
  const asked = () => world.wecom.counts()['user/get'];
  return { world, clock, login, userid, token, pauseOver, asked };
}

async function logged(login: Login, answer: Answer, event: string) {
  return (await login.logOf(answer)).filter((line) => line['event'] === event);
}

describe('when WeCom’s last word is older than MEMBER_RECHECK_SECONDS', () => {
  test('GET /session › asks user/get once, and answers what it says now', async () => {
    const { world, clock, login, userid, token, asked } = await startOld();
    const second = await newSession(world, login, userid);
    world.wecom.updateMember(corpid, userid, { name: '新名', department: [9], position: '经理' });
    clock.advanceSeconds(590);
    expect((await get(login, token)).body['member']).not.toMatchObject({ name: '新名' });
    expect(asked()).toBe(2);
    clock.advanceSeconds(11);
    for (const session of [token, second, token]) {
      const { body } = await get(login, session);
      expect(body['member']).toEqual({ corpid, userid, name: '新名', department: [9], position: '经理' });
    }
    expect(asked()).toBe(3);
    expect((await world.redisContents()).filter(({ key }) => key.endsWith(':check'))).toEqual([]);
    clock.advanceSeconds(601);
    expect((await get(login, second)).status).toBe(200);
    expect([asked(), world.wecom.counts().gettoken]).toEqual([4, 1]);
  });

  test('GET /session › asks once for all requests on two instances, which go on meanwhile', async () => {
    const { world, clock, login, token, asked } = await startOld(quickRedis);
    const other = await clock.startLogin(idle);
    clock.advanceSeconds(601);
    const gate = world.wecom.hold({ endpoint: 'user/get' });
    const asking = get(login, token);
    await gate.arrived(1);
    const meanwhile = await Promise.all(
      Array.from({ length: 20 }, (_, i) => get(i % 2 ? login : other, token)),
    );
    expect(meanwhile.map(({ status }) => status)).toEqual(meanwhile.map(() => 200));
    expect(asked()).toBe(2);
    gate.release();
    expect((await asking).status).toBe(200);
    expect(asked()).toBe(2);
  });

  test('GET /session › waits for the answer to another request when nobody knows any more whether they may', async () => {
    const { world, clock, login, userid, token, asked } = await startOld(quickRedis);
    const other = await clock.startLogin(idle);
    for (const [visible, status] of [
      [true, 200],
      [false, 401],
    ] as const) {
      world.wecom.updateMember(corpid, userid, { visible });
      clock.advanceSeconds(1900);
      const gate = world.wecom.hold({ endpoint: 'user/get' });
      const before = asked();
      const answers = [get(login, token)];
      await gate.arrived(1);
      answers.push(get(other, token), get(login, token));
      // Both have looked before WeCom answers: each look is a request to Redis that finds the claim taken.
      await get(other, 's1.none');
      gate.release();
      expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([status, status, status]);
      expect(asked()).toBe(before + 1);
    }
  });

  test.each<[string, Parameters<World['wecom']['updateMember']>[2], string]>([
    ['is no longer in the visible range', { visible: false }, 'errcode_60011'],
    ['left the company', { deleted: true }, 'errcode_60111'],
    ['was disabled', { status: 2 }, 'status_2'],
    ['has left', { status: 5 }, 'status_5'],
  ])(
    '[W13] GET /session › ends all sessions of a member who %s, on every instance',
    async (_, changes, reason) => {
      const { world, clock, login, userid, token } = await startOld();
      const other = await clock.startLogin(idle);
      const second = await newSession(world, other, userid);
      const colleague = await newSession(world, login, world.addMember());
      world.wecom.updateMember(corpid, userid, changes);
      clock.advanceSeconds(601);
      const answer = await get(login, token);
      expectError(answer, 'invalid_session');
      expect(await login.logOf(answer)).toEqual([
        expect.objectContaining({
          event: 'session_ended',
          level: 'warn',
          corpid,
          userid,
          reason,
          sessions: 2,
        }),
        expect.objectContaining({ event: 'request', status: 401, reason: `recheck_${reason}` }),
      ]);
      expectError(await get(other, second), 'invalid_session');
      expect((await get(other, colleague)).status).toBe(200);
    },
  );
});

describe('while WeCom cannot be asked', () => {
  test.each<[string, (world: World) => void, object]>([
    ['breaks off', (world) => world.wecom.fault({ endpoint: 'user/get', kind: 'cut', at: 'before' }), {}],
    [
      'is busy',
      (world) => world.wecom.fault({ endpoint: 'user/get', kind: 'errcode', errcode: -1 }),
      { errcode: -1 },
    ],
    ['answers HTML', (world) => world.wecom.fault({ endpoint: 'user/get', kind: 'html', status: 502 }), {}],
    [
      'does not trust our address',
      (world) => world.wecom.updateCompany(corpid, { ipTrusted: false }),
      { errcode: 60020 },
    ],
  ])(
    'GET /session › goes on when WeCom %s, alarms from the first failure, answers 503 when too long, and recovers',
    async (_, breakIt, fields) => {
      const { world, clock, login, token, pauseOver, asked, userid } = await startOld();
      breakIt(world);
      clock.advanceSeconds(601);
      const first = await get(login, token);
      expect(first.status).toBe(200);
      expect(await logged(login, first, 'recheck_failed')).toEqual([
        expect.objectContaining({
          level: 'error',
          corpid,
          userid,
          age_seconds: expect.any(Number),
          ...fields,
        }),
      ]);
      // One failure, one pause.
      const before = asked();
      const second = await get(login, token);
      expect([second.status, asked() - before]).toEqual([200, 0]);
      expect(await logged(login, second, 'recheck_failed')).toEqual([]);

      clock.advanceSeconds(1300);
      await pauseOver();
      const late = await get(login, token);
      expectError(late, 'temporarily_unavailable', { retryAfter: '5' });
      expect((await login.logOf(late)).at(-1)).toMatchObject({ reason: 'recheck_overdue' });

      world.wecom.clearFaults();
      world.wecom.updateCompany(corpid, { ipTrusted: true });
      // After a 60020 an instance asks nothing for 5 seconds.
      clock.advanceSeconds(6);
      await pauseOver();
      const recovered = await get(login, token);
      expect([recovered.status, await logged(login, recovered, 'recheck_failed')]).toEqual([200, []]);
    },
  );

  test('GET /session › answers 503 to all of a member’s requests when too long, not only to the one that asks', async () => {
    const { world, clock, login, token } = await startOld();
    world.wecom.fault({ endpoint: 'user/get', kind: 'cut', at: 'before' });
    clock.advanceSeconds(1900);
    const answers = await Promise.all([get(login, token), get(login, token), get(login, token)]);
    for (const answer of answers) expectError(answer, 'temporarily_unavailable', { retryAfter: '5' });
  });

  test.runIf(realRedis)(
    '[R7] GET /session › goes on while Redis only reads, without asking WeCom',
    async () => {
      const { world, clock, login, token, asked } = await startOld({ redis: 'server' });
      await world.redisCommand('REPLICAOF', '127.0.0.1', '1');
      clock.advanceSeconds(601);
      const answer = await get(login, token);
      expect(answer.status).toBe(200);
      expect(await logged(login, answer, 'recheck_failed')).toEqual([
        expect.objectContaining({ level: 'error', reason: 'redis_read_only' }),
      ]);
      expect(asked()).toBe(1);
      clock.advanceSeconds(1300);
      expectError(await get(login, token), 'temporarily_unavailable');
      await world.redisCommand('REPLICAOF', 'NO', 'ONE');
      expect((await get(login, token)).status).toBe(200);
    },
  );
});

test('GET /session › skips re-checks beyond 30,000 in an hour, for this company only, and says so', async () => {
  const { world, clock, login, token, pauseOver, asked } = await startOld();
  const userid = world.addMember({ corpid: otherCorpid });
  const elsewhere = await newSession(world, login, userid, otherCorpid);
  clock.advanceSeconds(601);
  expect((await get(login, token)).status).toBe(200);
  const [budget] = (await world.redisContents()).filter(({ key }) => key.startsWith('wxl1:recheck:'));
  expect(budget?.fields).toEqual({ '': '1' });
  await world.redisCommand('INCRBY', budget?.key ?? '', 29_998);

  clock.advanceSeconds(601);
  expect((await get(login, token)).status).toBe(200);
  expect(asked()).toBe(4);
  clock.advanceSeconds(601);
  const skipped = await get(login, token);
  expect(skipped.status).toBe(200);
  expect(await logged(login, skipped, 'recheck_skipped')).toEqual([
    expect.objectContaining({ level: 'warn', corpid, max: 30_000, window_seconds: 3600 }),
  ]);
  expect(asked()).toBe(4);
  expect((await get(login, elsewhere)).status).toBe(200);
  expect(asked()).toBe(5);
  // Logins never wait for re-checks.
  await newSession(world, login, world.addMember());

  await world.redisCommand('DEL', budget?.key ?? '');
  await pauseOver();
  expect((await get(login, token)).status).toBe(200);
  expect(asked()).toBe(7);
});

test('[R4] GET /session › asks once although the connection to Redis breaks in the middle of any one reply', async () => {
  const world = await startWorld();
  const clock = movableClock(world);
  const gate = await startRedisGate(world.redis.url);
  const login = await clock.startLogin({ ...idle, REDIS_URL: gate.url });
  const token = await newSession(world, login, world.addMember());
  const asked = () => world.wecom.counts()['user/get'];
  for (let after = 0; after < 8; after += 1) {
    const before = asked();
    clock.advanceSeconds(601);
    await gate.set({ kind: 'reset', after });
    expect((await get(login, token)).status).toBe(200);
    expect(asked() - before, `after ${after} replies`).toBe(1);
  }
});

describe('while the budget of re-checks is used up', () => {
  /** WeCom was asked about the member again; from then on the hour's budget can be used up. */
  async function startCounted() {
    const old = await startOld();
    old.clock.advanceSeconds(601);
    expect((await get(old.login, old.token)).status).toBe(200);
    const [budget] = (await old.world.redisContents()).filter(({ key }) => key.startsWith('wxl1:recheck:'));
    const key = budget?.key ?? '';
    return { ...old, useBudgetUp: () => old.world.redisCommand('INCRBY', key, 30_000) };
  }

  test('[S21] GET /session › is no way around the grace in a process that has never asked', async () => {
    const { world, clock, token, asked, pauseOver, useBudgetUp } = await startCounted();
    world.wecom.fault({ endpoint: 'user/get', kind: 'html', status: 502 });
    await useBudgetUp();
    clock.advanceSeconds(1900);
    const cold = await clock.startLogin(idle);
    const before = asked();
    for (let i = 0; i < 3; i += 1) {
      expectError(await get(cold, token), 'temporarily_unavailable', { retryAfter: '5' });
      await pauseOver();
    }
    // One question in 10 s.
    expect(asked() - before).toBeGreaterThan(0);
    expect(asked() - before).toBeLessThan(3);
    world.wecom.clearFaults();
    clock.advanceSeconds(11);
    expect((await get(cold, token)).status).toBe(200);
  });

  test('[S21] GET /session › finds the end of an outage though others go on asking', async () => {
    const { world, clock, login, token, pauseOver, useBudgetUp } = await startCounted();
    const other = await newSession(world, login, world.addMember());
    world.wecom.fault({ endpoint: 'user/get', kind: 'html', status: 502 });
    clock.advanceSeconds(1900);
    expectError(await get(login, token), 'temporarily_unavailable', { retryAfter: '5' });
    await useBudgetUp();
    const answers: number[] = [];
    world.wecom.clearFaults();
    for (const session of [other, token, other, token]) {
      clock.advanceSeconds(6);
      await pauseOver();
      answers.push((await get(login, session)).status);
    }
    expect(answers.at(-1)).toBe(200);
  });

  test('GET /session › refuses nobody and lets nobody wait, however old the last word is', async () => {
    const { clock, login, token, asked, useBudgetUp } = await startCounted();
    await useBudgetUp();
    clock.advanceSeconds(5000);
    for (const answer of await Promise.all([get(login, token), get(login, token), get(login, token)])) {
      expect(answer.status).toBe(200);
    }
    expect((await get(login, token)).status).toBe(200);
    // One question beyond the budget, since nobody here has heard of WeCom for so long.
    expect(asked()).toBe(3);
  });

  test.each([
    ['an errcode about that question', { kind: 'errcode', errcode: 999_999 }],
    ['a shape that cannot be read', { kind: 'fields', fields: { status: 'x' } }],
    ['another userid', { kind: 'fields', fields: { userid: 'SomebodyElse' } }],
  ] as const)(
    '[S21] GET /session › refuses nobody because WeCom answers %s for another member',
    async (_, answer) => {
      const { world, clock, login, token, useBudgetUp } = await startCounted();
      const odd = await newSession(world, login, world.addMember());
      clock.advanceSeconds(1900);
      world.wecom.fault({ endpoint: 'user/get', ...answer, times: 1 });
      expectError(await get(login, odd), 'temporarily_unavailable', { retryAfter: '5' });
      await useBudgetUp();
      expect((await get(login, token)).status).toBe(200);
    },
  );

  test('GET /session › is no way around the grace while WeCom does not answer', async () => {
    const { world, clock, login, token, asked, pauseOver, useBudgetUp } = await startCounted();
    world.wecom.fault({ endpoint: 'user/get', kind: 'html', status: 502 });
    clock.advanceSeconds(601);
    expect((await get(login, token)).status).toBe(200);
    await useBudgetUp();
    await pauseOver();
    clock.advanceSeconds(1201);
    // One question beyond the budget, which is how the end of an outage is found.
    for (let i = 0; i < 3; i += 1) {
      expectError(await get(login, token), 'temporarily_unavailable', { retryAfter: '5' });
      await pauseOver();
    }
    expect(asked()).toBe(4);

    world.wecom.clearFaults();
    clock.advanceSeconds(11);
    await pauseOver();
    expect((await get(login, token)).status).toBe(200);
    expect(asked()).toBe(5);
  });
});

describe.runIf(realRedis)('races of uses against the end of a session', () => {
  test('[G6] GET /session › never brings an ended session back', async () => {
    const world = await startWorld({ redis: 'server' });
    const clock = movableClock(world);
    const logins = [await clock.startLogin(idle), await clock.startLogin(idle)];
    const login = (i: number) => logins[i % 2] as Login;
    const userids = Array.from({ length: endedMembers }, () => world.addMember());
    const people: unknown[][] = [];
    for (let i = 0; i < userids.length; i += 5) {
      const batch = userids
        .slice(i, i + 5)
        .map((userid, j) =>
          Promise.all(Array.from({ length: 5 }, () => newSession(world, login(j), userid))),
        );
      people.push(...(await Promise.all(batch)));
    }
    // From here on each use writes the session anew.
    clock.advanceSeconds(61);
    for (let i = 0; i < people.length; i += 5) {
      const races = people.slice(i, i + 5).map(async (tokens) => {
        const use = (token: unknown, j: number) => get(login(j), token);
        const uses = tokens.slice(0, 2).map(use);
        const ending = unlessBusy(() => login(i).withSession('DELETE', '/session?all=true', tokens[0]));
        uses.push(...tokens.slice(2).map(use));
        // 401: a 503 had ended them all the same.
        expect([204, 401]).toContain((await ending).status);
        for (const { status } of await Promise.all(uses)) expect([200, 401, 503]).toContain(status);
      });
      await Promise.all(races);
    }
    expect((await world.redisContents()).filter(({ key }) => key.startsWith('wxs1:'))).toEqual([]);
    for (const [i, tokens] of people.entries()) {
      const after = tokens.map((token) => unlessBusy(() => get(login(i), token)));
      for (const answer of await Promise.all(after)) {
        expectError(answer, 'invalid_session');
      }
    }
    figure('G6', `${people.flat().length} sessions used while they ended: 0 came back`);
  });
});

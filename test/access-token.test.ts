import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { expectError } from './expect-answer.ts';
import { figure } from './reliability/figure.ts';
import { endPauses, gettokens, tokenRecord } from './token-state.ts';
import {
  allLetIn,
  corpid,
  type Login,
  loginsAtOnce,
  otherCorpid,
  quickRedis,
  secret,
  startWorld,
  worldForAll,
  type World,
} from './world.ts';

const modes = ['A', 'B', 'C', 'D'] as const;

/** Two processes for all tests with several modes. */
const two = worldForAll();
let b: Login;
beforeAll(async () => {
  b = await two.world.startLogin();
});

/** No token is good any more, and nothing is paused; returns how many were fetched so far. */
async function anew(gettokenMode: (typeof modes)[number]): Promise<number> {
  await two.world.redis.flush();
  two.world.wecom.clearFaults();
  two.world.wecom.set({ gettokenMode });
  two.world.wecom.dropTokens(corpid);
  return gettokens(two.world, corpid);
}

describe('POST /login', () => {
  test('fetches one access_token for 100 members on one fresh process with an empty Redis', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    const cameBack = await allLetIn(world, [login], 100);
    expect(gettokens(world, corpid)).toBe(1);
    if (cameBack === 0) {
      expect(world.wecom.counts()).toEqual({ gettoken: 1, jscode2session: 100, 'user/get': 100 });
    }
    expect(world.wecom.violations).toEqual([]);
  });

  test('[S1 T4] fetches one access_token for 200 members on 20 fresh processes with an empty Redis', async () => {
    const world = await startWorld(quickRedis);
    const functions = await Promise.all(Array.from({ length: 20 }, () => world.startLogin()));
    await allLetIn(world, functions, 200);
    expect(gettokens(world, corpid)).toBe(1);
  });

  test.each(modes)(
    '[W1 T6] fetches one more when WeCom drops the token, and no member notices (gettoken mode %s)',
    async (gettokenMode) => {
      const { world, login: a } = two;
      const before = await anew(gettokenMode);
      const functions = [a, b];
      await allLetIn(world, functions, 2);
      const gate = world.wecom.hold({ endpoint: 'jscode2session' });
      const answers = allLetIn(world, functions, 50);
      await gate.arrived(10);
      world.wecom.dropTokens(corpid);
      gate.release();
      await answers;
      expect(gettokens(world, corpid) - before).toBe(2);
    },
  );

  test('keeps companies apart: one token each, and what one loses does not touch the other', async () => {
    const world = await startWorld(quickRedis);
    const functions = await Promise.all([world.startLogin(), world.startLogin()]);
    const both = () => Promise.all([corpid, otherCorpid].map((id) => allLetIn(world, functions, 20, id)));
    await both();
    expect([gettokens(world, corpid), gettokens(world, otherCorpid)]).toEqual([1, 1]);

    const gate = world.wecom.hold({ endpoint: 'jscode2session' });
    const answers = both();
    await gate.arrived(10);
    world.wecom.dropTokens(corpid);
    gate.release();
    await answers;
    expect([gettokens(world, corpid), gettokens(world, otherCorpid)]).toEqual([2, 1]);

    world.wecom.updateCompany(corpid, { corpsecret: secret('a-corpsecret-reset-meanwhile') });
    world.wecom.dropTokens(corpid);
    expect(await loginsAtOnce(world, functions, 20)).toEqual({ 503: 20 });
    await allLetIn(world, functions, 20, otherCorpid);
    expect([gettokens(world, corpid), gettokens(world, otherCorpid)]).toEqual([3, 1]);
  });

  test.each([
    ['A', 0],
    ['B', 0],
    ['C', 0],
    ['D', 1],
  ] as const)(
    '[W4] survives another program that fetches with the same secret (gettoken mode %s: %i more of ours)',
    async (gettokenMode, more) => {
      const { world, login: a } = two;
      const before = await anew(gettokenMode);
      const functions = [a, b];
      await allLetIn(world, functions, 4);
      const corpsecret = world.environment()['WECOM_CORPS']?.split(',')[0]?.split(':')[1];
      const query = `corpid=${corpid}&corpsecret=${corpsecret}`;
      expect((await fetch(`${world.wecom.url}/cgi-bin/gettoken?${query}`)).status).toBe(200);
      await allLetIn(world, functions, 20);
      expect(gettokens(world, corpid) - before).toBe(1 + 1 + more);
    },
  );

  test('[G3] asks Redis for the token once per process and not at all when it is warm', async () => {
    const world = await startWorld(quickRedis);
    const redisCalls: unknown[] = [];
    for (const login of [await world.startLogin(), await world.startLogin()]) {
      for (let i = 0; i < 3; i += 1) {
        const lines = await login.logOf(await login.login({ js_code: world.jsCode() }));
        redisCalls.push(lines.at(-1)?.['redis_calls']);
      }
    }
    // Two are the limits and the session. A process's first login also looks for the token; the very first asks for the
    // lease and commits, too.
    expect(redisCalls).toEqual([5, 2, 2, 3, 2, 2]);
    expect(gettokens(world, corpid)).toBe(1);
    figure('G3', 'real processes: 2 round trips per warm login, none of them for the token');
  });

  test('asks early once per life when WeCom gives the same token again (mode A)', async () => {
    const world = await startWorld(quickRedis);
    await loginsAtOnce(world, [await world.startLogin()], 1);
    const fresh = await Promise.all([world.startLogin(), world.startLogin(), world.startLogin()]);
    await world.redisCommand('PEXPIRE', (await tokenRecord(world)).key, 55_000);
    world.wecom.advanceMs(7_200_000 - 55_000);
    for (const login of fresh) await allLetIn(world, [login], 10);
    expect(gettokens(world, corpid)).toBe(2);
  });

  test('does not hammer gettoken when it answers the last second of a token (mode A)', async () => {
    const world = await startWorld(quickRedis);
    const functions = await Promise.all([world.startLogin(), world.startLogin()]);
    await loginsAtOnce(world, functions, 2);
    world.wecom.advanceMs(7_200_000 - 1900);
    await world.redis.flush();
    const fresh = await Promise.all([world.startLogin(), world.startLogin(), world.startLogin()]);
    await allLetIn(world, fresh, 30);
    expect(gettokens(world, corpid) - 1).toBeLessThanOrEqual(4);
  });
});

describe('POST /login answers 200', () => {
  test.each(modes)(
    '[W24] with one more gettoken when WeCom has dropped two tokens, of which this process knew the first (mode %s)',
    async (gettokenMode) => {
      const { world, login: a } = two;
      const before = await anew(gettokenMode);
      for (const [login, expected] of [
        [a, 1],
        [b, 2],
        [a, 3],
        [b, 4],
      ] as const) {
        expect(await loginsAtOnce(world, [login], 1)).toEqual({ 200: 1 });
        expect(gettokens(world, corpid) - before).toBe(expected);
        world.wecom.dropTokens(corpid);
      }
      expect([...a.logged('gettoken_rests'), ...b.logged('token_refused_again')]).toEqual([]);
    },
  );

  test.each(modes)(
    '[W25] when WeCom refuses a good token now and then, whoever else logs in meanwhile (mode %s)',
    async (gettokenMode) => {
      const { world, login: a } = two;
      const before = await anew(gettokenMode);
      const functions = [a, b];
      for (let i = 0; i < 5; i += 1) {
        await allLetIn(world, functions, 10);
        world.wecom.fault({ endpoint: 'jscode2session', kind: 'errcode', errcode: 40014, times: 1 });
      }
      // C: whoever is refused may find that another has already fetched a newer one.
      expect(gettokens(world, corpid) - before).toBeLessThanOrEqual(5);
      expect(functions.flatMap((login) => login.logged('gettoken_rests'))).toEqual([]);
    },
  );

  test('[W26] with at most 12 gettoken in a minute when tokens live for seconds', async () => {
    const world = await startWorld();
    world.wecom.set({ tokenLifeSeconds: 1 });
    const login = await world.startLogin();
    for (let i = 0; i < 16; i += 1) expect(await loginsAtOnce(world, [login], 1)).toEqual({ 200: 1 });
    expect(gettokens(world, corpid)).toBeLessThanOrEqual(12);
    expect(login.logged('token_life_short')[0]).toMatchObject({ level: 'warn', corpid, expires_in: 1 });
  });
});

describe('POST /login answers 503', () => {
  test('[W26] beyond 12 gettoken in a minute, and says so once', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    for (let i = 0; i < 12; i += 1) {
      expect(await loginsAtOnce(world, [login], 1)).toEqual({ 200: 1 });
      world.wecom.dropTokens(corpid);
    }
    for (let i = 0; i < 3; i += 1) {
      expectError(await login.login({ js_code: world.jsCode() }), 'temporarily_unavailable', {
        retryAfter: '60',
      });
    }
    expect(gettokens(world, corpid)).toBe(12);
    expect(login.logged('gettoken_too_often')).toHaveLength(1);
  });

  test('[W26] beyond 12 gettoken in a minute while two encryption keys seal', async () => {
    const world = await startWorld();
    const [older, newer] = [
      world.environment()['ENCRYPTION_KEY'],
      secret(randomBytes(32).toString('base64url')),
    ];
    const functions = await Promise.all(
      [`${older},${newer}`, `${newer},${older}`].map((ENCRYPTION_KEY) =>
        world.startLogin({ ENCRYPTION_KEY }),
      ),
    );
    for (let i = 0; i < 8; i += 1) {
      for (const login of functions) {
        world.wecom.dropTokens(corpid);
        const { status } = await login.login({ js_code: world.jsCode() });
        expect(status).toBe(i < 6 ? 200 : 503);
      }
    }
    expect(gettokens(world, corpid)).toBe(12);
  });

  test('[W5] when the secret is wrong, with hardly any gettoken and one clear line in the log', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.updateCompany(corpid, { corpsecret: secret('a-corpsecret-of-somebody-else') });
    const functions = await Promise.all([world.startLogin(), world.startLogin()]);
    for (let wave = 1; wave <= 6; wave += 1) {
      expect(await loginsAtOnce(world, functions, 20)).toEqual({ 503: 20 });
      expect(gettokens(world, corpid)).toBe(wave);
      await endPauses(world);
    }
    const failures = functions.flatMap((login) => login.logged('gettoken_failed'));
    const pauses = failures.map((line) => Number(line['pause_ms'])).toSorted((a, b) => a - b);
    expect(pauses).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
    expect(failures[0]).toMatchObject({ level: 'error', corpid, errcode: 40001, failure: 'operator' });
    expectError(await loginOnce(world), 'temporarily_unavailable', { retryAfter: '60' });
    // The app of the other company is asked instead.
    expect(world.wecom.counts(corpid).jscode2session).toBe(0);
  });

  test('never while a token is valid: a wrong secret harms nobody before it ends', async () => {
    const world = await startWorld(quickRedis);
    await loginsAtOnce(world, [await world.startLogin()], 1);
    world.wecom.updateCompany(corpid, { corpsecret: secret('a-corpsecret-of-tomorrow') });
    const fresh = await Promise.all([world.startLogin(), world.startLogin()]);
    await world.redisCommand('PEXPIRE', (await tokenRecord(world)).key, 55_000);
    for (let i = 0; i < 3; i += 1) await allLetIn(world, fresh, 10);
    expect(gettokens(world, corpid)).toBe(2);
  });

  test('[W6] while gettoken is rate-limited, without asking again', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.fault({ endpoint: 'gettoken', kind: 'errcode', errcode: 45009 });
    const login = await world.startLogin();
    for (let i = 0; i < 3; i += 1) expect(await loginsAtOnce(world, [login], 20)).toEqual({ 503: 20 });
    expect(gettokens(world, corpid)).toBe(1);
    world.wecom.clearFaults();
    await endPauses(world);
    expect(await loginsAtOnce(world, [login], 1)).toEqual({ 200: 1 });
  });

  test('[W7] while jscode2session is rate-limited, for a minute and without asking again', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.fault({ endpoint: 'jscode2session', kind: 'errcode', errcode: 45009 });
    const login = await world.startLogin();
    for (let i = 0; i < 3; i += 1) {
      const answer = await login.login({ js_code: world.jsCode() });
      expectError(answer, 'temporarily_unavailable', { retryAfter: '60' });
    }
    expect(world.wecom.counts()).toEqual({ gettoken: 1, jscode2session: 1, 'user/get': 0 });
    expect(login.logged('wecom_rate_limited')[0]).toMatchObject({ api: 'miniprogram/jscode2session' });
  });

  test('[W10] when our address is not trusted, tells the operator which, and fetches no token for it', async () => {
    const world = await startWorld(quickRedis);
    const functions = await Promise.all([world.startLogin(), world.startLogin()]);
    await loginsAtOnce(world, functions, 2);
    world.wecom.updateCompany(corpid, { ipTrusted: false });
    for (let i = 0; i < 3; i += 1) expect(await loginsAtOnce(world, functions, 20)).toEqual({ 503: 20 });
    expect(gettokens(world, corpid)).toBe(1);
    const [login] = functions;
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable');
    expect(answer.text).not.toMatch(/203\.0\.113\.7|hint|60020|not allow/);
    expect(login.logged('wecom_ip_not_trusted')[0]).toMatchObject({
      level: 'error',
      ip: '203.0.113.7',
      hint: expect.stringMatching(/^\d{25}$/),
    });
    world.wecom.updateCompany(corpid, { ipTrusted: true });
    expect(await loginsAtOnce(world, [await world.startLogin()], 5)).toEqual({ 200: 5 });
  });

  test.each(modes)(
    '[W2 W3] when WeCom refuses every token it gives, and fetches hardly any after each rest (gettoken mode %s)',
    async (gettokenMode) => {
      const { world, login: a } = two;
      const before = await anew(gettokenMode);
      world.wecom.updateCompany(corpid, { linked: false });
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'latency', ms: () => Math.random() * 60 });
      const functions = [a, b];
      const restsOf = ({ logged }: Login) => logged('gettoken_rests');
      const earlier = functions.map((login) => restsOf(login).length);
      const stream = async (login: Login) => {
        for (let i = 0; i < 2; i += 1) expect(await loginsAtOnce(world, [login], 4)).toEqual({ 503: 4 });
      };
      for (let wave = 1; wave <= 3; wave += 1) {
        await Promise.all([...functions, ...functions].map(stream));
        await endPauses(world);
      }
      const rests = functions
        .flatMap((login, i) => restsOf(login).slice(earlier[i]))
        .map((line) => Number(line['pause_ms']))
        .toSorted((x, y) => x - y);
      expect(rests.slice(0, 3)).toEqual([2000, 10_000, 50_000]);
      // At first two a call and one to begin with, then one after each rest.
      expect(gettokens(world, corpid) - before).toBeLessThanOrEqual(5 + 2 * rests.length);
      await endPauses(world);
      world.wecom.updateCompany(corpid, { linked: true });
      await allLetIn(world, functions, 20);
    },
  );

  async function loginOnce(world: World) {
    return (await world.startLogin()).login({ js_code: world.jsCode() });
  }

  const shared = worldForAll();

  test.each([
    { errcode: -1, times: 2, status: 200, calls: 3 },
    { errcode: -1, times: 9, status: 503, calls: 3 },
    { errcode: 45033, times: 1, status: 200, calls: 2 },
    { errcode: 45033, times: 9, status: 503, calls: 2 },
    { errcode: 6000, times: 1, status: 200, calls: 2 },
    { errcode: 48002, times: 9, status: 503, calls: 1 },
    { errcode: 987_654, times: 9, status: 503, calls: 1 },
  ])(
    '[W8 W9 W11] or 200 after as many calls as WeCom allows (errcode $errcode, $times times: $calls)',
    async (given) => {
      const { errcode, times, status, calls } = given;
      const { world, login } = shared;
      const before = world.wecom.counts().jscode2session;
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'errcode', errcode, times });
      onTestFinished(() => world.wecom.clearFaults());
      const answer = await login.login({ js_code: world.jsCode() });
      expect(answer.status).toBe(status);
      expect(world.wecom.counts().jscode2session - before).toBe(calls);
      expect(gettokens(world, corpid)).toBe(1);
    },
  );
});

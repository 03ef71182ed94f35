import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedisRelay } from '../../simulator/redis-relay.ts';
import { movableClock } from '../clock.ts';
import { expectError } from '../expect-answer.ts';
import { behindTls, certificate } from '../tls-front.ts';
import { endPauses, gettokens, tokenRecord, tokenRecords } from '../token-state.ts';
import { allLetIn, corpid, type Login, loginsAtOnce, quickRedis, realRedis, startWorld } from '../world.ts';
import { deafServer, freeze, oneLogin } from './trouble.ts';

const session = (login: Login, sessionToken: unknown) => login.withSession('GET', '/session', sessionToken);

describe('What WeCom refuses', () => {
  test('[W12] POST /login › answers 400 to a code that is unknown, used or expired, asks once and fetches no token for it', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    const used = world.jsCode();
    const expired = world.jsCode();
    expect((await login.login({ js_code: used })).status).toBe(200);
    world.wecom.advanceMs(300_001);
    for (const [i, js_code] of ['never-issued', used, expired].entries()) {
      const answer = await login.login({ js_code });
      expectError(answer, 'invalid_js_code');
      expect((await login.logOf(answer)).at(-1)).toMatchObject({ status: 400, reason: 'errcode_40029' });
      expect(world.wecom.counts()).toEqual({ gettoken: 1, jscode2session: 2 + i, 'user/get': 1 });
    }
    expect((await oneLogin(world, login)).status).toBe(200);
  });

  test('[W13] POST /login › answers 403 to a member who may not use the app, for whatever reason, and ends their sessions', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    const refusals: [string, (userid: string) => void][] = [
      ['errcode_60011', (userid) => world.wecom.updateMember(corpid, userid, { visible: false })],
      ['errcode_60111', (userid) => world.wecom.updateMember(corpid, userid, { deleted: true })],
      ['status_2', (userid) => world.wecom.updateMember(corpid, userid, { status: 2 })],
      ['status_5', (userid) => world.wecom.updateMember(corpid, userid, { status: 5 })],
      [
        'disabled',
        () => world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { enable: 0 }, times: 1 }),
      ],
      [
        'errcode_46004',
        () => world.wecom.fault({ endpoint: 'user/get', kind: 'errcode', errcode: 46_004, times: 1 }),
      ],
    ];
    for (const [reason, refuse] of refusals) {
      const userid = world.addMember();
      const { body } = await login.login({ js_code: world.jsCode(userid) });
      const js_code = world.jsCode(userid);
      refuse(userid);
      const answer = await login.login({ js_code });
      expectError(answer, 'member_not_allowed', { userid });
      const lines = await login.logOf(answer);
      expect(lines).toContainEqual(expect.objectContaining({ event: 'login_refused', userid, reason }));
      expect(lines).toContainEqual(expect.objectContaining({ event: 'session_ended', userid, sessions: 1 }));
      expectError(await session(login, body['session_token']), 'invalid_session');
    }
    expect((await oneLogin(world, login)).status).toBe(200);
    expect(gettokens(world)).toBe(1);
  });

  test.each(['jscode2session', 'user/get'] as const)(
    '[W7] POST /login › answers 503 for a minute without asking again when %s is limited, then 200',
    async (endpoint) => {
      const world = await startWorld(quickRedis);
      const clock = movableClock(world);
      const login = await clock.startLogin();
      world.wecom.fault({ endpoint, kind: 'errcode', errcode: 45_009, times: 1 });
      for (let i = 0; i < 3; i += 1) {
        expectError(await oneLogin(world, login), 'temporarily_unavailable', { retryAfter: '60' });
      }
      expect(world.wecom.counts()).toMatchObject({ gettoken: 1, [endpoint]: 1 });
      expect(login.logged('wecom_rate_limited')[0]).toMatchObject({ level: 'error', errcode: 45_009 });
      clock.advanceSeconds(61);
      expect((await oneLogin(world, login)).status).toBe(200);
      expect(gettokens(world)).toBe(1);
    },
  );
});

describe('The way to WeCom', () => {
  test('POST /login › opens it before Redis has answered, sends nothing on it until then, and uses it', async () => {
    const world = await startWorld(quickRedis);
    const tlsPort = await behindTls(world.wecom.url, 'valid');
    let connections = 0;
    const relay = await startRedisRelay(`redis://127.0.0.1:${tlsPort}`, (client, wecom) => {
      connections += 1;
      client.pipe(wecom).pipe(client);
    });
    onTestFinished(relay.stop);
    const overTls = {
      WECOM_BASE_URL: `https://localhost:${relay.port}`,
      NODE_EXTRA_CA_CERTS: certificate('valid'),
    };
    const waiting = await world.startLogin({
      ...overTls,
      REDIS_URL: (await deafServer()).url,
    });
    expectError(await waiting.login({ js_code: world.jsCode() }), 'temporarily_unavailable');
    expect({ connections, gettokens: gettokens(world) }).toEqual({ connections: 1, gettokens: 0 });

    const login = await world.startLogin(overTls);
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    expect({ connections, gettokens: gettokens(world) }).toEqual({ connections: 2, gettokens: 1 });
  });

  test('[W17] POST /login › answers 503 when the certificate is not trusted, expired or another host’s, and 200 when it is right', async () => {
    const world = await startWorld(quickRedis);
    const trusting = (name: 'valid' | 'expired') => ({ NODE_EXTRA_CA_CERTS: certificate(name) });
    const [valid, expired] = await Promise.all([
      behindTls(world.wecom.url, 'valid'),
      behindTls(world.wecom.url, 'expired'),
    ]);
    for (const [host, port, trusted, reason] of [
      ['localhost', valid, {}, 'depth_zero_self_signed_cert'],
      ['localhost', expired, trusting('expired'), 'cert_has_expired'],
      ['127.0.0.1', valid, trusting('valid'), 'err_tls_cert_altname_invalid'],
    ] as const) {
      const login = await world.startLogin({ WECOM_BASE_URL: `https://${host}:${port}`, ...trusted });
      const answer = await oneLogin(world, login);
      expectError(answer, 'temporarily_unavailable');
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'gettoken_failed', level: 'error', reason }),
      );
      await endPauses(world);
    }
    // Nothing but the handshake has reached WeCom.
    expect(world.wecom.counts()).toEqual({ gettoken: 0, jscode2session: 0, 'user/get': 0 });
    const right = { WECOM_BASE_URL: `https://localhost:${valid}`, ...trusting('valid') };
    await allLetIn(world, [await world.startLogin(right)], 5);
    expect(gettokens(world)).toBe(1);
  });

  test('[W18] POST /login › answers 503 when WeCom’s name does not resolve, and lives on', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin({ WECOM_BASE_URL: 'https://qyapi.invalid' });
    const answer = await oneLogin(world, login);
    expectError(answer, 'temporarily_unavailable');
    const reason = expect.stringMatching(/^(enotfound|eai_again|timeout)$/);
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'gettoken_failed', reason }),
    );
    expect((await login.send('GET', '/health')).status).toBe(200);
    await endPauses(world);
    expect((await oneLogin(world, await world.startLogin())).status).toBe(200);
    expect(gettokens(world)).toBe(1);
  });

  test.skipIf(!realRedis)(
    '[W18] POST /login › answers 503 in time when nobody answers a SYN at WeCom’s address',
    async () => {
      const world = await startWorld(quickRedis);
      const { url } = await deafServer();
      const login = await world.startLogin({ WECOM_BASE_URL: url.replace('redis:', 'https:') });
      const answer = await oneLogin(world, login);
      expectError(answer, 'temporarily_unavailable');
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'gettoken_failed', reason: 'timeout' }),
      );
    },
  );

  test.each(['fin', 'rst'] as const)(
    '[W21] POST /login › does not show members that idle connections had died (%s) while the process was frozen',
    async (how) => {
      const world = await startWorld(quickRedis);
      const login = await world.startLogin();
      for (let i = 0; i < 3; i += 1) {
        expect(await loginsAtOnce(world, [login], 5)).toEqual({ 200: 5 });
        const thaw = freeze(login.pid);
        expect(world.wecom.closeIdleSockets(how)).toBeGreaterThan(0);
        thaw();
      }
      expect(await loginsAtOnce(world, [login], 5)).toEqual({ 200: 5 });
      expect(gettokens(world)).toBe(1);
    },
  );
});

describe('gettoken is late', () => {
  test('[W20] POST /login › needs one gettoken more when one that was given up on has killed the old token', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.set({ gettokenMode: 'D' });
    const login = await world.startLogin();
    expect((await oneLogin(world, login)).status).toBe(200);
    const fresh = await world.startLogin();
    // So near its end that the fresh process renews it on the way.
    const { key } = await tokenRecord(world);
    await world.redisCommand('PEXPIRE', key, 55_000);
    world.wecom.fault({ endpoint: 'gettoken', kind: 'hang', effect: true, times: 1 });
    const answer = await oneLogin(world, fresh);
    // Three seconds for the first gettoken, one for the pause; a slow machine has no time left for the rest.
    expect([200, 503]).toContain(answer.status);
    const events = (await fresh.logOf(answer)).map(({ event }) => event);
    expect(events.slice(0, 2)).toEqual(['gettoken_failed', 'token_refused']);
    await endPauses(world);
    await allLetIn(world, [login, fresh], 20);
    expect(gettokens(world)).toBe(3);
  });

  test('[W19] POST /login › waits for a gettoken of 1 s, gives up one of 20 s, and never has two on the way', async () => {
    const world = await startWorld(quickRedis);
    const functions = await Promise.all([world.startLogin(), world.startLogin()]);
    // A first pause is 1 s, which a waiter on a slow machine may sleep through; the sixth is 30 s.
    await world.refresh();
    for (const { key } of await tokenRecords(world)) {
      await world.redisCommand('SET', key.replace(/tok$/, 'fails'), '5', 'PX', 600_000);
      await world.redisCommand('DEL', key);
    }
    const before = gettokens(world);
    world.wecom.fault({ endpoint: 'gettoken', kind: 'latency', ms: 20_000, times: 1 });
    world.wecom.fault({ endpoint: 'gettoken', kind: 'latency', ms: 1000, times: 1 });
    expect(await loginsAtOnce(world, functions, 20)).toEqual({ 503: 20 });
    expect(gettokens(world) - before).toBe(1);
    await endPauses(world);
    await allLetIn(world, functions, 20);
    // One that succeeds; on a slow machine the one of 1 s may have been given up as well.
    const givenUp = functions.flatMap((login) => login.logged('gettoken_failed'));
    expect(gettokens(world) - before).toBe(givenUp.length + 1);
  });
});

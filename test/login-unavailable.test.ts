import { describe, expect, test } from 'vitest';
import { expectError } from './expect-answer.ts';
import type { FaultKind } from '../simulator/wecom/faults.ts';
import { endPauses } from './token-state.ts';
import { corpid, loginsAtOnce, quickRedis, startWorld } from './world.ts';

describe('POST /login while something is down', () => {
  test('POST /login › answers 503 with Retry-After while WeCom is down', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    world.wecom.fault({ endpoint: 'gettoken', kind: 'cut', at: 'before' });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable');
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ status: 503, reason: 'gettoken_failed' });
    expect(world.wecom.counts().gettoken).toBeLessThanOrEqual(2);

    await world.wecom.close();
    expectError(await login.login({ js_code: 'never-arrives' }), 'temporarily_unavailable');
    expect((await login.send('GET', '/health')).status).toBe(200);
  });

  test.each<[string, FaultKind]>([
    ['a connection that breaks', { kind: 'cut', at: 'before' }],
    ['a gateway’s 502', { kind: 'html', status: 502 }],
    ['45033, too many at once', { kind: 'errcode', errcode: 45_033 }],
  ])('[W27] POST /login › survives %s at gettoken: it asks once more, after the pause', async (_, kind) => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    await loginsAtOnce(world, [login], 1);
    const gettokens = () => world.wecom.counts().gettoken;
    for (;;) {
      const before = gettokens();
      world.wecom.dropTokens(corpid);
      world.wecom.fault({ endpoint: 'gettoken', times: 1, ...kind });
      const statuses = await loginsAtOnce(world, [login], 3);
      expect(gettokens() - before).toBeLessThanOrEqual(2);
      if (statuses[200] === 3) return;
      // A machine that needs seconds for this has no time left for a second try.
      await endPauses(world);
    }
  });

  test('[R1] POST /login › answers 503 with Retry-After while Redis is down, and calls nobody', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    await world.redis.stop();
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable', { retryAfter: '2' });
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ reason: 'redis_refused', wecom: [] });
    expect(world.wecom.counts()).toEqual({ gettoken: 0, jscode2session: 0, 'user/get': 0 });
    const session = `s1.${'a'.repeat(22)}.${'b'.repeat(43)}`;
    expectError(await login.withSession('GET', '/session', session), 'temporarily_unavailable');
    expectError(await login.withSession('DELETE', '/session', session), 'temporarily_unavailable');
  });

  test('[W10] POST /login › answers 503 when the egress address is not trusted, and the log names it', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    world.wecom.updateCompany(corpid, { ipTrusted: false });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable');
    expect(answer.text).not.toContain('203.0.113.7');
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'wecom_ip_not_trusted', ip: '203.0.113.7' }),
    );
    expect(world.wecom.counts()).toEqual({ gettoken: 1, jscode2session: 1, 'user/get': 0 });
  });
});

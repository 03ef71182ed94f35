import { describe, expect, test } from 'vitest';
import { startRedisProxy } from './redis-proxy.ts';
import { gettokens, tokenRecords } from './token-state.ts';
import { corpid, otherCorpid, quickRedis, realRedis, secret, startWorld, type World } from './world.ts';

const minuteMs = 60_000;
const nothing = { fresh: 0, renewed: 0, busy: 0, paused: 0, failed: 0, failed_transient: 0 };

async function setLife(world: World, ttlMs: number): Promise<void> {
  for (const { key } of await tokenRecords(world)) await world.redisCommand('PEXPIRE', key, ttlMs);
}

describe('refresh', () => {
  test.skipIf(!realRedis)(
    'warns once per process of a Redis that throws entries away when it is full',
    async () => {
      const world = await startWorld(quickRedis);
      const evicts = ({ lines }: { lines: string[] }) =>
        lines.filter((line) => line.includes('redis_evicts'));
      expect(evicts(await world.refresh())).toEqual([]);
      await world.redisCommand('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl');
      const warned = await world.refresh();
      expect(evicts(warned).map((line): unknown => JSON.parse(line))).toMatchObject([
        { level: 'warn', policy: 'volatile-ttl' },
      ]);
      expect(warned.result).toMatchObject({ companies: 2, fresh: 2 });
      // It is no reason to fail when nobody says what the policy is.
      const { url } = await startRedisProxy(world.redis.url, { kind: 'no_info' });
      const unknown = await world.refresh({ REDIS_URL: url });
      expect([evicts(unknown), unknown.error]).toEqual([[], undefined]);
    },
  );

  test('renews each company ahead of its end, and not before less than 20 minutes are left', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.set({ gettokenMode: 'C' });
    const calls: number[] = [];
    const results: unknown[] = [];
    for (const lifeMs of [undefined, 21 * minuteMs, 19 * minuteMs, undefined]) {
      if (lifeMs !== undefined) await setLife(world, lifeMs);
      const { result } = await world.refresh();
      results.push(result);
      calls.push(gettokens(world));
    }
    const fresh = { companies: 2, ...nothing, fresh: 2 };
    const renewed = { companies: 2, ...nothing, renewed: 2 };
    expect(results).toEqual([renewed, fresh, renewed, fresh]);
    expect(calls).toEqual([2, 2, 4, 4]);

    const login = await world.startLogin();
    expect(await login.login({ js_code: world.jsCode() })).toMatchObject({ status: 200 });
    expect(gettokens(world)).toBe(4);
  });

  test('asks early only once when WeCom gives the same token again (mode A)', async () => {
    const world = await startWorld(quickRedis);
    await world.refresh();
    world.wecom.advanceMs(7_200_000 - 19 * minuteMs);
    await setLife(world, 19 * minuteMs);
    for (let i = 0; i < 3; i += 1) await world.refresh();
    expect(gettokens(world)).toBe(4);
  });

  test('[S7] calls gettoken once for three timer events at the same moment', async () => {
    const world = await startWorld(quickRedis);
    const events = await Promise.all([world.refresh(), world.refresh(), world.refresh()]);
    const results = events.map(({ result }) => result as Record<string, number>);
    const sum = (...names: string[]) =>
      results.reduce((all, result) => all + names.reduce((one, name) => one + (result[name] ?? 0), 0), 0);
    // Two companies; whoever comes meanwhile finds the lease taken, whoever comes later a fresh token.
    expect([sum('renewed'), sum('busy', 'fresh')]).toEqual([2, 4]);
    expect(gettokens(world)).toBe(2);
  });

  test('[S9] looks at the token and not at the event: late, odd and empty ones are harmless', async () => {
    const world = await startWorld(quickRedis);
    await world.refresh();
    const old = { Type: 'Timer', TriggerName: 'x', Time: '2020-01-01T00:00:00Z', Message: '{"renew":"all"}' };
    for (const event of [old, {}, null, 'text', 7, [], { Type: 'Timer', Time: 'never' }]) {
      expect(await world.refresh({}, event)).toMatchObject({ result: { fresh: 2 } });
    }
    expect(gettokens(world)).toBe(2);
  });

  test('refuses an event that came by HTTP', async () => {
    const world = await startWorld(quickRedis);
    for (const event of [
      { httpMethod: 'POST', body: '{}' },
      { headers: { host: 'x' }, Type: 'Timer' },
    ]) {
      const invocation = await world.refresh({}, event);
      expect(invocation).toMatchObject({ error: 'this function answers no HTTP' });
      expect(invocation.lines.some((line) => line.includes('"unexpected_event"'))).toBe(true);
    }
    expect(gettokens(world)).toBe(0);
  });

  test('[S10] goes on with the other companies when the secret of one is wrong, and does not ask to be called again', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.updateCompany(corpid, { corpsecret: secret('a-corpsecret-nobody-told-us') });
    const { result, lines } = await world.refresh();
    expect(result).toEqual({ companies: 2, ...nothing, renewed: 1, failed: 1 });
    expect(lines.find((line) => line.includes('"gettoken_failed"'))).toMatch(
      /"level":"error".*"errcode":40001/,
    );
    expect(await world.refresh()).toMatchObject({ result: { fresh: 1, paused: 1 } });
    expect(world.wecom.counts(corpid).gettoken).toBe(1);
    expect(world.wecom.counts(otherCorpid).gettoken).toBe(1);
  });

  test('[S10] asks to be called again when a failure may pass, after the other companies were served', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.fault({ endpoint: 'gettoken', corpid, kind: 'errcode', errcode: -1, times: 1 });
    world.wecom.fault({ endpoint: 'gettoken', corpid, kind: 'html', status: 502, times: 1 });
    for (let failures = 1; failures <= 2; failures += 1) {
      const { error, result } = await world.refresh();
      expect(result).toBeUndefined();
      expect(error).toBe('1 of 2 access tokens were not renewed; try again');
      for (const { key } of await world.redisContents()) {
        if (key.endsWith(':neg')) await world.redisCommand('DEL', key);
      }
    }
    expect(await world.refresh()).toMatchObject({ result: { fresh: 1, renewed: 1 } });
    expect(world.wecom.counts(otherCorpid).gettoken).toBe(1);
  });

  test('[R1] asks to be called again when Redis is down, and calls no gettoken', async () => {
    const world = await startWorld(quickRedis);
    const { error, lines } = await world.refresh({ REDIS_URL: 'redis://127.0.0.1:1' });
    expect(error).toBe('2 of 2 access tokens were not renewed; try again');
    expect(lines.some((line) => line.includes('"redis_failed"') && line.includes('"refused"'))).toBe(true);
    expect(gettokens(world)).toBe(0);
  });

  test('[R21] replaces a record that does not open', async () => {
    const world = await startWorld(quickRedis);
    await world.refresh();
    for (const { key } of await tokenRecords(world)) await world.redisCommand('HSET', key, 'c', 'garbage');
    expect(await world.refresh()).toMatchObject({ result: { renewed: 2 } });
    expect(await world.refresh()).toMatchObject({ result: { fresh: 2 } });
  });

  test('answers and logs counts, never a token', async () => {
    const world = await startWorld(quickRedis);
    const { result, lines } = await world.refresh();
    expect(Object.values(result as object).every((value) => Number.isInteger(value))).toBe(true);
    expect(lines.map((line) => String(JSON.parse(line).event))).toEqual([
      'token_stored',
      'token_stored',
      'refresh',
      'invoked',
    ]);
  });

  test('[S15] fails each call after one line that names every problem when it is not configured', async () => {
    const world = await startWorld(quickRedis);
    const { error, lines } = await world.refresh({ WECOM_CORPS: undefined, ENCRYPTION_KEY: 'short' });
    expect(error).toBe('the configuration is not usable; see the log line config_invalid');
    const own = lines.filter((line) => line.startsWith('{'));
    expect(own).toHaveLength(1);
    const problems = JSON.parse(own[0] ?? '').problems.join();
    expect(problems).toMatch(/WECOM_CORPS: is missing.*ENCRYPTION_KEY/);
    expect(problems).not.toContain('short');
  });
});

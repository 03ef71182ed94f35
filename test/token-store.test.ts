import { randomBytes } from 'node:crypto';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test as anyTest } from 'vitest';
import { startRedis } from '../simulator/redis.ts';
import { systemClock } from '../lib/clock.ts';
import { createRedis, type Redis, RedisError } from '../lib/redis.ts';
import { leaseMs } from '../lib/token-scripts.ts';
import { createTokenStore, type FetchedToken, type TokenStore } from '../lib/token-store.ts';
import { realRedis } from './world.ts';

const minuteMs = 60_000;
const lifeMs = 7_200_000;
const pause = { baseMs: 1000, capMs: 30_000 };

function token(name: string, ttlMs = lifeMs): FetchedToken {
  return { fingerprint: `fingerprint of ${name}`, sealed: `sealed ${name}`, ttlMs };
}

/** The project's own client of a Redis, closed after the test. */
function redisAt(url: string, password?: string): Redis {
  const { hostname: host, port } = new URL(url);
  const address = { host, port: Number(port), db: 0, ...(password !== undefined && { password }) };
  const redis = createRedis(address, systemClock, () => {});
  onTestFinished(() => redis.close());
  return redis;
}

/** A record nobody else uses, and the names of its keys. */
function storeAt(redis: Redis): { store: TokenStore; key: (name: string) => string } {
  const kid = randomBytes(8).toString('hex');
  return { store: createTokenStore(redis, kid), key: (name) => `wxt1:{${kid}}:${name}` };
}

/** @param refused the sealed token that is replaced */
async function store(into: TokenStore, fetched: FetchedToken, refused = ''): Promise<void> {
  expect(await into.begin('owner', refused, 0)).toMatchObject({ state: 'lease' });
  expect(await into.commit('owner', fetched, refused !== '')).toMatchObject({ state: 'stored' });
}

const reason = (expected: string) => expect.objectContaining({ name: 'RedisError', reason: expected });

describe.each([
  ['embedded', true],
  ['server', realRedis],
] as const)('token store on Redis (%s)', (kind, installed) => {
  const test = anyTest.skipIf(!installed);
  let server: Awaited<ReturnType<typeof startRedis>>;
  let outside: Client;
  beforeAll(async () => {
    if (!installed) return;
    server = await startRedis({ kind });
    outside = new Client(server.url);
  });
  afterAll(async () => {
    outside?.disconnect();
    await server?.stop();
  });
  const started = () => storeAt(redisAt(server.url));

  test('[T4] begin › gives the lease to one owner, again when they ask again, and busy to others', async () => {
    const { store } = started();
    expect(await store.read()).toBeUndefined();
    expect(await store.begin('first', '', minuteMs)).toEqual({ state: 'lease' });
    expect(await store.begin('first', '', minuteMs)).toEqual({ state: 'lease' });
    const busy = await store.begin('second', '', minuteMs);
    expect(busy).toEqual({ state: 'busy', waitMs: expect.any(Number) });
    expect(busy).toMatchObject({ waitMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= leaseMs) });
  });

  test('begin › passes the lease on when the holder never came back', async () => {
    const { store, key } = started();
    await store.begin('dead', '', minuteMs);
    expect(await outside.pttl(key('lease'))).toBeGreaterThan(0);
    await outside.del(key('lease'));
    expect(await store.begin('next', '', minuteMs)).toEqual({ state: 'lease' });
    expect(await store.commit('dead', token('old'), false)).toEqual({ state: 'lost' });
    expect(await store.begin('third', '', minuteMs)).toMatchObject({ state: 'busy' });
  });

  test('commit › stores the token for everyone, with its life', async () => {
    const { store: mine, key } = started();
    await store(mine, token('one'));
    const record = {
      generation: expect.toSatisfy(
        (generation: number) => generation > 1e15 && Number.isSafeInteger(generation),
      ),
      ...token('one'),
      ttlMs: expect.toSatisfy((ms: number) => ms > lifeMs - minuteMs && ms <= lifeMs),
      noEarlyRenewal: false,
      onProbation: false,
    };
    expect(await mine.read()).toEqual(record);
    expect(await mine.begin('other', '', minuteMs)).toEqual({ state: 'hit', record });
    expect(await outside.exists(key('lease'), key('neg'), key('fails'))).toBe(0);
  });

  test('[T1] begin › lets one renew a token that ends soon while the others go on using it', async () => {
    const { store: mine } = started();
    await store(mine, token('ending', 10 * minuteMs));
    const record = expect.objectContaining({ fingerprint: token('ending').fingerprint });
    const timerMs = 20 * minuteMs;
    expect(await mine.begin('timer', '', timerMs)).toEqual({ state: 'lease', record });
    expect(await mine.begin('other', '', timerMs)).toEqual({
      state: 'busy',
      waitMs: expect.any(Number),
      record,
    });
    expect(await mine.begin('login', '', minuteMs)).toEqual({ state: 'hit', record });
    await mine.fail('timer', 'transient', pause);
    expect(await mine.begin('other', '', timerMs)).toMatchObject({
      state: 'paused',
      why: 'transient',
      record,
    });
  });

  test('[T3] begin › replaces a token only if it is still the one that failed', async () => {
    const { store: mine } = started();
    await store(mine, token('two'));
    const hit = { state: 'hit', record: { fingerprint: token('two').fingerprint } };
    expect(await mine.begin('late', token('one').sealed, minuteMs)).toMatchObject(hit);
    expect(await mine.begin('right', token('two').sealed, minuteMs)).toEqual({ state: 'lease' });
    expect(await mine.begin('again', token('two').sealed, minuteMs)).toEqual({
      state: 'busy',
      waitMs: expect.any(Number),
    });
  });

  test('begin › replaces a record that does not open only once, though the token in it stays the same', async () => {
    const { store: mine } = started();
    await store(mine, { ...token('one'), sealed: 'garbage' });
    await mine.begin('first', 'garbage', minuteMs);
    expect(await mine.commit('first', token('one'), false)).toMatchObject({ state: 'stored' });
    expect(await mine.begin('late', 'garbage', minuteMs)).toMatchObject({ state: 'hit' });
  });

  test('[R11 T5 G6] commit › is refused to whoever lost the lease, and shows them what is stored', async () => {
    const { store: mine, key } = started();
    await mine.begin('frozen', '', minuteMs);
    await outside.del(key('lease'));
    await store(mine, token('newer'));
    expect(await mine.commit('frozen', token('older'), false)).toMatchObject({
      state: 'lost',
      record: { fingerprint: token('newer').fingerprint, sealed: 'sealed newer' },
    });
    expect(await mine.read()).toMatchObject(token('newer', expect.any(Number) as unknown as number));
    expect(await mine.fail('frozen', 'transient', pause)).toBe(0);
    expect(await outside.exists(key('neg'))).toBe(0);
  });

  /** Two calls that give up on the stored token, which was issued after a refusal; returns how long gettoken rests. */
  async function refusedTwice(into: TokenStore, name: string): Promise<number> {
    const { fingerprint } = token(name);
    expect(await into.giveUp('one call', fingerprint)).toBe(0);
    return into.giveUp('another call', fingerprint);
  }

  test('giveUp › makes gettoken rest when two calls say so of a token issued after a refusal, longer each time', async () => {
    const { store: mine, key } = started();
    await store(mine, token('first'));
    expect(await refusedTwice(mine, 'first'), 'issued after no refusal').toBe(0);
    const rests: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const before = token(i === 0 ? 'first' : `${i - 1}`).sealed;
      await store(mine, token(`${i}`), before);
      expect(await refusedTwice(mine, 'another')).toBe(0);
      rests.push(await refusedTwice(mine, `${i}`));
      expect(await mine.read(), 'it stays').toMatchObject({ fingerprint: token(`${i}`).fingerprint });
      expect(await mine.begin('next', token(`${i}`).sealed, minuteMs)).toMatchObject({
        state: 'paused',
        why: 'token_refused',
      });
      await outside.del(key('neg'));
    }
    expect(rests).toEqual([2000, 10_000, 50_000, 250_000, 600_000, 600_000]);
  });

  test('giveUp › counts one call once, and is forgotten when the token works', async () => {
    const { store: mine } = started();
    await store(mine, token('one'), 'x');
    const { fingerprint } = token('one');
    expect(await mine.giveUp('one call', fingerprint)).toBe(0);
    expect(await mine.giveUp('one call', fingerprint)).toBe(0);
    await mine.confirm(fingerprint);
    expect(await refusedTwice(mine, 'one')).toBe(0);
    expect(await mine.read()).toMatchObject({ fingerprint, onProbation: false });
  });

  test('giveUp › counts over two tokens, since each call may see another', async () => {
    const { store: mine } = started();
    await store(mine, token('one'), 'x');
    expect(await mine.giveUp('one call', token('one').fingerprint)).toBe(0);
    await store(mine, token('two'), token('one').sealed);
    expect(await mine.giveUp('another call', token('two').fingerprint)).toBe(2000);
  });

  test('begin › gives one token after a rest, and no other until a second call was refused it', async () => {
    const { store: mine, key } = started();
    await store(mine, token('one'), 'x');
    await refusedTwice(mine, 'one');
    await outside.del(key('neg'));
    await store(mine, token('two'), token('one').sealed);
    const { sealed } = token('two');
    expect(await mine.begin('next', sealed, minuteMs)).toMatchObject({ state: 'paused', waitMs: 1000 });
    expect(await refusedTwice(mine, 'two')).toBe(10_000);
  });

  test.each([
    ['when as much time has passed as the next rest would take', -10_001_000],
    ['although the clock of Redis was set back', 3_600_000_000],
  ])('begin › gives another token after a rest %s', async (_, microseconds) => {
    const { store: mine, key } = started();
    await store(mine, token('one'), 'x');
    await refusedTwice(mine, 'one');
    await outside.del(key('neg'));
    await store(mine, token('two'), token('one').sealed);
    const generation = Number(await outside.hget(key('tok'), 'g'));
    await outside.hset(key('tok'), 'g', String(generation + microseconds));
    expect(await mine.begin('next', token('two').sealed, minuteMs)).toEqual({ state: 'lease' });
  });

  test('giveUp › leaves a longer pause as it is, with its reason', async () => {
    const { store: mine, key } = started();
    await store(mine, token('one'), 'x');
    const { fingerprint, sealed } = token('one');
    await mine.giveUp('one call', fingerprint);
    await mine.begin('owner', sealed, minuteMs);
    expect(await mine.fail('owner', 'operator_60020', { baseMs: 60_000, capMs: 600_000 })).toBe(60_000);
    expect(await mine.giveUp('another call', fingerprint)).toBeGreaterThan(50_000);
    expect(await outside.get(key('neg'))).toBe('operator_60020');
    await mine.confirm(fingerprint);
    expect(await outside.get(key('neg')), 'not a rest').toBe('operator_60020');
  });

  test('fail › leaves a longer rest as it is', async () => {
    const { store: mine, key } = started();
    await store(mine, token('one'), 'x');
    await mine.begin('owner', token('one').sealed, minuteMs);
    await outside.set(key('rejects'), '2', 'PX', 60_000);
    expect(await refusedTwice(mine, 'one')).toBe(50_000);
    expect(await mine.fail('owner', 'transient', pause)).toBeGreaterThan(40_000);
    expect(await outside.get(key('neg'))).toBe('token_refused');
    // One that a clock set back has made longer than any pause is none.
    await outside.pexpire(key('neg'), 3_600_000);
    await outside.del(key('lease'));
    await mine.begin('owner', token('one').sealed, minuteMs);
    await mine.fail('owner', 'transient', pause);
    expect(await outside.get(key('neg'))).toBe('transient');
  });

  test('begin › hands out the refused token when it was issued again since', async () => {
    const { store: mine } = started();
    const again = { ...token('one'), sealed: 'sealed one again' };
    await store(mine, token('one'));
    await store(mine, again, token('one').sealed);
    const { fingerprint } = again;
    expect(await mine.begin('late', token('one').sealed, minuteMs)).toMatchObject({
      state: 'hit',
      record: { fingerprint, sealed: again.sealed },
    });
    expect(await mine.begin('next', again.sealed, minuteMs)).toEqual({ state: 'lease' });
  });

  test('confirm › ends the rest: the token that was accepted may end, too', async () => {
    const { store: mine } = started();
    await store(mine, token('one'), 'x');
    await refusedTwice(mine, 'one');
    await mine.confirm(token('one').fingerprint);
    expect(await mine.begin('next', token('one').sealed, minuteMs)).toEqual({ state: 'lease' });
  });

  test('begin › ends a rest for a caller that has had the token accepted since', async () => {
    const { store: mine } = started();
    await store(mine, token('one'), 'x');
    await refusedTwice(mine, 'one');
    const { sealed } = token('one');
    expect(await mine.begin('before', sealed, minuteMs, 60_000)).toMatchObject({ state: 'paused' });
    expect(await mine.begin('since', sealed, minuteMs, -60_000)).toEqual({ state: 'lease' });
  });

  test('commit › stores the refused token again when WeCom gives just that: it may work for others', async () => {
    const { store: mine } = started();
    await store(mine, token('one'));
    await store(mine, token('one'), token('one').sealed);
    expect(await mine.read()).toMatchObject({ fingerprint: token('one').fingerprint, onProbation: true });
  });

  test('[G5] begin › gives twelve leases a minute, whatever becomes of them', async () => {
    const { store: mine, key } = started();
    for (let i = 0; i < 12; i += 1) await store(mine, token(`${i}`), i === 0 ? '' : token(`${i - 1}`).sealed);
    const tooOften = { state: 'paused', why: 'too_often' };
    expect(await mine.begin('13th', token('11').sealed, minuteMs)).toMatchObject(tooOften);
    const times = String(await outside.get(key('calls')));
    const earlier = times.replaceAll(/\d{13}/g, (time) => String(Number(time) - 65_001));
    await outside.set(key('calls'), earlier.slice(0, 13) + times.slice(13), 'PX', minuteMs);
    expect(await mine.begin('13th', token('11').sealed, minuteMs)).toEqual({ state: 'lease' });
    await outside.del(key('lease'));
    expect(await mine.begin('14th', token('11').sealed, minuteMs)).toMatchObject(tooOften);
  });

  test('begin › takes a lease that has no end, or one far ahead, for no lease', async () => {
    const { store: mine, key } = started();
    for (const spoil of [
      () => outside.persist(key('lease')),
      () => outside.pexpire(key('lease'), 3_600_000),
    ]) {
      await mine.begin('dead', '', minuteMs);
      await spoil();
      expect(await mine.begin('next', '', minuteMs)).toEqual({ state: 'lease' });
      expect(await outside.pttl(key('lease'))).toBeLessThanOrEqual(leaseMs);
      await outside.del(key('lease'));
    }
  });

  test('fail › pauses everyone twice as long each time up to the cap, and a success forgets it', async () => {
    const { store: mine, key } = started();
    const pauses: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      await mine.begin('owner', '', minuteMs);
      pauses.push(await mine.fail('owner', 'transient', pause));
      expect(await mine.begin('other', '', minuteMs)).toEqual({
        state: 'paused',
        why: 'transient',
        waitMs: expect.any(Number),
      });
      await outside.del(key('neg'));
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    await store(mine, token('one'));
    expect(await outside.exists(key('fails'))).toBe(0);
  });

  test('commit › leaves the pause alone that began while its gettoken was on the way', async () => {
    const { store: mine } = started();
    await store(mine, token('one'), 'x');
    await mine.begin('on the way', token('one').sealed, minuteMs);
    expect(await refusedTwice(mine, 'one')).toBe(2000);
    expect(await mine.commit('on the way', token('two'), true)).toMatchObject({
      state: 'stored',
    });
    expect(await mine.read()).toMatchObject({ fingerprint: token('two').fingerprint });
    expect(await mine.begin('next', token('two').sealed, minuteMs)).toMatchObject({ state: 'paused' });
  });

  test('[R10 S12] commit › counts generations up, also after a flush and when the clock was set back', async () => {
    const { store: mine, key } = started();
    const generations: number[] = [];
    const commitNext = async (name: string, refused = '') => {
      await mine.begin('owner', refused, minuteMs);
      const committed = await mine.commit('owner', token(name), refused !== '');
      if (committed.state === 'stored') generations.push(committed.record.generation);
    };
    await commitNext('one');
    await commitNext('two', token('one').sealed);
    await outside.del(key('tok'));
    await commitNext('three');
    const future = 4_000_000_000_000_000;
    await outside.hset(key('tok'), 'g', String(future));
    await commitNext('four', token('three').sealed);
    expect(generations).toHaveLength(4);
    expect(generations).toEqual(generations.toSorted((a, b) => a - b));
    expect(new Set(generations).size).toBe(4);
    expect(generations[3]).toBe(future + 1);
  });

  test('commit › notes when asking early gave the same token with no more life', async () => {
    const { store: mine } = started();
    await store(mine, token('one', 10 * minuteMs));
    await mine.begin('timer', '', 20 * minuteMs);
    // 10 minutes and a bit: rounding is not a renewed life.
    expect(await mine.commit('timer', token('one', 10.5 * minuteMs), false)).toMatchObject({
      record: { noEarlyRenewal: true },
    });
    expect(await mine.begin('timer', '', 20 * minuteMs)).toMatchObject({
      state: 'hit',
      record: { noEarlyRenewal: true },
    });

    const renewed = started().store;
    await store(renewed, token('one', 10 * minuteMs));
    await renewed.begin('timer', '', 20 * minuteMs);
    expect(await renewed.commit('timer', token('one'), false)).toMatchObject({
      record: { noEarlyRenewal: false },
    });
    await renewed.begin('timer', token('one').sealed, minuteMs);
    expect(await renewed.commit('timer', token('two'), false)).toMatchObject({
      record: { noEarlyRenewal: false },
    });
  });

  test('commit › goes on with early renewals after a refusal long before the end returned the same token', async () => {
    const { store: mine } = started();
    await store(mine, token('one', 100 * minuteMs));
    const { sealed } = token('one');
    await mine.begin('login', sealed, minuteMs);
    expect(await mine.commit('login', token('one', 100 * minuteMs), true)).toMatchObject({
      record: { noEarlyRenewal: false },
    });
  });

  test('commit › notes that a token which ends within a minute is not worth asking for again', async () => {
    const { store: mine } = started();
    await store(mine, token('leftover', 1500));
    expect(await mine.begin('other', '', minuteMs)).toMatchObject({
      state: 'hit',
      record: { noEarlyRenewal: true },
    });
  });

  test('[R21] every operation › treats keys of a foreign type and damaged records as absent', async () => {
    const { store: mine, key } = started();
    await outside.set(key('tok'), 'x');
    for (const name of ['lease', 'neg', 'fails', 'rejects', 'calls']) await outside.hset(key(name), 'x', 'y');
    expect(await mine.read()).toBeUndefined();
    await store(mine, token('one'));
    await outside.del(key('fails'));
    await outside.lpush(key('fails'), 'x');
    await mine.begin('owner', token('one').sealed, minuteMs);
    expect(await mine.fail('owner', 'transient', pause)).toBe(1000);
    await outside.del(key('neg'));
    await store(mine, token('three'), token('one').sealed);
    expect(await refusedTwice(mine, 'three')).toBe(2000);

    for (const damaged of [{ g: 'x' }, { h: 'x', c: 'x' }, { g: '1', h: 'x' }, { g: '1', h: 'x', c: '' }]) {
      await outside.del(key('tok'), key('neg'), key('lease'), key('rejects'));
      await outside.hset(key('tok'), damaged);
      await outside.pexpire(key('tok'), minuteMs);
      expect(await mine.read()).toBeUndefined();
      await store(mine, token('two'));
    }
    await outside.persist(key('tok'));
    expect(await mine.read()).toBeUndefined();
    expect(await mine.begin('owner', '', minuteMs)).toEqual({ state: 'lease' });
  });

  test('[R18] every script › is sent whole when Redis has forgotten it', async () => {
    const { store: mine } = started();
    for (const name of ['one', 'two']) {
      await outside.script('FLUSH');
      expect(await mine.begin('owner', 'x', lifeMs)).toMatchObject({ state: 'lease' });
      await outside.script('FLUSH');
      expect(await mine.commit('owner', token(name, 10 * minuteMs), false)).toMatchObject({
        state: 'stored',
      });
    }
    await outside.script('FLUSH');
    expect(await mine.giveUp('owner', token('two').fingerprint)).toBe(0);
    await outside.script('FLUSH');
    await mine.confirm(token('two').fingerprint);
    await outside.script('FLUSH');
    expect(await mine.fail('owner', 'transient', pause)).toBe(0);
  });

  test('[R4] every script › changes nothing when it is sent a second time', async () => {
    const { store: mine, key } = started();
    const contents = async () => [
      await outside.hgetall(key('tok')),
      ...(await outside.mget(['lease', 'neg', 'fails', 'rejects'].map(key))),
      // A lease that is given to its owner again counts once, from then on.
      await outside.strlen(key('calls')),
    ];
    const twice = async (operation: () => Promise<unknown>) => {
      const first = await operation();
      const after = await contents();
      const second = await operation();
      expect(await contents()).toEqual(after);
      return [first, second];
    };
    await twice(() => mine.begin('owner', '', minuteMs));
    // The second commit finds the lease gone and its own token stored.
    const committed = await twice(() => mine.commit('owner', token('one'), false));
    const anyLife = expect.toSatisfy((ms: number) => ms > 0 && ms <= lifeMs);
    const record = { ...(await mine.read()), ...token('one'), ttlMs: anyLife };
    expect(committed).toEqual([
      { state: 'stored', record },
      { state: 'stored', record },
    ]);
    await mine.begin('owner', token('one').sealed, minuteMs);
    const pauses = await twice(() => mine.fail('owner', 'transient', pause));
    expect(pauses).toEqual([1000, expect.toSatisfy((ms: number) => ms > 0 && ms <= 1000)]);
    await outside.del(key('neg'));
    await store(mine, token('two'), token('one').sealed);
    await mine.giveUp('one call', token('two').fingerprint);
    expect(await twice(() => mine.giveUp('another call', token('two').fingerprint))).toEqual([2000, 0]);
    await twice(() => mine.confirm(token('two').fingerprint));
  });

  test('every key › of one company lies in one hash tag and ends by itself', async () => {
    const { store: mine, key } = started();
    await mine.begin('owner', '', minuteMs);
    await mine.fail('owner', 'transient', pause);
    await outside.del(key('neg'));
    await store(mine, token('one'), 'x');
    await mine.begin('owner', token('one').sealed, minuteMs);
    await refusedTwice(mine, 'one');
    const keys = (await outside.keys('*')).filter((name) => name.startsWith(key('')));
    expect(keys.toSorted()).toEqual(['calls', 'lease', 'neg', 'rejects', 'tok'].map(key));
    for (const name of keys) expect(await outside.pttl(name)).toBeGreaterThan(0);
  });
});

describe.skipIf(!realRedis)('token store on a Redis in trouble', () => {
  const test = anyTest;
  /** A redis-server of the test's own, a client past the code under test, and a store on it. */
  async function troubled(args: string[] = []) {
    const server = await startRedis({ kind: 'server', args });
    const outside = new Client(server.url);
    onTestFinished(async () => {
      outside.disconnect();
      await server.stop();
    });
    const redis = redisAt(server.url);
    return { server, outside, ...storeAt(redis) };
  }

  test('[R8] a full Redis › still takes the lease and the new token', async () => {
    const { outside, store: mine, key } = await troubled(['--maxmemory-policy', 'noeviction']);
    await outside.config('SET', 'maxmemory', '1');
    await expect(outside.set('x', 'y')).rejects.toThrow('OOM');
    await store(mine, token('one'));
    expect(await mine.read()).toMatchObject({ fingerprint: token('one').fingerprint });
    await mine.begin('owner', token('one').sealed, minuteMs);
    expect(await mine.fail('owner', 'transient', pause)).toBe(1000);
    await outside.del(key('neg'));
    await store(mine, token('two'), token('one').sealed);
    const { fingerprint, sealed } = token('two');
    await mine.giveUp('one call', fingerprint);
    expect(await mine.giveUp('another call', fingerprint)).toBe(2000);
    await outside.del(key('neg'));
    expect(await mine.begin('next', sealed, minuteMs, -60_000)).toEqual({ state: 'lease' });
    await mine.confirm(fingerprint);
    expect(await mine.read()).toMatchObject({ onProbation: false });
  });

  test('[R7] a read-only replica › shows the token and gives no lease', async () => {
    const { outside, store: mine } = await troubled();
    await store(mine, token('one'));
    await outside.replicaof('127.0.0.1', 1);
    for (let i = 0; i < 3; i += 1) {
      expect(await mine.read()).toMatchObject({ fingerprint: token('one').fingerprint });
      expect(await mine.begin('login', '', minuteMs)).toMatchObject({ state: 'hit' });
      await expect(mine.begin('owner', token('one').sealed, minuteMs)).rejects.toEqual(reason('read_only'));
    }
    await outside.replicaof('NO', 'ONE');
    expect(await mine.begin('owner', token('one').sealed, minuteMs)).toEqual({ state: 'lease' });
  });

  test('[R15] a Redis that forbids scripts › shows the token and gives no lease', async () => {
    const { outside, store: mine } = await troubled();
    await store(mine, token('one'));
    await outside.acl('SETUSER', 'default', '-eval', '-evalsha');
    await expect(mine.begin('owner', '', minuteMs)).rejects.toEqual(reason('no_permission'));
    expect(await mine.read()).toMatchObject({ fingerprint: token('one').fingerprint });
  });

  test('a script that fails half-way › is not run again with EVAL', async () => {
    const { outside, store: mine } = await troubled();
    // From now on Redis knows the script, so EVALSHA runs it.
    await store(mine, token('one'));
    await mine.begin('owner', token('one').sealed, minuteMs);
    await outside.acl('SETUSER', 'default', '-hset');
    // A second run would find no lease and report it as lost.
    await expect(mine.commit('owner', token('two'), false)).rejects.toEqual(reason('error_answer'));
  });

  test('[R6] a Redis whose writes are paused › shows the token and gives no lease', async () => {
    const { outside, store: mine } = await troubled();
    await store(mine, token('one'));
    await outside.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    expect(await mine.read()).toMatchObject({ fingerprint: token('one').fingerprint });
    await expect(mine.begin('owner', token('one').sealed, minuteMs)).rejects.toBeInstanceOf(RedisError);
    await outside.call('CLIENT', 'UNPAUSE');
  });

  test('[R19] a cluster › runs every script', async () => {
    const { outside, store: mine, key } = await troubled(['--cluster-enabled', 'yes']);
    await outside.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    while (!String(await outside.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await mine.begin('owner', '', minuteMs);
    expect(await mine.fail('owner', 'transient', pause)).toBe(1000);
    await outside.del(key('neg'));
    await store(mine, token('one'));
    expect(await mine.begin('other', '', minuteMs)).toMatchObject({ state: 'hit' });
    await store(mine, token('two'), token('one').sealed);
    await mine.confirm(token('two').fingerprint);
    await store(mine, token('three'), token('two').sealed);
    await mine.giveUp('one call', token('three').fingerprint);
    expect(await mine.giveUp('another call', token('three').fingerprint)).toBe(2000);
  });

  test('[R14] a wrong or missing password › is named, and is the only reason', async () => {
    const { server, outside } = await troubled();
    await outside.config('SET', 'requirepass', 'the right one');
    for (const password of ['a wrong one', undefined]) {
      const { store: mine } = storeAt(redisAt(server.url, password));
      await expect(mine.read()).rejects.toEqual(reason('auth'));
      await expect(mine.begin('owner', '', minuteMs)).rejects.toEqual(reason('auth'));
    }
    const { store: mine } = storeAt(redisAt(server.url, 'the right one'));
    await store(mine, token('one'));
  });
});

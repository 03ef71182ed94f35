// Redis that lost, changed or never had what was written to it.
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../simulator/redis.ts';
import { expectError } from '../expect-answer.ts';
import { startRedisGate } from '../redis-gate.ts';
import { gettokens, tokenRecord } from '../token-state.ts';
import {
  allLetIn,
  corpid,
  type Login,
  loginsAtOnce,
  quickRedis,
  realRedis,
  secret,
  startWorld,
  type World,
} from '../world.ts';
import { allRefused, command, connected, freeze, oneLogin, recovers } from './trouble.ts';

const session = (login: Login, sessionToken: unknown) => login.withSession('GET', '/session', sessionToken);
const keysOf = async (world: World, part: string) =>
  (await world.redisContents()).map(({ key }) => key).filter((key) => key.includes(part));

async function remove(world: World, part: string): Promise<void> {
  for (const key of await keysOf(world, part)) await world.redisCommand('DEL', key);
}

describe('A key is gone', () => {
  test('[R9] POST /login › fetches one token when its record was evicted; a member whose session was evicted logs in again', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    const { body } = await login.login({ js_code: world.jsCode() });
    await remove(world, ':tok');
    const fresh = await Promise.all([world.startLogin(), world.startLogin()]);
    await allLetIn(world, fresh, 20);
    expect(gettokens(world)).toBe(2);
    await remove(world, 'wxs1:');
    const gone = await session(login, body['session_token']);
    expectError(gone, 'invalid_session');
    expect((await login.logOf(gone)).at(-1)).toMatchObject({ reason: 'unknown' });
    const again = await login.login({ js_code: world.jsCode() });
    expect((await session(login, again.body['session_token'])).status).toBe(200);
    expect(gettokens(world)).toBe(2);
  });

  test('[R10] POST /login › fetches one more token after each loss of all records', async () => {
    const world = await startWorld(quickRedis);
    for (let flushes = 0; flushes < 4; flushes += 1) {
      await world.redis.flush();
      const fresh = await Promise.all([world.startLogin(), world.startLogin()]);
      await allLetIn(world, fresh, 20);
      expect(gettokens(world)).toBe(flushes + 1);
    }
  });

  test('[R11] POST /login › adopts the token of another when its lease was evicted while it fetched', async () => {
    const world = await startWorld(quickRedis);
    world.wecom.set({ gettokenMode: 'C' });
    const [first, second] = await Promise.all([world.startLogin(), world.startLogin()]);
    const gate = world.wecom.hold({ endpoint: 'gettoken' }, 'after');
    const slow = loginsAtOnce(world, [first], 10);
    await gate.arrived(1);
    await remove(world, ':lease');
    const quick = loginsAtOnce(world, [second], 10);
    await gate.arrived(2);
    // The second is answered first, so that what the first brings is the older one.
    const thaw = freeze(first.pid);
    gate.release();
    await second.firstLogged('token_stored');
    const { fields } = await tokenRecord(world);
    thaw();
    expect(await first.firstLogged('token_lease_lost')).toMatchObject({ level: 'warn', corpid });
    expect([await slow, await quick]).toEqual([{ 200: 10 }, { 200: 10 }]);
    expect((await tokenRecord(world)).fields).toEqual(fields);
    expect(gettokens(world)).toBe(2);
  });

  test('[R18] every route › works when Redis forgot all scripts', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    for (let i = 0; i < 2; i += 1) {
      await world.redisCommand('SCRIPT', 'FLUSH');
      const { status, body } = await oneLogin(world, login);
      expect(status).toBe(200);
      await world.redisCommand('SCRIPT', 'FLUSH');
      expect((await login.login({ js_code: 'never-issued' })).status).toBe(400);
      await world.redisCommand('SCRIPT', 'FLUSH');
      expect((await login.withSession('DELETE', '/session', body['session_token'])).status).toBe(204);
      await world.redisCommand('SCRIPT', 'FLUSH');
      expect(await world.refresh()).toMatchObject({ result: { companies: 2 } });
    }
    expect(login.logged('redis_failed')).toEqual([]);
    expect(gettokens(world, corpid)).toBe(1);
  });
});

describe('A record that somebody poisoned', () => {
  const set = (fields: Record<string, string>) => async (world: World, key: string) => {
    for (const [field, value] of Object.entries(fields)) await world.redisCommand('HSET', key, field, value);
  };
  const poisons: Record<string, (world: World, key: string) => Promise<unknown>> = {
    'a foreign type': (world, key) => world.redisCommand('SET', key, 'x'),
    'a token that does not open': set({ c: 'Z2FyYmFnZQ' }),
    'a token sealed for another place': set({ c: 'x'.repeat(400) }),
    'a generation of another version': set({ g: 'v2' }),
    'no token at all': (world, key) => world.redisCommand('HDEL', key, 'c'),
    'no end': (world, key) => world.redisCommand('PERSIST', key),
  };

  test('[R21] POST /login › mends it with one gettoken, whatever it holds', async () => {
    const world = await startWorld(quickRedis);
    // A company for each poison, so that one process meets them all.
    const companies = Object.keys(poisons).map((what, i) => {
      const id = `wwpoison${i}`;
      const corpsecret = secret(`corpsecret-${id}-of-this-test`);
      world.wecom.addCompany({ corpid: id, corpsecret });
      world.wecom.addMember({ corpid: id, userid: 'ZhangSan', name: '张三' });
      return { id, what, corp: `${id}:${corpsecret}` };
    });
    const corps = { WECOM_CORPS: companies.map(({ corp }) => corp).join(',') };
    const everyoneIn = async (functions: Login[]) => {
      const waves = companies.map(({ id }) => loginsAtOnce(world, functions, 6, id));
      expect(await Promise.all(waves)).toEqual(companies.map(() => ({ 200: 6 })));
    };
    const counts = () => companies.map(({ id, what }) => [what, gettokens(world, id)]);

    const first = await world.startLogin(corps);
    for (const { id, what } of companies) {
      const before = await keysOf(world, ':tok');
      await allLetIn(world, [first], 1, id);
      const [key] = (await keysOf(world, ':tok')).filter((name) => !before.includes(name));
      await poisons[what]?.(world, key ?? '');
    }
    await everyoneIn(await Promise.all([world.startLogin(corps), world.startLogin(corps)]));
    // What only the generation says is not worth a gettoken.
    const expected = companies.map(({ what }) => [what, what.includes('generation') ? 1 : 2]);
    expect(counts()).toEqual(expected);
    await everyoneIn([first, await world.startLogin(corps)]);
    expect(counts()).toEqual(expected);
  });
});

describe.skipIf(!realRedis)('Redis fails over', () => {
  /** A master and a replica of it behind one address. */
  async function replicated() {
    const world = await startWorld({ redis: 'server' });
    await command(world, 'CONFIG SET repl-diskless-sync-delay 0');
    const replica = await startRedis({ kind: 'server' });
    onTestFinished(() => replica.stop());
    const gate = await startRedisGate(world.redis.url);
    const atReplica = connected({ redis: replica } as World);
    const link = await startRedisGate(world.redis.url);
    await atReplica.replicaof('127.0.0.1', new URL(link.url).port);
    const synced = async () => {
      while (!(await atReplica.info('replication')).includes('master_link_status:up'));
      while (Number(await command(world, 'WAIT 1 100')) < 1);
    };
    await synced();
    const REDIS_URL = gate.url;
    const functions = await Promise.all([world.startLogin({ REDIS_URL }), world.startLogin({ REDIS_URL })]);
    return { world, replica, gate, link, atReplica, synced, functions, REDIS_URL };
  }

  test('[R12] POST /login › fetches one more token when the new master never heard of the first, and old sessions ask for a login', async () => {
    const { world, replica, gate, link, atReplica, functions, REDIS_URL } = await replicated();
    await link.set({ kind: 'black_hole' });
    // All this is acknowledged, and then lost.
    await allLetIn(world, functions, 10);
    const { body } = await functions[0].login({ js_code: world.jsCode() });
    await world.redis.stop();
    await gate.set({ kind: 'refuse' });
    await allRefused(world, functions, /^(refused|closed|econnreset)$/);
    await atReplica.replicaof('NO', 'ONE');
    gate.leadTo(replica.url);
    await gate.set();
    await recovers(world, functions);
    expectError(await session(functions[0], body['session_token']), 'invalid_session');
    expect(gettokens(world)).toBe(1);
    await recovers(world, [await world.startLogin({ REDIS_URL }), await world.startLogin({ REDIS_URL })]);
    expect(gettokens(world)).toBe(2);
  });

  test('[R13] POST /login › loses nothing in a planned fail-over, and works as soon as the address leads to the new master', async () => {
    const { world, replica, gate, atReplica, synced, functions, REDIS_URL } = await replicated();
    const { body } = await functions[0].login({ js_code: world.jsCode() });
    await loginsAtOnce(world, functions, 10);
    const mine = await functions[0].login({ js_code: world.jsCode(world.addMember()) });
    await synced();
    await command(world, 'FAILOVER');
    while (!(await atReplica.info('replication')).includes('role:master'));
    await allRefused(world, functions, /^(read_only|timeout)$/);
    gate.leadTo(replica.url);
    await recovers(world, functions);
    expect((await session(functions[1], mine.body['session_token'])).status).toBe(200);
    await recovers(world, [await world.startLogin({ REDIS_URL })]);
    expect(body['session_token']).toBeDefined();
    expect(gettokens(world)).toBe(1);
  });
});

describe.skipIf(!realRedis)('Redis is a cluster', () => {
  test('[R17 R19] every function › answers 503 while slots are not served, and then works without CROSSSLOT', async () => {
    const world = await startWorld({ redis: 'server' });
    const cluster = await startRedis({ kind: 'server', args: ['--cluster-enabled', 'yes'] });
    onTestFinished(() => cluster.stop());
    const REDIS_URL = cluster.url;
    const login = await world.startLogin({ REDIS_URL });
    await allRefused(world, [login], /^cluster_down$/);
    const admin = connected({ redis: cluster } as World);
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await recovers(world, [login]);

    const failuresBefore = login.logged('redis_failed').length;
    const { body } = await login.login({ js_code: world.jsCode() });
    const token = body['session_token'];
    expect((await login.login({ js_code: 'never-issued' })).status).toBe(400);
    expect((await session(login, token)).status).toBe(200);
    expect(await world.refresh({ REDIS_URL })).toMatchObject({ result: { renewed: 1, fresh: 1 } });
    const { corpid: id, userid } = body['member'] as { corpid: string; userid: string };
    expect(await world.admin({ action: 'list', corpid: id, userid }, { REDIS_URL })).not.toHaveProperty(
      'error',
    );
    expect((await login.withSession('DELETE', '/session?all=true', token)).status).toBe(204);
    expect(login.logged('redis_failed')).toHaveLength(failuresBefore);
    expect(gettokens(world, corpid)).toBe(1);
  });
});

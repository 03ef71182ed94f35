// Redis that answers, but with an error.
import { rmSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../simulator/redis.ts';
import { gettokens } from '../token-state.ts';
import { allLetIn, patient, realRedis, secret, startWorld, type World } from '../world.ts';
import { allRefused, command, connected, oneLogin, recovers, running } from './trouble.ts';

/** What is done to the server, how it is undone, and what stands in the log meanwhile. */
interface Refusal {
  id: string;
  name: string;
  reason: RegExp;
  breakIt: (world: World) => Promise<unknown>;
  mendIt: (world: World) => Promise<unknown>;
  /** Reads fail as well. */
  sessionsStop?: boolean;
}

const commands =
  (...texts: string[]) =>
  async (world: World) => {
    for (const text of texts) await command(world, text);
  };

/** A script that runs until it is killed; whoever asks meanwhile is told BUSY. */
function endlessScript(world: World): Promise<void> {
  connected(world)
    .eval('while true do end', 0)
    .catch(() => undefined);
  return told(world, /^BUSY/);
}

/** Until the server answers a read like this. */
async function told(world: World, answer: RegExp): Promise<void> {
  const client = connected(world);
  for (;;) {
    const reply = await client.get('x').catch((error: Error) => error.message);
    if (answer.test(String(reply))) return;
  }
}

/** Loads its own dump again, so slowly that it takes as long as the test wants. */
async function loading(world: World): Promise<void> {
  await command(world, 'DEBUG POPULATE 3000');
  await command(world, 'CONFIG SET key-load-delay 2000');
  await command(world, 'CONFIG SET loading-process-events-interval-bytes 1024');
  connected(world)
    .call('DEBUG', 'RELOAD')
    .catch(() => undefined);
  await told(world, /^LOADING/);
}

/** Cannot write its dump, and is told to have one. */
async function cannotSave(world: World): Promise<void> {
  const [, directory] = (await command(world, 'CONFIG GET dir')) as string[];
  rmSync(directory ?? '', { recursive: true });
  await world.redisCommand('CONFIG', 'SET', 'save', '3600 1');
  await command(world, 'BGSAVE');
  while (!String(await command(world, 'INFO persistence')).includes('rdb_last_bgsave_status:err'));
}

const refusals: Refusal[] = [
  {
    id: '[R7]',
    name: 'is read-only',
    reason: /^read_only$/,
    breakIt: commands('REPLICAOF 127.0.0.1 1'),
    mendIt: commands('REPLICAOF NO ONE'),
  },
  {
    id: '[R8]',
    name: 'is full',
    reason: /^out_of_memory$/,
    breakIt: commands('CONFIG SET maxmemory 1'),
    mendIt: commands('CONFIG SET maxmemory 0'),
  },
  {
    id: '[R15]',
    name: 'forbids scripts',
    reason: /^no_permission$/,
    breakIt: commands('ACL SETUSER default -@scripting'),
    mendIt: commands('ACL SETUSER default +@all'),
  },
  {
    id: '[R17]',
    name: 'has too few replicas',
    reason: /^no_replicas$/,
    breakIt: commands('CONFIG SET min-replicas-to-write 1'),
    mendIt: commands('CONFIG SET min-replicas-to-write 0'),
  },
  {
    id: '[R17]',
    name: 'cannot write its dump',
    reason: /^misconfigured$/,
    breakIt: cannotSave,
    mendIt: commands('CONFIG SET stop-writes-on-bgsave-error no'),
  },
  {
    id: '[R17]',
    name: 'lost its master',
    reason: /^(master_down|read_only)$/,
    breakIt: commands('CONFIG SET replica-serve-stale-data no', 'REPLICAOF 127.0.0.1 1'),
    mendIt: commands('REPLICAOF NO ONE'),
    sessionsStop: true,
  },
  {
    id: '[R17]',
    name: 'is busy with a script',
    reason: /^busy_script$/,
    breakIt: (world) => command(world, 'CONFIG SET busy-reply-threshold 50').then(() => endlessScript(world)),
    mendIt: commands('SCRIPT KILL'),
    sessionsStop: true,
  },
  {
    id: '[R17]',
    name: 'is still loading',
    reason: /^loading$/,
    breakIt: loading,
    mendIt: (world) => command(world, 'CONFIG SET key-load-delay 0').then(() => told(world, /^null$/)),
    sessionsStop: true,
  },
];

describe.skipIf(!realRedis)('Redis answers with an error', () => {
  test.each(refusals.map((refusal) => [refusal.id, refusal.name, refusal] as const))(
    '%s POST /login › answers 503 when Redis %s, calls no gettoken, and works after',
    async (_, __, { reason, breakIt, mendIt, sessionsStop }) => {
      const { world, warm, fresh, sessionToken } = await running();
      await breakIt(world);
      await allRefused(world, [warm, fresh], reason);
      if (!sessionsStop) {
        for (const login of [warm, fresh]) {
          expect((await login.withSession('GET', '/session', sessionToken)).status).toBe(200);
        }
      }
      await mendIt(world);
      await recovers(world, [warm, fresh]);
      expect((await warm.withSession('GET', '/session', sessionToken)).status).toBe(200);
      expect(gettokens(world)).toBe(1);
    },
  );

  test('[R7] POST /login › opens no connection for each try while Redis is read-only', async () => {
    const { world, warm } = await running();
    const outside = connected(world);
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await outside.info('stats'))?.[1]);
    await outside.call('REPLICAOF', '127.0.0.1', '1');
    await allRefused(world, [warm], /^read_only$/);
    const [before, since] = [await connections(), performance.now()];
    const logins = 20;
    for (let i = 0; i < logins; i += 1) expect((await oneLogin(world, warm)).status).toBe(503);
    // One a second may be new: behind a proxy it could lead to the server that takes writes.
    const seconds = Math.ceil((performance.now() - since) / 1000);
    expect((await connections()) - before).toBeLessThanOrEqual(1 + seconds);
  });

  test('POST /login › answers 503 when Redis has no database of this number, and uses no other', async () => {
    const { world } = await running();
    const none = await world.startLogin({ REDIS_URL: `${world.redis.url}/16` });
    const outside = connected(world);
    await outside.flushall();
    await allRefused(world, [none], /^no_database$/);
    expect(await outside.dbsize()).toBe(0);
    const third = await world.startLogin({ REDIS_URL: `${world.redis.url}/3` });
    await recovers(world, [third]);
    expect(await outside.dbsize()).toBe(0);
  });

  test('[R15] POST /login › answers 503 when scripts are disabled as in TencentDB, and the log says so', async () => {
    const { world, warm } = await running();
    const scriptless = await startRedis({
      kind: 'server',
      args: ['--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', ''],
    });
    onTestFinished(() => scriptless.stop());
    const login = await world.startLogin({ REDIS_URL: scriptless.url });
    await allRefused(world, [login], /^unknown_command$/);
    await allLetIn(world, [warm], 5);
    expect(gettokens(world)).toBe(1);
  });

  test('[R14] POST /login › answers 503 after the password was changed, whose value is nowhere, and works with the new one', async () => {
    const { world, warm, fresh } = await running();
    const outside = connected(world);
    await outside.ping();
    const password = secret('the-password-of-tomorrow');
    await world.redisCommand('CONFIG', 'SET', 'requirepass', password);
    const [, , port] = world.redis.url.split(':');
    const at = (word: string) => ({ REDIS_URL: `redis://:${word}@127.0.0.1:${port}` });
    const wrong = await world.startLogin(at(secret('the-wrong-password')));
    await allRefused(world, [fresh, wrong], /^auth$/);
    // The connection that was open before stays authenticated, until it is cut.
    await allLetIn(world, [warm], 5);
    const admin = await world.startLogin(at(password));
    await recovers(world, [admin]);
    await outside.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await allRefused(world, [warm], /^(auth|closed)$/);
    await recovers(world, [admin]);
    expect(gettokens(world)).toBe(1);
  });

  test('[R16] POST /login › answers 503 when Redis has no connection left, and the log says so', async () => {
    const world = await startWorld({ redis: 'server' });
    const warm = await world.startLogin(patient);
    expect((await oneLogin(world, warm)).status).toBe(200);
    const outside = connected(world);
    await outside.config('SET', 'maxclients', 2);
    const late = await world.startLogin();
    await allRefused(world, [late], /^max_clients$/);
    // Who has a connection keeps it.
    expect((await oneLogin(world, warm)).status).toBe(200);
    await outside.config('SET', 'maxclients', 100);
    await recovers(world, [warm, late]);
    expect(gettokens(world)).toBe(1);
  });
});

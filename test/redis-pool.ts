// Redis servers that tests use one after the other, because starting one takes longer than many tests. Files of one worker
// share this module; the servers end with the worker.
import { Redis } from 'ioredis';
import { type RunningRedis, startRedis } from '../simulator/redis.ts';

type Kind = 'embedded' | 'server';

interface Idle {
  redis: RunningRedis;
  settings: string;
}

const idle: Record<Kind, Idle[]> = { embedded: [], server: [] };

export interface BorrowedRedis extends Omit<RunningRedis, 'pid'> {
  pid: number | undefined;
  /** Runs `work` on its own connection. */
  connected<T>(work: (connection: Redis) => Promise<T>): Promise<T>;
  /** Returns it for another test. If this test changed more than the data, the server ends instead. */
  giveBack(): Promise<void>;
}

/** Returns an empty Redis. */
export async function borrowRedis(kind: Kind): Promise<BorrowedRedis> {
  const { redis, settings } = idle[kind].pop() ?? (await started(kind));
  let changed = false;
  return {
    ...redis,
    get pid() {
      changed = true;
      return redis.pid;
    },
    stop() {
      changed = true;
      return redis.stop();
    },
    connected: (work) => connectedTo(redis, work),
    async giveBack() {
      if (!changed && (await emptied(redis, settings))) idle[kind].push({ redis, settings });
      else await redis.stop();
    },
  };
}

async function started(kind: Kind): Promise<Idle> {
  const redis = await startRedis({ kind });
  return { redis, settings: await connectedTo(redis, (connection) => settingsOf(redis, connection)) };
}

/** Configuration and role. */
async function settingsOf(redis: RunningRedis, connection: Redis): Promise<string> {
  if (redis.kind === 'embedded') return '';
  const [role] = (await connection.call('ROLE')) as unknown[];
  return JSON.stringify([role, await connection.call('CONFIG', 'GET', '*')]);
}

/** Returns whether the server is in its initial state. */
async function emptied(redis: RunningRedis, settings: string): Promise<boolean> {
  try {
    return await connectedTo(redis, async (connection) => {
      if ((await settingsOf(redis, connection)) !== settings) return false;
      await connection.flushall();
      await connection.script('FLUSH');
      return true;
    });
  } catch {
    // It is busy, locked or has ended.
    return false;
  }
}

async function connectedTo<T>(redis: RunningRedis, work: (connection: Redis) => Promise<T>): Promise<T> {
  const options = { lazyConnect: true, retryStrategy: () => null, commandTimeout: 5000 };
  const connection = new Redis(redis.url, options);
  connection.on('error', () => undefined);
  try {
    await connection.connect();
    return await work(connection);
  } finally {
    connection.disconnect();
  }
}

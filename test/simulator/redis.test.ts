import { once } from 'node:events';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { redisServerInstalled, startRedis } from '../../simulator/redis.ts';

describe('startRedis', () => {
  test.for(['embedded', 'server'] as const)(
    '› kind %s › answers, is emptied and ends',
    async (kind, { skip }) => {
      if (kind === 'server' && !redisServerInstalled()) skip('redis-server is not installed');
      const redis = await startRedis({ kind });
      expect(redis.kind).toBe(kind);
      const client = new Redis(redis.url, { retryStrategy: () => null });
      await client.set('k', 'v');
      expect(await client.dbsize()).toBe(1);
      await redis.flush();
      expect(await client.dbsize()).toBe(0);
      const ended = once(client, 'end');
      await redis.stop();
      await redis.stop();
      await ended;
      if (redis.pid !== undefined) {
        const { pid } = redis;
        expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      }
    },
  );

  test('› kind auto › uses REDIS_URL and never empties it', async () => {
    const before = process.env['REDIS_URL'];
    process.env['REDIS_URL'] = 'redis://127.0.0.1:1';
    onTestFinished(() => {
      if (before === undefined) delete process.env['REDIS_URL'];
      else process.env['REDIS_URL'] = before;
    });
    const redis = await startRedis();
    expect(redis).toMatchObject({ url: 'redis://127.0.0.1:1', kind: 'given' });
    await expect(redis.flush()).rejects.toThrow('not ours to empty');
    await redis.stop();
  });
});

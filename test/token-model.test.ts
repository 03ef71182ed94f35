import { describe, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createRedis } from '../lib/redis.ts';
import { startRedis } from '../simulator/redis.ts';
import { backendOf, compareWithModel, virtualBackend } from './simulation/against-model.ts';
import * as heart from './simulation/heart.ts';
import { createLua } from './simulation/redis-data.ts';
import { realRedis } from './world.ts';

/** Time passes twenty times more slowly: no deadline expires because this machine is busy. */
const slowdown = 20;
const patientClock: Clock = {
  wallMs: () => systemClock.wallMs() / slowdown,
  monotonicMs: () => systemClock.monotonicMs() / slowdown,
  after: (ms, action) => systemClock.after(ms * slowdown, action),
};

// Random histories of begin, commit, fail, reject, lost and foreign keys: every Redis answers as the model does.
describe('the record of an access_token', () => {
  test('answers as its model, under virtual time', async () => {
    await compareWithModel(heart, virtualBackend(heart, await createLua()), 1000);
  });

  test('answers as its model, on the embedded Redis', async () => {
    await compareWithModel(heart, await running('embedded'), 150);
  });

  test.skipIf(!realRedis)('answers as its model, on redis-server', async () => {
    await compareWithModel(heart, await running('server'), 400);
  });

  async function running(kind: 'embedded' | 'server') {
    const server = await startRedis({ kind });
    const { hostname, port } = new URL(server.url);
    const redis = createRedis({ host: hostname, port: Number(port), db: 0 }, patientClock, () => {});
    onTestFinished(async () => {
      redis.close();
      await server.stop();
    });
    return backendOf(redis);
  }
});

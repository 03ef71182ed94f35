import { startRedisRelay } from '../simulator/redis-relay.ts';
import type { Waits } from './waits.ts';

export interface CountingRelay {
  port: number;
  /** Number of writes of the clients. Each is one round trip, however many commands it contains. */
  roundTrips(): number;
}

/** A relay that delays the requests to Redis by `latencyMs()`. */
export async function startCountingRelay(
  redisPort: number,
  latencyMs: () => number,
  waits: Waits,
): Promise<CountingRelay> {
  let written = 0;
  const { port } = await startRedisRelay(`redis://127.0.0.1:${redisPort}`, (client, redis) => {
    client.on('data', (chunk: Buffer) => {
      written += 1;
      // All of the latency is on the way there, so that commands written together wait only once.
      waits.during(latencyMs(), () => redis.write(chunk));
    });
    redis.on('data', (chunk: Buffer) => client.write(chunk));
  });
  return { port, roundTrips: () => written };
}

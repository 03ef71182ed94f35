import { connect, createServer } from 'node:net';
import type { Waits } from './waits.ts';

export interface RedisRelay {
  port: number;
  /** Number of writes of the clients. Each is one round trip, however many commands it contains. */
  roundTrips(): number;
}

/** A TCP relay that delays Redis' replies by `latencyMs()`. */
export function startRedisRelay(
  redisPort: number,
  latencyMs: () => number,
  waits: Waits,
): Promise<RedisRelay> {
  let written = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const redis = connect({ port: redisPort, host: '127.0.0.1', noDelay: true });
    client.on('error', () => {}).on('close', () => redis.destroy());
    redis.on('error', () => {}).on('close', () => client.destroy());
    client.on('data', (chunk) => {
      written += 1;
      // The whole delay is on the way to Redis, so that commands written together wait only once.
      waits.during(latencyMs(), () => redis.write(chunk));
    });
    redis.on('data', (chunk) => client.write(chunk));
  });
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        roundTrips: () => written,
      });
    });
  });
}

import { startRedisRelay } from '../simulator/redis-relay.ts';
import type { Waits } from './waits.ts';

export interface DelayingRelay {
  port: number;
  /** Number of writes of the clients. To Redis, each is one round trip, however many commands it contains. */
  roundTrips(): number;
}

/** A relay to a port on 127.0.0.1, Redis or not, that delays what the clients send by `latencyMs()`. */
export async function startDelayingRelay(
  targetPort: number,
  latencyMs: () => number,
  waits: Waits,
): Promise<DelayingRelay> {
  let written = 0;
  const { port } = await startRedisRelay(`redis://127.0.0.1:${targetPort}`, (client, target) => {
    // The client believes to be connected at once: the round trip for that passes before its first bytes are read.
    waits.during(latencyMs(), () => {
      client.on('data', (chunk: Buffer) => {
        written += 1;
        // All of the latency is on the way there, so that commands written together wait only once.
        waits.during(latencyMs(), () => target.write(chunk));
      });
    });
    target.on('data', (chunk: Buffer) => client.write(chunk));
  });
  return { port, roundTrips: () => written };
}

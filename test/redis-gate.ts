import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { startRedisRelay } from '../simulator/redis-relay.ts';

/** What the network does to the replies of Redis, or to the connection. */
export type Toxic =
  /** Replies are delayed by this time. */
  | { kind: 'latency'; ms: number }
  /** Replies come in pieces of this many bytes. */
  | { kind: 'slices'; bytes: number }
  | { kind: 'bandwidth'; bytesPerSecond: number }
  /** Connections open, but nothing passes. A connection that was in use then stays dead. */
  | { kind: 'black_hole' }
  /** Nobody listens any more. */
  | { kind: 'refuse' }
  /** Sends RST in the middle of a reply, once, `after` this many others. */
  | { kind: 'reset'; after: number };

/** A relay to Redis that a test can stop, disturb, cut and redirect, so that events control the order. */
export interface RedisGate {
  url: string;
  /** Holds the next request that contains `text`: `held` resolves when it has arrived, `release` lets it continue. */
  holdNext(text: string): { held: Promise<void>; release(): void };
  /** Applies from now on, also to open connections; without an argument, the relay changes nothing. */
  set(toxic?: Toxic): Promise<void>;
  /** Closes every open connection with RST. */
  cut(): void;
  /** Redirects to another Redis and cuts the old connections, as a virtual address does. */
  leadTo(redisUrl: string): void;
  /** Counts the requests so far that contained `text`. */
  seen(text: string): number;
  /** Counts the connections on which a request still waits for its reply. */
  unanswered(): number;
}

export async function startRedisGate(redisUrl: string): Promise<RedisGate> {
  let toxic: Toxic | undefined;
  let hold: { text: string; arrived: () => void; released: Promise<void> } | undefined;
  const requests: string[] = [];
  const waiting = new Set<Socket>();

  const relay = await startRedisRelay(redisUrl, (client, redis) => {
    // Never answered, even when the relay works again.
    if (toxic?.kind === 'black_hole') return;
    client.on('close', () => waiting.delete(client));
    let lost = false;
    client.on('data', (chunk: Buffer) => {
      requests.push(chunk.toString('latin1'));
      waiting.add(client);
      lost ||= toxic?.kind === 'black_hole';
      if (lost) return;
      if (!hold || !chunk.includes(hold.text)) {
        redis.write(chunk);
        return;
      }
      const { arrived, released } = hold;
      hold = undefined;
      arrived();
      void released.then(() => redis.write(chunk));
    });
    let delivered = Promise.resolve();
    redis.on('data', (chunk: Buffer) => {
      lost ||= toxic?.kind === 'black_hole';
      if (lost) return;
      const arrivedMs = performance.now();
      delivered = delivered.then(() => deliver(client, chunk, arrivedMs));
    });
  });
  onTestFinished(() => relay.stop());

  async function deliver(client: Socket, chunk: Buffer, arrivedMs: number): Promise<void> {
    const pauseMs = toxic?.kind === 'bandwidth' ? 1000 / toxic.bytesPerSecond : 0;
    switch (toxic?.kind) {
      case 'latency':
        await sleep(Math.max(0, arrivedMs + toxic.ms - performance.now()));
        break;
      case 'slices':
        return inPieces(client, chunk, toxic.bytes, () => nextTurn());
      case 'bandwidth':
        return inPieces(client, chunk, 1, () => sleep(pauseMs));
      case 'reset':
        if (toxic.after > 0) {
          toxic = { kind: 'reset', after: toxic.after - 1 };
          break;
        }
        toxic = undefined;
        client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => client.resetAndDestroy());
        return;
    }
    waiting.delete(client);
    client.write(chunk);
  }

  return {
    url: relay.url,
    cut: relay.cut,
    leadTo: relay.leadTo,
    holdNext(text) {
      let arrived = () => {};
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      hold = { text, arrived, released };
      return { held, release };
    },
    async set(next) {
      toxic = next;
      if (next?.kind === 'refuse') relay.refuse();
      else await relay.accept();
    },
    seen: (text) => requests.join('').split(text).length - 1,
    unanswered: () => waiting.size,
  };
}

async function inPieces(
  client: Socket,
  chunk: Buffer,
  bytes: number,
  between: () => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < chunk.length && !client.destroyed; i += bytes) {
    client.write(chunk.subarray(i, i + bytes));
    await between();
  }
}

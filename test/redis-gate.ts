import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

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
  let target = new URL(redisUrl);
  let toxic: Toxic | undefined;
  let hold: { text: string; arrived: () => void; released: Promise<void> } | undefined;
  const open = new Set<Socket>();
  const requests: string[] = [];
  const waiting = new Set<Socket>();

  function watch(socket: Socket): void {
    open.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        open.delete(socket);
        waiting.delete(socket);
      });
  }

  const server = createServer({ noDelay: true }, (client) => {
    watch(client);
    // Never answered, even when the relay works again.
    if (toxic?.kind === 'black_hole') return;
    const redis = connect(Number(target.port), target.hostname);
    watch(redis);
    client.on('close', () => redis.destroy());
    redis.on('close', () => client.destroy());
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

  function listen(port: number): Promise<unknown> {
    server.listen({ port, host: '127.0.0.1', backlog: 1024 });
    return once(server, 'listening');
  }

  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gate has no port');
  const { port } = address;
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });

  const gate: RedisGate = {
    url: `redis://127.0.0.1:${port}`,
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
      const refused = toxic?.kind === 'refuse';
      toxic = next;
      if (next?.kind === 'refuse') {
        server.close();
        gate.cut();
      } else if (refused) {
        await listen(port);
      }
    },
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    leadTo(next) {
      target = new URL(next);
      gate.cut();
    },
    seen: (text) => requests.join('').split(text).length - 1,
    unanswered: () => waiting.size,
  };
  return gate;
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

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to Redis that can hold one request back, so that a test orders what happens by events. */
export interface RedisGate {
  url: string;
  /** Holds the next request that contains `text`; `held` resolves when it has come, `release` lets it go on. */
  holdNext(text: string): { held: Promise<void>; release(): void };
}

export async function startRedisGate(redisUrl: string): Promise<RedisGate> {
  const { hostname, port } = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let hold: { text: string; arrived: () => void; released: Promise<void> } | undefined;
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, redis].forEach((end) => end.destroy()));
    }
    redis.pipe(client);
    client.on('data', (chunk: Buffer) => {
      if (!hold || !chunk.includes(hold.text)) {
        redis.write(chunk);
        return;
      }
      const { arrived, released } = hold;
      hold = undefined;
      arrived();
      void released.then(() => redis.write(chunk));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gate has no port');
  return {
    url: `redis://127.0.0.1:${address.port}`,
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
  };
}

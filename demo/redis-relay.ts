// A relay in front of Redis that can be cut: the login function then gets a really refused connection.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What {@link startRedisRelay} returns. */
export type RedisRelay = Awaited<ReturnType<typeof startRedisRelay>>;

/** @param redisUrl `redis://` only: over TLS the relay's host name would not match the certificate */
export async function startRedisRelay(redisUrl: string) {
  const target = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let cut = false;
  const server = createServer({ noDelay: true }, (client) => {
    if (cut) {
      client.resetAndDestroy();
      return;
    }
    const redis = connect({ port: Number(target.port || 6379), host: target.hostname, noDelay: true });
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.pipe(redis);
    redis.pipe(client);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  const url = new URL(redisUrl);
  url.host = `127.0.0.1:${address.port}`;

  return {
    url: url.href,
    /** Breaks all connections and refuses new ones until `restore`. */
    cut(): void {
      cut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    restore(): void {
      cut = false;
    },
    isCut: () => cut,
    async stop(): Promise<void> {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

// A TCP relay in front of Redis, for what a network does: cut connections, refuse new ones, lead elsewhere, delay.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

export interface RedisRelay {
  url: string;
  port: number;
  /** Breaks every open connection with RST. */
  cut(): void;
  /** Breaks every open connection and closes the port, until `accept`. */
  refuse(): void;
  accept(): Promise<void>;
  isRefusing(): boolean;
  /** Leads to another Redis and breaks the connections to the one before, as a virtual address does. */
  leadTo(redisUrl: string): void;
  stop(): Promise<void>;
}

/** What becomes of the bytes of a connection. */
export type Wiring = (client: Socket, redis: Socket) => void;

/**
 * @param redisUrl `redis://`; the host name in a certificate would not be the relay's
 * @param wire by default everything is passed on as it comes
 */
export async function startRedisRelay(redisUrl: string, wire: Wiring = passOn): Promise<RedisRelay> {
  let target = new URL(redisUrl);
  let isRefusing = false;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
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
    wire(client, redis);
  });
  const port = await listen(server);
  const url = new URL(redisUrl);
  url.host = `127.0.0.1:${port}`;

  function cut(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    url: url.href,
    port,
    cut,
    refuse() {
      isRefusing = true;
      server.close();
      cut();
    },
    async accept() {
      if (!isRefusing) return;
      await listen(server, port);
      isRefusing = false;
    },
    isRefusing: () => isRefusing,
    leadTo(next) {
      target = new URL(next);
      cut();
    },
    async stop() {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function passOn(client: Socket, redis: Socket): void {
  client.pipe(redis);
  redis.pipe(client);
}

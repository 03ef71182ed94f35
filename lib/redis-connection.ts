// One connection to Redis, with ioredis. It sends and reports why it failed; it has no deadlines and repeats nothing:
// redis.ts decides that.
import { Redis as Client, type RedisOptions, ReplyError } from 'ioredis';
import { type RedisAddress, tlsOptions } from './redis-address.ts';
import { type RedisError, redisErrorOf } from './redis-reason.ts';

export interface RedisConnection {
  /** Connects, once. Rejects with `RedisError`. */
  open(): Promise<void>;
  /**
   * Sends commands together; whatever is sent in one turn of the event loop goes out in one write.
   *
   * Rejects with the `RedisError` of the first command that failed.
   */
  send(commands: readonly RedisCommand[]): Promise<unknown[]>;
  /** Rejects what waits for a reply, with `closed`. */
  close(): void;
}

export type RedisCommand = [name: string, ...args: (string | number)[]];

/**
 * Creates a connection that is not open yet.
 *
 * @param onClose called after it has ended, from either side
 */
export function createRedisConnection(address: RedisAddress, onClose: () => void): RedisConnection {
  const client = new Client(clientOptions(address));
  // ioredis closes the connection when Redis refuses the password; only this event has the reason.
  let lastError: unknown;
  client.on('error', (error) => {
    lastError = error;
  });
  client.on('close', onClose);

  return {
    async open() {
      try {
        await client.connect();
        // Not by ioredis: after a refused SELECT it works on database 0.
        if (address.db !== 0) await client.call('select', address.db);
      } catch (error) {
        throw redisError(lastError ?? error);
      }
    },
    send(commands) {
      // ioredis' own pipelining would hold back what is sent later until all replies to this are there. The write waits
      // for the end of the turn of the event loop, not of this callback: several logins may have something to send.
      const { stream } = client;
      stream.cork();
      setImmediate(() => stream.uncork());
      return Promise.all(commands.map(([name, ...args]) => client.call(name, ...args))).catch(
        (error: unknown) => {
          throw redisError(error);
        },
      );
    },
    close: () => client.disconnect(),
  };
}

function clientOptions(address: RedisAddress): RedisOptions {
  return {
    host: address.host,
    port: address.port,
    ...(address.password !== undefined && { password: address.password }),
    ...(address.tls && { tls: tlsOptions(address.host, address.tls) }),
    lazyConnect: true,
    // Reconnecting, deadlines and repeats are decided in redis.ts.
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: 10_000,
    disconnectTimeout: 50,
    keepAlive: 10_000,
  };
}

/** Throws an error that is not about Redis: a bug must not look like a Redis that is down. */
function redisError(error: unknown): RedisError {
  if (!(error instanceof Error)) throw error;
  const known = redisErrorOf(error, error instanceof ReplyError);
  if (!known) throw error;
  return known;
}

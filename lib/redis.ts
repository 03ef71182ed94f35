import { createHash } from 'node:crypto';
import { Redis as Client, type RedisOptions, ReplyError } from 'ioredis';
import { type Clock, elapsedMs, moment, type Moment, withTimeout } from './clock.ts';
import { unavailable } from './errors.ts';
import { type Log, requestRecord } from './log.ts';

/**
 * Redis as the rest of the project sees it. Every operation has a deadline and is sent a second time when its
 * connection failed, so **every operation must be safe to run twice**; its answer may be that of
 * the second run, for which the first has already changed everything.
 *
 * All methods reject with `RedisError`.
 */
export interface Redis {
  /** Sends commands together; one round trip. */
  pipeline(commands: readonly RedisCommand[]): Promise<unknown[]>;
  /** Runs a Lua script atomically; EVALSHA, and EVAL when the server does not know it yet. */
  script(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  close(): void;
}

export type RedisCommand = [name: string, ...args: (string | number)[]];

export interface Script {
  lua: string;
  sha1: string;
}

export function defineScript(lua: string): Script {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** What is wrong with Redis, for the log: `timeout`, `refused`, `closed`, `auth`, … */
export class RedisError extends Error {
  override readonly name = 'RedisError';
  readonly reason: string;

  constructor(reason: string) {
    super(`redis: ${reason}`);
    this.reason = reason;
  }
}

export interface RedisAddress {
  host: string;
  port: number;
  db: number;
  /** The whole AUTH string; TencentDB wants `account@password` in it and never a username. */
  password?: string;
  /** With TLS; `ca` in PEM when the server's authority is not a public one. */
  tls?: { ca?: string };
}

const connectMsMax = 500;
const operationMsMax = 400;
/** While Redis is known to be down, callers are told at once instead of waiting. */
const brokenMs = 1000;
const logAgainMs = 2000;

/**
 * One connection per process, opened when first needed and thrown away after any trouble: a socket that has
 * timed out once (a frozen instance, a silent firewall) is never trusted again.
 */
export function createRedis(address: RedisAddress, clock: Clock, log: Log): Redis {
  let connection: Promise<Client> | undefined;
  let broken: { since: Moment; error: RedisError } | undefined;
  let loggedAt: Moment | undefined;

  function connect(): Promise<Client> {
    const client = new Client(clientOptions(address));
    // ioredis closes the connection on a refused password and keeps the reason to this event.
    let lastError: unknown;
    client.on('error', (error) => {
      lastError = error;
    });
    const opening = withTimeout(
      clock,
      connectMsMax,
      client.connect(),
      () => new RedisError('connect_timeout'),
    )
      .then(() => client)
      .catch((error: unknown) => {
        client.disconnect();
        throw error instanceof RedisError ? error : redisError(lastError ?? error);
      });
    client.on('close', () => {
      if (connection === opening) connection = undefined;
    });
    return opening;
  }

  async function attempt<T>(operation: (client: Client) => Promise<T>): Promise<T> {
    connection ??= connect();
    const used = connection;
    try {
      const client = await used;
      return await withTimeout(clock, operationMsMax, operation(client), () => new RedisError('timeout'));
    } catch (error) {
      const failure = redisError(error);
      // Once per connection, however many operations fail on it together.
      if (!isAnswer(failure) && connection === used) {
        connection = undefined;
        // A server that only refuses to write still answers what others are reading on this connection.
        const onlyReads = failure.reason === 'read_only';
        used
          .then((client) => {
            const close = () => client.disconnect();
            return onlyReads ? clock.after(operationMsMax, close) : close();
          })
          .catch(() => {});
      }
      throw failure;
    }
  }

  async function run<T>(operation: (client: Client) => Promise<T>): Promise<T> {
    if (broken && elapsedMs(clock, broken.since) < brokenMs) throw broken.error;
    const record = requestRecord.getStore();
    const start = moment(clock);
    try {
      const result = await attempt(operation).catch((error: unknown) => {
        if (!(error instanceof RedisError) || isAnswer(error)) throw error;
        return attempt(operation);
      });
      broken = undefined;
      return result;
    } catch (error) {
      const failure = redisError(error);
      if (!isAnswer(failure) && failure.reason !== 'read_only')
        broken = { since: moment(clock), error: failure };
      if (!loggedAt || elapsedMs(clock, loggedAt) > logAgainMs) {
        loggedAt = moment(clock);
        log('error', 'redis_failed', { reason: failure.reason });
      }
      throw failure;
    } finally {
      if (record) {
        record.redis_calls += 1;
        record.redis_ms += Math.round(elapsedMs(clock, start));
      }
    }
  }

  return {
    pipeline: (commands) =>
      run((client) => Promise.all(commands.map(([name, ...args]) => client.call(name, ...args)))),
    script: (script, keys, args) =>
      run(async (client) => {
        try {
          return await client.evalsha(script.sha1, keys.length, ...keys, ...args);
        } catch (error) {
          if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
          return client.eval(script.lua, keys.length, ...keys, ...args);
        }
      }),
    close() {
      connection?.then((client) => client.disconnect()).catch(() => {});
      connection = undefined;
    },
  };
}

/** A Redis that does not answer becomes `temporarily_unavailable`. */
export async function available<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RedisError) throw unavailable(`redis_${error.reason}`, 2, error);
    throw error;
  }
}

function clientOptions(address: RedisAddress): RedisOptions {
  return {
    host: address.host,
    port: address.port,
    db: address.db,
    ...(address.password !== undefined && { password: address.password }),
    ...(address.tls && { tls: address.tls.ca === undefined ? {} : { ca: address.tls.ca } }),
    lazyConnect: true,
    // Reconnecting, deadlines and repeats are decided above, in one place.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    // What is asked in one turn of the event loop goes out in one write.
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: 10_000,
    disconnectTimeout: 50,
    keepAlive: 10_000,
  };
}

/**
 * What each answer of Redis means to an operator, by its first word; TencentDB answers `ERR unknown command`
 * for a disabled one. The rest of an answer is never kept: it may quote the arguments of the command.
 */
const reasonOfAnswer: Record<string, string> = {
  NOAUTH: 'auth',
  WRONGPASS: 'auth',
  NOPERM: 'no_permission',
  OOM: 'out_of_memory',
  READONLY: 'read_only',
  LOADING: 'loading',
  BUSY: 'busy_script',
  MASTERDOWN: 'master_down',
  CLUSTERDOWN: 'cluster_down',
  NOREPLICAS: 'no_replicas',
  MISCONF: 'misconfigured',
  WRONGTYPE: 'wrong_type',
  CROSSSLOT: 'cross_slot',
};

/** Answers of a healthy connection; all others mean that it is worth connecting anew. */
const answersOfAHealthyConnection = new Set([
  'no_permission',
  'out_of_memory',
  'busy_script',
  'no_replicas',
  'misconfigured',
  'wrong_type',
  'cross_slot',
  'unknown_command',
  'error_answer',
]);

function isAnswer(error: RedisError): boolean {
  return answersOfAHealthyConnection.has(error.reason);
}

function redisError(error: unknown): RedisError {
  if (error instanceof RedisError) return error;
  if (!(error instanceof Error)) throw error;
  const [firstWord = ''] = error.message.split(' ');
  const known = reasonOfAnswer[firstWord];
  if (known) return new RedisError(known);
  if (/max number of clients/.test(error.message)) return new RedisError('max_clients');
  if (/invalid password|AUTH/.test(error.message)) return new RedisError('auth');
  if (/unknown command/i.test(error.message)) return new RedisError('unknown_command');
  const code = (error as NodeJS.ErrnoException).code;
  if (code) return new RedisError(code === 'ECONNREFUSED' ? 'refused' : code.toLowerCase());
  if (error.message.startsWith('Protocol error')) return new RedisError('not_redis');
  // By class: names do not survive minifying.
  if (error instanceof ReplyError) return new RedisError('error_answer');
  if (/closed|connection close|writeable|max retries/i.test(error.message)) return new RedisError('closed');
  // A bug of ours or of the client; it must not pass for a Redis that is down.
  throw error;
}

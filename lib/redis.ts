import { createHash } from 'node:crypto';
import { Redis as Client, type RedisOptions, ReplyError } from 'ioredis';
import { type Clock, elapsedMs, moment, type Moment, oncePer, withTimeout } from './clock.ts';
import { unavailable } from './errors.ts';
import { type Log, requestRecord } from './log.ts';
import { type RedisAddress, tlsOptions } from './redis-address.ts';
import { answersOfAHealthyConnection, perhapsOfEvalsha, reasonOf } from './redis-reason.ts';

/**
 * Redis as the rest of the project sees it. Every operation has a deadline and is sent a second time when its
 * connection failed, so **every operation must be safe to run twice**: the reply may come from the second run, which
 * then sees the effects of the first.
 *
 * All methods reject with `RedisError`.
 */
export interface Redis {
  /**
   * Sends commands together; one round trip. What is only read here may be old: in TencentDB with 副本只读 a replica
   * answers it.
   */
  pipeline(commands: readonly RedisCommand[]): Promise<unknown[]>;
  /**
   * Reads what decides; one round trip, each command about one key, its first argument. Each goes as a script, which
   * every proxy sends to the server that is written to. Where no script runs (writes are paused, scripts are
   * forbidden) nothing can have been written either, so the plain commands are sent instead.
   */
  read(commands: readonly RedisCommand[]): Promise<unknown[]>;
  /**
   * Runs a Lua script atomically; EVALSHA, and EVAL when the server does not know it yet or its proxy takes no
   * EVALSHA. Proxies want each key in it written as `KEYS[n]`.
   */
  script(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** For good: whatever is asked afterwards rejects with `closed` and opens no connection again. */
  close(): void;
}

export type RedisCommand = [name: string, ...args: (string | number)[]];

export interface Script {
  lua: string;
  sha1: string;
}

/** Redis 4 refuses to write after TIME or PTTL in a script unless this comes first; later ones ignore it. */
const replicateCommands = 'if redis.replicate_commands then redis.replicate_commands() end\n';

export function defineScript(body: string): Script {
  const lua = replicateCommands + body;
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

const connectMsMax = 500;
export const operationMsMax = 400;
/** While Redis is known to be down, callers are told at once instead of waiting. */
export const brokenMs = 1000;
const logAgainMs = 2000;
/** Commands that a Redis which refuses or pauses writes still answers; all that this project reads with. */
const readCommands = new Set(['get', 'hget', 'hgetall', 'hmget', 'pttl']);
/** All others have their key as the first argument. */
const keylessCommands = new Set(['info', 'ping']);

/** A connection and what is known of it. */
interface Lane {
  connection?: Promise<Client> | undefined;
  broken?: { since: Moment; error: RedisError } | undefined;
}

/** Sends one request; its reply has a deadline of its own. */
type Ask = <Reply>(send: (client: Client) => Promise<Reply>) => Promise<Reply>;

/**
 * One connection per process, opened when first needed and thrown away after any trouble: a socket that has
 * timed out once (a frozen instance, a silent firewall) is never trusted again.
 *
 * A Redis that pauses writes, as during a fail-over, also keeps back the reads that wait behind them. So reads
 * that got no answer are repeated on a second connection, which closes when writes work again.
 */
export function createRedis(address: RedisAddress, clock: Clock, log: Log): Redis {
  const { keyPrefix = '' } = address;
  const main: Lane = {};
  const forReads: Lane = {};
  /** EVALSHA was refused where EVAL was not: it is not tried again. */
  let evalOnly = false;
  const mayLog = oncePer(clock, logAgainMs);
  let closed = false;

  function connect(lane: Lane): Promise<Client> {
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
      if (lane.connection === opening) lane.connection = undefined;
    });
    return opening;
  }

  /** Stops using the connection. Replies still pending have `closeAfterMs` to arrive. */
  function leave(lane: Lane, closeAfterMs: number): void {
    const left = lane.connection;
    lane.connection = undefined;
    left
      ?.then((client) => {
        const close = () => client.disconnect();
        return closeAfterMs > 0 ? clock.after(closeAfterMs, close) : close();
      })
      .catch(() => {});
  }

  async function attempt<T>(lane: Lane, operation: (ask: Ask) => Promise<T>): Promise<T> {
    if (isBroken(lane)) throw lane.broken?.error;
    lane.connection ??= connect(lane);
    const used = lane.connection;
    try {
      const client = await used;
      return await operation((send) => {
        inOneWrite(client);
        return withTimeout(clock, operationMsMax, send(client), () => new RedisError('timeout'));
      });
    } catch (error) {
      const failure = redisError(error);
      // Once per connection, however many operations fail on it together.
      if (!isAnswer(failure) && lane.connection === used) {
        // A server that only refuses to write still answers what others are reading on this connection.
        leave(lane, failure.reason === 'read_only' ? operationMsMax : 0);
      }
      throw failure;
    }
  }

  function isBroken({ broken }: Lane): boolean {
    return broken !== undefined && elapsedMs(clock, broken.since) < brokenMs;
  }

  async function run<T>(second: Lane, operation: (ask: Ask) => Promise<T>): Promise<T> {
    if (closed) throw new RedisError('closed');
    if (isBroken(main) && isBroken(second)) throw main.broken?.error;
    const record = requestRecord.getStore();
    const start = moment(clock);
    try {
      const result = await attempt(main, operation).then(
        (reply) => {
          main.broken = undefined;
          if (second === main) leave(forReads, operationMsMax);
          return reply;
        },
        (error: unknown) => {
          if (!(error instanceof RedisError) || isAnswer(error)) throw error;
          return attempt(second, operation);
        },
      );
      second.broken = undefined;
      return result;
    } catch (error) {
      const failure = redisError(error);
      if (!isAnswer(failure) && failure.reason !== 'read_only') {
        for (const lane of [main, second]) {
          if (!isBroken(lane)) lane.broken = { since: moment(clock), error: failure };
        }
      }
      if (mayLog()) log('error', 'redis_failed', { reason: failure.reason });
      throw failure;
    } finally {
      if (record) {
        record.redis_calls += 1;
        record.redis_ms += Math.round(elapsedMs(clock, start));
      }
    }
  }

  /** One script; its deadline is that of `ask`. */
  async function runScript(
    ask: Ask,
    { lua, sha1 }: Script,
    names: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const keys = names.map((name) => keyPrefix + name);
    let refused = false;
    if (!evalOnly) {
      try {
        return await ask((client) => client.evalsha(sha1, keys.length, ...keys, ...args));
      } catch (error) {
        if (!(error instanceof Error) || !(error instanceof ReplyError)) throw error;
        refused = !error.message.startsWith('NOSCRIPT');
        if (refused && !perhapsOfEvalsha.has(redisError(error).reason)) throw error;
      }
    }
    const reply = await ask((client) => client.eval(lua, keys.length, ...keys, ...args));
    evalOnly ||= refused;
    return reply;
  }

  // Not ioredis' own prefix: it has to know each command by name.
  function send(client: Client, [name, ...args]: RedisCommand): Promise<unknown> {
    const [key, ...others] = args;
    if (key === undefined || keylessCommands.has(name)) return client.call(name, ...args);
    return client.call(name, keyPrefix + String(key), ...others);
  }

  const redis: Redis = {
    pipeline(commands) {
      const second = commands.every(([name]) => readCommands.has(name)) ? forReads : main;
      return run(second, (ask) =>
        ask((client) => Promise.all(commands.map((command) => send(client, command)))),
      );
    },
    async read(commands) {
      try {
        return await run(main, (ask) =>
          Promise.all(
            commands.map(([name, key = '', ...args]) =>
              runScript(ask, readScript(name), [String(key)], args),
            ),
          ),
        );
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        return redis.pipeline(commands);
      }
    },
    script: (script, keys, args) => run(main, (ask) => runScript(ask, script, keys, args)),
    close() {
      closed = true;
      leave(main, 0);
      leave(forReads, 0);
    },
  };
  return redis;
}

const readScripts = new Map<string, Script>();

/** The script that does what a read command does. */
function readScript(name: string): Script {
  const known = readScripts.get(name);
  if (known) return known;
  const script = defineScript(`return redis.call('${name.toUpperCase()}', KEYS[1], unpack(ARGV))`);
  readScripts.set(name, script);
  return script;
}

/**
 * What is asked in one turn of the event loop goes out in one write. ioredis' own pipelining would hold back
 * what is asked later until all replies to it are there.
 */
function inOneWrite({ stream }: Client): void {
  stream.cork();
  process.nextTick(() => stream.uncork());
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
    ...(address.tls && { tls: tlsOptions(address.host, address.tls) }),
    lazyConnect: true,
    // Reconnecting, deadlines and repeats are decided above, in one place.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: 10_000,
    disconnectTimeout: 50,
    keepAlive: 10_000,
  };
}

function isAnswer({ reason }: RedisError): boolean {
  return answersOfAHealthyConnection.has(reason);
}

function redisError(error: unknown): RedisError {
  if (error instanceof RedisError) return error;
  if (!(error instanceof Error)) throw error;
  const reason = reasonOf(error, error instanceof ReplyError);
  // A bug of ours or of the client; it must not pass for a Redis that is down.
  if (reason === undefined) throw error;
  return new RedisError(reason);
}

// Redis for the rest of the project: deadlines, second tries, what an error means. A connection with trouble is left.
import { createHash } from 'node:crypto';
import { type Clock, elapsedMs, moment, type Moment, oncePer, withTimeout } from './clock.ts';
import { unavailable } from './errors.ts';
import { type Log, requestRecord } from './log.ts';
import type { RedisAddress } from './redis-address.ts';
import { createRedisConnection, type RedisCommand, type RedisConnection } from './redis-connection.ts';
import { answersOfAHealthyConnection, isEvalshaRefused, RedisError } from './redis-reason.ts';

export { RedisError } from './redis-reason.ts';

/**
 * Redis as the rest of the project sees it. Every operation has a deadline and is sent a second time when its
 * connection failed, so **every operation must be safe to run twice**: the reply may come from the second run, which
 * then sees the effects of the first.
 *
 * All methods reject with `RedisError`, except for a bug.
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
   * forbidden), the plain commands are sent instead. Usually nothing can have been written then either; if only this
   * instance has lost its connection, the reply may be old.
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

export interface Script {
  lua: string;
  sha1: string;
}

interface ScriptCall {
  script: Script;
  keys: readonly string[];
  args: readonly (string | number)[];
}

/** Redis 4 refuses to write after TIME or PTTL in a script unless this comes first; later ones ignore it. */
const replicateCommands = 'if redis.replicate_commands then redis.replicate_commands() end\n';

export function defineScript(body: string): Script {
  const lua = replicateCommands + body;
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/**
 * Lua that claims KEYS[2] for ARGV[1] ms in the name of ARGV[2]. When it is sent again after a lost reply, it knows its own
 * claim by the name.
 */
export const claimLua =
  "local claimed = redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[1], 'NX') or redis.call('GET', KEYS[2]) == ARGV[2]";

const connectMsMax = 500;
const operationMsMax = 400;
/** For so long after a failed second try, callers are told at once instead of waiting. */
const brokenMs = 1000;
const logAgainMs = 2000;
/** Commands that work while Redis refuses or pauses writes; all that this project reads with. */
const readCommands = new Set(['get', 'hget', 'hgetall', 'hmget', 'pttl']);
/** All others have their key as the first argument. */
const keylessCommands = new Set(['info', 'ping']);

/** A connection that is open or being opened. */
interface Link {
  opening: Promise<RedisConnection>;
  /** Once it is open. */
  connection?: RedisConnection;
  openedAt: Moment;
}

/** The place of one connection, and what is known of it. */
interface Lane {
  link?: Link | undefined;
  broken?: { since: Moment; error: RedisError } | undefined;
}

/** Sends commands together; their replies have a deadline of their own. */
type Ask = (commands: readonly RedisCommand[]) => Promise<unknown[]>;

/**
 * One connection per process, opened when first needed and thrown away after any trouble: a socket that has
 * timed out once (a frozen instance, a silent firewall) is never trusted again.
 *
 * A Redis that pauses writes, as during a fail-over, also keeps back the reads that wait behind them. So reads
 * that got no reply are repeated on a second connection, which is closed when the first one works again.
 */
export function createRedis(
  address: RedisAddress,
  clock: Clock,
  log: Log,
  createConnection = createRedisConnection,
): Redis {
  const { keyPrefix = '' } = address;
  const main: Lane = {};
  const forReads: Lane = {};
  /** EVALSHA was refused where EVAL was not: it is not tried again. */
  let evalOnly = false;
  const mayLog = oncePer(clock, logAgainMs);
  let closed = false;

  function connect(lane: Lane): Link {
    const connection = createConnection(address, () => {
      if (lane.link === link) lane.link = undefined;
    });
    const opening = withTimeout(
      clock,
      connectMsMax,
      connection.open(),
      () => new RedisError('connect_timeout'),
    ).then(
      () => (link.connection = connection),
      (error: unknown) => {
        connection.close();
        throw error;
      },
    );
    const link: Link = { opening, openedAt: moment(clock) };
    return link;
  }

  /** Stops using the connection. Replies still pending have `closeAfterMs` to arrive. */
  function leave(lane: Lane, closeAfterMs: number): void {
    const { link } = lane;
    lane.link = undefined;
    link?.opening
      .then((connection) => {
        const close = () => connection.close();
        return closeAfterMs > 0 ? clock.after(closeAfterMs, close) : close();
      })
      .catch(() => {});
  }

  /** Tries once. Leaves the connection after an error that another one may not have. */
  function attempt<T>(lane: Lane, operation: (ask: Ask) => Promise<T>): Promise<T> {
    if (isBroken(lane)) return Promise.reject(lane.broken?.error);
    const link = (lane.link ??= connect(lane));
    const operate = (connection: RedisConnection) =>
      operation((commands) =>
        withTimeout(clock, operationMsMax, connection.send(commands), () => new RedisError('timeout')),
      );
    // Most operations find it open. To wait for it nevertheless costs a promise.
    const work = link.connection ? operate(link.connection) : link.opening.then(operate);
    return work.catch((error: unknown) => {
      if (!(error instanceof RedisError)) throw error;
      // Once per connection, however many operations fail on it together.
      if (isAnswer(error) || lane.link !== link) throw error;
      if (error.reason !== 'read_only') leave(lane, 0);
      // It still answers what others are reading. While no server takes writes, a new connection changes nothing.
      else if (elapsedMs(clock, link.openedAt) >= brokenMs) leave(lane, operationMsMax);
      throw error;
    });
  }

  function isBroken({ broken }: Lane): boolean {
    return broken !== undefined && elapsedMs(clock, broken.since) < brokenMs;
  }

  /** @param fallback the lane of the second try; if it is `main` again, with a new connection */
  async function run<T>(fallback: Lane, operation: (ask: Ask) => Promise<T>): Promise<T> {
    if (closed) throw new RedisError('closed');
    if (isBroken(main) && isBroken(fallback)) throw main.broken?.error;
    const spent = requestRecord.getStore()?.spent;
    const start = moment(clock);
    try {
      let result: T;
      try {
        result = await attempt(main, operation);
        main.broken = undefined;
        leave(forReads, operationMsMax);
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        if (isReply(error)) leave(forReads, operationMsMax);
        if (isAnswer(error) || closed) throw error;
        result = await attempt(fallback, operation);
      }
      fallback.broken = undefined;
      return result;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      if (!isReply(error)) {
        for (const lane of [main, fallback]) {
          if (!isBroken(lane)) lane.broken = { since: moment(clock), error };
        }
      }
      if (mayLog()) log('error', 'redis_failed', { reason: error.reason });
      throw error;
    } finally {
      if (spent) {
        spent.redis_calls += 1;
        spent.redis_ms += Math.round(elapsedMs(clock, start));
      }
    }
  }

  /** Sends scripts together; their deadline is that of `ask`. */
  function runScripts(ask: Ask, calls: readonly ScriptCall[]): Promise<unknown[]> {
    const commandsOf = (name: 'evalsha' | 'eval') =>
      calls.map(({ script, keys, args }): RedisCommand => {
        const names = keys.map((key) => keyPrefix + key);
        return [name, name === 'eval' ? script.lua : script.sha1, names.length, ...names, ...args];
      });
    if (evalOnly) return ask(commandsOf('eval'));
    return ask(commandsOf('evalsha')).catch(async (error: unknown) => {
      if (!(error instanceof RedisError)) throw error;
      const refused = error.reason !== 'no_script';
      if (refused && !isEvalshaRefused(error)) throw error;
      const replies = await ask(commandsOf('eval'));
      evalOnly ||= refused;
      return replies;
    });
  }

  // Not ioredis' own prefix: it has to know each command by name.
  function prefixed([name, ...args]: RedisCommand): RedisCommand {
    const [key, ...others] = args;
    if (key === undefined || keylessCommands.has(name)) return [name, ...args];
    return [name, keyPrefix + String(key), ...others];
  }

  const redis: Redis = {
    pipeline(commands) {
      const fallback = commands.every(([name]) => readCommands.has(name)) ? forReads : main;
      return run(fallback, (ask) => ask(commands.map(prefixed)));
    },
    read(commands) {
      const calls = commands.map(([name, key, ...args]) => ({
        script: readScript(name),
        keys: [String(key)],
        args,
      }));
      return run(main, (ask) => runScripts(ask, calls)).catch((error: unknown) => {
        if (!(error instanceof RedisError)) throw error;
        return redis.pipeline(commands);
      });
    },
    script(script, keys, args) {
      return run(main, (ask) => runScripts(ask, [{ script, keys, args }])).then(([reply]) => reply);
    },
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

/** The reply of a script that returns a list; empty if it is anything else. */
export function listOf(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** A Redis that does not answer becomes `temporarily_unavailable`. */
export function available<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw error instanceof RedisError ? unavailable(`redis_${error.reason}`, 2, error) : error;
  });
}

/** Redis has replied; after `read_only`, another connection may still lead to the server that takes writes. */
function isReply(error: RedisError): boolean {
  return isAnswer(error) || error.reason === 'read_only';
}

function isAnswer({ reason }: RedisError): boolean {
  return answersOfAHealthyConnection.has(reason);
}

import { createHash } from 'node:crypto';
import type { Random } from './random.ts';
import { type Data, isWrite, type Lua, RedisAnswer, type RedisData, runCommand } from './redis-data.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * - `refused`: nobody listens; `unreachable`: packets vanish
 * - `hung`: it accepts commands and runs all of them when it wakes, also abandoned ones
 * - `writes_paused`: as `hung`, for scripts and what waits behind them on the same connection
 * - `no_hset`: a script ends at its first HSET, as under an ACL; its earlier writes stay
 * - `no_evalsha`: as behind a proxy that takes EVAL only
 */
export type RedisMode =
  | 'up'
  | 'refused'
  | 'unreachable'
  | 'hung'
  | 'writes_paused'
  | 'read_only'
  | 'full'
  | 'no_scripts'
  | 'no_hset'
  | 'no_evalsha';

export type Outcome = { replies: unknown[] } | { error: RedisAnswer };

type Commands = readonly (readonly string[])[];

/** The parts of an EVAL or EVALSHA; `undefined` for another command. */
export function scriptCall([name = '', script = '', count = '', ...rest]: readonly string[]) {
  if (name !== 'eval' && name !== 'evalsha') return undefined;
  return { name, script, keys: rest.slice(0, Number(count)), args: rest.slice(Number(count)) };
}

/** Called after each script, with the data before it. */
export type ScriptWatcher = (run: {
  keys: readonly string[];
  args: readonly string[];
  before: RedisData;
  after: RedisData;
  reply: unknown;
}) => void;

export interface RedisServer extends RedisData {
  mode(): RedisMode;
  setMode(mode: RedisMode): void;
  /** One way through the network, in milliseconds. */
  latencyMs: [min: number, max: number];
  /** Of every message in either direction. */
  lossChance: number;
  /** A replica that lags by this time serves reads, but not scripts. */
  readLagMs: number;
  /** Messages that came. */
  arrived: number;
  /** Increases when it stops listening: earlier connections and scripts are lost. */
  starts(): number;
  /**
   * A message arrives: commands sent together. `refused` and `unreachable` are decided by the network before.
   *
   * @param source its connection
   */
  arrive(source: object, commands: Commands, answer: (outcome: Outcome) => void): void;
  flush(): void;
  /** Goes back to what a replica held `lagMs` ago. */
  failOver(lagMs: number): void;
  jumpClock(ms: number): void;
}

/** 2026-01-01, so that generations have their real size. */
const epochMs = 1_767_225_600_000;
/** One way, without a fault. */
export const redisLatencyMs: [min: number, max: number] = [0.2, 3];
const snapshotsMax = 64;

export function createRedisServer(
  scheduler: Scheduler,
  random: Random,
  lua: Lua,
  watchScript: ScriptWatcher,
): RedisServer {
  let mode: RedisMode = 'up';
  let clockOffsetMs = 0;
  let starts = 0;
  let waiting: Parameters<RedisServer['arrive']>[] = [];
  const scripts = new Map<string, string>();
  const snapshots: { atMs: number; data: Data }[] = [];

  const server: RedisServer = {
    data: new Map(),
    latencyMs: redisLatencyMs,
    lossChance: 0,
    readLagMs: 0,
    arrived: 0,
    nowMs: () => Math.floor(epochMs + scheduler.nowMs() + clockOffsetMs),
    refuse(name, firstWrite) {
      if (mode === 'read_only' && isWrite(name))
        return 'READONLY You can’t write against a read only replica.';
      // Redis checks the memory only before the first write of a script, and DEL needs none.
      if (mode === 'full' && firstWrite && (name === 'SET' || name === 'HSET')) {
        return "OOM command not allowed when used memory > 'maxmemory'.";
      }
      if (mode === 'no_hset' && name === 'HSET') return 'NOPERM this user has no permissions';
      return undefined;
    },
    mode: () => mode,
    setMode(next) {
      mode = next;
      if (mode === 'refused') restart();
      const woken = waiting;
      waiting = [];
      for (const message of woken) {
        server.arrived -= 1;
        server.arrive(...message);
      }
    },
    starts: () => starts,
    arrive(source, commands, answer) {
      server.arrived += 1;
      const isBehind = waiting.some(([earlier]) => earlier === source);
      const isPaused = mode === 'writes_paused' && commands.some(scriptCall);
      if (mode === 'hung' || isPaused || isBehind) waiting.push([source, commands, answer]);
      else runAll(commands, answer);
    },
    flush() {
      server.data = new Map();
      snapshots.length = 0;
    },
    failOver(lagMs) {
      restart();
      server.data = new Map(replicaOf(lagMs));
      snapshots.length = 0;
    },
    jumpClock(ms) {
      clockOffsetMs += ms;
    },
  };

  /** What a replica holds. */
  function replicaOf(lagMs: number): Data | undefined {
    return snapshots.findLast(({ atMs }) => atMs <= scheduler.nowMs() - lagMs)?.data;
  }

  function restart(): void {
    starts += 1;
    waiting = [];
    scripts.clear();
  }

  /** Returns the source of a script that may run; throws `RedisAnswer`. */
  function luaOf(name: string, script: string): string {
    if (mode === 'no_scripts') throw new RedisAnswer('NOPERM this user has no permissions');
    if (name === 'eval') {
      scripts.set(createHash('sha1').update(script).digest('hex'), script);
      return script;
    }
    if (mode === 'no_evalsha') throw new RedisAnswer("ERR unknown command 'evalsha'");
    const known = scripts.get(script);
    if (known === undefined) throw new RedisAnswer('NOSCRIPT No matching script. Please use EVAL.');
    return known;
  }

  function runOne(command: readonly string[]): unknown {
    const call = scriptCall(command);
    if (!call) {
      const [name = '', ...args] = command;
      const replica = server.readLagMs > 0 ? replicaOf(server.readLagMs) : undefined;
      return runCommand(replica ? { ...server, data: replica } : server, name, args);
    }
    const { keys, args } = call;
    const source = luaOf(call.name, call.script);
    const before = { ...server, data: new Map(server.data) };
    const reply = lua.run(server, source, keys, args);
    snapshots.push({ atMs: scheduler.nowMs(), data: new Map(server.data) });
    if (snapshots.length > snapshotsMax) snapshots.shift();
    watchScript({ keys, args, before, after: server, reply });
    return reply;
  }

  /** Other commands may run between the commands of a message. */
  function runAll(commands: Commands, answer: (outcome: Outcome) => void): void {
    const replies: unknown[] = [];
    let failed: RedisAnswer | undefined;
    const next = (): void => {
      try {
        replies.push(runOne(commands[replies.length] ?? []));
      } catch (error) {
        if (!(error instanceof RedisAnswer)) throw error;
        failed ??= error;
        replies.push(error);
      }
      if (replies.length === commands.length) answer(failed ? { error: failed } : { replies });
      else if (random.chance(0.1)) scheduler.after(random.between(0, 40), next);
      else next();
    };
    next();
  }

  return server;
}

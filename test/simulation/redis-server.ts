import type { Script } from '../../lib/redis.ts';
import type { Random } from './random.ts';
import { type Data, isWrite, type Lua, RedisAnswer, type RedisData, runCommand } from './redis-data.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * - `refused`: nobody listens; `unreachable`: packets vanish
 * - `hung`: it accepts what is sent and runs it all when it wakes, also what its sender has given up
 * - `writes_paused`: as `hung`, for scripts only
 * - `no_hset`: a script ends at its first HSET, as under an ACL; what it did before stays done
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
  | 'no_hset';

export type Command =
  | { script: Script; keys: readonly string[]; args: readonly string[] }
  | { pipeline: readonly (readonly string[])[] };

export type Outcome = { reply: unknown } | { error: RedisAnswer };

/** Sees every script that ran, with the data before it. */
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
  /** Reads, though not scripts, are answered by a replica that is this much behind. */
  readLagMs: number;
  /** Messages that came. */
  arrived: number;
  /** A message arrives. `refused` and `unreachable` are decided by the network before. */
  arrive(command: Command, answer: (outcome: Outcome) => void): void;
  flush(): void;
  /** Goes back to what a replica held `lagMs` ago. */
  failOver(lagMs: number): void;
  jumpClock(ms: number): void;
}

/** 2026-01-01, so that generations have their real size. */
const epochMs = 1_767_225_600_000;
/** One way, on a good day. */
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
  let waiting: { command: Command; answer: (outcome: Outcome) => void }[] = [];
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
      // Redis looks at the memory before the first write of a script only, and DEL needs none.
      if (mode === 'full' && firstWrite && (name === 'SET' || name === 'HSET')) {
        return "OOM command not allowed when used memory > 'maxmemory'.";
      }
      if (mode === 'no_hset' && name === 'HSET') return 'NOPERM this user has no permissions';
      return undefined;
    },
    mode: () => mode,
    setMode(next) {
      mode = next;
      const woken = waiting;
      waiting = [];
      for (const { command, answer } of woken) {
        server.arrived -= 1;
        server.arrive(command, answer);
      }
    },
    arrive(command, answer) {
      const isScript = 'script' in command;
      server.arrived += 1;
      if (mode === 'hung' || (mode === 'writes_paused' && isScript)) {
        waiting.push({ command, answer });
        return;
      }
      if (isScript) answer(runScript(command));
      else runPipeline(command.pipeline, answer);
    },
    flush() {
      server.data = new Map();
      snapshots.length = 0;
    },
    failOver(lagMs) {
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

  function runScript({ script, keys, args }: Extract<Command, { script: Script }>): Outcome {
    if (mode === 'no_scripts') return { error: new RedisAnswer('NOPERM this user has no permissions') };
    const before = { ...server, data: new Map(server.data) };
    try {
      const reply = lua.run(server, script.lua, keys, args);
      snapshots.push({ atMs: scheduler.nowMs(), data: new Map(server.data) });
      if (snapshots.length > snapshotsMax) snapshots.shift();
      watchScript({ keys, args, before, after: server, reply });
      return { reply };
    } catch (error) {
      if (!(error instanceof RedisAnswer)) throw error;
      return { error };
    }
  }

  /** Others may run between the commands of a pipeline. */
  function runPipeline(commands: readonly (readonly string[])[], answer: (outcome: Outcome) => void): void {
    const replies: unknown[] = [];
    const replica = server.readLagMs > 0 ? replicaOf(server.readLagMs) : undefined;
    const next = (): void => {
      const [name = '', ...args] = commands[replies.length] ?? [];
      try {
        replies.push(runCommand(replica ? { ...server, data: replica } : server, name, args));
      } catch (error) {
        if (!(error instanceof RedisAnswer)) throw error;
        answer({ error });
        return;
      }
      if (replies.length === commands.length) answer({ reply: replies });
      else if (random.chance(0.1)) scheduler.after(random.between(0, 40), next);
      else next();
    };
    next();
  }

  return server;
}

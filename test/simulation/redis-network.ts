import type { RedisCommand, RedisConnection } from '../../lib/redis-connection.ts';
import type * as Heart from './heart.ts';
import type { Random } from './random.ts';
import { type Outcome, type RedisServer, scriptCall } from './redis-server.ts';
import type { Scheduler } from './scheduler.ts';

interface Options {
  scheduler: Scheduler;
  random: Random;
  server: RedisServer;
  heart: Pick<typeof Heart, 'RedisError' | 'redisErrorOf'>;
  /** Runs `action` in the instance: at once, when it thaws, or never. */
  deliver: (action: () => void) => void;
  /** Called with the reply to each script when it reaches the instance. */
  onReply: (args: readonly string[], reply: unknown) => void;
}

/** The connections of one instance to Redis, in place of lib/redis-connection.ts. */
export interface RedisNetwork {
  createConnection(address: unknown, onClose: () => void): RedisConnection;
  /** All connections become silent without being closed, as after a long freeze. */
  goSilent(): void;
}

/** A lost message is late by this time, or never arrives. */
const lateMs: [min: number, max: number] = [400, 9000];

/**
 * Delays and loses messages in order, as TCP does: messages after a lost one wait with it. A late command still runs, even
 * if its sender has closed the connection.
 */
export function createRedisNetwork(options: Options): RedisNetwork {
  const { scheduler, random, server, heart, deliver, onReply } = options;
  const silencers = new Set<() => void>();

  /** One direction of a connection. */
  function createPipe() {
    let silent = false;
    let lastAtMs = 0;
    return {
      goSilent() {
        silent = true;
      },
      carry(arrive: () => void) {
        let atMs = scheduler.nowMs() + random.between(...server.latencyMs);
        if (random.chance(server.lossChance)) {
          if (random.chance(0.5)) silent = true;
          else atMs += random.between(...lateMs);
        }
        if (silent) return;
        lastAtMs = Math.max(lastAtMs, atMs);
        scheduler.after(lastAtMs - scheduler.nowMs(), arrive);
      },
    };
  }

  function createConnection(_: unknown, onClose: () => void): RedisConnection {
    const [toServer, toInstance] = [createPipe(), createPipe()];
    const source = {};
    const pending = new Set<(error: Error) => void>();
    let serverStarts = 0;
    let ended = false;
    const goSilent = () => [toServer, toInstance].forEach((pipe) => pipe.goSilent());
    silencers.add(goSilent);

    function end(reason: string): void {
      if (ended) return;
      ended = true;
      silencers.delete(goSilent);
      for (const reject of pending) reject(new heart.RedisError(reason));
      scheduler.after(0, () => deliver(onClose));
    }

    /** Rejects when the connection ends before `work` settles. */
    function unlessEnded<T>(work: (resolve: (value: T) => void, reject: (error: Error) => void) => void) {
      return new Promise<T>((resolve, reject) => {
        if (ended) {
          reject(new heart.RedisError('closed'));
          return;
        }
        pending.add(reject);
        work(
          (value) => {
            pending.delete(reject);
            resolve(value);
          },
          (error) => {
            pending.delete(reject);
            reject(error);
          },
        );
      });
    }

    function reachServer(action: () => void): void {
      toServer.carry(() => {
        if (server.mode() === 'unreachable') goSilent();
        else if (server.mode() === 'refused') toInstance.carry(() => deliver(() => end('refused')));
        else action();
      });
    }

    function settle(
      command: readonly string[],
      outcome: Outcome,
      resolve: (replies: unknown[]) => void,
      reject: (error: Error) => void,
    ): void {
      if (ended) return;
      if ('error' in outcome) {
        reject(heart.redisErrorOf(outcome.error, true) ?? outcome.error);
        return;
      }
      const script = scriptCall(command);
      if (script) onReply(script.args, outcome.replies[0]);
      // The instance may have crashed at this very moment.
      deliver(() => resolve(outcome.replies));
    }

    return {
      open: () =>
        unlessEnded<void>((resolve) => {
          reachServer(() => {
            serverStarts = server.starts();
            toInstance.carry(() => deliver(resolve));
          });
        }),
      send: (commands: readonly RedisCommand[]) =>
        unlessEnded<unknown[]>((resolve, reject) => {
          const texts = commands.map((command) => command.map(String));
          reachServer(() => {
            if (server.starts() !== serverStarts) {
              toInstance.carry(() => deliver(() => end('closed')));
              return;
            }
            server.arrive(source, texts, (outcome) => {
              toInstance.carry(() => deliver(() => settle(texts[0] ?? [], outcome, resolve, reject)));
            });
          });
        }),
      close: () => end('closed'),
    };
  }

  return { createConnection, goSilent: () => silencers.forEach((goSilent) => goSilent()) };
}

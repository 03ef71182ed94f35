import { type Clock, elapsedMs, moment, type Moment, withTimeout } from '../../lib/clock.ts';
import { brokenMs, operationMsMax, type Redis, type RedisError } from '../../lib/redis.ts';
import { answersOfAHealthyConnection as healthy, reasonOf } from '../../lib/redis-reason.ts';
import type { Random } from './random.ts';
import type { Command, Outcome, RedisServer } from './redis-server.ts';
import type { Scheduler } from './scheduler.ts';

interface Options {
  scheduler: Scheduler;
  random: Random;
  server: RedisServer;
  clock: Clock;
  RedisError: typeof RedisError;
  /** Runs `action` in the instance: at once, when it thaws, or never. */
  deliver: (action: () => void) => void;
  /** Told of the reply to each script as it reaches the instance. */
  onReply: (args: readonly string[], reply: unknown) => void;
}

/**
 * The `Redis` of one instance over a network that delays and loses messages; one that comes too late still runs. The
 * deadlines and what an error means are those of lib/redis.ts. When a command is sent a second time is written here
 * again, for a connection without sockets.
 */
export function createRedisClient(options: Options): Redis {
  const { scheduler, random, server, clock, RedisError, deliver, onReply } = options;
  let broken: { since: Moment; error: RedisError } | undefined;

  const latencyMs = () => random.between(...server.latencyMs);

  function send(command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(new RedisError(reason));
      if (random.chance(server.lossChance)) {
        // Half of the lost requests are only late: they run after their sender has given up.
        if (random.chance(0.5)) {
          scheduler.after(random.between(400, 9000), () => reach(() => server.arrive(command, () => {})));
        }
        return;
      }
      scheduler.after(latencyMs(), () => {
        const mode = server.mode();
        if (mode === 'refused') deliver(() => fail('refused'));
        if (mode === 'refused' || mode === 'unreachable') return;
        server.arrive(command, (outcome) => {
          if (random.chance(server.lossChance)) return;
          scheduler.after(latencyMs(), () => deliver(() => settle(command, outcome, resolve, fail)));
        });
      });
    });
  }

  function reach(action: () => void): void {
    if (server.mode() !== 'refused' && server.mode() !== 'unreachable') action();
  }

  function settle(
    command: Command,
    outcome: Outcome,
    resolve: (reply: unknown) => void,
    fail: (reason: string) => void,
  ): void {
    if ('error' in outcome) {
      fail(reasonOf(outcome.error, true) ?? 'error_answer');
      return;
    }
    if ('script' in command) onReply(command.args, outcome.reply);
    // The instance may have crashed at this very moment.
    deliver(() => resolve(outcome.reply));
  }

  function attempt(command: Command): Promise<unknown> {
    return withTimeout(clock, operationMsMax, send(command), () => new RedisError('timeout'));
  }

  async function run(command: Command): Promise<unknown> {
    if (broken && elapsedMs(clock, broken.since) < brokenMs) throw broken.error;
    try {
      const reply = await attempt(command).catch((error: unknown) => {
        if (error instanceof RedisError && healthy.has(error.reason)) throw error;
        return attempt(command);
      });
      broken = undefined;
      return reply;
    } catch (error) {
      if (error instanceof RedisError && !healthy.has(error.reason)) broken = { since: moment(clock), error };
      throw error;
    }
  }

  const pipeline: Redis['pipeline'] = async (commands) => {
    const replies = await run({ pipeline: commands.map((command) => command.map(String)) });
    return Array.isArray(replies) ? replies : [];
  };

  return {
    pipeline,
    // The token is read with plain commands; nothing else of this server is.
    read: pipeline,
    script: (script, keys, args) => run({ script, keys, args: args.map(String) }),
    close() {},
  };
}

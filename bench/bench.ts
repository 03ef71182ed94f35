// What every figure needs: a Redis, the surroundings in a process of their own, and a way to start a candidate.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { build } from 'esbuild';
import type { RunningRedis } from '../simulator/redis.ts';
import { type Candidate, message, type Running, start, type StartOptions } from './candidates.ts';
import type { Order, Outcome, Ports } from './surroundings.ts';

export const corpid = 'wwbench0000000001';
export const corpsecret = 'corpsecret-of-the-benchmark';

export interface Bench {
  redis: RunningRedis;
  candidates: readonly Candidate[];
  /** One figure's share of effort: 1 in a full run. */
  quick: boolean;
  /** Starts a candidate; `throughRelay` puts the relay before its Redis. */
  start(candidate: Candidate, options?: Partial<StartOptions> & { throughRelay?: boolean }): Promise<Running>;
  /** Has logins sent to it. Rejects when one fails. */
  measure(order: Order): Promise<Outcome>;
  progress(text: string): void;
  stop(): Promise<void>;
}

export async function createBench(
  redis: RunningRedis,
  candidates: readonly Candidate[],
  quick: boolean,
  progress: (text: string) => void,
): Promise<Bench> {
  await build({
    entryPoints: ['bench/surroundings.ts'],
    outfile: '.build/bench/surroundings.mjs',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
  });
  const { port: redisPort } = new URL(redis.url);
  const surroundings: ChildProcess = fork('.build/bench/surroundings.mjs', [redisPort, corpid]);
  const ports = await message<Ports>(surroundings);
  return {
    redis,
    candidates,
    quick,
    progress,
    start(candidate, { throughRelay = false, probe = true, quarter = false } = {}) {
      const redisUrl = throughRelay ? `redis://127.0.0.1:${ports.redisRelay}` : redis.url;
      const wecomUrl = `http://127.0.0.1:${ports.wecom}`;
      return start(candidate, { redisUrl, wecomUrl, corpid, corpsecret }, { probe, quarter });
    },
    async measure(order) {
      surroundings.send(order);
      const outcome = await message<Outcome & { error?: string }>(surroundings);
      if (outcome.error !== undefined) throw new Error(outcome.error);
      if (outcome.failed > 0) throw new Error(`${outcome.failed} of ${outcome.logins} logins failed`);
      return outcome;
    },
    async stop() {
      surroundings.disconnect();
      await once(surroundings, 'exit');
    },
  };
}

/** Runs `rounds` rounds in each of which every candidate has its turn, so that a slow moment harms all alike. */
export async function inRounds<T>(
  { candidates, progress }: Bench,
  figure: string,
  rounds: number,
  once: (candidate: Candidate) => Promise<T>,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const candidate of candidates) {
      progress(`${figure}: round ${round} of ${rounds}, ${candidate.name}`);
      results.get(candidate.name)?.push(await once(candidate));
    }
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

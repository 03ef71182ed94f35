// What every figure needs: a Redis, the surroundings in a process of their own, and a way to start a candidate.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { build } from 'esbuild';
import type { RunningRedis } from '../simulator/redis.ts';
import { type Candidate, message, type Running, start, type StartOptions } from './candidates.ts';
import type { Order, Outcome, Ports } from './surroundings.ts';
import { certificateFile } from './wecom.ts';

export const corpid = 'wwbench0000000001';
export const corpsecret = 'corpsecret-of-the-benchmark';

/** The way from a candidate to Redis and WeCom; by default there is nothing between. */
export interface Way {
  /** Puts the relay before its Redis. */
  throughRelay?: boolean;
  /** WeCom over TLS and Redis, both as far away as in the cloud. A `stranger` does not trust this WeCom. */
  far?: 'trusted' | 'stranger';
}

export interface Bench {
  redis: RunningRedis;
  candidates: readonly Candidate[];
  /** One figure's share of effort: 1 in a full run. */
  quick: boolean;
  start(candidate: Candidate, options?: Partial<StartOptions> & Way): Promise<Running>;
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
    start(candidate, { throughRelay = false, far, probe = true, quarter = false } = {}) {
      const relayPort = far ? ports.farRedis : ports.redisRelay;
      const redisUrl = far || throughRelay ? `redis://127.0.0.1:${relayPort}` : redis.url;
      const wecomUrl = far ? `https://localhost:${ports.farWecom}` : `http://127.0.0.1:${ports.wecom}`;
      const trusted = far === 'trusted' ? { trustedFile: certificateFile } : {};
      return start(candidate, { redisUrl, wecomUrl, corpid, corpsecret, ...trusted }, { probe, quarter });
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

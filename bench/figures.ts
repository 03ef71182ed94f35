// The figures but the storms. Each answers, per candidate, named numbers: medians over its rounds.
import { type Bench, inRounds, median, type Way } from './bench.ts';
import type { Candidate } from './candidates.ts';

/** Numbers of each candidate, by the name of the number. */
export type Figure = Map<string, Record<string, number>>;

const wecomMs = 60;
const redisMs = 2;
const warmUpLogins = 2000;

export const figures: Record<string, (bench: Bench) => Promise<Figure>> = {
  size: async ({ candidates }) =>
    new Map(candidates.map(({ name, bundleBytes }) => [name, { bundleKb: bundleBytes / 1000 }])),

  /** Latencies as in the cloud; what is left of a login without them is its own. */
  latency: (bench) =>
    medians(bench, 'latency', bench.quick ? 1 : 3, async (candidate) => {
      const running = await bench.start(candidate, { throughRelay: true });
      try {
        const delayed = { port: running.port, concurrent: 1, wecomMs, redisMs };
        await bench.measure({ port: running.port, concurrent: 8, count: warmUpLogins / 4 });
        await bench.measure({ ...delayed, count: 5 });
        const { loginMs, ownMs, redisRoundTrips, logins } = await bench.measure({
          ...delayed,
          count: bench.quick ? 20 : 30,
        });
        return {
          loginMs: median(loginMs),
          ownMs: median(ownMs),
          redisRoundTrips: redisRoundTrips / logins,
        };
      } finally {
        await running.stop();
      }
    }),

  throughput: (bench) =>
    medians(bench, 'throughput', bench.quick ? 1 : 5, async (candidate) => {
      const running = await bench.start(candidate);
      const { port } = running;
      const ms = bench.quick ? 1000 : 2000;
      try {
        await bench.measure({ port, concurrent: 32, count: warmUpLogins });
        const before = await running.used();
        const together = await bench.measure({ port, concurrent: 32, ms });
        const after = await running.used();
        const alone = await bench.measure({ port, concurrent: 1, ms: ms / 2 });
        const cpuUs = after.cpuUs - before.cpuUs;
        return {
          perSecond32: (together.logins / together.ms) * 1000,
          perSecond1: (alone.logins / alone.ms) * 1000,
          cpuUs: cpuUs / together.logins,
          p50Ms: median(together.loginMs),
          busyPercent: cpuUs / together.ms / 10,
          surroundingsBusyPercent: (together.cpuMs / together.ms) * 100,
        };
      } finally {
        await running.stop();
      }
    }),

  /** From spawn to the first login answered, with an access_token in Redis. */
  cold: async (bench) => {
    for (const candidate of bench.candidates) {
      await coldStart(bench, candidate);
      const accepted = await coldStart(bench, candidate, { far: 'stranger' }).catch(() => undefined);
      if (accepted) throw new Error(`${candidate.name} accepts any certificate`);
    }
    return medians(bench, 'cold', bench.quick ? 5 : 15, async (candidate) => {
      const { listeningMs, coldMs } = await coldStart(bench, candidate);
      const { coldMs: quarterMs } = await coldStart(bench, candidate, { quarter: true });
      const { coldMs: tlsMs } = await coldStart(bench, candidate, { far: 'trusted' });
      return { listeningMs, coldMs, quarterMs, tlsMs };
    });
  },

  memory: (bench) =>
    medians(bench, 'memory', bench.quick ? 1 : 3, async (candidate) => {
      const running = await bench.start(candidate);
      const half = { port: running.port, concurrent: 32, count: 10_000 };
      try {
        await bench.measure(half);
        const first = await running.used('collect');
        await bench.measure(half);
        const second = await running.used('collect');
        return {
          rss10k: first.rssBytes / 1e6,
          rssGrowth: (second.rssBytes - first.rssBytes) / 1e6,
          liveGrowth: (second.liveBytes - first.liveBytes) / 1e6,
        };
      } finally {
        await running.stop();
      }
    }),
};

async function coldStart(bench: Bench, candidate: Candidate, options: Way & { quarter?: boolean } = {}) {
  const spawnedMs = performance.now();
  const running = await bench.start(candidate, { ...options, probe: false });
  const listeningMs = performance.now() - spawnedMs;
  try {
    await bench.measure({ port: running.port, concurrent: 1, count: 1 });
    return { listeningMs, coldMs: performance.now() - spawnedMs };
  } finally {
    await running.stop();
  }
}

async function medians(
  bench: Bench,
  figure: string,
  rounds: number,
  measureOnce: (candidate: Candidate) => Promise<Record<string, number>>,
): Promise<Figure> {
  const results = await inRounds(bench, figure, rounds, measureOnce);
  return new Map(
    [...results].map(([name, records]) => {
      const keys = Object.keys(records[0] ?? {});
      return [
        name,
        Object.fromEntries(
          keys.map((key) => [key, median(records.map((record) => record[key] ?? Number.NaN))]),
        ),
      ];
    }),
  );
}

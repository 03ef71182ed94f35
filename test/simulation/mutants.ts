import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type * as Heart from './heart.ts';

/** A fault built into the real sources: what is taken away, where, and which check must notice. */
export interface Mutant {
  file: 'lib/access-token.ts' | 'lib/token-store.ts' | 'lib/clock.ts';
  /** Must occur exactly once, else building fails. */
  find: string;
  replace: string;
  /** The invariant of the simulation, or `model`. */
  caughtBy: string;
  /** The known situation in which it is noticed; else in random worlds. */
  situation?: string;
  /** A random world in which it was noticed, tried first. */
  seed?: number;
}

export const mutants: Record<string, Mutant> = {
  'no-lease': {
    file: 'lib/token-store.ts',
    find: "if holder then return answer('busy', '', redis.call('PTTL', KEYS[2])) end",
    replace: '',
    caughtBy: 'P4 one holder',
  },
  'no-compare-and-set': {
    file: 'lib/token-store.ts',
    find: 'and ttl > 0 and not refused',
    replace: "and ttl > 0 and ARGV[3] == ''",
    caughtBy: 'P1 needless fetch',
    situation: 'a token ends early under 500 requests',
  },
  'refused-token-kept': {
    file: 'lib/token-store.ts',
    find: 'and ttl > 0 and not refused',
    replace: 'and ttl > 0',
    caughtBy: 'P8 error',
    seed: 12,
  },
  'commit-without-holder-check': {
    file: 'lib/token-store.ts',
    find: "if redis.call('GET', KEYS[2]) ~= ARGV[1] then\n  if tok[1]",
    replace: 'if false then\n  if tok[1]',
    caughtBy: 'P4 holder commits',
    situation: 'the holder of the lease freezes for 30 s while it fetches',
  },
  'no-failure-memory': {
    file: 'lib/token-store.ts',
    find: "redis.call('SET', KEYS[3], ARGV[2], 'PX', pause)",
    replace: '',
    caughtBy: 'P7 rate',
  },
  'pause-does-not-grow': {
    file: 'lib/token-store.ts',
    find: '2 ^ math.min(n - 1, 20)',
    replace: '1',
    caughtBy: 'Count: wrong secret for one hour',
    situation: 'wrong secret for one hour',
  },
  'lease-shorter-than-the-fetch': {
    file: 'lib/token-store.ts',
    find: 'leaseMs = 5000',
    replace: 'leaseMs = 1000',
    caughtBy: 'P1 one fetch',
    situation: 'gettoken takes 2.4 s, 100 cold instances',
  },
  'generation-does-not-grow': {
    file: 'lib/token-store.ts',
    find: 'if before and before >= g then g = before + 1 end',
    replace: '',
    caughtBy: 'P3 generation',
  },
  'early-try-not-remembered': {
    file: 'lib/token-store.ts',
    find: "'n', unchanged)",
    replace: "'n', '0')",
    caughtBy: 'P1 early tries',
  },
  'no-pause-after-refused-twice': {
    file: 'lib/token-store.ts',
    find: "redis.call('SET', KEYS[3], 'token_rejected', 'PX', pause)",
    replace: '',
    caughtBy: 'P7 rate',
    situation: 'an app that is not linked, every token refused, for one hour',
  },
  'no-pause-after-the-same-token': {
    file: 'lib/token-store.ts',
    find: "redis.call('SET', KEYS[3], 'same_token', 'PX', pause)",
    replace: '',
    caughtBy: 'P7 rate',
    situation: 'an app that is not linked, every token refused, for one hour',
  },
  'own-lease-not-recognised': {
    file: 'lib/token-store.ts',
    find: "if holder == ARGV[1] then return answer('lease', '', 0) end",
    replace: '',
    caughtBy: 'model',
  },
  'failures-survive-a-commit': {
    file: 'lib/token-store.ts',
    find: "redis.call('DEL', KEYS[4])\nreturn {'stored'",
    replace: "return {'stored'",
    caughtBy: 'model',
  },
  'full-redis-refuses-the-lease': {
    file: 'lib/token-store.ts',
    find: "redis.call('DEL', KEYS[2])\nredis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])",
    replace: "redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])",
    caughtBy: 'P8 error',
    situation: 'a full Redis at the end of a token',
  },
  'fetches-without-a-lease': {
    file: 'lib/access-token.ts',
    find: 'const fallback = usableCached(state, failed);',
    replace:
      'let fallback: HeldToken | undefined = usableCached(state, failed);\nif (!fallback && error instanceof RedisError) { const answer = await gettoken(corp); fallback = { accessToken: answer.access_token, fingerprint: fingerprintOf(answer.access_token) }; }',
    caughtBy: 'No lease, no gettoken',
  },
  'believes-a-token-past-its-end': {
    file: 'lib/access-token.ts',
    find: 'return cached.ttlMs - elapsedMs(clock, cached.readAt) >= usableMsMin ? cached : undefined;',
    replace: 'return cached;',
    caughtBy: 'P6 past its end',
  },
  'life-counted-from-the-answer': {
    file: 'lib/access-token.ts',
    find: 'const begunAt = moment(clock);',
    replace:
      'const begunAt = { get wallMs() { return clock.wallMs(); }, get monotonicMs() { return clock.monotonicMs(); } };',
    caughtBy: 'P6 past its end',
    seed: 39,
  },
  'trusts-the-monotonic-clock-alone': {
    file: 'lib/clock.ts',
    find: 'Math.max(clock.wallMs() - start.wallMs, clock.monotonicMs() - start.monotonicMs)',
    replace: 'clock.monotonicMs() - start.monotonicMs',
    caughtBy: 'P6 past its end',
    seed: 88,
  },
  'token-given-up-too-early': {
    file: 'lib/access-token.ts',
    find: 'elapsedMs(clock, askedAt) < usableMsMin',
    replace: 'elapsedMs(clock, askedAt) < 90_000',
    caughtBy: 'Stored token unused',
    seed: 13,
  },
  'own-token-dropped-without-redis': {
    file: 'lib/access-token.ts',
    find: 'if (fallback) return fallback;',
    replace: '',
    caughtBy: 'Own token unused',
  },
  'replica-brings-an-old-token-back': {
    file: 'lib/access-token.ts',
    find: 'if (known && known.generation > record.generation) return known;',
    replace: '',
    caughtBy: 'P10 back',
    situation: 'a lagging replica answers reads after a renewal',
  },
  'fetches-for-any-error': {
    file: 'lib/access-token.ts',
    find: 'if (!isTokenRefused(error)) throw error;\n        log(',
    replace: 'if (!(error instanceof WecomError)) throw error;\n        log(',
    caughtBy: 'P1 needless fetch',
  },
  'refused-token-used-again': {
    file: 'lib/access-token.ts',
    find: 'if (!stored && mine.fingerprint === failed)',
    replace: 'if (false as boolean)',
    caughtBy: 'P5 refused token',
    situation: 'Redis is flushed while a refused token is fetched again',
  },
  'waits-without-end': {
    file: 'lib/access-token.ts',
    find: 'Math.min(msMax, waitMsMax)',
    replace: '60_000',
    caughtBy: 'P2 wait',
    seed: 196,
  },
  'asks-redis-every-time': {
    file: 'lib/access-token.ts',
    find: 'believedMsMax = 300_000',
    replace: 'believedMsMax = 0',
    caughtBy: 'Count: warm',
    situation: 'a warm instance asks Redis once in 5 minutes',
  },
};

/** Bundles the sources with one mutant. Throws when the place of its patch is gone. */
export async function buildMutant(name: string): Promise<typeof Heart> {
  const mutant = mutants[name];
  if (!mutant) throw new Error(`no mutant ${name}; there are ${Object.keys(mutants).join(', ')}`);
  const path = resolve(mutant.file);
  const source = await readFile(path, 'utf8');
  const places = source.split(mutant.find).length - 1;
  if (places !== 1) {
    throw new Error(
      `mutant ${name}: ${mutant.file} holds ${places} times what it replaces; adapt mutants.ts`,
    );
  }
  const outdir = join('.build', 'mutants');
  await mkdir(outdir, { recursive: true });
  const outfile = resolve(outdir, `${name}.mjs`);
  await build({
    entryPoints: ['test/simulation/heart.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    plugins: [
      {
        name: 'mutant',
        setup({ onLoad }) {
          onLoad({ filter: /\/lib\/[\w-]+\.ts$/ }, (args) =>
            args.path === path
              ? { contents: source.replace(mutant.find, () => mutant.replace), loader: 'ts' }
              : undefined,
          );
        },
      },
    ],
  });
  return import(/* @vite-ignore */ `${pathToFileURL(outfile).href}?${Date.now()}`) as Promise<typeof Heart>;
}

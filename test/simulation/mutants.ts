import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type * as Heart from './heart.ts';
import type { GettokenMode } from './upstream.ts';

/** A fault built into the real sources: what is taken away or put in, where, and which check must notice. */
export interface Mutant {
  file: `lib/${'access-token' | 'token-source' | 'token-store' | 'token-scripts' | 'gettoken-failure' | 'redis' | 'redis-reason' | 'clock'}.ts`;
  /** Must occur exactly once, else building fails. */
  find: string;
  replace: string;
  /** The invariant of the simulation, or `model`. */
  caughtBy: string;
  /** The known situation in which it is noticed; else in random worlds. */
  situation?: string;
  /** A mode of gettoken in which it was noticed, tried first. */
  mode?: GettokenMode;
  /** A random world in which it was noticed, tried first. */
  seed?: number;
}

export const mutants: Record<string, Mutant> = {
  'no-lease': {
    file: 'lib/token-scripts.ts',
    find: "if holder then return answer('busy', '', heldMs) end",
    replace: '',
    caughtBy: 'P4 one holder',
  },
  'no-compare-and-set': {
    file: 'lib/token-scripts.ts',
    find: 'local usable = exists and sealed ~= unusable',
    replace: "local usable = exists and unusable == ''",
    caughtBy: 'P1 needless fetch',
    situation: 'a token ends early under 500 requests',
  },
  'refused-token-kept': {
    file: 'lib/token-scripts.ts',
    find: 'local usable = exists and sealed ~= unusable',
    replace: 'local usable = exists',
    caughtBy: 'P8 error',
    seed: 12,
  },
  'commit-without-holder-check': {
    file: 'lib/token-scripts.ts',
    find: "if redis.call('GET', ${lease}) ~= owner then\n",
    replace: 'if false then\n',
    caughtBy: 'P4 holder commits',
    situation: 'the holder of the lease freezes for 30 s while it fetches',
    mode: 'new',
  },
  'second-commit-finds-its-token-foreign': {
    file: 'lib/token-scripts.ts',
    find: "sealed == newSealed and 'stored' or 'lost'",
    replace: "'lost'",
    caughtBy: 'model',
  },
  'no-failure-memory': {
    file: 'lib/token-scripts.ts',
    find: 'return setPause(why, math.min(',
    replace: 'return (math.min(',
    caughtBy: 'Count: wrong secret for one hour',
    situation: 'wrong secret for one hour',
  },
  'pause-does-not-grow': {
    file: 'lib/token-scripts.ts',
    find: '2 ^ math.min(count - 1, 20)',
    replace: '1',
    caughtBy: 'Count: wrong secret for one hour',
    situation: 'wrong secret for one hour',
  },
  'lease-shorter-than-the-fetch': {
    file: 'lib/token-scripts.ts',
    find: 'leaseMs = 5000',
    replace: 'leaseMs = 1000',
    caughtBy: 'P1 one fetch',
    situation: 'gettoken takes 2.4 s, 100 cold instances',
  },
  'generation-does-not-grow': {
    file: 'lib/token-scripts.ts',
    find: "math.max(now, (tonumber(generation or '') or 0) + 1)",
    replace: 'now',
    caughtBy: 'P3 generation',
    seed: 135,
  },
  'longer-pause-overwritten': {
    file: 'lib/token-scripts.ts',
    find: 'if present >= ms and ',
    replace: 'if false and ',
    caughtBy: 'model',
  },
  'early-renewals-end-with-a-refusal': {
    file: 'lib/token-scripts.ts',
    find: 'ttl > 0 and ttl <= ${timerAheadMs}',
    replace: 'ttl > 0',
    caughtBy: 'model',
  },
  'token-issued-again-is-refused': {
    file: 'lib/token-source.ts',
    find: '(token.generation ?? 0) <= (first.generation ?? 0)',
    replace: 'true',
    caughtBy: 'Count: a token is refused by mistake to 20 instances at once, one time each',
    situation: 'a token is refused by mistake to 20 instances at once, one time each',
  },
  'early-try-not-remembered': {
    file: 'lib/token-scripts.ts',
    find: "'n', newNoEarlyRenewal, ",
    replace: "'n', '0', ",
    caughtBy: 'P1 early tries',
    seed: 8,
  },
  'gettoken-never-rests': {
    file: 'lib/token-scripts.ts',
    find: "return setPause('token_refused', ",
    replace: 'return (',
    caughtBy: 'Count: an app that is not linked, every token refused, for one hour',
    situation: 'an app that is not linked, every token refused, for one hour',
    mode: 'new_old_dies',
  },
  'one-call-makes-gettoken-rest': {
    file: 'lib/token-scripts.ts',
    find: "if first == '' then",
    replace: 'if false then',
    caughtBy: 'Count: one caller is always refused by mistake, and a token ends early every 5 minutes',
    situation: 'one caller is always refused by mistake, and a token ends early every 5 minutes',
    mode: 'new_old_dies',
  },
  'a-good-answer-forgets-nothing': {
    file: 'lib/token-scripts.ts',
    find: "if onProbationSince and acceptedMsAgo ~= '' and now - tonumber(acceptedMsAgo) * 1000 > onProbationSince then",
    replace: 'if false then',
    caughtBy: 'P8 error',
    situation: 'one caller is always refused by mistake, and a token ends early every 5 minutes',
  },
  'confirms-nothing': {
    file: 'lib/token-scripts.ts',
    find: 'if fingerprint == accepted then',
    replace: 'if false then',
    caughtBy: 'model',
  },
  'record-deleted-by-one-call': {
    file: 'lib/token-scripts.ts',
    find: "  redis.call('HSET', ${tok}, 'x', owner)\n  return 0",
    replace: "  redis.call('DEL', ${tok})\n  return 0",
    caughtBy: 'model',
  },
  'gettoken-as-often-as-asked': {
    file: 'lib/token-scripts.ts',
    find: 'if ms >= 0 and ms <',
    replace: 'if false and ms <',
    caughtBy: 'P7 rate',
    situation: 'tokens live for 2 s',
  },
  'short-lives-believed': {
    file: 'lib/token-source.ts',
    find: 'lifeMsMin = 60_000',
    replace: 'lifeMsMin = 0',
    caughtBy: 'Count: tokens live for 6 s',
    situation: 'tokens live for 6 s',
  },
  'lease-without-end-believed': {
    file: 'lib/token-scripts.ts',
    find: 'if holder and (heldMs < 0 or heldMs > ${leaseMs}) then holder = nil end',
    replace: '',
    caughtBy: 'model',
  },
  'own-lease-not-recognised': {
    file: 'lib/token-scripts.ts',
    find: 'if holder == owner then',
    replace: 'if false then',
    caughtBy: 'model',
  },
  'own-lease-lasts-longer-than-it-counts': {
    file: 'lib/token-scripts.ts',
    find: 'times = string.sub(times, 1, ${-timeDigits - 1})',
    replace: "redis.call('PEXPIRE', ${lease}, ${leaseMs})\n  do return answer('lease', '', 0) end",
    caughtBy: 'P7 rate',
    situation: 'a holder of the lease is frozen twice before it fetches, and tokens live for 2 s',
  },
  'one-name-for-all-attempts': {
    file: 'lib/token-source.ts',
    find: 'const owner = newOwner();',
    replace: 'const owner = ((options as { owner?: string }).owner ??= newOwner());',
    caughtBy: 'No lease, no gettoken',
    situation: 'gettoken fails for a moment, and Redis does not store that',
  },
  'failures-survive-a-commit': {
    file: 'lib/token-scripts.ts',
    find: "redis.call('DEL', ${failures})\nreturn {'stored'",
    replace: "return {'stored'",
    caughtBy: 'model',
  },
  'full-redis-refuses-the-lease': {
    file: 'lib/token-scripts.ts',
    find: "redis.call('DEL', ${lease})\nredis.call('SET', ${lease}, owner",
    replace: "redis.call('SET', ${lease}, owner",
    caughtBy: 'P8 error',
    situation: 'a full Redis at the end of a token',
  },
  'fetches-without-a-lease': {
    file: 'lib/token-source.ts',
    find: 'if (left) return left;\n        throw error;',
    replace:
      'if (left) return left;\nif (!(error instanceof AppError && error.cause instanceof RedisError)) throw error;\nconst { access_token: accessToken } = await gettoken(corp);\nreturn { accessToken, fingerprint: accessToken, ttlMs: 1, readAt: moment(clock), onProbation: false };',
    caughtBy: 'No lease, no gettoken',
    seed: 15,
  },
  'lease-of-any-age': {
    file: 'lib/token-source.ts',
    find: 'leaseAgeMsMax = 1500',
    replace: 'leaseAgeMsMax = 3_600_000',
    caughtBy: 'P4 late gettoken',
    situation: 'the holder of the lease freezes for 30 s before it fetches',
    mode: 'new',
  },
  'no-time-to-store-a-failure': {
    file: 'lib/token-source.ts',
    find: 'leaseAgeMsMax = 1500',
    replace: 'leaseAgeMsMax = 2000',
    caughtBy: 'Count: a lease is 1.99 s old before its holder calls gettoken, which hangs',
    situation: 'a lease is 1.99 s old before its holder calls gettoken, which hangs',
  },
  'no-second-try': {
    file: 'lib/gettoken-failure.ts',
    find: "return failure === 'transient' || failure === 'too_many_at_once';",
    replace: 'return false;',
    caughtBy: 'Count: gettoken fails once, 100 cold instances',
    situation: 'gettoken fails once, 100 cold instances',
  },
  'token-thrown-away-when-not-stored': {
    file: 'lib/token-source.ts',
    find: 'return cache(fetched, refused);',
    replace: 'throw error;',
    caughtBy: 'Count: Redis refuses every commit for an hour, 8 instances',
    situation: 'Redis refuses every commit for an hour, 8 instances',
    mode: 'renewed',
  },
  'two-tokens-a-call': {
    file: 'lib/access-token.ts',
    find: 'tokensPerCallMax = 3',
    replace: 'tokensPerCallMax = 2',
    caughtBy: 'Count',
    situation: 'two instances, two early invalidations, one instance two tokens behind',
  },
  'refused-token-not-tried-again': {
    file: 'lib/access-token.ts',
    find: 'isLastTry(token, refused)) {',
    replace: 'tokens > 1) {',
    caughtBy: 'Count',
    situation: 'two instances, two early invalidations, one instance two tokens behind',
  },
  'gettoken-before-the-refusal-counts': {
    file: 'lib/access-token.ts',
    find: 'return elapsedMs(clock, fetchedAt) <= elapsedMs(clock, first.refusedAt);',
    replace: 'return true;',
    caughtBy: 'Count',
    situation: 'a token is refused by mistake three times, and was issued again before the second time',
  },
  'a-refusal-counts-for-lookups-that-run': {
    file: 'lib/access-token.ts',
    find: 'refused = [...refused, { ...token, refusedAt: moment(clock) }];',
    replace: '(refused as RefusedToken[]).push({ ...token, refusedAt: moment(clock) });',
    caughtBy: 'Count: a call gives up while another one waits for the same lookup',
    situation: 'a call gives up while another one waits for the same lookup',
  },
  'only-the-last-refusal-counts': {
    file: 'lib/access-token.ts',
    find: 'elapsedMs(clock, startedAt), refused);',
    replace: 'elapsedMs(clock, startedAt), refused.slice(-1));',
    caughtBy: 'Count',
    situation: 'Redis does not store a token, and WeCom refuses it by mistake',
  },
  'token-of-another-instance-is-a-renewal': {
    file: 'lib/token-source.ts',
    find: 'if (fetchedAt) return generation ?',
    replace: 'return generation ?',
    caughtBy: 'Count',
    situation: 'a timer is frozen past its lease',
  },
  'timer-brings-an-old-token-back': {
    file: 'lib/token-source.ts',
    find: 'const token = begun.record && tokenOf(begun.record, refused, begunAt);',
    replace:
      'const opened = begun.record && tokenOf(begun.record, refused, begunAt);\nconst token = opened && cache(opened, refused);',
    caughtBy: 'P10 back',
    situation: 'a timer finds an older token in Redis than the one that was not stored',
  },
  'fetches-with-no-time-left': {
    file: 'lib/token-source.ts',
    find: 'if (msMax <= 0) throw overdue();',
    replace: '',
    caughtBy: 'Count: WeCom refuses a token when no time is left for another one',
    situation: 'WeCom refuses a token when no time is left for another one',
  },
  'acceptance-goes-back': {
    file: 'lib/token-source.ts',
    find: 'if (before.monotonicMs <= askedAt.monotonicMs) lastAccepted =',
    replace: 'lastAccepted =',
    caughtBy: 'Count',
    situation:
      'a token is accepted after a rest, then an earlier question is answered, then WeCom ends the token',
  },
  'believes-a-token-past-its-end': {
    file: 'lib/token-source.ts',
    find: 'return cached.ttlMs - elapsedMs(clock, cached.readAt) >= usableMsMin ? cached : undefined;',
    replace: 'return cached;',
    caughtBy: 'P6 past its end',
    seed: 5,
  },
  'life-counted-from-the-answer': {
    file: 'lib/token-source.ts',
    find: 'tokenOf(record, refused, readAt)',
    replace: 'tokenOf(record, refused, moment(clock))',
    caughtBy: 'P6 past its end',
    situation: 'an instance freezes while it asks Redis, a minute before the token ends',
  },
  'trusts-the-monotonic-clock-alone': {
    file: 'lib/clock.ts',
    find: 'Math.max(clock.wallMs() - start.wallMs, clock.monotonicMs() - start.monotonicMs)',
    replace: 'clock.monotonicMs() - start.monotonicMs',
    caughtBy: 'P6 past its end',
    seed: 304,
  },
  'unchanged-token-left-before-its-end': {
    file: 'lib/token-source.ts',
    find: 'noEarlyRenewal ? 0 : usableMsMin',
    replace: 'usableMsMin',
    caughtBy: 'P1 needless fetch',
    seed: 7079,
  },
  'token-given-up-too-early': {
    file: 'lib/token-source.ts',
    find: '< (noEarlyRenewal ? 0 : usableMsMin)',
    replace: '< 90_000',
    caughtBy: 'Stored token unused',
    seed: 13,
  },
  'own-token-dropped-without-redis': {
    file: 'lib/token-source.ts',
    find: 'const left = error instanceof AppError ? usable(refused) : undefined;',
    replace: 'const left = undefined;',
    caughtBy: 'Own token unused',
    seed: 34,
  },
  'replica-brings-an-old-token-back': {
    file: 'lib/token-source.ts',
    find: 'if (own && isNewer(own, token)) return own;',
    replace: '',
    caughtBy: 'P10 back',
    situation: 'a lagging replica answers reads after a renewal',
    mode: 'new',
  },
  'late-commit-brings-an-old-token-back': {
    file: 'lib/token-source.ts',
    find: 'return elapsedMs(clock, own.readAt) < elapsedMs(clock, other.readAt);',
    replace: 'return false;',
    caughtBy: 'P10 back',
    situation: 'a commit fails while a newer token has come from Redis',
  },
  'bug-while-a-token-is-good': {
    file: 'lib/token-source.ts',
    find: "log('info', 'token_stored',",
    replace:
      "if (by === 'login' && usable(refused)) throw new TypeError('planted');\n      log('info', 'token_stored',",
    caughtBy: 'Bug',
    situation: 'a full Redis at the end of a token',
  },
  'fetches-for-any-error': {
    file: 'lib/access-token.ts',
    find: 'if (!isTokenRefused(error)) {',
    replace: 'if (!(error instanceof WecomError)) {',
    caughtBy: 'P1 needless fetch',
    seed: 2,
  },
  'waits-without-end': {
    file: 'lib/token-source.ts',
    find: 'Math.min(msMax, waitMsMax)',
    replace: '60_000',
    caughtBy: 'P2 wait',
    situation: 'requests that may wait 2.5 s, beside a holder that crashed',
  },
  'asks-redis-every-time': {
    file: 'lib/token-source.ts',
    find: 'believedMsMax = 300_000',
    replace: 'believedMsMax = 0',
    caughtBy: 'Count: warm',
    situation: 'a warm instance asks Redis once in 5 minutes',
  },
  'redis-asked-once': {
    file: 'lib/redis.ts',
    find: 'result = await attempt(fallback, operation);',
    replace: 'throw error;',
    caughtBy: 'P8 error',
    seed: 3,
  },
  'redis-broken-without-end': {
    file: 'lib/redis.ts',
    find: 'elapsedMs(clock, broken.since) < brokenMs',
    replace: 'true',
    caughtBy: 'P8 error',
    seed: 7,
  },
  'silent-connection-kept': {
    file: 'lib/redis.ts',
    find: "if (error.reason !== 'read_only') leave(lane, 0);",
    replace: "if (error.reason !== 'read_only') {}",
    caughtBy: 'P8 error',
    seed: 32,
  },
  'reads-wait-behind-writes': {
    file: 'lib/redis.ts',
    find: '? forReads : main;',
    replace: '? main : main;',
    caughtBy: 'Count',
    situation: 'Redis pauses writes while cold instances renew and read',
  },
  'second-connection-kept': {
    file: 'lib/redis.ts',
    find: 'main.broken = undefined;\n        leave(forReads, operationMsMax);',
    replace: 'main.broken = undefined;',
    caughtBy: 'P8 error',
    seed: 3,
  },
  'second-connection-kept-while-read-only': {
    file: 'lib/redis.ts',
    find: "isAnswer(error) || error.reason === 'read_only'",
    replace: 'isAnswer(error)',
    caughtBy: 'P8 error',
    seed: 4149,
  },
  'second-connection-kept-after-a-refusal': {
    file: 'lib/redis.ts',
    find: 'if (isReply(error)) leave(forReads, operationMsMax);',
    replace: '',
    caughtBy: 'Stored token unused',
    seed: 1578,
  },
  'evalsha-alone': {
    file: 'lib/redis.ts',
    find: 'if (refused && !isEvalshaRefused(error)) throw error;',
    replace: 'if (refused) throw error;',
    caughtBy: 'P8 error',
    situation: 'behind a proxy that takes no EVALSHA, 50 cold instances',
  },
  'failed-script-run-again': {
    file: 'lib/redis-reason.ts',
    find: 'refusalsOfEvalsha.has(reason) && !inScript',
    replace: 'refusalsOfEvalsha.has(reason)',
    caughtBy: 'Count: Redis refuses every commit for an hour, 8 instances',
    situation: 'Redis refuses every commit for an hour, 8 instances',
    mode: 'new',
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
    target: `node${process.versions.node}`,
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

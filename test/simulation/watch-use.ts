import type { AppError, WecomError } from './heart.ts';
import type { Journal } from './journal.ts';
import type { StoreWatch } from './watch-store.ts';
import type { Trouble, Troubles } from './troubles.ts';
import type { App, IssuedToken } from './upstream.ts';

/** The process that answers a request, as far as the checks need it. */
export interface Runner {
  name: string;
  disturbedAtMs(): number;
  /** Milliseconds that it was not frozen. */
  runningMs(): number;
}

/** Judges every request: how long it waited, with which tokens it called WeCom, and how it ended. */
export interface UseWatch {
  begin(runner: Runner, app: App, msMax: number): WatchedUse;
}

export interface WatchedUse {
  /** WeCom is called with this token; the answer is called when that call is over. */
  onCall(accessToken: string): (ok: boolean) => void;
  end(error?: unknown): void;
}

/** Pauses last at most 10 minutes; then a lease and a moment. */
const healMsMax = 615_000;
/** Redis is asked again a second after trouble; an operation takes at most 0.8 s. */
const redisHealMs = 2500;
/** After the second refusal one more Redis operation, which the wait does not count. */
const afterwardsMs = 850;
const leaseMs = 5000;
/** Enough to see a dead holder's lease end, and to fetch after that. */
const waitThatOutlivesALeaseMs = 8000;
/** WeCom counts lives in whole seconds. */
const roundingMsMax = 1000;
/** Above the margin of 2 s that readers keep. */
const goodLifeMs = 3000;
const tokensPerCallMax = 3;
/** The first rest, and a request that began before it. */
const restMs = 2000 + 8000;

interface Options {
  nowMs: () => number;
  journal: Journal;
  troubles: Troubles;
  storeWatch: StoreWatch;
  heart: { AppError: typeof AppError; WecomError: typeof WecomError };
}

interface Memory {
  last: IssuedToken;
  worked: boolean;
}

export function createUseWatch({ nowMs, journal, troubles, storeWatch, heart }: Options): UseWatch {
  const memories = new Map<Runner, Map<App, Memory>>();

  function memoryOf(runner: Runner): Map<App, Memory> {
    const memory = memories.get(runner) ?? new Map<App, Memory>();
    memories.set(runner, memory);
    return memory;
  }

  return {
    begin(runner, app, msMax) {
      const startedAtMs = nowMs();
      const startedRunningMs = runner.runningMs();
      const storedAtStart = storeWatch.stored(app)?.token;
      const used: IssuedToken[] = [];
      let inCallsMs = 0;

      /** Whether nothing is wrong with the clocks by which a life is counted. */
      const clocksAreSane = () => !troubles.since(0, 'redis_clock') && !troubles.since(0, 'wall_clock');

      function judgeCall(token: IssuedToken): void {
        // Once more for the token of another instance, and once for that of its own gettoken.
        if (used.filter((earlier) => earlier === token).length > 2) {
          journal.violate('P5 refused token', `${runner.name} called WeCom again with token ${token.number}`);
        }
        const tokens = new Set([...used, token]).size;
        if (tokens > tokensPerCallMax) journal.violate('W2 tries', `${runner.name} tried ${tokens} tokens`);
        // Whoever froze between gettoken and commit tries what it fetched, however old: the retry heals that.
        const isJustFetched = storeWatch.hasJustCommitted(runner);
        if (
          nowMs() > Math.max(token.endsAtMs, token.believedUntilMs) + roundingMsMax &&
          clocksAreSane() &&
          !isJustFetched
        ) {
          const lateMs = Math.round(nowMs() - token.endsAtMs);
          journal.violate(
            'P6 past its end',
            `${runner.name} uses token ${token.number}, ended ${lateMs} ms ago`,
          );
        }
        const before = memoryOf(runner).get(app)?.last;
        const isBack = before && token.number < before.number && app.alive(before, nowMs());
        if (isBack && !before.refused && !troubles.since(0, ...backwards)) {
          journal.violate('P10 back', `${runner.name} went from token ${before.number} to ${token.number}`);
        }
      }

      function judgeError(error: unknown): void {
        const { AppError, WecomError } = heart;
        const reason = error instanceof AppError ? (error.options.reason ?? error.code) : undefined;
        const isApi = error instanceof WecomError;
        if (reason === undefined && !isApi) {
          const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
          journal.violate('Bug', `${runner.name}: ${text}`);
          return;
        }
        if (isApi) {
          if (!troubles.since(startedAtMs - 1, 'api') && runner.disturbedAtMs() < startedAtMs) {
            journal.violate('W1 refusal hidden', `${runner.name} handed ${error.message} to its caller`);
          }
          return;
        }
        if (!explained(reason ?? '')) {
          journal.violate('P8 error', `${runner.name}: ${reason} though nothing explains it`);
        }
        judgeUnusedToken(reason ?? '');
      }

      function explained(reason: string): boolean {
        if (troubles.since(startedAtMs - healMsMax, 'gettoken', 'unlinked')) return true;
        // A clock set back by an hour makes a pause and a lease that much longer.
        if (troubles.since(startedAtMs - healMsMax - 3_600_000, 'redis_clock')) return true;
        if (troubles.since(startedAtMs - redisHealMs - leaseMs, 'redis')) return true;
        if (runner.disturbedAtMs() >= startedAtMs) return true;
        if (reason === 'token_wait') {
          // WeCom took all the time before it refused the token.
          if (inCallsMs >= msMax) return true;
          const holders = troubles.count(startedAtMs - leaseMs, 'crash', 'freeze');
          // In mode A the last two seconds of a life can only be waited out.
          if (msMax < waitThatOutlivesALeaseMs) return holders > 0 || app.mode === 'same';
          return holders > 1;
        }
        // Three tokens that were good when they were found, and not when they were used.
        if (reason === 'token_refused_again') return troubles.since(startedAtMs, ...ofTokens);
        if (reason === 'gettoken_paused_token_refused') {
          return troubles.since(startedAtMs - restMs, ...ofTokens);
        }
        return reason === 'gettoken_paused_too_often' && storeWatch.hasUsedUpTheMinute(app);
      }

      /** A token that is good, and within reach, is used whatever else is broken. */
      function judgeUnusedToken(reason: string): void {
        if (reason === 'token_refused_again' || runner.disturbedAtMs() >= startedAtMs - 1) return;
        const isGood = (token: IssuedToken | undefined) =>
          token && !token.refused && app.alive(token, nowMs()) && nowMs() + goodLifeMs < token.endsAtMs;
        const record = storeWatch.stored(app);
        const inReach = !troubles.since(startedAtMs - redisHealMs, ...outOfReach);
        const steady = record && record.token === storedAtStart && record.ttlMs > goodLifeMs;
        if (inReach && steady && !app.unlinked && isGood(record.token)) {
          journal.violate('Stored token unused', `${runner.name}: ${reason} though Redis holds a good token`);
        }
        const memory = memoryOf(runner).get(app);
        // A token whose life was renewed since then lives longer than its holder knows.
        if (app.mode === 'renewed') return;
        if (memory?.worked && used.length === 0 && !app.unlinked && isGood(memory.last) && clocksAreSane()) {
          journal.violate('Own token unused', `${runner.name}: ${reason} though it holds a good token`);
        }
      }

      return {
        onCall(accessToken) {
          const calledRunningMs = runner.runningMs();
          const token = app.tokens.get(accessToken);
          if (!token) {
            journal.violate('P6 known token', `${runner.name} calls WeCom with what is no token`);
            return () => {};
          }
          judgeCall(token);
          const isKept = !storeWatch.hasJustCommitted(runner);
          used.push(token);
          const memory: Memory = { last: token, worked: false };
          memoryOf(runner).set(app, memory);
          return (ok) => {
            inCallsMs += runner.runningMs() - calledRunningMs;
            // A token whose lease was lost serves one request and is not kept.
            memory.worked = ok && isKept;
          };
        },
        end(error) {
          const waitedMs = runner.runningMs() - startedRunningMs - inCallsMs;
          if (waitedMs > msMax + afterwardsMs) {
            journal.violate(
              'P2 wait',
              `${runner.name} waited ${Math.round(waitedMs)} of ${msMax} ms for a token`,
            );
          }
          if (error !== undefined) judgeError(error);
        },
      };
    },
  };
}

/** What makes tokens end, or seem to end, under the requests that use them. */
const ofTokens: Trouble[] = ['invalidation', 'mistake', 'failover', 'loss', 'redis_clock'];
const backwards: Trouble[] = ['failover', 'loss', 'redis_clock', 'wall_clock'];
const outOfReach: Trouble[] = ['redis', 'loss', 'failover', 'redis_clock'];

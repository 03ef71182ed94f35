// Where a token comes from: this process, Redis, or gettoken. Trusts only Redis to say who may call gettoken.
import { createHash } from 'node:crypto';
import { type Clock, elapsedMs, moment, type Moment, oncePer, sleep, withTimeout } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import { failureOf, isPassing, pauseAfter, pauseReason, retryAfter } from './gettoken-failure.ts';
import type { Log } from './log.ts';
import { available, type Redis, RedisError } from './redis.ts';
import { createSeal } from './seal.ts';
import { timerAheadMs } from './token-scripts.ts';
import { createTokenStore, tokenKeyId, type TokenRecord, tokenStoreKeys } from './token-store.ts';
import { type Corp, type GettokenAnswer, WecomError } from './wecom.ts';

/**
 * Finds the access_token of one company.
 *
 * **No lease, no gettoken**: if Redis cannot give a lease, a valid token in this process stays in use, and nobody
 * fetches a token. Failures of gettoken are stored in Redis for all instances, with growing pauses.
 */
export interface TokenSource {
  /**
   * Returns a token other than the refused one; the refused one only if gettoken has returned it again since then.
   * Rejects with `temporarily_unavailable`.
   *
   * @param msMax stops waiting after this time; a running fetch continues for other callers
   */
  get(msMax: number, refused: Token | undefined): Promise<Token>;
  /** @see AccessTokens.renew */
  renew(): Promise<RenewOutcome>;
  /**
   * Call it when WeCom accepted the token, with the time when WeCom was asked. Writes to Redis only for a token on
   * probation, and once.
   */
  accepted(token: Token, askedAt: Moment): Promise<void>;
  /**
   * Call it when a call gave up and its last try used `token`. If a second call reports this, for this token or the
   * next one, gettoken rests (see token-store.ts).
   */
  gaveUp(token: Token): Promise<void>;
}

export interface Token {
  accessToken: string;
  fingerprint: string;
  /** 0: not stored in Redis. Of a refused token, 0: no stored copy of it may be used. */
  generation: number;
  /** Remaining lifetime at `readAt`. */
  ttlMs: number;
  readAt: Moment;
  /** Issued after a refusal, and not accepted since. */
  onProbation: boolean;
  /** When this process called gettoken for it; missing if another one did. */
  fetchedAt?: Moment | undefined;
  /** When WeCom was last asked with it and accepted it, in this process. Also set for tokens with generation 0. */
  acceptedAt?: Moment | undefined;
}

/**
 * - `fresh`: nothing to do, or an early renewal would return the same token
 * - `busy`: another instance renews it now
 * - `paused`: gettoken failed recently, and nobody may call it yet
 * - `failed`: gettoken will keep failing until somebody changes something; `failed_transient`: retry in a minute
 */
export type RenewOutcome = 'fresh' | 'renewed' | 'busy' | 'paused' | 'failed' | 'failed_transient';

export interface TokenSourceOptions {
  redis: Redis;
  gettoken: (corp: Corp) => Promise<GettokenAnswer>;
  encryptionKeys: readonly Buffer[];
  clock: Clock;
  log: Log;
  random?: () => number;
  /** Whether a login repeats a gettoken that failed with a transient error; default true. */
  secondTry?: boolean;
}

/** No request waits longer for a token. */
const waitMsMax = 8000;
/** A token that expires earlier is not used: the request that carries it must still arrive in time. */
const usableMsMin = 2000;
/** How long a token read from Redis is used without reading it again. */
const believedMsMax = 300_000;
/** A shorter `expires_in` is ignored: a gettoken every few seconds is worse than one refused call. */
const lifeMsMin = 60_000;
/** A login that reads the token from Redis renews it if it expires within this time; the timer renews much earlier. */
const loginAheadMs = 60_000;
/** An older lease is not used: it lasts 5 s, gettoken may take 3 s, and half a second is left to store the result. */
const leaseAgeMsMax = 1500;
/** Waiters read again after this time. It doubles each time, and is multiplied by a random 0.5–1.5. */
const pollMsFirst = 40;
const pollMsMax = 400;
/** A transient failure of gettoken is retried once, if the retry can start within this time: a login has 8 s. */
const secondTryMsMax = 4000;
const logAgainMs = 60_000;

/** @param nextOwner returns a name that is unique over all instances */
export function createTokenSource(
  corp: Corp,
  nextOwner: () => string,
  options: TokenSourceOptions,
): TokenSource {
  const { redis, gettoken, encryptionKeys, clock, log, random = Math.random, secondTry = true } = options;
  const { corpid } = corp;
  const kid = tokenKeyId(corp, encryptionKeys);
  const store = createTokenStore(redis, kid, encryptionKeys.length > 1);
  const sealedAt = tokenStoreKeys(kid).tok;
  const seal = createSeal(encryptionKeys, 'access_token');
  let cached: Token | undefined;
  /** Concurrent requests share one lookup, keyed by the token that WeCom refused. */
  const flights = new Map<string, { startedAt: Moment; token: Promise<Token> }>();
  const mayLogTooOften = oncePer(clock, logAgainMs);

  /** Returns the cached token, unless it is about to expire or is the refused one. */
  function usable(refused: Token | undefined): Token | undefined {
    if (!cached || isRefused(cached, refused)) return undefined;
    return cached.ttlMs - elapsedMs(clock, cached.readAt) >= usableMsMin ? cached : undefined;
  }

  /** Caches the token, unless a newer one is cached: it may be late, or from a lagging replica. Returns the newer. */
  function cache(token: Token, refused: Token | undefined): Token {
    const own = usable(refused);
    if (own && isNewer(own, token)) return own;
    cached = token;
    return token;
  }

  /** The generation decides if both are stored, else when Redis or WeCom was asked for them. */
  function isNewer(own: Token, other: Token): boolean {
    if (own.generation > 0 && other.generation > 0) return own.generation > other.generation;
    return elapsedMs(clock, own.readAt) < elapsedMs(clock, other.readAt);
  }

  /**
   * Caches and returns the token of Redis; `undefined` if it is refused, cannot be opened or is about to expire.
   *
   * @param askedAt its lifetime counts from here: the reply may have waited while the instance was frozen
   */
  function adopt(record: TokenRecord, refused: Token | undefined, askedAt: Moment): Token | undefined {
    if (isRefused(record, refused)) return undefined;
    // Without early renewal there is no other token before this one expires, so it is used until then.
    const leftMsMin = record.noEarlyRenewal ? 0 : usableMsMin;
    if (record.ttlMs - elapsedMs(clock, askedAt) < leftMsMin) return undefined;
    const accessToken = seal.open(record.sealed, sealedAt);
    if (accessToken === undefined) return undefined;
    const { fingerprint, generation, ttlMs, onProbation } = record;
    const acceptedAt = cached?.fingerprint === fingerprint ? cached.acceptedAt : undefined;
    const token = { accessToken, fingerprint, generation, ttlMs, onProbation, readAt: askedAt, acceptedAt };
    return cache(token, refused);
  }

  /** Asks Redis for a token other than the refused one, or for the lease. */
  async function begin(aheadMs: number, refused?: Token) {
    const owner = nextOwner();
    let replaced = refused?.fingerprint ?? '';
    for (;;) {
      const begunAt = moment(clock);
      const known = refused && {
        generation: refused.generation,
        acceptedMsAgo: refused.acceptedAt && elapsedMs(clock, refused.acceptedAt),
      };
      const begun = await store.begin(owner, replaced, aheadMs, known);
      // A record that does not open is replaced.
      if (begun.state === 'hit' && seal.open(begun.record.sealed, sealedAt) === undefined) {
        replaced = begun.record.sealed;
        continue;
      }
      // Only after a freeze: `store.begin` rejects if Redis does not reply within 0.8 s.
      if (begun.state === 'lease' && elapsedMs(clock, begunAt) > leaseAgeMsMax) continue;
      if (begun.state === 'paused' && begun.why === 'too_often' && mayLogTooOften()) {
        log('error', 'gettoken_too_often', { corpid, pause_ms: begun.waitMs });
      }
      return { ...begun, owner, begunAt };
    }
  }

  /** Calls gettoken and stores the token. `owner` must hold the lease. */
  async function fetchAndCommit(owner: string, refused: Token | undefined, by: 'login' | 'timer') {
    const askedAt = moment(clock);
    const { access_token: accessToken, expires_in } = await gettoken(corp).catch((error: unknown) =>
      pauseFor(owner, error, by),
    );
    const fingerprint = fingerprintOf(accessToken);
    if (expires_in * 1000 < lifeMsMin) log('warn', 'token_life_short', { corpid, expires_in, by });
    if (fingerprint === refused?.fingerprint) log('warn', 'token_same_again', { corpid, by });
    // Its lifetime counts from before the call, so that it is never too long.
    const ttlMs = Math.max(lifeMsMin, expires_in * 1000);
    const leftMs = () => Math.max(1, Math.floor(ttlMs - elapsedMs(clock, askedAt)));
    const sealed = seal.seal(accessToken, sealedAt);
    const fetched: Token = {
      accessToken,
      fingerprint,
      generation: 0,
      ttlMs,
      readAt: askedAt,
      fetchedAt: askedAt,
      onProbation: false,
    };
    const committedAt = moment(clock);
    try {
      const replaced = refused?.fingerprint ?? '';
      const committed = await store.commit(owner, { fingerprint, sealed, ttlMs: leftMs() }, replaced);
      if (committed.state === 'lost') {
        log('warn', 'token_lease_lost', { corpid });
        // Another instance may have been faster. If it stored nothing, use our token for this request only.
        return (committed.record && adopt(committed.record, refused, committedAt)) ?? fetched;
      }
      const { generation, noEarlyRenewal: unchanged, onProbation } = committed;
      log('info', 'token_stored', { corpid, generation, unchanged, ttl_ms: leftMs(), by });
      return cache({ ...fetched, generation, onProbation }, refused);
    } catch (error) {
      if (!(error instanceof RedisError) || leftMs() < usableMsMin) throw error;
      log('warn', 'token_not_stored', { corpid, reason: error.reason, by });
      // So that a Redis that gives leases but fails at commit costs one gettoken per instance, not one per login.
      return cache(fetched, refused);
    }
  }

  /** Stores that gettoken failed, so that all instances pause. */
  async function pauseFor(owner: string, error: unknown, by: 'login' | 'timer'): Promise<never> {
    if (!(error instanceof WecomError)) throw error;
    const failure = failureOf(error);
    const pausing = store.fail(owner, pauseReason(failure, error), pauseAfter[failure]);
    const pause_ms = (await pausing.catch(ignoreRedis)) ?? 0;
    log('error', 'gettoken_failed', { ...error.fields, failure, pause_ms, by });
    throw unavailable('gettoken_failed', retryAfter(pause_ms), error);
  }

  /** Gets a token from Redis, from WeCom under the lease, or from the instance that holds the lease. */
  async function obtain(refused: Token | undefined): Promise<Token> {
    const startedAt = moment(clock);
    let pollMs = pollMsFirst;
    let failed: AppError | undefined;
    for (;;) {
      if (failed && elapsedMs(clock, startedAt) > secondTryMsMax) throw failed;
      const readAt = moment(clock);
      // A lagging replica may return the refused token or an older one. Ignore it; `begin` asks the master.
      const record = await store.read();
      const isLater = record && record.generation > (refused?.generation ?? 0);
      const stored = isLater ? adopt(record, refused, readAt) : undefined;
      if (stored && record && (record.noEarlyRenewal || record.ttlMs > loginAheadMs)) return stored;

      const begun = await begin(loginAheadMs, refused);
      // Also cached, so that it is there if gettoken fails.
      const token = (begun.record && adopt(begun.record, refused, begun.begunAt)) ?? usable(refused);
      if (begun.state === 'lease') {
        try {
          return await fetchAndCommit(begun.owner, refused, 'login');
        } catch (error) {
          if (!(error instanceof AppError || error instanceof RedisError)) throw error;
          // Checked again: the old token may have expired during the fetch.
          const left = usable(refused);
          if (left) return left;
          // A failure that passes (see gettoken-failure.ts) is worth a second try, after the pause.
          const isFinal = failed !== undefined || !secondTry || error instanceof RedisError;
          if (isFinal || !isPassing(failureOf(error.cause))) throw error;
          failed = error;
          continue;
        }
      }
      if (token) return token;
      if (begun.state === 'paused') {
        const isTooLong = elapsedMs(clock, startedAt) + begun.waitMs > secondTryMsMax;
        if (!secondTry || isTooLong || !isPassing(begun.why)) {
          throw failed ?? unavailable(`gettoken_paused_${begun.why}`, retryAfter(begun.waitMs));
        }
        await sleep(clock, begun.waitMs + pollMs * random());
        continue;
      }
      if (elapsedMs(clock, startedAt) + pollMs * 1.5 > waitMsMax) throw unavailable('token_wait', 2);
      await sleep(clock, pollMs * (0.5 + random()));
      pollMs = Math.min(pollMs * 2, pollMsMax);
    }
  }

  return {
    async get(msMax, refused) {
      const own = usable(refused);
      if (own && elapsedMs(clock, own.readAt) < (own.generation > 0 ? believedMsMax : own.ttlMs)) return own;

      const key = refused ? `${refused.fingerprint} ${refused.generation}` : '';
      let flight = flights.get(key);
      // A flight this old is probably from before a freeze of the instance: abandon it.
      if (!flight || elapsedMs(clock, flight.startedAt) > waitMsMax + 1000) {
        const token = obtain(refused).finally(() => {
          if (flights.get(key)?.token === token) flights.delete(key);
        });
        flights.set(key, (flight = { startedAt: moment(clock), token }));
      }
      try {
        return await available(
          withTimeout(clock, Math.min(msMax, waitMsMax), flight.token, () => unavailable('token_wait', 2)),
        );
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const left = usable(refused);
        if (left) return left;
        throw error;
      }
    },

    async renew() {
      try {
        const begun = await begin(timerAheadMs);
        if (begun.state !== 'lease') return begun.state === 'hit' ? 'fresh' : begun.state;
        const token = await fetchAndCommit(begun.owner, undefined, 'timer');
        return token.generation > 0 ? 'renewed' : 'failed_transient';
      } catch (error) {
        if (error instanceof RedisError) return 'failed_transient';
        if (!(error instanceof AppError)) throw error;
        return failureOf(error.cause) === 'operator' ? 'failed' : 'failed_transient';
      }
    },

    async accepted(token, askedAt) {
      token.acceptedAt = askedAt;
      if (!token.onProbation) return;
      token.onProbation = false;
      await store.confirm(token.fingerprint).catch(ignoreRedis);
    },

    async gaveUp(token) {
      const pause_ms = await store.giveUp(nextOwner(), token.fingerprint).catch(ignoreRedis);
      if (pause_ms) log('error', 'gettoken_rests', { corpid, pause_ms });
    },
  };
}

/** Returns whether this is the refused token. */
function isRefused(token: Pick<Token, 'fingerprint' | 'generation'>, refused: Token | undefined): boolean {
  if (token.fingerprint !== refused?.fingerprint) return false;
  // If it was issued again since then, it is not refused: WeCom may accept it now. token-scripts.ts has this rule, too.
  return refused.generation === 0 || token.generation <= refused.generation;
}

function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 32);
}

function ignoreRedis(error: unknown): void {
  if (!(error instanceof RedisError)) throw error;
}

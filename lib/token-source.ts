// Where a token comes from: this process, Redis, or gettoken. Trusts only Redis to say who may call gettoken.
import { createHash, randomBytes } from 'node:crypto';
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
   * Returns a token that WeCom has not refused to this call, or one that gettoken has returned again since then. Rejects
   * with `temporarily_unavailable`.
   *
   * @param msMax stops waiting after this time; a running fetch continues for other callers
   */
  get(msMax: number, refused: readonly Token[]): Promise<Token>;
  /** @see AccessTokens.renew */
  renew(): Promise<RenewOutcome>;
  /**
   * Call it when WeCom accepted the token, with the time when WeCom was asked. Writes to Redis only for a token on
   * probation, and once.
   */
  accepted(token: Token, askedAt: Moment): Promise<void>;
  /**
   * Call it when a call gave up and its last try used `token`. If a second call reports this, for this token or a
   * later one, gettoken rests (see token-store.ts).
   */
  gaveUp(token: Token): Promise<void>;
}

export interface Token {
  accessToken: string;
  fingerprint: string;
  /** Of its record in Redis (see token-store.ts). Missing: it is not stored. */
  generation?: number;
  /** Remaining lifetime at `readAt`. */
  ttlMs: number;
  readAt: Moment;
  /** Issued after a refusal, and not accepted since. */
  onProbation: boolean;
  /** When this process called gettoken for it; missing if another one did. */
  fetchedAt?: Moment;
}

/**
 * - `fresh`: nothing to do, or an early renewal would return the same token
 * - `busy`: another instance renews it now
 * - `paused`: gettoken failed or rests, and nobody may call it yet
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
/** How long a token read from Redis is used without reading it again, even if it expires soon: then one request waits. */
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

export function createTokenSource(corp: Corp, options: TokenSourceOptions): TokenSource {
  const { redis, gettoken, encryptionKeys, clock, log, random = Math.random, secondTry = true } = options;
  const { corpid } = corp;
  const kid = tokenKeyId(corp, encryptionKeys);
  const store = createTokenStore(redis, kid, encryptionKeys.length > 1);
  const sealedAt = tokenStoreKeys(kid).tok;
  const seal = createSeal(encryptionKeys, 'access_token');
  let cached: Token | undefined;
  let lastAccepted: { fingerprint: string; askedAt: Moment } | undefined;
  /** Concurrent requests share one lookup, keyed by the tokens that WeCom refused. */
  const flights = new Map<string, { startedAt: Moment; token: Promise<Token> }>();
  const mayLogTooOften = oncePer(clock, logAgainMs);

  return {
    async get(msMax, refused) {
      const own = usable(refused);
      // One that Redis did not store is used until it expires: to look for it there would cost a gettoken.
      const believedMs = own?.generation === undefined ? Infinity : believedMsMax;
      if (own && elapsedMs(clock, own.readAt) < believedMs) return own;
      try {
        // Nobody would wait for the lookup, and SCF may freeze this instance while it holds the lease.
        if (msMax <= 0) throw overdue();
        return await available(withTimeout(clock, Math.min(msMax, waitMsMax), lookup(refused), overdue));
      } catch (error) {
        const left = error instanceof AppError ? usable(refused) : undefined;
        if (left) return left;
        throw error;
      }
    },

    async renew() {
      try {
        const begun = await askRedis(timerAheadMs, []);
        if (begun.state !== 'lease') return begun.state === 'hit' ? 'fresh' : begun.state;
        const { fetchedAt, generation, ttlMs, readAt } = await fetchAndCommit(begun.owner, [], 'timer');
        if (fetchedAt) return generation ? 'renewed' : 'failed_transient';
        // The lease was lost: the token is the old one, or another instance has renewed it.
        return ttlMs - elapsedMs(clock, readAt) > timerAheadMs ? 'fresh' : 'failed_transient';
      } catch (error) {
        if (error instanceof RedisError) return 'failed_transient';
        if (!(error instanceof AppError)) throw error;
        return failureOf(error.cause) === 'operator' ? 'failed' : 'failed_transient';
      }
    },

    async accepted(token, askedAt) {
      const { fingerprint } = token;
      const before = lastAccepted?.fingerprint === fingerprint ? lastAccepted.askedAt : askedAt;
      if (before.monotonicMs <= askedAt.monotonicMs) lastAccepted = { fingerprint, askedAt };
      if (!token.onProbation) return;
      token.onProbation = false;
      await store.confirm(fingerprint).catch(ignoreRedis);
    },

    async gaveUp({ fingerprint }) {
      const pause_ms = await store.giveUp(newOwner(), fingerprint).catch(ignoreRedis);
      if (pause_ms) log('error', 'gettoken_rests', { corpid, pause_ms });
    },
  };

  /** Returns the cached token, unless it is about to expire or is a refused one. */
  function usable(refused: readonly Token[]): Token | undefined {
    if (!cached || isRefused(cached, refused)) return undefined;
    return cached.ttlMs - elapsedMs(clock, cached.readAt) >= usableMsMin ? cached : undefined;
  }

  function lookup(refused: readonly Token[]): Promise<Token> {
    const key = refused.map(({ fingerprint, generation }) => `${fingerprint} ${generation}`).join();
    const flight = flights.get(key);
    // A flight this old is probably from before a freeze of the instance: abandon it.
    if (flight && elapsedMs(clock, flight.startedAt) <= waitMsMax + 1000) return flight.token;
    const token = obtain(refused).finally(() => {
      if (flights.get(key)?.token === token) flights.delete(key);
    });
    flights.set(key, { startedAt: moment(clock), token });
    return token;
  }

  /** Gets a token from Redis, from WeCom under the lease, or from the instance that holds the lease. */
  async function obtain(refused: readonly Token[]): Promise<Token> {
    const startedAt = moment(clock);
    let pollMs = pollMsFirst;
    let failed: AppError | undefined;
    for (;;) {
      if (failed && elapsedMs(clock, startedAt) > secondTryMsMax) throw failed;
      const readAt = moment(clock);
      const record = await store.read();
      // A lagging replica may return an older token than the refused ones. Ignore it; `askRedis` asks the master.
      const isLaterThanRefused =
        record && refused.every(({ generation = 0 }) => record.generation > generation);
      const stored = isLaterThanRefused ? tokenOf(record, refused, readAt) : undefined;
      const read = stored && cache(stored, refused);
      if (read && record && (record.noEarlyRenewal || record.ttlMs > loginAheadMs)) return read;

      const begun = await askRedis(loginAheadMs, refused, record);
      // Cached at once, so that it is there if gettoken fails.
      const token = begun.token ? cache(begun.token, refused) : usable(refused);
      if (begun.state === 'lease') {
        try {
          return await fetchAndCommit(begun.owner, refused, 'login');
        } catch (error) {
          if (!(error instanceof AppError || error instanceof RedisError)) throw error;
          // The old token may be good, and may have expired during the fetch.
          const left = usable(refused);
          if (left) return left;
          const mayPass = error instanceof AppError && isPassing(failureOf(error.cause));
          if (failed || !secondTry || !mayPass) throw error;
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
      if (elapsedMs(clock, startedAt) + pollMs * 1.5 > waitMsMax) throw overdue();
      await sleep(clock, pollMs * (0.5 + random()));
      pollMs = Math.min(pollMs * 2, pollMsMax);
    }
  }

  /** Asks Redis for a token other than the refused ones, or for the lease. `read` is the record as read just before. */
  async function askRedis(aheadMs: number, refused: readonly Token[], read?: TokenRecord) {
    const owner = newOwner();
    let unusable = read && isRefused(read, refused) ? read : undefined;
    for (;;) {
      const begunAt = moment(clock);
      const { fingerprint, askedAt } = lastAccepted ?? {};
      const acceptedMsAgo =
        askedAt && fingerprint === unusable?.fingerprint ? elapsedMs(clock, askedAt) : undefined;
      const begun = await store.begin(owner, unusable?.sealed ?? '', aheadMs, acceptedMsAgo);
      const token = begun.record && tokenOf(begun.record, refused, begunAt);
      // It does not open, or WeCom refused it to this call. One that has just expired needs no other step.
      if (begun.state === 'hit' && !token && begun.record.ttlMs > elapsedMs(clock, begunAt)) {
        unusable = begun.record;
        continue;
      }
      // Only after a freeze: `store.begin` rejects if Redis does not reply within 0.8 s.
      if (begun.state === 'lease' && elapsedMs(clock, begunAt) > leaseAgeMsMax) continue;
      if (begun.state === 'paused' && begun.why === 'too_often' && mayLogTooOften()) {
        log('error', 'gettoken_too_often', { corpid, pause_ms: begun.waitMs });
      }
      return { ...begun, owner, token };
    }
  }

  /** Calls gettoken and stores the token. `owner` must hold the lease. */
  async function fetchAndCommit(owner: string, refused: readonly Token[], by: 'login' | 'timer') {
    const fetchedAt = moment(clock);
    const { access_token: accessToken, expires_in } = await gettoken(corp).catch((error: unknown) =>
      pauseFor(owner, error, by),
    );
    const fingerprint = createHash('sha256').update(accessToken).digest('hex').slice(0, 32);
    if (expires_in * 1000 < lifeMsMin) log('warn', 'token_life_short', { corpid, expires_in, by });
    if (refused.some((one) => one.fingerprint === fingerprint))
      log('warn', 'token_same_again', { corpid, by });
    // Its lifetime counts from before the call, so that it is never too long.
    const ttlMs = Math.max(lifeMsMin, expires_in * 1000);
    const leftMs = () => Math.max(1, Math.floor(ttlMs - elapsedMs(clock, fetchedAt)));
    const sealed = seal.seal(accessToken, sealedAt);
    const token = { accessToken, fingerprint, ttlMs, readAt: fetchedAt };
    const fetched: Token = { ...token, fetchedAt, onProbation: false };
    const committedAt = moment(clock);
    try {
      const fields = { fingerprint, sealed, ttlMs: leftMs() };
      const committed = await store.commit(owner, fields, refused.length > 0);
      if (committed.state === 'lost') {
        log('warn', 'token_lease_lost', { corpid });
        // Another instance may have been faster. If it stored nothing, use our token for this request only.
        const stored = committed.record && tokenOf(committed.record, refused, committedAt);
        return stored ? cache(stored, refused) : fetched;
      }
      const { generation, noEarlyRenewal: unchanged, onProbation } = committed.record;
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

  /**
   * Returns the token of a record, unless it is refused, cannot be opened or is about to expire. Its lifetime counts from
   * `askedAt`: the reply may have waited while the instance was frozen.
   */
  function tokenOf(record: TokenRecord, refused: readonly Token[], askedAt: Moment): Token | undefined {
    const { fingerprint, generation, sealed, ttlMs, noEarlyRenewal, onProbation } = record;
    if (isRefused(record, refused)) return undefined;
    // Without early renewal there is no other token before this one expires, so it is used until then.
    if (ttlMs - elapsedMs(clock, askedAt) < (noEarlyRenewal ? 0 : usableMsMin)) return undefined;
    const accessToken = seal.open(sealed, sealedAt);
    if (accessToken === undefined) return undefined;
    return { accessToken, fingerprint, generation, ttlMs, onProbation, readAt: askedAt };
  }

  /** Caches the token, unless a newer one is cached: it may be late, or from a lagging replica. Returns the newer. */
  function cache(token: Token, refused: readonly Token[]): Token {
    const own = usable(refused);
    if (own && isNewer(own, token)) return own;
    cached = token;
    return token;
  }

  /** The generation decides if both are stored, else when Redis or WeCom was asked for them. */
  function isNewer(own: Token, other: Token): boolean {
    if (own.generation && other.generation) return own.generation > other.generation;
    return elapsedMs(clock, own.readAt) < elapsedMs(clock, other.readAt);
  }
}

/**
 * Returns whether WeCom refused this token to the call. If it was issued again since then, WeCom may accept it now; if it
 * was refused again, only gettoken itself can tell.
 */
function isRefused(token: { fingerprint: string; generation?: number }, refused: readonly Token[]): boolean {
  const [first, second] = refused.filter(({ fingerprint }) => fingerprint === token.fingerprint);
  return first !== undefined && (second !== undefined || (token.generation ?? 0) <= (first.generation ?? 0));
}

/** Returns a name that is unique over all instances. */
function newOwner(): string {
  return randomBytes(12).toString('base64url');
}

function overdue(): AppError {
  return unavailable('token_wait', 2);
}

function ignoreRedis(error: unknown): void {
  if (!(error instanceof RedisError)) throw error;
}

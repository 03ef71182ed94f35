import { createHash, createHmac, randomBytes } from 'node:crypto';
import { type Clock, elapsedMs, moment, type Moment, sleep, withTimeout } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { type Redis, RedisError } from './redis.ts';
import { createSeal, encryptionKeyId } from './seal.ts';
import { createTokenStore, type Pause, type TokenRecord, type TokenStore, tokenKey } from './token-store.ts';
import { type Corp, type GettokenAnswer, isTokenRefused, WecomError } from './wecom.ts';

/**
 * The shared access_token of each company: one gettoken per expiry, invalidation or loss of the Redis record,
 * for any number of instances.
 *
 * 1. A token in this process, read less than 5 minutes ago, is used as it is: no round trip.
 * 2. Else the one in Redis: one round trip.
 * 3. Else whoever gets the lease calls gettoken and commits; the others wait for what he stores.
 *
 * **No lease, no gettoken**: when Redis cannot give one, a valid token in this process stays in use and nobody
 * fetches on his own. Failures of gettoken are remembered in Redis for everyone, with growing pauses. A token
 * is replaced only when WeCom refused it, and only if the stored one is still the one that was refused.
 */
export interface AccessTokens {
  /**
   * Runs `call` with the company's access_token; once more with a fresh one if WeCom answers 40014 or 42001.
   *
   * Rejects with what `call` rejects with, or with `temporarily_unavailable` when there is no token.
   *
   * @param msMax gives up waiting for a token after this long; the fetch itself goes on for the others
   */
  use<T>(corp: Corp, msMax: number, call: (accessToken: string) => Promise<T>): Promise<T>;
  /**
   * Renews the token if less than 20 minutes of its life are left; looks at the token, not at the reason why
   * it was called, so that late and repeated timer events are harmless. Rejects only because of a bug.
   */
  renew(corp: Corp): Promise<RenewOutcome>;
}

/**
 * - `fresh`: nothing to do, or nothing to gain from asking before the token ends
 * - `busy`: another instance is renewing it
 * - `paused`: gettoken failed lately and nobody may call it yet
 * - `failed`: this call failed; `transient` when a second try in a minute makes sense
 */
export type RenewOutcome = 'fresh' | 'renewed' | 'busy' | 'paused' | 'failed' | 'failed_transient';

export interface AccessTokensOptions {
  redis: Redis;
  gettoken: (corp: Corp) => Promise<GettokenAnswer>;
  encryptionKeys: readonly Buffer[];
  clock: Clock;
  log: Log;
  random?: () => number;
}

/** No request waits longer than this for a token. */
const waitMsMax = 8000;
/** A token is used until this long before its end: time for the call it is used in to arrive. */
const usableMsMin = 2000;
/** How long a token read from Redis is believed without asking again. */
const believedMsMax = 300_000;
/** A login that finds less life than this renews on the way; the timer renews much earlier. */
const loginAheadMs = 60_000;
const timerAheadMs = 1_200_000;
/** Waiters look again after this long, doubling, each time times 0.5–1.5 at random. */
const pollMsFirst = 40;
const pollMsMax = 400;

/** How long gettoken rests after a failure; WeCom bans the egress IP for an hour after about 2,000. */
const pauseAfter: Record<'operator' | 'rate_limited' | 'too_many_at_once' | 'transient', Pause> = {
  operator: { baseMs: 60_000, capMs: 600_000 },
  rate_limited: { baseMs: 60_000, capMs: 600_000 },
  too_many_at_once: { baseMs: 1000, capMs: 8000 },
  transient: { baseMs: 1000, capMs: 30_000 },
};

interface HeldToken {
  accessToken: string;
  fingerprint: string;
}

interface CachedToken extends HeldToken {
  generation: number;
  readAt: Moment;
  ttlMs: number;
}

interface Flight {
  startedAt: Moment;
  token: Promise<HeldToken>;
}

interface CorpState {
  store: TokenStore;
  sealedAt: string;
  cached?: CachedToken;
  /** Requests that want the same thing share one way to it; keyed by the fingerprint that failed. */
  flights: Map<string, Flight>;
}

export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { redis, gettoken, encryptionKeys, clock, log, random = Math.random } = options;
  const seal = createSeal(encryptionKeys, 'access_token');
  const instanceId = randomBytes(12).toString('base64url');
  const states = new Map<Corp, CorpState>();
  let leasesAsked = 0;

  function stateOf(corp: Corp): CorpState {
    let state = states.get(corp);
    if (!state) {
      const kid = tokenKeyId(corp, encryptionKeys);
      state = { store: createTokenStore(redis, kid), sealedAt: tokenKey(kid), flights: new Map() };
      states.set(corp, state);
    }
    return state;
  }

  function usableCached(state: CorpState, failed: string): CachedToken | undefined {
    const { cached } = state;
    if (!cached || cached.fingerprint === failed) return undefined;
    return cached.ttlMs - elapsedMs(clock, cached.readAt) >= usableMsMin ? cached : undefined;
  }

  /**
   * Takes over what Redis holds; `undefined` when it cannot be opened or is about to end.
   *
   * @param askedAt from when its life counts: the answer may have waited for a frozen instance
   */
  function adopt(
    state: CorpState,
    record: TokenRecord,
    failed: string,
    askedAt: Moment,
  ): HeldToken | undefined {
    const known = usableCached(state, failed);
    // A replica that lags must not bring an older token back.
    if (known && known.generation > record.generation) return known;
    if (record.fingerprint === failed) return undefined;
    if (record.ttlMs - elapsedMs(clock, askedAt) < usableMsMin) return undefined;
    const accessToken = seal.open(record.sealed, state.sealedAt);
    if (accessToken === undefined) return undefined;
    const { generation, fingerprint, ttlMs } = record;
    state.cached = { accessToken, fingerprint, generation, ttlMs, readAt: askedAt };
    return state.cached;
  }

  async function fetchAndCommit(
    corp: Corp,
    state: CorpState,
    owner: string,
    failed: string,
    by: 'login' | 'timer',
  ): Promise<HeldToken> {
    const askedAt = moment(clock);
    let answer: GettokenAnswer;
    try {
      answer = await gettoken(corp);
    } catch (error) {
      const failure = failureOf(error);
      const pauseMs = await state.store.fail(owner, failure, pauseAfter[failure]).catch(() => 0);
      const { corpid } = corp;
      log('error', 'gettoken_failed', {
        corpid,
        ...(error instanceof WecomError && error.fields),
        failure,
        pause_ms: pauseMs,
        by,
      });
      throw unavailable('gettoken_failed', retryAfter(pauseMs), error);
    }

    const { access_token: accessToken } = answer;
    const mine: HeldToken = { accessToken, fingerprint: fingerprintOf(accessToken) };
    // Counted from before the call: the token cannot live longer than that.
    const ttlMs = answer.expires_in * 1000;
    const leftMs = Math.max(1, Math.floor(ttlMs - elapsedMs(clock, askedAt)));
    const sealed = seal.seal(accessToken, state.sealedAt);
    const committedAt = moment(clock);
    const committed = await state.store.commit(
      owner,
      { fingerprint: mine.fingerprint, sealed, ttlMs: leftMs },
      failed,
    );
    switch (committed.state) {
      case 'stored': {
        const { generation, unchanged } = committed;
        state.cached = { ...mine, generation, ttlMs, readAt: askedAt };
        log('info', 'token_stored', { corpid: corp.corpid, generation, unchanged, ttl_ms: leftMs, by });
        return state.cached;
      }
      case 'same':
        log('error', 'token_same_again', { corpid: corp.corpid, pause_ms: committed.waitMs });
        throw unavailable('token_same_again', retryAfter(committed.waitMs));
      case 'lost': {
        log('warn', 'token_lease_lost', { corpid: corp.corpid });
        // Another was faster. Without a record, what we hold is good for this one request.
        const stored = committed.record && adopt(state, committed.record, failed, committedAt);
        if (!stored && mine.fingerprint === failed) throw unavailable('token_same_again', 1);
        return stored ?? mine;
      }
    }
  }

  /** From Redis, or from WeCom under the lease, or from whoever has the lease. */
  async function obtain(corp: Corp, state: CorpState, failed: string): Promise<HeldToken> {
    const startedAt = moment(clock);
    const owner = `${instanceId}:${(leasesAsked += 1)}`;
    let pollMs = pollMsFirst;
    for (;;) {
      const readAt = moment(clock);
      const record = await state.store.read();
      const stored = record && adopt(state, record, failed, readAt);
      if (stored && (record.unchanged || record.ttlMs > loginAheadMs)) return stored;

      // A record that does not open is replaced like a refused one, but its token was not refused.
      const unreadable = record && !stored && seal.open(record.sealed, state.sealedAt) === undefined;
      const begunAt = moment(clock);
      const begun = await state.store.begin(owner, unreadable ? record.sealed : failed, loginAheadMs);
      const known =
        (begun.record && adopt(state, begun.record, failed, begunAt)) ?? usableCached(state, failed);
      switch (begun.state) {
        case 'hit':
          if (known) return known;
          break;
        case 'lease':
          try {
            return await fetchAndCommit(corp, state, owner, failed, 'login');
          } catch (error) {
            // Looked up again: the fetch may have taken longer than the rest of that token's life.
            const left = usableCached(state, failed);
            if (left) return left;
            throw error;
          }
        case 'paused':
          if (known) return known;
          throw unavailable(`gettoken_paused_${begun.why}`, retryAfter(begun.waitMs));
        case 'busy':
          if (known) return known;
          break;
      }
      if (elapsedMs(clock, startedAt) + pollMs * 1.5 > waitMsMax) throw unavailable('token_wait', 2);
      await sleep(clock, pollMs * (0.5 + random()));
      pollMs = Math.min(pollMs * 2, pollMsMax);
    }
  }

  async function get(corp: Corp, msMax: number, failed: string): Promise<HeldToken> {
    const state = stateOf(corp);
    const cached = usableCached(state, failed);
    if (cached && elapsedMs(clock, cached.readAt) < believedMsMax) return cached;

    let flight = state.flights.get(failed);
    // A flight that a frozen instance left behind never lands; nobody joins it any more.
    if (!flight || elapsedMs(clock, flight.startedAt) > waitMsMax + 1000) {
      const token = obtain(corp, state, failed).finally(() => {
        if (state.flights.get(failed)?.token === token) state.flights.delete(failed);
      });
      flight = { startedAt: moment(clock), token };
      state.flights.set(failed, flight);
    }
    try {
      return await withTimeout(clock, Math.min(msMax, waitMsMax), flight.token, () =>
        unavailable('token_wait', 2),
      );
    } catch (error) {
      const fallback = usableCached(state, failed);
      if (fallback) return fallback;
      throw error instanceof RedisError ? unavailable(`redis_${error.reason}`, 2, error) : error;
    }
  }

  return {
    async use(corp, msMax, call) {
      const startedAt = moment(clock);
      const token = await get(corp, msMax, '');
      try {
        return await call(token.accessToken);
      } catch (error) {
        if (!isTokenRefused(error)) throw error;
        log('warn', 'token_refused', { ...error.fields, fingerprint: token.fingerprint.slice(0, 8) });
      }
      const second = await get(corp, msMax - elapsedMs(clock, startedAt), token.fingerprint);
      try {
        return await call(second.accessToken);
      } catch (error) {
        if (!isTokenRefused(error)) throw error;
        // Fresh and refused again: another app's secret, perhaps. Fetching more would only burn the quota.
        const state = stateOf(corp);
        if (state.cached?.fingerprint === second.fingerprint) delete state.cached;
        const pauseMs = await state.store.reject(second.fingerprint).catch(() => 0);
        log('error', 'token_refused_twice', { ...error.fields, pause_ms: pauseMs });
        throw unavailable('token_refused_twice', retryAfter(pauseMs), error);
      }
    },

    async renew(corp) {
      const state = stateOf(corp);
      const owner = `${instanceId}:${(leasesAsked += 1)}`;
      try {
        let begun = await state.store.begin(owner, '', timerAheadMs);
        if (begun.record && seal.open(begun.record.sealed, state.sealedAt) === undefined) {
          begun = await state.store.begin(owner, begun.record.sealed, timerAheadMs);
        }
        if (begun.state !== 'lease') return begun.state === 'hit' ? 'fresh' : begun.state;
        await fetchAndCommit(corp, state, owner, '', 'timer');
        return 'renewed';
      } catch (error) {
        if (error instanceof RedisError) return 'failed_transient';
        if (!(error instanceof AppError)) throw error;
        return failureOf(error.cause) === 'operator' ? 'failed' : 'failed_transient';
      }
    },
  };
}

/** Which record is this company's: it changes with the secret and with the encryption key. */
export function tokenKeyId(corp: Corp, encryptionKeys: readonly Buffer[]): string {
  return createHmac('sha256', corp.corpsecret)
    .update(`wxt1|${corp.corpid}|${encryptionKeyId(encryptionKeys)}`)
    .digest('hex')
    .slice(0, 16);
}

function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 32);
}

function failureOf(error: unknown): keyof typeof pauseAfter {
  if (!(error instanceof WecomError) || error.errcode === undefined) return 'transient';
  if (error.errcode === 45009) return 'rate_limited';
  if (error.errcode === 45033) return 'too_many_at_once';
  return error.reaction === 'retry' ? 'transient' : 'operator';
}

/** Whole seconds, at least 1; a client need not wait longer than a minute to look again. */
function retryAfter(pauseMs: number): number {
  return Math.min(60, Math.max(1, Math.ceil(pauseMs / 1000)));
}

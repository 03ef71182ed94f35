// The shared access_token of each company, and what to do when WeCom refuses it.
import { randomBytes } from 'node:crypto';
import { elapsedMs, moment, type Moment } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import {
  createTokenSource,
  type RenewOutcome,
  type Token,
  type TokenSource,
  type TokenSourceOptions,
} from './token-source.ts';
import { type Corp, isTokenRefused, WecomError } from './wecom.ts';

/**
 * The shared access_token of each company. At most one instance at a time may call gettoken: shortly before the token
 * expires, when WeCom refuses it, or when Redis has lost it. It needs the lease, which Redis gives at most 12 times a
 * minute.
 *
 * 1. A token in this process, read less than 5 minutes ago, is used without a round trip. One that Redis failed to store
 *    is used until it expires.
 * 2. Otherwise the token in Redis is used: one round trip.
 * 3. Otherwise Redis gives one instance the lease. This instance calls gettoken and commits (stores) the token. The
 *    others use the old token while it is good, else they wait for the new one.
 *
 * token-source.ts finds a token in these three steps. token-store.ts is the token's Redis record. token-scripts.ts
 * decides, inside Redis, who may call gettoken. This file decides what a refused token means:
 *
 * **One refusal is enough to fetch another token, but not to stop fetching.** The token may be old, or WeCom may have
 * refused it by mistake. So a call tries up to three tokens. A refusal deletes nothing: until the new token is stored,
 * the old one stays in use where it works. A token that was issued after a refusal is on probation until WeCom accepts it.
 * gettoken pauses ("rests") only if two calls gave up on tokens on probation, and WeCom accepted none of them in between.
 * token-store.ts has the details.
 */
export interface AccessTokens {
  /**
   * Runs `call` with the company's access_token, and again if WeCom returns 40014 or 42001: with another token, or with
   * the same one if gettoken returned it again or if there is no other.
   *
   * Rejects with the error of `call`, or with `temporarily_unavailable` if no token is accepted.
   *
   * @param msMax stops waiting for a token this long after the start; a running fetch continues for other callers. Does
   *   not limit `call`, nor the note in Redis that WeCom accepted or refused the token
   */
  use<T>(corp: Corp, msMax: number, call: (accessToken: string) => Promise<T>): Promise<T>;
  /**
   * Renews the token if it expires within 20 minutes. Only the token's state decides, so late and repeated timer
   * events are harmless. Rejects only because of a bug.
   */
  renew(corp: Corp): Promise<RenewOutcome>;
}

const tokensPerCallMax = 3;
/** Tries of one token, if gettoken keeps returning it. */
const triesPerTokenMax = 3;
/** One try more than tokens, because a token that gettoken returned again is tried again. */
const triesPerCallMax = 4;

/** That WeCom refused a token to one call. */
interface Refusal {
  firstAt: Moment;
  /** Of the token when it was first refused. */
  generation: number;
  times: number;
}

export function createAccessTokens(options: TokenSourceOptions): AccessTokens {
  const { clock, log } = options;
  /** By corpid and corpsecret, because a caller may pass a copy. */
  const sources = new Map<string, TokenSource>();
  const instanceId = randomBytes(12).toString('base64url');
  let owners = 0;
  const nextOwner = () => `${instanceId}:${(owners += 1)}`;

  function sourceOf(corp: Corp): TokenSource {
    const key = `${corp.corpid}:${corp.corpsecret}`;
    let source = sources.get(key);
    if (!source) sources.set(key, (source = createTokenSource(corp, nextOwner, options)));
    return source;
  }

  return {
    async use(corp, msMax, call) {
      const source = sourceOf(corp);
      const startedAt = moment(clock);
      /** What WeCom refused to this call, by fingerprint. */
      const refusals = new Map<string, Refusal>();
      let lookupError: AppError | undefined;
      let token = await source.get(msMax, undefined);
      for (let tries = 1; ; tries += 1) {
        const askedAt = moment(clock);
        try {
          const result = await call(token.accessToken);
          await source.accepted(token, askedAt);
          return result;
        } catch (error) {
          if (!isTokenRefused(error)) {
            if (provesToken(error)) await source.accepted(token, askedAt);
            throw error;
          }
          log('warn', 'token_refused', { ...error.fields, fingerprint: token.fingerprint.slice(0, 8) });
          // Refused again, and there was no other token (see below).
          if (lookupError) {
            await source.gaveUp(token);
            throw lookupError;
          }
          const { fingerprint, generation } = token;
          const refusal = refusals.get(fingerprint) ?? { firstAt: moment(clock), generation, times: 0 };
          refusal.times += 1;
          refusals.set(fingerprint, refusal);
          if (isFinal(refusal, token) || refusals.size === tokensPerCallMax || tries === triesPerCallMax) {
            await source.gaveUp(token);
            log('error', 'token_refused_again', { ...error.fields, tokens: refusals.size });
            throw unavailable('token_refused_again', 2, error);
          }
          // Generation 0: no stored copy of this token may be used any more, only what gettoken returns to us.
          if (refusal.times > 1) token = { ...token, generation: 0 };
        }
        try {
          token = await source.get(msMax - elapsedMs(clock, startedAt), token);
        } catch (error) {
          // There is no other token now. Try this one again while it is valid: WeCom also refuses by mistake.
          if (!(error instanceof AppError) || elapsedMs(clock, token.readAt) >= token.ttlMs) throw error;
          lookupError = error;
        }
      }
    },

    renew: (corp) => sourceOf(corp).renew(),
  };

  /**
   * Returns whether this token is not tried again. It is tried a second time if it was issued again, and a third time if
   * that was for another instance: perhaps before it was refused here. So after A, A as another instance got it, and A as
   * this process got it, the call gives up.
   */
  function isFinal({ firstAt, generation, times }: Refusal, token: Token): boolean {
    if (times === 1) return false;
    const wasFetchedSince = token.fetchedAt && elapsedMs(clock, token.fetchedAt) <= elapsedMs(clock, firstAt);
    const wasIssuedByAnother = token.generation > generation && !wasFetchedSince;
    return !wasIssuedByAnother || times === triesPerTokenMax;
  }
}

/** WeCom checks the token before the js_code and the member, so these refusals show that it accepted the token. */
function provesToken(error: unknown): boolean {
  if (!(error instanceof WecomError)) return false;
  return error.reaction === 'js_code_refused' || error.reaction === 'member_refused';
}

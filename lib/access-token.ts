// The shared access_token of each company, and what to do when WeCom refuses it.
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
 * The shared access_token of each company. It is stored in Redis, and all instances use it. A call takes it
 *
 * 1. from this process, without a round trip, if it was read less than 5 minutes ago and lives for 2 s or more;
 * 2. else from Redis, with one round trip, if WeCom has not refused it and it lives for more than a minute;
 * 3. else from gettoken. Redis gives one instance the lease, at most 12 times a minute. Only this instance calls gettoken
 *    and commits the new token: it stores the token and gives the lease back. The others use the old token for its last
 *    minute, unless WeCom refused it to them; else they wait for the new one. If the commit fails, this instance alone uses
 *    the new token, until it expires.
 *
 * A timer renews the token from 20 minutes before its end, so that logins seldom take step 3.
 *
 * WeCom refuses tokens that it has dropped, and sometimes a good one. So a refusal deletes nothing: the token stays in use
 * where it works. The refused call tries up to three tokens, and gives up when its last try is refused. A token that was
 * issued after a refusal is on probation until WeCom accepts it. If two calls give up on tokens on probation, the tokens are
 * not the problem: gettoken rests. Nobody calls it for 2 s, the next time for 10 s, then for 50 s, up to 10 minutes.
 *
 * This file handles refusals. token-source.ts takes the three steps, and has their exceptions. token-store.ts describes the
 * record in Redis, and token-scripts.ts decides, inside Redis, who may call gettoken.
 */
export interface AccessTokens {
  /**
   * Runs `call` with the company's access_token, and again with another one if WeCom returns 40014 or 42001. A refused
   * token is tried again only if gettoken returned it again, or, once, if no other can be had.
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
/** One try more than tokens, because a token that gettoken returned again is tried again. */
const triesPerCallMax = 4;

interface RefusedToken extends Token {
  refusedAt: Moment;
}

export function createAccessTokens(options: TokenSourceOptions): AccessTokens {
  const { clock, log } = options;
  /** By corpid and corpsecret, because a caller may pass a copy. */
  const sources = new Map<string, TokenSource>();

  return {
    async use(corp, msMax, call) {
      const source = sourceOf(corp);
      const startedAt = moment(clock);
      /** All that WeCom refused to this call, in this order. */
      let refused: readonly RefusedToken[] = [];
      /** Why there is no other token: the current one is tried for the last time. Thrown if it is refused. */
      let whyNoOther: AppError | undefined;
      let token = await source.get(msMax, refused);
      for (;;) {
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
          // A new list: lookups that run go on with the one before.
          refused = [...refused, { ...token, refusedAt: moment(clock) }];
          const tokens = new Set(refused.map(({ fingerprint }) => fingerprint)).size;
          if (whyNoOther || tokens === tokensPerCallMax || isLastTry(token, refused)) {
            await source.gaveUp(token);
            if (whyNoOther) throw whyNoOther;
            log('error', 'token_refused_again', { ...error.fields, tokens });
            throw unavailable('token_refused_again', 2, error);
          }
        }
        try {
          token = await source.get(msMax - elapsedMs(clock, startedAt), refused);
        } catch (error) {
          if (!(error instanceof AppError) || elapsedMs(clock, token.readAt) >= token.ttlMs) throw error;
          // Try the same token once more: perhaps WeCom refused it by mistake.
          whyNoOther = error;
        }
      }
    },

    renew: (corp) => sourceOf(corp).renew(),
  };

  function sourceOf(corp: Corp): TokenSource {
    const key = `${corp.corpid}:${corp.corpsecret}`;
    let source = sources.get(key);
    if (!source) sources.set(key, (source = createTokenSource(corp, options)));
    return source;
  }

  function isLastTry({ fingerprint, fetchedAt }: Token, refused: readonly RefusedToken[]): boolean {
    const [first, second, third] = refused.filter((one) => one.fingerprint === fingerprint);
    if (third || refused.length === triesPerCallMax) return true;
    if (!first || !second || !fetchedAt) return false;
    // This process got it from gettoken after the first refusal: gettoken has confirmed it. What another process got may be
    // from before WeCom dropped it, so that is tried again.
    return elapsedMs(clock, fetchedAt) <= elapsedMs(clock, first.refusedAt);
  }
}

/** WeCom checks the token before the js_code and the member, so these refusals show that it accepted the token. */
function provesToken(error: unknown): boolean {
  if (!(error instanceof WecomError)) return false;
  return error.reaction === 'js_code_refused' || error.reaction === 'member_refused';
}

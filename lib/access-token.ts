// The shared access_token of each company: what a refused token means. Trusts a token only until WeCom refuses it.
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
 * The shared access_token of each company: at most one instance at a time may call gettoken, when the token expires, when
 * WeCom refuses it, or when Redis has lost it; and at most 12 times a minute.
 *
 * 1. A token in this process, read less than 5 minutes ago, is used without a round trip. One that could not be stored
 *    is used until it expires.
 * 2. Otherwise the token in Redis is used: one round trip.
 * 3. Otherwise one instance gets the lease, calls gettoken and commits. The others use the old token while it is good,
 *    else they wait for the new one.
 *
 * token-source.ts finds a token, token-store.ts is its Redis record, and this file decides what a refused token means:
 *
 * **A single refusal proves little.** The token may be old, or WeCom may have refused it by mistake. So a call tries up
 * to three tokens, and a refusal deletes nothing. gettoken is paused ("rests") only if two calls gave up on tokens that
 * were issued after a refusal, and no acceptance of these was recorded. A token that works for others stays in use.
 */
export interface AccessTokens {
  /**
   * Runs `call` with the company's access_token, and again if WeCom returns 40014 or 42001: with another token, or with
   * the same one if gettoken returned it again or no other can be had.
   *
   * Rejects with the error of `call`, or with `temporarily_unavailable` if no token is accepted.
   *
   * @param msMax no token is waited for later than this after the start; does not limit `call`. A running fetch continues
   *   for other callers.
   */
  use<T>(corp: Corp, msMax: number, call: (accessToken: string) => Promise<T>): Promise<T>;
  /**
   * Renews the token if it expires within 20 minutes. Only the token's state decides, so late and repeated timer
   * events are harmless. Rejects only because of a bug.
   */
  renew(corp: Corp): Promise<RenewOutcome>;
}

const tokensPerCallMax = 3;
/** One more: a token that another instance got again is tried again before gettoken is called. */
const triesPerCallMax = 4;

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
      /** Fingerprints of the tokens that this call was refused with; the same with a later generation is tried once. */
      const refused = new Map<string, number>();
      let refusedAt: Moment | undefined;
      let token = await source.get(msMax, undefined);
      let lookupError: { error: unknown } | undefined;
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
          if (lookupError) {
            await source.gaveUp(token);
            throw lookupError.error;
          }
          const before = refused.get(token.fingerprint);
          // Another instance got the same token again, perhaps before WeCom refused it to this call.
          const isIssuedAgain = before !== undefined && token.generation > before;
          const isFinal = before !== undefined && (!isIssuedAgain || isFetchedSince(token, refusedAt));
          refused.set(token.fingerprint, isIssuedAgain ? Infinity : token.generation);
          refusedAt ??= moment(clock);
          if (isFinal || refused.size === tokensPerCallMax || tries === triesPerCallMax) {
            await source.gaveUp(token);
            log('error', 'token_refused_again', { ...error.fields, tokens: refused.size });
            throw unavailable('token_refused_again', 2, error);
          }
          // A third time only from this call's own gettoken.
          if (isIssuedAgain) token = { ...token, generation: 0 };
        }
        try {
          token = await source.get(msMax - elapsedMs(clock, startedAt), token);
        } catch (error) {
          // No other token can be had now. Try this one again while it is valid: WeCom also refuses by mistake.
          if (!(error instanceof AppError) || elapsedMs(clock, token.readAt) >= token.ttlMs) throw error;
          lookupError = { error };
        }
      }
    },

    renew: (corp) => sourceOf(corp).renew(),
  };

  /** Returns whether this process called gettoken for it after that time. */
  function isFetchedSince({ fetchedAt }: Token, time: Moment | undefined): boolean {
    if (!fetchedAt || !time) return false;
    return elapsedMs(clock, fetchedAt) <= elapsedMs(clock, time);
  }
}

/** WeCom checks the token before the js_code and the member, so these refusals show that it accepted the token. */
function provesToken(error: unknown): boolean {
  if (!(error instanceof WecomError)) return false;
  return error.reaction === 'js_code_refused' || error.reaction === 'member_refused';
}

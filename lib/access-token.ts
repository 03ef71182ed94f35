import { randomBytes } from 'node:crypto';
import { elapsedMs, moment } from './clock.ts';
import { unavailable } from './errors.ts';
import {
  createTokenSource,
  type RenewOutcome,
  type Token,
  type TokenSource,
  type TokenSourceOptions,
} from './token-source.ts';
import { type Corp, isTokenRefused, WecomError } from './wecom.ts';

/**
 * The shared access_token of each company: one gettoken per expiry, invalidation or loss of the Redis record,
 * for any number of instances.
 *
 * 1. A token in this process, read less than 5 minutes ago, is used without a round trip.
 * 2. Otherwise the token in Redis is used: one round trip.
 * 3. Otherwise one instance gets the lease, calls gettoken and commits; the others wait until it has stored the token.
 *
 * token-source.ts finds a token, token-store.ts is its Redis record, and this file decides what a refused token means:
 *
 * **A refused token proves little.** It may be old, or WeCom may have refused it by mistake. So a call tries up to
 * three tokens, and a refusal deletes nothing. gettoken rests only if a token was issued after a refusal, two calls
 * gave up, and no token was accepted in between. Only gettoken rests; a token that works for others stays in use.
 */
export interface AccessTokens {
  /**
   * Runs `call` with the company's access_token, and again with another token if WeCom returns 40014 or 42001.
   *
   * Rejects with the error of `call`, or with `temporarily_unavailable` if no token is accepted.
   *
   * @param msMax stops waiting for tokens after this time in total; a running fetch continues for other callers
   */
  use<T>(corp: Corp, msMax: number, call: (accessToken: string) => Promise<T>): Promise<T>;
  /**
   * Renews the token if it expires within 20 minutes. Only the token's state decides, so late and repeated timer
   * events are harmless. Rejects only because of a bug.
   */
  renew(corp: Corp): Promise<RenewOutcome>;
}

const tokensPerCallMax = 3;

export function createAccessTokens(options: TokenSourceOptions): AccessTokens {
  const { clock, log } = options;
  const sources = new Map<Corp, TokenSource>();
  const instanceId = randomBytes(12).toString('base64url');
  let owners = 0;
  const nextOwner = () => `${instanceId}:${(owners += 1)}`;

  function sourceOf(corp: Corp): TokenSource {
    let source = sources.get(corp);
    if (!source) sources.set(corp, (source = createTokenSource(corp, nextOwner, options)));
    return source;
  }

  async function giveUp(
    source: TokenSource,
    token: Token,
    tokens: number,
    error: WecomError,
  ): Promise<never> {
    await source.gaveUp(token);
    log('error', 'token_refused_again', { ...error.fields, tokens });
    throw unavailable('token_refused_again', 2, error);
  }

  return {
    async use(corp, msMax, call) {
      const source = sourceOf(corp);
      const startedAt = moment(clock);
      const refused = new Set<string>();
      let token = await source.get(msMax, undefined);
      let noOther: { error: unknown } | undefined;
      for (;;) {
        try {
          const result = await call(token.accessToken);
          await source.accepted(token);
          return result;
        } catch (error) {
          if (!isTokenRefused(error)) {
            if (provesToken(error)) await source.accepted(token);
            throw error;
          }
          log('warn', 'token_refused', { ...error.fields, fingerprint: token.fingerprint.slice(0, 8) });
          if (noOther) {
            await source.gaveUp(token);
            throw noOther.error;
          }
          if (refused.has(token.fingerprint)) await giveUp(source, token, refused.size, error);
          refused.add(token.fingerprint);
          if (refused.size === tokensPerCallMax) await giveUp(source, token, refused.size, error);
        }
        try {
          token = await source.get(msMax - elapsedMs(clock, startedAt), token);
        } catch (error) {
          // There is no other token. Try this one again while it is valid: WeCom also refuses by mistake.
          if (elapsedMs(clock, token.readAt) >= token.ttlMs) throw error;
          noOther = { error };
        }
      }
    },

    renew: (corp) => sourceOf(corp).renew(),
  };
}

/** WeCom checks the token first, so a call that was refused for its code or its member had a valid token. */
function provesToken(error: unknown): boolean {
  if (!(error instanceof WecomError)) return false;
  return error.reaction === 'js_code_refused' || error.reaction === 'member_refused';
}

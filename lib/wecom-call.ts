// Calls to WeCom beside the login, with the shared access_token. Trusts the caller for what it asks, never for a path.
import type { AccessTokens } from './access-token.ts';
import { type Clock, elapsedMs, moment } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { type Corp, type Question, type Wecom, WecomError } from './wecom.ts';
import { apiForm } from './wecom-callers.ts';
import { createWecomFailure } from './wecom-error.ts';

/** A token that has to be fetched, and one try. SCF's own timeout is 15 s. */
const callMsMax = 6000;

/**
 * Calls one of WeCom's endpoints in the name of a company's app, and returns what `schema` reads of the answer.
 *
 * As in a login: the shared access_token, replaced when WeCom refuses it; WeCom's own repeats; no calls while it would
 * refuse them; one entry in the request's log line.
 *
 * Rejects with `temporarily_unavailable` after a failure, and logs it. Name in `fine` each errcode that is an answer to
 * you. A POST that WeCom may have carried out without saying so (a timeout, an unreadable answer) rejects with
 * `internal_error`: clients repeat the one, but never the other.
 *
 * @param corp one of `config.corps`
 * @param api as in WeCom's documentation: `message/send`
 * @param question `msMax` bounds everything together; 6 s if not given
 */
export type WecomCall = <T>(
  corp: Corp,
  api: string,
  question: Question<T> & { msMax?: number },
) => Promise<T>;

/** Nothing was sent. */
const notSent = new Set(['no_time_left', 'econnrefused', 'enotfound', 'eai_again']);

function mayBeDone({ errcode, fields }: WecomError): boolean {
  return errcode === undefined && !notSent.has(fields.reason ?? '');
}

export function createWecomCall(options: {
  wecom: Wecom;
  accessTokens: AccessTokens;
  clock: Clock;
  log: Log;
}): WecomCall {
  const { wecom, accessTokens, clock, log } = options;
  const publicError = createWecomFailure(clock, log);
  return async (corp, api, { msMax = callMsMax, ...question }) => {
    // gettoken is called by the holder of the lease alone.
    if (!apiForm.test(api) || api === 'gettoken') throw new TypeError('not the name of an API');
    const start = moment(clock);
    const leftMs = () => msMax - elapsedMs(clock, start);
    try {
      return await accessTokens.use(corp, msMax, (accessToken) =>
        wecom.ask(corp, accessToken, api, question, leftMs()),
      );
    } catch (error) {
      if (!(error instanceof WecomError)) throw error;
      const failure = publicError(error);
      if (question.method !== 'POST' || !mayBeDone(error)) throw failure;
      throw new AppError('internal_error', { reason: 'wecom_outcome_unknown', cause: error });
    }
  };
}

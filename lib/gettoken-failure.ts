// Why gettoken failed, and how long nobody calls it after that.
import { AppError } from './errors.ts';
import { pauseMsMax } from './token-scripts.ts';
import type { Pause } from './token-store.ts';
import { WecomError } from './wecom.ts';

/**
 * Why gettoken failed. Decides how long nobody calls it. Stored in Redis for all instances, see `pauseReason`.
 *
 * - `operator`: fails until somebody changes the configuration
 * - `rate_limited`: too many calls
 * - `too_many_at_once`, `transient`: may succeed in a moment
 */
export type GettokenFailure = 'operator' | 'rate_limited' | 'too_many_at_once' | 'transient';

/** WeCom bans the egress IP for an hour after about 2,000 failures. */
export const pauseAfter: Record<GettokenFailure, Pause> = {
  operator: { baseMs: 60_000, capMs: pauseMsMax },
  rate_limited: { baseMs: 60_000, capMs: pauseMsMax },
  too_many_at_once: { baseMs: 1000, capMs: 8000 },
  transient: { baseMs: 1000, capMs: 30_000 },
};

export function failureOf(error: unknown): GettokenFailure {
  if (!(error instanceof WecomError) || error.errcode === undefined) return 'transient';
  if (error.reaction === 'rate_limited') return 'rate_limited';
  if (error.meaning === 'too_many_at_once') return 'too_many_at_once';
  return error.reaction === 'retry' ? 'transient' : 'operator';
}

/** Returns what Redis stores while gettoken rests: the failure, and for `operator` the errcode. */
export function pauseReason(failure: GettokenFailure, error: unknown): string {
  const errcode = error instanceof WecomError ? error.errcode : undefined;
  return failure === 'operator' && errcode !== undefined ? `operator_${errcode}` : failure;
}

/** Returns the errcode in a result of `pauseReason`. */
export function errcodeOfPause(reason: string): number | undefined {
  const [, errcode] = /^operator_(-?\d{1,10})$/.exec(reason) ?? [];
  return errcode === undefined ? undefined : Number(errcode);
}

/** Returns whether a company has no access_token until somebody changes the configuration. */
export function needsOperator(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  const { reason = '' } = error.options;
  return reason === 'gettoken_failed'
    ? failureOf(error.cause) === 'operator'
    : reason.startsWith('gettoken_paused_operator');
}

/** Returns whether a retry in a moment makes sense: not for other reasons of a pause, `token_refused` and `too_often`. */
export function isPassing(failure: string): boolean {
  return failure === 'transient' || failure === 'too_many_at_once';
}

/** Returns the pause in whole seconds, from 1 to 60: a client may ask again after a minute. */
export function retryAfter(pauseMs: number): number {
  return Math.min(60, Math.max(1, Math.ceil(pauseMs / 1000)));
}

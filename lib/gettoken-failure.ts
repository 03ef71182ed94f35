import { type Pause, pauseMsMax } from './token-store.ts';
import { WecomError } from './wecom.ts';

/**
 * Why a gettoken failed, and how long nobody calls it then. Kept in Redis for everyone: see `pauseReason`.
 *
 * - `operator`: until somebody changes the configuration
 * - `rate_limited`: WeCom counts too many calls
 * - `too_many_at_once`, `transient`: may be over in a moment
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

/** What Redis keeps while gettoken rests: the failure, and for an operator the errcode. */
export function pauseReason(failure: GettokenFailure, error: unknown): string {
  const errcode = error instanceof WecomError ? error.errcode : undefined;
  return failure === 'operator' && errcode !== undefined ? `operator_${errcode}` : failure;
}

/** The errcode in what `pauseReason` returned. */
export function errcodeOfPause(reason: string): number | undefined {
  const [, errcode] = /^operator_(-?\d{1,10})$/.exec(reason) ?? [];
  return errcode === undefined ? undefined : Number(errcode);
}

/** Whether a second try in a moment makes sense. */
export function isPassing(failure: string): boolean {
  return failure === 'transient' || failure === 'too_many_at_once';
}

/** Whole seconds, at least 1; a client need not wait longer than a minute to look again. */
export function retryAfter(pauseMs: number): number {
  return Math.min(60, Math.max(1, Math.ceil(pauseMs / 1000)));
}

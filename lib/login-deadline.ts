// How the 8 s of a login are shared out between WeCom and Redis.
import { type Clock, elapsedMs, moment, withTimeout } from './clock.ts';
import { type AppError, unavailable } from './errors.ts';

/**
 * The time limit of a login, of a member or a reviewer. SCF's own timeout is 15 s.
 *
 * The last 1.5 s are reserved for storing the session: Redis takes at most 1.3 s (one try, and another on a new
 * connection). So a session is rarely stored, or an old one ended, after the response was given up on.
 */
const loginMsMax = 8000;
const storeMsMax = 1500;

export interface LoginDeadline {
  /** Returns the time left before the session must be stored; negative if it is too late. */
  leftMs(): number;
  /** Throws `temporarily_unavailable` if it is too late, so that nothing more is computed, stored or ended. */
  check(): void;
}

/** Settles like `login`, or rejects with `temporarily_unavailable` after 8 s. */
export function withLoginDeadline<T>(
  clock: Clock,
  login: (deadline: LoginDeadline) => Promise<T>,
): Promise<T> {
  const startedAt = moment(clock);
  const leftMs = () => loginMsMax - storeMsMax - elapsedMs(clock, startedAt);
  const check = () => {
    if (leftMs() <= 0) throw tooLate();
  };
  return withTimeout(clock, loginMsMax, login({ leftMs, check }), tooLate);
}

function tooLate(): AppError {
  return unavailable('login_deadline', 2);
}

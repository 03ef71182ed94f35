// Who calls a function, and whether their role may call it. Trusts only the session_token; by default nobody may call.
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import type { Permission } from './permission.ts';
import type { Session, Sessions } from './session.ts';

/** Who may call: only the named roles. */
export interface Rule {
  roles: readonly Session['role'][];
  /** A further condition, for example on the company or the department. */
  when?: (session: Session) => boolean;
}

/**
 * Returns the session of the caller, if they may call.
 *
 * Rejects with `invalid_session`, `role_not_allowed`, or `temporarily_unavailable`. Take the userid from the
 * session, never from the request.
 */
export type Guard = (request: { bearer: string }, rule: Rule) => Promise<Session>;

export function createGuard(sessions: Sessions, permission: Permission, log: Log): Guard {
  return async ({ bearer }, rule) => {
    const session = await permission.recheck(await sessions.find(bearer));
    // Only `true` counts: not a predicate that returns nothing, or a promise.
    const meets = () => rule.when === undefined || Object.is(rule.when(session), true);
    if (rule.roles.includes(session.role) && meets()) return session;
    log('warn', 'access_denied', { ...session.person, role: session.role });
    throw new AppError('role_not_allowed');
  };
}

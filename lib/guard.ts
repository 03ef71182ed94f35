// Who calls a function, and whether their role may call it. Trusts only the session_token; by default nobody may call.
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import type { Permission } from './permission.ts';
import type { RolesOf } from './roles.ts';
import type { Session, Sessions } from './session.ts';

/**
 * A session with the roles of ROLES that its member has. While WeCom cannot be asked and its last answer is too old, they are
 * not known. Then only callers who need no role are let in, with an empty list.
 */
export type Caller = Session & { roles: readonly string[]; areRolesKnown: boolean };

/** Who may call: only the named roles. */
export interface Rule {
  /** `member` and `reviewer` are every member and every reviewer; all others are roles of ROLES. */
  roles: readonly string[];
  /**
   * A further condition, for example on the company. Never let somebody in because a role is missing: `roles` may be empty
   * while WeCom cannot be asked.
   */
  when?: (caller: Caller) => boolean;
}

/**
 * Returns the session of the caller, if they may call.
 *
 * Rejects with `invalid_session`, `role_not_allowed`, or `temporarily_unavailable`. Take the userid from the
 * session, never from the request.
 */
export type Guard = (request: { bearer: string }, rule: Rule) => Promise<Caller>;

export function createGuard(sessions: Sessions, permission: Permission, rolesOf: RolesOf, log: Log): Guard {
  return async ({ bearer }, rule) => {
    const session = await permission.recheck(await sessions.find(bearer));
    const isWelcomeAnyway = rule.roles.includes(session.role);
    const known = await rolesOf(session).catch((error: unknown) => {
      // Who needs no role is not kept out because WeCom does not say who has one.
      if (isWelcomeAnyway && error instanceof AppError) return undefined;
      throw error;
    });
    const caller = { ...session, roles: known ?? [], areRolesKnown: known !== undefined };
    // Only `true` counts: not a predicate that returns nothing, or a promise.
    const meets = () => rule.when === undefined || Object.is(rule.when(caller), true);
    if ([session.role, ...caller.roles].some((role) => rule.roles.includes(role)) && meets()) return caller;
    log('warn', 'access_denied', { ...session.person, role: session.role });
    throw new AppError('role_not_allowed');
  };
}

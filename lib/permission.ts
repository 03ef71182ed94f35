// The member's permission, at login and again while the session lives. Trusts WeCom's word for as long as
// MEMBER_RECHECK_GRACE_SECONDS, and no time from the future.
import type { AccessTokens } from './access-token.ts';
import { type Clock, elapsedMs, moment, type Moment, oncePer, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { createRecheckBudget } from './rate-limit.ts';
import type { Redis } from './redis.ts';
import { isSameUserid, type Person, personId } from './person.ts';
import type { LastCheck } from './session-record.ts';
import type { Session, Sessions } from './session.ts';
import type { Ending } from './session-store.ts';
import { type Corp, type Wecom, WecomError } from './wecom.ts';

/**
 * Whether a member may use the app: WeCom's word at login, and again every `recheckSeconds` while the session
 * lives. That check, not the callback, is what makes sure that a leaver is out.
 */
export interface Permission {
  /**
   * Asks WeCom; returns the member as this app sees them, and when it was asked.
   *
   * Rejects with `member_not_allowed` (with the `reason`), a `WecomError`, or `temporarily_unavailable`.
   */
  read(corp: Corp, userid: string, msMax: number): Promise<LastCheck>;
  /**
   * Ends the sessions of a person whom `read` refused. When Redis does not let it, this instance refuses them until
   * it does, or until WeCom confirms the member.
   */
  end(person: Person, ending: Ending): Promise<void>;
  /**
   * The session, checked with WeCom again if its last word is too old or from the future.
   *
   * One request of a person asks, over all instances. The others go on meanwhile, or, when the last good answer is
   * older than `graceSeconds`, wait for what it hears. While WeCom cannot be asked the session lives on until that
   * age, then this rejects with `temporarily_unavailable`. Nobody is refused because there are too many to ask.
   * A refusal ends all sessions of the person and rejects with `invalid_session`, and so does a company that is not
   * in this instance's configuration, which ends nothing.
   */
  refreshed(session: Session): Promise<Session>;
}

export interface RecheckLimits {
  recheckSeconds: number;
  graceSeconds: number;
}

type MemberSession = Extract<Session, { role: 'member' }>;

const recheckMsMax = 2500;
const lookAgainMs = 100;
/** Longer than one check takes; after a failed one, the pause before the next. */
const claimMs = 5000;
const logSkippedAgainMs = 60_000;
/** While the budget is used up, one question per instance and this long finds out whether WeCom answers. */
const probeAgainMs = 10_000;
/** Clocks of instances differ; a check from further ahead is not believed. */
const aheadMsMax = 60_000;
const refusedMax = 1000;

export function createPermission(options: {
  corps: readonly Corp[];
  accessTokens: AccessTokens;
  wecom: Wecom;
  sessions: Sessions;
  redis: Redis;
  limits: RecheckLimits;
  clock: Clock;
  log: Log;
}): Permission {
  const { corps, accessTokens, wecom, sessions, redis, limits, clock, log } = options;
  const budget = createRecheckBudget(redis);
  const mayLogSkipped = oncePer(clock, logSkippedAgainMs);
  /** Of each company: whether WeCom answered the last question here, and when that was asked. */
  const heard = new Map<string, { answered: boolean; askedAt: Moment }>();
  /** Whom WeCom refused and whose sessions have not ended yet, since Redis may refuse that; by `personId`. */
  const refused = new Map<string, { askedAt: number; reason: string }>();

  async function read(corp: Corp, userid: string, msMax: number): Promise<LastCheck> {
    const person = { corpid: corp.corpid, userid };
    const start = moment(clock);
    let checkedAt = clock.wallMs();
    const answer = await accessTokens
      .use(corp, msMax, (accessToken) => {
        // The answer may wait in the socket of a frozen instance: it is as old as the question.
        checkedAt = clock.wallMs();
        return wecom.userGet(corp, accessToken, userid, msMax - elapsedMs(clock, start));
      })
      .catch((error: unknown) => {
        const known = memberNotAllowed(error);
        throw known ? remember(person, known, checkedAt) : error;
      });
    // Neither an empty department nor a missing status is a refusal: WeCom leaves them out for some apps.
    const { name = '', department = [], position = '', status = 1, enable = 1 } = answer;
    if (status !== 1) throw remember(person, notAllowed(`status_${status}`), checkedAt);
    if (enable === 0) throw remember(person, notAllowed('disabled'), checkedAt);
    if (answer.userid !== undefined && !isSameUserid(answer.userid, userid)) {
      throw unavailable('user_get_of_another_userid', 5);
    }
    if (checkedAt > (refused.get(personId(person))?.askedAt ?? 0)) refused.delete(personId(person));
    const member = { corpid: corp.corpid, userid: answer.userid ?? userid, name, department, position };
    return { member, checkedAt };
  }

  function remember(person: Person, refusal: AppError, askedAt: number): AppError {
    const [oldest] = refused.keys();
    if (refused.size >= refusedMax && oldest !== undefined) refused.delete(oldest);
    refused.set(personId(person), { askedAt, reason: refusal.options.reason ?? '' });
    return refusal;
  }

  async function end(person: Person, ending: Ending): Promise<void> {
    try {
      await sessions.endAll(person, ending);
      refused.delete(personId(person));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { reason } = ending;
      log('error', 'session_not_ended', { ...person, reason, failure: error.options.reason });
    }
  }

  /** Rejects if WeCom refused the person here after it last confirmed them, and Redis could not be told. */
  async function admitted(session: MemberSession): Promise<MemberSession> {
    const known = refused.get(personId(session.person));
    if (!known || session.checkedAt > known.askedAt) return session;
    await end(session.person, known);
    throw new AppError('invalid_session', { reason: `recheck_${known.reason}` });
  }

  /** Asks WeCom, if nobody else does at this moment; then their answer holds for this request too. */
  async function checked(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const start = moment(clock);
    const known = isFromTheFuture(session) ? 0 : session.checkedAt;
    for (;;) {
      const { claimed, last } = await sessions.claimCheck(session.person, claimMs);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      if (last.checkedAt > known && ageSeconds(last) <= limits.graceSeconds) {
        if (claimed) await sessions.giveUpCheck(session.person);
        return { ...session, ...last };
      }
      if (claimed) return ask(session, corp);
      if (ageSeconds(session) <= limits.graceSeconds) return session;
      if (elapsedMs(clock, start) >= recheckMsMax) throw unavailable('recheck_overdue', 5);
      await sleep(clock, lookAgainMs);
    }
  }

  async function ask(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const usedUp = await budget(corp.corpid);
    if (usedUp && !mayProbe(session, corp)) {
      // Release the claim: no check is under way, so nobody should wait for one.
      await sessions.giveUpCheck(session.person);
      if (mayLogSkipped()) log('warn', 'recheck_skipped', { corpid: corp.corpid, ...usedUp });
      // An exhausted budget refuses nobody, but it must not extend the grace while WeCom is down.
      return heard.get(corp.corpid)?.answered ? session : inGrace(session);
    }
    const askedAt = moment(clock);
    const last = await read(corp, session.person.userid, recheckMsMax).catch((error: unknown) => {
      heard.set(corp.corpid, { answered: isRefusal(error), askedAt });
      throw error;
    });
    heard.set(corp.corpid, { answered: true, askedAt });
    if (!(await sessions.confirm(last))) throw new AppError('invalid_session', { reason: 'ended' });
    return inGrace({ ...session, ...last });
  }

  /** Whether to ask beyond the budget, once in 10 s, since only an answer tells what an old session is worth. */
  function mayProbe(session: MemberSession, { corpid }: Corp): boolean {
    const last = heard.get(corpid);
    if (last && elapsedMs(clock, last.askedAt) < probeAgainMs) return false;
    if (last?.answered !== false && !isOverdue(session)) return false;
    // The others do not wait for this question.
    heard.set(corpid, { answered: last?.answered ?? false, askedAt: moment(clock) });
    return true;
  }

  function isFromTheFuture({ checkedAt }: Pick<LastCheck, 'checkedAt'>): boolean {
    return checkedAt - clock.wallMs() > aheadMsMax;
  }

  /** Of WeCom's last word; infinite when it cannot be known. */
  function ageSeconds(check: Pick<LastCheck, 'checkedAt'>): number {
    return isFromTheFuture(check) ? Infinity : (clock.wallMs() - check.checkedAt) / 1000;
  }

  function isOverdue(session: MemberSession): boolean {
    return ageSeconds(session) > limits.graceSeconds;
  }

  /** Good for a while without WeCom's word, then no more. */
  function inGrace(session: MemberSession): MemberSession {
    if (isOverdue(session)) throw unavailable('recheck_overdue', 5);
    return session;
  }

  async function recheck(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const { person } = session;
    try {
      return await checked(session, corp);
    } catch (error) {
      if (isRefusal(error)) {
        const { reason = '' } = error.options;
        await end(person, { reason });
        throw new AppError('invalid_session', { reason: `recheck_${reason}` });
      }
      const known = error instanceof WecomError || error instanceof AppError;
      if (!known || (error instanceof AppError && error.code === 'invalid_session')) throw error;
      const why = error instanceof WecomError ? error.fields : { reason: error.options.reason };
      log('error', 'recheck_failed', { ...person, ...why, age_seconds: Math.round(ageSeconds(session)) });
      return inGrace(session);
    }
  }

  return {
    read,
    end,

    async refreshed(session) {
      if (session.role !== 'member') return session;
      const corp = corps.find(({ corpid }) => corpid === session.person.corpid);
      if (!corp) throw new AppError('invalid_session', { reason: 'corp_removed' });
      await admitted(session);
      if (ageSeconds(session) < limits.recheckSeconds) return session;
      return admitted(await recheck(session, corp));
    },
  };
}

/** WeCom's refusal of a member, at whichever endpoint it came; `undefined` for every other error. */
export function memberNotAllowed(error: unknown): AppError | undefined {
  const isRefusal = error instanceof WecomError && error.reaction === 'member_refused';
  return isRefusal ? notAllowed(`errcode_${error.errcode}`) : undefined;
}

function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'member_not_allowed';
}

function notAllowed(reason: string): AppError {
  return new AppError('member_not_allowed', { reason });
}

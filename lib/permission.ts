// The member's permission, checked at login and again during the session. Trusts WeCom's last answer for at most
// MEMBER_RECHECK_GRACE_SECONDS, and no time from the future.
import type { AccessTokens } from './access-token.ts';
import { ageSeconds, type Clock, elapsedMs, moment, type Moment, oncePer, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { countRecheck } from './rate-limit.ts';
import type { Redis } from './redis.ts';
import { isSameUserid, type Person, personId } from './person.ts';
import type { LastCheck, Session, Sessions } from './session.ts';
import type { Ending } from './session-store.ts';
import { type Corp, type Wecom, WecomError } from './wecom.ts';

/** This check, not the callback, guarantees that the access of a leaver ends. */
export type Permission = ReturnType<typeof createPermission>;

export interface RecheckLimits {
  recheckSeconds: number;
  graceSeconds: number;
}

type MemberSession = Extract<Session, { role: 'member' }>;

const recheckMsMax = 2500;
const lookAgainMs = 100;
/** Longer than one check takes. After a failed check, it is the pause before the next. */
const claimMs = 5000;
const logSkippedAgainMs = 60_000;
/** While the budget is used up, each instance still asks once in this time whether WeCom answers. */
const probeAgainMs = 10_000;
const refusedMax = 1000;
const anotherUserid = 'user_get_of_another_userid';

export function createPermission(options: {
  corps: readonly Corp[];
  accessTokens: AccessTokens;
  wecom: Wecom;
  sessions: Sessions;
  redis: Redis;
  limits: RecheckLimits;
  clock: Clock;
  log: Log;
}) {
  const { corps, accessTokens, wecom, sessions, redis, limits, clock, log } = options;
  const mayLogSkipped = oncePer(clock, logSkippedAgainMs);
  /** For each company: whether WeCom answered this instance's last question, and when it was asked. */
  const heard = new Map<string, { answered: boolean; askedAt: Moment }>();
  /** People whom WeCom refused, by `personId`. They stay here until their sessions are ended in Redis. */
  const refused = new Map<string, { askedAt: number; reason: string }>();

  /**
   * Asks WeCom. Returns the member as this app sees them, and when WeCom was asked.
   *
   * Rejects with `member_not_allowed` (with the `reason`), a `WecomError`, or `temporarily_unavailable`.
   */
  async function read(corp: Corp, userid: string, msMax: number): Promise<LastCheck> {
    const id = personId({ corpid: corp.corpid, userid });
    const start = moment(clock);
    let checkedAt = clock.wallMs();
    try {
      const answer = await accessTokens.use(corp, msMax, (accessToken) => {
        // The answer may wait in the socket of a frozen instance, so its age counts from the question.
        checkedAt = clock.wallMs();
        return wecom.userGet(corp, accessToken, userid, msMax - elapsedMs(clock, start));
      });
      // An empty department or a missing status is no refusal: WeCom leaves them out for some apps.
      const { name = '', department = [], position = '', status = 1, enable = 1, fields } = answer;
      if (status !== 1) throw notAllowed(`status_${status}`);
      if (enable === 0) throw notAllowed('disabled');
      if (answer.userid !== undefined && !isSameUserid(answer.userid, userid)) {
        throw unavailable(anotherUserid, 5);
      }
      if (checkedAt > (refused.get(id)?.askedAt ?? 0)) refused.delete(id);
      const shown = { name, department, position, ...(fields && { fields }) };
      const member = { corpid: corp.corpid, userid: answer.userid ?? userid, ...shown };
      return { member, checkedAt };
    } catch (error) {
      const refusal = isRefusal(error) ? error : memberNotAllowed(error);
      if (!refusal) throw error;
      const [oldest] = refused.keys();
      if (refused.size >= refusedMax && oldest !== undefined) refused.delete(oldest);
      refused.set(id, { askedAt: checkedAt, reason: refusal.options.reason ?? '' });
      throw refusal;
    }
  }

  /**
   * Ends the sessions of a person whom `read` refused. If Redis fails, this instance refuses these sessions until they
   * are ended, or until WeCom confirms the member.
   */
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

  /** Rejects if this instance knows of a refusal that is newer than the session's last check. */
  async function rejectRefused(session: MemberSession): Promise<MemberSession> {
    const remembered = refused.get(personId(session.person));
    if (!remembered || session.checkedAt > remembered.askedAt) return session;
    await end(session.person, remembered);
    throw new AppError('invalid_session', { reason: `recheck_${remembered.reason}` });
  }

  /** Asks WeCom, unless another request is asking; then uses its answer. */
  async function claimAndAsk(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const start = moment(clock);
    const knownAt = ageSeconds(clock, session.checkedAt) === Infinity ? 0 : session.checkedAt;
    for (;;) {
      const { claimed, last } = await sessions.claimCheck(session.person, claimMs);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      if (last.checkedAt > knownAt && ageSeconds(clock, last.checkedAt) <= limits.graceSeconds) {
        if (claimed) await sessions.giveUpCheck(session.person);
        return { ...session, ...last };
      }
      if (claimed) return ask(session, corp);
      if (!isOverdue(session)) return session;
      if (elapsedMs(clock, start) >= recheckMsMax) throw unavailable('recheck_overdue', 5);
      await sleep(clock, lookAgainMs);
    }
  }

  async function ask(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const usedUp = await countRecheck(redis, corp.corpid);
    if (usedUp && !mayProbe(session, corp)) {
      // Release the claim: no check is running, so nobody should wait for one.
      await sessions.giveUpCheck(session.person);
      const { max, seconds: window_seconds } = usedUp;
      if (mayLogSkipped()) log('warn', 'recheck_skipped', { corpid: corp.corpid, max, window_seconds });
      // An exhausted budget refuses nobody, but it must not extend the grace period while WeCom is down.
      return heard.get(corp.corpid)?.answered ? session : withinGrace(session);
    }
    const askedAt = moment(clock);
    const last = await read(corp, session.person.userid, recheckMsMax).catch((error: unknown) => {
      heard.set(corp.corpid, { answered: isAnswer(error), askedAt });
      throw error;
    });
    heard.set(corp.corpid, { answered: true, askedAt });
    if (!(await sessions.confirm(last))) throw new AppError('invalid_session', { reason: 'ended' });
    return withinGrace({ ...session, ...last });
  }

  /** Returns whether to ask beyond the budget, once in 10 s: an overdue session needs an answer. */
  function mayProbe(session: MemberSession, { corpid }: Corp): boolean {
    const last = heard.get(corpid);
    if (last && elapsedMs(clock, last.askedAt) < probeAgainMs) return false;
    if (last?.answered !== false && !isOverdue(session)) return false;
    // Set now, so that other requests do not ask too.
    heard.set(corpid, { answered: last?.answered ?? false, askedAt: moment(clock) });
    return true;
  }

  function isOverdue(session: MemberSession): boolean {
    return ageSeconds(clock, session.checkedAt) > limits.graceSeconds;
  }

  /** Returns the session, or rejects if its grace period is over. */
  function withinGrace(session: MemberSession): MemberSession {
    if (isOverdue(session)) throw unavailable('recheck_overdue', 5);
    return session;
  }

  async function askAgain(session: MemberSession, corp: Corp): Promise<MemberSession> {
    const { person } = session;
    try {
      return await claimAndAsk(session, corp);
    } catch (error) {
      if (isRefusal(error)) {
        const { reason = '' } = error.options;
        await end(person, { reason });
        throw new AppError('invalid_session', { reason: `recheck_${reason}` });
      }
      const isExpected = error instanceof WecomError || error instanceof AppError;
      if (!isExpected || (error instanceof AppError && error.code === 'invalid_session')) throw error;
      const why = error instanceof WecomError ? error.fields : { reason: error.options.reason };
      const age_seconds = Math.round(ageSeconds(clock, session.checkedAt));
      log('error', 'recheck_failed', { ...person, ...why, age_seconds });
      return withinGrace(session);
    }
  }

  return {
    read,
    end,

    /**
     * Returns the session. Asks WeCom again if its last answer is too old or from the future.
     *
     * Over all instances, one request of a person asks. The others continue without waiting; only if the last good
     * answer is older than `graceSeconds` they wait for the new one. If WeCom cannot be asked, the session stays valid
     * until that age, then this rejects with `temporarily_unavailable`. An exhausted budget refuses nobody.
     *
     * A refusal ends all sessions of the person and rejects with `invalid_session`. A company that is not in this
     * instance's configuration rejects with `invalid_session` too, but ends nothing.
     */
    async recheck(session: Session): Promise<Session> {
      if (session.role !== 'member') return session;
      const corp = corps.find(({ corpid }) => corpid === session.person.corpid);
      if (!corp) throw new AppError('invalid_session', { reason: 'corp_removed' });
      if (refused.size > 0) await rejectRefused(session);
      if (ageSeconds(clock, session.checkedAt) < limits.recheckSeconds) return session;
      return rejectRefused(await askAgain(session, corp));
    },
  };
}

/** Converts WeCom's refusal of a member, from any endpoint; `undefined` for every other error. */
export function memberNotAllowed(error: unknown): AppError | undefined {
  if (!(error instanceof WecomError) || error.reaction !== 'member_refused') return undefined;
  return notAllowed(`errcode_${error.errcode}`);
}

export function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'member_not_allowed';
}

/** WeCom can be asked: it refused the member, or its answer is odd for this member alone. */
function isAnswer(error: unknown): boolean {
  if (error instanceof WecomError)
    return error.isAboutTheQuestion || error.fields.reason === 'unexpected_shape';
  return isRefusal(error) || (error instanceof AppError && error.options.reason === anotherUserid);
}

function notAllowed(reason: string): AppError {
  return new AppError('member_not_allowed', { reason });
}

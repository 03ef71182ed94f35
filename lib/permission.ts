import type { AccessTokens } from './access-token.ts';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { createRecheckBudget, type UsedUp } from './rate-limit.ts';
import type { Redis } from './redis.ts';
import { isSameUserid, type Member } from './person.ts';
import type { Session, Sessions } from './session.ts';
import { type Corp, type Wecom, WecomError } from './wecom.ts';

/**
 * Whether a member may use the app: WeCom's word at login, and again every `recheckSeconds` while the session
 * lives. That check, not the callback, is what makes sure that a leaver is out.
 */
export interface Permission {
  /**
   * Asks WeCom; the member as it shows him to this app.
   *
   * Rejects with `member_not_allowed` (with the `reason`), a `WecomError`, or `temporarily_unavailable`.
   */
  read(corp: Corp, userid: string, msMax: number): Promise<Member>;
  /**
   * The session, asked about again if WeCom's last word is too old.
   *
   * One request of a person asks, over all instances; the others go on meanwhile, or, when the last good answer is
   * older than `graceSeconds`, wait for what it hears. While WeCom cannot be asked the session lives on until that
   * age, then this rejects with `temporarily_unavailable`. Nobody is refused because there are too many to ask. A refusal ends all sessions of the person and rejects with `invalid_session`.
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
  let skippedLoggedAt: Moment | undefined;
  /** Companies whose last re-check here failed. */
  const failing = new Set<string>();

  async function read(corp: Corp, userid: string, msMax: number): Promise<Member> {
    const start = moment(clock);
    const answer = await accessTokens
      .use(corp, msMax, (accessToken) =>
        wecom.userGet(corp, accessToken, userid, msMax - elapsedMs(clock, start)),
      )
      .catch((error: unknown) => {
        if (!(error instanceof WecomError) || error.reaction !== 'member_refused') throw error;
        throw new AppError('member_not_allowed', { reason: `errcode_${error.errcode}` });
      });
    // Neither an empty department nor a missing status is a refusal: WeCom leaves them out for some apps.
    const { name = '', department = [], position = '', status = 1, enable = 1 } = answer;
    if (status !== 1) throw new AppError('member_not_allowed', { reason: `status_${status}` });
    if (enable === 0) throw new AppError('member_not_allowed', { reason: 'disabled' });
    if (answer.userid !== undefined && !isSameUserid(answer.userid, userid)) {
      throw unavailable('user_get_of_another_userid', 5);
    }
    return { corpid: corp.corpid, userid: answer.userid ?? userid, name, department, position };
  }

  async function end(session: Session, reason: string | undefined): Promise<never> {
    const ended = await sessions.endAll(session.person);
    log('warn', 'session_ended', { ...session.person, reason, sessions: ended });
    throw new AppError('invalid_session', { reason: `recheck_${reason}` });
  }

  /** Asks WeCom, if nobody else does at this moment; then what he hears holds for this request too. */
  async function checked(session: MemberSession, corp: Corp): Promise<Session> {
    const start = moment(clock);
    for (;;) {
      const { claimed, last } = await sessions.claimCheck(session.person, claimMs);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      if (last.checkedAt > session.checkedAt) {
        if (claimed) await sessions.giveUpCheck(session.person);
        return { ...session, ...last };
      }
      if (claimed) return ask(session, corp);
      if (ageSeconds(session) <= limits.graceSeconds) return session;
      if (elapsedMs(clock, start) >= recheckMsMax) throw unavailable('recheck_overdue', 5);
      await sleep(clock, lookAgainMs);
    }
  }

  async function ask(session: MemberSession, corp: Corp): Promise<Session> {
    const usedUp = await budget(corp.corpid);
    if (usedUp) {
      // Whoever comes next need not wait for an answer that nobody asked for.
      await sessions.giveUpCheck(session.person);
      logSkipped(corp, usedUp);
      // Nobody is refused for the budget; but it is no way around the grace while WeCom does not answer.
      return failing.has(corp.corpid) ? notChecked(session) : session;
    }
    const member = await read(corp, session.person.userid, recheckMsMax);
    failing.delete(corp.corpid);
    await sessions.confirm(member);
    return { ...session, member, checkedAt: clock.wallMs() };
  }

  /** Once a minute, not for each of thousands of requests. */
  function logSkipped(corp: Corp, usedUp: UsedUp): void {
    if (skippedLoggedAt && elapsedMs(clock, skippedLoggedAt) <= logSkippedAgainMs) return;
    skippedLoggedAt = moment(clock);
    log('warn', 'recheck_skipped', { corpid: corp.corpid, ...usedUp });
  }

  function ageSeconds({ checkedAt }: MemberSession): number {
    return (clock.wallMs() - checkedAt) / 1000;
  }

  /** Good for a while without WeCom's word, then no more. */
  function notChecked(session: MemberSession): Session {
    if (ageSeconds(session) > limits.graceSeconds) throw unavailable('recheck_overdue', 5);
    return session;
  }

  return {
    read,

    async refreshed(session) {
      if (session.role !== 'member') return session;
      const { person } = session;
      const corp = corps.find(({ corpid }) => corpid === person.corpid);
      if (!corp) return end(session, 'corp_removed');
      if (ageSeconds(session) < limits.recheckSeconds) return session;
      try {
        return await checked(session, corp);
      } catch (error) {
        if (error instanceof AppError && error.code === 'member_not_allowed') {
          failing.delete(corp.corpid);
          return end(session, error.options.reason);
        }
        const known = error instanceof WecomError || error instanceof AppError;
        if (!known || (error instanceof AppError && error.code === 'invalid_session')) throw error;
        failing.add(corp.corpid);
        const why = error instanceof WecomError ? error.fields : { reason: error.options.reason };
        log('error', 'recheck_failed', { ...person, ...why, age_seconds: Math.round(ageSeconds(session)) });
        return notChecked(session);
      }
    },
  };
}

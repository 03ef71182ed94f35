import type { AccessTokens } from './access-token.ts';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { createRecheckBudget } from './rate-limit.ts';
import type { Redis } from './redis.ts';
import type { Member } from './person.ts';
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
   * age, then this rejects with `temporarily_unavailable`. A refusal ends all sessions of the person and rejects with `invalid_session`.
   */
  refreshed(session: Session): Promise<Session>;
}

export interface RecheckLimits {
  recheckSeconds: number;
  graceSeconds: number;
}

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

  async function read(corp: Corp, userid: string, msMax: number): Promise<Member> {
    const until = clock.monotonicMs() + msMax;
    const answer = await accessTokens
      .use(corp, msMax, (accessToken) =>
        wecom.userGet(corp, accessToken, userid, until - clock.monotonicMs()),
      )
      .catch((error: unknown) => {
        if (!(error instanceof WecomError) || error.reaction !== 'member_refused') throw error;
        throw new AppError('member_not_allowed', { reason: `errcode_${error.errcode}` });
      });
    // Neither an empty department nor a missing status is a refusal: WeCom leaves them out for some apps.
    const { name = '', department = [], position = '', status = 1, enable = 1 } = answer;
    if (status !== 1) throw new AppError('member_not_allowed', { reason: `status_${status}` });
    if (enable === 0) throw new AppError('member_not_allowed', { reason: 'disabled' });
    if (answer.userid !== undefined && answer.userid.toLowerCase() !== userid.toLowerCase()) {
      throw unavailable('user_get_of_another_userid', 5);
    }
    return { corpid: corp.corpid, userid: answer.userid ?? userid, name, department, position };
  }

  async function end(session: Session, reason: string | undefined): Promise<never> {
    const ended = await sessions.endAll(session.person);
    log('warn', 'session_ended', { ...session.person, reason, sessions: ended });
    throw new AppError('invalid_session', { reason: `recheck_${reason}` });
  }

  /** Another request asks at this moment: what it hears holds for this one too. */
  async function answerOfAnother(session: Session, checkedAt: number): Promise<Session> {
    const start = moment(clock);
    while (elapsedMs(clock, start) < recheckMsMax) {
      await sleep(clock, lookAgainMs);
      const last = await sessions.lastCheck(session.person);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      if (last.checkedAt > checkedAt) return { ...session, ...last };
    }
    throw unavailable('recheck_overdue', 5);
  }

  return {
    read,

    async refreshed(session) {
      if (session.role !== 'member') return session;
      const { person } = session;
      const corp = corps.find(({ corpid }) => corpid === person.corpid);
      if (!corp) return end(session, 'corp_removed');
      const ageSeconds = (clock.wallMs() - session.checkedAt) / 1000;
      if (ageSeconds < limits.recheckSeconds) return session;
      try {
        const { claimed, last } = await sessions.claimCheck(person, claimMs);
        if (!last) throw new AppError('invalid_session', { reason: 'ended' });
        if (last.checkedAt > session.checkedAt) return { ...session, ...last };
        if (!claimed) {
          return ageSeconds > limits.graceSeconds
            ? await answerOfAnother(session, session.checkedAt)
            : session;
        }
        const usedUp = await budget(corp.corpid);
        if (usedUp) {
          // Not for each of thousands of requests.
          if (!skippedLoggedAt || elapsedMs(clock, skippedLoggedAt) > logSkippedAgainMs) {
            skippedLoggedAt = moment(clock);
            log('warn', 'recheck_skipped', { corpid: corp.corpid, ...usedUp });
          }
          return session;
        }
        const member = await read(corp, person.userid, recheckMsMax);
        await sessions.confirm(member);
        return { ...session, member, checkedAt: clock.wallMs() };
      } catch (error) {
        if (error instanceof AppError && error.code === 'member_not_allowed') {
          return end(session, error.options.reason);
        }
        const known = error instanceof WecomError || error instanceof AppError;
        if (!known || (error instanceof AppError && error.code === 'invalid_session')) throw error;
        const why = error instanceof WecomError ? error.fields : { reason: error.options.reason };
        log('error', 'recheck_failed', { ...person, ...why, age_seconds: Math.round(ageSeconds) });
        return notChecked(session, ageSeconds);
      }
    },
  };

  /** Good for a while without WeCom's word, then no more. */
  function notChecked(session: Session, ageSeconds: number): Session {
    if (ageSeconds > limits.graceSeconds) throw unavailable('recheck_overdue', 5);
    return session;
  }
}

import type { AccessTokens } from './access-token.ts';
import { type Clock, elapsedMs, moment, withTimeout } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import type { Member, Sessions } from './session.ts';
import { type Corp, type Wecom, WecomError } from './wecom.ts';

export interface LoginResult {
  sessionToken: string;
  expiresInSeconds: number;
  role: 'member';
  member: Member;
}

export interface LoginOptions {
  /** The allow-list; the first is asked when there is no usable hint. */
  corps: readonly [Corp, ...Corp[]];
  accessTokens: AccessTokens;
  wecom: Wecom;
  sessions: Sessions;
  /** Recognises a device in the audit log without naming it. */
  hashDevice: (deviceid: string) => string;
  clock: Clock;
  log: Log;
}

/** The whole login, waits for WeCom and Redis included. SCF's own timeout is 15 s. */
const loginMsMax = 8000;

/**
 * Turns a js_code into a session. The order matters:
 *
 * 1. jscode2session; a stranger's code *succeeds* here, with his own company and an encrypted userid
 * 2. his company is one of ours, else `corp_not_allowed`
 * 3. it is the company we asked, else `login_again` with the right one
 * 4. user/get: may this member use the app? Else `member_not_allowed`, and his sessions end
 *
 * Rejects further with `invalid_js_code` and `temporarily_unavailable`. After a timeout the js_code may be
 * spent, so nothing is repeated that could have spent it.
 */
export function createLogin(options: LoginOptions) {
  const { corps, accessTokens, wecom, sessions, hashDevice, clock, log } = options;

  async function login(
    jsCode: string,
    hint: string | undefined,
    clientAddress: string,
  ): Promise<LoginResult> {
    const start = moment(clock);
    const leftMs = () => loginMsMax - elapsedMs(clock, start);
    const asked = corps.find(({ corpid }) => corpid === hint) ?? corps[0];

    const identity = await accessTokens.use(asked, leftMs(), (accessToken) =>
      wecom.jscode2session(asked, accessToken, jsCode, leftMs()),
    );
    const audit = {
      corpid: identity.corpid,
      userid: identity.userid,
      client_address: clientAddress,
      device: identity.deviceid ? hashDevice(identity.deviceid) : '',
    };
    const corp = corps.find(({ corpid }) => corpid === identity.corpid);
    if (!corp) {
      log('warn', 'login_refused', { ...audit, reason: 'corp_not_allowed' });
      throw new AppError('corp_not_allowed');
    }
    if (corp !== asked) {
      log('info', 'login_refused', { ...audit, reason: 'login_again' });
      throw new AppError('login_again', { corpid: corp.corpid });
    }
    const { userid } = identity;
    if (userid === undefined) throw unavailable('jscode2session_without_userid', 5);

    const person = { corpid: corp.corpid, userid };
    const member = await permittedMember(corp, userid, leftMs).catch(async (error: unknown) => {
      if (error instanceof AppError && error.code === 'member_not_allowed') {
        const { reason } = error.options;
        log('warn', 'login_refused', { ...audit, reason });
        const ended = await sessions.endAll(person);
        if (ended > 0) log('info', 'session_ended', { ...person, reason, sessions: ended });
      }
      throw error;
    });
    const created = await sessions.create(person, {
      role: 'member',
      member,
      sessionKey: identity.session_key,
      deviceHash: audit.device,
    });
    log('info', 'login_ok', { ...audit, role: 'member' });
    return { ...created, role: 'member', member };
  }

  /** The member as user/get shows him; `member_not_allowed` if WeCom does not show him to this app. */
  async function permittedMember(corp: Corp, userid: string, leftMs: () => number): Promise<Member> {
    const answer = await accessTokens
      .use(corp, leftMs(), (accessToken) => wecom.userGet(corp, accessToken, userid, leftMs()))
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

  return {
    /** @param hint which company's app to ask; never trusted, an unknown one means the default company */
    async withJsCode(jsCode: string, hint: string | undefined, clientAddress: string): Promise<LoginResult> {
      try {
        return await withTimeout(clock, loginMsMax, login(jsCode, hint, clientAddress), () =>
          unavailable('login_deadline', 2),
        );
      } catch (error) {
        throw error instanceof WecomError ? publicError(error, log) : error;
      }
    },
  };
}

/** WeCom's failures as the public sees them; the log says what an operator must do. */
function publicError(error: WecomError, log: Log): AppError {
  switch (error.reaction) {
    case 'js_code_refused':
      return new AppError('invalid_js_code', { reason: `errcode_${error.errcode}` });
    case 'rate_limited':
      log('error', 'wecom_rate_limited', { ...error.fields });
      return unavailable('wecom_rate_limited', 60, error);
    case 'operator':
      log('error', error.errcode === 60020 ? 'wecom_ip_not_trusted' : 'wecom_misconfigured', {
        ...error.fields,
      });
      return unavailable(`wecom_errcode_${error.errcode}`, 5, error);
    default:
      log('error', 'wecom_failed', { ...error.fields });
      return unavailable('wecom_failed', 2, error);
  }
}

// The login of a member, from js_code to session. Trusts WeCom's answer for the code if the company is one of ours. The
// hint, the address and the bearer of a request never decide who the member is.
import type { AccessTokens } from './access-token.ts';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { type LoginDeadline, withLoginDeadline } from './login-deadline.ts';
import { isRefusal, memberNotAllowed, type Permission } from './permission.ts';
import type { LoginLimits } from './rate-limit.ts';
import { isUserid, type Member } from './person.ts';
import type { Sessions } from './session.ts';
import { type Corp, type Reaction, type Wecom, WecomError } from './wecom.ts';
import { createWecomFailure } from './wecom-error.ts';

export interface LoginResult {
  sessionToken: string;
  expiresInSeconds: number;
  role: 'member';
  member: Member;
}

export interface LoginOptions {
  /** The allow-list; without a usable hint the first company is asked. */
  corps: readonly [Corp, ...Corp[]];
  accessTokens: AccessTokens;
  wecom: Wecom;
  permission: Permission;
  sessions: Sessions;
  limits: LoginLimits;
  /** Lets an operator recognise a device in the audit log without its id. */
  hashDevice: (deviceid: string) => string;
  clock: Clock;
  log: Log;
}

/**
 * Refusals of jscode2session that anybody can cause with a code, so they count as failures. All others are not about the
 * code: the token, a limit, WeCom itself, our address.
 */
const codeRefusals: ReadonlySet<Reaction> = new Set(['js_code_refused', 'member_refused', 'unknown']);

/**
 * Turns a js_code into a session. The order matters:
 *
 * 1. The limits: are there too many failures from this address, its network, or everywhere?
 * 2. jscode2session. A stranger's code *succeeds* here, with their own company and an encrypted userid.
 * 3. The company is one of ours, else `corp_not_allowed`.
 * 4. It is the company that was asked, else `login_again` with the right one.
 * 5. user/get: may this member use the app? Else `member_not_allowed`, and their sessions end.
 *
 * Also rejects with `invalid_js_code`, `rate_limited` and `temporarily_unavailable`. After a timeout the js_code may be
 * used up, so a call that may have used it is not repeated.
 */
export function createLogin(options: LoginOptions) {
  const { corps, accessTokens, wecom, permission, sessions, limits, hashDevice, clock, log } = options;
  const wecomFailure = createWecomFailure(clock, log);

  async function login(
    jsCode: string,
    hint: string | undefined,
    clientAddress: string,
    bearer: string,
    { leftMs, check }: LoginDeadline,
  ): Promise<LoginResult> {
    const asked = corps.find(({ corpid }) => corpid === hint) ?? corps[0];

    // The handshakes with WeCom and with Redis take place at the same time.
    wecom.connectAhead();
    const admission = await limits.admit(clientAddress, () => sessions.ownerOf(bearer));
    const identity = await accessTokens
      .use(asked, leftMs(), (accessToken) => wecom.jscode2session(asked, accessToken, jsCode, leftMs()))
      .catch(async (error: unknown) => {
        if (!(error instanceof WecomError) || !error.reaction || !codeRefusals.has(error.reaction))
          throw error;
        const refusal = memberNotAllowed(error);
        if (refusal) {
          const { reason } = refusal.options;
          log('warn', 'login_refused', { corpid: asked.corpid, client_address: clientAddress, reason });
        }
        await admission.failed();
        throw refusal ?? error;
      });
    const { userid } = identity;
    const audit = {
      corpid: identity.corpid,
      ...(typeof userid === 'string' && { userid }),
      client_address: clientAddress,
      device: identity.deviceid ? hashDevice(identity.deviceid) : '',
    };
    const corp = corps.find(({ corpid }) => corpid === identity.corpid);
    if (!corp) {
      log('warn', 'login_refused', { ...audit, reason: 'corp_not_allowed' });
      await admission.failed();
      throw new AppError('corp_not_allowed');
    }
    if (corp !== asked) {
      log('info', 'login_refused', { ...audit, reason: 'login_again' });
      throw new AppError('login_again', { corpid: corp.corpid });
    }
    if (!isUserid(userid)) {
      const reason = 'userid_not_usable';
      log('error', 'userid_not_usable', audit);
      log('warn', 'login_refused', { ...audit, reason });
      throw new AppError('member_not_allowed', { reason });
    }

    const person = { corpid: corp.corpid, userid };
    const last = await permission.read(corp, userid, leftMs()).catch(async (error: unknown) => {
      if (!isRefusal(error)) throw error;
      const { reason = '' } = error.options;
      log('warn', 'login_refused', { ...audit, reason });
      await permission.end(person, { reason, clientAddress });
      // The code has just proved who they are. Nobody else gets a userid.
      throw new AppError('member_not_allowed', { reason, userid });
    });
    check();
    const { session_key: sessionKey } = identity;
    const start = { role: 'member', ...last, sessionKey, deviceHash: audit.device } as const;
    const [created] = await Promise.all([
      sessions.create(start, { sessionToken: bearer, clientAddress }),
      // Best effort: it only helps if rate limiting starts later.
      admission.succeeded().catch(() => {}),
    ]);
    log('info', 'login_ok', { role: 'member', ...audit });
    return { role: 'member', member: last.member, ...created };
  }

  function publicError(error: WecomError): AppError {
    if (error.reaction !== 'js_code_refused') return wecomFailure(error);
    return new AppError('invalid_js_code', { reason: `errcode_${error.errcode}` });
  }

  return {
    /**
     * @param hint which company's app to ask. Never trusted; an unknown one means the default company.
     * @param bearer the session_token of the request, or `''`: the login replaces this session
     */
    async withJsCode(
      jsCode: string,
      hint: string | undefined,
      clientAddress: string,
      bearer: string,
    ): Promise<LoginResult> {
      try {
        return await withLoginDeadline(clock, (deadline) =>
          login(jsCode, hint, clientAddress, bearer, deadline),
        );
      } catch (error) {
        throw error instanceof WecomError ? publicError(error) : error;
      }
    },
  };
}

// The login of a member, from js_code to session. Trusts WeCom's answer for the code if the company is one of ours. The
// hint, the address and the bearer of a request never decide who the member is.
import type { AccessTokens } from './access-token.ts';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import { needsOperator } from './gettoken-failure.ts';
import type { Log } from './log.ts';
import { type LoginDeadline, withLoginDeadline } from './login-deadline.ts';
import { isRefusal, memberNotAllowed, type Permission } from './permission.ts';
import type { LoginLimits } from './rate-limit.ts';
import { isUserid } from './person.ts';
import type { Client, LastCheck, Sessions } from './session.ts';
import { type Corp, type Identity, type Wecom, WecomError } from './wecom.ts';
import { createWecomFailure } from './wecom-error.ts';

/**
 * Returns a function that turns a js_code into a session. The order matters:
 *
 * 1. The limits: are there too many failures from this address, its network, or everywhere?
 * 2. jscode2session. A stranger's code *succeeds* here, with their own company and an encrypted userid.
 * 3. The company is one of ours, else `corp_not_allowed`.
 * 4. It is the company that was asked, else `login_again` with the right one.
 * 5. user/get: may this member use the app? Else `member_not_allowed`, and their sessions end.
 *
 * Also rejects with `invalid_js_code`, `rate_limited` and `temporarily_unavailable`. After a timeout the js_code may be
 * used up, so a call that may have used it is not repeated.
 *
 * @param options `corps`: the allow-list; without a usable hint the first company is asked. `hashDevice` lets an operator
 *   recognise a device in the audit log without its id
 */
export function createLogin(options: {
  corps: readonly [Corp, ...Corp[]];
  accessTokens: AccessTokens;
  wecom: Wecom;
  permission: Permission;
  sessions: Sessions;
  limits: LoginLimits;
  hashDevice: (deviceid: string) => string;
  clock: Clock;
  log: Log;
}) {
  const { corps, accessTokens, wecom, permission, sessions, limits, hashDevice, clock, log } = options;
  const wecomFailure = createWecomFailure(clock, log);

  /**
   * Exchanges the code with the app of `wanted`. If that app gets no access_token before an operator changes something, asks
   * another company's app, because each of them can exchange the code. So one company's wrong secret does not keep out the
   * members of the others.
   */
  async function exchange(wanted: Corp, jsCode: string, leftMs: LoginDeadline['leftMs']) {
    const broken = new Map<string, AppError>();
    for (const asked of [wanted, ...corps.filter((other) => other !== wanted)]) {
      let identity: Identity;
      try {
        identity = await accessTokens.use(asked, leftMs(), (accessToken) =>
          wecom.jscode2session(asked, accessToken, jsCode, leftMs()),
        );
      } catch (error) {
        if (!needsOperator(error)) throw error;
        broken.set(asked.corpid, error);
        continue;
      }
      const whyNot = broken.get(identity.corpid);
      if (whyNot) throw whyNot;
      return { asked, identity };
    }
    throw broken.get(wanted.corpid);
  }

  async function login(jsCode: string, hint: string | undefined, client: Client, deadline: LoginDeadline) {
    const { leftMs, check } = deadline;
    const { bearer, clientAddress: client_address } = client;
    const wanted = corps.find(({ corpid }) => corpid === hint) ?? corps[0];

    // The handshakes with WeCom and with Redis take place at the same time.
    wecom.connectAhead();
    const admission = await limits.admit(client_address, () => sessions.ownerOf(bearer));
    let exchanged: { asked: Corp; identity: Identity };
    try {
      exchanged = await exchange(wanted, jsCode, leftMs);
    } catch (error) {
      // Anybody can cause these with a code.
      if (!(error instanceof WecomError) || !error.isAboutTheQuestion) throw error;
      const refusal = memberNotAllowed(error);
      if (refusal) {
        const { reason } = refusal.options;
        log('warn', 'login_refused', { corpid: error.fields.corpid, client_address, reason });
      }
      await admission.failed();
      throw refusal ?? error;
    }
    const { asked, identity } = exchanged;
    const { corpid, userid, deviceid = '', session_key: sessionKey } = identity;
    const audit = {
      corpid,
      ...(typeof userid === 'string' && { userid }),
      client_address,
      device: deviceid === '' ? '' : hashDevice(deviceid),
    };
    const corp = corps.find((one) => one.corpid === corpid);
    if (!corp) {
      log('warn', 'login_refused', { ...audit, reason: 'corp_not_allowed' });
      await admission.failed();
      throw new AppError('corp_not_allowed');
    }
    if (corp !== asked) {
      log('info', 'login_refused', { ...audit, reason: 'login_again' });
      throw new AppError('login_again', { corpid });
    }
    if (!isUserid(userid)) {
      const reason = 'userid_not_usable';
      log('error', reason, audit);
      log('warn', 'login_refused', { ...audit, reason });
      throw new AppError('member_not_allowed', { reason });
    }

    let last: LastCheck;
    try {
      last = await permission.read(corp, userid, leftMs());
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const { reason = '' } = error.options;
      log('warn', 'login_refused', { ...audit, reason });
      await permission.end({ corpid, userid }, { reason, clientAddress: client_address });
      // The code has just proved who they are. Nobody else gets a userid.
      throw new AppError('member_not_allowed', { reason, userid });
    }
    check();
    // Best effort: it only helps if rate limiting starts later.
    const isNoted = admission.succeeded().catch(() => {});
    const start = { role: 'member', ...last, sessionKey, deviceHash: audit.device } as const;
    const created = await sessions.create(start, client);
    await isNoted;
    log('info', 'login_ok', { role: 'member', ...audit });
    return { member: last.member, ...created };
  }

  /** @param hint which company's app to ask. Never trusted; an unknown one means the first company. */
  return (jsCode: string, hint: string | undefined, client: Client) =>
    withLoginDeadline(clock, (deadline) => login(jsCode, hint, client, deadline)).catch((error: unknown) => {
      if (!(error instanceof WecomError)) throw error;
      if (error.reaction !== 'js_code_refused') throw wecomFailure(error);
      throw new AppError('invalid_js_code', { reason: `errcode_${error.errcode}` });
    });
}

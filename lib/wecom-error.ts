// What WeCom's errcodes mean to this project, and what happens after a call failed. Decides by errcode alone; a text of
// WeCom is only read for what an operator needs.
import { type Clock, oncePer } from './clock.ts';
import { type AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';

/**
 * What to do about an errcode.
 *
 * - `token_refused`: the access_token is no longer good; get another one
 * - `retry`: WeCom asks to come again
 * - `rate_limited`: stop calling for a while
 * - `member_refused`: this member may not use the app, at whichever endpoint it comes; not an error
 * - `js_code_refused`: the client needs a new code
 * - `operator`: the secret, the app or our address is refused, so every call is; only a change of configuration
 *   helps. Never repeat, never fetch a token for it. In WeCom 40001 is here: it means a wrong secret or a stopped
 *   app, not an outdated token
 * - `unknown`: every code that is not listed. For an operator too, but it may be about the js_code alone
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
export type Reaction =
  'token_refused' | 'retry' | 'rate_limited' | 'member_refused' | 'js_code_refused' | 'operator' | 'unknown';

/** What a code says beyond the reaction, for the operator and the doctor. */
type Meaning =
  | 'wrong_secret'
  | 'wrong_corpid'
  | 'app_stopped'
  | 'too_many_at_once'
  | 'ip_not_trusted'
  /** Only of jscode2session, with a token that other endpoints take: the app is not linked with the mini-program. */
  | 'not_linked';

interface Errcode {
  reaction: Reaction;
  meaning?: Meaning;
  /** Pauses before asking again; WeCom: at most three repeats of -1. */
  repeatAfterMs?: readonly number[];
  /** Nobody in this process asks again for so long: it would only be refused again. */
  restMs?: number;
}

/** What this project knows about errcodes, beside those that single questions name as answers (`fine`). */
const errcodes: Record<number, Errcode> = {
  [-1]: { reaction: 'retry', repeatAfterMs: [200, 600] },
  6000: { reaction: 'retry', repeatAfterMs: [1000] },
  45033: { reaction: 'retry', repeatAfterMs: [1000], meaning: 'too_many_at_once' },
  45035: { reaction: 'retry', repeatAfterMs: [1000] },
  45036: { reaction: 'retry', repeatAfterMs: [1000] },
  45009: { reaction: 'rate_limited', restMs: 60_000 },
  60020: { reaction: 'operator', restMs: 5000, meaning: 'ip_not_trusted' },
  40014: { reaction: 'token_refused', meaning: 'not_linked' },
  42001: { reaction: 'token_refused' },
  ...all([60011, 60111, 40003, 60021, 46004, 50002, 92000, 660_003], { reaction: 'member_refused' }),
  ...all([40029, 42003, 42022, 41008], { reaction: 'js_code_refused' }),
  ...all([40001, 40091, 41004, 45031], { reaction: 'operator', meaning: 'wrong_secret' }),
  ...all([40013, 41002], { reaction: 'operator', meaning: 'wrong_corpid' }),
  50003: { reaction: 'operator', meaning: 'app_stopped' },
  ...all([48001, 48002, 301_002], { reaction: 'operator', meaning: 'not_linked' }),
  // They may also be about the js_code.
  ...all([90206, 90207], { reaction: 'unknown', meaning: 'not_linked' }),
  // What the token may do, the company closed, our address or TLS not taken.
  ...all([2_000_002, 41001, 48004, 48005, 48006, 48010, 50006], { reaction: 'operator' }),
  ...all([60031, 301_007, 301_042], { reaction: 'operator' }),
};

function all(codes: readonly number[], errcode: Errcode): Record<number, Errcode> {
  return Object.fromEntries(codes.map((code) => [code, errcode]));
}

/** Where an operator fixes an untrusted address, as WeCom's console names it. */
const trustedIpPlace =
  'WeCom admin console: 应用管理 → 应用 → 自建 → the app of the mini-program → 企业可信IP → 配置';

export interface WecomFailure {
  api: string;
  corpid: string;
  /** Set when WeCom answered; else `reason` says why there is no usable answer. */
  errcode?: number;
  reason?: string;
  /** With the reason `unexpected_shape`: what in the answer decides and cannot be read. */
  field?: string;
  /** WeCom's own id of the failed call; its support asks for it. */
  hint?: string;
  /** With `ip_not_trusted`: the address to enter as 企业可信IP, and where. */
  ip?: string;
  enter_at?: string;
}

/** A call that failed. Carries neither the URL nor the body: they hold secrets and our egress address. */
export class WecomError extends Error {
  override readonly name = 'WecomError';
  /** Fit for the log. */
  readonly fields: WecomFailure;

  constructor(fields: WecomFailure) {
    super(`${fields.api}: ${fields.errcode ?? fields.reason ?? 'failed'}`);
    this.fields = fields;
  }

  get errcode(): number | undefined {
    return this.fields.errcode;
  }

  get reaction(): Reaction | undefined {
    return this.errcode === undefined ? undefined : (ruleFor(this.errcode).reaction ?? 'unknown');
  }

  /** Another question could be answered: it is not about the token, the app, our address, a limit or WeCom's state. */
  get isAboutTheQuestion(): boolean {
    return ['unknown', 'member_refused', 'js_code_refused'].includes(this.reaction ?? '');
  }

  get meaning(): Meaning | undefined {
    return this.errcode === undefined ? undefined : ruleFor(this.errcode).meaning;
  }
}

/** Returns `{}` for an errcode that is not listed. */
export function ruleFor(errcode: number): Partial<Errcode> {
  return errcodes[errcode] ?? {};
}

export function isTokenRefused(error: unknown): error is WecomError {
  return error instanceof WecomError && error.reaction === 'token_refused';
}

/** errmsg is for people: decisions go by errcode alone. */
export function fromErrmsg(
  errcode: number,
  body: Record<string, unknown>,
): Pick<WecomFailure, 'hint' | 'ip' | 'enter_at'> {
  const errmsg = typeof body['errmsg'] === 'string' ? body['errmsg'] : '';
  const hint = /hint: \[(\w{1,64})\]/.exec(errmsg)?.[1];
  const hinted = hint !== undefined && { hint };
  if (ruleFor(errcode).meaning !== 'ip_not_trusted') return { ...hinted };
  const ip = /from ip: ([0-9a-fA-F.:]{1,45})/.exec(errmsg)?.[1] ?? 'unknown';
  return { ...hinted, ip, enter_at: trustedIpPlace };
}

/** A client that sends such codes must not fill the log with alarms. */
const logUnknownAgainMs = 60_000;

/** Returns a function that logs why a call failed and returns `temporarily_unavailable`, whose `cause` is the failure. */
export function createWecomFailure(clock: Clock, log: Log): (error: WecomError) => AppError {
  const mayLogUnknown = oncePer(clock, logUnknownAgainMs);
  return (error) => {
    const { fields, errcode, meaning } = error;
    switch (error.reaction) {
      case 'rate_limited':
        log('error', 'wecom_rate_limited', { ...fields });
        return unavailable('wecom_rate_limited', 60, error);
      case 'operator':
        log('error', meaning === 'ip_not_trusted' ? 'wecom_ip_not_trusted' : 'wecom_misconfigured', {
          ...fields,
        });
        return unavailable(`wecom_errcode_${errcode}`, 5, error);
      case 'unknown':
        if (mayLogUnknown()) log('error', 'wecom_misconfigured', { ...fields });
        return unavailable(`wecom_errcode_${errcode}`, 5, error);
      default:
        log('error', 'wecom_failed', { ...fields });
        return unavailable('wecom_failed', 2, error);
    }
  };
}

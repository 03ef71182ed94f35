// WeCom's server API, and everything this project knows about its errcodes. Trusts WeCom's answers as far as TLS does:
// what decides in them is checked, the rest is cut to size.
import { Axios } from 'axios';
import * as z from 'zod/mini';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { type RequestRecord, requestRecord } from './log.ts';
import { createWecomHttp, TransportError } from './wecom-http.ts';
import { departmentIds, integer, readObject, shownText } from './wecom-json.ts';

/** A company and the secret of its app that is linked with the mini-program. */
export interface Corp {
  corpid: string;
  corpsecret: string;
}

export type GettokenAnswer = z.infer<typeof gettokenSchema>;
export type Jscode2sessionAnswer = z.infer<typeof jscode2sessionSchema>;
export type UserGetAnswer = z.infer<typeof userGetSchema>;
export type AgentListAnswer = z.infer<typeof agentListSchema>;
export type AgentGetAnswer = z.infer<typeof agentGetSchema>;

/** WeCom's server API, one method per endpoint. All reject with `WecomError`; `msMax` bounds a call with its repeats. */
export interface Wecom {
  /** Opens the first connection of this process, without a call; afterwards it does nothing. */
  connectAhead(): void;
  /** @see https://developer.work.weixin.qq.com/document/path/91039 */
  gettoken(corp: Corp): Promise<GettokenAnswer>;
  /** Spends the js_code. @see https://developer.work.weixin.qq.com/document/path/91507 */
  jscode2session(
    corp: Corp,
    accessToken: string,
    jsCode: string,
    msMax: number,
  ): Promise<Jscode2sessionAnswer>;
  /** @see https://developer.work.weixin.qq.com/document/path/90196 */
  userGet(corp: Corp, accessToken: string, userid: string, msMax: number): Promise<UserGetAnswer>;
  /** The app that the token belongs to. @see https://developer.work.weixin.qq.com/document/path/90227 */
  agentList(corp: Corp, accessToken: string, msMax: number): Promise<AgentListAnswer>;
  /** Its visible range and whether it is stopped. @see https://developer.work.weixin.qq.com/document/path/90227 */
  agentGet(corp: Corp, accessToken: string, agentid: number, msMax: number): Promise<AgentGetAnswer>;
}

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
export type Meaning =
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

/** Everything this project knows about an errcode: nobody else names a number. */
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
const trustedIpPlace = 'WeCom admin console: 应用管理 → the app linked with the mini-program → 企业可信IP';

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
    return this.errcode === undefined ? undefined : (errcodes[this.errcode]?.reaction ?? 'unknown');
  }

  get meaning(): Meaning | undefined {
    return this.errcode === undefined ? undefined : errcodes[this.errcode]?.meaning;
  }
}

export function isTokenRefused(error: unknown): error is WecomError {
  return error instanceof WecomError && error.reaction === 'token_refused';
}

const gettokenMsMax = 3000;
const callMsMax = 2500;
const callMsMin = 50;
const answerBytesMax = 65_536;
/** The app's visible range: each member, department and tag in it by name. */
const rangeBytesMax = 4_194_304;

const identifier = z.string().check(z.regex(/^[\x21-\x7e]{1,64}$/));

const gettokenSchema = z.object({
  // At most 512 bytes today; WeCom asks to reserve more.
  access_token: z.string().check(z.regex(/^[\x21-\x7e]{1,2048}$/)),
  expires_in: integer.check(z.positive(), z.lte(86_400)),
});

const jscode2sessionSchema = z.object({
  corpid: identifier,
  // Encrypted, and of unknown shape, when the company is a stranger's; checked once the company is known to be ours.
  userid: z.optional(z.unknown()),
  session_key: z.string().check(z.maxLength(256)),
  deviceid: shownText,
});

const userGetSchema = z.object({
  userid: z.optional(z.string()),
  name: shownText,
  department: departmentIds,
  position: shownText,
  status: z.optional(integer),
  enable: z.optional(integer),
});

const agentListSchema = z.object({ agentlist: z.array(z.object({ agentid: integer })) });

const agentGetSchema = z.object({
  allow_userinfos: z.optional(z.unknown()),
  allow_partys: z.optional(z.unknown()),
  allow_tags: z.optional(z.unknown()),
  /** 1: stopped. */
  close: z.optional(integer),
});

/**
 * @param baseUrl `https://qyapi.weixin.qq.com`, or a simulator on loopback
 * @param random for the jitter between repeats
 */
export function createWecom(baseUrl: string, clock: Clock, random: () => number = Math.random): Wecom {
  // The bare class: `axios.create` adds defaults for browsers and bodies, and merging them costs 50 µs a call.
  const { adapter, connectAhead } = createWecomHttp(baseUrl, clock);
  const client = new Axios({ adapter });
  const resting = new Map<string, { since: Moment; ms: number; error: WecomError }>();

  async function send<T>(call: ApiCall<T>, timeout: number): Promise<T> {
    const start = moment(clock);
    const record: RequestRecord['wecom'][number] = { api: call.api, ms: 0 };
    requestRecord.getStore()?.wecom.push(record);
    try {
      const { api, params, bytesMax: maxContentLength = answerBytesMax } = call;
      const url = `/cgi-bin/${api}?${queryOf(params)}`;
      const answer = await client.request<string>({ url, timeout, maxContentLength });
      return read(call, answer);
    } catch (error) {
      const failure = error instanceof TransportError ? failed(call, { reason: error.reason }) : error;
      if (!(failure instanceof WecomError)) throw failure;
      if (failure.errcode !== undefined) record.errcode = failure.errcode;
      if (failure.fields.reason !== undefined) record.failure = failure.fields.reason;
      throw failure;
    } finally {
      record.ms = Math.round(elapsedMs(clock, start));
    }
  }

  /** With the repeats that WeCom asks for, and without calls that it would only refuse again. */
  async function repeated<T>(call: ApiCall<T>, msMax: number): Promise<T> {
    const start = moment(clock);
    const { corpid } = call.corp;
    for (const key of [`${corpid} ${call.api}`, corpid]) {
      const rest = resting.get(key);
      if (rest && elapsedMs(clock, rest.since) < rest.ms) throw rest.error;
    }
    for (let repeats = 0; ; repeats += 1) {
      // Too late for an answer: what is not sent spends no js_code.
      const leftMs = msMax - elapsedMs(clock, start);
      if (leftMs < callMsMin) throw new WecomError({ api: call.api, corpid, reason: 'no_time_left' });
      try {
        return await send(call, Math.min(callMsMax, leftMs));
      } catch (error) {
        if (!(error instanceof WecomError) || error.errcode === undefined) throw error;
        const { repeatAfterMs, restMs, meaning } = errcodes[error.errcode] ?? {};
        if (restMs !== undefined) {
          // An untrusted address concerns every endpoint, a rate limit only one.
          const key = meaning === 'ip_not_trusted' ? corpid : `${corpid} ${call.api}`;
          resting.set(key, { since: moment(clock), ms: restMs, error });
        }
        const pauseMs = repeatAfterMs?.[repeats];
        if (pauseMs === undefined) throw error;
        const jittered = pauseMs * (0.5 + random());
        if (elapsedMs(clock, start) + jittered + 100 > msMax) throw error;
        await sleep(clock, jittered);
      }
    }
  }

  return {
    connectAhead,
    // One try: its failures are counted and paused for in Redis, where all instances see them.
    gettoken(corp) {
      const { corpid, corpsecret } = corp;
      const params = { corpid, corpsecret };
      return send({ corp, api: 'gettoken', params, schema: gettokenSchema }, gettokenMsMax);
    },
    jscode2session(corp, accessToken, jsCode, msMax) {
      const params = { access_token: accessToken, js_code: jsCode, grant_type: 'authorization_code' };
      const api = 'miniprogram/jscode2session';
      return repeated({ corp, api, params, schema: jscode2sessionSchema }, msMax);
    },
    userGet(corp, accessToken, userid, msMax) {
      const params = { access_token: accessToken, userid };
      return repeated({ corp, api: 'user/get', params, schema: userGetSchema }, msMax);
    },
    agentList(corp, accessToken, msMax) {
      const params = { access_token: accessToken };
      return repeated({ corp, api: 'agent/list', params, schema: agentListSchema }, msMax);
    },
    agentGet(corp, accessToken, agentid, msMax) {
      const params = { access_token: accessToken, agentid: String(agentid) };
      return repeated(
        { corp, api: 'agent/get', params, schema: agentGetSchema, bytesMax: rangeBytesMax },
        msMax,
      );
    },
  };
}

interface ApiCall<T> {
  corp: Corp;
  api: string;
  params: Record<string, string>;
  schema: z.ZodMiniType<T>;
  /** 64 KB if not given. */
  bytesMax?: number;
}

function queryOf(params: Record<string, string>): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}

/** What WeCom says, if it is a good answer; else throws `WecomError`. */
function read<T>(call: ApiCall<T>, { status, data }: { status: number; data: string }): T {
  // WeCom answers 200 for every errcode.
  if (status !== 200) throw failed(call, { reason: `http_${status}` });
  const body = readObject(data);
  if (!body) throw failed(call, { reason: 'not_json' });
  // Some endpoints leave errcode out on success.
  const errcode = integer.safeParse('errcode' in body ? body['errcode'] : 0);
  if (!errcode.success) throw failed(call, { reason: 'unexpected_shape', field: 'errcode' });
  if (errcode.data !== 0) throw failed(call, { errcode: errcode.data, ...fromErrmsg(errcode.data, body) });
  // WeCom's endpoints do not agree on the spelling.
  if (!('userid' in body) && 'UserId' in body) body['userid'] = body['UserId'];
  const result = call.schema.safeParse(body);
  if (!result.success) {
    const field = result.error.issues[0]?.path.join('.') ?? '';
    throw failed(call, { reason: 'unexpected_shape', field });
  }
  return result.data;
}

function failed({ api, corp }: ApiCall<unknown>, fields: Partial<WecomFailure>): WecomError {
  return new WecomError({ api, corpid: corp.corpid, ...fields });
}

/** errmsg is for people: decisions go by errcode alone. */
function fromErrmsg(
  errcode: number,
  body: Record<string, unknown>,
): Pick<WecomFailure, 'hint' | 'ip' | 'enter_at'> {
  const errmsg = typeof body['errmsg'] === 'string' ? body['errmsg'] : '';
  const hint = /hint: \[(\w{1,64})\]/.exec(errmsg)?.[1];
  const hinted = hint !== undefined && { hint };
  if (errcodes[errcode]?.meaning !== 'ip_not_trusted') return { ...hinted };
  const ip = /from ip: ([0-9a-fA-F.:]{1,45})/.exec(errmsg)?.[1] ?? 'unknown';
  return { ...hinted, ip, enter_at: trustedIpPlace };
}

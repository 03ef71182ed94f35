import axios from 'axios';
import * as z from 'zod/mini';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { createKeepAliveAdapter, TransportError } from './keep-alive-adapter.ts';
import { type RequestRecord, requestRecord } from './log.ts';

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

/**
 * WeCom's server API, one method per endpoint. All methods reject with `WecomError`; `msMax` bounds a call
 * with its repeats.
 */
export interface Wecom {
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
 * - `token_refused`: the access_token is no longer good; fetch one, once
 * - `retry`: WeCom asks to come again
 * - `rate_limited`: stop calling for a while
 * - `member_refused`: this member may not use the app; not an error
 * - `js_code_refused`: the client needs a new code
 * - `operator`: only a change of configuration helps; never repeat, never fetch a token for it. In WeCom 40001
 *   is here: it means a wrong secret or a stopped app, not an outdated token
 *
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
export type Reaction =
  'token_refused' | 'retry' | 'rate_limited' | 'member_refused' | 'js_code_refused' | 'operator';

const reactionTo: Record<number, Reaction> = {
  [-1]: 'retry',
  6000: 'retry',
  45033: 'retry',
  45035: 'retry',
  45036: 'retry',
  40014: 'token_refused',
  42001: 'token_refused',
  45009: 'rate_limited',
  60011: 'member_refused',
  60111: 'member_refused',
  40003: 'member_refused',
  60021: 'member_refused',
  46004: 'member_refused',
  50002: 'member_refused',
  92000: 'member_refused',
  660003: 'member_refused',
  40029: 'js_code_refused',
  42003: 'js_code_refused',
  42022: 'js_code_refused',
  41008: 'js_code_refused',
};

const ipNotTrusted = 60020;
/** Where an operator ends a 60020, as WeCom's console names it. */
const trustedIpPlace = 'WeCom admin console: 应用管理 → the app linked with the mini-program → 企业可信IP';

export interface WecomFailure {
  api: string;
  corpid: string;
  /** Set when WeCom answered; else `reason` says why there is no usable answer. */
  errcode?: number;
  reason?: string;
  /** WeCom's own id of the failed call; its support asks for it. */
  hint?: string;
  /** With 60020: the address to enter as 企业可信IP, and where. */
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
    return this.errcode === undefined ? undefined : (reactionTo[this.errcode] ?? 'operator');
  }
}

export function isTokenRefused(error: unknown): error is WecomError {
  return error instanceof WecomError && error.reaction === 'token_refused';
}

const gettokenMsMax = 3000;
const callMsMax = 2500;
const callMsMin = 50;
const answerBytesMax = 65_536;
/** Pauses before asking again, per errcode; WeCom: at most three repeats of -1. */
const repeatAfterMs: Record<number, readonly number[]> = {
  [-1]: [200, 600],
  45033: [1000],
  45035: [1000],
  45036: [1000],
};
/** After these answers nobody in this process asks again for a while: it would only be refused again. */
const restMs: Record<number, number> = { 45009: 60_000, [ipNotTrusted]: 5000 };

const text = z.string().check(z.maxLength(1024));
const identifier = z.string().check(z.regex(/^[\x21-\x7e]{1,64}$/));

const gettokenSchema = z.object({
  // At most 512 bytes today; WeCom asks to reserve more.
  access_token: z.string().check(z.regex(/^[\x21-\x7e]{1,2048}$/)),
  expires_in: z.int().check(z.positive(), z.lte(86_400)),
});

const jscode2sessionSchema = z.object({
  corpid: identifier,
  // Encrypted, and of unknown shape, when the company is a stranger's; checked once the company is known to be ours.
  userid: z.optional(text),
  session_key: z.string().check(z.maxLength(256)),
  deviceid: z.optional(text),
});

const userGetSchema = z.object({
  userid: z.optional(identifier),
  name: z.optional(text),
  department: z.optional(z.array(z.int())),
  position: z.optional(text),
  status: z.optional(z.int()),
  enable: z.optional(z.int()),
});

const agentListSchema = z.object({ agentlist: z.array(z.object({ agentid: z.int() })) });

const agentGetSchema = z.object({
  allow_userinfos: z.optional(z.object({ user: z.optional(z.array(z.unknown())) })),
  allow_partys: z.optional(z.object({ partyid: z.optional(z.array(z.unknown())) })),
  allow_tags: z.optional(z.object({ tagid: z.optional(z.array(z.unknown())) })),
  /** 1: stopped. */
  close: z.optional(z.int()),
});

/**
 * @param baseUrl `https://qyapi.weixin.qq.com`, or a simulator on loopback
 * @param random for the jitter between repeats
 */
export function createWecom(baseUrl: string, clock: Clock, random: () => number = Math.random): Wecom {
  // The bare class: `axios.create` adds defaults for browsers and bodies, and merging them costs 50 µs a call.
  const client = new axios.Axios({
    baseURL: baseUrl,
    adapter: createKeepAliveAdapter(clock),
    responseType: 'text',
    transformResponse: (body: string) => body,
    // WeCom answers 200 for every errcode; any other status is judged below.
    validateStatus: () => true,
    maxContentLength: answerBytesMax,
  });
  const resting = new Map<string, { since: Moment; error: WecomError }>();

  async function send<T>({ corp, api, params, schema }: ApiCall<T>, timeout: number): Promise<T> {
    const failure = (fields: Partial<WecomFailure>) =>
      new WecomError({ api, corpid: corp.corpid, ...fields });
    const answer = await client
      .request<string>({ url: `/cgi-bin/${api}`, params, timeout: Math.max(1, timeout) })
      .catch((error: unknown) => {
        throw failure({ reason: error instanceof TransportError ? error.reason : 'unknown' });
      });
    if (answer.status !== 200) throw failure({ reason: `http_${answer.status}` });
    const body = parseObject(answer.data);
    if (!body) throw failure({ reason: 'not_json' });
    // Some endpoints leave errcode out on success.
    const errcode = 'errcode' in body ? body.errcode : 0;
    if (typeof errcode !== 'number') throw failure({ reason: 'unexpected_shape' });
    if (errcode !== 0) throw failure({ errcode, ...fromErrmsg(errcode, body) });
    const result = schema.safeParse(body);
    if (!result.success) throw failure({ reason: 'unexpected_shape' });
    return result.data;
  }

  async function measured<T>(call: ApiCall<T>, timeout: number): Promise<T> {
    const start = moment(clock);
    const record: RequestRecord['wecom'][number] = { api: call.api, ms: 0 };
    requestRecord.getStore()?.wecom.push(record);
    try {
      return await send(call, timeout);
    } catch (error) {
      if (error instanceof WecomError) {
        if (error.errcode !== undefined) record.errcode = error.errcode;
        if (error.fields.reason !== undefined) record.failure = error.fields.reason;
      }
      throw error;
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
      if (rest && elapsedMs(clock, rest.since) < (restMs[rest.error.errcode ?? 0] ?? 0)) throw rest.error;
    }
    for (let repeats = 0; ; repeats += 1) {
      // Too late for an answer: what is not sent spends no js_code.
      const leftMs = msMax - elapsedMs(clock, start);
      if (leftMs < callMsMin) throw new WecomError({ api: call.api, corpid, reason: 'no_time_left' });
      try {
        return await measured(call, Math.min(callMsMax, leftMs));
      } catch (error) {
        if (!(error instanceof WecomError) || error.errcode === undefined) throw error;
        if (restMs[error.errcode]) {
          // An untrusted address concerns every endpoint, a rate limit only one.
          const key = error.errcode === ipNotTrusted ? corpid : `${corpid} ${call.api}`;
          resting.set(key, { since: moment(clock), error });
        }
        const pauseMs = repeatAfterMs[error.errcode]?.[repeats];
        if (pauseMs === undefined) throw error;
        const jittered = pauseMs * (0.5 + random());
        if (elapsedMs(clock, start) + jittered + 100 > msMax) throw error;
        await sleep(clock, jittered);
      }
    }
  }

  return {
    // One try: its failures are counted and paused for in Redis, where all instances see them.
    gettoken(corp) {
      const { corpid, corpsecret } = corp;
      const params = { corpid, corpsecret };
      return measured({ corp, api: 'gettoken', params, schema: gettokenSchema }, gettokenMsMax);
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
      return repeated({ corp, api: 'agent/get', params, schema: agentGetSchema }, msMax);
    },
  };
}

interface ApiCall<T> {
  corp: Corp;
  api: string;
  params: Record<string, string>;
  schema: z.ZodMiniType<T>;
}

/** JSON.parse' own error is dropped: it quotes the text, which may hold a token. */
function parseObject(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** errmsg is for people: decisions go by errcode alone. */
function fromErrmsg(errcode: number, body: object): Pick<WecomFailure, 'hint' | 'ip' | 'enter_at'> {
  const errmsg = 'errmsg' in body && typeof body.errmsg === 'string' ? body.errmsg : '';
  const hint = /hint: \[(\w{1,64})\]/.exec(errmsg)?.[1];
  const hinted = hint !== undefined && { hint };
  if (errcode !== ipNotTrusted) return { ...hinted };
  const ip = /from ip: ([0-9a-fA-F.:]{1,45})/.exec(errmsg)?.[1] ?? 'unknown';
  return { ...hinted, ip, enter_at: trustedIpPlace };
}

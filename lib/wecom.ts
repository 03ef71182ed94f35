// WeCom's server API: the only place that calls it. Trusts WeCom's answers as far as TLS does: what decides in them is
// checked, the rest is cut to size.
import { Axios } from 'axios';
import * as z from 'zod/mini';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { type RequestRecord, requestRecord } from './log.ts';
import type { MemberFields } from './member-fields.ts';
import { fromErrmsg, isTokenRefused, ruleFor, WecomError, type WecomFailure } from './wecom-error.ts';
import { createWecomHttp, TransportError } from './wecom-http.ts';
import { departmentIds, integer, memberFieldsIn, readObject, shownText } from './wecom-json.ts';

export { isTokenRefused, type Reaction, WecomError } from './wecom-error.ts';

/** A company and the secret of its app that is linked with the mini-program. */
export interface Corp {
  corpid: string;
  corpsecret: string;
}

export type GettokenAnswer = z.infer<typeof gettokenSchema>;
export type Identity = z.infer<typeof jscode2sessionSchema>;
type UserGetAnswer = z.infer<typeof userGetSchema> & { fields?: MemberFields };

/** What an endpoint is asked. */
export interface Question<T> {
  /** Default: GET. A POST whose bytes may have been sent is not repeated, unless WeCom answers that it was not carried out. */
  method?: 'GET' | 'POST';
  /** Without access_token. */
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON; only with POST. */
  body?: object;
  /** The part of the answer that is read. */
  schema: z.ZodMiniType<T>;
  /**
   * Errcodes that are an answer and no error; the schema may read `errcode`. 40014 and 42001 are always errors. `any`: all
   * that concern only what was asked, and not the token, the app, our address or a limit.
   */
  fine?: readonly number[] | 'any';
  /** The largest answer. Default: 65,536 bytes. */
  bytesMax?: number;
}

/** WeCom's server API. All methods reject with `WecomError`; `msMax` bounds a call with its repeats. */
export type Wecom = ReturnType<typeof createWecom>;

const gettokenMsMax = 3000;
const callMsMax = 2500;
const callMsMin = 50;
const answerBytesMax = 65_536;

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

function userGetSchemaWith(names: readonly string[]): z.ZodMiniType<UserGetAnswer> {
  return z.pipe(
    z.catchall(userGetSchema, z.unknown()),
    z.transform((answer) => ({ ...answer, fields: memberFieldsIn(answer, names) })),
  );
}

/**
 * @param baseUrl `https://qyapi.weixin.qq.com`, or a simulator on loopback
 * @param memberFields further fields of user/get, as MEMBER_FIELDS names them
 */
export function createWecom(baseUrl: string, clock: Clock, memberFields: readonly string[] = []) {
  // The bare class, without defaults: to merge some into each request costs 25 µs a call.
  const { adapter, connectAhead } = createWecomHttp(baseUrl, clock);
  const client = new Axios();
  const resting = new Map<string, { since: Moment; ms: number; error: WecomError }>();

  async function send<T>(call: ApiCall<T>, timeout: number): Promise<T> {
    const start = moment(clock);
    const record: RequestRecord['spent']['wecom'][number] = { api: call.api, ms: 0 };
    requestRecord.getStore()?.spent.wecom.push(record);
    try {
      const { api, method = 'GET', query, body, bytesMax: maxContentLength = answerBytesMax } = call;
      const url = `/cgi-bin/${api}?${queryOf(query)}`;
      const data = method === 'POST' ? JSON.stringify(body ?? {}) : undefined;
      const answer = await client.request<string>({ url, method, data, timeout, maxContentLength, adapter });
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
        const { repeatAfterMs, restMs, meaning } = ruleFor(error.errcode);
        if (restMs !== undefined) {
          // An untrusted address concerns every endpoint, a rate limit only one.
          const key = meaning === 'ip_not_trusted' ? corpid : `${corpid} ${call.api}`;
          resting.set(key, { since: moment(clock), ms: restMs, error });
        }
        const pauseMs = repeatAfterMs?.[repeats];
        if (pauseMs === undefined) throw error;
        const jittered = pauseMs * (0.5 + Math.random());
        if (elapsedMs(clock, start) + jittered + 100 > msMax) throw error;
        await sleep(clock, jittered);
      }
    }
  }

  /** Asks any endpoint that takes an access_token, by its name in WeCom's documentation: `message/send`. */
  function ask<T>(
    corp: Corp,
    accessToken: string,
    api: string,
    question: Question<T>,
    msMax: number,
  ): Promise<T> {
    const query = Object.assign({}, question.query, { access_token: accessToken });
    // Nothing in a question of an own function replaces these.
    return repeated(Object.assign({}, question, { corp, api, query }), msMax);
  }

  const memberSchema = memberFields.length === 0 ? userGetSchema : userGetSchemaWith(memberFields);
  return {
    /** Opens the first connection of this process, without a call; afterwards it does nothing. */
    connectAhead,

    /** @see https://developer.work.weixin.qq.com/document/path/91039 */
    gettoken(corp: Corp) {
      const { corpid, corpsecret } = corp;
      const call = { corp, api: 'gettoken', query: { corpid, corpsecret }, schema: gettokenSchema };
      // One try: its failures are counted and paused for in Redis, where all instances see them.
      return send(call, gettokenMsMax);
    },

    /** Spends the js_code. @see https://developer.work.weixin.qq.com/document/path/91507 */
    jscode2session(corp: Corp, accessToken: string, jsCode: string, msMax: number) {
      const query = { js_code: jsCode, grant_type: 'authorization_code' };
      const question = { query, schema: jscode2sessionSchema };
      return ask(corp, accessToken, 'miniprogram/jscode2session', question, msMax);
    },

    /** @see https://developer.work.weixin.qq.com/document/path/90196 */
    userGet(corp: Corp, accessToken: string, userid: string, msMax: number): Promise<UserGetAnswer> {
      return ask(corp, accessToken, 'user/get', { query: { userid }, schema: memberSchema }, msMax);
    },

    ask,
  };
}

interface ApiCall<T> extends Question<T> {
  corp: Corp;
  api: string;
  /** With access_token. */
  query: Readonly<Record<string, string>>;
}

function queryOf(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

/** What WeCom says, if it is a good answer; else throws `WecomError`. */
function read<T>(call: ApiCall<T>, { status, data }: { status: number; data: string }): T {
  // WeCom answers 200 for every errcode.
  if (status !== 200) throw failed(call, { reason: `http_${status}` });
  const body = readObject(data);
  if (!body) throw failed(call, { reason: 'not_json' });
  // Some endpoints leave errcode out on success.
  if (!('errcode' in body)) body['errcode'] = 0;
  const errcode = integer.safeParse(body['errcode']);
  if (!errcode.success) throw failed(call, { reason: 'unexpected_shape', field: 'errcode' });
  if (errcode.data !== 0) {
    const error = failed(call, { errcode: errcode.data, ...fromErrmsg(errcode.data, body) });
    const { fine = [] } = call;
    const isFine = fine === 'any' ? error.isAboutTheQuestion : fine.includes(errcode.data);
    if (isTokenRefused(error) || !isFine) throw error;
  }
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

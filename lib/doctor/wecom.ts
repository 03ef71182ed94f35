// What can be wrong with WeCom's side of a company.
import * as z from 'zod/mini';
import { createAccessTokens } from '../access-token.ts';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { errcodeOfPause } from '../gettoken-failure.ts';
import type { Log } from '../log.ts';
import { type Redis, RedisError } from '../redis.ts';
import type { RoleRule } from '../role-rules.ts';
import { findHolders } from '../roles.ts';
import { tokenKeyId, tokenStoreKeys } from '../token-store.ts';
import { type Corp, type Wecom, WecomError } from '../wecom.ts';
import { integer } from '../wecom-json.ts';
import { type Finding, inside } from './finding.ts';
import { redisFinding } from './redis.ts';

/** Never a real code: WeCom generates those, with 43 characters. */
const junkCode = 'the-doctor-asks-whether-this-app-is-linked-';
const tokenMsMax = 4000;
const askMsMax = 2500;
/** The app's visible range: each member, department and tag in it by name. */
const rangeBytesMax = 4_194_304;

const agentListSchema = z.object({ agentlist: z.array(z.object({ agentid: integer })) });
const agentGetSchema = z.object({
  allow_userinfos: z.optional(z.unknown()),
  allow_partys: z.optional(z.unknown()),
  allow_tags: z.optional(z.unknown()),
  /** 1: stopped. */
  close: z.optional(integer),
});

export interface WecomQuestions {
  wecom: Wecom;
  redis: Redis;
  encryptionKeys: readonly Buffer[];
  roles: readonly RoleRule[];
  clock: Clock;
  log: Log;
  /** For all remaining calls. */
  msLeft(): number;
}

/**
 * Looks at one company from where this runs, changing nothing. Uses the shared access_token like a login does:
 * at most one gettoken, stored for everyone; one jscode2session with an invalid code, which tells without a
 * member whether the app is linked. Rejects only because of a bug.
 */
export async function diagnoseCorp(corp: Corp, questions: WecomQuestions): Promise<Finding[]> {
  const token = sharedToken(corp, questions);
  try {
    return await findingsWith(token, corp, questions).catch(async (error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      if (error.cause instanceof RedisError) throw error.cause;
      return [await gettokenFinding(token.failure(), corp, questions)];
    });
  } catch (error) {
    if (!(error instanceof RedisError)) throw error;
    return [redisFinding(error.reason, corp.corpid)];
  }
}

/** Rejects with AppError when there is no access_token. */
async function findingsWith(token: SharedToken, corp: Corp, questions: WecomQuestions): Promise<Finding[]> {
  const { corpid } = corp;
  await token.current();
  const app = await askApp(token, corp, questions);
  const gettoken = inside(token.isFetched() ? 'wecom.gettoken.fetched' : 'wecom.gettoken.stored', {}, corpid);
  if (app.isFinal) return [gettoken, app.finding];
  const code = await askCode(token, corp, questions);
  const roles = await askRoles(token, corp, questions);
  return [gettoken, ...code, app.finding, ...roles];
}

/** The access_token that logins use, and what WeCom said if it had to be fetched. */
interface SharedToken {
  /** Rejects like `AccessTokens.use`. */
  current(): Promise<string>;
  /** Replaces it if WeCom has dropped it, unless it has just been fetched. Rejects like `AccessTokens.use`. */
  use<T>(call: (accessToken: string) => Promise<T>): Promise<T>;
  isFetched(): boolean;
  failure(): WecomError | undefined;
}

function sharedToken(corp: Corp, questions: WecomQuestions): SharedToken {
  const { wecom, redis, encryptionKeys, clock, log, msLeft } = questions;
  let gettokens = 0;
  let failure: WecomError | undefined;
  const accessTokens = createAccessTokens({
    redis,
    encryptionKeys,
    clock,
    log,
    secondTry: false,
    gettoken: (asked) => {
      gettokens += 1;
      return wecom.gettoken(asked).catch((error: unknown) => {
        if (error instanceof WecomError) failure = error;
        throw error;
      });
    },
  });
  const use = <T>(call: (accessToken: string) => Promise<T>) =>
    accessTokens.use(corp, Math.min(tokenMsMax, msLeft()), call);
  const current = () => use(async (accessToken) => accessToken);
  return {
    current,
    use: async (call) => (gettokens > 0 ? call(await current()) : use(call)),
    isFetched: () => gettokens > 0,
    failure: () => failure,
  };
}

/** Why there is no access_token. Rejects with `RedisError`. */
async function gettokenFinding(
  failure: WecomError | undefined,
  corp: Corp,
  { redis, encryptionKeys }: WecomQuestions,
): Promise<Finding> {
  const { corpid } = corp;
  if (failure && failure.reaction !== 'rate_limited') return refusedFinding(failure);
  const pause = await pauseOf(redis, tokenKeyId(corp, encryptionKeys));
  if (failure || pause.why === 'rate_limited') return inside('wecom.gettoken.banned', pause, corpid);
  // An earlier call with this secret has already shown what is wrong.
  const errcode = errcodeOfPause(pause.why);
  if (errcode !== undefined) return refusedFinding(new WecomError({ api: 'gettoken', corpid, errcode }));
  if (pause.seconds > 0) return inside('wecom.gettoken.paused', pause, corpid);
  return inside('wecom.gettoken.waiting', {}, corpid);
}

/** Why WeCom gave no access_token. */
function refusedFinding(failure: WecomError): Finding {
  const { errcode, meaning, fields } = failure;
  if (errcode === undefined) return unanswered(failure);
  const values = { errcode };
  if (meaning === 'wrong_secret') return inside('wecom.gettoken.wrong_secret', values, fields.corpid);
  if (meaning === 'wrong_corpid') return inside('wecom.gettoken.wrong_corpid', values, fields.corpid);
  return generalFinding(failure) ?? inside('wecom.gettoken.refused', values, fields.corpid);
}

/**
 * What WeCom shows of the app that the token belongs to; `isFinal` if further calls are pointless. Rejects like
 * `SharedToken.use`.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90227
 */
async function askApp(
  token: SharedToken,
  corp: Corp,
  { wecom, msLeft }: WecomQuestions,
): Promise<{ finding: Finding; isFinal: boolean }> {
  const { corpid } = corp;
  const askMs = () => Math.min(askMsMax, msLeft());
  try {
    // A stored one may have been dropped by WeCom; a login would replace it in the same way.
    const { agentlist } = await token.use((accessToken) =>
      wecom.ask(corp, accessToken, 'agent/list', { schema: agentListSchema }, askMs()),
    );
    const [first] = agentlist;
    if (!first) return { finding: inside('wecom.visible_range.not_listed', {}, corpid), isFinal: false };
    const query = { agentid: String(first.agentid) };
    const question = { query, schema: agentGetSchema, bytesMax: rangeBytesMax };
    const agent = await wecom.ask(corp, await token.current(), 'agent/get', question, askMs());
    if (agent.close === 1) return { finding: inside('wecom.app.stopped', {}, corpid), isFinal: true };
    return { finding: rangeFinding(corpid, agent), isFinal: false };
  } catch (error) {
    if (!(error instanceof WecomError)) throw error;
    const failure = generalFinding(error);
    if (failure) return { finding: failure, isFinal: true };
    const { errcode = 0 } = error;
    return { finding: inside('wecom.visible_range.hidden', { errcode }, corpid), isFinal: false };
  }
}

/** Whether the app is linked with the mini-program. Rejects like `SharedToken.current`. */
async function askCode(
  token: SharedToken,
  corp: Corp,
  { wecom, msLeft }: WecomQuestions,
): Promise<Finding[]> {
  const { corpid } = corp;
  // Asked for only now: the one before may just have been replaced.
  const accessToken = await token.current();
  try {
    await wecom.jscode2session(corp, accessToken, junkCode, Math.min(askMsMax, msLeft()));
    return [];
  } catch (error) {
    if (!(error instanceof WecomError)) throw error;
    const { errcode = 0, reaction, meaning, fields } = error;
    if (reaction === 'js_code_refused') {
      return [inside('wecom.trusted_ip.ok', {}, corpid), inside('wecom.linked.ok', {}, corpid)];
    }
    if (meaning === 'not_linked') return [inside('wecom.linked.not_linked', { errcode }, corpid)];
    return [generalFinding(error) ?? inside('wecom.app.refused', { api: fields.api, errcode }, corpid)];
  }
}

/** Whether WeCom knows what ROLES names in this company. Rejects like `SharedToken.current`. */
async function askRoles(
  token: SharedToken,
  corp: Corp,
  { wecom, roles, msLeft }: WecomQuestions,
): Promise<Finding[]> {
  const { corpid } = corp;
  const rules = roles.filter((rule) => rule.corpid === corpid);
  if (rules.length === 0) return [];
  const accessToken = await token.current();
  try {
    const { unknown } = await findHolders(rules, (api, question) =>
      wecom.ask(corp, accessToken, api, question, Math.min(askMsMax, msLeft())),
    );
    if (unknown.length === 0) return [inside('wecom.roles.ok', { entries: rules.length }, corpid)];
    return unknown.map(({ role, kind, id, errcode }) => {
      const values = { role, place: `${kind}:${id}` };
      return errcode === undefined
        ? inside('wecom.roles.unknown', values, corpid)
        : inside('wecom.roles.refused', { ...values, errcode }, corpid);
    });
  } catch (error) {
    if (!(error instanceof WecomError)) throw error;
    const { api, errcode = 0 } = error.fields;
    return [generalFinding(error) ?? inside('wecom.app.refused', { api, errcode }, corpid)];
  }
}

/** The finding for a failed call to any endpoint; `undefined` if its errcode is specific to the endpoint. */
function generalFinding(error: WecomError): Finding | undefined {
  const { api, corpid, errcode, ip = 'unknown' } = error.fields;
  if (errcode === undefined) return unanswered(error);
  if (error.meaning === 'ip_not_trusted') return inside('wecom.trusted_ip.not_trusted', { ip }, corpid);
  if (error.meaning === 'app_stopped') return inside('wecom.app.stopped', {}, corpid);
  if (error.reaction === 'retry') return inside('wecom.reachable.busy', { api, errcode }, corpid);
  if (error.reaction === 'rate_limited') return inside('wecom.app.refused', { api, errcode }, corpid);
  return undefined;
}

/** For a call without a response that WeCom could have sent. */
function unanswered({ fields: { api, corpid, reason = '' } }: WecomError): Finding {
  const foreign = /^http_|^not_json$|^unexpected_shape$|^too_large$/.test(reason);
  return inside(foreign ? 'wecom.reachable.not_wecom' : 'wecom.reachable.no_answer', { api, reason }, corpid);
}

function rangeFinding(corpid: string, range: z.infer<typeof agentGetSchema>): Finding {
  const members = countIn(range.allow_userinfos, 'user');
  const departments = countIn(range.allow_partys, 'partyid');
  const tags = countIn(range.allow_tags, 'tagid');
  if (members + departments + tags === 0) return inside('wecom.visible_range.empty', {}, corpid);
  return inside('wecom.visible_range.ok', { members, departments, tags }, corpid);
}

/** How long the list of this name is; it is only shown, so anything else counts as empty. */
function countIn(parent: unknown, name: string): number {
  const fields: Record<string, unknown> = typeof parent === 'object' && parent !== null ? { ...parent } : {};
  const list = fields[name];
  return Array.isArray(list) ? list.length : 0;
}

/** Why nobody may call gettoken for now, and for how long; 0 s when anybody may. Rejects with `RedisError`. */
async function pauseOf(redis: Redis, kid: string): Promise<{ why: string; seconds: number }> {
  const key = tokenStoreKeys(kid).pause;
  const [why, ms] = await redis.pipeline([
    ['get', key],
    ['pttl', key],
  ]);
  return { why: typeof why === 'string' ? why : '', seconds: Math.max(0, Math.ceil(Number(ms) / 1000)) };
}

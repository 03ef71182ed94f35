import { createAccessTokens, tokenKeyId } from './access-token.ts';
import type { Clock } from './clock.ts';
import { type Finding, type InsideDiagnosis, inside, skipped, well } from './diagnose-table.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import type { Redis } from './redis.ts';
import { type AgentGetAnswer, type Corp, type Wecom, WecomError } from './wecom.ts';

/** Never a real one: WeCom's are 43 characters that it drew itself. */
const junkCode = 'the-doctor-asks-whether-this-app-is-linked-';
const tokenMsMax = 4000;
const askMsMax = 2500;

const wrongSecret = [40001, 40091, 41004, 45031];
const wrongCorpid = [40013, 41002];
/** What jscode2session answers to the token of an app that is not linked with a mini-program. */
const notLinked = [40014, 48001, 48002, 90206, 90207, 301_002];

export interface WecomQuestions {
  wecom: Wecom;
  redis: Redis;
  encryptionKeys: readonly Buffer[];
  clock: Clock;
  log: Log;
}

/**
 * Looks at one company from where this runs, changing nothing. Uses the shared access_token like a login does:
 * at most one gettoken, stored for everyone; one jscode2session with a code that is none, which tells without a
 * member whether the app is linked. Rejects only because of a bug.
 */
export async function diagnoseCorp(corp: Corp, questions: WecomQuestions): Promise<Finding[]> {
  const { corpid } = corp;
  const { wecom, redis, encryptionKeys, clock, log } = questions;
  const findings: Finding[] = [];
  let gettokens = 0;
  let gettokenFailure: WecomError | undefined;
  const accessTokens = createAccessTokens({
    redis,
    encryptionKeys,
    clock,
    log,
    gettoken: (asked) => {
      gettokens += 1;
      return wecom.gettoken(asked).catch((error: unknown) => {
        if (error instanceof WecomError) gettokenFailure = error;
        throw error;
      });
    },
  });
  const found = (diagnosis: InsideDiagnosis, values: Record<string, string | number> = {}) =>
    findings.push(inside(diagnosis, values, corpid));
  const ok = (check: string, text: string) => findings.push(well(check, text, corpid));

  /** For a call that failed; `false` when its errcode means nothing general. */
  function explained(error: unknown): boolean {
    if (!(error instanceof WecomError)) throw error;
    const { api, reason = '', errcode, ip = 'unknown' } = error.fields;
    if (errcode === undefined) {
      const foreign = /^http_|^not_json$|^unexpected_shape$|^too_large$/.test(reason);
      found(foreign ? 'wecom.reachable.not_wecom' : 'wecom.reachable.no_answer', { api, reason });
    } else if (errcode === 60020) found('wecom.trusted_ip.not_trusted', { ip });
    else if (errcode === 50003) found('wecom.app.stopped');
    else if (error.reaction === 'retry') found('wecom.reachable.busy', { api, errcode });
    else if (errcode === 45009) found('wecom.app.refused', { api, errcode });
    else return false;
    return true;
  }

  async function explainGettoken(error: unknown): Promise<void> {
    if (!(error instanceof AppError)) throw error;
    const pause = await pauseOf(redis, tokenKeyId(corp, encryptionKeys));
    const { errcode } = gettokenFailure ?? {};
    if (gettokenFailure && errcode === undefined) explained(gettokenFailure);
    else if (errcode === 45009) found('wecom.gettoken.banned', pause);
    else if (errcode !== undefined && wrongSecret.includes(errcode))
      found('wecom.gettoken.wrong_secret', { errcode });
    else if (errcode !== undefined && wrongCorpid.includes(errcode))
      found('wecom.gettoken.wrong_corpid', { errcode });
    else if (gettokenFailure && errcode !== undefined && !explained(gettokenFailure))
      found('wecom.gettoken.refused', { errcode });
    else if (!gettokenFailure && pause.why === 'rate_limited') found('wecom.gettoken.banned', pause);
    else if (!gettokenFailure && pause.seconds > 0) found('wecom.gettoken.paused', pause);
    else if (!gettokenFailure) found('wecom.gettoken.waiting');
  }

  const token = () => accessTokens.use(corp, tokenMsMax, (accessToken) => Promise.resolve(accessToken));
  let accessToken: string;
  try {
    accessToken = await token();
  } catch (error) {
    await explainGettoken(error);
    return findings;
  }

  const noteToken = () =>
    ok(
      'wecom.gettoken',
      gettokens > 0 ? 'fetched an access_token and stored it for all' : 'the stored access_token is good',
    );
  let range: AgentGetAnswer | undefined;
  let rangeErrcode: number | undefined;
  try {
    // A stored one may have been dropped by WeCom; a login would replace it in the same way.
    const list =
      gettokens > 0
        ? await wecom.agentList(corp, accessToken, askMsMax)
        : await accessTokens.use(corp, tokenMsMax, (stored) => wecom.agentList(corp, stored, askMsMax));
    accessToken = await token();
    noteToken();
    const [agent] = list.agentlist;
    if (agent) range = await wecom.agentGet(corp, accessToken, agent.agentid, askMsMax);
  } catch (error) {
    if (error instanceof AppError) {
      await explainGettoken(error);
      return findings;
    }
    if (findings.length === 0) noteToken();
    if (explained(error)) return findings;
    if (error instanceof WecomError) rangeErrcode = error.errcode;
  }

  try {
    await wecom.jscode2session(corp, accessToken, junkCode, askMsMax);
  } catch (error) {
    if (!(error instanceof WecomError)) throw error;
    const { errcode = 0, reaction, fields } = error;
    if (reaction === 'js_code_refused') {
      ok('wecom.trusted_ip', 'WeCom answers this address');
      ok('wecom.linked', 'the secret is that of the linked mini-program');
    } else if (notLinked.includes(errcode)) {
      found('wecom.linked.not_linked', { errcode });
    } else if (!explained(error)) {
      found('wecom.app.refused', { api: fields.api, errcode });
    }
  }
  findings.push(rangeFinding(corpid, range, rangeErrcode));
  return findings;
}

function rangeFinding(corpid: string, range: AgentGetAnswer | undefined, errcode = 0): Finding {
  if (!range) {
    const text = `WeCom does not show it to this app${errcode === 0 ? '' : ` (errcode ${errcode})`}`;
    return skipped('wecom.visible_range', text, corpid);
  }
  const members = range.allow_userinfos?.user?.length ?? 0;
  const departments = range.allow_partys?.partyid?.length ?? 0;
  const tags = range.allow_tags?.tagid?.length ?? 0;
  if (members + departments + tags === 0) {
    return inside('wecom.visible_range.empty', {}, corpid);
  }
  const text = `${members} members by name, ${departments} departments, ${tags} tags`;
  return well('wecom.visible_range', text, corpid);
}

/** Why nobody may call gettoken for now, and for how long; 0 s when anybody may. */
async function pauseOf(redis: Redis, kid: string): Promise<{ why: string; seconds: number }> {
  const key = `wxt1:{${kid}}:neg`;
  const [why, ms] = await redis.pipeline([
    ['get', key],
    ['pttl', key],
  ]);
  return { why: typeof why === 'string' ? why : '', seconds: Math.max(0, Math.ceil(Number(ms) / 1000)) };
}

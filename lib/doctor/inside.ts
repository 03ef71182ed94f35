// What the doctor sees from inside the cloud: Redis and WeCom, as a function reaches them.
import { type Clock, elapsedMs, moment } from '../clock.ts';
import type { ServicesConfig } from '../config.ts';
import type { Log } from '../log.ts';
import { createRedis } from '../redis.ts';
import { createWecom } from '../wecom.ts';
import { type Finding, inside, type InsideId, type Report } from './finding.ts';
import { diagnoseRedis } from './redis.ts';
import { diagnoseCorp } from './wecom.ts';

/** SCF ends admin after 15 s, and then nothing of what was found is seen. */
const msMax = 12_000;

/**
 * Looks at Redis and at WeCom from where this runs. Changes nothing but what a login would: an access_token that
 * is missing is fetched once and stored. After 12 s nothing more is asked.
 *
 * No finding holds a secret: SCF logs what functions/admin returns. Rejects only because of a bug.
 *
 * @param report called with each finding as soon as it is known
 */
export async function diagnose(
  config: ServicesConfig,
  clock: Clock,
  log: Log,
  report: Report = () => undefined,
): Promise<Finding[]> {
  const { corps, encryptionKeys, wecomBaseUrl, roles } = config;
  const start = moment(clock);
  const msLeft = () => Math.max(0, msMax - elapsedMs(clock, start));
  const findings: Finding[] = [];
  const note: Report = (finding) => {
    findings.push(finding);
    report(finding);
  };
  const redis = createRedis(config.redis, clock, log);
  const wecom = createWecom(wecomBaseUrl, clock);
  try {
    if (!(await diagnoseRedis(redis, config.redis, clock, note))) {
      // Without Redis nobody may call gettoken, and neither may the doctor.
      for (const { corpid } of corps) note(inside('wecom.gettoken.not_asked', {}, corpid));
      return findings;
    }
    const questions = { wecom, redis, encryptionKeys, roles, clock, log, msLeft };
    const answers = await Promise.all(corps.map((corp) => diagnoseCorp(corp, questions)));
    const host = proxyIn(wecomBaseUrl);
    if (host !== undefined) note(inside('wecom.reachable.proxy', { host }));
    for (const finding of answers.flat()) note(host === undefined ? finding : behindProxy(finding, host));
    return findings;
  } finally {
    redis.close();
  }
}

/** The host of a reverse proxy of one's own between us and WeCom; undefined for WeCom itself and for a simulator. */
export function proxyIn(wecomBaseUrl: string): string | undefined {
  if (!URL.canParse(wecomBaseUrl)) return undefined;
  const { protocol, host } = new URL(wecomBaseUrl);
  return protocol === 'https:' && host !== 'qyapi.weixin.qq.com' ? host : undefined;
}

const idBehindProxy: Record<string, InsideId> = {
  'wecom.reachable.no_answer': 'wecom.reachable.proxy_no_answer',
  'wecom.reachable.not_wecom': 'wecom.reachable.proxy_not_wecom',
};

/** What did not answer, or not as WeCom does, is the proxy. */
function behindProxy(finding: Finding, host: string): Finding {
  const id = idBehindProxy[finding.id];
  return id === undefined ? finding : inside(id, { ...finding.values, host }, finding.about);
}

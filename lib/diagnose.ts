import type { Clock } from './clock.ts';
import type { RefreshConfig } from './config.ts';
import { diagnoseRedis } from './diagnose-redis.ts';
import { type Finding, type Report, skipped } from './diagnose-table.ts';
import { diagnoseCorp } from './diagnose-wecom.ts';
import type { Log } from './log.ts';
import { createRedis, type Redis, RedisError } from './redis.ts';
import { createWecom } from './wecom.ts';

/**
 * Looks at Redis and at WeCom from where this runs, in about as long as one login may take. Changes nothing but
 * what a login would: an access_token that is missing is fetched once and stored.
 *
 * No finding holds a secret: SCF logs what functions/admin answers. Rejects only because of a bug.
 *
 * @param report told each finding as soon as it is known
 */
export async function diagnose(
  config: Omit<RefreshConfig, 'secrets'>,
  clock: Clock,
  log: Log,
  report: Report = () => undefined,
): Promise<Finding[]> {
  const { corps, encryptionKeys, wecomBaseUrl } = config;
  const findings: Finding[] = [];
  const note: Report = (finding) => {
    findings.push(finding);
    report(finding);
  };
  const redis = untilClosed(createRedis(config.redis, clock, log));
  const wecom = createWecom(wecomBaseUrl, clock);
  try {
    if (!(await diagnoseRedis(redis, config.redis, clock, note))) {
      // Without Redis nobody may call gettoken, not even to look.
      for (const { corpid } of corps) note(skipped('wecom.gettoken', 'not asked while Redis fails', corpid));
      return findings;
    }
    const asked = corps.map((corp) => diagnoseCorp(corp, { wecom, redis, encryptionKeys, clock, log }));
    for (const answer of asked) for (const finding of await answer) note(finding);
    return findings;
  } finally {
    redis.close();
  }
}

/** A wait for a token that was given up must not open a connection again once all is said. */
function untilClosed(redis: Redis): Redis {
  let closed = false;
  const open = <T>(work: () => Promise<T>) => (closed ? Promise.reject(new RedisError('closed')) : work());
  return {
    pipeline: (commands) => open(() => redis.pipeline(commands)),
    script: (script, keys, args) => open(() => redis.script(script, keys, args)),
    close() {
      closed = true;
      redis.close();
    },
  };
}

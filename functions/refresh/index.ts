import { createAccessTokens } from '../../lib/access-token.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readRefreshConfig } from '../../lib/config.ts';
import { warnOfEviction } from '../../lib/doctor/redis.ts';
import { createRedis } from '../../lib/redis.ts';
import { createMainHandler } from '../../lib/scf.ts';
import type { RenewOutcome } from '../../lib/token-source.ts';
import { createWecom } from '../../lib/wecom.ts';

let lookedAtRedis = false;

/**
 * Renews the access_token of each company whose token expires within 20 minutes. Runs every 5 minutes. A failure of one
 * company does not stop the others. Returns counts, never a token, because SCF logs the result.
 *
 * Rejects after a transient failure, so that SCF calls again in a minute. Not after a wrong secret: more calls could get
 * the egress IP banned.
 */
export const main_handler = createMainHandler(clock, readRefreshConfig, async (config, log) => {
  const { corps, encryptionKeys, wecomBaseUrl } = config;
  const redis = createRedis(config.redis, clock, log);
  const { gettoken } = createWecom(wecomBaseUrl, clock);
  const accessTokens = createAccessTokens({ redis, gettoken, encryptionKeys, clock, log });

  const counts: Record<RenewOutcome, number> = {
    fresh: 0,
    renewed: 0,
    busy: 0,
    paused: 0,
    failed: 0,
    failed_transient: 0,
  };
  try {
    // Checked here, once per process, so that it does not delay a login.
    const look = lookedAtRedis ? undefined : warnOfEviction(config.redis, clock, log);
    lookedAtRedis = true;
    const outcomes = await Promise.all(corps.map((corp) => accessTokens.renew(corp)));
    await look;
    for (const outcome of outcomes) counts[outcome] += 1;
  } finally {
    redis.close();
  }
  const result = { companies: corps.length, ...counts };
  log(counts.failed + counts.failed_transient > 0 ? 'error' : 'info', 'refresh', result);
  if (counts.failed_transient > 0) {
    throw new Error(
      `${counts.failed_transient} of ${corps.length} access tokens were not renewed; try again`,
    );
  }
  return result;
});

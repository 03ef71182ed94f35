// The one place where what functions share is put together.
import { createAccessTokens } from './access-token.ts';
import type { Clock } from './clock.ts';
import type { ServicesConfig } from './config.ts';
import { createGuard } from './guard.ts';
import type { Log } from './log.ts';
import { createPermission } from './permission.ts';
import { createRedis } from './redis.ts';
import { createSeal } from './seal.ts';
import { createSessions } from './session.ts';
import { createWecom } from './wecom.ts';
import { createWecomCall } from './wecom-call.ts';

/** Puts together what every function with callers needs; opens no connection before it is used. */
export function createServices(config: ServicesConfig, clock: Clock, log: Log) {
  const { corps, encryptionKeys } = config;
  const redis = createRedis(config.redis, clock, log);
  const wecom = createWecom(config.wecomBaseUrl, clock);
  const accessTokens = createAccessTokens({ redis, gettoken: wecom.gettoken, encryptionKeys, clock, log });
  const seal = createSeal(encryptionKeys, 'session');
  const sessions = createSessions({ redis, seal, limits: config.session, clock, log });
  const limits = config.recheck;
  const permission = createPermission({ corps, accessTokens, wecom, sessions, redis, limits, clock, log });
  const guard = createGuard(sessions, permission, log);
  const call = createWecomCall({ wecom, accessTokens, clock, log });
  return { redis, wecom: { ...wecom, call }, accessTokens, sessions, permission, guard };
}

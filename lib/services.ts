// The one place where what functions share is put together.
import { createAccessTokens } from './access-token.ts';
import type { Clock } from './clock.ts';
import type { ServicesConfig } from './config.ts';
import { createDepartmentNames } from './department-names.ts';
import { createGuard } from './guard.ts';
import type { Log } from './log.ts';
import { createPermission } from './permission.ts';
import { createRedis } from './redis.ts';
import { createRoles } from './roles.ts';
import { createSeal } from './seal.ts';
import { createSessions } from './session.ts';
import { createWecom } from './wecom.ts';
import { createWecomCall } from './wecom-call.ts';

/** Puts together what every function with callers needs; opens no connection before it is used. */
export function createServices(config: ServicesConfig, clock: Clock, log: Log) {
  const { corps, encryptionKeys, memberFields, recheck: limits } = config;
  const redis = createRedis(config.redis, clock, log);
  const wecom = createWecom(config.wecomBaseUrl, clock, memberFields);
  const accessTokens = createAccessTokens({ redis, gettoken: wecom.gettoken, encryptionKeys, clock, log });
  const seal = createSeal(encryptionKeys, 'session');
  const sessions = createSessions({ redis, seal, limits: config.session, clock, log });
  const permission = createPermission({ corps, accessTokens, wecom, sessions, redis, limits, clock, log });
  const call = createWecomCall({ wecom, accessTokens, clock, log });
  const directory = { corps, call, redis, encryptionKeys, limits, clock, log };
  const rolesOf = createRoles(config.roles, directory);
  const departmentNames = createDepartmentNames(directory);
  const guard = createGuard(sessions, permission, rolesOf, log);
  return { redis, wecom: { ...wecom, call }, accessTokens, sessions, permission, guard, departmentNames };
}

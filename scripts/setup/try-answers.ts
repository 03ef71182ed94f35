import { createCloud, readCredentials } from '../../deploy/cloud.ts';
import { CloudError } from '../../deploy/errors.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readRefreshConfig } from '../../lib/config.ts';
import { diagnoseRedis } from '../../lib/diagnose-redis.ts';
import { type Finding, skipped, well } from '../../lib/diagnose-table.ts';
import { ConfigError, type Environment } from '../../lib/environment.ts';
import { createLog } from '../../lib/log.ts';
import { createRedis } from '../../lib/redis.ts';
import { cloudFailure } from '../doctor/cloud.ts';
import { expectedFromHere } from '../doctor/inside.ts';

/** Stand-ins for what is not known yet while the answers come in. */
const otherVariables = {
  WECOM_CORPS: 'ww0000:none',
  ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64url'),
};

/** Looks at the Redis that REDIS_URL names: the first thing that is wrong, or one line that all is well. */
export async function checkRedis({ REDIS_URL, REDIS_CA, REDIS_TLS_NAME }: Environment): Promise<Finding> {
  let address;
  try {
    address = readRefreshConfig({ ...otherVariables, REDIS_URL, REDIS_CA, REDIS_TLS_NAME }).redis;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { check: 'redis.reachable', status: 'failed', found: error.problems.join('; ') };
  }
  const log = createLog([], () => undefined);
  const redis = createRedis(address, clock, log);
  const findings: Finding[] = [];
  try {
    await diagnoseRedis(
      redis,
      address,
      clock,
      (finding) => void findings.push(expectedFromHere(finding, address.host)),
    );
  } finally {
    redis.close();
  }
  const worst = ['failed', 'warning'].flatMap((status) => findings.filter((one) => one.status === status));
  const [first = findings[0]] = worst;
  return first ?? skipped('redis.reachable', 'not looked at');
}

/** Asks Tencent Cloud whose key it is; `shell` may name another endpoint. */
export async function checkKey(environment: Environment, shell: Environment): Promise<Finding> {
  const credentials = readCredentials(environment);
  if (!credentials) return skipped('cloud.key', 'no key was given');
  const region = environment['TENCENT_REGION'] || 'ap-guangzhou';
  const cloud = createCloud(credentials, region, shell);
  try {
    const { AppId } = await cloud.other('cam', 'GetUserAppId', {});
    return well('cloud.key', `of the account with APPID ${String(AppId)}`);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.cloudCode.includes('UnauthorizedOperation')) {
      return well('cloud.key', 'is known; what it may do, the deploy will show');
    }
    return cloudFailure(error, { region });
  }
}

// Tries answers on the real services before they are written.
import { createCloud, readCredentials } from '../../deploy/cloud.ts';
import { CloudError } from '../../deploy/errors.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readRefreshConfig } from '../../lib/config.ts';
import { diagnoseRedis } from '../../lib/doctor/redis.ts';
import { ConfigError, type Environment } from '../../lib/environment.ts';
import { createLog } from '../../lib/log.ts';
import { createRedis } from '../../lib/redis.ts';
import { cloudFailure } from '../doctor/cloud.ts';
import { outside, type SeenFinding } from '../doctor/finding.ts';
import { expectedFromHere } from '../doctor/inside.ts';
import { problemTexts } from '../environment-problems.ts';

/** Stand-ins for what is not known yet while the answers come in. */
const otherVariables = {
  WECOM_CORPS: 'ww0000:none',
  ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64url'),
};

/** Checks the Redis that REDIS_URL names. Returns the first thing that is wrong, else that it responds. */
export async function checkRedis({ REDIS_URL, REDIS_CA, REDIS_TLS_NAME }: Environment): Promise<SeenFinding> {
  let address;
  try {
    address = readRefreshConfig({ ...otherVariables, REDIS_URL, REDIS_CA, REDIS_TLS_NAME }).redis;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return outside('redis.reachable.not_usable', {
      problems: problemTexts(error.problems, { en: '; ', zh: '；' }),
    });
  }
  const log = createLog([], () => undefined);
  const redis = createRedis(address, clock, log);
  const findings: SeenFinding[] = [];
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
  return first ?? outside('redis.reachable.not_checked');
}

/** Asks Tencent Cloud whose key it is; `shell` may name another endpoint. */
export async function checkKey(environment: Environment, shell: Environment): Promise<SeenFinding> {
  const credentials = readCredentials(environment);
  if (!credentials) return outside('cloud.key.not_given');
  const region = environment['TENCENT_REGION'] || 'ap-guangzhou';
  const cloud = createCloud(credentials, region, shell);
  try {
    const { AppId } = await cloud.other('cam', 'GetUserAppId', {});
    return outside('cloud.key.ok', { appId: String(AppId) });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.cloudCode.includes('UnauthorizedOperation')) {
      return outside('cloud.key.known');
    }
    return cloudFailure(error, { region });
  }
}

// From `$LATEST` to what serves requests: publish a version, look whether it answers, move `$DEFAULT` to it; and back.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cloud } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import { LIVE, versionMark, waitUntilActive, type DeployedFunction } from './function.ts';
import type { FunctionSettings } from './settings.ts';
import { CHECK_TRIGGER, listTriggers, urlOf } from './triggers.ts';

/** Versions kept for rollback, the live one among them. */
const VERSIONS_KEPT = 5;
const CHECK_TRIES = 4;
const CHECK_PAUSE_MS = 300;

/** Freezes `$LATEST` as a new version and returns its number. */
export async function publishVersion(
  cloud: Cloud,
  name: string,
  deployId: string,
  fingerprint: string,
): Promise<string> {
  const { FunctionVersion } = await cloud.scf('PublishVersion', {
    FunctionName: name,
    Description: versionMark(deployId, fingerprint),
  });
  if (!FunctionVersion) throw new DeployError(`${name}: the cloud published a version without a number.`);
  await waitUntilActive(cloud, name, FunctionVersion);
  return FunctionVersion;
}

export type CheckResult = 'healthy' | 'unreachable' | 'not asked';

/**
 * Gives the version a function URL of its own for as long as one GET takes. Throws DeployError when it answers anything
 * but 200; `unreachable` when no HTTP answer came, which says more about this computer's network than about the version.
 */
export async function checkVersion(
  cloud: Cloud,
  fn: FunctionSettings,
  version: string,
): Promise<CheckResult> {
  if (fn.type !== 'web' || fn.healthPath === undefined) return 'not asked';
  const trigger = { FunctionName: fn.name, TriggerName: CHECK_TRIGGER, Type: 'http', Qualifier: version };
  const TriggerDesc = JSON.stringify({
    AuthType: 'NONE',
    NetConfig: { EnableIntranet: false, EnableExtranet: true },
  });
  await cloud.scf('CreateTrigger', { ...trigger, TriggerDesc, Enable: 'OPEN' });
  try {
    const created = (await listTriggers(cloud, fn.name)).find(
      ({ qualifier, type }) => qualifier === version && type === 'http',
    );
    const url = created && urlOf(created);
    if (url === undefined) return 'unreachable';
    let status: number | undefined;
    for (let attempt = 0; attempt < CHECK_TRIES; attempt++) {
      if (attempt > 0) await delay(CHECK_PAUSE_MS * 2 ** attempt);
      status = (await cloud.get(url + fn.healthPath))?.status;
      if (status === 200) return 'healthy';
    }
    if (status === undefined) return 'unreachable';
    throw new DeployError(
      `${fn.name}: the new version ${version} answered GET ${fn.healthPath} with ${status} instead of 200 and was not released; see sls logs -f ${fn.key}.`,
    );
  } finally {
    await cloud.scf('DeleteTrigger', trigger);
  }
}

/** Sends all traffic of function URL and timer to `version`. */
export async function releaseVersion(cloud: Cloud, name: string, version: string): Promise<void> {
  await cloud.scf('UpdateAlias', {
    FunctionName: name,
    Name: LIVE,
    FunctionVersion: version,
    // A gray release set up in the console would go on sending its share elsewhere.
    RoutingConfig: { AdditionalVersionWeights: [] },
  });
}

/** Deletes versions too old to go back to. The cloud refuses those still in use, and that is left so. */
export async function pruneVersions(cloud: Cloud, name: string, deployed: DeployedFunction): Promise<void> {
  const numbers = deployed.versions
    .map(({ version }) => version)
    .filter((version) => version !== deployed.liveVersion);
  for (const Qualifier of numbers.slice(0, Math.max(0, numbers.length - (VERSIONS_KEPT - 2)))) {
    try {
      await cloud.scf('DeleteFunctionVersion', { FunctionName: name, Qualifier });
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
    }
  }
}

/** The newest version older than the live one. */
export const previousVersion = (deployed: DeployedFunction): string | undefined =>
  deployed.versions.findLast(({ version }) => Number(version) < Number(deployed.liveVersion))?.version;

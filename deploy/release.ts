// From `$LATEST` to what serves requests: publish a version, look whether it answers, move `$DEFAULT` to it; and back.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { type Bilingual, both } from '../scripts/language.ts';
import type { Cloud, ScfRequest } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import { isWhole, readVersions, versionMark, type DeployedFunction } from './function.ts';
import { type Release, releaseMark, releasesWith, versionsKept } from './history.ts';
import type { FunctionSettings } from './settings.ts';
import { change, getFunction, latestVersion, liveAlias, waitUntilActive } from './state.ts';
import { refusalTexts } from './texts.ts';
import { createUrl, deleteStray, deleteStrays, type DeployedTrigger, urlOf } from './triggers.ts';

/** A new function URL is known to the gateway after some seconds, and a first start inside a VPC takes some more. */
const checkMsMax = 60_000;
/** A refusal by SCF in the function's place may be passing for so long. */
const refusalMsMin = 15_000;
const checkPauseMsMax = 1000;
/** Answers of the function itself that make a verdict. */
const refusalsMin = 3;
/** Publishing is repeated when its answer was lost and there is no new version. */
const publishTries = 3;

/**
 * Freezes `$LATEST` as a new version and returns its number. When the answer was lost, or the cloud publishes nothing
 * because nothing has changed since, that is the newest version of the same content. Throws DeployError when another
 * deploy has changed `$LATEST` meanwhile.
 */
export async function publishVersion(
  cloud: Cloud,
  name: string,
  deployId: string,
  fingerprint: string,
  release: string,
): Promise<string> {
  const made = await publish(cloud, name, deployId, fingerprint, release);
  const published = await waitUntilActive(cloud, name, made.version);
  // The function itself is Publishing for a moment longer or shorter, and takes no other change meanwhile.
  const latest = await waitUntilActive(cloud, name);
  if (!isWhole(published, made.deployId, latest, deployId))
    throw new DeployError(refusalTexts.otherDeploy(name));
  return made.version;
}

async function publish(
  cloud: Cloud,
  name: string,
  deployId: string,
  fingerprint: string,
  release: string,
): Promise<{ version: string; deployId: string }> {
  const Description = versionMark(deployId, fingerprint, release);
  for (let attempt = 1; ; attempt++) {
    try {
      const { FunctionVersion } = await change(cloud, 'PublishVersion', { FunctionName: name, Description });
      if (FunctionVersion) return { version: FunctionVersion, deployId };
      throw new DeployError(refusalTexts.versionWithoutNumber(name));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const isUnanswered = error.cloudCode === '';
      const mayBeThere = isUnanswered || /^(Unsupported|Failed)Operation/.test(error.cloudCode);
      const versions = mayBeThere ? await readVersions(cloud, name) : [];
      const newest = versions.findLast(
        (version) => version.fingerprint === fingerprint && (!isUnanswered || version.deployId === deployId),
      );
      if (newest) return newest;
      if (!isUnanswered || attempt === publishTries) throw error;
    }
  }
}

/** A version that an earlier run published and did not release, with exactly this content. */
export async function findUnreleased(
  cloud: Cloud,
  name: string,
  deployed: DeployedFunction | undefined,
  fingerprint: string,
): Promise<string | undefined> {
  const found = deployed?.versions.findLast((version) => version.fingerprint === fingerprint);
  if (!deployed || !found) return undefined;
  const isNewer =
    deployed.liveVersion === latestVersion || Number(found.version) > Number(deployed.liveVersion);
  if (!isNewer) return undefined;
  const published = await getFunction(cloud, name, found.version);
  if (published?.Status !== 'Active') return undefined;
  return isWhole(published, found.deployId, deployed.configuration) ? found.version : undefined;
}

export type CheckResult = 'healthy' | 'unreachable' | 'not public' | 'not asked';

const UrlSettings = z.looseObject({
  AuthType: z.literal('NONE'),
  NetConfig: z.looseObject({ EnableExtranet: z.literal(true) }),
});

/** What serverless.yml keeps closed is not opened for a check: its URL stays if the run breaks off. */
function isPublic({ triggers }: FunctionSettings): boolean {
  return triggers.some(
    ({ type, description }) => type === 'http' && UrlSettings.safeParse(parsed(description)).success,
  );
}

/**
 * Gives the version a function URL of its own for as long as the check takes, and asks for up to 60 seconds. Only what
 * is certainly the version's own counts: 200 with a JSON object is healthy; a JSON object of the function with another
 * status, three times, or a refusal by SCF in its place (`errorCode`), for 15 seconds, is not, and throws
 * DeployError. Everything else comes from the gateway, a proxy or the network: `unreachable`, unless the last answer was
 * a refusal or 5xx, which is a DeployError. A version that is refused is deleted.
 */
export async function checkVersion(
  cloud: Cloud,
  fn: FunctionSettings,
  version: string,
  warn: (words: Bilingual) => void,
): Promise<CheckResult> {
  if (fn.type !== 'web' || fn.healthPath === undefined) return 'not asked';
  if (!isPublic(fn)) return 'not public';
  const trigger = await urlOfVersion(cloud, fn, version, warn);
  const url = trigger && urlOf(trigger);
  if (trigger === undefined || url === undefined) return 'unreachable';
  let result: CheckResult | undefined;
  try {
    result = await askVersion(cloud, fn, version, url);
    return result;
  } finally {
    // What the check found is not to be lost over it.
    await deleteStray(cloud, fn.name, trigger, warn);
    // A rollback is not to find it.
    if (result === undefined) await deleteVersion(cloud, fn.name, version);
  }
}

/** Undefined when the cloud shows none. */
async function urlOfVersion(
  cloud: Cloud,
  fn: FunctionSettings,
  version: string,
  warn: (words: Bilingual) => void,
): Promise<DeployedTrigger | undefined> {
  const description = JSON.stringify({
    AuthType: 'NONE',
    NetConfig: { EnableIntranet: false, EnableExtranet: true },
  });
  try {
    return await createUrl(cloud, fn.name, version, description);
  } catch (error) {
    if (!(error instanceof CloudError) || !error.cloudCode.startsWith('LimitExceeded')) throw error;
    // Runs that broke off have left theirs.
    await deleteStrays(cloud, fn.name, warn);
    return createUrl(cloud, fn.name, version, description);
  }
}

async function askVersion(
  cloud: Cloud,
  fn: FunctionSettings,
  version: string,
  url: string,
): Promise<CheckResult> {
  const startMs = Date.now();
  let refusals = 0;
  let refusedSinceMs: number | undefined;
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, checkPauseMsMax)) {
    const answer = await cloud.get(url + fn.healthPath);
    const verdict = answer === undefined ? 'not its own' : judge(answer);
    const nowMs = Date.now();
    if (verdict === 'healthy') return 'healthy';
    if (verdict === 'refused by SCF') refusedSinceMs ??= nowMs;
    else refusedSinceMs = undefined;
    refusals = verdict === 'refused' ? refusals + 1 : 0;
    const isSettled = refusedSinceMs !== undefined && nowMs - refusedSinceMs >= refusalMsMin;
    const isOver = nowMs - startMs > checkMsMax;
    const isRefused = verdict === 'refused' || verdict === 'refused by SCF' || (answer?.status ?? 0) >= 500;
    if (refusals === refusalsMin || isSettled || (isOver && isRefused)) {
      throw new DeployError(refusalTexts.unhealthy(fn, version, answer?.status, reasonIn(answer?.body)));
    }
    if (isOver) return 'unreachable';
    await delay(pauseMs);
  }
}

/**
 * What SCF answers in the place of a function that cannot run: suspended (402, 410), its process ended (405), and from
 * 430 on failures of the code. Not 400 and 404: a gateway that does not know a new URL yet may answer those.
 *
 * @see https://www.tencentcloud.com/document/product/583/35311
 */
const statusesOfScf = { single: [402, 405, 410], from: 430, to: 499 };

const OwnAnswer = z.looseObject({ errorCode: z.optional(z.unknown()), statusCode: z.optional(z.unknown()) });
const ScfRefusal = z.object({ errorMessage: z.string() });
const reasonCharsMax = 160;

/** What SCF gives as the reason, for example that the function ended while it started. */
function reasonIn(body = ''): Bilingual {
  const refusal = ScfRefusal.safeParse(parsed(body));
  if (!refusal.success) return both(() => '');
  return refusalTexts.scfReason(refusal.data.errorMessage.split('\n', 1)[0]?.slice(0, reasonCharsMax) ?? '');
}

/** Whose answer it is and what it means. */
function judge({
  status,
  body,
}: {
  status: number;
  body: string;
}): 'healthy' | 'refused' | 'refused by SCF' | 'not its own' {
  const answer = OwnAnswer.safeParse(parsed(body));
  if (!answer.success) return 'not its own';
  const { errorCode, statusCode } = answer.data;
  if (errorCode !== undefined || statusCode !== undefined) {
    const { single, from, to } = statusesOfScf;
    const isRefusal = single.includes(status) || (status >= from && status <= to);
    return isRefusal ? 'refused by SCF' : 'not its own';
  }
  if (status === 200) return 'healthy';
  if (['request_id', 'error', 'status'].some((member) => member in answer.data)) return 'refused';
  return status >= 500 ? 'refused by SCF' : 'not its own';
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Members of UpdateAlias that a cloud may refuse, and its codes for that. */
const optionalMembers = {
  RoutingConfig: /RoutingConfig|AdditionalVersionWeights/,
  Description: /Description/,
};

/** Sends all traffic of function URL and timer to that version; a gray release ends by it. */
export async function releaseVersion(
  cloud: Cloud,
  name: string,
  release: Release,
  deployed: DeployedFunction | undefined,
): Promise<void> {
  const isShared = (deployed?.shares.length ?? 0) > 0;
  const request: ScfRequest<'UpdateAlias'> = {
    FunctionName: name,
    Name: liveAlias,
    FunctionVersion: release.version,
    Description: releaseMark(releasesWith(release, deployed)),
    ...(isShared ? { RoutingConfig: { AdditionalVersionWeights: [] } } : {}),
  };
  for (;;) {
    try {
      await change(cloud, 'UpdateAlias', request);
      return;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const { cloudCode } = error;
      const refused = (['RoutingConfig', 'Description'] as const).find(
        (member) => member in request && optionalMembers[member].test(cloudCode),
      );
      if (!refused) throw error;
      delete request[refused];
    }
  }
}

/** Deletes versions too old to go back to; those that were live are kept the longest. */
export async function pruneVersions(
  cloud: Cloud,
  name: string,
  release: Release,
  deployed: DeployedFunction,
): Promise<void> {
  const releases = releasesWith(release, deployed);
  const others = deployed.versions
    .map(({ version }) => version)
    .filter((version) => !releases.some((kept) => kept.version === version));
  for (const version of others.slice(0, Math.max(0, others.length - (versionsKept - releases.length))))
    await deleteVersion(cloud, name, version);
}

/** The cloud refuses it for a version still in use, and that is left so. */
async function deleteVersion(cloud: Cloud, FunctionName: string, Qualifier: string): Promise<void> {
  try {
    await change(cloud, 'DeleteFunctionVersion', { FunctionName, Qualifier });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
  }
}

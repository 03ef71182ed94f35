// One function in the cloud: read it, make it, change it, delete it.
import Provider from '@serverless/tencent-scf/library/provider.js';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Bilingual } from '../scripts/language.ts';
import type { Cloud, ScfAnswer, ScfRequest } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import { type Release, releasesIn } from './history.ts';
import type { LogTopic } from './log-topic.ts';
import type { FunctionPackage } from './package.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { deployTexts, refusalTexts } from './texts.ts';
import { deleteTrigger, listTriggers } from './triggers.ts';
import {
  change,
  changeIfThere,
  type Configuration,
  getFunction,
  isChanging,
  isNone,
  latestVersion,
  liveAlias,
  waitUntilActive,
  waitUntilGone,
  waitWhileChanging,
} from './state.ts';

/** Zips up to this size travel inside the request, which may have 10 MB; larger ones go through COS. */
const inlineBytesMax = 1_000_000;

/** What is deployed under a name. */
export interface DeployedFunction {
  configuration: Configuration;
  /** Version `$DEFAULT` points to; `$LATEST` before the first release. */
  liveVersion: string;
  releases: Release[];
  /** A gray release: other versions that get a share of the traffic. */
  shares: { version: string; weight: number }[];
  /** Published versions, oldest first. */
  versions: { version: string; deployId: string; fingerprint: string; release: string }[];
}

/**
 * Written on each published version: which deploy made it, of what, and of which version of package.json. SCF allows letters,
 * digits, blanks, commas and full stops.
 */
export function versionMark(deployId: string, fingerprint: string, release: string): string {
  const mark = `deploy ${deployId} sha256 ${fingerprint}`;
  return release === '' ? mark : `${mark} release ${release.replaceAll(/[^\w.]/g, ' ')}`;
}

/** The end of our functions' descriptions, by which a later run knows them; SCF allows no hyphen in it. */
function ownershipMark({ service, stage }: ServiceSettings, key: string): string {
  return `Deployed by sls, service ${service}, stage ${stage}, function ${key}.`.replaceAll(/[-_]/g, ' ');
}

/** True when the function was made for this service and stage, as this key of serverless.yml. */
export function isOwn(settings: ServiceSettings, key: string, Description: string | undefined): boolean {
  return Description?.endsWith(ownershipMark(settings, key)) === true;
}

/** Reads a function with its versions, in any state; undefined if it does not exist. Changes nothing. */
export async function readDeployed(cloud: Cloud, name: string): Promise<DeployedFunction | undefined> {
  const configuration = await getFunction(cloud, name);
  return configuration && withVersions(cloud, name, configuration);
}

/**
 * Prepares a function for a deploy: waits for a change in progress, and removes a function whose creation failed. Returns
 * undefined if the function does not exist then.
 */
export async function readSettled(cloud: Cloud, name: string): Promise<DeployedFunction | undefined> {
  const first = await getFunction(cloud, name);
  if (!first) return undefined;
  const configuration = isChanging(first) ? await waitWhileChanging(cloud, name) : first;
  if (!configuration) return undefined;
  if (configuration.Status === 'CreateFailed') {
    await changeIfThere(cloud, 'DeleteFunction', { FunctionName: name });
    await waitUntilGone(cloud, name);
    return undefined;
  }
  return withVersions(cloud, name, configuration);
}

async function withVersions(
  cloud: Cloud,
  name: string,
  configuration: Configuration,
): Promise<DeployedFunction> {
  const {
    FunctionVersion: liveVersion = latestVersion,
    RoutingConfig,
    Description = '',
  } = await unlessNone<Partial<ScfAnswer<'GetAlias'>>>(
    () => cloud.scf('GetAlias', { FunctionName: name, Name: liveAlias }),
    {},
  );
  const shares = RoutingConfig?.AdditionalVersionWeights ?? [];
  return {
    configuration,
    liveVersion,
    shares: shares.map(({ Version, Weight }) => ({ version: Version, weight: Weight })),
    releases: releasesIn(Description, liveVersion),
    versions: await readVersions(cloud, name),
  };
}

/** Published versions, oldest first. */
export async function readVersions(cloud: Cloud, name: string): Promise<DeployedFunction['versions']> {
  const { Versions = [] } = await unlessNone(
    () => cloud.scf('ListVersionByFunction', { FunctionName: name, Limit: 100 }),
    { Versions: [] },
  );
  return Versions.filter(({ Version }) => /^\d+$/.test(Version))
    .map(({ Version, Description }) => {
      const mark = /^deploy (\w+) sha256 (\w+)(?: release (.+))?$/.exec(Description ?? '');
      const [, deployId = '', fingerprint = '', release = ''] = mark ?? [];
      return { version: Version, deployId, fingerprint, release };
    })
    .toSorted((a, b) => Number(a.version) - Number(b.version));
}

/** Returns the result of `ask`, or `otherwise` if the cloud says that the thing does not exist. */
async function unlessNone<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isNone(error)) return otherwise;
    throw error;
  }
}

/** Everything UpdateFunctionConfiguration takes; what serverless.yml no longer has is sent in its empty form. */
function configurationOf(fn: FunctionSettings, settings: ServiceSettings, topic: LogTopic | undefined) {
  const base = new Provider({ region: settings.region }).getFunctionResource(
    {
      handler: fn.handler,
      memorySize: fn.memorySize,
      timeout: fn.timeout,
      runtime: fn.runtime,
      role: fn.role,
      environment: { variables: fn.environment },
      vpcConfig: fn.vpc,
      codeUri: settings.codeBucket ? { bucket: settings.codeBucket } : {},
    },
    fn.name,
  ).Properties;
  const variables = Object.entries(fn.environment).map(([Key, Value]) => ({ Key, Value }));
  const configuration = {
    Description: [fn.description, ownershipMark(settings, fn.key)].filter(Boolean).join(' '),
    MemorySize: base.MemorySize,
    Timeout: base.Timeout,
    InitTimeout: fn.initTimeout,
    Role: base.Role ?? '',
    Environment: { Variables: variables.length > 0 ? variables : [{ Key: '', Value: '' }] },
    VpcConfig: base.VpcConfig ?? { VpcId: '', SubnetId: '' },
    Layers:
      fn.layers.length > 0
        ? fn.layers.map(({ name, version }) => ({ LayerName: name, LayerVersion: version }))
        : [{ LayerName: '', LayerVersion: 0 }],
    PublicNetConfig: {
      PublicNetStatus: fn.publicNetwork ? 'ENABLE' : 'DISABLE',
      EipConfig: { EipStatus: fn.eip ? 'ENABLE' : 'DISABLE' },
    },
    ClsLogsetId: topic?.logsetId ?? '',
    ClsTopicId: topic?.topicId ?? '',
    ...(fn.type === 'web'
      ? {
          InstanceConcurrencyConfig: fn.instanceConcurrency
            ? { DynamicEnabled: 'FALSE', MaxConcurrency: fn.instanceConcurrency }
            : { DynamicEnabled: '' },
        }
      : {}),
  };
  return { base, configuration };
}

/** SHA-256 of code and configuration: equal fingerprints need no deploy. */
export function fingerprintOf(
  fn: FunctionSettings,
  settings: ServiceSettings,
  topic: LogTopic | undefined,
  code: FunctionPackage,
): string {
  const { base, configuration } = configurationOf(fn, settings, topic);
  const content = [code.sha256, base.Handler, base.Runtime, fn.type, configuration];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** Written into `$LATEST` by the run that changes it, so that two runs at once notice each other. */
function claimOf(deployId: string): string {
  return `Deploy ${deployId}.`;
}

/** Throws DeployError when another run has written `configuration`. */
export function refuseForeign(name: string, configuration: Configuration, deployId: string): void {
  if (configuration.Description?.startsWith(claimOf(deployId))) return;
  throw new DeployError(refusalTexts.otherDeploy(name));
}

/**
 * True when what the version holds was written by the run that published it, and by no other. The version shows that run's
 * claim; or only the mark it was given, and then `$LATEST` must still show the claim of `writer`.
 */
export function isWhole(
  version: Configuration,
  deployId: string,
  latest: Configuration,
  writer = deployId,
): boolean {
  if (version.Description?.startsWith(claimOf(deployId))) return true;
  const isMarked = version.Description?.startsWith(`deploy ${deployId} `) === true;
  return isMarked && latest.Description?.startsWith(claimOf(writer)) === true;
}

/** Throws DeployError when another run has changed the function since this one read it as `before`. */
export async function refuseOvertaken(
  cloud: Cloud,
  name: string,
  deployId: string,
  before: DeployedFunction | undefined,
): Promise<void> {
  const now = await readDeployed(cloud, name);
  const text = now?.configuration.Description ?? '';
  const isOurs = text.startsWith(claimOf(deployId)) || text === before?.configuration.Description;
  if (!now || !isOurs || now.liveVersion !== (before?.liveVersion ?? latestVersion))
    throw new DeployError(refusalTexts.otherDeploy(name));
}

type Code = { CosBucketName: string; CosObjectName: string } | { ZipFile: string };

async function codeOf(
  cloud: Cloud,
  settings: ServiceSettings,
  place: { Bucket: string; Key: string },
  code: FunctionPackage,
): Promise<Code> {
  if (settings.codeBucket === undefined && code.bytes <= inlineBytesMax)
    return { ZipFile: readFileSync(code.zipPath).toString('base64') };
  const isOwnBucket = settings.codeBucket !== undefined;
  return cloud.upload({ bucket: place.Bucket, key: place.Key, isOwnBucket }, code.zipPath);
}

/** What `writeLatest` needs. */
export interface LatestRequest {
  fn: FunctionSettings;
  settings: ServiceSettings;
  topic: LogTopic | undefined;
  code: FunctionPackage;
  deployed: DeployedFunction | undefined;
  deployId: string;
  warn(words: Bilingual): void;
}

/** Uploads the code and makes `$LATEST` what serverless.yml says. Nothing that serves requests changes by it. */
export async function writeLatest(cloud: Cloud, request: LatestRequest): Promise<void> {
  const { fn, settings, topic, code, deployId } = request;
  const { base, configuration } = configurationOf(fn, settings, topic);
  const Code = await codeOf(cloud, settings, base.CodeUri, code);
  const FunctionName = fn.name;
  const handler = fn.type === 'web' ? {} : { Handler: base.Handler };
  const Description = `${claimOf(deployId)} ${configuration.Description}`;
  let existing = request.deployed?.configuration;
  if (!existing) {
    const {
      ClsLogsetId,
      ClsTopicId,
      Role,
      VpcConfig,
      Layers,
      Environment,
      InstanceConcurrencyConfig,
      ...rest
    } = { InstanceConcurrencyConfig: undefined, ...configuration };
    const isMade = await create(cloud, request, {
      FunctionName,
      ...rest,
      ...handler,
      Description,
      Code,
      ...('ZipFile' in Code ? { CodeSource: 'ZipFile' } : {}),
      Runtime: base.Runtime,
      Type: fn.type === 'web' ? 'HTTP' : 'Event',
      Tags: Object.entries(fn.tags).map(([Key, Value]) => ({ Key, Value })),
      // Nothing is sent empty: nobody has seen the cloud take that on creation.
      ...(topic ? { ClsLogsetId, ClsTopicId, AutoDeployClsTopicIndex: 'TRUE' } : {}),
      ...(Role ? { Role } : {}),
      ...(fn.vpc ? { VpcConfig } : {}),
      ...(Object.keys(fn.environment).length > 0 ? { Environment } : {}),
      ...(fn.layers.length > 0 ? { Layers } : {}),
      ...(fn.instanceConcurrency && InstanceConcurrencyConfig ? { InstanceConcurrencyConfig } : {}),
    });
    existing = await waitUntilActive(cloud, FunctionName);
    if (isMade) return refuseForeign(FunctionName, existing, deployId);
  }
  const { ClsLogsetId, ClsTopicId, Role, VpcConfig, ...rest } = configuration;
  await change(cloud, 'UpdateFunctionConfiguration', {
    FunctionName,
    ...rest,
    Description,
    // The empty form takes away what is set, and is sent for nothing else.
    ...(ClsTopicId || existing.ClsTopicId ? { ClsLogsetId, ClsTopicId } : {}),
    ...(Role || existing.Role ? { Role } : {}),
    ...(fn.vpc || existing.VpcConfig?.VpcId ? { VpcConfig } : {}),
  });
  refuseForeign(FunctionName, await waitUntilActive(cloud, FunctionName), deployId);
  const written = 'ZipFile' in Code ? { ...Code, CodeSource: 'ZipFile' } : { Code };
  await change(cloud, 'UpdateFunctionCode', { FunctionName, ...handler, ...written });
  refuseForeign(FunctionName, await waitUntilActive(cloud, FunctionName), deployId);
}

/** False when the function is there already and ours: made by a call whose answer was lost, or by a run that broke off. */
async function create(
  cloud: Cloud,
  about: Pick<LatestRequest, 'fn' | 'settings' | 'warn'>,
  request: ScfRequest<'CreateFunction'>,
): Promise<boolean> {
  const { fn, settings, warn } = about;
  try {
    await change(cloud, 'CreateFunction', request);
    return true;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.cloudCode.startsWith('ResourceInUse')) {
      const found = await waitWhileChanging(cloud, fn.name);
      if (isOwn(settings, fn.key, found?.Description)) return false;
    }
    const isAboutTags = /\btag:/i.test(error.cloudMessage) || /\bTags?\b/.test(error.cloudCode);
    if (!request.Tags?.length || !isAboutTags) throw error;
    warn(deployTexts.createdWithoutTags(fn.key, error.words));
    const { Tags: _, ...untagged } = request;
    return create(cloud, about, untagged);
  }
}

/** Deletes a function with what hangs on it, in the order in which the cloud lets it go, and waits until it is gone. */
export async function deleteFunction(cloud: Cloud, name: string): Promise<void> {
  const found = await getFunction(cloud, name);
  if (!found) return;
  if (found.Status !== 'Deleting') {
    if (found.Status !== 'CreateFailed') {
      for (const trigger of await listTriggers(cloud, name)) await deleteTrigger(cloud, name, trigger);
      await pointToLatest(cloud, name);
    }
    await changeIfThere(cloud, 'DeleteFunction', { FunctionName: name });
  }
  await waitUntilGone(cloud, name);
}

/** A function whose alias points to a version may count as used. Whether it does is for DeleteFunction to say. */
async function pointToLatest(cloud: Cloud, FunctionName: string): Promise<void> {
  try {
    await change(cloud, 'UpdateAlias', { FunctionName, Name: liveAlias, FunctionVersion: latestVersion });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
  }
}

/** Brings the tags that serverless.yml names to what it says; others are not ours. What fails is a warning. */
export async function writeTags(
  cloud: Cloud,
  fn: FunctionSettings,
  region: string,
  deployed: DeployedFunction,
  warn: (words: Bilingual) => void,
): Promise<void> {
  const current = new Map(deployed.configuration.Tags?.map(({ Key, Value }) => [Key, Value]));
  const ReplaceTags = Object.entries(fn.tags)
    .filter(([key, value]) => current.get(key) !== value)
    .map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  if (ReplaceTags.length === 0) return;
  const Resource = `qcs::scf:${region}:uin/:namespace/default/function/${fn.name}`;
  try {
    await cloud.other('tag', 'ModifyResourceTags', { Resource, ReplaceTags });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    warn(deployTexts.tagsNotChanged(fn.key, error.words));
  }
}

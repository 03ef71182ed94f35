// One function in the cloud: read it, make it, change it, wait until it is Active.
import Provider from '@serverless/tencent-scf/library/provider.js';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cloud } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import type { LogTopic } from './log-topic.ts';
import type { FunctionPackage } from './package.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';

const WAIT_MS_MAX = 180_000;
const FIRST_POLL_MS = 100;
const POLL_MS_MAX = 2000;
/** The alias that all traffic goes to. */
export const LIVE = '$DEFAULT';
const LATEST = '$LATEST';

type Configuration = Awaited<ReturnType<typeof getFunction>>;

/** What is deployed under a name. */
export interface DeployedFunction {
  configuration: NonNullable<Configuration>;
  /** Version `$DEFAULT` points to; `$LATEST` before the first release. */
  liveVersion: string;
  /** Published versions, oldest first. */
  versions: { version: string; deployId: string; fingerprint: string }[];
}

/** Written on each published version: which deploy made it and of what. SCF allows letters, digits and blanks. */
export const versionMark = (deployId: string, fingerprint: string): string =>
  `deploy ${deployId} sha256 ${fingerprint}`;

/** Description of our functions, by which a later run knows them; SCF allows no hyphen in it. */
export const ownershipMark = ({ service, stage }: ServiceSettings, key: string): string =>
  `Deployed by sls, service ${service}, stage ${stage}, function ${key}.`.replaceAll(/[-_]/g, ' ');

export async function getFunction(cloud: Cloud, FunctionName: string, Qualifier = LATEST) {
  try {
    return await cloud.scf('GetFunction', { FunctionName, Qualifier, ShowCode: 'FALSE' });
  } catch (error) {
    if (error instanceof CloudError && error.cloudCode.startsWith('ResourceNotFound.Function'))
      return undefined;
    throw error;
  }
}

/** Waits while the cloud creates, updates, publishes or deletes. Throws when that fails or takes over 3 minutes. */
export async function waitUntilActive(
  cloud: Cloud,
  name: string,
  qualifier = LATEST,
): Promise<NonNullable<Configuration>> {
  const deadlineMs = Date.now() + WAIT_MS_MAX;
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 1.5, POLL_MS_MAX)) {
    const found = await getFunction(cloud, name, qualifier);
    if (!found) throw new DeployError(`${name} disappeared while it was being deployed.`);
    if (found.Status === 'Active') return found;
    if (found.Status?.endsWith('Failed')) {
      const reason =
        found.StatusReasons?.map(({ ErrorMessage }) => ErrorMessage).join('; ') || found.StatusDesc;
      throw new DeployError(
        `${name}: ${found.Status}${reason ? `, ${reason}` : ''}. Correct that and run sls deploy again.`,
      );
    }
    if (Date.now() > deadlineMs)
      throw new DeployError(`${name} is still ${found.Status} after 3 minutes; run the command again later.`);
    await delay(pauseMs);
  }
}

/** Reads a function with its versions; undefined when there is none. One that could not be created is removed first. */
export async function readDeployed(cloud: Cloud, name: string): Promise<DeployedFunction | undefined> {
  const first = await getFunction(cloud, name);
  if (!first) return undefined;
  if (first.Status === 'CreateFailed') {
    await cloud.scf('DeleteFunction', { FunctionName: name });
    return undefined;
  }
  const isBetween = first.Status !== 'Active' && !first.Status?.endsWith('Failed');
  const configuration = isBetween ? await waitUntilActive(cloud, name) : first;
  const { FunctionVersion } = await cloud.scf('GetAlias', { FunctionName: name, Name: LIVE });
  const { Versions = [] } = await cloud.scf('ListVersionByFunction', { FunctionName: name, Limit: 100 });
  const versions = Versions.filter(({ Version }) => /^\d+$/.test(Version))
    .map(({ Version, Description }) => {
      const mark = /^deploy (\w+) sha256 (\w+)$/.exec(Description ?? '');
      return { version: Version, deployId: mark?.[1] ?? '', fingerprint: mark?.[2] ?? '' };
    })
    .toSorted((a, b) => Number(a.version) - Number(b.version));
  return { configuration, liveVersion: FunctionVersion ?? LATEST, versions };
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

/** Uploads the code and makes `$LATEST` what serverless.yml says. Nothing that serves requests changes by it. */
export async function writeLatest(
  cloud: Cloud,
  fn: FunctionSettings,
  settings: ServiceSettings,
  topic: LogTopic | undefined,
  code: FunctionPackage,
  deployed: DeployedFunction | undefined,
): Promise<void> {
  const { base, configuration } = configurationOf(fn, settings, topic);
  const place = {
    bucket: base.CodeUri.Bucket,
    key: base.CodeUri.Key,
    isOwnBucket: settings.codeBucket !== undefined,
  };
  const Code = await cloud.upload(place, code.zipPath);
  const FunctionName = fn.name;
  const handler = fn.type === 'web' ? {} : { Handler: base.Handler };
  if (!deployed) {
    const { Layers, InstanceConcurrencyConfig, Environment, ...rest } = {
      InstanceConcurrencyConfig: undefined,
      ...configuration,
    };
    await cloud.scf('CreateFunction', {
      FunctionName,
      ...rest,
      ...handler,
      Code,
      Runtime: base.Runtime,
      Type: fn.type === 'web' ? 'HTTP' : 'Event',
      Tags: Object.entries(fn.tags).map(([Key, Value]) => ({ Key, Value })),
      ...(topic ? { AutoDeployClsTopicIndex: 'TRUE' } : {}),
      ...(Object.keys(fn.environment).length > 0 ? { Environment } : {}),
      ...(fn.layers.length > 0 ? { Layers } : {}),
      ...(fn.instanceConcurrency && InstanceConcurrencyConfig ? { InstanceConcurrencyConfig } : {}),
    });
    await waitUntilActive(cloud, FunctionName);
    return;
  }
  await cloud.scf('UpdateFunctionCode', { FunctionName, ...handler, Code });
  await waitUntilActive(cloud, FunctionName);
  await cloud.scf('UpdateFunctionConfiguration', { FunctionName, ...configuration });
  await waitUntilActive(cloud, FunctionName);
}

/** Brings the tags of a function that exists to what serverless.yml says. */
export async function writeTags(
  cloud: Cloud,
  fn: FunctionSettings,
  region: string,
  deployed: DeployedFunction,
): Promise<void> {
  const current = new Map(deployed.configuration.Tags?.map(({ Key, Value }) => [Key, Value]));
  const ReplaceTags = Object.entries(fn.tags)
    .filter(([key, value]) => current.get(key) !== value)
    .map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  const DeleteTags = [...current.keys()]
    .filter((key) => key && !(key in fn.tags))
    .map((TagKey) => ({ TagKey }));
  if (ReplaceTags.length + DeleteTags.length === 0) return;
  const Resource = `qcs::scf:${region}::lam/${deployed.configuration.FunctionId}`;
  await cloud.other('tag', 'ModifyResourceTags', { Resource, ReplaceTags, DeleteTags });
}

// `sls deploy`, in an order that never leaves a half-made release in front of members:
// prepare every function (upload, publish, check) → move `$DEFAULT` → triggers → domain. A run that fails before the
// second step has changed nothing that serves requests, and the next run starts over from what it finds.
import type { Cloud } from './cloud.ts';
import { DeployError } from './errors.ts';
import { writeDomain } from './domain.ts';
import {
  fingerprintOf,
  getFunction,
  ownershipMark,
  readDeployed,
  writeLatest,
  writeTags,
  type DeployedFunction,
} from './function.ts';
import { ensureLogTopic } from './log-topic.ts';
import type { FunctionPackage } from './package.ts';
import { checkVersion, pruneVersions, publishVersion, releaseVersion } from './release.ts';
import type { Terminal } from './serverless.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { writeTriggers } from './triggers.ts';

export interface DeployRequest {
  settings: ServiceSettings;
  packages: Map<string, FunctionPackage>;
  /** Only these keys; all when undefined. */
  only: string | undefined;
  /** `--yes`: may lose a fixed egress IP and delete functions that left serverless.yml. */
  isConfirmed: boolean;
  deployId: string;
}

interface Step {
  fn: FunctionSettings;
  deployed: DeployedFunction | undefined;
  fingerprint: string;
  isUnchanged: boolean;
}

export async function deploy(cloud: Cloud, request: DeployRequest, terminal: Terminal): Promise<void> {
  const { settings, packages, only, isConfirmed, deployId } = request;
  const { log } = terminal;
  const spinner = terminal.progress.get('tencent');
  const progress = {
    update(text: string) {
      spinner.update(text);
      // Without a terminal there is no spinner, and minutes of silence look like a hang.
      if (!process.stderr.isTTY) log.notice(text);
    },
    remove: () => spinner.remove(),
  };
  const chosen = settings.functions.filter((fn) => only === undefined || fn.key === only);
  const packageOf = (fn: FunctionSettings): FunctionPackage => {
    const found = packages.get(fn.key);
    if (!found) throw new DeployError(`functions.${fn.key} was not packaged.`);
    return found;
  };

  progress.update('Reading what is deployed');
  const found = new Map<string, DeployedFunction | undefined>();
  for (const fn of chosen) {
    const deployed = await readDeployed(cloud, fn.name);
    refuseImpossible(fn, deployed, isConfirmed, log);
    found.set(fn.key, deployed);
  }
  const topic = await ensureLogTopic(cloud, settings);
  const steps = chosen.map((fn): Step => {
    const deployed = found.get(fn.key);
    const fingerprint = fingerprintOf(fn, settings, topic, packageOf(fn));
    const live = deployed?.versions.find(({ version }) => version === deployed.liveVersion);
    return { fn, deployed, fingerprint, isUnchanged: live?.fingerprint === fingerprint };
  });

  const prepared: { step: Step; version: string }[] = [];
  /** What members or operators already see; one line each. */
  const done: string[] = [];
  try {
    for (const step of steps.filter(({ isUnchanged }) => !isUnchanged)) {
      const { fn, deployed } = step;
      progress.update(`${fn.key}: uploading ${Math.ceil(packageOf(fn).bytes / 1024)} KB`);
      await writeLatest(cloud, fn, settings, topic, packageOf(fn), deployed);
      progress.update(`${fn.key}: publishing`);
      const version = await publishVersion(cloud, fn.name, deployId, step.fingerprint);
      const health = await checkVersion(cloud, fn, version);
      if (health === 'unreachable') {
        log.warning(
          `${fn.key}: version ${version} could not be asked for ${fn.healthPath} from here; released unchecked.`,
        );
      }
      prepared.push({ step, version });
    }
    for (const { step, version } of prepared) {
      await releaseVersion(cloud, step.fn.name, version);
      done.push(`${step.fn.key}: ${step.deployed ? 'updated' : 'created'}, version ${version} is live`);
    }
    for (const { fn, deployed } of steps) {
      progress.update(`${fn.key}: triggers`);
      await writeTriggers(cloud, fn, (line) => done.push(`${fn.key}: ${line}`));
      if (deployed) await writeTags(cloud, fn, settings.region, deployed);
    }
    const domain = only === undefined ? await writeDomain(cloud, settings) : undefined;
    if (domain !== undefined) done.push(domain);
    for (const { step } of prepared)
      if (step.deployed) await pruneVersions(cloud, step.fn.name, step.deployed);
  } catch (error) {
    throw withState(error, done);
  } finally {
    progress.remove();
  }
  for (const { fn, isUnchanged } of steps)
    if (isUnchanged) log.notice(`${fn.key}: unchanged, nothing uploaded`);
  for (const line of done) log.notice(line);
  if (only === undefined) await treatOrphans(cloud, settings, isConfirmed, log);
}

/** Says what the failed run left behind; the message stays one line. */
function withState(error: unknown, done: string[]): unknown {
  if (!(error instanceof DeployError)) return error;
  const state =
    done.length === 0
      ? 'What serves requests is unchanged; the next sls deploy starts over.'
      : `Done so far: ${done.join('; ')}. The next sls deploy finishes the rest.`;
  error.message = `${error.message} ${state}`;
  return error;
}

/** What an update cannot do, and what it may only do when told so. */
function refuseImpossible(
  fn: FunctionSettings,
  deployed: DeployedFunction | undefined,
  isConfirmed: boolean,
  log: Terminal['log'],
): void {
  if (!deployed) return;
  const { Runtime, Type, VpcConfig, PublicNetConfig } = deployed.configuration;
  if (Runtime !== fn.runtime) {
    throw new DeployError(
      `functions.${fn.key}: it was created with runtime ${Runtime}, which cannot be changed to ${fn.runtime}; name the function anew or remove it first.`,
    );
  }
  if ((Type === 'HTTP') !== (fn.type === 'web')) {
    throw new DeployError(
      `functions.${fn.key}: its type cannot be changed after creation; name it anew or remove it first.`,
    );
  }
  const ips = PublicNetConfig?.EipConfig?.EipAddress ?? [];
  const losesIp = ips.length > 0 && (!fn.eip || (VpcConfig?.SubnetId ?? '') !== (fn.vpc?.subnetId ?? ''));
  if (!losesIp) return;
  const loss = `functions.${fn.key}: the fixed egress IP ${ips.join(', ')} belongs to the old subnet and will change; WeCom refuses calls until the new one is entered as trusted IP.`;
  if (!isConfirmed) throw new DeployError(`${loss} Run sls deploy --yes to go ahead.`);
  log.warning(loss);
}

/** Functions of this service and stage in the cloud, by name and the mark in their description. */
export async function listOwnFunctions(
  cloud: Cloud,
  settings: ServiceSettings,
): Promise<{ name: string; key: string }[]> {
  const prefix = `${settings.service}-${settings.stage}-`;
  const own: { name: string; key: string }[] = [];
  for (let Offset = 0; ; Offset += 100) {
    const { Functions = [], TotalCount = 0 } = await cloud.scf('ListFunctions', {
      SearchKey: prefix,
      Offset,
      Limit: 100,
    });
    for (const { FunctionName = '', Description = '' } of Functions) {
      const key = FunctionName.slice(prefix.length);
      if (FunctionName.startsWith(prefix) && Description.endsWith(ownershipMark(settings, key)))
        own.push({ name: FunctionName, key });
    }
    if (Offset + 100 >= TotalCount) break;
  }
  // A function with a name of its own is found by that name.
  for (const { name, key } of settings.functions) {
    if (name.startsWith(prefix)) continue;
    const found = await getFunction(cloud, name);
    if (found?.Description?.endsWith(ownershipMark(settings, key))) own.push({ name, key });
  }
  return own;
}

/** A function that was renamed or taken out of serverless.yml still runs: say so, delete it only with --yes. */
async function treatOrphans(
  cloud: Cloud,
  settings: ServiceSettings,
  isConfirmed: boolean,
  log: Terminal['log'],
): Promise<void> {
  const wanted = new Set(settings.functions.map((fn) => fn.name));
  for (const { name } of await listOwnFunctions(cloud, settings)) {
    if (wanted.has(name)) continue;
    if (isConfirmed) {
      await cloud.scf('DeleteFunction', { FunctionName: name });
      log.notice(`${name}: removed, it is no longer in serverless.yml`);
    } else {
      log.warning(
        `${name} is no longer in serverless.yml but still runs; sls deploy --yes deletes it and its URL.`,
      );
    }
  }
}

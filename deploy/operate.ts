// The commands beside deploy: info, remove, rollback, invoke, logs.
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { DeployError } from './errors.ts';
import { listOwnFunctions } from './deploy.ts';
import { removeDomain } from './domain.ts';
import { LIVE, readDeployed, type DeployedFunction } from './function.ts';
import { previousVersion, releaseVersion } from './release.ts';
import type { Terminal } from './serverless.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { cronOf, listTriggers, urlOf } from './triggers.ts';

const LOG_WINDOW_MS = 3_600_000;
const LOG_LINES_MAX = 100;
const LogResults = z.array(z.object({ Time: z.number(), LogJson: z.string() }));
const LogEntry = z.looseObject({ SCF_Message: z.optional(z.string()) });

const egressIps = (deployed: DeployedFunction): string[] =>
  deployed.configuration.PublicNetConfig?.EipConfig?.EipAddress ?? [];

function findSettings(settings: ServiceSettings, key: string): FunctionSettings {
  const fn = settings.functions.find((candidate) => candidate.key === key);
  if (fn) return fn;
  throw new DeployError(
    `There is no function ${key} in serverless.yml; there are ${settings.functions.map((f) => f.key).join(', ')}.`,
  );
}

/** `sls info`: what is deployed, its addresses, and the egress IP that WeCom has to trust. */
export async function info(cloud: Cloud, settings: ServiceSettings, terminal: Terminal): Promise<void> {
  const ips = new Set<string>();
  for (const fn of settings.functions) {
    const deployed = await readDeployed(cloud, fn.name);
    if (!deployed) {
      terminal.writeText(`${fn.key}: not deployed`);
      continue;
    }
    for (const ip of egressIps(deployed)) ips.add(ip);
    terminal.writeText(
      `${fn.key}: ${fn.name}, version ${deployed.liveVersion}, ${deployed.configuration.Status}`,
    );
    for (const trigger of (await listTriggers(cloud, fn.name)).filter(
      ({ qualifier }) => qualifier === LIVE,
    )) {
      const what = urlOf(trigger) ?? `${cronOf(trigger)} (UTC+8)`;
      terminal.writeText(`  ${trigger.type} ${trigger.name}: ${what}${trigger.isEnabled ? '' : ', off'}`);
    }
  }
  if (settings.customDomain) terminal.writeText(`domain: https://${settings.customDomain.domain}`);
  if (ips.size > 0)
    terminal.writeText(
      `egress IP: ${[...ips].join(', ')} (enter it in WeCom: 应用管理 → the app → 企业可信IP)`,
    );
}

/** `sls remove`: everything but the logs, which an audit may still want. */
export async function remove(
  cloud: Cloud,
  settings: ServiceSettings,
  isConfirmed: boolean,
  terminal: Terminal,
): Promise<void> {
  const own = await listOwnFunctions(cloud, settings);
  const ips = new Set<string>();
  for (const { name } of own) {
    const deployed = await readDeployed(cloud, name);
    for (const ip of deployed ? egressIps(deployed) : []) ips.add(ip);
  }
  if (ips.size > 0 && !isConfirmed) {
    throw new DeployError(
      `The fixed egress IP ${[...ips].join(', ')} is lost with the last function that uses it, and function URLs never come back: run sls remove --yes to go ahead.`,
    );
  }
  if (await removeDomain(cloud, settings))
    terminal.log.notice(`domain ${settings.customDomain?.domain} unbound`);
  for (const { name } of own) {
    await cloud.scf('DeleteFunction', { FunctionName: name });
    terminal.log.notice(`${name} removed`);
  }
  if (own.length === 0) terminal.log.notice('Nothing of this service and stage is deployed.');
  else
    terminal.log.notice('The log topic is kept; delete it in the CLS console when nobody needs it any more.');
}

/**
 * `sls rollback`: undoes the last deploy, that is, moves `$DEFAULT` of every function that deploy released one version
 * back. With -f only that function, with --to to that version.
 */
export async function rollback(
  cloud: Cloud,
  settings: ServiceSettings,
  options: { function?: string | undefined; to?: string | undefined },
  terminal: Terminal,
): Promise<void> {
  if (options.to !== undefined && options.function === undefined)
    throw new DeployError('--to needs -f: versions are counted per function.');
  const chosen =
    options.function === undefined ? settings.functions : [findSettings(settings, options.function)];
  const candidates: { fn: FunctionSettings; deployed: DeployedFunction; deployId: string }[] = [];
  for (const fn of chosen) {
    const deployed = await readDeployed(cloud, fn.name);
    const live = deployed?.versions.find(({ version }) => version === deployed.liveVersion);
    if (deployed && live) candidates.push({ fn, deployed, deployId: live.deployId });
  }
  const last = candidates
    .map(({ deployId }) => deployId)
    .toSorted()
    .at(-1);
  let moved = 0;
  for (const { fn, deployed } of candidates.filter(({ deployId }) => deployId === last)) {
    const target = options.to ?? previousVersion(deployed);
    if (target === undefined) continue;
    if (!deployed.versions.some(({ version }) => version === target)) {
      throw new DeployError(
        `${fn.key} has no version ${target}; there are ${deployed.versions.map((v) => v.version).join(', ')}.`,
      );
    }
    await releaseVersion(cloud, fn.name, target);
    terminal.log.notice(`${fn.key}: version ${target} is live again, ${deployed.liveVersion} before`);
    moved += 1;
  }
  if (moved === 0) throw new DeployError('There is no earlier version to go back to.');
}

/** `sls invoke`: runs an event function on its live version; throws when it failed. */
export async function invoke(
  cloud: Cloud,
  settings: ServiceSettings,
  key: string,
  data: string,
  terminal: Terminal,
): Promise<void> {
  const fn = findSettings(settings, key);
  if (fn.type === 'web') throw new DeployError(`${key} is a web function: call the URL that sls info shows.`);
  try {
    JSON.parse(data);
  } catch (cause) {
    throw new DeployError('-d must be JSON, e.g. -d \'{"action":"diagnose"}\'.', { cause });
  }
  const { Result } = await cloud.scf('InvokeFunction', {
    FunctionName: fn.name,
    Qualifier: LIVE,
    Event: data,
    LogType: 'Tail',
  });
  if (Result?.InvokeResult !== 0 && Result?.ErrMsg) {
    throw new DeployError(`${key} failed: ${Result.ErrMsg.split('\n')[0]} (see sls logs -f ${key})`);
  }
  terminal.writeText(Result?.RetMsg ?? '');
}

/** `sls logs`: the last hour of one function, oldest first, at most 100 lines. */
export async function logs(
  cloud: Cloud,
  settings: ServiceSettings,
  key: string,
  nowMs: number,
  terminal: Terminal,
): Promise<void> {
  const fn = findSettings(settings, key);
  const deployed = await readDeployed(cloud, fn.name);
  const TopicId = deployed?.configuration.ClsTopicId;
  if (!TopicId)
    throw new DeployError(`${key} has no log topic of its own: deploy it with cls in serverless.yml.`);
  const { Results } = await cloud.other('cls', 'SearchLog', {
    TopicId,
    From: nowMs - LOG_WINDOW_MS,
    To: nowMs,
    Query: `SCF_FunctionName:"${fn.name}"`,
    Limit: LOG_LINES_MAX,
    Sort: 'desc',
  });
  for (const { Time, LogJson } of LogResults.parse(Results ?? []).toReversed()) {
    const { SCF_Message } = LogEntry.parse(JSON.parse(LogJson));
    terminal.writeText(`${new Date(Time).toISOString()} ${(SCF_Message ?? LogJson).trimEnd()}`);
  }
}

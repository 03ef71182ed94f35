// The commands beside deploy: info, remove, rollback, invoke, logs.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { removeAlarms } from './alarms.ts';
import { CloudError, DeployError } from './errors.ts';
import { listOwnFunctions } from './deploy.ts';
import { removeDomain } from './domain.ts';
import { deleteFunction, readDeployed, type DeployedFunction } from './function.ts';
import { previousVersion, releaseVersion } from './release.ts';
import { searchLog, topicName } from './log-topic.ts';
import type { LogOptions } from './options.ts';
import type { Terminal } from './serverless.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { type Configuration, getFunction, liveAlias } from './state.ts';
import { cronOf, listTriggers, urlOf } from './triggers.ts';

/** How much later than it was written an entry may be found. */
const logLateMs = 120_000;
const logLinesMax = 100;
const LogEntry = z.looseObject({ SCF_Message: z.optional(z.string()) });

function egressIps({ PublicNetConfig }: Configuration): string[] {
  return PublicNetConfig?.EipConfig?.EipAddress ?? [];
}

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
  let isDeployed = false;
  let topicId: string | undefined;
  for (const fn of settings.functions) {
    const deployed = await readDeployed(cloud, fn.name);
    if (!deployed) {
      terminal.writeText(`${fn.key}: not deployed`);
      continue;
    }
    isDeployed = true;
    topicId ??= deployed.configuration.ClsTopicId || undefined;
    for (const ip of egressIps(deployed.configuration)) ips.add(ip);
    const { Status, AvailableStatus } = deployed.configuration;
    const arrears = AvailableStatus && AvailableStatus !== 'Available' ? `, ${AvailableStatus}` : '';
    const release = deployed.versions.find(({ version }) => version === deployed.liveVersion)?.release;
    const version = `${deployed.liveVersion}${release ? ` (${release})` : ''}`;
    terminal.writeText(`${fn.key}: ${fn.name}, version ${version}, ${Status}${arrears}`);
    for (const trigger of (await listTriggers(cloud, fn.name)).filter(
      ({ qualifier }) => qualifier === liveAlias,
    )) {
      // The cloud's name of a function URL says nothing.
      const name = trigger.type === 'http' ? 'url' : trigger.name;
      const what = urlOf(trigger) ?? `${cronOf(trigger)} (UTC+8)`;
      terminal.writeText(`  ${trigger.type} ${name}: ${what}${trigger.isEnabled ? '' : ', off'}`);
    }
  }
  if (settings.customDomain) terminal.writeText(`domain: https://${settings.customDomain.domain}`);
  if (topicId !== undefined) {
    const { region } = settings;
    terminal.writeText(
      `logs: https://console.cloud.tencent.com/cls/search?region=${region}&topic_id=${topicId}, or sls logs -f FUNCTION`,
    );
  }
  if (ips.size === 0 && settings.functions.some((fn) => fn.eip) && isDeployed)
    terminal.writeText('egress IP: none yet; the cloud may take a minute: run sls info again');
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
    const found = await getFunction(cloud, name);
    for (const ip of found ? egressIps(found) : []) ips.add(ip);
  }
  if (ips.size > 0 && !isConfirmed) {
    throw new DeployError(
      `The fixed egress IP ${[...ips].join(', ')} is lost with the last function that uses it, and function URLs never come back: run sls remove --yes to go ahead.`,
    );
  }
  if (await removeDomain(cloud, settings))
    terminal.log.notice(`domain ${settings.customDomain?.domain} unbound`);
  for (const { name } of own) {
    await deleteFunction(cloud, name);
    terminal.log.notice(`${name} removed`);
  }
  try {
    const alarms = await removeAlarms(cloud, settings);
    if (alarms > 0) terminal.log.notice(`${alarms} alarms removed`);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    terminal.log.warning(
      `Alarms may be left, and would ring: look in the CLS console (监控告警 → 告警策略). ${error.message}`,
    );
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
    await releaseVersion(cloud, fn.name, target, deployed);
    terminal.log.notice(`${fn.key}: version ${target} is live again, ${deployed.liveVersion} before`);
    moved += 1;
  }
  if (moved === 0) throw new DeployError('There is no earlier version to go back to.');
}

/** What `sls invoke` calls. */
export interface Invocation {
  key: string;
  /** JSON. */
  event: string;
  /** Version or alias; the live one when undefined. */
  qualifier: string | undefined;
  /** Shows the end of the log, too. */
  withLog: boolean;
}

/** `sls invoke`: runs an event function; throws DeployError when it failed. */
export async function invoke(
  cloud: Cloud,
  settings: ServiceSettings,
  { key, event, qualifier = liveAlias, withLog }: Invocation,
  terminal: Terminal,
): Promise<void> {
  const fn = findSettings(settings, key);
  if (fn.type === 'web') throw new DeployError(`${key} is a web function: call the URL that sls info shows.`);
  const { Result } = await cloud.scf('InvokeFunction', {
    FunctionName: fn.name,
    Qualifier: qualifier,
    Event: event,
    LogType: 'Tail',
  });
  if (withLog && Result?.Log) terminal.writeText(Result.Log.trimEnd());
  // InvokeResult is no longer maintained.
  if (Result?.ErrMsg) {
    throw new DeployError(`${key} failed: ${Result.ErrMsg.split('\n')[0]} (see sls logs -f ${key})`);
  }
  terminal.writeText(Result?.RetMsg ?? '');
}

/** `sls logs`: what one function wrote, oldest first, at most 100 entries at a time; with `isTail` until it is stopped. */
export async function logs(
  cloud: Cloud,
  settings: ServiceSettings,
  key: string,
  { fromMs, isTail, filter, intervalMs }: LogOptions,
  terminal: Terminal,
): Promise<void> {
  const fn = findSettings(settings, key);
  const found = await getFunction(cloud, fn.name);
  const topicId = found?.ClsTopicId;
  if (!topicId) {
    const what = found
      ? 'has no log topic: deploy it with cls in serverless.yml'
      : `is not deployed. What it logged before is in the CLS console, topic ${topicName(settings)}`;
    throw new DeployError(`${key} ${what}.`);
  }
  const own = `SCF_FunctionName:"${fn.name}"`;
  const query = filter === undefined ? own : `${own} AND (${filter})`;
  const shown = new Set<string>();
  for (let sinceMs = fromMs; ;) {
    const toMs = Date.now();
    const entries = await searchLog(cloud, { topicId, query, fromMs: sinceMs, toMs, limit: logLinesMax });
    for (const { Time, LogJson } of entries.toReversed()) {
      const { SCF_Message } = LogEntry.parse(JSON.parse(LogJson));
      const line = `${new Date(Time).toISOString()} ${(SCF_Message ?? LogJson).trimEnd()}`;
      if (isTail && shown.has(`${Time} ${LogJson}`)) continue;
      shown.add(`${Time} ${LogJson}`);
      terminal.writeText(line);
    }
    if (!isTail) return;
    // Entries come into the topic late and not in their order.
    sinceMs = Math.max(fromMs, toMs - logLateMs);
    await delay(intervalMs);
  }
}

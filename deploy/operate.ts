// The commands beside deploy: info, remove, rollback, invoke, logs.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Bilingual } from '../scripts/language.ts';
import type { Cloud } from './cloud.ts';
import { removeAlarms } from './alarms.ts';
import { CloudError, DeployError } from './errors.ts';
import { listOwnFunctions } from './deploy.ts';
import { removeDomain } from './domain.ts';
import { deleteFunction, readDeployed, type DeployedFunction } from './function.ts';
import { previousVersion } from './history.ts';
import { releaseVersion } from './release.ts';
import { searchLog, topicName } from './log-topic.ts';
import type { LogOptions } from './options.ts';
import type { Terminal } from './serverless.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { type Configuration, getFunction, liveAlias } from './state.ts';
import { deployTexts, operateTexts } from './texts.ts';
import { cronOf, type DeployedTrigger, listTriggers, urlOf } from './triggers.ts';

/** How much later than it was written an entry may be found. */
const logLateMs = 120_000;
const logLinesMax = 10_000;
const LogEntry = z.looseObject({ SCF_Message: z.optional(z.string()) });

function egressIps({ PublicNetConfig }: Configuration): string[] {
  return PublicNetConfig?.EipConfig?.EipAddress ?? [];
}

function findSettings(settings: ServiceSettings, key: string): FunctionSettings {
  const fn = settings.functions.find((candidate) => candidate.key === key);
  if (fn) return fn;
  throw new DeployError(operateTexts.noFunction(key, settings.functions.map((f) => f.key).join(', ')));
}

function triggerLine(trigger: DeployedTrigger): Bilingual {
  const [url, cron] = [urlOf(trigger), cronOf(trigger)];
  // The cloud's name of a function URL says nothing.
  if (url !== undefined) return operateTexts.url(url);
  if (cron !== undefined) return operateTexts.timer(trigger.name, cron);
  return operateTexts.otherTrigger(trigger.type, trigger.name);
}

/** `sls info`: what is deployed, its addresses, and the egress IP that WeCom has to trust. */
export async function info(cloud: Cloud, settings: ServiceSettings, terminal: Terminal): Promise<void> {
  const ips = new Set<string>();
  let isDeployed = false;
  let topicId: string | undefined;
  for (const fn of settings.functions) {
    const deployed = await readDeployed(cloud, fn.name);
    if (!deployed) {
      terminal.writeText(operateTexts.notDeployed(fn.key));
      continue;
    }
    isDeployed = true;
    topicId ??= deployed.configuration.ClsTopicId || undefined;
    for (const ip of egressIps(deployed.configuration)) ips.add(ip);
    const { Status, AvailableStatus } = deployed.configuration;
    const arrears = AvailableStatus && AvailableStatus !== 'Available' ? `, ${AvailableStatus}` : '';
    const release = deployed.versions.find(({ version }) => version === deployed.liveVersion)?.release;
    const version = `${deployed.liveVersion}${release ? ` (${release})` : ''}`;
    terminal.writeText(operateTexts.deployed(fn.key, fn.name, version, `${Status}${arrears}`));
    for (const trigger of (await listTriggers(cloud, fn.name)).filter(
      ({ qualifier }) => qualifier === liveAlias,
    )) {
      const line = triggerLine(trigger);
      terminal.writeText(trigger.isEnabled ? line : operateTexts.off(line));
    }
  }
  if (settings.customDomain) terminal.writeText(operateTexts.domain(settings.customDomain.domain));
  if (topicId !== undefined) {
    const { region } = settings;
    const url = `https://console.cloud.tencent.com/cls/search?region=${region}&topic_id=${topicId}`;
    terminal.writeText(operateTexts.logs(url));
  }
  if (ips.size === 0 && settings.functions.some((fn) => fn.eip) && isDeployed)
    terminal.writeText(operateTexts.noIpYet);
  if (ips.size > 0) terminal.writeText(operateTexts.ips([...ips].join(', ')));
}

/** Throws DeployError with the fixed egress IPs and function URLs that would be lost for good. */
async function refuseLosses(cloud: Cloud, own: { name: string }[]): Promise<void> {
  const ips = new Set<string>();
  const urls: string[] = [];
  for (const { name } of own) {
    const found = await getFunction(cloud, name);
    for (const ip of found ? egressIps(found) : []) ips.add(ip);
    const triggers = found?.Status === 'CreateFailed' ? [] : await listTriggers(cloud, name);
    for (const trigger of triggers) if (trigger.type === 'http') urls.push(urlOf(trigger) ?? name);
  }
  const losses = [
    ...(ips.size > 0 ? [operateTexts.ipLostByRemove([...ips].join(', '))] : []),
    ...(urls.length > 0 ? [operateTexts.urlsLostByRemove(urls.join(', '))] : []),
  ];
  if (losses.length > 0)
    throw new DeployError([...losses, operateTexts.removeUnconfirmed].reduce(deployTexts.and));
}

/** `sls remove`: everything but the logs, which an audit may still want. */
export async function remove(
  cloud: Cloud,
  settings: ServiceSettings,
  isConfirmed: boolean,
  terminal: Terminal,
): Promise<void> {
  const own = await listOwnFunctions(cloud, settings);
  if (!isConfirmed) await refuseLosses(cloud, own);
  if (await removeDomain(cloud, settings, (words) => terminal.log.warning(words)))
    terminal.log.notice(operateTexts.domainUnbound(settings.customDomain?.domain));
  for (const { name } of own) {
    await deleteFunction(cloud, name);
    terminal.log.notice(operateTexts.removed(name));
  }
  try {
    const alarms = await removeAlarms(cloud, settings);
    if (alarms > 0) terminal.log.notice(operateTexts.alarmsRemoved(alarms));
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    terminal.log.warning(operateTexts.alarmsLeft(error.words));
  }
  terminal.log.notice(own.length === 0 ? operateTexts.nothingDeployed : operateTexts.topicKept);
}

/**
 * `sls rollback`: undoes the last deploy, that is, moves `$DEFAULT` of every function that deploy released to the version
 * that was live before. With -f only that function, with --to to that version.
 */
export async function rollback(
  cloud: Cloud,
  settings: ServiceSettings,
  options: { function?: string | undefined; to?: string | undefined },
  terminal: Terminal,
): Promise<void> {
  if (options.to !== undefined && options.function === undefined)
    throw new DeployError(operateTexts.toNeedsFunction);
  const chosen =
    options.function === undefined ? settings.functions : [findSettings(settings, options.function)];
  const candidates: { fn: FunctionSettings; deployed: DeployedFunction; deployId: string }[] = [];
  for (const fn of chosen) {
    const deployed = await readDeployed(cloud, fn.name);
    const live = deployed?.versions.find(({ version }) => version === deployed.liveVersion);
    if (deployed && live)
      candidates.push({ fn, deployed, deployId: deployed.releases[0]?.deployId ?? live.deployId });
  }
  const last = candidates
    .map(({ deployId }) => deployId)
    .toSorted()
    .at(-1);
  const moves = candidates
    .filter(({ deployId }) => deployId === last)
    .flatMap(({ fn, deployed }) => {
      const target = options.to ?? previousVersion(deployed);
      if (target === undefined) return [];
      const release = deployed.versions.find(({ version }) => version === target);
      if (release) return [{ fn, deployed, release }];
      const known = deployed.versions.map(({ version }) => version).join(', ');
      throw new DeployError(operateTexts.noVersion(fn.key, target, known));
    });
  if (moves.length === 0) throw new DeployError(operateTexts.nothingEarlier);
  for (const { fn, deployed, release } of moves) {
    await releaseVersion(cloud, fn.name, release, deployed);
    terminal.log.notice(operateTexts.liveAgain(fn.key, release.version, deployed.liveVersion));
  }
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
  if (fn.type === 'web') throw new DeployError(operateTexts.isWeb(key));
  const { Result } = await cloud.scf('InvokeFunction', {
    FunctionName: fn.name,
    Qualifier: qualifier,
    Event: event,
    LogType: 'Tail',
  });
  if (withLog && Result?.Log) terminal.writeText(Result.Log.trimEnd());
  // InvokeResult is no longer maintained.
  if (Result?.ErrMsg) throw new DeployError(operateTexts.invokeFailed(key, Result.ErrMsg.split('\n')[0]));
  terminal.writeText(Result?.RetMsg ?? '');
}

/** `sls logs`: what one function wrote, oldest first; of more than 10,000 entries the newest. With `isTail` until it is stopped. */
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
    throw new DeployError(
      found ? operateTexts.noTopic(key) : operateTexts.logsNotDeployed(key, topicName(settings)),
    );
  }
  const own = `SCF_FunctionName:"${fn.name}"`;
  const query = filter === undefined ? own : `${own} AND (${filter})`;
  const shown = new Set<string>();
  for (let sinceMs = fromMs; ;) {
    const toMs = Date.now();
    const search = { topicId, query, fromMs: sinceMs, toMs, limit: logLinesMax };
    const { entries, isAll } = await searchLog(cloud, search);
    if (!isAll) terminal.log.warning(operateTexts.logsCut(entries.length));
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

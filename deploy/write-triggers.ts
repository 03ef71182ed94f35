// Brings the triggers of a function to what serverless.yml says. A function URL is updated, never deleted and made
// again: its address is permanent, but only for as long as the trigger lives.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bilingual, both } from '../scripts/language.ts';
import type { Cloud } from './cloud.ts';
import { CloudError } from './errors.ts';
import type { FunctionSettings, TriggerSettings } from './settings.ts';
import { change, liveAlias } from './state.ts';
import { triggerTexts } from './texts.ts';
import {
  createUrl,
  cronOf,
  deleteStray,
  deleteTrigger,
  type DeployedTrigger,
  isExisting,
  isStray,
  listedMsMax,
  listPauseMs,
  listTriggers,
  parse,
  urlOf,
} from './triggers.ts';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** True when every value asked for is there; the cloud adds members of its own and has its own way with capitals. */
function includes(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted) || !isRecord(wanted))
    return JSON.stringify(actual)?.toLowerCase() === JSON.stringify(wanted)?.toLowerCase();
  return isRecord(actual) && Object.entries(wanted).every(([key, value]) => includes(actual[key], value));
}

function isAsWanted(found: DeployedTrigger, wanted: TriggerSettings): boolean {
  if (found.isEnabled !== wanted.isEnabled) return false;
  if (wanted.type === 'timer')
    return cronOf(found) === wanted.description && found.argument === wanted.argument;
  const [actual, asked] = [parse(found.description), parse(wanted.description)];
  const hasStrayCors = asked.CorsConfig === undefined && actual.CorsConfig?.Enable === true;
  return includes(actual, asked) && !hasStrayCors;
}

/** There is one URL per version or alias, so a renamed http event is the same URL. */
function isSame(found: DeployedTrigger, wanted: TriggerSettings): boolean {
  return (
    found.type === wanted.type &&
    found.qualifier === liveAlias &&
    (found.type === 'http' || found.name === wanted.name)
  );
}

/** Others were made by somebody else. */
function isOfDeploy({ type, qualifier }: DeployedTrigger): boolean {
  return qualifier === liveAlias && ['http', 'timer'].includes(type);
}

/** What `writeTriggers` tells and may do. */
export interface TriggerWriter {
  report(line: Bilingual): void;
  warn(words: Bilingual): void;
  /** May a function URL be deleted, or made again with another address? */
  isConfirmed: boolean;
  /** Unbinds the custom domain, which keeps a URL from being deleted. Returns what binds it again, if it was bound. */
  unbind(): Promise<(() => Promise<void>) | undefined>;
}

/** Refusals of UpdateTrigger that mean that the cloud does not change function URLs. Others may pass, or name a value. */
const neverUpdated =
  /^(ResourceNotFound(\.Trigger)?|InvalidParameter(Value(\.(Action|TriggerName|Type))?)?|UnsupportedOperation(\..+)?)$/;

/**
 * Creates, updates and deletes. A function URL that cannot be updated, or is no longer asked for, is a warning; it is made
 * again or deleted only when confirmed. Triggers that no deploy makes stay, with a warning.
 */
export async function writeTriggers(
  cloud: Cloud,
  fn: FunctionSettings,
  writer: TriggerWriter,
): Promise<void> {
  const { report, warn, isConfirmed } = writer;
  const listed = await listTriggers(cloud, fn.name);
  for (const stray of listed.filter(isStray)) await deleteStray(cloud, fn.name, stray, warn);
  const deployed = listed.filter((trigger) => !isStray(trigger));
  for (const found of deployed) {
    if (fn.triggers.some((wanted) => isSame(found, wanted))) continue;
    if (!isOfDeploy(found)) warn(triggerTexts.ofOthers(fn.key, titleOf(found)));
    else if (found.type === 'http' && !isConfirmed) warn(triggerTexts.urlKept(fn.key));
    else if (await deleteTrigger(cloud, fn.name, found)) report(triggerTexts.removed(titleOf(found)));
  }
  for (const wanted of fn.triggers) {
    const found = deployed.find((candidate) => isSame(candidate, wanted));
    if (found && isAsWanted(found, wanted)) continue;
    if (wanted.type === 'http') await writeUrl(cloud, fn, wanted, found, writer);
    else await writeTimer(cloud, fn, wanted, found, writer);
  }
  const isNew = fn.triggers.some((wanted) => !deployed.some((found) => isSame(found, wanted)));
  if (isNew) await untilListed(cloud, fn);
}

/** What is shown at the end of a deploy comes from the list, and the list may lag behind. */
async function untilListed(cloud: Cloud, fn: FunctionSettings): Promise<void> {
  const deadlineMs = Date.now() + listedMsMax;
  while (Date.now() < deadlineMs) {
    const listed = await listTriggers(cloud, fn.name);
    if (fn.triggers.every((wanted) => listed.some((found) => isSame(found, wanted)))) return;
    await delay(listPauseMs);
  }
}

function titleOf({ type, name, qualifier }: DeployedTrigger): Bilingual {
  if (type === 'http')
    return qualifier === liveAlias ? triggerTexts.functionUrl : triggerTexts.urlOf(qualifier);
  return type === 'timer' ? triggerTexts.timer(name) : triggerTexts.other(type, name);
}

async function writeTimer(
  cloud: Cloud,
  fn: FunctionSettings,
  wanted: TriggerSettings,
  found: DeployedTrigger | undefined,
  { report }: TriggerWriter,
): Promise<void> {
  const request = {
    FunctionName: fn.name,
    TriggerName: wanted.name,
    Type: 'timer',
    Qualifier: liveAlias,
    TriggerDesc: wanted.description,
    Enable: wanted.isEnabled ? 'OPEN' : 'CLOSE',
    CustomArgument: wanted.argument,
  };
  let isFound = found !== undefined;
  if (!isFound) {
    try {
      await change(cloud, 'CreateTrigger', request);
    } catch (error) {
      if (!(error instanceof CloudError) || !isExisting(error)) throw error;
      isFound = true;
    }
  }
  if (isFound) await change(cloud, 'UpdateTrigger', request);
  report((found ? triggerTexts.updated : triggerTexts.created)(triggerTexts.timer(wanted.name)));
}

async function writeUrl(
  cloud: Cloud,
  fn: FunctionSettings,
  wanted: TriggerSettings,
  found: DeployedTrigger | undefined,
  writer: TriggerWriter,
): Promise<void> {
  const { report, warn, isConfirmed } = writer;
  const make = async (): Promise<Bilingual> => {
    const made = await createUrl(cloud, fn.name, liveAlias, wanted.description);
    const url = made && urlOf(made);
    return url === undefined ? triggerTexts.urlUnknown : both(() => url);
  };
  if (!found) {
    report(triggerTexts.urlCreated(await make()));
    return;
  }
  try {
    await change(cloud, 'UpdateTrigger', {
      FunctionName: fn.name,
      TriggerName: found.name,
      Type: 'http',
      Qualifier: liveAlias,
      TriggerDesc: wanted.description,
      Enable: 'OPEN',
    });
    report(triggerTexts.updated(triggerTexts.functionUrl));
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (!neverUpdated.test(error.cloudCode)) {
      warn(triggerTexts.urlNotUpdated(fn.key, error.words));
      return;
    }
    if (!isConfirmed) {
      warn(triggerTexts.urlDiffers(fn.key, error.cloudCode));
      return;
    }
    const bindAgain = await deleteUrl(cloud, fn.name, found, writer);
    report(triggerTexts.urlRemade(await make()));
    await bindAgain?.();
  }
}

/** Deletes a function URL, without the domain if that keeps it. Returns what binds the domain again. */
async function deleteUrl(
  cloud: Cloud,
  name: string,
  found: DeployedTrigger,
  { report, unbind }: TriggerWriter,
): Promise<(() => Promise<void>) | undefined> {
  let bindAgain: (() => Promise<void>) | undefined;
  try {
    await deleteTrigger(cloud, name, found);
  } catch (error) {
    if (!(error instanceof CloudError) || !error.cloudCode.endsWith('.UrlUsed')) throw error;
    bindAgain = await unbind();
    if (!bindAgain) throw error;
    try {
      await deleteTrigger(cloud, name, found);
    } catch (again) {
      await bindAgain();
      throw again;
    }
  }
  report(triggerTexts.removed(triggerTexts.functionUrl));
  return bindAgain;
}

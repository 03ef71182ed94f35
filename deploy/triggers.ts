// Brings the triggers of a function to what serverless.yml says. A function URL is updated, never deleted and made
// again: its address is permanent, but only for as long as the trigger lives. The cloud chooses the name of a function
// URL, so one is known by its type and by the version or alias it leads to.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { type Bilingual, both } from '../scripts/language.ts';
import type { Cloud } from './cloud.ts';
import { CloudError } from './errors.ts';
import type { FunctionSettings, TriggerSettings } from './settings.ts';
import { change, changeIfThere, liveAlias } from './state.ts';
import { triggerTexts } from './texts.ts';

/** The list of triggers may lag behind. */
const listedMsMax = 20_000;
const listPauseMs = 500;

export interface DeployedTrigger {
  type: string;
  name: string;
  qualifier: string;
  isEnabled: boolean;
  argument: string;
  description: string;
}

export async function listTriggers(cloud: Cloud, FunctionName: string): Promise<DeployedTrigger[]> {
  const { Triggers = [] } = await cloud.scf('ListTriggers', { FunctionName, Limit: 100 });
  return Triggers.map(deployedTrigger);
}

interface GivenTrigger {
  Type?: string;
  TriggerName?: string;
  Qualifier?: string;
  Enable?: number;
  CustomArgument?: string;
  TriggerDesc?: string;
}

function deployedTrigger(trigger: GivenTrigger): DeployedTrigger {
  return {
    type: trigger.Type ?? '',
    name: trigger.TriggerName ?? '',
    qualifier: trigger.Qualifier ?? '',
    isEnabled: trigger.Enable === 1,
    argument: trigger.CustomArgument ?? '',
    description: trigger.TriggerDesc ?? '',
  };
}

const Description = z.looseObject({
  cron: z.optional(z.string()),
  NetConfig: z.optional(z.looseObject({ ExtranetUrl: z.optional(z.string()) })),
  CorsConfig: z.optional(z.looseObject({ Enable: z.optional(z.boolean()) })),
});
/** What a TriggerDesc holds; empty for a bare cron, which is no JSON. */
function parse(description: string): z.infer<typeof Description> {
  try {
    return Description.parse(JSON.parse(description));
  } catch {
    return {};
  }
}

/** Address of a function URL; undefined for other triggers. */
export function urlOf(trigger: DeployedTrigger): string | undefined {
  return trigger.type === 'http' ? parse(trigger.description).NetConfig?.ExtranetUrl : undefined;
}

/** Cron of a timer; undefined for other triggers. */
export function cronOf(trigger: DeployedTrigger): string | undefined {
  return trigger.type === 'timer' ? (parse(trigger.description).cron ?? trigger.description) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The function URL of a version or alias. */
function isUrlOf(trigger: DeployedTrigger, qualifier: string): boolean {
  return trigger.type === 'http' && trigger.qualifier === qualifier && urlOf(trigger) !== undefined;
}

/** A URL of a version, made to look at it and left behind by a run that broke off. */
function isStray(trigger: DeployedTrigger): boolean {
  return trigger.type === 'http' && /^\d+$/.test(trigger.qualifier);
}

/**
 * Makes the function URL of a version or alias and returns it as the cloud names it; when there is one already, that
 * one. Undefined when the cloud shows none within 20 seconds. Throws CloudError.
 */
export async function createUrl(
  cloud: Cloud,
  FunctionName: string,
  Qualifier: string,
  TriggerDesc: string,
): Promise<DeployedTrigger | undefined> {
  const request = { FunctionName, TriggerName: 'url', Type: 'http', Qualifier, TriggerDesc, Enable: 'OPEN' };
  const deadlineMs = Date.now() + listedMsMax;
  for (let isMade = false; ;) {
    try {
      const { TriggerInfo } = isMade ? {} : await change(cloud, 'CreateTrigger', request);
      isMade = true;
      const made = TriggerInfo && { ...deployedTrigger(TriggerInfo), type: 'http', qualifier: Qualifier };
      if (made && made.name !== '' && isUrlOf(made, Qualifier)) return made;
    } catch (error) {
      // The same code means that the function is busy, so a trigger that the list does not show is created again.
      if (!(error instanceof CloudError) || !isExisting(error)) throw error;
    }
    const found = (await listTriggers(cloud, FunctionName)).find((trigger) => isUrlOf(trigger, Qualifier));
    if (found || Date.now() > deadlineMs) return found;
    await delay(listPauseMs);
  }
}

function isExisting({ cloudCode, cloudMessage }: CloudError): boolean {
  return cloudCode.startsWith('ResourceInUse') || /already exists|已存在/i.test(cloudMessage);
}

/** Deletes a trigger by the name the cloud lists; one that is gone is fine, since the list may lag behind. */
export async function deleteTrigger(
  cloud: Cloud,
  FunctionName: string,
  { name, type, qualifier }: DeployedTrigger,
): Promise<boolean> {
  const request = { FunctionName, TriggerName: name, Type: type, Qualifier: qualifier };
  return changeIfThere(cloud, 'DeleteTrigger', request);
}

/** Deletes the URL that looked at a version. What fails is a warning, and left to the next run. */
export async function deleteStray(
  cloud: Cloud,
  name: string,
  stray: DeployedTrigger,
  warn: (words: Bilingual) => void,
): Promise<void> {
  try {
    await deleteTrigger(cloud, name, stray);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    warn(triggerTexts.strayLeft(name, stray.qualifier, error.words));
  }
}

/** The same for all that runs which broke off have left behind. */
export async function deleteStrays(
  cloud: Cloud,
  name: string,
  warn: (words: Bilingual) => void,
): Promise<void> {
  for (const stray of (await listTriggers(cloud, name)).filter(isStray))
    await deleteStray(cloud, name, stray, warn);
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

/** What `writeTriggers` tells and may do. */
export interface TriggerWriter {
  report(line: Bilingual): void;
  warn(words: Bilingual): void;
  /** May a function URL be deleted and made again, with another address? */
  isConfirmed: boolean;
  /** Unbinds the custom domain, which keeps a URL from being deleted. Returns what binds it again, if it was bound. */
  unbind(): Promise<(() => Promise<void>) | undefined>;
}

/** Refusals of UpdateTrigger that mean that the cloud does not change function URLs. Others may pass, or name a value. */
const neverUpdated =
  /^(ResourceNotFound(\.Trigger)?|InvalidParameter(Value(\.(Action|TriggerName|Type))?)?|UnsupportedOperation(\..+)?)$/;

/** Creates, updates and deletes. A function URL that cannot be updated is a warning; remade only when confirmed. */
export async function writeTriggers(
  cloud: Cloud,
  fn: FunctionSettings,
  writer: TriggerWriter,
): Promise<void> {
  const { report, warn } = writer;
  const listed = await listTriggers(cloud, fn.name);
  for (const stray of listed.filter(isStray)) await deleteStray(cloud, fn.name, stray, warn);
  const deployed = listed.filter((trigger) => !isStray(trigger));
  for (const found of deployed) {
    if (fn.triggers.some((wanted) => isSame(found, wanted))) continue;
    if (await deleteTrigger(cloud, fn.name, found)) report(triggerTexts.removed(titleOf(found)));
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

function titleOf({ type, name }: { type: string; name: string }): Bilingual {
  if (type === 'http') return triggerTexts.functionUrl;
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
  report((found ? triggerTexts.updated : triggerTexts.created)(titleOf(wanted)));
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
    return made ? both(() => urlOf(made) ?? '') : triggerTexts.urlUnknown;
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

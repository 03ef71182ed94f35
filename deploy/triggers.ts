// Triggers of a function in the cloud: read, made, deleted. The cloud chooses the name of a function URL, so one is known by
// its type and by the version or alias it leads to. What a deploy makes of them: write-triggers.ts.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Bilingual } from '../scripts/language.ts';
import type { Cloud } from './cloud.ts';
import { CloudError } from './errors.ts';
import { change, changeIfThere } from './state.ts';
import { triggerTexts } from './texts.ts';

/** The list of triggers may lag behind. */
export const listedMsMax = 20_000;
export const listPauseMs = 500;

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
  NetConfig: z.optional(
    z.looseObject({
      EnableExtranet: z.optional(z.boolean()),
      EnableIntranet: z.optional(z.boolean()),
      ExtranetUrl: z.optional(z.string()),
      IntranetUrl: z.optional(z.string()),
    }),
  ),
  CorsConfig: z.optional(z.looseObject({ Enable: z.optional(z.boolean()) })),
});
/** What a TriggerDesc holds; empty for a bare cron, which is no JSON. */
export function parse(description: string): z.infer<typeof Description> {
  try {
    return Description.parse(JSON.parse(description));
  } catch {
    return {};
  }
}

/** Address of a function URL, inside the VPC if only that is on; undefined for other triggers. */
export function urlOf(trigger: DeployedTrigger): string | undefined {
  const { NetConfig } = trigger.type === 'http' ? parse(trigger.description) : {};
  const isInside = NetConfig?.EnableExtranet === false && NetConfig.EnableIntranet === true;
  return isInside ? NetConfig.IntranetUrl : NetConfig?.ExtranetUrl;
}

/** Cron of a timer; undefined for other triggers. */
export function cronOf(trigger: DeployedTrigger): string | undefined {
  return trigger.type === 'timer' ? (parse(trigger.description).cron ?? trigger.description) : undefined;
}

/** The function URL of a version or alias. */
function isUrlOf(trigger: DeployedTrigger, qualifier: string): boolean {
  return trigger.type === 'http' && trigger.qualifier === qualifier;
}

/** A URL of a version, made to look at it and left behind by a run that broke off. */
export function isStray(trigger: DeployedTrigger): boolean {
  return trigger.type === 'http' && /^\d+$/.test(trigger.qualifier);
}

/**
 * Makes the function URL of a version or alias and returns it as the cloud names it; when there is one already, that
 * one. Waits up to 20 seconds for its address. Undefined when the cloud shows none by then. Throws CloudError.
 */
export async function createUrl(
  cloud: Cloud,
  FunctionName: string,
  Qualifier: string,
  TriggerDesc: string,
): Promise<DeployedTrigger | undefined> {
  const request = { FunctionName, TriggerName: 'url', Type: 'http', Qualifier, TriggerDesc, Enable: 'OPEN' };
  const { EnableExtranet, EnableIntranet } = parse(TriggerDesc).NetConfig ?? {};
  const isComplete = (url: DeployedTrigger): boolean =>
    urlOf(url) !== undefined || !(EnableExtranet || EnableIntranet);
  const deadlineMs = Date.now() + listedMsMax;
  for (let isMade = false; ;) {
    try {
      const { TriggerInfo } = isMade ? {} : await change(cloud, 'CreateTrigger', request);
      isMade = true;
      const made = TriggerInfo && { ...deployedTrigger(TriggerInfo), type: 'http', qualifier: Qualifier };
      if (made && made.name !== '' && isComplete(made)) return made;
    } catch (error) {
      // The same code means that the function is busy, so a trigger that the list does not show is created again.
      if (!(error instanceof CloudError) || !isExisting(error)) throw error;
    }
    const found = (await listTriggers(cloud, FunctionName)).find((trigger) => isUrlOf(trigger, Qualifier));
    if ((found && isComplete(found)) || Date.now() > deadlineMs) return found;
    await delay(listPauseMs);
  }
}

export function isExisting({ cloudCode, cloudMessage }: CloudError): boolean {
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

// Brings the triggers of a function to what serverless.yml says. A function URL is updated, never deleted and made
// again: its address is permanent, but only for as long as the trigger lives.
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { LIVE } from './function.ts';
import type { FunctionSettings, TriggerSettings } from './settings.ts';

/** The short-lived URL on a version that is not released yet. */
export const CHECK_TRIGGER = 'check';

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
  return Triggers.map((trigger) => ({
    type: trigger.Type ?? '',
    name: trigger.TriggerName ?? '',
    qualifier: trigger.Qualifier ?? '',
    isEnabled: trigger.Enable === 1,
    argument: trigger.CustomArgument ?? '',
    description: trigger.TriggerDesc ?? '',
  }));
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
export const urlOf = (trigger: DeployedTrigger): string | undefined =>
  trigger.type === 'http' ? parse(trigger.description).NetConfig?.ExtranetUrl : undefined;

/** Cron of a timer; undefined for other triggers. */
export const cronOf = (trigger: DeployedTrigger): string | undefined =>
  trigger.type === 'timer' ? (parse(trigger.description).cron ?? trigger.description) : undefined;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** True when every value asked for is there; the cloud adds addresses of its own. */
function includes(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted) || !isRecord(wanted)) return JSON.stringify(actual) === JSON.stringify(wanted);
  return isRecord(actual) && Object.entries(wanted).every(([key, value]) => includes(actual[key], value));
}

function isAsWanted(found: DeployedTrigger, wanted: TriggerSettings): boolean {
  if (found.isEnabled !== wanted.isEnabled || found.argument !== wanted.argument) return false;
  if (wanted.type === 'timer') return cronOf(found) === wanted.description;
  const [actual, asked] = [parse(found.description), parse(wanted.description)];
  const hasStrayCors = asked.CorsConfig === undefined && actual.CorsConfig?.Enable === true;
  return includes(actual, asked) && !hasStrayCors;
}

/** There is one URL per version or alias, so a renamed http event is the same URL. */
const isSame = (found: DeployedTrigger, wanted: TriggerSettings): boolean =>
  found.type === wanted.type &&
  found.qualifier === LIVE &&
  (found.type === 'http' || found.name === wanted.name);

/** Creates, updates and deletes; `report` is told of each. */
export async function writeTriggers(
  cloud: Cloud,
  fn: FunctionSettings,
  report: (line: string) => void,
): Promise<void> {
  const deployed = await listTriggers(cloud, fn.name);
  const base = { FunctionName: fn.name };

  for (const found of deployed) {
    if (fn.triggers.some((wanted) => isSame(found, wanted))) continue;
    await cloud.scf('DeleteTrigger', {
      ...base,
      TriggerName: found.name,
      Type: found.type,
      Qualifier: found.qualifier,
    });
    if (found.name !== CHECK_TRIGGER) report(`${found.type} trigger ${found.name} removed`);
  }
  for (const wanted of fn.triggers) {
    const found = deployed.find((candidate) => isSame(candidate, wanted));
    if (found && isAsWanted(found, wanted)) continue;
    const change = {
      ...base,
      TriggerName: found?.name ?? wanted.name,
      Type: wanted.type,
      Qualifier: LIVE,
      TriggerDesc: wanted.description,
      Enable: wanted.isEnabled ? 'OPEN' : 'CLOSE',
      ...(wanted.type === 'timer' ? { CustomArgument: wanted.argument } : {}),
    };
    await cloud.scf(found ? 'UpdateTrigger' : 'CreateTrigger', change);
    report(`${wanted.type} trigger ${wanted.name} ${found ? 'updated' : 'created'}`);
  }
}

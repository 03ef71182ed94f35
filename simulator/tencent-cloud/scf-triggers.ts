// SCF's triggers and custom domains. A function URL never changes its address; there is one per version or alias.
import { ApiError } from './api-error.ts';
import { checkCron, type Parameters } from './scf-parameters.ts';
import {
  busy,
  findFunction,
  findIdleFunction,
  resolveQualifier,
  timestamp,
  type ScfContext,
} from './scf-functions.ts';
import type { Domain, StoredFunction, StoredTrigger } from './state.ts';
import { cloudSeconds } from './switches.ts';

interface UrlDescription {
  AuthType: 'NONE' | 'CAM';
  NetConfig: { EnableIntranet: boolean; EnableExtranet: boolean; ExtranetUrl?: string; IntranetUrl?: string };
  CorsConfig?: object;
}

function parseUrlDescription(json: string): UrlDescription {
  try {
    const parsed = JSON.parse(json) as UrlDescription;
    const { EnableExtranet, EnableIntranet } = parsed.NetConfig;
    if (
      (parsed.AuthType === 'NONE' || parsed.AuthType === 'CAM') &&
      typeof EnableExtranet === 'boolean' &&
      typeof EnableIntranet === 'boolean'
    ) {
      return parsed;
    }
  } catch {
    // Refused below.
  }
  throw new ApiError('InvalidParameterValue.TriggerDesc', 'The TriggerDesc of the function URL is invalid.');
}

/** Returns the host of a function URL. */
export function urlHost(trigger: StoredTrigger): string {
  const { ExtranetUrl, IntranetUrl } = (JSON.parse(trigger.TriggerDesc) as UrlDescription).NetConfig;
  return new URL(ExtranetUrl ?? IntranetUrl?.replace('.in.', '.') ?? 'http://none.invalid').host;
}

export function urlIsOpen(trigger: StoredTrigger): boolean {
  const { AuthType, NetConfig } = JSON.parse(trigger.TriggerDesc) as UrlDescription;
  return AuthType === 'NONE' && NetConfig.EnableExtranet;
}

export function cronOf(trigger: StoredTrigger): string {
  return (JSON.parse(trigger.TriggerDesc) as { cron: string }).cron;
}

function describe(
  context: ScfContext,
  type: StoredTrigger['Type'],
  given: string,
  previous?: StoredTrigger,
): string {
  if (type === 'timer') {
    checkCron(given);
    return JSON.stringify({ cron: given });
  }
  const parsed = parseUrlDescription(given);
  const host = previous
    ? urlHost(previous)
    : `${context.appId}-${context.state.newId('')}.${context.region}.tencentscf.com`;
  if (!previous && context.switches.urlReady === 'after seconds')
    context.state.data.urlKnownMs[host] = context.in(cloudSeconds.urlUnknown);
  const isBoth = context.switches.urlAddresses === 'both';
  const { EnableExtranet, EnableIntranet } = parsed.NetConfig;
  if (isBoth || EnableExtranet) parsed.NetConfig.ExtranetUrl = `https://${host}`;
  if (isBoth || EnableIntranet)
    parsed.NetConfig.IntranetUrl = `https://${host.replace(/^([^.]+)\./, '$1.in.')}`;
  return JSON.stringify(parsed);
}

function findTrigger(
  fn: StoredFunction,
  p: { TriggerName: string; Type: string; Qualifier?: string | undefined },
): StoredTrigger {
  const found = fn.triggers.find(
    (trigger) =>
      trigger.TriggerName === p.TriggerName &&
      trigger.Type === p.Type &&
      trigger.Qualifier === (p.Qualifier ?? '$LATEST'),
  );
  if (!found) throw new ApiError('ResourceNotFound.Trigger', `Trigger [${p.TriggerName}] not found.`);
  return found;
}

/** Call it before the triggers of a function change: the list shows the old ones for some time. */
function noteOlder(context: ScfContext, fn: StoredFunction): void {
  if (context.switches.triggerList === 'current') return;
  const kept = (fn.olderTriggers ?? []).filter(({ untilMs }) => untilMs > context.nowMs);
  const untilMs = context.in(cloudSeconds.triggerListBehind);
  fn.olderTriggers = [...kept, { untilMs, triggers: structuredClone(fn.triggers) }];
}

export const triggerActions = {
  CreateTrigger(context: ScfContext, p: Parameters<'CreateTrigger'>): object {
    const fn = findIdleFunction(context, 'CreateTrigger', p.FunctionName);
    const qualifier = p.Qualifier ?? '$LATEST';
    resolveQualifier(fn, qualifier);
    const times = fn.versionTimes?.[qualifier];
    if (times && context.nowMs < times.activeMs) throw busy(context, 'CreateTrigger', 'Publishing');
    if (p.Type === 'timer' && fn.latest.Type === 'HTTP') {
      throw new ApiError('InvalidParameterValue.Type', 'A Web function takes no timer trigger.');
    }
    const isOneUrl = context.switches.urlsMax === 'one per function';
    const clash = fn.triggers.some((trigger) =>
      p.Type === 'http'
        ? trigger.Type === 'http' && (isOneUrl || trigger.Qualifier === qualifier)
        : trigger.TriggerName === p.TriggerName && trigger.Qualifier === qualifier,
    );
    if (clash) throw new ApiError('ResourceInUse.Trigger', 'TriggerName already exists.');
    if (fn.triggers.filter((trigger) => trigger.Type === p.Type).length >= 10) {
      throw new ApiError('LimitExceeded.Trigger', 'At most 10 triggers of one type.');
    }
    const isNamedHere = p.Type === 'http' && context.switches.urlName === 'made by the cloud';
    const trigger: StoredTrigger = {
      TriggerName: isNamedHere ? context.state.newId('').padStart(10, 'u') : p.TriggerName,
      Type: p.Type,
      TriggerDesc: describe(context, p.Type, p.TriggerDesc),
      Enable: p.Enable === 'CLOSE' ? 0 : 1,
      Qualifier: qualifier,
      CustomArgument: p.CustomArgument ?? '',
      Description: p.Description ?? '',
      AddTime: timestamp(context.nowMs),
      ModTime: timestamp(context.nowMs),
    };
    noteOlder(context, fn);
    fn.triggers.push(trigger);
    return { TriggerInfo: trigger };
  },

  UpdateTrigger(context: ScfContext, p: Parameters<'UpdateTrigger'>): object {
    const fn = findIdleFunction(context, 'UpdateTrigger', p.FunctionName);
    const trigger = findTrigger(fn, p);
    if (p.Type === 'http' && context.switches.updateUrl === 'refused')
      throw new ApiError('ResourceNotFound.Trigger', `Trigger [${p.TriggerName}] not found.`);
    noteOlder(context, fn);
    if (p.TriggerDesc !== undefined) trigger.TriggerDesc = describe(context, p.Type, p.TriggerDesc, trigger);
    if (p.Enable !== undefined) trigger.Enable = p.Enable === 'OPEN' ? 1 : 0;
    if (p.CustomArgument !== undefined) trigger.CustomArgument = p.CustomArgument;
    if (p.Description !== undefined) trigger.Description = p.Description;
    trigger.ModTime = timestamp(context.nowMs);
    return {};
  },

  DeleteTrigger(context: ScfContext, p: Parameters<'DeleteTrigger'>): object {
    const fn = findIdleFunction(context, 'DeleteTrigger', p.FunctionName);
    const trigger = findTrigger(fn, p);
    const isBound = Object.values(context.state.data.domains).some(({ EndpointsConfig }) =>
      EndpointsConfig.some(
        ({ FunctionName, Qualifier }) =>
          FunctionName === p.FunctionName && Qualifier === trigger.Qualifier && trigger.Type === 'http',
      ),
    );
    if (isBound && context.switches.boundUrl === 'kept')
      throw new ApiError(
        'FailedOperation.DeleteTrigger.UrlUsed',
        'The function URL is bound to a custom domain.',
      );
    noteOlder(context, fn);
    fn.triggers = fn.triggers.filter((other) => other !== trigger);
    return {};
  },

  ListTriggers(context: ScfContext, p: Parameters<'ListTriggers'>): object {
    const fn = findFunction(context, p.FunctionName);
    const older = fn.olderTriggers?.find(({ untilMs }) => untilMs > context.nowMs);
    const { triggers } = older ?? fn;
    const shown = triggers.slice(p.Offset ?? 0, (p.Offset ?? 0) + (p.Limit ?? 20));
    return { TotalCount: triggers.length, Triggers: shown };
  },

  GetCustomDomain(context: ScfContext, p: Parameters<'GetCustomDomain'>): object {
    return findDomain(context, p.Domain);
  },

  CreateCustomDomain(context: ScfContext, p: Parameters<'CreateCustomDomain'>): object {
    if (context.state.data.domains[p.Domain])
      throw new ApiError('InvalidParameterValue.Domain', 'The domain is bound already.');
    const { resolvesMs, domains } = context.state.data;
    const late = context.switches.cname === 'resolves' ? 0 : context.in(cloudSeconds.cnameUnknown);
    resolvesMs[p.Domain] ??= late;
    if (context.nowMs < (resolvesMs[p.Domain] ?? 0))
      throw new ApiError('FailedOperation.CNAME', cnameMissing);
    domains[p.Domain] = checkDomain(context, p);
    return {};
  },

  UpdateCustomDomain(context: ScfContext, p: Parameters<'UpdateCustomDomain'>): object {
    findDomain(context, p.Domain);
    context.state.data.domains[p.Domain] = checkDomain(context, p);
    return {};
  },

  DeleteCustomDomain(context: ScfContext, p: Parameters<'DeleteCustomDomain'>): object {
    findDomain(context, p.Domain);
    delete context.state.data.domains[p.Domain];
    return {};
  },
};

const cnameMissing = 'CNAME解析错误: 域名必须先添加CNAME记录';

function findDomain(context: ScfContext, name: string): Domain {
  const domain = context.state.data.domains[name];
  if (!domain)
    throw new ApiError(context.switches.missingDomain, `The domain ${name} is not bound. 自定义域名不存在`);
  return domain;
}

function checkDomain(context: ScfContext, p: Parameters<'CreateCustomDomain'>): Domain {
  if (p.Protocol !== 'HTTP' && !p.CertConfig?.CertificateId) {
    throw new ApiError('InvalidParameterValue.CertConfig', 'HTTPS needs a certificate id.');
  }
  for (const endpoint of p.EndpointsConfig) {
    const { triggers } = findFunction(context, endpoint.FunctionName);
    if (!triggers.some(({ Type, Qualifier }) => Type === 'http' && Qualifier === endpoint.Qualifier)) {
      throw new ApiError(
        'InvalidParameterValue.EndpointsConfig',
        'The function has no function URL on that qualifier.',
      );
    }
  }
  return { ...p, CertConfig: { CertificateId: p.CertConfig?.CertificateId ?? '' } };
}

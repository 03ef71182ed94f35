// SCF's versions and aliases. A published version never changes; an alias decides which version serves requests.
import { ApiError } from './api-error.ts';
import {
  busy,
  findFunction,
  findIdleFunction,
  resolveQualifier,
  setChanging,
  timestamp,
  type ScfContext,
} from './scf-functions.ts';
import type { Parameters } from './scf-parameters.ts';
import type { Snapshot } from './state.ts';
import { cloudSeconds } from './switches.ts';

export const versionActions = {
  PublishVersion(context: ScfContext, p: Parameters<'PublishVersion'>): object {
    const fn = findIdleFunction(context, 'PublishVersion', p.FunctionName);
    const newest = fn.versions.at(-1);
    if (context.switches.publishUnchanged === 'refused' && newest && isSameContent(newest, fn.latest))
      throw new ApiError('FailedOperation.PublishVersion', '发布版本失败: 函数代码和配置没有变更');
    fn.versionCounter += 1;
    const version: Snapshot = {
      ...structuredClone(fn.latest),
      Version: String(fn.versionCounter),
      VersionDescription: p.Description ?? fn.latest.Description,
      AddTime: timestamp(context.nowMs),
    };
    fn.versions.push(version);
    const { publishing, busyTime, newVersion } = context.switches;
    const long = cloudSeconds.busy[busyTime];
    const seconds = {
      '$LATEST and version alike': { latest: long, version: long },
      'version longer': { latest: cloudSeconds.publishShort, version: long },
      '$LATEST longer': { latest: long, version: cloudSeconds.publishShort },
    }[publishing];
    setChanging(context, fn, 'Publishing', seconds.latest);
    fn.versionTimes = {
      ...fn.versionTimes,
      [version.Version]: {
        foundMs: newVersion === 'found at once' ? 0 : context.in(cloudSeconds.versionUnknown),
        activeMs: context.in(seconds.version),
      },
    };
    return {
      FunctionVersion: version.Version,
      Description: version.VersionDescription,
      Runtime: version.Runtime,
    };
  },

  ListVersionByFunction(context: ScfContext, p: Parameters<'ListVersionByFunction'>): object {
    const fn = findFunction(context, p.FunctionName);
    const all = [fn.latest, ...fn.versions].map(({ Version, VersionDescription, AddTime }) => ({
      Version,
      Description: VersionDescription,
      AddTime,
      ModTime: AddTime,
      Status: 'Active',
    }));
    if (p.Order === 'DESC') all.reverse();
    const shown = all.slice(p.Offset ?? 0, (p.Offset ?? 0) + (p.Limit ?? 20));
    return { TotalCount: all.length, FunctionVersion: shown.map(({ Version }) => Version), Versions: shown };
  },

  DeleteFunctionVersion(context: ScfContext, p: Parameters<'DeleteFunctionVersion'>): object {
    const fn = findIdleFunction(context, 'DeleteFunctionVersion', p.FunctionName);
    resolveQualifier(fn, p.Qualifier);
    const hasTrigger = fn.triggers.some((trigger) => trigger.Qualifier === p.Qualifier);
    const isRefused = hasTrigger && context.switches.deleteUsedVersion === 'refused';
    if (isRefused || Object.values(fn.aliases).includes(p.Qualifier))
      throw new ApiError('UnsupportedOperation.AliasBind', 'The version is in use by an alias or a trigger.');
    fn.triggers = fn.triggers.filter((trigger) => trigger.Qualifier !== p.Qualifier);
    fn.versions = fn.versions.filter((snapshot) => snapshot.Version !== p.Qualifier);
    return {};
  },

  GetAlias(context: ScfContext, p: Parameters<'GetAlias'>): object {
    const fn = findFunction(context, p.FunctionName);
    const version = fn.aliases[p.Name];
    if (version === undefined) throw new ApiError('ResourceNotFound.Alias', `Alias [${p.Name}] not found.`);
    const AdditionalVersionWeights = fn.routing?.[p.Name] ?? [];
    const Description = fn.aliasDescriptions?.[p.Name] ?? '';
    return {
      Name: p.Name,
      FunctionVersion: version,
      Description,
      RoutingConfig: { AdditionalVersionWeights },
    };
  },

  UpdateAlias(context: ScfContext, p: Parameters<'UpdateAlias'>): object {
    const fn = findIdleFunction(context, 'UpdateAlias', p.FunctionName);
    const times = fn.versionTimes?.[p.FunctionVersion];
    if (times && context.nowMs < times.activeMs) throw busy(context, 'UpdateAlias', 'Publishing');
    if (fn.aliases[p.Name] === undefined)
      throw new ApiError('ResourceNotFound.Alias', `Alias [${p.Name}] not found.`);
    const { aliasDescription } = context.switches;
    if (p.Description !== undefined && aliasDescription === 'refused')
      throw new ApiError('InvalidParameterValue.Description', 'Description is not valid.');
    const weights = p.RoutingConfig?.AdditionalVersionWeights ?? [];
    if (p.RoutingConfig && weights.length === 0 && context.switches.emptyRouting === 'refused')
      throw new ApiError(
        'InvalidParameterValue.AdditionalVersionWeights',
        'AdditionalVersionWeights is empty.',
      );
    fn.aliases[p.Name] = resolveQualifier(fn, p.FunctionVersion).Version;
    fn.routing = { ...fn.routing, [p.Name]: weights };
    if (p.Description !== undefined && aliasDescription === 'kept')
      fn.aliasDescriptions = { ...fn.aliasDescriptions, [p.Name]: p.Description };
    return {};
  },
};

function isSameContent(one: Snapshot, other: Snapshot): boolean {
  const own = { Version: '', VersionDescription: '', AddTime: '' };
  return JSON.stringify({ ...one, ...own }) === JSON.stringify({ ...other, ...own });
}

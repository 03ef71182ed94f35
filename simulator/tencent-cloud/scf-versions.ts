// Versions and aliases: a version is frozen when it is published, an alias decides which one answers.
import { ApiError } from './api-error.ts';
import {
  findFunction,
  findIdleFunction,
  resolveQualifier,
  setPending,
  timestamp,
  type ScfContext,
} from './scf-functions.ts';
import type { Parameters } from './scf-parameters.ts';
import type { Snapshot } from './state.ts';

export const versionActions = {
  PublishVersion(context: ScfContext, p: Parameters<'PublishVersion'>): object {
    const fn = findIdleFunction(context.state, p.FunctionName);
    fn.versionCounter += 1;
    const version: Snapshot = {
      ...structuredClone(fn.latest),
      Version: String(fn.versionCounter),
      VersionDescription: p.Description ?? fn.latest.Description,
      AddTime: timestamp(context.nowMs),
    };
    fn.versions.push(version);
    setPending(fn, 'Publishing');
    return {
      FunctionVersion: version.Version,
      Description: version.VersionDescription,
      Runtime: version.Runtime,
    };
  },

  ListVersionByFunction(context: ScfContext, p: Parameters<'ListVersionByFunction'>): object {
    const fn = findFunction(context.state, p.FunctionName);
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
    const fn = findIdleFunction(context.state, p.FunctionName);
    resolveQualifier(fn, p.Qualifier);
    const inUse =
      Object.values(fn.aliases).includes(p.Qualifier) ||
      fn.triggers.some((trigger) => trigger.Qualifier === p.Qualifier);
    if (inUse)
      throw new ApiError('FailedOperation.DeleteFunction', 'The version is in use by an alias or a trigger.');
    fn.versions = fn.versions.filter((snapshot) => snapshot.Version !== p.Qualifier);
    return {};
  },

  GetAlias(context: ScfContext, p: Parameters<'GetAlias'>): object {
    const version = findFunction(context.state, p.FunctionName).aliases[p.Name];
    if (version === undefined) throw new ApiError('ResourceNotFound.Alias', `Alias [${p.Name}] not found.`);
    return { Name: p.Name, FunctionVersion: version, RoutingConfig: { AdditionalVersionWeights: [] } };
  },

  UpdateAlias(context: ScfContext, p: Parameters<'UpdateAlias'>): object {
    const fn = findIdleFunction(context.state, p.FunctionName);
    if (fn.aliases[p.Name] === undefined)
      throw new ApiError('ResourceNotFound.Alias', `Alias [${p.Name}] not found.`);
    fn.aliases[p.Name] = resolveQualifier(fn, p.FunctionVersion).Version;
    return {};
  },
};

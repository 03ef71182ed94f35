// Functions, their versions and aliases. Every change goes through Creating/Updating/Publishing before `Active`,
// and is refused until then: a client that does not wait fails here as it fails in the cloud.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { ApiError } from './api-error.ts';
import { objectPath } from './cos.ts';
import { checkEnvironment, type Parameters } from './scf-parameters.ts';
import type { Snapshot, StateFile, StoredFunction } from './state.ts';

/** How often GetFunction still answers `Creating`, `Updating` or `Publishing`. */
const PENDING_POLLS = 2;

export interface ScfContext {
  state: StateFile;
  appId: string;
  region: string;
  nowMs: number;
}

/** A time as SCF writes it. */
export const timestamp = (nowMs: number): string =>
  new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ');

export function findFunction(state: StateFile, name: string): StoredFunction {
  const fn = state.data.functions[name];
  if (!fn) throw new ApiError('ResourceNotFound.Function', `Function [${name}] not found.`);
  return fn;
}

/** The configuration behind a version number, `$LATEST` or an alias. */
export function resolveQualifier(fn: StoredFunction, qualifier = '$LATEST'): Snapshot {
  const version = fn.aliases[qualifier] ?? qualifier;
  if (version === '$LATEST') return fn.latest;
  const found = fn.versions.find((snapshot) => snapshot.Version === version);
  if (!found)
    throw new ApiError('ResourceNotFound.FunctionVersion', `Version or alias [${qualifier}] not found.`);
  return found;
}

/** For changes: refuses while an earlier one is still in progress. */
export function findIdleFunction(state: StateFile, name: string): StoredFunction {
  const fn = findFunction(state, name);
  if (fn.Status.endsWith('ing')) {
    throw new ApiError(
      'FailedOperation.FunctionStatusError',
      `Function is ${fn.Status}, try again when it is Active.`,
    );
  }
  return fn;
}

/** Status until it has been asked for often enough. */
export function setPending(fn: StoredFunction, status: string): void {
  fn.Status = status;
  fn.pendingPolls = PENDING_POLLS;
}

/** Copies the zip out of COS, as SCF does: what happens to the object afterwards does not touch the function. */
function takeCode(
  context: ScfContext,
  code: Parameters<'CreateFunction'>['Code'],
): Pick<Snapshot, 'CodeSha256' | 'CodeSize'> {
  let zip: Buffer;
  try {
    const bucket = `${code.CosBucketName}-${context.appId}`;
    zip = readFileSync(objectPath(context.state, bucket, code.CosObjectName.slice(1)));
  } catch {
    throw new ApiError('InvalidParameterValue.CosObjectName', 'The code object does not exist in COS.');
  }
  const sha256 = createHash('sha256').update(zip).digest('hex');
  writeFileSync(context.state.zipPath(sha256), zip);
  return { CodeSha256: sha256, CodeSize: zip.length };
}

/** Applies what a request sets; what it leaves out stays; the documented "empty" forms clear. */
function configure(
  context: ScfContext,
  snapshot: Snapshot,
  change: Parameters<'UpdateFunctionConfiguration'>,
): void {
  for (const key of [
    'Description',
    'MemorySize',
    'Timeout',
    'InitTimeout',
    'Role',
    'ClsLogsetId',
    'ClsTopicId',
  ] as const) {
    const value = change[key];
    if (value !== undefined) Object.assign(snapshot, { [key]: value });
  }
  if (change.Environment) {
    const variables = change.Environment.Variables.filter(({ Key }) => Key !== '');
    checkEnvironment(variables);
    snapshot.Environment = { Variables: variables };
  }
  if (change.VpcConfig) {
    if ((change.VpcConfig.VpcId === '') !== (change.VpcConfig.SubnetId === '')) {
      throw new ApiError('InvalidParameterValue.VpcConfig', 'VpcId and SubnetId belong together.');
    }
    snapshot.VpcConfig = change.VpcConfig;
  }
  if (change.Layers && change.Layers.length > 0)
    snapshot.Layers = change.Layers.filter((layer) => layer.LayerName !== '');
  if (change.InstanceConcurrencyConfig) {
    if (snapshot.Type !== 'HTTP') {
      throw new ApiError('InvalidParameterValue.InstanceConcurrencyConfig', 'Only Web functions take it.');
    }
    const { DynamicEnabled, MaxConcurrency = 1 } = change.InstanceConcurrencyConfig;
    snapshot.InstanceConcurrencyConfig = DynamicEnabled === '' ? null : { DynamicEnabled, MaxConcurrency };
  }
  if (change.PublicNetConfig) {
    const { PublicNetStatus, EipConfig } = change.PublicNetConfig;
    snapshot.PublicNetConfig = {
      PublicNetStatus,
      EipConfig: {
        EipStatus: EipConfig?.EipStatus ?? snapshot.PublicNetConfig.EipConfig.EipStatus,
        EipAddress: [],
      },
    };
  }
  const net = snapshot.PublicNetConfig;
  net.EipConfig.EipAddress = net.EipConfig.EipStatus === 'ENABLE' ? [egressIp(context, snapshot)] : [];
}

/** Functions of one subnet share a fixed address; it is random and lost when the last of them goes. */
function egressIp(context: ScfContext, snapshot: Snapshot): string {
  const place = snapshot.VpcConfig.SubnetId || 'public';
  const ips = context.state.data.egressIps;
  if (ips[place] === undefined) {
    context.state.data.idCounter += 1;
    ips[place] = `203.0.113.${(context.state.data.idCounter % 254) + 1}`;
  }
  return ips[place];
}

function releaseEgressIps({ state }: ScfContext): void {
  const used = new Set(
    Object.values(state.data.functions)
      .flatMap((fn) => [fn.latest, ...fn.versions])
      .filter((snapshot) => snapshot.PublicNetConfig.EipConfig.EipStatus === 'ENABLE')
      .map((snapshot) => snapshot.VpcConfig.SubnetId || 'public'),
  );
  for (const place of Object.keys(state.data.egressIps))
    if (!used.has(place)) delete state.data.egressIps[place];
}

export const functionActions = {
  CreateFunction(context: ScfContext, p: Parameters<'CreateFunction'>): object {
    const { functions } = context.state.data;
    if (functions[p.FunctionName]) {
      throw new ApiError('ResourceInUse.Function', `Function [${p.FunctionName}] already exists.`);
    }
    const type = p.Type ?? 'Event';
    if (type === 'Event' && p.Handler === undefined) {
      throw new ApiError('MissingParameter', 'The request is missing a required parameter `Handler`.');
    }
    const latest: Snapshot = {
      Version: '$LATEST',
      VersionDescription: '',
      AddTime: timestamp(context.nowMs),
      Handler: p.Handler ?? '',
      Description: '',
      MemorySize: 128,
      Timeout: 3,
      InitTimeout: 65,
      Runtime: p.Runtime,
      Type: type,
      Role: '',
      Environment: { Variables: [] },
      VpcConfig: { VpcId: '', SubnetId: '' },
      Layers: [],
      PublicNetConfig: { PublicNetStatus: 'ENABLE', EipConfig: { EipStatus: 'DISABLE', EipAddress: [] } },
      InstanceConcurrencyConfig: null,
      ClsLogsetId: '',
      ClsTopicId: '',
      ...takeCode(context, p.Code),
    };
    configure(context, latest, p);
    const fn: StoredFunction = {
      FunctionName: p.FunctionName,
      FunctionId: context.state.newId('lam-'),
      Namespace: 'default',
      Status: 'Active',
      pendingPolls: 0,
      Tags: p.Tags ?? [],
      latest,
      versions: [],
      versionCounter: 0,
      aliases: { $DEFAULT: '$LATEST' },
      triggers: [],
    };
    setPending(fn, 'Creating');
    functions[p.FunctionName] = fn;
    return {};
  },

  UpdateFunctionCode(context: ScfContext, p: Parameters<'UpdateFunctionCode'>): object {
    const fn = findIdleFunction(context.state, p.FunctionName);
    Object.assign(
      fn.latest,
      takeCode(context, p.Code),
      p.Handler === undefined ? {} : { Handler: p.Handler },
    );
    setPending(fn, 'Updating');
    return {};
  },

  UpdateFunctionConfiguration(context: ScfContext, p: Parameters<'UpdateFunctionConfiguration'>): object {
    const fn = findIdleFunction(context.state, p.FunctionName);
    const changed = structuredClone(fn.latest);
    configure(context, changed, p);
    fn.latest = changed;
    setPending(fn, 'Updating');
    releaseEgressIps(context);
    return {};
  },

  GetFunction(context: ScfContext, p: Parameters<'GetFunction'>): object {
    const fn = findFunction(context.state, p.FunctionName);
    const { Version, VersionDescription: _, CodeSha256: __, ...shown } = resolveQualifier(fn, p.Qualifier);
    const answer = {
      ...shown,
      FunctionName: fn.FunctionName,
      FunctionId: fn.FunctionId,
      FunctionVersion: Version,
      Namespace: fn.Namespace,
      Status: fn.Status,
      StatusReasons: [],
      Tags: fn.Tags,
      Qualifier: p.Qualifier ?? '$LATEST',
    };
    if (fn.pendingPolls > 0) fn.pendingPolls -= 1;
    if (fn.pendingPolls === 0 && fn.Status.endsWith('ing')) fn.Status = 'Active';
    return answer;
  },

  ListFunctions(context: ScfContext, p: Parameters<'ListFunctions'>): object {
    const found = Object.values(context.state.data.functions).filter((fn) =>
      fn.FunctionName.includes(p.SearchKey ?? ''),
    );
    const shown = found.slice(p.Offset ?? 0, (p.Offset ?? 0) + (p.Limit ?? 20));
    return {
      TotalCount: found.length,
      Functions: shown.map((fn) => ({
        FunctionName: fn.FunctionName,
        FunctionId: fn.FunctionId,
        Namespace: fn.Namespace,
        Status: fn.Status,
        Description: fn.latest.Description,
        Runtime: fn.latest.Runtime,
        Type: fn.latest.Type,
        Tags: fn.Tags,
      })),
    };
  },

  DeleteFunction(context: ScfContext, p: Parameters<'DeleteFunction'>): object {
    findFunction(context.state, p.FunctionName);
    const bound = Object.values(context.state.data.domains).find((domain) =>
      domain.EndpointsConfig.some((endpoint) => endpoint.FunctionName === p.FunctionName),
    );
    if (bound)
      throw new ApiError(
        'FailedOperation.DeleteFunction',
        `The custom domain ${bound.Domain} is bound to it.`,
      );
    delete context.state.data.functions[p.FunctionName];
    releaseEgressIps(context);
    return {};
  },
};

// SCF's functions. Each change takes time (Creating, Updating, Publishing, Deleting), and until it ends further changes
// are refused. So a client that does not wait fails here as it fails in the cloud.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { ApiError } from './api-error.ts';
import { objectPath } from './cos.ts';
import { checkEnvironment, newerRuntimes, type Parameters } from './scf-parameters.ts';
import type { Snapshot, StateFile, StoredFunction } from './state.ts';
import { cloudSeconds, type Switches } from './switches.ts';

/** Limit of code inside a request. */
const zipBytesMax = 20 * 1024 * 1024;

export interface ScfContext {
  state: StateFile;
  appId: string;
  region: string;
  nowMs: number;
  switches: Switches;
  /** Returns the time that is this many seconds of the cloud from now. */
  in(seconds: number): number;
  /** Returns one of a list; the seed decides. */
  pick<T>(list: readonly T[]): T;
  /** Throws CAM's refusal unless the key may do `service:Action`. */
  authorise(action: string): void;
  /** Removes and returns the failure that was set for a change: the `Status` it ends in. */
  takeFailure(action: string): string | undefined;
}

/** Formats a time as SCF does. */
export function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ');
}

export function findFunction(context: ScfContext, name: string): StoredFunction {
  const fn = context.state.data.functions[name];
  if (!fn) throw new ApiError(context.switches.missingFunction, `Function [${name}] not found. 函数不存在`);
  return fn;
}

/** Returns the configuration of a version number, `$LATEST` or an alias. */
export function resolveQualifier(fn: StoredFunction, qualifier = '$LATEST'): Snapshot {
  const version = fn.aliases[qualifier] ?? qualifier;
  if (version === '$LATEST') return fn.latest;
  const found = fn.versions.find((snapshot) => snapshot.Version === version);
  if (!found)
    throw new ApiError('ResourceNotFound.FunctionVersion', `Version or alias [${qualifier}] not found.`);
  return found;
}

/** Completes the changes whose time is over. */
export function settle({ state, nowMs }: { state: StateFile; nowMs: number }): void {
  for (const fn of Object.values(state.data.functions)) {
    if (!fn.change || nowMs < fn.change.endsMs) continue;
    if (fn.change.becomes === '') {
      delete state.data.functions[fn.FunctionName];
      releaseEgressIps(state);
      continue;
    }
    fn.Status = fn.change.becomes;
    delete fn.change;
  }
}

const notNow = '当前函数状态无法进行此操作，请在函数状态正常时重试';
/** Refusals of a change during another change, as in the SDK's lists and in users' reports. */
const busyRefusals: Record<string, readonly (readonly [code: string, message: string])[]> = {
  UpdateFunctionCode: [
    ['FailedOperation.UpdateFunctionCode', '当前函数处于Updating状态，无法进行此操作，请稍后重试。'],
    [
      'UnauthorizedOperation.FunctionStatus',
      'Function status Updating is not allowed to do UpdateFunctionCode',
    ],
  ],
  UpdateFunctionConfiguration: [
    ['FailedOperation.UpdateFunctionConfiguration', '当前函数处于Updating状态，无法进行此操作，请稍后重试。'],
    ['FailedOperation.ReservedInProgress', notNow],
  ],
  PublishVersion: [
    ['FailedOperation', notNow],
    ['FailedOperation.PublishVersion', notNow],
    ['UnsupportedOperation.PublishVersion', notNow],
    ['ResourceInUse', '资源被占用'],
  ],
  UpdateAlias: [
    ['FailedOperation', notNow],
    ['FailedOperation.UpdateAlias', notNow],
    ['ResourceInUse', '资源被占用'],
  ],
  CreateTrigger: [
    ['FailedOperation.CreateTrigger', '创建触发器失败 (当前函数状态无法进行此操作)'],
    ['ResourceInUse', '资源被占用'],
  ],
  UpdateTrigger: [['FailedOperation.UpdateTrigger', notNow]],
  DeleteTrigger: [['FailedOperation.DeleteTrigger', notNow]],
  DeleteFunction: [
    ['FailedOperation.DeleteFunction', notNow],
    ['FailedOperation.ProvisionedInProgress', notNow],
  ],
  DeleteFunctionVersion: [['FailedOperation.DeleteFunction', notNow]],
};

/** Returns the function, or refuses the change while an earlier one is in progress. */
export function findIdleFunction(context: ScfContext, action: string, name: string): StoredFunction {
  const fn = findFunction(context, name);
  if (fn.change || context.nowMs < (fn.writableMs ?? 0)) throw busy(context, action, fn.Status);
  return fn;
}

export function busy(context: ScfContext, action: string, status: string): ApiError {
  const seen = context.switches.busyCode === 'as seen by users' ? busyRefusals[action] : undefined;
  if (seen) return new ApiError(...context.pick(seen));
  return new ApiError(
    'FailedOperation.FunctionStatusError',
    `Function is ${status}, try again when it is Active.`,
  );
}

/** Starts a change: `Status` shows it until it ends. */
export function setChanging(
  context: ScfContext,
  fn: StoredFunction,
  status: string,
  seconds = cloudSeconds.busy[context.switches.busyTime],
): void {
  const failure = context.takeFailure(status);
  fn.Status = status;
  fn.change = { endsMs: context.in(seconds), becomes: failure ?? 'Active' };
  fn.writableMs =
    context.switches.afterActive === 'refused for a moment'
      ? context.in(seconds + cloudSeconds.afterActive)
      : 0;
  fn.StatusReasons =
    failure === undefined ? [] : [{ ErrorCode: failure, ErrorMessage: `The function is ${failure}.` }];
}

/** Copies the zip from the request or from COS. Later changes of the object do not affect the function. */
function takeCode(
  context: ScfContext,
  code: Parameters<'CreateFunction'>['Code'],
): Pick<Snapshot, 'CodeSha256' | 'CodeSize'> {
  let zip: Buffer;
  if (code.ZipFile !== undefined) {
    zip = Buffer.from(code.ZipFile, 'base64');
    if (zip.toString('base64') !== code.ZipFile || zip.readUInt16BE(0) !== 0x50_4b)
      throw new ApiError(
        'InvalidParameterValue.ZipFileBase64BinasciiError',
        'ZipFile is not a zip in base64.',
      );
    if (zip.length > zipBytesMax)
      throw new ApiError('InvalidParameterValue.InlineZipFile', 'ZipFile exceeds 20 MB.');
  } else if (code.CosBucketName === undefined || code.CosObjectName === undefined) {
    throw new ApiError(
      'MissingParameter.Code',
      'Neither ZipFile nor CosBucketName with CosObjectName is given.',
    );
  } else if (context.switches.codeFromCos === 'not readable') {
    throw new ApiError('UnauthorizedOperation.Role', '没有权限访问您的Cos资源');
  } else {
    try {
      const bucket = `${code.CosBucketName}-${context.appId}`;
      zip = readFileSync(objectPath(context.state, bucket, code.CosObjectName.slice(1)));
    } catch {
      throw new ApiError('InvalidParameterValue.CosObjectName', 'The code object does not exist in COS.');
    }
  }
  const sha256 = createHash('sha256').update(zip).digest('hex');
  writeFileSync(context.state.zipPath(sha256), zip);
  return { CodeSha256: sha256, CodeSize: zip.length };
}

/** Applies what a request sets. What it leaves out stays; the documented empty values clear a setting. */
function configure(
  context: ScfContext,
  snapshot: Snapshot,
  change: Parameters<'UpdateFunctionConfiguration'>,
): void {
  refuseAccount(context, change);
  if (context.switches.emptyMembers === 'refused') refuseEmpty(snapshot, change);
  if (change.ClsLogsetId && change.ClsTopicId === undefined)
    throw new ApiError('MissingParameter', 'The request is missing a required parameter `ClsTopicId`.');
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
    checkEnvironment(variables, context.switches.environmentValue === 'up to 4 KB' ? 4096 : 128);
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

/** Refuses a configuration that needs something the account does not have. */
function refuseAccount(
  { switches, authorise }: ScfContext,
  change: Parameters<'UpdateFunctionConfiguration'> & { Tags?: unknown[] | undefined },
): void {
  if (switches.balance === 'in arrears')
    throw new ApiError('FailedOperation.InsufficientBalance', '账户余额不足');
  if (switches.role === 'missing')
    throw new ApiError('FailedOperation.QcsRoleNotFound', 'The role SCF_QcsRole does not exist.');
  if (switches.cls === 'not opened' && change.ClsTopicId)
    throw new ApiError('FailedOperation.ClsServiceUnregistered', '未开通CLS服务');
  if (switches.camChecks === 'the action') return;
  const actions = ['cam:GetRole', 'cam:ListAttachedRolePolicies'];
  if (change.VpcConfig?.VpcId) actions.push('vpc:DescribeVpcEx', 'vpc:DescribeSubnetEx');
  if (change.Tags && change.Tags.length > 0) actions.push('tag:TagResources');
  for (const action of actions) authorise(action);
}

/** Refuses an empty value for a setting that is not set. */
function refuseEmpty(snapshot: Snapshot, change: Parameters<'UpdateFunctionConfiguration'>): void {
  if (change.Role === '' && snapshot.Role === '')
    throw new ApiError('ResourceNotFound.Role', 'The role [] does not exist.');
  if (change.VpcConfig?.VpcId === '' && snapshot.VpcConfig.VpcId === '')
    throw new ApiError('InvalidParameterValue.Vpc', 'The VPC [] is not valid.');
  if (change.ClsTopicId === '' && snapshot.ClsTopicId === '')
    throw new ApiError('InvalidParameterValue.Cls', 'The log topic [] is not valid.');
}

/** Functions of one subnet share a fixed random address, which is lost when the last of them is deleted. */
function egressIp(context: ScfContext, snapshot: Snapshot): string {
  const place = snapshot.VpcConfig.SubnetId || 'public';
  const ips = context.state.data.egressIps;
  if (ips[place] === undefined) {
    context.state.data.idCounter += 1;
    ips[place] = `203.0.113.${(context.state.data.idCounter % 254) + 1}`;
  }
  return ips[place];
}

function releaseEgressIps(state: StateFile): void {
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
    const present = functions[p.FunctionName];
    if (present) {
      const code = present.Status === 'Deleting' ? 'ResourceInUse.FunctionName' : 'ResourceInUse.Function';
      throw new ApiError(code, `Function [${p.FunctionName}] already exists.`);
    }
    if (context.switches.runtimes === 'up to Nodejs20.19' && newerRuntimes.includes(p.Runtime))
      throw new ApiError('InvalidParameterValue.Runtime', `The runtime ${p.Runtime} is not offered.`);
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
      Tags: p.Tags ?? [],
      latest,
      versions: [],
      versionCounter: 0,
      aliases: { $DEFAULT: '$LATEST' },
      triggers: [],
    };
    setChanging(context, fn, 'Creating');
    if (context.switches.egressAddress === 'after seconds')
      fn.egressShownMs = context.in(cloudSeconds.egressAddress);
    if (p.AutoDeployClsTopicIndex === 'TRUE' && p.ClsTopicId)
      context.state.data.indexes[p.ClsTopicId] ??= { TopicId: p.ClsTopicId, Status: true, Rule: {} };
    functions[p.FunctionName] = fn;
    return {};
  },

  UpdateFunctionCode(context: ScfContext, p: Parameters<'UpdateFunctionCode'>): object {
    const fn = findIdleFunction(context, 'UpdateFunctionCode', p.FunctionName);
    const { ZipFile, CosBucketName, CosObjectName, Code } = p;
    Object.assign(
      fn.latest,
      takeCode(context, Code ?? { ZipFile, CosBucketName, CosObjectName }),
      p.Handler === undefined ? {} : { Handler: p.Handler },
    );
    setChanging(context, fn, 'Updating');
    return {};
  },

  UpdateFunctionConfiguration(context: ScfContext, p: Parameters<'UpdateFunctionConfiguration'>): object {
    const fn = findIdleFunction(context, 'UpdateFunctionConfiguration', p.FunctionName);
    const changed = structuredClone(fn.latest);
    configure(context, changed, p);
    fn.latest = changed;
    setChanging(context, fn, 'Updating');
    releaseEgressIps(context.state);
    return {};
  },

  GetFunction(context: ScfContext, p: Parameters<'GetFunction'>): object {
    const fn = findFunction(context, p.FunctionName);
    const times = fn.versionTimes?.[p.Qualifier ?? ''];
    if (times && context.nowMs < times.foundMs)
      throw new ApiError('ResourceNotFound.Version', `Version [${p.Qualifier}] not found.`);
    const { Version, VersionDescription, CodeSha256: _, ...shown } = resolveQualifier(fn, p.Qualifier);
    if (Version !== '$LATEST' && context.switches.versionDescription === 'as published')
      shown.Description = VersionDescription;
    const isShown = context.nowMs >= (fn.egressShownMs ?? 0);
    const ofVersion = times && context.nowMs < times.activeMs ? 'Publishing' : 'Active';
    const isVersion = /^\d+$/.test(p.Qualifier ?? '') && !fn.Status.endsWith('Failed');
    const { PublicNetConfig: net } = shown;
    return {
      ...shown,
      PublicNetConfig: isShown ? net : { ...net, EipConfig: { ...net.EipConfig, EipAddress: [] } },
      FunctionName: fn.FunctionName,
      FunctionId: fn.FunctionId,
      FunctionVersion: Version,
      Namespace: fn.Namespace,
      Status: isVersion ? ofVersion : fn.Status,
      StatusReasons: fn.StatusReasons ?? [],
      AvailableStatus: context.switches.balance === 'paid' ? 'Available' : 'Insufficient Balance',
      Tags: fn.Tags,
      Qualifier: p.Qualifier ?? '$LATEST',
    };
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
    const fn = findIdleFunction(context, 'DeleteFunction', p.FunctionName);
    const { domains } = context.state.data;
    const bound = Object.values(domains).find((domain) =>
      domain.EndpointsConfig.some((endpoint) => endpoint.FunctionName === p.FunctionName),
    );
    if (bound)
      throw new ApiError(
        'FailedOperation.DeleteFunction',
        `The custom domain ${bound.Domain} is bound to it.`,
      );
    if (context.switches.deleteWithUrl === 'refused') {
      if (fn.triggers.length > 0)
        throw new ApiError('FailedOperation.DeleteFunction', 'The function still has triggers.');
      if (fn.aliases['$DEFAULT'] !== '$LATEST')
        throw new ApiError('UnsupportedOperation.AliasBind', 'An alias is bound to a version.');
    }
    if (context.switches.deletion === 'asynchronous') {
      setChanging(context, fn, 'Deleting', cloudSeconds.deleting);
      if (fn.change?.becomes === 'Active') fn.change.becomes = '';
      return {};
    }
    delete context.state.data.functions[p.FunctionName];
    releaseEgressIps(context.state);
    return {};
  },
};

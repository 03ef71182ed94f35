// The documented limits of SCF's API parameters. Anything unknown, missing or out of range is refused, as in the cloud.
import * as z from 'zod/mini';
import { Cron } from 'croner';
import { ApiError } from './api-error.ts';
import { checkMembers } from './sdk-models.ts';

const environmentBytesMax = 4096;
/** Exist on CloudBase, which is built on SCF; no report of their use on SCF itself was found. */
export const newerRuntimes = ['Nodejs22.21', 'Nodejs24.11'];
const runtimes = [
  'Nodejs20.19', 'Nodejs18.15', 'Nodejs16.13', 'Nodejs14.18', 'Nodejs12.16', 'Nodejs10.15',
  'Python3.10', 'Python3.9', 'Python3.7', 'Python3.6', 'Python2.7',
  'Php8.0', 'Php7.4', 'Php7', 'Go1', 'Java8', 'CustomRuntime',
]; // prettier-ignore

const functionName = z.string().check(z.regex(/^[A-Za-z][\w-]{0,58}[A-Za-z0-9]$/));
const namespace = z.optional(z.literal('default'));
const onOff = z.enum(['ENABLE', 'DISABLE']);
const trueFalse = z.optional(z.enum(['TRUE', 'FALSE']));
const environment = z.strictObject({
  Variables: z.array(z.strictObject({ Key: z.string(), Value: z.string() })),
});
const instanceConcurrency = z.strictObject({
  DynamicEnabled: z.enum(['TRUE', 'FALSE', '']),
  MaxConcurrency: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
});
const configuration = {
  FunctionName: functionName,
  Namespace: namespace,
  /** Letters, digits, spaces, commas, full stops and Chinese; at most 1000. */
  Description: z.optional(z.string().check(z.regex(/^[A-Za-z0-9\s,.，。一-鿿]{0,1000}$/))),
  MemorySize: z.optional(
    z.int().check(
      z.minimum(64),
      z.maximum(3072),
      z.refine((mb) => mb === 64 || mb % 128 === 0),
    ),
  ),
  Timeout: z.optional(z.int().check(z.minimum(1), z.maximum(900))),
  InitTimeout: z.optional(z.int().check(z.minimum(3), z.maximum(300))),
  Role: z.optional(z.string()),
  Environment: z.optional(environment),
  VpcConfig: z.optional(z.strictObject({ VpcId: z.string(), SubnetId: z.string() })),
  Layers: z.optional(
    z.array(z.strictObject({ LayerName: z.string(), LayerVersion: z.int() })).check(z.maxLength(5)),
  ),
  PublicNetConfig: z.optional(
    z.strictObject({ PublicNetStatus: onOff, EipConfig: z.optional(z.strictObject({ EipStatus: onOff })) }),
  ),
  InstanceConcurrencyConfig: z.optional(instanceConcurrency),
  ClsLogsetId: z.optional(z.string()),
  ClsTopicId: z.optional(z.string()),
};
const code = {
  ZipFile: z.optional(z.string()),
  CosBucketName: z.optional(z.string()),
  CosObjectName: z.optional(z.string().check(z.regex(/^\//))),
  CosBucketRegion: z.optional(z.string()),
};
const trigger = {
  FunctionName: functionName,
  Namespace: namespace,
  TriggerName: z.string().check(z.regex(/^[\w-]{1,100}$/)),
  Type: z.enum(['timer', 'http']),
  Qualifier: z.optional(z.string()),
};
const triggerBody = {
  ...trigger,
  Enable: z.optional(z.enum(['OPEN', 'CLOSE'])),
  CustomArgument: z.optional(z.string().check(z.maxLength(4096))),
  Description: z.optional(z.string()),
};
const page = { Offset: z.optional(z.int()), Limit: z.optional(z.int().check(z.minimum(1), z.maximum(100))) };
const named = { FunctionName: functionName, Namespace: namespace };
const domain = {
  Domain: z.string().check(z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/)),
  Protocol: z.enum(['HTTP', 'HTTPS', 'HTTP&HTTPS']),
  CertConfig: z.optional(z.strictObject({ CertificateId: z.string() })),
  WafConfig: z.optional(z.strictObject({ WafOpen: z.literal('OPEN'), WafInstanceId: z.string() })),
  EndpointsConfig: z.array(
    z.strictObject({
      Namespace: z.string(),
      FunctionName: functionName,
      Qualifier: z.string(),
      PathMatch: z.string().check(z.regex(/^\/([\w.-]+(\/[\w.-]+)*(\/\*)?|\*)?$/)),
    }),
  ),
};

/** One schema per action. The local cloud offers only these actions. */
export const parameterSchemas = {
  CreateFunction: z.strictObject({
    ...configuration,
    Code: z.strictObject(code),
    CodeSource: z.optional(z.enum(['ZipFile', 'Cos'])),
    Runtime: z.enum([...runtimes, ...newerRuntimes]),
    Type: z.optional(z.enum(['Event', 'HTTP'])),
    Handler: z.optional(z.string().check(z.regex(/^[A-Za-z][\w-]*[A-Za-z0-9]\.[A-Za-z][\w-]*[A-Za-z0-9]$/))),
    Tags: z.optional(z.array(z.strictObject({ Key: z.string(), Value: z.string() }))),
    AutoDeployClsTopicIndex: trueFalse,
  }),
  UpdateFunctionCode: z.strictObject({
    ...named,
    ...code,
    Handler: z.optional(z.string()),
    Code: z.optional(z.strictObject(code)),
    CodeSource: z.optional(z.enum(['ZipFile', 'Cos'])),
  }),
  UpdateFunctionConfiguration: z.strictObject(configuration),
  GetFunction: z.strictObject({ ...named, Qualifier: z.optional(z.string()), ShowCode: trueFalse }),
  ListFunctions: z.strictObject({ Namespace: namespace, SearchKey: z.optional(z.string()), ...page }),
  DeleteFunction: z.strictObject({ ...named, Qualifier: z.optional(z.string()) }),
  PublishVersion: z.strictObject({ ...named, Description: configuration.Description }),
  ListVersionByFunction: z.strictObject({
    ...named,
    ...page,
    Order: z.optional(z.enum(['ASC', 'DESC'])),
    OrderBy: z.optional(z.enum(['AddTime', 'ModTime'])),
  }),
  DeleteFunctionVersion: z.strictObject({ ...named, Qualifier: z.string() }),
  GetAlias: z.strictObject({ ...named, Name: z.string() }),
  UpdateAlias: z.strictObject({
    ...named,
    Name: z.string(),
    FunctionVersion: z.string(),
    Description: configuration.Description,
    RoutingConfig: z.optional(
      z.strictObject({
        AdditionalVersionWeights: z.optional(
          z.array(z.strictObject({ Version: z.string(), Weight: z.number() })).check(z.maxLength(1)),
        ),
      }),
    ),
  }),
  CreateTrigger: z.strictObject({ ...triggerBody, TriggerDesc: z.string() }),
  UpdateTrigger: z.strictObject({ ...triggerBody, TriggerDesc: z.optional(z.string()) }),
  DeleteTrigger: z.strictObject({ ...trigger, TriggerDesc: z.optional(z.string()) }),
  ListTriggers: z.strictObject({ ...named, ...page }),
  InvokeFunction: z.strictObject({
    ...named,
    Qualifier: z.optional(z.string()),
    Event: z.optional(z.string().check(z.maxLength(6 * 1024 * 1024))),
    LogType: z.optional(z.enum(['None', 'Tail'])),
  }),
  GetCustomDomain: z.strictObject({ Domain: domain.Domain }),
  CreateCustomDomain: z.strictObject(domain),
  UpdateCustomDomain: z.strictObject(domain),
  DeleteCustomDomain: z.strictObject({ Domain: domain.Domain }),
};

export type ScfAction = keyof typeof parameterSchemas;
export type Parameters<A extends ScfAction> = z.infer<(typeof parameterSchemas)[A]>;

/** Returns the checked parameters, or throws the documented refusal with the name of the parameter. */
export function checkParameters<A extends ScfAction>(action: A, given: unknown): Parameters<A> {
  checkMembers(action, given);
  const result = parameterSchemas[action].safeParse(given);
  if (result.success) return result.data as Parameters<A>;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  if (issue?.code === 'unrecognized_keys') {
    const key = [...issue.path, issue.keys[0]].join('.');
    throw new ApiError('UnsupportedOperation', `SCF knows \`${key}\`; the local cloud does not simulate it.`);
  }
  const isMissing = path !== '' && issue?.path.reduce<unknown>(child, given) === undefined;
  if (isMissing)
    throw new ApiError('MissingParameter', `The request is missing a required parameter \`${path}\`.`);
  throw new ApiError(
    `InvalidParameterValue.${String(issue?.path[0] ?? 'Parameter')}`,
    `The value of parameter \`${path}\` is invalid.`,
  );
}

function child(value: unknown, key: PropertyKey): unknown {
  return (value as Record<PropertyKey, unknown> | undefined)?.[key];
}

/** Refuses reserved or malformed names, values over `valueBytesMax`, and more than 4 KB in total. */
export function checkEnvironment(variables: { Key: string; Value: string }[], valueBytesMax: number): void {
  let bytes = 0;
  for (const { Key, Value } of variables) {
    if (!/^[A-Za-z]\w*$/.test(Key)) {
      throw new ApiError('InvalidParameterValue.EnvironmentVariables', `The key \`${Key}\` is not allowed.`);
    }
    if (/^(SCF_|QCLOUD_|TENCENTCLOUD_|TECENTCLOUD_)/.test(Key)) {
      throw new ApiError(
        'InvalidParameterValue.EnvironmentSystemProtect',
        `\`${Key}\` is reserved by the system.`,
      );
    }
    if (Buffer.byteLength(Value) > valueBytesMax)
      throw new ApiError('InvalidParameterValue.Environment', `The value of \`${Key}\` is too long.`);
    bytes += Buffer.byteLength(Key) + Buffer.byteLength(Value);
  }
  if (bytes > environmentBytesMax) {
    throw new ApiError('InvalidParameterValue.EnvironmentExceededLimit', 'The environment exceeds 4 KB.');
  }
}

/** Refuses anything except a cron expression of exactly seven fields. */
export function checkCron(expression: string): void {
  try {
    if (expression.trim().split(/\s+/).length !== 7) throw new Error('seven fields');
    new Cron(expression, { paused: true }).stop();
  } catch {
    throw new ApiError(
      'InvalidParameterValue.TriggerDesc',
      `The cron expression \`${expression}\` is invalid.`,
    );
  }
}

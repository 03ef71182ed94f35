// From the resolved serverless.yml to what the cloud should hold. Pure: reads no file, calls no API.
// Everything the configuration schema cannot say is checked here, each mistake with the key that causes it.
import { Cron } from 'croner';
import { DeployError } from './errors.ts';
import { environmentOf } from './environment.ts';
import { checkRuntime, defaultRuntime } from './runtime.ts';
import type { ServerlessService, ServiceFunction } from './manifest.ts';
import { manifestTexts } from './texts.ts';

export interface TriggerSettings {
  type: 'http' | 'timer';
  name: string;
  /** TriggerDesc as CreateTrigger takes it. */
  description: string;
  isEnabled: boolean;
  /** Timer only: the event's `Message`. */
  argument: string;
}

export interface FunctionSettings {
  /** Key in serverless.yml. */
  key: string;
  /** Name in the cloud: `<service>-<stage>-<key>` unless given. */
  name: string;
  type: 'web' | 'event';
  /** Folder that is zipped, relative to serverless.yml. */
  src: string;
  handler: string;
  description: string;
  runtime: string;
  memorySize: number;
  timeout: number;
  initTimeout: number;
  instanceConcurrency: number | undefined;
  environment: Record<string, string>;
  /** Local files to pack: name in the zip → path. */
  extraFiles: Record<string, string>;
  vpc: { vpcId: string; subnetId: string } | undefined;
  publicNetwork: boolean;
  eip: boolean;
  role: string | undefined;
  layers: { name: string; version: number }[];
  tags: Record<string, string>;
  cls:
    | { retentionDays?: number | undefined; logsetId?: string | undefined; topicId?: string | undefined }
    | undefined;
  /** Path that must answer 200 on a new version before it is released. */
  healthPath: string | undefined;
  triggers: TriggerSettings[];
}

export interface DomainSettings {
  domain: string;
  certificateId: string;
  /** Path → function key. */
  routes: Record<string, string>;
}

export interface ServiceSettings {
  service: string;
  stage: string;
  region: string;
  build: string | undefined;
  codeBucket: string | undefined;
  functions: FunctionSettings[];
  customDomain: DomainSettings | undefined;
  /** Who is told of alarms; undefined when nobody is. */
  alarms: { webhook: string | undefined; uins: number[] } | undefined;
}

const functionName = /^[A-Za-z][\w-]{0,58}[A-Za-z0-9]$/;

const descriptionForm = /^[A-Za-z0-9\s,.，。\u4e00-\u9fff]{0,800}$/;

/** Throws DeployError naming the key in serverless.yml that is wrong. */
export function readSettings(service: ServerlessService, variables: NodeJS.ProcessEnv): ServiceSettings {
  const { provider } = service;
  const stage = provider.stage ?? 'dev';
  const base = { service: service.service, stage };
  const functions = Object.entries(service.functions)
    .filter(([, { onlyWith }]) => onlyWith === undefined || Boolean(variables[onlyWith]))
    .map(([key, given]) => readFunction(key, given, service, stage));
  return {
    ...base,
    // A copied .env.example leaves it empty.
    region: provider.region || 'ap-guangzhou',
    build: provider.build,
    codeBucket: provider.codeBucket || undefined,
    functions,
    customDomain: readDomain(
      service,
      functions.map(({ key }) => key),
    ),
    alarms: readAlarms(provider.alarms),
  };
}

function readAlarms(given: ServerlessService['provider']['alarms']): ServiceSettings['alarms'] {
  const { webhook = '', uin = '' } = given ?? {};
  if (webhook === '' && uin === '') return undefined;
  // It holds a key, so no message shows it.
  if (webhook !== '' && !/^https:\/\/qyapi\.weixin\.qq\.com\/cgi-bin\/webhook\/send\?key[=]/.test(webhook))
    throw new DeployError(manifestTexts.webhook);
  if (!/^(\d{6,16}(,\d{6,16})*)?$/.test(uin)) throw new DeployError(manifestTexts.uin);
  return { webhook: webhook || undefined, uins: uin === '' ? [] : uin.split(',').map(Number) };
}

function readFunction(
  key: string,
  given: ServiceFunction,
  service: ServerlessService,
  stage: string,
): FunctionSettings {
  const { provider } = service;
  const name = given.name ?? `${service.service}-${stage}-${key}`;
  const at = `functions.${key}`;
  if (!functionName.test(name)) throw new DeployError(manifestTexts.name(at, name));
  if (!descriptionForm.test(given.description ?? '')) throw new DeployError(manifestTexts.description(at));
  const setting = <K extends keyof typeof given & keyof typeof provider>(field: K) =>
    given[field] ?? provider[field];
  const memorySize = setting('memorySize') ?? 128;
  if (memorySize !== 64 && memorySize % 128 !== 0)
    throw new DeployError(manifestTexts.memorySize(at, memorySize));
  if (given.type === 'event' && given.instanceConcurrency !== undefined)
    throw new DeployError(manifestTexts.instanceConcurrency(at));
  const vpc = setting('vpc');
  if (vpc && (vpc.vpcId === '') !== (vpc.subnetId === '')) throw new DeployError(manifestTexts.vpc(at));
  const publicNetwork = setting('publicNetwork') ?? true;
  const eip = setting('eip') ?? false;
  if (eip && !publicNetwork) throw new DeployError(manifestTexts.eip(at));
  const runtime = setting('runtime') ?? defaultRuntime;
  checkRuntime(runtime, `${at}.runtime`);
  const { environment, extraFiles } = environmentOf(key, given, provider);
  return {
    key,
    name,
    type: given.type,
    src: given.src,
    handler: given.handler ?? (given.type === 'web' ? 'scf_bootstrap' : 'index.main_handler'),
    description: given.description ?? '',
    runtime,
    memorySize,
    timeout: setting('timeout') ?? 3,
    initTimeout: setting('initTimeout') ?? 65,
    instanceConcurrency: given.instanceConcurrency,
    environment,
    extraFiles,
    vpc: vpc?.vpcId ? vpc : undefined,
    publicNetwork,
    eip,
    role: setting('role') || undefined,
    layers: setting('layers') ?? [],
    tags: { ...provider.tags, ...given.tags },
    cls: setting('cls'),
    healthPath: given.healthPath,
    triggers: (given.events ?? []).map((event, index) => readTrigger(given, event, `${at}.events[${index}]`)),
  };
}

function readTrigger(
  fn: ServiceFunction,
  event: NonNullable<ServiceFunction['events']>[number],
  at: string,
): TriggerSettings {
  if (event.timer) {
    const { cronExpression, enable = true, argument = '' } = event.timer.parameters;
    if (fn.type === 'web') throw new DeployError(manifestTexts.webTimer(at));
    checkCron(cronExpression, `${at}.timer.parameters.cronExpression`);
    return {
      type: 'timer',
      name: event.timer.name,
      description: cronExpression,
      isEnabled: enable,
      argument,
    };
  }
  const { name = 'url', parameters } = event.http ?? { parameters: { authType: 'NONE' } };
  const { authType, netConfig = {}, corsConfig } = parameters;
  const description = {
    AuthType: authType,
    NetConfig: {
      EnableIntranet: netConfig.enableIntranet ?? false,
      EnableExtranet: netConfig.enableExtranet ?? true,
    },
    ...(corsConfig
      ? {
          CorsConfig: {
            Enable: corsConfig.enable ?? true,
            Origins: corsConfig.origins ?? [],
            Methods: corsConfig.methods ?? [],
            Headers: corsConfig.headers ?? [],
            ExposeHeaders: corsConfig.exposeHeaders ?? [],
            Credentials: corsConfig.credentials ?? false,
            MaxAge: corsConfig.maxAge ?? 0,
          },
        }
      : {}),
  };
  return { type: 'http', name, description: JSON.stringify(description), isEnabled: true, argument: '' };
}

function checkCron(expression: string, at: string): void {
  const fields = expression.trim().split(/\s+/).length;
  if (fields !== 7) throw new DeployError(manifestTexts.cronFields(at, expression, fields));
  try {
    new Cron(expression, { paused: true }).stop();
  } catch (cause) {
    throw new DeployError(manifestTexts.cron(at, expression), { cause });
  }
}

/** Routes to functions that are not deployed are left out. */
function readDomain(
  { provider, functions }: ServerlessService,
  deployed: string[],
): DomainSettings | undefined {
  const given = provider.customDomain;
  // Routes are checked without a domain too, and not only on the day when it gets one.
  for (const [path, key] of Object.entries(given?.routes ?? {})) {
    const hasUrl = functions[key]?.events?.some((event) => event.http);
    if (!hasUrl) throw new DeployError(manifestTexts.route(path, key));
  }
  if (!given?.domain) return undefined;
  if (!given.certificateId) throw new DeployError(manifestTexts.certificate);
  const routes = Object.entries(given.routes).filter(([, key]) => deployed.includes(key));
  return { ...given, routes: Object.fromEntries(routes) };
}

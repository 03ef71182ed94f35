// What is deployed, compared with serverless.yml. Reads only.
import type { Cloud } from '../../deploy/cloud.ts';
import { CloudError, DeployError } from '../../deploy/errors.ts';
import { getFunction, liveAlias } from '../../deploy/state.ts';
import type { FunctionSettings, ServiceSettings } from '../../deploy/settings.ts';
import { cronOf, type DeployedTrigger, listTriggers } from '../../deploy/triggers.ts';
import { proxyIn } from '../../lib/doctor/inside.ts';
import type { Bilingual } from '../language.ts';
import { outside, type OutsideId, type Report, type SeenFinding } from './finding.ts';
import { unknownValue } from './service.ts';

type Configuration = NonNullable<Awaited<ReturnType<typeof getFunction>>>;

/** A function that is deployed, as its live version is configured. */
export interface Deployed {
  fn: FunctionSettings;
  configuration: Configuration;
  /** Those that lead to the live version. */
  triggers: DeployedTrigger[];
}

/** What all checks of the cloud need. They only read, except that they invoke admin. */
export interface CloudQuestions {
  cloud: Cloud;
  settings: ServiceSettings;
  /** The file the environment came from, for advice. */
  file: string | Bilingual;
  report: Report;
}

/** Reads what is deployed, one function after the other. Throws CloudError. */
export async function readAll({ cloud, settings }: CloudQuestions): Promise<Deployed[]> {
  const deployed: Deployed[] = [];
  for (const fn of settings.functions) {
    if (!(await getFunction(cloud, fn.name))) continue;
    const { FunctionVersion } = await cloud.scf('GetAlias', { FunctionName: fn.name, Name: liveAlias });
    const configuration = await getFunction(cloud, fn.name, FunctionVersion);
    const triggers = await listTriggers(cloud, fn.name);
    if (configuration) {
      deployed.push({
        fn,
        configuration,
        triggers: triggers.filter(({ qualifier }) => qualifier === liveAlias),
      });
    }
  }
  return deployed;
}

/** What a failed call to Tencent's API says about key, network and region. */
export function cloudFailure(error: CloudError, { region }: Pick<ServiceSettings, 'region'>): SeenFinding {
  const { cloudCode: code, message } = error;
  if (code === '') return outside('cloud.api.no_answer');
  if (code.startsWith('AuthFailure.SignatureExpire')) return outside('cloud.key.clock');
  if (/UnauthorizedOperation|AccessDenied/.test(code)) {
    // The message begins with the action and what it was for.
    return outside('cloud.key.rights', { action: message.split(':')[0] ?? '' });
  }
  if (code.startsWith('AuthFailure')) return outside('cloud.key.refused', { code });
  if (code === 'UnsupportedRegion') return outside('cloud.region.unknown', { region });
  return outside('cloud.api.failed', { message: message.split(' Run with --verbose')[0] ?? '' });
}

/** For an unexpected error in one step, so that the others still run. Without its message, which may quote a secret. */
export function stepFailure(error: unknown, step: Bilingual): SeenFinding {
  const words =
    error instanceof DeployError ? error.message : error instanceof Error ? error.name : typeof error;
  return outside('doctor.step.failed', { step, error: words });
}

/** Whether all functions are there, run, and run with what serverless.yml and the environment say. */
export function checkFunctions({ settings, file, report }: CloudQuestions, deployed: Deployed[]): void {
  const missing = settings.functions.filter(({ key }) => !deployed.some(({ fn }) => fn.key === key));
  if (missing.length > 0) {
    const names = missing.map(({ key }) => key).join(', ');
    report(outside('cloud.functions.missing', { names, stage: settings.stage }));
  } else {
    report(outside('cloud.functions.ok', { names: deployed.map(({ fn }) => fn.key).join(', ') }));
  }
  let differing = 0;
  for (const { fn, configuration, triggers } of deployed) {
    const { Status: state = '', AvailableStatus: available = '' } = configuration;
    const values = { state, name: fn.name, file };
    const note = (id: OutsideId, more: Record<string, string>) => {
      differing += 1;
      report(outside(id, { ...values, ...more }, fn.key));
    };
    if (state !== 'Active') note('cloud.functions.not_active', {});
    if (available !== '' && available !== 'Available') note('cloud.functions.stopped', { available });
    const different = settingsThatDiffer(fn, configuration, triggers);
    if (different.length > 0) note('cloud.settings.differ', { settings: different.join(', ') });
    const names = variablesThatDiffer(fn, configuration);
    if (names.length > 0) note('cloud.settings.environment_differs', { names: names.join(', ') });
  }
  if (differing === 0 && deployed.length > 0) {
    report(outside('cloud.settings.ok', { file }));
  }
}

function settingsThatDiffer(
  fn: FunctionSettings,
  configuration: Configuration,
  triggers: DeployedTrigger[],
): string[] {
  const { VpcConfig, PublicNetConfig, InstanceConcurrencyConfig } = configuration;
  const pairs: [name: string, wanted: unknown, found: unknown][] = [
    ['runtime', fn.runtime, configuration.Runtime],
    ['memorySize', fn.memorySize, configuration.MemorySize],
    ['timeout', fn.timeout, configuration.Timeout],
    ['initTimeout', fn.initTimeout, configuration.InitTimeout],
    ['instanceConcurrency', fn.instanceConcurrency ?? 1, InstanceConcurrencyConfig?.MaxConcurrency ?? 1],
    ['vpc', fn.vpc?.subnetId ?? '', VpcConfig?.SubnetId ?? ''],
    ['publicNetwork', fn.publicNetwork, PublicNetConfig?.PublicNetStatus === 'ENABLE'],
    ['eip', fn.eip, PublicNetConfig?.EipConfig?.EipStatus === 'ENABLE'],
  ];
  const names = pairs.filter(([, wanted, found]) => wanted !== found).map(([name]) => name);
  for (const { type, name, description } of fn.triggers) {
    const found = triggers.find((trigger) => trigger.type === type && trigger.name === name);
    if (type === 'timer' && found && cronOf(found) !== description) names.push(`timer ${name}`);
  }
  return names;
}

/** Names only: the values hold secrets. */
function variablesThatDiffer(fn: FunctionSettings, { Environment }: Configuration): string[] {
  const found = new Map(Environment?.Variables?.map(({ Key = '', Value = '' }) => [Key, Value]));
  const names = new Set([...Object.keys(fn.environment), ...found.keys()]);
  return [...names].filter((name) => {
    const wanted = fn.environment[name] ?? '';
    return name !== '' && wanted !== unknownValue && (found.get(name) ?? '') !== wanted;
  });
}

/** The address that WeCom must trust. */
export function checkEgressIp({ settings, report }: CloudQuestions, deployed: Deployed[]): void {
  const bases = settings.functions.map((fn) => fn.environment['WECOM_BASE_URL'] ?? '');
  const host = bases.map(proxyIn).find((found) => found !== undefined);
  if (host !== undefined && deployed.length > 0) {
    report(outside('cloud.egress_ip.of_proxy', { host }));
    return;
  }
  const wanting = deployed.filter(({ fn }) => fn.eip);
  const ips = [
    ...new Set(
      wanting.flatMap(({ configuration }) => configuration.PublicNetConfig?.EipConfig?.EipAddress ?? []),
    ),
  ];
  const [first] = wanting;
  if (!first) {
    const isOn = settings.functions.some((fn) => fn.eip);
    report(outside(isOn ? 'cloud.egress_ip.not_deployed' : 'cloud.egress_ip.of_nat_gateway'));
  } else if (ips.length === 0) {
    report(outside('cloud.egress_ip.none', { name: first.fn.name }));
  } else if (ips.length > 1) {
    report(outside('cloud.egress_ip.several', { ips: ips.join(', ') }));
  } else {
    report(outside('cloud.egress_ip.ok', { ip: ips[0] ?? '' }));
  }
}

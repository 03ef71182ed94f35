// The custom domain in front of the web functions: one request domain for the mini-program, several functions behind.
import { setTimeout as delay } from 'node:timers/promises';
import type { Bilingual } from '../scripts/language.ts';
import type { Cloud, ScfAnswer, ScfRequest } from './cloud.ts';
import { CloudError, DeployError, extended } from './errors.ts';
import { isOwn } from './function.ts';
import type { DomainSettings, ServiceSettings } from './settings.ts';
import { getFunction, isNone, liveAlias } from './state.ts';
import { deployTexts, operateTexts, refusalTexts } from './texts.ts';
import { listTriggers, urlOf } from './triggers.ts';

/** Pauses before the cloud is asked again whether the name leads to it: half a minute in all. */
const cnamePausesMs = [2000, 4000, 8000, 16_000];

/** Undefined when the domain is not bound. Throws CloudError. */
async function getDomain(cloud: Cloud, Domain: string) {
  try {
    return await cloud.scf('GetCustomDomain', { Domain });
  } catch (error) {
    if (isNone(error)) return undefined;
    throw error;
  }
}

/** How this stage's domain is bound; undefined when it has none, or when it is not bound. Throws CloudError. */
async function boundDomain(cloud: Cloud, { customDomain }: ServiceSettings) {
  const found = customDomain && (await getDomain(cloud, customDomain.domain));
  return found && { ...found, Domain: customDomain.domain };
}

/** Functions behind the domain that are not of this service and stage, by the mark in their description. */
async function othersBehind(
  cloud: Cloud,
  settings: ServiceSettings,
  { EndpointsConfig = [] }: Pick<ScfAnswer<'GetCustomDomain'>, 'EndpointsConfig'>,
): Promise<string[]> {
  const others: string[] = [];
  for (const name of new Set(EndpointsConfig.map(({ FunctionName }) => FunctionName))) {
    const key =
      settings.functions.find((fn) => fn.name === name)?.key ??
      name.slice(`${settings.service}-${settings.stage}-`.length);
    const found = await getFunction(cloud, name);
    if (found && !isOwn(settings, key, found.Description)) others.push(name);
  }
  return others;
}

/** Throws DeployError when the domain leads to functions of another service or stage; only a warning when confirmed. */
export async function refuseDomainOfOthers(
  cloud: Cloud,
  settings: ServiceSettings,
  isConfirmed: boolean,
  warn: (words: Bilingual) => void,
): Promise<void> {
  const bound = await boundDomain(cloud, settings);
  const others = bound ? await othersBehind(cloud, settings, bound) : [];
  if (!bound || others.length === 0) return;
  const taken = refusalTexts.domainTaken(bound.Domain, others.join(', '));
  if (!isConfirmed) throw new DeployError(refusalTexts.domainTakenUnconfirmed(taken));
  warn(taken);
}

function isCname(error: unknown): error is CloudError {
  return error instanceof CloudError && error.cloudCode.startsWith('FailedOperation.CNAME');
}

/** The binding that serverless.yml asks for. */
function requestOf({ functions }: ServiceSettings, wanted: DomainSettings) {
  return {
    Domain: wanted.domain,
    Protocol: 'HTTPS',
    CertConfig: { CertificateId: wanted.certificateId },
    EndpointsConfig: Object.entries(wanted.routes).map(([PathMatch, key]) => ({
      Namespace: 'default',
      FunctionName: functions.find((fn) => fn.key === key)?.name ?? '',
      Qualifier: liveAlias,
      PathMatch,
    })),
  };
}

/**
 * In what the binding differs from the wanted one (`route /*`, `protocol`, `certificate`); undefined when the domain is
 * not bound. Throws CloudError.
 */
export async function bindingDifferences(
  cloud: Cloud,
  settings: ServiceSettings,
  wanted: DomainSettings,
): Promise<string[] | undefined> {
  const found = await getDomain(cloud, wanted.domain);
  if (!found) return undefined;
  const { Protocol, CertConfig, EndpointsConfig } = requestOf(settings, wanted);
  const routes = (endpoints: Partial<(typeof EndpointsConfig)[number]>[]): string[] =>
    endpoints.map((end) => [`route ${end.PathMatch}`, end.FunctionName, end.Qualifier].join(' '));
  const bound = routes(found.EndpointsConfig ?? []);
  const asked = routes(EndpointsConfig);
  const differing = [...bound, ...asked].filter((route) => !bound.includes(route) || !asked.includes(route));
  return [
    ...new Set(differing.map((route) => route.split(' ', 2).join(' '))),
    ...(found.Protocol === Protocol ? [] : ['protocol']),
    ...(found.CertConfig?.CertificateId === CertConfig.CertificateId ? [] : ['certificate']),
  ];
}

/**
 * Binds or rebinds the domain; returns what it did, or undefined. The cloud binds only a name that leads to it: while
 * it does not, that is asked again for half a minute, and then a CloudError with the record to make.
 */
export async function writeDomain(cloud: Cloud, settings: ServiceSettings): Promise<Bilingual | undefined> {
  const wanted = settings.customDomain;
  if (!wanted) return undefined;
  const differences = await bindingDifferences(cloud, settings, wanted);
  if (!differences) {
    await bind(cloud, settings, requestOf(settings, wanted));
    return deployTexts.domainBound(wanted.domain);
  }
  if (differences.length === 0) return undefined;
  await cloud.scf('UpdateCustomDomain', requestOf(settings, wanted));
  return deployTexts.domainUpdated(wanted.domain);
}

async function bind(
  cloud: Cloud,
  settings: ServiceSettings,
  request: ScfRequest<'CreateCustomDomain'>,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await cloud.scf('CreateCustomDomain', request);
      return;
    } catch (error) {
      if (error instanceof CloudError && error.cloudCode === '' && (await getDomain(cloud, request.Domain)))
        return;
      if (!isCname(error)) throw error;
      const pauseMs = cnamePausesMs[attempt];
      if (pauseMs === undefined) throw await withRecord(cloud, settings, error);
      await delay(pauseMs);
    }
  }
}

/** Adds the DNS record to make to the message; the account's APPID is part of each function URL. */
async function withRecord(cloud: Cloud, settings: ServiceSettings, error: CloudError): Promise<CloudError> {
  const { customDomain, region, functions } = settings;
  const name = functions.find(({ key }) => Object.values(customDomain?.routes ?? {}).includes(key))?.name;
  const urls = name === undefined ? [] : (await listTriggers(cloud, name)).map(urlOf);
  const appId = urls.map((url) => /^https?:\/\/(\d+)-/.exec(url ?? '')?.[1]).find(Boolean) ?? '<APPID>';
  const record = `${customDomain?.domain} CNAME ${appId}.${region}.tencentscf.com`;
  return extended(error, (words) => deployTexts.and(words, deployTexts.domainRecord(record)));
}

/**
 * Unbinds the domain when it is bound; the functions behind it cannot be deleted before. It stays, with a warning, when
 * it leads to functions of another service or stage. Returns whether it was unbound.
 */
export async function removeDomain(
  cloud: Cloud,
  settings: ServiceSettings,
  warn: (words: Bilingual) => void,
): Promise<boolean> {
  const bound = await boundDomain(cloud, settings);
  if (!bound) return false;
  const others = await othersBehind(cloud, settings, bound);
  if (others.length > 0) {
    warn(operateTexts.domainLeft(bound.Domain, others.join(', ')));
    return false;
  }
  await unbind(cloud, bound.Domain);
  return true;
}

async function unbind(cloud: Cloud, Domain: string): Promise<void> {
  try {
    await cloud.scf('DeleteCustomDomain', { Domain });
  } catch (error) {
    if (!isNone(error)) throw error;
  }
}

/**
 * Unbinds the domain while the URL of a function behind it is made again. Returns what binds it again as it was; undefined
 * when it does not lead to that function.
 */
export async function unbindFrom(
  cloud: Cloud,
  settings: ServiceSettings,
  name: string,
  report: (line: Bilingual) => void,
): Promise<(() => Promise<void>) | undefined> {
  const bound = await boundDomain(cloud, settings);
  if (!bound?.EndpointsConfig?.some(({ FunctionName }) => FunctionName === name)) return undefined;
  const { Domain, EndpointsConfig, Protocol = 'HTTPS', CertConfig, WafConfig } = bound;
  await unbind(cloud, Domain);
  report(operateTexts.domainUnbound(Domain));
  return async () => {
    await bind(cloud, settings, {
      Domain,
      Protocol,
      EndpointsConfig: EndpointsConfig.map(({ PathRewrite, ...endpoint }) => ({
        ...endpoint,
        // What is not set is null or empty, and nobody has seen the cloud take that.
        ...(PathRewrite?.length ? { PathRewrite } : {}),
      })),
      ...(CertConfig ? { CertConfig } : {}),
      ...(WafConfig?.WafOpen === 'OPEN' ? { WafConfig } : {}),
    });
    report(deployTexts.domainBound(Domain));
  };
}

// The custom domain in front of the web functions: one request domain for the mini-program, several functions behind.
import type { Cloud } from './cloud.ts';
import { CloudError } from './errors.ts';
import { LIVE } from './function.ts';
import type { ServiceSettings } from './settings.ts';

async function getDomain(cloud: Cloud, Domain: string) {
  try {
    return await cloud.scf('GetCustomDomain', { Domain });
  } catch (error) {
    if (error instanceof CloudError && error.cloudCode.startsWith('ResourceNotFound')) return undefined;
    throw error;
  }
}

/** Binds or rebinds the domain; returns what it did, or undefined. */
export async function writeDomain(cloud: Cloud, settings: ServiceSettings): Promise<string | undefined> {
  const wanted = settings.customDomain;
  if (!wanted) return undefined;
  const EndpointsConfig = Object.entries(wanted.routes).map(([PathMatch, key]) => ({
    Namespace: 'default',
    FunctionName: settings.functions.find((fn) => fn.key === key)?.name ?? '',
    Qualifier: LIVE,
    PathMatch,
  }));
  const request = {
    Domain: wanted.domain,
    Protocol: 'HTTPS',
    CertConfig: { CertificateId: wanted.certificateId },
    EndpointsConfig,
  };
  const found = await getDomain(cloud, wanted.domain);
  if (!found) {
    await cloud.scf('CreateCustomDomain', request);
    return `https://${wanted.domain} bound`;
  }
  const routes = (endpoints: typeof EndpointsConfig): string =>
    endpoints
      .map((e) => [e.PathMatch, e.FunctionName, e.Qualifier].join(' '))
      .toSorted((a, b) => a.localeCompare(b))
      .join();
  const isAsWanted =
    found.Protocol === 'HTTPS' &&
    found.CertConfig?.CertificateId === wanted.certificateId &&
    routes(found.EndpointsConfig ?? []) === routes(EndpointsConfig);
  if (isAsWanted) return undefined;
  await cloud.scf('UpdateCustomDomain', request);
  return `https://${wanted.domain} updated`;
}

/** Unbinds the domain when it is bound; the functions behind it cannot be deleted before. */
export async function removeDomain(cloud: Cloud, settings: ServiceSettings): Promise<boolean> {
  if (!settings.customDomain || !(await getDomain(cloud, settings.customDomain.domain))) return false;
  await cloud.scf('DeleteCustomDomain', { Domain: settings.customDomain.domain });
  return true;
}

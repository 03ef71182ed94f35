// Forwards a request on a function URL or custom domain to its Web function, with the headers that SCF adds.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Runner } from './runner.ts';
import { resolveQualifier } from './scf-functions.ts';
import { urlHost, urlIsOpen } from './scf-triggers.ts';
import type { CloudState, StoredFunction } from './state.ts';
import type { Switches } from './switches.ts';

/** Used as the caller's public address, because loopback has none. */
export const clientAddress = '198.51.100.7';
/** Tencent's own proxies, to the right of the client in X-Forwarded-For. */
export const platformHops = ['11.163.17.81', '10.132.167.112'];

export interface UrlTarget {
  fn: StoredFunction;
  qualifier: string;
  isOpen: boolean;
  isCustomDomain: boolean;
}

/** Returns whether a path of a custom domain's routes, `/hello` or `/hello/*`, includes `path`. */
export function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

export function findFunctionByHost(
  state: CloudState,
  switches: Switches,
  host: string,
  path: string,
): UrlTarget | undefined {
  for (const fn of Object.values(state.functions)) {
    const trigger = fn.triggers.find(
      ({ Type, ...rest }) => Type === 'http' && urlHost({ Type, ...rest }) === host,
    );
    if (trigger)
      return { fn, qualifier: trigger.Qualifier, isOpen: urlIsOpen(trigger), isCustomDomain: false };
  }
  const given = state.domains[host]?.EndpointsConfig ?? [];
  const ordered =
    switches.pathOrder === 'as given'
      ? given
      : given.toSorted((a, b) => b.PathMatch.length - a.PathMatch.length);
  const endpoint = ordered.find(({ PathMatch }) => matchesPath(PathMatch, path));
  const fn = endpoint && state.functions[endpoint.FunctionName];
  return fn && endpoint
    ? { fn, qualifier: endpoint.Qualifier, isOpen: true, isCustomDomain: true }
    : undefined;
}

export async function serveFunctionUrl(
  target: UrlTarget,
  request: IncomingMessage,
  body: Buffer,
  runner: Runner,
  switches: Switches,
  response: ServerResponse,
): Promise<void> {
  if (switches.balance === 'in arrears') {
    response
      .writeHead(432, { 'content-type': 'application/json' })
      .end('{"errorCode":-1,"errorMessage":"ResourceUnavailable.InsufficientBalance","statusCode":432}');
    return;
  }
  if (!target.isOpen) {
    response
      .writeHead(403, { 'content-type': 'application/json' })
      .end('{"errorMessage":"CAM signature required"}');
    return;
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== 'connection' && value !== undefined)
      headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const client = headers['x-simulated-client-address'] ?? clientAddress;
  delete headers['x-simulated-client-address'];
  if (target.isCustomDomain || switches.forwardedFor === 'sent') {
    const forged = headers['x-forwarded-for'];
    headers['x-forwarded-for'] = [...(forged === undefined ? [] : [forged]), client, ...platformHops].join(
      ', ',
    );
    headers['x-real-ip'] = platformHops[0] ?? '';
  }
  headers['x-scf-remote-addr'] ??= client;
  const answer = await runner.web(target.fn, resolveQualifier(target.fn, target.qualifier), {
    method: request.method ?? 'GET',
    target: request.url?.replace(/^https?:\/\/[^/]+/, '') ?? '/',
    headers,
    body,
  });
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

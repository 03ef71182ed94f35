// The one address in front of the functions: the routes of serverless.yml as the custom domain applies them, and
// `<name>.localhost` for each function, as the function URL that it has in the cloud.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { isTooLarge, passOn } from '../demo/pass-on.ts';
import type { Bilingual } from '../scripts/language.ts';
import { wordsOf } from '../scripts/trouble.ts';
import { clientAddress, matchesPath } from '../simulator/tencent-cloud/function-url.ts';
import { type Functions, release } from './functions.ts';
import { gatewayTexts } from './texts.ts';

export interface GatewayOptions {
  /** Where this machine is reached, apart from loopback. */
  addresses(): string[];
  /** `undefined` until they are started. */
  functions(): Functions | undefined;
  /** Path → name of the function; the longest that matches counts. */
  routes(): [path: string, name: string][];
  /** SCF's limit for an answer; `undefined` for none, while somebody is at a breakpoint. */
  timeoutMs(name: string): number | undefined;
  /** A request that no function answered. */
  onFailure(line: { method: string; path: string; name: string; status: number; reason: Bilingual }): void;
}

export function createGateway({ addresses, functions, routes, timeoutMs, onFailure }: GatewayOptions) {
  function functionFor(host: string, target: string): string | undefined {
    const [, label = ''] = /^([\w-]+)\.localhost(:\d+)?$/i.exec(host) ?? [];
    const names = (functions()?.list() ?? []).flatMap(({ name, isWeb }) => (isWeb ? [name] : []));
    const byHost = names.find((name) => name.toLowerCase() === label.toLowerCase());
    const [path = ''] = target.split('?');
    const matching = routes().filter(([pattern]) => matchesPath(pattern, path));
    const [longest] = matching.toSorted(([one], [other]) => other.length - one.length);
    return byHost ?? longest?.[1];
  }

  /**
   * Passes a request on to its function, and the answer back.
   *
   * @param path with query, as the function gets it
   */
  async function forward(incoming: IncomingMessage, outgoing: ServerResponse, path: string) {
    const method = incoming.method ?? 'GET';
    const name = functionFor(incoming.headers.host ?? '', path) ?? '';
    const refuse = (status: number, reason: Bilingual) => {
      onFailure({ method, path, name, status, reason });
      if (outgoing.headersSent) outgoing.destroy();
      else
        outgoing
          .writeHead(status, { 'Content-Type': 'application/json' })
          .end(JSON.stringify({ errorMessage: reason.en }));
    };
    if (name === '') return refuse(404, gatewayTexts.noRoute);
    // @see https://cloud.tencent.com/document/product/583/63406
    if (/websocket/i.test(incoming.headers.upgrade ?? '')) return refuse(501, gatewayTexts.noWebSocket);
    if (isTooLarge(incoming)) return refuse(406, gatewayTexts.tooLarge);
    const running = functions();
    if (!running) return refuse(503, gatewayTexts.starting);
    const instance = await running.instanceOf(name).catch((error: Error) => error);
    if (instance instanceof Error) return refuse(502, wordsOf(instance));
    if (!instance?.web) return refuse(502, gatewayTexts.eventFunction(name));
    const limitMs = timeoutMs(name);
    instance.busy += 1;
    outgoing.once('close', () => release(instance));
    const answered = await passOn(incoming, outgoing, {
      url: instance.web.url,
      path,
      requestId: randomUUID(),
      client: publicAddress(incoming),
      timeoutMs: limitMs,
    });
    if (typeof answered === 'number' || outgoing.destroyed) return;
    if (answered === 'ended') refuse(439, gatewayTexts.ended(name));
    else refuse(433, gatewayTexts.timeout(name, (limitMs ?? 0) / 1000));
  }

  const server = createServer((incoming, outgoing) => {
    const { host = '' } = incoming.headers;
    if (!isThisMachine(host, addresses())) {
      const reason = gatewayTexts.host(host);
      onFailure({ method: incoming.method ?? '', path: incoming.url ?? '', name: '', status: 403, reason });
      outgoing.writeHead(403, { 'Content-Type': 'application/json' });
      outgoing.end(JSON.stringify({ errorMessage: reason.en }));
      return;
    }
    forward(incoming, outgoing, incoming.url ?? '/').catch(() => outgoing.destroy());
  });

  return { server, forward };
}

/** Any other name may be that of a web page which had it resolved to this machine: DNS rebinding. */
function isThisMachine(host: string, addresses: readonly string[]): boolean {
  const named = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  return /^(127\.[\d.]+|\[::1\]|([\w-]+\.)?localhost)$/.test(named) || addresses.includes(named);
}

/** Loopback has no public address. */
function publicAddress({ socket }: IncomingMessage): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return address === '' || address === '::1' || address.startsWith('127.') ? clientAddress : address;
}

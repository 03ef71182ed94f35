// A reverse proxy of one's own between the functions and WeCom, as nginx is one: TLS to the functions, and what is below
// /cgi-bin/ passed on unchanged.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import { onTestFinished } from 'vitest';

export interface ReverseProxy {
  /** For WECOM_BASE_URL; the certificate is for localhost. */
  url: string;
  /** Paths that were passed on, without their queries. */
  passed: string[];
}

/** Passes requests on to `target`; answers 502 when it cannot be reached. Ends with the test. */
export async function startReverseProxy(target: string): Promise<ReverseProxy> {
  const passed: string[] = [];
  const read = (file: string) => readFileSync(`test/faults/tls/${file}.pem`, 'utf8');
  const server = createServer({ key: read('key'), cert: read('valid') }, (incoming, response) => {
    const path = incoming.url ?? '';
    if (!path.startsWith('/cgi-bin/')) {
      response.writeHead(403).end();
      return;
    }
    passed.push(path.split('?')[0] ?? '');
    passTo(target, incoming, response, { host: new URL(target).host });
  });
  return { url: `https://localhost:${await portOf(server)}`, passed };
}

/** Passes a request on to `target`, with other headers where given; answers 502 when it cannot be reached. */
export function passTo(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  changed: OutgoingHttpHeaders = {},
): void {
  const { method = 'GET', headers, url = '/' } = incoming;
  const outgoing = request(target + url, { method, headers: { ...headers, ...changed } });
  outgoing.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.once('error', () => response.writeHead(502).end());
  incoming.pipe(outgoing);
}

/** Starts a server that ends with the test. */
export async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

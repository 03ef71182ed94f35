// A reverse proxy of one's own between the functions and WeCom, as nginx is one: TLS to the functions, and what is below
// /cgi-bin/ passed on unchanged.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
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
    const { method = 'GET', headers } = incoming;
    const outgoing = request(target + path, { method, headers: { ...headers, host: new URL(target).host } });
    outgoing.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.once('error', () => response.writeHead(502).end());
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://localhost:${(server.address() as { port: number }).port}`, passed };
}

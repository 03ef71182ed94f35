// What the servers of the pages share. They trust no other web page: requests from another site are refused.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { PhoneFiles } from './phone/compile.ts';
import { troubleTexts } from './texts.ts';
import { Trouble } from '../scripts/trouble.ts';

const bodyBytesMax = 65_536;

export const securityHeaders = new Headers({
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; " +
    "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
});

/**
 * Listens and returns the port.
 * @param port 0 for any free one
 * @throws Trouble if the port is taken
 */
export async function listenOn(server: Server, port: number, host = '127.0.0.1'): Promise<number> {
  server.listen({ port, host });
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new Trouble(troubleTexts.port(port, error.code ?? error.message));
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Refuses requests that do not come from this page: another host name (DNS rebinding) or another origin. */
export function refusal(
  { method, headers }: IncomingMessage,
  pathname: string,
  hosts: readonly string[],
): string | undefined {
  if (!hosts.includes(headers.host ?? '')) return 'this Host is not served';
  // A link to the page may be on any site.
  if (method === 'GET' && pathname === '/') return undefined;
  const { origin, 'sec-fetch-site': site } = headers;
  // Without both it is not a current browser: these send at least one with each request of a page.
  const same = origin === undefined || origin === `http://${headers.host}`;
  const own = site === undefined || site === 'same-origin' || site === 'none';
  return same && own ? undefined : 'another origin';
}

/** The phone's HTML, and its files. */
export function phoneAt(prefix: string, files: PhoneFiles): PhoneFiles {
  const html = `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>小程序</title>
<link rel="stylesheet" href="${prefix}phone.css">
</head>
<body><script src="${prefix}phone.js"></script></body>
</html>
`;
  return new Map([
    [prefix, { contentType: 'text/html', body: html }],
    ...[...files].map(([name, file]) => [prefix + name, file] as const),
  ]);
}

/** Sends a file of the page; 404 if there is none. */
export function sendFile(res: ServerResponse, file: { contentType: string; body: string } | undefined): void {
  if (!file) return send(res, 404, 'nothing here');
  res.writeHead(200, { 'Content-Type': `${file.contentType}; charset=utf-8` });
  res.end(file.body);
}

/** Begins an answer of server-sent events. Returns what sends one. */
export function startEvents(res: ServerResponse): (event: string, data: unknown) => void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  return (event, data) => res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

export async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function send(res: ServerResponse, status: number, text = ''): void {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  res.end(text);
}

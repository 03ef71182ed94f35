import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import type { Answer } from './world.ts';

export interface RawRequest {
  method?: string;
  path?: string;
  /** A list sends a header twice. */
  headers?: Record<string, string | string[]>;
  /** Sent one by one without a Content-Length, unless the headers hold one. */
  chunks?: (string | Uint8Array)[];
}

let sent = 0;

/** Sends a request that fetch does not allow: TRACE, repeated headers, chunks, raw paths. */
export async function rawRequest(url: string, request: RawRequest): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, chunks = [] } = request;
  const { hostname, port } = new URL(url);
  const scfRequestId = `raw-${(sent += 1)}`;
  // With `Connection: close` the server would close the connection before everything is sent.
  const agent = new http.Agent({ keepAlive: true });
  const req = http.request({
    hostname,
    port,
    method,
    path,
    agent,
    headers: { 'x-scf-request-id': scfRequestId, ...headers },
  });
  const answered = once(req, 'response');
  for (const chunk of chunks) {
    if (!req.write(chunk)) await Promise.race([once(req, 'drain'), answered]);
  }
  req.end();
  const [response] = (await answered) as [http.IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  agent.destroy();
  const text = Buffer.concat(parts).toString('utf8');
  const json = response.headers['content-type']?.startsWith('application/json') && text !== '';
  const pairs = response.rawHeaders.flatMap((name, i, all): [string, string][] =>
    i % 2 === 0 ? [[name, all[i + 1] ?? '']] : [],
  );
  return {
    status: response.statusCode ?? 0,
    headers: new Headers(pairs),
    body: json ? (JSON.parse(text) as Record<string, unknown>) : {},
    text,
    scfRequestId,
  };
}

/** Writes these bytes, then hangs up; resolves when the connection is gone. */
export async function writeAndHangUp(url: string, bytes: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.end(bytes);
  socket.resume();
  await once(socket, 'close');
}

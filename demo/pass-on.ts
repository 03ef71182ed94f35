// Passes a request on to a function and the answer back, as SCF does for a function URL: bytes as they are, both ways.
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { platformHops } from '../simulator/tencent-cloud/function-url.ts';

/** SCF takes no larger body. */
const bodyBytesMax = 6 * 1024 * 1024;

/** Returns whether SCF takes the request: a function never sees one that is larger. */
export function isTooLarge({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > bodyBytesMax;
}

/**
 * Returns the status that was answered, or why there is no answer; then nothing was sent to the client.
 *
 * @param to `path` with query, as the function gets it; `client`: the address that it sees; without `timeoutMs` it may take any time
 */
export async function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  to: { url: string; path: string; requestId: string; client: string; timeoutMs?: number | undefined },
): Promise<number | 'too_slow' | 'ended'> {
  const { path, requestId, timeoutMs } = to;
  const { connection: _, ...headers } = incoming.headers;
  const forwarded = [headers['x-forwarded-for'], to.client, ...platformHops].filter(Boolean).join(', ');
  // Not resolved as a URL: a path that begins with two slashes would name another host.
  const { hostname, port } = new URL(to.url);
  // With `Connection: close`, a function that refuses a body would hang up before its answer is read.
  const agent = new Agent({ keepAlive: true });
  const passed = request({
    hostname,
    port,
    path,
    method: incoming.method ?? 'GET',
    agent,
    headers: { ...headers, 'x-scf-request-id': requestId, 'x-forwarded-for': forwarded },
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
  });
  let why: 'too_slow' | 'ended' = 'ended';
  passed.once('timeout', () => {
    why = 'too_slow';
    passed.destroy();
  });
  const answered = once(passed, 'response');
  // Also after the answer: a function may refuse a body that is still being sent.
  passed.on('error', () => undefined);
  outgoing.once('close', () => {
    agent.destroy();
    passed.destroy();
    // The rest of a refused body is in front of the next request.
    incoming.unpipe(passed).resume();
  });
  incoming.pipe(passed);
  const answer = await answered.then(
    ([response]: IncomingMessage[]) => response,
    () => undefined,
  );
  if (!answer) return why;
  const { connection: _dropped, 'keep-alive': _too, ...answerHeaders } = answer.headers;
  const status = answer.statusCode ?? 502;
  outgoing.writeHead(status, { ...answerHeaders, 'x-scf-request-id': requestId });
  answer.pipe(outgoing);
  answer.once('error', () => outgoing.destroy());
  return status;
}

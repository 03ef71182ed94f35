// Requests as a mini-program sends them. Uses node:http because it is cheap: this process is also the simulated WeCom,
// and must stay responsive while a whole company logs in.
import { Agent, request } from 'node:http';

/** A response; status 0 if there was none. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
  ms: number;
}

export interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  path: '/login' | '/login/reviewer' | '/session';
  /** The request's id in the function's log; on SCF the platform sets it. */
  scfRequestId: string;
  body?: object;
  sessionToken?: string;
}

const waitMsMax = 20_000;

/** Prepares a request; the returned function sends it. Never rejects. */
export function prepare(baseUrl: string, call: Call, agent?: Agent): () => Promise<Answer> {
  const { method, path, scfRequestId, sessionToken } = call;
  const body = call.body ? Buffer.from(JSON.stringify(call.body)) : undefined;
  const headers = {
    'X-Scf-Request-Id': scfRequestId,
    ...(body && { 'Content-Type': 'application/json', 'Content-Length': String(body.length) }),
    ...(sessionToken !== undefined && { Authorization: `Bearer ${sessionToken}` }),
  };
  const url = new URL(path, baseUrl);

  return () =>
    new Promise((resolve) => {
      const startedMs = performance.now();
      const finish = (status: number, answer: Record<string, unknown>) => {
        resolve({ status, body: answer, ms: performance.now() - startedMs });
      };
      const req = request(url, { method, headers, timeout: waitMsMax, ...(agent && { agent }) }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', (error) => finish(0, { error: error.message }));
        res.on('end', () => finish(res.statusCode ?? 0, parseObject(Buffer.concat(chunks).toString('utf8'))));
      });
      req.on('timeout', () => req.destroy(new Error(`no response within ${waitMsMax / 1000} s`)));
      req.on('error', (error) => finish(0, { error: error.message }));
      req.end(body);
    });
}

/** Sends all at the same time, each on its own connection. Returns the responses in the same order. */
export async function sendTogether(
  calls: readonly { baseUrl: string; call: Call }[],
  onProgress: (answered: number) => void = () => undefined,
): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: false });
  const prepared = calls.map(({ baseUrl, call }) => prepare(baseUrl, call, agent));
  let answered = 0;
  const answers = await Promise.all(
    prepared.map(async (send) => {
      const answer = await send();
      onProgress((answered += 1));
      return answer;
    }),
  );
  agent.destroy();
  return answers;
}

function parseObject(text: string): Record<string, unknown> {
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

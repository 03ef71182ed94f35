// Sends invocations to instances. Starts new ones when all are busy, kills them at the timeout, applies SCF's size limits.
import { request as httpRequest } from 'node:http';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { unpack } from './code.ts';
import { createInstancePool, type Place } from './instance-pool.ts';
import { eventRuntimePath } from '../event-function.ts';
import { startInstance, StartFailed } from './instance.ts';
import type { LogLine } from './cls.ts';
import type { Snapshot, StoredFunction } from './state.ts';

const bodyBytesMax = 6 * 1024 * 1024;
const responseHeaderBytesMax = 4096;

export interface WebRequest {
  method: string;
  /** Path with query. */
  target: string;
  headers: Record<string, string>;
  body: Buffer;
}
export interface WebAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}
export interface EventAnswer {
  requestId: string;
  /** The return value as JSON. */
  result?: string;
  error?: string;
  /** The output of the invocation, and the platform's own lines. */
  log: string;
}

export interface RunnerOptions {
  stateFolder: string;
  region: string;
  appId: string;
  logs: LogLine[];
  now(): number;
  /** Reads the zip of a version. */
  readCode(snapshot: Snapshot): Buffer;
}

/** Returns the platform's own answer. Its HTTP status is the documented function status code. */
function refusal(status: number, errorMessage: string, requestId: string): WebAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-scf-status': String(status) },
    body: Buffer.from(JSON.stringify({ errorCode: -1, errorMessage, requestId, statusCode: status })),
  };
}

export function createRunner(options: RunnerOptions) {
  const pool = createInstancePool();
  const eventRuntime = eventRuntimePath(dirname(fileURLToPath(import.meta.url)));

  const log = (functionName: string, requestId: string, message: string): void => {
    options.logs.push({ functionName, requestId, message, timeMs: options.now() });
  };

  const takePlace = (fn: StoredFunction, snapshot: Snapshot, requestId: string): Promise<Place> =>
    pool.take(fn, snapshot, async () => {
      const codeFolder = await unpack(
        options.readCode(snapshot),
        snapshot.CodeSha256,
        join(options.stateFolder, 'code'),
      );
      return startInstance(snapshot, {
        functionName: fn.FunctionName,
        region: options.region,
        appId: options.appId,
        codeFolder,
        eventRuntime,
        onLog: (line) => log(fn.FunctionName, requestId, line),
      });
    });

  /** Sends one HTTP request to a Web function. */
  async function web(fn: StoredFunction, snapshot: Snapshot, request: WebRequest): Promise<WebAnswer> {
    const requestId = randomUUID();
    if (request.body.length > bodyBytesMax) return refusal(406, 'The request body exceeds 6 MB.', requestId);
    let place: Place;
    try {
      place = await takePlace(fn, snapshot, requestId);
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error;
      log(fn.FunctionName, requestId, error.message);
      // The platform names the status; only the log says why. https://www.tencentcloud.com/document/product/583/35311
      return refusal(405, 'ContainerStateExited', requestId);
    }
    const headers = {
      ...request.headers,
      'x-scf-request-id': requestId,
      'x-scf-name': fn.FunctionName,
      'x-scf-namespace': 'default',
      'x-scf-version': snapshot.Version,
      'x-scf-memory': String(snapshot.MemorySize),
      'x-scf-timeout': String(snapshot.Timeout * 1000),
      'x-scf-region': options.region,
      'x-scf-appid': options.appId,
      'x-scf-uin': '100000000001',
    };
    const timeout = new AbortController();
    try {
      const answer = await Promise.race([
        forward(place.instance.port, { ...request, headers }),
        delay(snapshot.Timeout * 1000, 'timeout' as const, { signal: timeout.signal }),
      ]);
      if (answer === 'timeout') {
        place.instance.kill();
        return refusal(433, `Invoking task timed out after ${snapshot.Timeout} seconds`, requestId);
      }
      const headerBytes = Object.entries(answer.headers).reduce(
        (sum, [k, v]) => sum + k.length + String(v).length + 4,
        0,
      );
      if (answer.body.length > bodyBytesMax || headerBytes > responseHeaderBytesMax) {
        return refusal(407, 'The response exceeds 6 MB of body or 4 KB of headers.', requestId);
      }
      return { ...answer, headers: { ...answer.headers, 'x-scf-request-id': requestId } };
    } catch (error) {
      log(fn.FunctionName, requestId, String(error));
      return refusal(439, 'The function process ended while it answered.', requestId);
    } finally {
      timeout.abort();
      place.release();
    }
  }

  /** Invokes an event function once. If it throws, the answer has `error`, as in the cloud. */
  async function event(
    fn: StoredFunction,
    snapshot: Snapshot,
    eventJson: unknown,
    trigger = '',
  ): Promise<EventAnswer> {
    const requestId = randomUUID();
    const from = options.logs.length;
    const finish = (answer: { result?: string; error?: string }): EventAnswer => {
      log(
        fn.FunctionName,
        requestId,
        `Response RequestId:${requestId} RetMsg:${JSON.stringify(answer.result ?? answer.error)}`,
      );
      log(fn.FunctionName, requestId, `END RequestId:${requestId}`);
      return {
        requestId,
        ...answer,
        log: options.logs
          .slice(from)
          .map((line) => line.message)
          .join('\n'),
      };
    };
    log(fn.FunctionName, requestId, `START RequestId:${requestId}${trigger}`);
    let place: Place;
    try {
      place = await takePlace(fn, snapshot, requestId);
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error;
      return finish({ error: error.message });
    }
    const variables = snapshot.Environment.Variables.map(({ Key, Value }) => [Key, Value] as const);
    const context = {
      memory_limit_in_mb: snapshot.MemorySize,
      time_limit_in_ms: snapshot.Timeout * 1000,
      request_id: requestId,
      environment: JSON.stringify(Object.fromEntries(variables)),
      environ: variables.map(([key, value]) => `${key}=${value}`).join(';'),
      function_version: snapshot.Version,
      function_name: fn.FunctionName,
      namespace: 'default',
      tencentcloud_region: options.region,
      tencentcloud_appid: options.appId,
      tencentcloud_uin: '100000000001',
    };
    const timeout = new AbortController();
    try {
      const answer = await Promise.race([
        place.instance.invoke(eventJson, context),
        delay(snapshot.Timeout * 1000, 'timeout' as const, { signal: timeout.signal }),
      ]);
      if (answer === 'timeout') {
        place.instance.kill();
        return finish({ error: `Invoking task timed out after ${snapshot.Timeout} seconds` });
      }
      return finish(
        answer.error === undefined ? { result: answer.result ?? 'null' } : { error: answer.error },
      );
    } finally {
      timeout.abort();
      place.release();
    }
  }

  return { web, event, keepOnly: pool.keepOnly };
}

export type Runner = ReturnType<typeof createRunner>;

function forward(port: number, request: WebRequest): Promise<WebAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, method: request.method, path: request.target, headers: request.headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const headers: Record<string, string | string[]> = {};
          for (const [name, value] of Object.entries(response.headers)) {
            const isHopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(
              name,
            );
            if (value !== undefined && !isHopByHop) headers[name] = value;
          }
          resolve({ status: response.statusCode ?? 502, headers, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type * as z from 'zod/mini';
import { type Clock, elapsedMs, moment } from './clock.ts';
import { AppError, errorTable, unavailable } from './errors.ts';
import { type Log, type RequestRecord, requestRecord } from './log.ts';
import { clientAddress, scfRequestId } from './scf.ts';

/** One method of one path. `answer` returns what goes out, or throws an `AppError`. */
export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** While this answers false the route does not exist. */
  enabled?: () => boolean;
  /** Exact, or with `:name` for one segment. */
  path: string;
  answer(request: RouteRequest): Promise<RouteAnswer> | RouteAnswer;
}

export interface RouteRequest {
  /** The JSON body if it has exactly this shape, else rejects: 415 or 400. */
  body<Shape>(schema: z.ZodMiniType<Shape>): Promise<Shape>;
  /** The session_token of `Authorization: Bearer …`, or `''`. */
  bearer: string;
  /** The body as it came; rejects with 400 if it is not UTF-8. */
  text(): Promise<string>;
  /** What stands for `:name` in the path, or `''`. */
  param(name: string): string;
  query: Record<string, string>;
  clientAddress: string;
}

/** An object goes out as JSON with 200, a string as plain text with 200, nothing as 204. */
export type RouteAnswer = object | string | undefined;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** What was thrown instead of an answer. */
  error?: unknown;
}

const answerHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
/** Who sends slower than this must not hold a place; looked at every 5 s. */
const receiving = { headersTimeout: 10_000, requestTimeout: 15_000, connectionsCheckingInterval: 5000 };
/** More at once would all be late. SCF sends an instance at most 100. */
const requestsAtOnceMax = 1000;
const bearerPattern = /^Bearer ([\x21-\x7e]{1,256})$/i;
const jsonPattern = /^application\/json(\s*;\s*charset="?utf-8"?)?\s*$/i;
/** A byte order mark stays, and so is no JSON. Throws on what is not UTF-8. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The HTTP surface of one Web function. What is the same for every route happens here: request ids, limits,
 * the answer to every error, headers, and one log line per request.
 */
export function createApp(
  routes: readonly Route[],
  clock: Clock,
  log: Log,
  bodyBytesMax = 4096,
): RequestListener {
  const paths = [...new Set(routes.map(({ path }) => path))].map((path) => ({
    path,
    methods: routes.filter((route) => route.path === path),
  }));

  let underWay = 0;

  /** The path with what it answers at the moment. */
  function find(pathname: string) {
    for (const { path, methods } of paths) {
      const params = paramsOf(path, pathname);
      const here = methods.filter(({ enabled }) => enabled?.() ?? true);
      if (params && here.length > 0) return { path, here, params };
    }
    return undefined;
  }

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse, record: RequestRecord) {
    const start = moment(clock);
    let route = '';
    let answer: Answer;
    underWay += 1;
    try {
      if (underWay > requestsAtOnceMax) throw unavailable('busy', 1);
      const { pathname, searchParams } = urlOf(incoming);
      const found = find(pathname);
      if (!found) throw new AppError('not_found');
      const { here, params } = found;
      route = found.path;
      const asked = here.find(({ method }) => method === incoming.method);
      if (!asked) {
        throw new AppError('method_not_allowed', { allow: here.map(({ method }) => method).join(', ') });
      }
      answer = answerOf(await asked.answer(routeRequest(incoming, params, searchParams, bodyBytesMax)));
    } catch (error) {
      answer = errorAnswer(error, record.request_id);
    }
    underWay -= 1;
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    const ms = Math.round(elapsedMs(clock, start));
    // Never the path as it came: people put all sorts of things into URLs.
    logRequest({ method: incoming.method, route, status: answer.status, ms }, answer.error, record, log);
  }

  return (incoming, outgoing) => {
    const scfId = scfRequestId(header(incoming, 'x-scf-request-id'));
    const record: RequestRecord = {
      request_id: randomUUID(),
      ...(scfId !== undefined && { scf_request_id: scfId }),
      redis_ms: 0,
      redis_calls: 0,
      wecom: [],
    };
    void requestRecord.run(record, handle, incoming, outgoing, record);
  };
}

/** Listens on all interfaces, as SCF asks of a Web function, and logs the port; `0` takes any free one. */
export function serve(app: RequestListener, port: number, log: Log): void {
  const server = createServer(receiving, app);
  // Longer than the platform's proxy keeps its connections, so that it is never the server that hangs up first.
  server.keepAliveTimeout = 75_000;
  server.listen({ port, host: '0.0.0.0', backlog: 1024 }, () => {
    const address = server.address();
    log('info', 'listening', { port: typeof address === 'object' ? address?.port : port });
  });
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

/** Dots are resolved and an absolute form is taken apart; nothing is decoded. */
function urlOf(incoming: IncomingMessage): URL {
  try {
    const url = incoming.url ?? '';
    // Not as a reference to a base: there `//x/login` would be a host and a path.
    return url.startsWith('/') ? new URL(`http://any${url}`) : new URL(url, 'http://any');
  } catch {
    throw new AppError('invalid_request', { reason: 'no_url' });
  }
}

/** What stands for each `:name`; `undefined` when this is another path. */
function paramsOf(path: string, pathname: string): Map<string, string> | undefined {
  const wanted = path.split('/');
  const given = pathname.split('/');
  if (wanted.length !== given.length) return undefined;
  const params = new Map<string, string>();
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    if (segment.startsWith(':') && text !== '') params.set(segment.slice(1), text);
    else if (segment !== text) return undefined;
  }
  return params;
}

function routeRequest(
  incoming: IncomingMessage,
  params: Map<string, string>,
  searchParams: URLSearchParams,
  bodyBytesMax: number,
): RouteRequest {
  let reading: Promise<Buffer> | undefined;
  const bytes = () => (reading ??= readBody(incoming, bodyBytesMax));
  return {
    async body(schema) {
      if (!jsonPattern.test(header(incoming, 'content-type') ?? '')) {
        throw new AppError('unsupported_media_type');
      }
      const result = schema.safeParse(parseJson(await bytes()));
      if (!result.success) throw new AppError('invalid_request', { reason: 'shape' });
      return result.data;
    },
    async text() {
      const body = await bytes();
      try {
        return utf8.decode(body);
      } catch {
        throw new AppError('invalid_request', { reason: 'not_utf8' });
      }
    },
    param: (name) => params.get(name) ?? '',
    bearer: bearerPattern.exec(header(incoming, 'authorization') ?? '')?.[1] ?? '',
    query: Object.fromEntries(searchParams),
    clientAddress: clientAddress(header(incoming, 'x-forwarded-for'), incoming.socket.remoteAddress ?? ''),
  };
}

/** What came twice, Node has joined or dropped; only set-cookie is a list, and nobody sends that to a server. */
function header(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The whole body, or `too_large` as soon as it is. */
function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () => {
      // Read to its end, unseen: otherwise the next request on this connection would never be answered.
      incoming.removeAllListeners('data').resume();
      reject(new AppError('too_large'));
    };
    // A client that hangs up, in the middle of its body or before it was looked at, is no bug of ours.
    const brokenOff = () => {
      if (!incoming.readableEnded) reject(new AppError('invalid_request', { reason: 'broken_off' }));
    };
    if (incoming.destroyed) return brokenOff();
    if (Number(incoming.headers['content-length']) > bytesMax) return tooLarge();
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) tooLarge();
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', brokenOff);
    incoming.on('close', brokenOff);
  });
}

/** The parser's own errors are dropped: they quote the body. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new AppError('invalid_request', { reason: 'not_json' });
  }
}

function answerOf(answer: RouteAnswer): Answer {
  if (answer === undefined) return { status: 204, headers: answerHeaders, body: '' };
  return typeof answer === 'string'
    ? bodyAnswer(200, 'text/plain; charset=UTF-8', answer)
    : bodyAnswer(200, 'application/json', JSON.stringify(answer));
}

/** The only place where an error becomes an answer. */
function errorAnswer(error: unknown, request_id: string): Answer {
  const known = error instanceof AppError ? error : new AppError('internal_error');
  const { status, message } = errorTable[known.code];
  const { retryAfterSeconds, corpid, allow } = known.options;
  const body = { error: known.code, message, request_id, ...(corpid !== undefined && { corpid }) };
  return {
    ...bodyAnswer(status, 'application/json', JSON.stringify(body), {
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
      ...(allow !== undefined && { Allow: allow }),
    }),
    error,
  };
}

function bodyAnswer(status: number, type: string, body: string, more: Record<string, string> = {}): Answer {
  const length = String(Buffer.byteLength(body));
  return {
    status,
    headers: { ...answerHeaders, 'Content-Type': type, 'Content-Length': length, ...more },
    body,
  };
}

function logRequest(
  request: { method: string | undefined; route: string; status: number; ms: number },
  error: unknown,
  record: RequestRecord,
  log: Log,
): void {
  const { ms, ...asked } = request;
  const expected = error === undefined || error instanceof AppError;
  log(expected ? 'info' : 'error', 'request', {
    ...asked,
    ...(error instanceof AppError && { error: error.code, reason: error.options.reason }),
    ...(!expected && { error: 'internal_error', thrown: error }),
    ms,
    redis_ms: record.redis_ms,
    redis_calls: record.redis_calls,
    wecom: record.wecom,
  });
}

// The HTTP server of a Web function, and what is the same for every route: request ids, limits, the answer to every error,
// headers, and one log line per request. Trusts nothing that comes in; a request has no say in the ids that are logged
// with it, except SCF's own.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type * as z from 'zod/mini';
import { clientAddress } from './address.ts';
import { type Clock, elapsedMs, moment } from './clock.ts';
import { AppError, type ErrorCode, errorTable, unavailable } from './errors.ts';
import { jsonIn, readBody, textIn } from './http-body.ts';
import { type Log, openRecord, type RequestRecord, requestRecord } from './log.ts';
import { scfRequestId } from './scf.ts';

/** One method of one path. `answer` returns what goes out, or throws an `AppError`. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The largest body; else that of the app. Only POST, PUT and PATCH have one. */
  bodyBytesMax?: number;
  /** While this returns false the route does not exist. */
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
  /** The bytes of the body, of whatever type. */
  bytes(): Promise<Buffer>;
  /** The segment of the path at `:name` as it came, percent-encoding included, or `''`. */
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
  /** For the log. `thrown`: a bug. */
  failure?: { error: ErrorCode; reason?: string | undefined; thrown?: unknown };
}

/** The requests of one connection: how many are not answered yet, and a promise that settles with the last. */
interface Line {
  waiting: number;
  last: Promise<void>;
}

const answerHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
/** A few KB need no longer than this, headers and body together. */
const arrivalMsMax = 5000;
const receiving = {
  headersTimeout: arrivalMsMax,
  requestTimeout: arrivalMsMax,
  connectionsCheckingInterval: 1000,
};
/** With more at once, all of them would be answered too late. SCF sends an instance at most 100. */
const requestsAtOnceMax = 1000;
/** Requests sent on one connection without waiting for answers. At one more, the connection is closed. */
const requestsPerConnectionMax = 50;
const keepAliveMs = 86_400_000;
/** Longer than the longest request, a login of 8 s. */
const stopMsMax = 9000;
const bearerPattern = /^Bearer ([\x21-\x7e]{1,256})$/i;
const jsonPattern = /^application\/json(\s*;\s*charset="?utf-8"?)?\s*$/i;

const methodsWithBody: ReadonlySet<Route['method']> = new Set(['POST', 'PUT', 'PATCH']);

/** What `serve` serves. */
export interface App {
  listener: RequestListener;
  /** Resolves when all that was asked is answered. What has not arrived yet does not count. */
  idle(): Promise<void>;
}

/** Touches nothing. The deploy asks a new version here before it gets traffic. */
const health: Route = { method: 'GET', path: '/health', answer: () => ({ status: 'ok' }) };

/** @param bodyBytesMax the largest body of a route that names none */
export function createApp(own: readonly Route[], clock: Clock, log: Log, bodyBytesMax = 4096): App {
  const routes = [...own, health]
    .map((route) => ({ ...route, segments: route.path.split('/') }))
    .toSorted((one, other) => variable(one.segments) - variable(other.segments));

  let underWay = 0;
  let onIdle: (() => void) | undefined;
  const lines = new WeakMap<Socket, Line>();

  /** Returns the routes of a path that exist at the moment, the most exact first. */
  function find(pathname: string) {
    const given = pathname.split('/');
    return routes.flatMap((found) => {
      const params = paramsOf(found.segments, given);
      return params && (found.enabled?.() ?? true) ? { found, params } : [];
    });
  }

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse, record: RequestRecord) {
    const start = moment(clock);
    let route = '';
    let answer: Answer;
    let placed = false;
    try {
      const url = urlOf(incoming);
      const here = find(url.pathname);
      const [first] = here;
      if (!first) throw new AppError('not_found');
      const { found: asked, params } = here.find(({ found }) => found.method === incoming.method) ?? first;
      route = asked.path;
      if (asked.method !== incoming.method) {
        const methods = new Set(here.map(({ found }) => found.method));
        throw new AppError('method_not_allowed', { allow: [...methods].join(', ') });
      }
      const hasBody = methodsWithBody.has(asked.method);
      // Slow senders must not occupy a place.
      const received = hasBody ? await readBody(incoming, asked.bodyBytesMax ?? bodyBytesMax) : undefined;
      underWay += 1;
      placed = true;
      if (underWay > requestsAtOnceMax) throw unavailable('busy', 1);
      answer = answerOf(await asked.answer(routeRequest(incoming, params, url, received)));
    } catch (error) {
      answer = errorAnswer(error, record.ids.request_id);
    }
    const { status, headers, body, failure } = answer;
    log(failure && 'thrown' in failure ? 'error' : 'info', 'request', {
      method: incoming.method,
      // Never the path as it came: people put all sorts of things into URLs.
      route,
      status,
      ...failure,
      ms: Math.round(elapsedMs(clock, start)),
      ...record.spent,
    });
    // The log goes first: an instance that has answered may be frozen or ended at once.
    setImmediate(() => outgoing.writeHead(status, headers).end(body));
    if (placed) underWay -= 1;
    if (underWay === 0) onIdle?.();
  }

  /**
   * Serves the requests of one connection one after the other, as HTTP orders the answers anyway: nobody takes many
   * places by sending many requests at once.
   */
  function inTurn(socket: Socket, work: () => Promise<void>): void {
    const line = lines.get(socket) ?? { waiting: 0, last: Promise.resolve() };
    lines.set(socket, line);
    line.waiting += 1;
    if (line.waiting > requestsPerConnectionMax) {
      socket.destroy();
      return;
    }
    line.last = answered(line.last);

    async function answered(before: Promise<void>): Promise<void> {
      await before;
      // The client has gone: nobody waits for the answer.
      if (!socket.destroyed) await work();
      line.waiting -= 1;
    }
  }

  const listener: RequestListener = (incoming, outgoing) => {
    const record = openRecord(randomUUID(), scfRequestId(header(incoming, 'x-scf-request-id')));
    inTurn(incoming.socket, () => requestRecord.run(record, handle, incoming, outgoing, record));
  };
  return {
    listener,
    idle: () =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (underWay === 0) resolve();
      }),
  };
}

/** `version` in package.json; scripts/function-bundle.ts puts it there. */
declare const projectVersion: string;

/**
 * Listens and logs the port; `0` takes any free one. On SIGTERM it accepts no more, finishes what is under way, and ends
 * the process within 9 s, whatever connections are open.
 */
export function serve(app: App, { host, port }: { host: string; port: number }, log: Log): void {
  const server = createServer(receiving, app.listener);
  // Only the platform connects, and it hangs up first. A timer of ours could be due when a frozen instance continues, and
  // close a connection on which a request has just arrived.
  server.keepAliveTimeout = keepAliveMs;
  server.listen({ port, host, backlog: 1024 }, () => {
    const address = server.address();
    log('info', 'listening', {
      port: typeof address === 'object' ? address?.port : port,
      version: projectVersion,
    });
  });
  process.once('SIGTERM', () => {
    server.close();
    // After the turn in which the last answer is written.
    void app.idle().then(() => setImmediate(() => process.exit(0)));
    setTimeout(() => process.exit(0), stopMsMax);
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

/** Returns how many segments of a path may be anything. */
function variable(segments: readonly string[]): number {
  return segments.filter((segment) => segment.startsWith(':')).length;
}

/** Returns the segment for each `:name`, or `undefined` if this is another path. */
function paramsOf(wanted: readonly string[], given: readonly string[]): Map<string, string> | undefined {
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
  url: URL,
  received: Buffer | AppError = Buffer.alloc(0),
): RouteRequest {
  /** The route is told what is wrong with the body when it asks for it. */
  function bytes(): Buffer {
    if (received instanceof AppError) throw received;
    return received;
  }

  return {
    async body(schema) {
      if (!jsonPattern.test(header(incoming, 'content-type') ?? '')) {
        throw new AppError('unsupported_media_type');
      }
      const result = schema.safeParse(jsonIn(bytes()));
      if (!result.success) throw new AppError('invalid_request', { reason: 'shape' });
      return result.data;
    },
    text: async () => textIn(bytes()),
    bytes: async () => bytes(),
    param: (name) => params.get(name) ?? '',
    bearer: bearerPattern.exec(header(incoming, 'authorization') ?? '')?.[1] ?? '',
    get query() {
      return Object.fromEntries(url.searchParams);
    },
    clientAddress: clientAddress((name) => header(incoming, name), incoming.socket.remoteAddress ?? ''),
  };
}

/** What came twice, Node has joined or dropped; only set-cookie is a list, and nobody sends that to a server. */
function header(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function answerOf(answer: RouteAnswer): Answer {
  if (answer === undefined) return { status: 204, headers: answerHeaders, body: '' };
  return typeof answer === 'string'
    ? bodyAnswer(200, 'text/plain; charset=UTF-8', answer)
    : bodyAnswer(200, 'application/json', JSON.stringify(answer));
}

/** The only place where an error becomes an answer. */
function errorAnswer(error: unknown, request_id: string): Answer {
  const isExpected = error instanceof AppError;
  const { code, options } = isExpected ? error : new AppError('internal_error');
  const { status, message } = errorTable[code];
  const { retryAfterSeconds, corpid, userid, allow, reason } = options;
  const body = { error: code, message, request_id, corpid, userid };
  return {
    ...bodyAnswer(status, 'application/json', JSON.stringify(body), {
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
      ...(allow !== undefined && { Allow: allow }),
    }),
    failure: { error: code, ...(isExpected ? { reason } : { thrown: error }) },
  };
}

function bodyAnswer(status: number, type: string, body: string, more: Record<string, string> = {}): Answer {
  const length = String(Buffer.byteLength(body));
  return {
    status,
    headers: { 'Content-Type': type, 'Content-Length': length, ...answerHeaders, ...more },
    body,
  };
}

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type * as z from 'zod/mini';
import { type Clock, elapsedMs, moment } from './clock.ts';
import { AppError, errorTable } from './errors.ts';
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

interface Environment {
  Bindings: HttpBindings;
  Variables: { route?: string; record: RequestRecord };
}

const answerHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
const bearerPattern = /^Bearer ([\x21-\x7e]{1,256})$/i;
const jsonPattern = /^application\/json(\s*;\s*charset="?utf-8"?)?\s*$/i;

/**
 * The HTTP surface of one Web function. What is the same for every route happens here: request ids, limits,
 * the answer to every error, headers, and one log line per request.
 */
export function createApp(
  routes: readonly Route[],
  clock: Clock,
  log: Log,
  bodyBytesMax = 4096,
): Hono<Environment> {
  const app = new Hono<Environment>();
  app.use(async (context, next) => {
    const start = moment(clock);
    const scfId = scfRequestId(context.req.header('x-scf-request-id'));
    const record: RequestRecord = {
      request_id: randomUUID(),
      ...(scfId !== undefined && { scf_request_id: scfId }),
      redis_ms: 0,
      redis_calls: 0,
      wecom: [],
    };
    context.set('record', record);
    // Before the answer exists: adding them to a finished one would build a whole web Response.
    for (const [name, value] of Object.entries(answerHeaders)) context.header(name, value);
    await requestRecord.run(record, async () => {
      await next();
      logRequest(context, record, Math.round(elapsedMs(clock, start)), log);
    });
  });

  for (const path of new Set(routes.map((route) => route.path))) {
    const all = routes.filter((route) => route.path === path);
    // hono answers HEAD with the GET handler; the raw request still says HEAD.
    const routeOf = (context: Context) => all.find(({ method }) => method === context.req.raw.method);
    app.all(
      path,
      async (context, next) => {
        const here = all.filter(({ enabled }) => enabled?.() ?? true);
        if (here.length === 0) throw new AppError('not_found');
        context.set('route', path);
        const allow = here.map(({ method }) => method).join(', ');
        if (!routeOf(context)) throw new AppError('method_not_allowed', { allow });
        await next();
      },
      async (context) => {
        const answer = await routeOf(context)?.answer(routeRequest(context, bodyBytesMax));
        if (answer === undefined) return context.body(null, 204);
        return typeof answer === 'string' ? context.text(answer) : context.json(answer);
      },
    );
  }

  app.notFound((context) => errorAnswer(new AppError('not_found'), context));
  app.onError((error, context) => errorAnswer(error, context));
  return app;
}

/** Listens on all interfaces, as SCF asks of a Web function, and logs the port; `0` takes any free one. */
export function serve(app: Hono<Environment>, port: number, log: Log): void {
  const listener = getRequestListener(app.fetch, { errorHandler: (error) => answerUnroutable(error, log) });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
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

/** What never reaches a route: a Host, path or method that makes no URL. */
function answerUnroutable(error: unknown, log: Log): Response {
  const code = error instanceof RequestError ? 'invalid_request' : 'internal_error';
  const { status, message } = errorTable[code];
  const request_id = randomUUID();
  const thrown = code === 'internal_error' ? error : undefined;
  log(thrown === undefined ? 'info' : 'error', 'request', {
    request_id,
    status,
    error: code,
    reason: 'no_url',
    thrown,
  });
  return Response.json({ error: code, message, request_id }, { status, headers: answerHeaders });
}

function routeRequest(context: Context<Environment>, bodyBytesMax: number): RouteRequest {
  const bytes = () => readBody(context.env.incoming, bodyBytesMax);
  return {
    async body(schema) {
      if (!jsonPattern.test(context.req.header('content-type') ?? '')) {
        throw new AppError('unsupported_media_type');
      }
      const result = schema.safeParse(parseJson(await bytes()));
      if (!result.success) throw new AppError('invalid_request', { reason: 'shape' });
      return result.data;
    },
    async text() {
      const body = await bytes();
      try {
        return decodeUtf8(body);
      } catch {
        throw new AppError('invalid_request', { reason: 'not_utf8' });
      }
    },
    param: (name) => context.req.param(name) ?? '',
    bearer: bearerPattern.exec(context.req.header('authorization') ?? '')?.[1] ?? '',
    query: context.req.query(),
    clientAddress: clientAddress(
      context.req.header('x-forwarded-for'),
      context.env.incoming.socket.remoteAddress ?? '',
    ),
  };
}

/** Node's own stream: through a web Request the same bytes cost several times as much. */
function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () => {
      incoming.pause();
      reject(new AppError('too_large'));
    };
    // A client that hangs up in the middle of its body is no bug of ours.
    const brokenOff = () => {
      if (!incoming.complete) reject(new AppError('invalid_request', { reason: 'broken_off' }));
    };
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
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    throw new AppError('invalid_request', { reason: 'not_json' });
  }
}

/** A byte order mark stays, and so is no JSON. Throws on what is not UTF-8. */
function decodeUtf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** The only place where an error becomes an answer. */
function errorAnswer(error: Error, context: Context<Environment>): Response {
  const known = error instanceof AppError ? error : new AppError('internal_error');
  const { status, message } = errorTable[known.code];
  const { retryAfterSeconds, corpid, allow } = known.options;
  if (retryAfterSeconds !== undefined) context.header('Retry-After', String(retryAfterSeconds));
  if (allow !== undefined) context.header('Allow', allow);
  // Set by hono for thrown errors only; the log line reads it from there.
  context.error ??= known;
  const request_id = context.get('record').request_id;
  return context.json(
    { error: known.code, message, request_id, ...(corpid !== undefined && { corpid }) },
    status,
  );
}

function logRequest(context: Context<Environment>, record: RequestRecord, ms: number, log: Log): void {
  const { error } = context;
  const expected = error === undefined || error instanceof AppError;
  log(expected ? 'info' : 'error', 'request', {
    method: context.req.raw.method,
    // Never the path as it came: people put all sorts of things into URLs.
    route: context.get('route') ?? '',
    status: context.res.status,
    ...(error instanceof AppError && { error: error.code, reason: error.options.reason }),
    ...(!expected && { error: 'internal_error', thrown: error }),
    ms,
    redis_ms: record.redis_ms,
    redis_calls: record.redis_calls,
    wecom: record.wecom,
  });
}

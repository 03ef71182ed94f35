// HTTP to WeCom for axios: sockets that survive between requests, and are not trusted after a pause. An answer is read
// up to a limit; an error says why and carries neither URL nor body.
import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import type { AxiosAdapter, AxiosResponse } from 'axios';
import { type Clock, elapsedMs, moment, type Moment, startDeadline } from './clock.ts';

/** Why a call got no usable answer. Holds no URL and no body: those carry secrets. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly reason: string;

  constructor(reason: string) {
    super(`no answer: ${reason}`);
    this.reason = reason;
  }
}

/** A keep-alive socket idle for longer may be dead without our knowing: SCF freezes instances between requests. */
const idleMsMax = 4000;
const socketsMax = 128;
const noSocket = {};
const agentOptions: https.AgentOptions = {
  keepAlive: true,
  noDelay: true,
  maxSockets: socketsMax,
  maxFreeSockets: socketsMax,
  scheduling: 'lifo',
};

/** The way to WeCom. */
export interface WecomHttp {
  adapter: AxiosAdapter;
  /**
   * Opens the first connection of this process, before it is known what to ask; afterwards it does nothing. Nothing is
   * sent on it, and if it has failed by then, the call opens another one.
   */
  connectAhead(): void;
}

/**
 * An axios adapter for GET, and POST of JSON, to a path at one origin, on node:http(s), that survives being frozen. It
 * keeps axios' own Node adapter, with its 45 ms of loading, out of the bundle, and adds what that one lacks:
 *
 * - `timeout` bounds the whole call, the body included;
 * - a socket that was idle for more than 4 s is discarded instead of reused;
 * - a reused socket that breaks before any byte of the answer is one that died unnoticed: one more try, on a new one.
 *   Not for a POST: it may have been carried out;
 * - no redirects; `maxContentLength` is enforced while reading.
 *
 * The adapter rejects with `TransportError` only.
 */
export function createWecomHttp(origin: string, clock: Clock): WecomHttp {
  const url = new URL(origin);
  const { protocol, hostname, port: givenPort } = urlToHttpOptions(url);
  /** As a list: Node would otherwise check and copy each header of each call. */
  const hostHeader = ['Host', url.host];
  const isPlain = protocol === 'http:';
  const { Agent, request: open } = isPlain ? http : https;
  const host = hostname ?? '';
  const port = givenPort ?? (isPlain ? 80 : 443);
  const idleSince = new WeakMap<object, Moment>();
  const agent = new Agent(agentOptions);
  const keepSocketAlive = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket: Socket) => {
    idleSince.set(socket, moment(clock));
    return keepSocketAlive(socket);
  };

  const createConnection = agent.createConnection.bind(agent);
  /** Opened, and not used yet. */
  let ahead: Duplex | undefined;
  let hasConnected = false;
  agent.createConnection = (options, onCreated) => {
    hasConnected = true;
    const ready = ahead;
    ahead = undefined;
    const since = idleSince.get(ready ?? noSocket);
    if (ready && !ready.destroyed && since && elapsedMs(clock, since) <= idleMsMax) return ready;
    ready?.destroy();
    return createConnection(options, onCreated);
  };

  function connectAhead(): void {
    if (hasConnected) return;
    hasConnected = true;
    const servername = isIP(host) === 0 ? host : '';
    const options: https.RequestOptions = { ...agentOptions, host, port, servername };
    const socket = createConnection(options);
    if (!socket) return;
    socket.on('error', () => undefined);
    idleSince.set(socket, moment(clock));
    ahead = socket;
  }

  /** The agent takes the socket that was freed last; if that one is too old, so are the others. */
  function discardIdle(olderThanMs: number): void {
    for (const sockets of Object.values(agent.freeSockets)) {
      const since = idleSince.get(sockets?.at(-1) ?? noSocket);
      if (since && elapsedMs(clock, since) <= olderThanMs) continue;
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  const adapter: AxiosAdapter = (config) => {
    const { url: path, timeout = 0, maxContentLength = Infinity } = config;
    const body = typeof config.data === 'string' ? config.data : undefined;
    const isPost = body !== undefined;
    const method = isPost ? 'POST' : 'GET';
    const headers = isPost
      ? [...hostHeader, 'Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]
      : hostHeader;
    return new Promise<AxiosResponse<string>>((resolve, reject) => {
      let request: http.ClientRequest | undefined;
      let isOver = false;
      const endDeadline = startDeadline(clock, timeout, () => fail(new TransportError('timeout')));

      function fail(error: unknown): void {
        endDeadline();
        isOver = true;
        request?.destroy();
        reject(error instanceof TransportError ? error : new TransportError(reasonOf(error)));
      }

      function succeed(status: number, data: string): void {
        endDeadline();
        resolve({ status, data, statusText: '', headers: {}, config });
      }

      function send(retry: boolean): void {
        let bytesBefore = 0;
        const sent = open({ protocol, host, port, path, agent, method, headers }, (response) =>
          readBody(response, maxContentLength, (data) => succeed(response.statusCode ?? 0, data), fail),
        );
        request = sent;
        sent.on('socket', (socket) => {
          bytesBefore = socket.bytesRead;
        });
        sent.on('error', (error) => {
          // It had served before, and broke before a byte of this answer came.
          const diedUnnoticed = sent.reusedSocket && (sent.socket?.bytesRead ?? 0) === bytesBefore;
          if (isOver || !retry || !diedUnnoticed) return fail(error);
          discardIdle(-1);
          send(false);
        });
        sent.end(body);
      }
      discardIdle(idleMsMax);
      try {
        send(!isPost);
      } catch (error) {
        // Node refuses a path with characters that are not escaped.
        fail(error);
      }
    });
  };

  return { adapter, connectAhead };
}

function readBody(
  response: http.IncomingMessage,
  bytesMax: number,
  resolve: (body: string) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) reject(new TransportError('too_large'));
    else chunks.push(chunk);
  });
  response.on('error', reject);
  response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
}

/** `econnreset`, `enotfound`, `cert_has_expired`, …; never a message, which may quote the URL. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code?.toLowerCase() ?? 'unknown';
}

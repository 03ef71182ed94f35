// HTTP to WeCom for axios: sockets that survive between requests, and are not trusted after a pause. An answer is read
// up to a limit; an error says why and carries neither URL nor body.
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { AxiosAdapter, InternalAxiosRequestConfig } from 'axios';
import { type Clock, elapsedMs, moment, type Moment, withTimeout } from './clock.ts';

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

/**
 * An axios adapter for GET on node:http(s) that survives being frozen. It keeps axios' own Node adapter, with its
 * 45 ms of loading, out of the bundle, and adds what that one lacks:
 *
 * - `timeout` bounds the whole call, the body included;
 * - a socket that was idle for more than 4 s is discarded instead of reused;
 * - a reused socket that breaks before any byte of the answer is one that died unnoticed: one more try, on a new one;
 * - no redirects; `maxContentLength` is enforced while reading.
 *
 * Rejects with `TransportError` only.
 */
export function createKeepAliveAdapter(clock: Clock): AxiosAdapter {
  const idleSince = new WeakMap<object, Moment>();
  const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };

  for (const agent of Object.values(agents)) {
    const keepSocketAlive = agent.keepSocketAlive.bind(agent);
    agent.keepSocketAlive = (socket: Socket) => {
      idleSince.set(socket, moment(clock));
      return keepSocketAlive(socket);
    };
  }

  /** The agent takes the socket that was freed last; if that one is too old, so are the others. */
  function discardIdle(agent: http.Agent, olderThanMs: number): void {
    for (const sockets of Object.values(agent.freeSockets)) {
      const since = idleSince.get(sockets?.at(-1) ?? noSocket);
      if (since && elapsedMs(clock, since) <= olderThanMs) continue;
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  return async (config) => {
    const url = urlOf(config);
    const agent = agents[url.protocol === 'http:' ? 'http:' : 'https:'];
    let current: Attempt | undefined;
    let over = false;

    async function send(): Promise<Answer> {
      discardIdle(agent, idleMsMax);
      current = get(url, agent, config.maxContentLength ?? Infinity);
      try {
        return await current.answer;
      } catch (error) {
        if (over || !current.diedUnnoticed()) throw error;
        discardIdle(agent, -1);
        current = get(url, agent, config.maxContentLength ?? Infinity);
        return current.answer;
      }
    }

    try {
      const answer = await withTimeout(
        clock,
        config.timeout ?? 0,
        send(),
        () => new TransportError('timeout'),
      );
      return { ...answer, statusText: '', config, request: undefined };
    } catch (error) {
      over = true;
      current?.cancel();
      throw error instanceof TransportError ? error : new TransportError(reasonOf(error));
    }
  };
}

const agentOptions: https.AgentOptions = {
  keepAlive: true,
  maxSockets: socketsMax,
  maxFreeSockets: socketsMax,
  scheduling: 'lifo',
};

/** axios' own getUri would merge the whole configuration once more. */
function urlOf({ url = '', baseURL, params }: InternalAxiosRequestConfig): URL {
  const complete = new URL(url, baseURL);
  complete.search = new URLSearchParams(params).toString();
  return complete;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  data: string;
}

interface Attempt {
  answer: Promise<Answer>;
  /** The socket had served before, and broke before a byte of this answer came. */
  diedUnnoticed(): boolean;
  cancel(): void;
}

function get(url: URL, agent: http.Agent, bytesMax: number): Attempt {
  const request = (url.protocol === 'http:' ? http : https).get(url, { agent });
  let bytesBefore = 0;
  request.on('socket', (socket) => {
    bytesBefore = socket.bytesRead;
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bytesMax) {
          reject(new TransportError('too_large'));
          request.destroy();
        } else {
          chunks.push(chunk);
        }
      });
      response.on('error', reject);
      response.on('end', () => {
        const contentType = response.headers['content-type'] ?? '';
        resolve({
          status: response.statusCode ?? 0,
          headers: { 'content-type': contentType },
          data: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
  });
  return {
    answer,
    diedUnnoticed: () => request.reusedSocket && (request.socket?.bytesRead ?? 0) === bytesBefore,
    cancel: () => request.destroy(),
  };
}

/** `econnreset`, `enotfound`, `cert_has_expired`, …; never a message, which may quote the URL. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code?.toLowerCase() ?? 'unknown';
}

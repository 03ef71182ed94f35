// WeCom's server API on loopback: strict with its client, and steered by tests and the demo. It trusts every program on
// this machine, holds only invented companies, and makes no call to the network.
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAccessTokens } from './access-token.ts';
import { serveAdmin } from './admin.ts';
import { type AnyEndpoint, paths, refuse, succeed } from './answer.ts';
import { createCalls } from './calls.ts';
import { createClock } from './clock.ts';
import { createControl } from './control.ts';
import { deliver, type Pause, wholeAnswer } from './deliver.ts';
import { createDirectory } from './directory.ts';
import { answer, type World } from './endpoints.ts';
import { createFaults, type FaultKind, takesEffect } from './faults.ts';
import { createGates } from './gates.ts';
import { createGettokenLimits } from './gettoken-limits.ts';
import { createJsCodes } from './js-code.ts';
import { requestProblem } from './query.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { createSockets } from './sockets.ts';

/** Options of {@link startWecom}. */
export interface WecomOptions {
  /** Default 0: any free port. */
  port?: number;
  /** The mini-program's appid for the watermark of encrypted data. */
  appid?: string;
  /** Called with every new access_token, js_code and session_key, so that a test can look for leaks. */
  onSecret?: (value: string) => void;
}

/** Longer than any client keeps a connection, so that only `closeIdleSockets` closes one. */
const keepAliveMs = 10 * 60_000;
const violationsMax = 1000;
const adminPrefix = '/_simulator/';

/**
 * Starts a simulated WeCom on 127.0.0.1. Each has its own companies, clock and faults.
 * @see https://developer.work.weixin.qq.com/document/path/90664
 */
export async function startWecom(options: WecomOptions = {}) {
  const { port = 0, appid = 'wxdemo0000000000', onSecret = () => undefined } = options;
  const clock = createClock();
  const settings: Settings = { ...defaultSettings };
  const directory = createDirectory();
  const tokens = createAccessTokens(clock, settings, onSecret);
  const codes = createJsCodes(clock, settings, onSecret);
  const limits = createGettokenLimits(clock, settings);
  const calls = createCalls();
  const gates = createGates();
  const faults = createFaults();
  const violations: string[] = [];
  const world: World = { settings, directory, tokens, codes, limits, appid, messages: [] };

  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const pause: Pause = async (ms) => {
    if (ms > 0) await sleep(ms, undefined, { signal: closing.signal }).catch(() => undefined);
  };

  function violate(text: string): void {
    violations.push(text);
    if (violations.length > violationsMax) violations.shift();
  }

  function callerOf(endpoint: AnyEndpoint, params: URLSearchParams): string | null {
    if (endpoint !== 'gettoken') return tokens.ownerOf(params.get('access_token') ?? '')?.corpid ?? null;
    const corpid = params.get('corpid') ?? '';
    return directory.companies.has(corpid) ? corpid : null;
  }

  async function serveCall(
    endpoint: AnyEndpoint,
    params: URLSearchParams,
    req: IncomingMessage,
    res: ServerResponse,
  ) {
    const at = Date.now();
    const arrivedMs = performance.now();
    const corpid = callerOf(endpoint, params);
    let errcode: number | null = null;
    let fault: FaultKind | undefined;
    let outcome: string | undefined;
    res.on('close', () => {
      const whole = res.writableFinished;
      outcome ??= fault?.kind ?? (whole ? 'answered' : 'client_gone');
      const ms = Math.round(performance.now() - arrivedMs);
      calls.record({ at, endpoint, corpid, errcode: whole ? errcode : null, ms, outcome });
    });
    if (sockets.resetIfDead(res)) {
      outcome = 'dead_socket';
      return;
    }

    calls.count(endpoint, corpid);
    const problem = requestProblem(endpoint, req.method ?? '', params, req.headers['content-type']);
    if (problem !== undefined) violate(`${endpoint}: ${problem}`);
    const body = jsonOf(await text(req).catch(() => ''));

    await gates.pass('before', endpoint, corpid);
    const trouble = faults.take(endpoint, corpid);
    fault = trouble.fault;
    const usual = takesEffect(fault) ? answer[endpoint](world, { params, problem, body }) : succeed({});
    await gates.pass('after', endpoint, corpid);
    await pause(trouble.latencyMs);
    if (closing.signal.aborted) return;
    const { egressIp } = settings;
    const said = fault?.kind === 'errcode' ? refuse(endpoint, fault.errcode, egressIp, fault.errmsg) : usual;
    // Set before the last byte, because 'close' comes before deliver() returns.
    errcode = wholeAnswer.has(fault?.kind) ? said.errcode : null;
    await deliver(res, said, fault, pause);
  }

  const server = createServer();
  const sockets = createSockets(server);
  const control = createControl({ world, clock, calls, gates, faults, sockets, violations });
  server.on('request', (req, res) => {
    sockets.use(res);
    if (isOfAnotherSite(req)) {
      req.resume();
      res.writeHead(403, { 'Content-Length': 0 }).end();
      return;
    }
    const [path = '', ...rest] = (req.url ?? '').split('?');
    if (path.startsWith(adminPrefix)) {
      void serveAdmin(control, path.slice(adminPrefix.length), req, res);
      return;
    }
    const endpoint = paths[path];
    if (endpoint !== undefined) {
      serveCall(endpoint, new URLSearchParams(rest.join('?')), req, res).catch((error: unknown) => {
        violate(`the simulator failed: ${String(error)}`);
        res.destroy();
      });
      return;
    }
    req.resume();
    violate(`unknown path ${path.slice(0, 200)}`);
    res.writeHead(404, { 'Content-Length': 0 }).end();
  });
  server.keepAliveTimeout = keepAliveMs;
  server.maxRequestsPerSocket = 0;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', backlog: 1024 }, resolve);
  });

  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    /** `http://127.0.0.1:<port>`, without a slash at the end: for WECOM_BASE_URL. */
    url: `http://127.0.0.1:${address.port}`,
    ...control,

    /** Ends at once, also calls in progress. Resolves when the port is free. A second call does nothing. */
    async close(): Promise<void> {
      if (closing.signal.aborted) return;
      closing.abort();
      gates.releaseAll();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A running simulator. */
export type Wecom = Awaited<ReturnType<typeof startWecom>>;

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Detects a web page in a browser on this machine: programs send no Origin, and a page cannot choose the Host. */
function isOfAnotherSite({ headers: { host = '', origin } }: IncomingMessage): boolean {
  const named = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  return origin !== undefined || !['127.0.0.1', 'localhost', '[::1]'].includes(named);
}

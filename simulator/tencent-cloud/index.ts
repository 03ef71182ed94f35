// A Tencent Cloud on one loopback port: CAM, COS, CLS, Tag, SSL and SCF by Host header, as their real hosts are named.
// It is strict where the cloud is strict, keeps its state in a folder, and really runs the functions it is given.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { answerAccountService, type LogLine } from './account-services.ts';
import { ApiError, ConnectionCut } from './api-error.ts';
import { answerCos, cosAction } from './cos.ts';
import { createFaults, type Fault } from './faults.ts';
import { findFunctionByHost, serveFunctionUrl } from './function-url.ts';
import { createRunner, type EventAnswer } from './runner.ts';
import { functionActions, findFunction, resolveQualifier, type ScfContext } from './scf-functions.ts';
import { checkParameters, PARAMETERS, type ScfAction } from './scf-parameters.ts';
import { triggerActions } from './scf-triggers.ts';
import { versionActions } from './scf-versions.ts';
import { openState, type CloudState, type Snapshot } from './state.ts';
import { verifyTc3 } from './tc3.ts';
import { createTimers } from './timers.ts';

export interface CloudOptions {
  /** 0 picks a free port. */
  port?: number;
  /** State survives in here between runs. */
  stateFolder: string;
  /** Secret id → secret key of the accounts that may call. */
  secretKeys: Record<string, string>;
  /** Secret id → token of those keys that are temporary; a call with such a key has to carry it. */
  tokens?: Record<string, string>;
  region?: string;
  appId?: string;
  now?(): number;
  /** The key's CAM policy: actions such as `scf:GetFunction`; everything when left out. */
  allowed?: string[];
  /** Told every API call when it is answered. */
  onCall?(call: Call): void;
}

/** One API call as the cloud saw it. */
export interface Call {
  service: string;
  action: string;
  parameters: unknown;
  /** `ok`, or the code of the refusal. */
  outcome: string;
}

export interface TencentCloud {
  url: string;
  /** Every API call so far, in order. */
  calls: Call[];
  /** What the cloud holds; change it to play another operator's hand. */
  state: CloudState;
  /** What functions and platform wrote. */
  logs: LogLine[];
  /** Makes the next calls of an action fail. */
  inject(fault: Fault): void;
  /** Takes back faults that have not struck. */
  clearFaults(): void;
  /** Runs a timer trigger now, as its cron would. */
  fireTimer(functionName: string, triggerName: string): Promise<EventAnswer>;
  /** The uploaded zip of a version or alias. */
  codeOf(functionName: string, qualifier?: string): Buffer;
  stop(): Promise<void>;
}

/** Service → the API version it speaks. */
const SERVICES: Record<string, string> = {
  scf: '2018-04-16',
  cam: '2019-01-16',
  cls: '2020-10-16',
  tag: '2018-08-13',
  ssl: '2019-12-05',
};

export async function startTencentCloud(options: CloudOptions): Promise<TencentCloud> {
  const {
    secretKeys,
    region = 'ap-guangzhou',
    appId = '1250000000',
    now = Date.now,
    onCall,
    allowed,
  } = options;
  const state = openState(options.stateFolder);
  const calls: Call[] = [];
  const logs: LogLine[] = [];
  const faults = createFaults();
  const readCode = (snapshot: Snapshot): Buffer => readFileSync(state.zipPath(snapshot.CodeSha256));
  const runner = createRunner({
    stateFolder: options.stateFolder,
    region,
    appId,
    logs,
    now,
    readCode,
  });
  const timers = createTimers(state, runner, now);

  function authorise(service: string, action: string): void {
    if (!allowed || allowed.includes(`${service}:${action}`)) return;
    const code = service === 'cos' ? 'AccessDenied' : 'UnauthorizedOperation';
    throw new ApiError(code, `The policy of this key does not allow ${service}:${action}.`);
  }

  async function invoke(parameters: unknown): Promise<object> {
    const p = checkParameters('InvokeFunction', parameters);
    const fn = findFunction(state, p.FunctionName);
    if (fn.latest.Type === 'HTTP') {
      throw new ApiError('InvalidParameter.FunctionType', 'A Web function is called through its URL.');
    }
    let event: unknown;
    try {
      event = JSON.parse(p.Event ?? '{}');
    } catch {
      throw new ApiError('InvalidParameter.Payload', 'The event is not JSON.');
    }
    const answer = await runner.event(fn, resolveQualifier(fn, p.Qualifier ?? '$DEFAULT'), event);
    return {
      Result: {
        FunctionRequestId: answer.requestId,
        RetMsg: answer.result ?? '',
        ErrMsg: answer.error ?? '',
        InvokeResult: answer.error === undefined ? 0 : 1,
        Log: p.LogType === 'Tail' ? answer.log.slice(-4096) : '',
        MemUsage: 0,
        Duration: 0,
        BillDuration: 0,
      },
    };
  }

  async function answerScf(action: string, parameters: unknown, context: ScfContext): Promise<object> {
    if (!Object.hasOwn(PARAMETERS, action))
      throw new ApiError('InvalidAction', `The action ${action} is not offered here.`);
    if (action === 'InvokeFunction') return invoke(parameters);
    const actions = { ...functionActions, ...versionActions, ...triggerActions } as Record<
      string,
      (c: ScfContext, p: unknown) => object
    >;
    const answer = actions[action]?.(context, checkParameters(action as ScfAction, parameters)) ?? {};
    state.save();
    timers.reconcile();
    await runner.keepOnly(Object.values(state.data.functions));
    return answer;
  }

  async function answerApi(service: string, request: IncomingMessage, body: Buffer): Promise<object> {
    const action = String(request.headers['x-tc-action'] ?? '');
    const call: Call = {
      service,
      action,
      parameters: JSON.parse(body.toString('utf8') || '{}'),
      outcome: 'ok',
    };
    calls.push(call);
    try {
      verifyTc3({ method: 'POST', service, headers: request.headers, query: '', body }, options, now());
      if (request.headers['x-tc-version'] !== SERVICES[service]) {
        throw new ApiError('NoSuchVersion', 'The API version is not offered.');
      }
      const context: ScfContext = { state, appId, region, nowMs: now() };
      if (service !== 'cam' && request.headers['x-tc-region'] !== region) {
        throw new ApiError(
          'UnsupportedRegion',
          `The region ${String(request.headers['x-tc-region'])} is not offered here.`,
        );
      }
      authorise(service, action);
      faults.before(action);
      const answer =
        service === 'scf'
          ? await answerScf(action, call.parameters, context)
          : answerAccountService(service, action, call.parameters, context, logs);
      state.save();
      faults.after(action);
      return answer;
    } catch (error) {
      call.outcome =
        error instanceof ApiError ? error.code : error instanceof ConnectionCut ? 'cut' : 'InternalError';
      throw error;
    } finally {
      onCall?.(call);
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const body = await buffer(request);
    const host = url.hostname;
    const service = host.split('.')[0] ?? '';
    if (host.endsWith('.tencentcloudapi.com') && Object.hasOwn(SERVICES, service)) {
      const RequestId = randomUUID();
      let answer: object;
      try {
        answer = await answerApi(service, request, body);
      } catch (error) {
        if (error instanceof ConnectionCut) throw error;
        const { code, message } =
          error instanceof ApiError ? error : { code: 'InternalError', message: String(error) };
        answer = { Error: { Code: code, Message: message } };
      }
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ Response: { ...answer, RequestId } }));
      return;
    }
    if (host.endsWith('.myqcloud.com')) {
      const action = cosAction(request.method ?? 'GET', url);
      const cos = { method: request.method ?? 'GET', url, headers: request.headers, body };
      const answer = answerCos(cos, state, secretKeys, now(), () => {
        authorise('cos', action);
        faults.before(action);
      });
      const call = {
        service: 'cos',
        action,
        parameters: { host, path: url.pathname },
        outcome: String(answer.status),
      };
      calls.push(call);
      onCall?.(call);
      response.writeHead(answer.status, { 'x-cos-request-id': randomUUID(), ...answer.headers });
      response.end(answer.body ?? '');
      return;
    }
    const target = findFunctionByHost(state.data, host, url.pathname);
    if (!target) {
      response.writeHead(404).end('no such host here');
      return;
    }
    await serveFunctionUrl(target, request, body, runner, response);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!(error instanceof ConnectionCut))
        logs.push({ functionName: '', requestId: '', message: String(error), timeMs: now() });
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  timers.reconcile();
  const { port } = server.address() as { port: number };

  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    state: state.data,
    logs,
    inject: faults.inject,
    clearFaults: faults.clear,
    fireTimer: timers.fire,
    codeOf: (functionName, qualifier = '$DEFAULT') =>
      readCode(resolveQualifier(findFunction(state, functionName), qualifier)),
    async stop() {
      timers.stop();
      await runner.keepOnly([]);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

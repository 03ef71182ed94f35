// A simulated Tencent Cloud on one loopback port: CAM, COS, CLS, Tag, SSL and SCF, chosen by the Host header. It is as
// strict as the cloud, keeps its state in a folder, and really runs the uploaded functions. It trusts no API call:
// signature, region, version and parameters are checked.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { answerAccountService } from './account-services.ts';
import { ApiError, ConnectionCut } from './api-error.ts';
import type { LogLine } from './cls.ts';
import { answerCos, cosAction } from './cos.ts';
import { createFaults, type Fault } from './faults.ts';
import { findFunctionByHost, serveFunctionUrl } from './function-url.ts';
import { createRunner, type EventAnswer } from './runner.ts';
import { functionActions, findFunction, resolveQualifier, settle, type ScfContext } from './scf-functions.ts';
import { checkParameters, parameterSchemas, type ScfAction } from './scf-parameters.ts';
import { triggerActions } from './scf-triggers.ts';
import { versionActions } from './scf-versions.ts';
import { openState, type CloudState, type Snapshot } from './state.ts';
import { randomOf, switchesWith, type Switches } from './switches.ts';
import { verifyTc3 } from './tc3.ts';
import { createTimers } from './timers.ts';

export interface CloudOptions {
  /** 0 picks a free port. */
  port?: number;
  /** The state is kept here between runs. */
  stateFolder: string;
  /** Secret id → secret key of the accounts that may call. */
  secretKeys: Record<string, string>;
  /** Secret id → token of temporary keys; a call with such a key must carry the token. */
  tokens?: Record<string, string>;
  region?: string;
  appId?: string;
  now?(): number;
  /** Behaviour for which there is conflicting evidence, and properties of the account. */
  switches?: Partial<Switches>;
  /** Chooses between possible refusals, and which calls are throttled or lose their answer. Default 1. */
  seed?: number;
  /** How many seconds of the cloud pass in one real second: at 20, a change of 3 s takes 150 ms. */
  speed?: number;
  /** The key's CAM policy: actions such as `scf:GetFunction` or `scf:*`. Default: everything. */
  allowed?: string[];
  /** Called for each API call when it is answered. */
  onCall?(call: Call): void;
}

/** One API call as the cloud saw it. */
export interface Call {
  service: string;
  action: string;
  parameters: unknown;
  /** `ok`, `cut`, or the code of the refusal. */
  outcome: string;
}

export interface TencentCloud {
  url: string;
  /** Every API call so far, in order. */
  calls: Call[];
  /** The cloud's state. Change it to act as another operator. */
  state: CloudState;
  /** The current switches. Change them to change the cloud's behaviour. */
  switches: Switches;
  /** True while a request is being answered. */
  isBusy(): boolean;
  /** Log lines of the functions and the platform. */
  logs: LogLine[];
  /** Makes the next calls of an action fail. */
  inject(fault: Fault): void;
  /** Removes faults that have not happened yet. */
  clearFaults(): void;
  /** Runs a timer trigger now, as its cron expression would. */
  fireTimer(functionName: string, triggerName: string): Promise<EventAnswer>;
  /** Returns the uploaded zip of a version or alias. */
  codeOf(functionName: string, qualifier?: string): Buffer;
  stop(): Promise<void>;
}

/** Service → its API version. */
const services: Record<string, string> = {
  scf: '2018-04-16',
  cam: '2019-01-16',
  cls: '2020-10-16',
  tag: '2018-08-13',
  ssl: '2019-12-05',
};

/** The limit of signature TC3. */
const requestBytesMax = 10 * 1024 * 1024;
const read = /^(Get|List|Describe|Search)/;

export async function startTencentCloud(options: CloudOptions): Promise<TencentCloud> {
  const {
    secretKeys,
    region = 'ap-guangzhou',
    appId = '1250000000',
    now = Date.now,
    onCall,
    allowed,
    speed = 20,
  } = options;
  const switches = switchesWith(options.switches ?? {});
  const random = randomOf(options.seed ?? 1);
  let inFlight = 0;
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

  const matches = (pattern: string, action: string): boolean =>
    pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : pattern === action;

  function authorise(action: string, parameters: unknown): void {
    if (!allowed || allowed.some((pattern) => matches(pattern, action))) return;
    if (action.startsWith('cos:')) throw new ApiError('AccessDenied', 'Access Denied.');
    const { FunctionName = '*' } = parameters as { FunctionName?: string };
    const resource = `qcs::${action.split(':')[0]}:${region}:uin/100000000001:namespace/default/function/${FunctionName}`;
    // Text and line break as quoted by users.
    throw new ApiError(
      switches.camCode,
      `you are not authorized to perform operation (${action})\nresource (${resource}) has no permission`,
    );
  }

  /** Sometimes refuses a request, whatever it is. */
  function throttle(): void {
    if (switches.throttling === 'none' || random() >= 0.25) return;
    throw new ApiError('RequestLimitExceeded', 'Your current request times exceeds the limit.');
  }
  function loseAnswer(action: string): void {
    if (switches.lostAnswers === 'none' || read.test(action) || random() >= 1 / 6) return;
    throw new ConnectionCut();
  }

  const contextNow = (parameters: unknown): ScfContext => {
    const nowMs = now();
    return {
      state,
      appId,
      region,
      nowMs,
      switches,
      in: (seconds) => nowMs + (seconds * 1000) / speed,
      pick: (list) => list[Math.floor(random() * list.length)] as (typeof list)[number],
      authorise: (action) => authorise(action, parameters),
      takeFailure: faults.takeFailure,
    };
  };

  async function invoke(parameters: unknown, context: ScfContext): Promise<object> {
    const p = checkParameters('InvokeFunction', parameters);
    const fn = findFunction(context, p.FunctionName);
    if (switches.balance === 'in arrears')
      throw new ApiError('ResourceUnavailable.InsufficientBalance', '账户余额不足');
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
        InvokeResult: answer.error === undefined || switches.invokeResult === 'always 0' ? 0 : 1,
        Log: p.LogType === 'Tail' ? answer.log.slice(-4096) : '',
        MemUsage: 0,
        Duration: 0,
        BillDuration: 0,
      },
    };
  }

  async function answerScf(action: string, parameters: unknown, context: ScfContext): Promise<object> {
    if (!Object.hasOwn(parameterSchemas, action))
      throw new ApiError('InvalidAction', `The action ${action} is not offered here.`);
    if (switches.scf === 'not opened')
      throw new ApiError('ResourceNotFound.Namespace', 'Namespace [default] not found.');
    if (action === 'InvokeFunction') return invoke(parameters, context);
    const actions = { ...functionActions, ...versionActions, ...triggerActions } as Record<
      string,
      (c: ScfContext, p: unknown) => object
    >;
    const answer = actions[action]?.(context, checkParameters(action as ScfAction, parameters)) ?? {};
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
      if (request.headers['x-tc-version'] !== services[service]) {
        throw new ApiError('NoSuchVersion', 'The API version is not offered.');
      }
      const context = contextNow(call.parameters);
      settle(context);
      if (body.length > requestBytesMax)
        throw new ApiError('RequestSizeLimitExceeded', 'The request exceeds 10 MB.');
      if (service !== 'cam' && request.headers['x-tc-region'] !== region) {
        throw new ApiError(
          'UnsupportedRegion',
          `The region ${String(request.headers['x-tc-region'])} is not offered here.`,
        );
      }
      authorise(`${service}:${action}`, call.parameters);
      throttle();
      faults.before(action);
      const answer =
        service === 'scf'
          ? await answerScf(action, call.parameters, context)
          : answerAccountService(service, action, call.parameters, context, logs);
      state.save();
      faults.after(action);
      loseAnswer(action);
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
    if (host.endsWith('.tencentcloudapi.com') && Object.hasOwn(services, service)) {
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
        authorise(`cos:${action}`, {});
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
    settle({ state, nowMs: now() });
    if (now() < (state.data.urlKnownMs[host] ?? 0)) {
      response.writeHead(400).end(`domain[${host}] not found or empty`);
      return;
    }
    const target = findFunctionByHost(state.data, switches, host, url.pathname);
    if (!target) {
      response.writeHead(404).end('no such host here');
      return;
    }
    await serveFunctionUrl(target, request, body, runner, switches, response);
  }

  const server = createServer((request, response) => {
    inFlight += 1;
    handle(request, response)
      .catch((error: unknown) => {
        if (!(error instanceof ConnectionCut))
          logs.push({ functionName: '', requestId: '', message: String(error), timeMs: now() });
        request.socket.destroy();
      })
      .finally(() => {
        inFlight -= 1;
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
    switches,
    isBusy: () => inFlight > 0,
    logs,
    inject: faults.inject,
    clearFaults: faults.clear,
    fireTimer: timers.fire,
    codeOf: (functionName, qualifier = '$DEFAULT') =>
      readCode(resolveQualifier(findFunction(contextNow({}), functionName), qualifier)),
    async stop() {
      timers.stop();
      await runner.keepOnly([]);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Everything that runs on this machine: Redis, WeCom, the built functions. Prints nothing.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import * as z from 'zod/mini';
import { hashPassword } from '../lib/reviewer.ts';
import { invokeFunction, type RunningFunction, startFunction } from '../simulator/functions.ts';
import { startRedisRelay } from '../simulator/redis-relay.ts';
import { endpoints } from '../simulator/wecom/answer.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { bigCompany, company, type Company, moveIn, reviewer, secondCompany } from './people.ts';
import { listenOn } from './page-http.ts';
import type { DemoRedis } from './redis.ts';

/** Response time of the simulated WeCom in ms: like a server in the same country. */
export const wecomLatencyMs = { min: 30, max: 80 };

/** 600 s in the cloud; short here, because somebody is watching. */
export const recheckSeconds = 3;
/** The companies that share the mini-program; the first is the default. */
export const ourCompanies = [company, secondCompany];

const wecomCallSchema = z.object({
  api: z.string(),
  ms: z.number(),
  errcode: z.optional(z.number()),
  failure: z.optional(z.string()),
});

const requestLineSchema = z.object({
  event: z.literal('request'),
  scf_request_id: z.optional(z.string()),
  method: z.string(),
  route: z.string(),
  status: z.number(),
  error: z.optional(z.string()),
  reason: z.optional(z.string()),
  ms: z.number(),
  redis_ms: z.number(),
  redis_calls: z.number(),
  wecom: z.array(wecomCallSchema),
});

const invokedLineSchema = z.object({ event: z.literal('invoked'), wecom: z.array(wecomCallSchema) });

const alertSchema = z.looseObject({
  level: z.enum(['warn', 'error']),
  event: z.string(),
  scf_request_id: z.optional(z.string()),
});

/** A line that a function logs for the operator's attention. */
export type AlertLine = z.infer<typeof alertSchema>;

/** Options of `startLogin`. */
export interface LoginOptions {
  /** Default: {@link ourCompanies}. */
  companies?: readonly Company[];
  /** Default 0: any free port. */
  port?: number;
  onRequest?: (line: RequestLine) => void;
  onAlert?: (line: AlertLine) => void;
  /** Without the relay (unless it is cut): hundreds of logins would wait for this process. */
  straightToRedis?: boolean;
}

/** A call of WeCom as a function logs it; without errcode and failure it was successful. */
export type WecomCall = z.infer<typeof wecomCallSchema>;
/** The line that a Web function logs for each request. */
export type RequestLine = z.infer<typeof requestLineSchema>;

/** A running login function. */
export interface LoginFunction extends RunningFunction {
  /** Waits for the log line of the request with this `X-Scf-Request-Id`. */
  logged(scfRequestId: string): Promise<RequestLine>;
}

/** One run of the refresh function. */
export interface RefreshRun {
  /** Companies per outcome, as the function returns them. */
  counts: Record<string, number>;
  error?: string;
  wecom: WecomCall[];
}

/** What {@link createWorld} returns. */
export type World = Awaited<ReturnType<typeof createWorld>>;

const logLineMsMax = 5000;

/** Starts WeCom with everybody in it. The caller starts the functions. */
export async function createWorld(redis: DemoRedis) {
  const wecom = await startWecom();
  // Not over TLS: the relay's host name would not match the certificate.
  const relay = redis.url.startsWith('redis://') ? await startRedisRelay(redis.url) : undefined;
  moveIn(wecom);
  slowDown(wecom);
  const encryptionKey = randomBytes(32).toString('base64url');
  const running = new Set<RunningFunction>();
  const pending = new Set<Promise<unknown>>();
  let timer: NodeJS.Timeout | undefined;
  let callbackUrl: Promise<string> | undefined;
  let stopping = false;

  const callback = {
    corpid: company.corpid,
    token: randomBytes(12).toString('hex'),
    encodingAESKey: randomBytes(32).toString('base64').slice(0, 43),
  };
  /** The secrets that functions get at their start; WeCom may have newer ones. */
  const corpsecrets = new Map(
    [company, secondCompany, bigCompany].map((each) => [each.corpid, each.corpsecret]),
  );
  const reviewerHash = await hashPassword(reviewer.password);

  const environment = (companies: readonly Company[]) => ({
    WECOM_CORPS: companies.map(({ corpid }) => `${corpid}:${corpsecrets.get(corpid)}`).join(','),
    MEMBER_RECHECK_SECONDS: String(recheckSeconds),
    ...(process.env['ROLES'] !== undefined && { ROLES: process.env['ROLES'] }),
    REVIEWERS: `${reviewer.account}:${reviewerHash}`,
    REVIEWERS_UNTIL: '2099-12-31',
    REDIS_URL: relay?.url ?? redis.url,
    ...(process.env['REDIS_CA'] !== undefined && { REDIS_CA: process.env['REDIS_CA'] }),
    ENCRYPTION_KEY: encryptionKey,
    WECOM_BASE_URL: wecom.url,
  });

  /** Remembers what is in progress, so that stop() waits for it. */
  async function track<T>(promise: Promise<T>): Promise<T> {
    pending.add(promise);
    try {
      return await promise;
    } finally {
      pending.delete(promise);
    }
  }

  async function refresh(): Promise<RefreshRun> {
    const { result, error, lines } = await track(invokeFunction('refresh', environment(ourCompanies)));
    const counts = z.safeParse(z.record(z.string(), z.number()), result);
    const invoked = lines.map((line) => z.safeParse(invokedLineSchema, parseJson(line)).data).find(Boolean);
    return {
      counts: counts.success ? counts.data : {},
      ...(!counts.success && { error: error ?? lines.at(-1) ?? 'no answer' }),
      wecom: invoked?.wecom ?? [],
    };
  }

  async function startCallback(): Promise<string> {
    const { corpid, token, encodingAESKey } = callback;
    const started = await track(
      startFunction('callback', {
        WECOM_CALLBACKS: `${corpid}:${token}:${encodingAESKey}`,
        REDIS_URL: relay?.url ?? redis.url,
      }),
    );
    running.add(started);
    return started.url;
  }

  return {
    redis,
    wecom,
    relay,
    corpsecrets,

    /** The company's settings in WeCom for 接收消息. */
    callback,

    /** Starts a login function. */
    async startLogin(options: LoginOptions = {}): Promise<LoginFunction> {
      const { companies = ourCompanies, port = 0, onRequest, onAlert, straightToRedis = false } = options;
      if (port > 0) await refuseTakenPort(port);
      const log = createRequestLog(onRequest, onAlert);
      const straight = straightToRedis && !relay?.isRefusing();
      const own = { PORT: String(port), ...(straight && { REDIS_URL: redis.url }) };
      const login = await track(
        startFunction('login', { ...environment(companies), ...own }, { onLine: (line) => log.read(line) }),
      );
      running.add(login);
      return { ...login, logged: (scfRequestId) => log.find(scfRequestId) };
    },

    /** Starts the callback function at the first call. Returns its URL. */
    startCallback: () => (callbackUrl ??= startCallback()),

    async stopLogin(login: LoginFunction): Promise<void> {
      await login.stop();
      for (const candidate of running) if (candidate.pid === login.pid) running.delete(candidate);
    },

    /** Runs the refresh function once, as SCF's timer does. */
    refresh,

    /** Runs it repeatedly; each run waits for the one before. */
    startTimer(everySeconds: number, onRun: (run: RefreshRun) => void): void {
      async function tick() {
        const run = await refresh();
        if (stopping) return;
        onRun(run);
        timer = setTimeout(() => void tick(), everySeconds * 1000);
      }
      timer = setTimeout(() => void tick(), everySeconds * 1000);
    },

    /** Ends everything that was started; Redis last. */
    async stop(): Promise<void> {
      stopping = true;
      clearTimeout(timer);
      await Promise.allSettled(pending);
      await Promise.all([...running].map((login) => login.stop()));
      await wecom.close();
      await relay?.stop();
      await redis.stop();
    },

    /** Ends the functions without waiting: for the exit of this process. */
    kill(): void {
      for (const login of running) login.process.kill('SIGKILL');
    },
  };
}

function slowDown(wecom: Wecom): void {
  const { min, max } = wecomLatencyMs;
  for (const endpoint of endpoints) {
    wecom.fault({ endpoint, kind: 'latency', ms: () => min + Math.random() * (max - min) });
  }
}

/** Collects the request lines of one process by their SCF request id. */
function createRequestLog(onRequest?: (line: RequestLine) => void, onAlert?: (line: AlertLine) => void) {
  const found = new Map<string, RequestLine>();
  const waiting = new Map<string, (line: RequestLine) => void>();

  return {
    read(text: string): void {
      const parsed = parseJson(text);
      const { data: line } = z.safeParse(requestLineSchema, parsed);
      if (!line) {
        const { data: alert } = z.safeParse(alertSchema, parsed);
        if (alert) onAlert?.(alert);
        return;
      }
      onRequest?.(line);
      if (line.scf_request_id === undefined) return;
      const wanted = waiting.get(line.scf_request_id);
      if (wanted) wanted(line);
      else found.set(line.scf_request_id, line);
    },

    find(scfRequestId: string): Promise<RequestLine> {
      return new Promise((resolve, reject) => {
        const line = found.get(scfRequestId);
        if (line) {
          resolve(line);
          return;
        }
        const giveUp = setTimeout(() => {
          reject(new Error(`the login function logged no line for ${scfRequestId}`));
        }, logLineMsMax);
        waiting.set(scfRequestId, (late) => {
          clearTimeout(giveUp);
          resolve(late);
        });
      });
    },
  };
}

/** Returns `undefined` for text that is not JSON, for example a stack trace. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws Trouble if somebody listens on `port` */
export async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer();
  await listenOn(server, port, '0.0.0.0');
  await new Promise((resolve) => server.close(resolve));
}

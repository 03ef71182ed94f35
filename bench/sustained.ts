// `npm run bench -- load`: how many logins one instance sustains, and what happens above that. Members log in and then
// ask for their session four times without a pause, with the strict simulator at WeCom's latencies.
import autocannon from 'autocannon';
import { startFunction } from '../simulator/functions.ts';
import type { RunningRedis } from '../simulator/redis.ts';
import { startWecom } from '../simulator/wecom/server.ts';
import { corpid, corpsecret } from './bench.ts';
import type { Figure } from './figures.ts';
import type { Report } from './report.ts';

const members = 1000;
const sessionChecksPerLogin = 4;
const levels = [10, 100, 500];
/** More than lib/http.ts accepts at once. */
const overload = 2000;
const latencies = [
  { endpoint: 'gettoken', ms: 100 },
  { endpoint: 'jscode2session', ms: 60 },
  { endpoint: 'user/get', ms: 40 },
] as const;

/** Responses at one level. */
interface Level {
  seconds: number;
  loginMs: number[];
  sessionMs: number[];
  refusedMs: number[];
  /** 401 for clients whose login was refused before. */
  withoutSession: number;
  /** Any response except 200, 429 and 503, and no response. */
  broken: number;
}

export const loadReport: Report = {
  title: 'What one instance sustains',
  label: 'Logins per second and latencies of one instance under load',
  rows: [
    { figure: 'load', key: 'loginsPerSecond', title: 'logins per second', digits: 0 },
    { figure: 'load', key: 'sessionsPerSecond', title: 'session checks per second', digits: 0 },
    { figure: 'load', key: 'loginP50Ms', title: 'login p50, ms', digits: 0 },
    { figure: 'load', key: 'loginP99Ms', title: 'login p99, ms', digits: 0 },
    { figure: 'load', key: 'sessionP50Ms', title: 'session check p50, ms', digits: 0 },
    { figure: 'load', key: 'sessionP99Ms', title: 'session check p99, ms', digits: 0 },
    { figure: 'load', key: 'refusedPercent', title: 'answered 503 with Retry-After, %', digits: 1 },
    { figure: 'load', key: 'refusedP99Ms', title: 'time to such a 503, p99, ms', digits: 0 },
    { figure: 'load', key: 'broken', title: 'anything else', digits: 0 },
    { figure: 'load', key: 'gettokens', title: 'gettoken calls', digits: 0 },
  ],
  panels: [
    { figure: 'load', key: 'loginsPerSecond', title: 'logins per second', better: 'longer', digits: 0 },
    { figure: 'load', key: 'loginP99Ms', title: 'login p99, ms', better: 'shorter', digits: 0 },
    { figure: 'load', key: 'sessionP99Ms', title: 'session check p99, ms', better: 'shorter', digits: 0 },
    { figure: 'load', key: 'refusedPercent', title: 'answered 503, %', better: 'shorter', digits: 1 },
  ],
  note: `Each client logs in and asks for its session four times, without a pause, against the strict simulator (gettoken 100 ms,
jscode2session 60 ms, user/get 40 ms) and a real Redis. One instance, which shares two cores with its clients, WeCom and
Redis; SCF gives an instance 50 requests at once (\`serverless.yml\`) and starts another for more. Here a
refused client repeats its request at once; real clients wait as Retry-After says.`,
};

/** Numbers per level, by its name: `10 at once`, …, and `100 at once, after` the overload. */
export async function sustainedLoad(
  redis: RunningRedis,
  secondsPerLevel: number,
  progress: (text: string) => void,
): Promise<Figure> {
  const wecom = await startWecom();
  wecom.addCompany({ corpid, corpsecret });
  for (let i = 0; i < members; i += 1) wecom.addMember({ corpid, userid: `Member${i}`, name: `成员${i}` });
  for (const { endpoint, ms } of latencies) wecom.fault({ endpoint, kind: 'latency', ms });
  const login = await startFunction('login', {
    WECOM_CORPS: `${corpid}:${corpsecret}`,
    REDIS_URL: redis.url,
    WECOM_BASE_URL: wecom.url,
    ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)).toString('base64url'),
  });
  let issued = 0;
  const nextJsCode = () => wecom.createJsCode({ corpid, userid: `Member${(issued += 1) % members}` });
  const figure: Figure = new Map();

  async function run(name: string, connections: number): Promise<void> {
    progress(`load: ${name}`);
    const gettokensBefore = wecom.counts().gettoken;
    const level = await fire(login.url, connections, secondsPerLevel, nextJsCode);
    login.lines.length = 0;
    figure.set(name, { ...numbers(level), gettokens: wecom.counts().gettoken - gettokensBefore });
  }

  try {
    await fire(login.url, 32, Math.min(3, secondsPerLevel), nextJsCode);
    for (const level of levels) await run(`${level} at once`, level);
    await run(`${overload.toLocaleString('en-US')} at once`, overload);
    await run('100 at once, after', 100);
  } finally {
    await login.stop();
    await wecom.close();
  }
  return figure;
}

async function fire(
  url: string,
  connections: number,
  seconds: number,
  nextJsCode: () => string,
): Promise<Level> {
  const level: Level = { seconds, loginMs: [], sessionMs: [], refusedMs: [], withoutSession: 0, broken: 0 };
  /** By client: autocannon gives each client its own object. */
  const sentMs = new WeakMap<object, number>();
  const tokens = new WeakMap<object, string>();

  const note = (times: number[], status: number, client: object) => {
    const ms = performance.now() - (sentMs.get(client) ?? 0);
    if (status === 200) times.push(ms);
    // A client that could not log in continues without a session.
    else if (status === 401 && !tokens.has(client)) level.withoutSession += 1;
    else if (status === 503 || status === 429) level.refusedMs.push(ms);
    else level.broken += 1;
  };
  const login: autocannon.Request = {
    method: 'POST',
    path: '/login',
    setupRequest(request, client) {
      sentMs.set(client, performance.now());
      const headers = { 'content-type': 'application/json' };
      return { ...request, headers, body: JSON.stringify({ js_code: nextJsCode() }) };
    },
    onResponse(status, body, client) {
      note(level.loginMs, status, client);
      if (status === 200) tokens.set(client, JSON.parse(body).session_token);
      else tokens.delete(client);
    },
  };
  const session: autocannon.Request = {
    method: 'GET',
    path: '/session',
    setupRequest(request, client) {
      sentMs.set(client, performance.now());
      const token = tokens.get(client) ?? '';
      return { ...request, headers: { authorization: `Bearer ${token}` } };
    },
    onResponse: (status, _body, client) => note(level.sessionMs, status, client),
  };
  const requests = [login, ...Array.from({ length: sessionChecksPerLogin }, () => session)];
  const result = await autocannon({ url, connections, duration: seconds, timeout: 30, requests });
  level.broken += result.errors;
  return level;
}

function numbers({
  seconds,
  loginMs,
  sessionMs,
  refusedMs,
  withoutSession,
  broken,
}: Level): Record<string, number> {
  const answered = loginMs.length + sessionMs.length + refusedMs.length + withoutSession;
  return {
    loginsPerSecond: loginMs.length / seconds,
    sessionsPerSecond: sessionMs.length / seconds,
    loginP50Ms: percentile(loginMs, 0.5),
    loginP99Ms: percentile(loginMs, 0.99),
    sessionP50Ms: percentile(sessionMs, 0.5),
    sessionP99Ms: percentile(sessionMs, 0.99),
    refusedPercent: (refusedMs.length / Math.max(1, answered)) * 100,
    refusedP99Ms: percentile(refusedMs, 0.99),
    broken,
  };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

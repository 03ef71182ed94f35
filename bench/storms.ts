// Counts the gettoken calls of a storm: many processes of one candidate with one Redis, and the strict simulator.
import { Agent, request } from 'node:http';
import { getPriority, setPriority } from 'node:os';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { type Bench, corpid, corpsecret } from './bench.ts';
import { type Candidate, type Running, start } from './candidates.ts';
import type { Figure } from './figures.ts';

const processes = 50;
/** More at a time would only slow each other down on two cores. */
const startedTogether = 4;
const firstLogins = 1000;
const loginsAtInvalidation = 500;
const gettokenPerMinuteMax = 20;
const members = 100;
const loginMsMax = 20_000;

/** Runs one storm of each kind per candidate. One is enough: counts vary less than times. */
export async function storms(bench: Bench): Promise<Figure> {
  const chosen = bench.quick ? bench.candidates.filter(({ name }) => name === 'ours') : bench.candidates;
  const figure: Figure = new Map();
  for (const candidate of chosen) {
    bench.progress(`storms: ${candidate.name}, ${processes} processes`);
    figure.set(candidate.name, await stormsOf(bench, candidate));
  }
  return figure;
}

async function stormsOf({ redis }: Bench, candidate: Candidate): Promise<Record<string, number>> {
  const wecom = await startWecom();
  wecom.addCompany({ corpid, corpsecret });
  for (let i = 0; i < members; i += 1) wecom.addMember({ corpid, userid: `Member${i}`, name: `成员${i}` });
  for (const [endpoint, ms] of [
    ['gettoken', 100],
    ['jscode2session', 60],
    ['user/get', 40],
  ] as const) {
    wecom.fault({ endpoint, kind: 'latency', ms });
  }
  const upstreams = { redisUrl: redis.url, wecomUrl: wecom.url, corpid, corpsecret };
  const running: Running[] = [];
  const gettokens = () => wecom.counts().gettoken;

  async function freshProcesses(withToken: boolean): Promise<void> {
    await stopAll();
    if (!withToken) await redis.flush();
    let begun = 0;
    await Promise.all(
      Array.from({ length: startedTogether }, async () => {
        while (begun < processes) {
          begun += 1;
          const one = await start(candidate, upstreams, { probe: false });
          // In the cloud each has its own CPU; here they must not make WeCom and Redis look slow.
          setPriority(one.pid, Math.min(19, getPriority() + 10));
          running.push(one);
        }
      }),
    );
  }

  async function stopAll(): Promise<void> {
    await Promise.all(running.splice(0).map((one) => one.stop()));
  }

  try {
    await freshProcesses(false);
    const empty = await loginsAtOnce(wecom, running, firstLogins);
    const emptyCalls = gettokens();

    await freshProcesses(true);
    const stored = await loginsAtOnce(wecom, running, firstLogins);
    const storedCalls = gettokens() - emptyCalls;

    const gate = wecom.hold({ endpoint: 'jscode2session' });
    const invalidated = loginsAtOnce(wecom, running, loginsAtInvalidation);
    await gate.arrived(loginsAtInvalidation / 5);
    wecom.dropTokens(corpid);
    gate.release();
    const invalidatedOk = await invalidated;
    const invalidatedCalls = gettokens() - emptyCalls - storedCalls;

    await freshProcesses(false);
    wecom.set({ gettokenPerMinuteMax });
    // The calls of this minute that the first storm used.
    wecom.advanceMs(61_000);
    const before = gettokens();
    const limitedOk = await loginsAtOnce(wecom, running, processes);
    return {
      emptyCalls,
      emptyFailed: firstLogins - empty,
      storedCalls,
      storedFailed: firstLogins - stored,
      invalidatedCalls,
      invalidatedFailed: loginsAtInvalidation - invalidatedOk,
      limitedCalls: gettokens() - before,
      limitedFailed: processes - limitedOk,
    };
  } finally {
    await stopAll();
    await wecom.close();
  }
}

/** Sends all at the same moment, spread over the processes. Returns how many logged in. */
async function loginsAtOnce(wecom: Wecom, running: readonly Running[], count: number): Promise<number> {
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
  const statuses = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const jsCode = wecom.createJsCode({ corpid, userid: `Member${i % members}` });
      return login(running[i % running.length]?.port ?? 0, jsCode, agent);
    }),
  );
  return statuses.filter((status) => status === 200).length;
}

/** Returns the status, or 0 without a response. */
function login(port: number, jsCode: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/login',
        agent,
        headers: { 'Content-Type': 'application/json' },
        timeout: loginMsMax,
      },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(0));
    sent.end(JSON.stringify({ js_code: jsCode }));
  });
}

// 500 members log in at the same moment on 20 processes. This is what the promise of one gettoken is for.
import * as z from 'zod/mini';
import { type Bilingual, both } from '../scripts/language.ts';
import { type Answer, type Call, sendTogether } from './mini-program.ts';
import { bigCompany, crowd } from './people.ts';
import type { Stage, Step } from './exchange.ts';
import type { RushResult } from './feed.ts';
import { actors, rushTexts } from './texts.ts';
import type { LoginFunction, RequestLine, World } from './world.ts';

/** `DEMO_PROCESSES` sets a smaller number for a small machine. */
export const processes = Number(process.env['DEMO_PROCESSES'] ?? 20);
/** On two cores it is faster to start only a few at a time. */
const startedTogether = 4;
/** Two idle cores start all in 2 s. A busy machine gets a smaller crowd. */
const startMsMax = 4000;
/** The mini-program also tries again after a 503. */
const triesMax = 10;

const answerWithName = z.object({ member: z.object({ name: z.string() }) });

/** Starts {@link processes} login functions for the big company only; fewer on a busy machine. */
export async function startRushProcesses(
  world: World,
  onProgress: (started: number) => void,
): Promise<LoginFunction[]> {
  const logins: LoginFunction[] = [];
  const endMs = performance.now() + startMsMax;
  await Promise.all(
    Array.from({ length: startedTogether }, async (_, starter) => {
      for (let index = starter; index < processes; index += startedTogether) {
        if (index >= startedTogether && performance.now() > endMs) return;
        logins.push(await world.startLogin({ companies: [bigCompany], straightToRedis: true }));
        onProgress(logins.length);
      }
    }),
  );
  return logins;
}

/** The members who log in at these processes: 25 for each. */
export function crowdFor(logins: readonly LoginFunction[]): typeof crowd {
  return crowd.slice(0, Math.ceil((crowd.length * logins.length) / processes));
}

/**
 * Logs in each member of {@link crowdFor} once, all at the same moment. Those who get a 503 because a function missed a
 * deadline try again.
 */
export async function logInTogether(
  { wecom }: World,
  logins: readonly LoginFunction[],
  name: string,
  onProgress: (answered: number) => void = () => undefined,
): Promise<RushResult> {
  const before = wecom.counts(bigCompany.corpid);
  const people = crowdFor(logins);
  const request = (person: (typeof crowd)[number], index: number, tries: number) => {
    const login = logins[index % logins.length];
    if (!login) throw new Error('no login function was started');
    const scfRequestId = `${name}-${index}-${tries}`;
    const body = { js_code: wecom.createJsCode(person) };
    const call: Call = { method: 'POST', path: '/login', scfRequestId, body };
    return { login, baseUrl: login.url, call, person, index };
  };
  const answers: Answer[] = [];
  const lines: (RequestLine | undefined)[] = [];
  let cameBack = 0;
  const startedMs = performance.now();
  let tookMs = 0;
  let requests = people.map((person, index) => request(person, index, 1));
  for (let tries = 1; ; tries += 1) {
    // First all at once; then one at a time for each process.
    const together = tries === 1 ? requests.length : logins.length;
    for (let at = 0; at < requests.length; at += together) {
      const group = requests.slice(at, at + together);
      const given = await sendTogether(group, onProgress);
      group.forEach(({ index }, i) => Object.assign(answers, { [index]: given[i] }));
    }
    tookMs = performance.now() - startedMs;
    const logged = requests.map(({ login, call }) => login.logged(call.scfRequestId).catch(() => undefined));
    lines.push(...(await Promise.all(logged)));
    // 0: the process closed the connection, because it read the request too late.
    requests = requests.filter(({ index }) => [0, 408, 503].includes(answers[index]?.status ?? 0));
    if (requests.length === 0 || tries === triesMax) break;
    cameBack += requests.length;
    requests = requests.map(({ person, index }) => request(person, index, tries + 1));
  }
  const after = wecom.counts(bigCompany.corpid);
  const times = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const named = answers.filter(({ status, body }, index) => {
    const { data } = answerWithName.safeParse(body);
    return status === 200 && data?.member.name === people[index]?.name;
  });
  return {
    requests: people.length,
    named: named.length,
    statuses: countStatuses(answers),
    cameBack,
    reasons: countReasons(lines),
    counts: {
      gettoken: after.gettoken - before.gettoken,
      jscode2session: after.jscode2session - before.jscode2session,
      'user/get': after['user/get'] - before['user/get'],
    },
    redisOperations: lines.reduce((sum, line) => sum + (line?.redis_calls ?? 0), 0),
    tookMs,
    medianMs: times[times.length >> 1] ?? 0,
  };
}

/** Creates two steps. The second uses the processes that the first starts. */
export function createRushHour(world: World): { allAtOnce: Step; tokenDropped: Step } {
  const { wecom, redis } = world;
  let logins: LoginFunction[] = [];

  /** Runs one rush and shows it. Returns the number of gettoken calls. */
  async function tell(stage: Stage, name: string): Promise<number> {
    const row = stage.lineUnderWay(actors.manyToLogin);
    row.update(rushTexts.sending(crowdFor(logins).length));
    const rush = await logInTogether(world, logins, name);
    row.done(rushTexts.sent(rush.requests, logins.length));
    const calls = Object.entries(rush.counts).map(([endpoint, count]) => `${count} × ${endpoint}`);
    stage.line(actors.loginToWecom, calls.join(', '));
    stage.line(actors.loginToRedis, rushTexts.operations(rush.redisOperations));
    stage.line(
      actors.loginToMany,
      rushTexts.answered(rush.statuses, seconds(rush.tookMs), seconds(rush.medianMs)),
    );
    if (rush.cameBack > 0) {
      stage.line('', rushTexts.cameBack(rush.cameBack));
    }
    stage.expect(
      rushTexts.allNamed(rush.requests),
      rush.named === rush.requests,
      rushTexts.named(rush.named, rush.reasons),
    );
    return rush.counts.gettoken;
  }

  return {
    allAtOnce: {
      title: rushTexts.title(crowd.length, processes),
      async play(stage) {
        const row = stage.lineUnderWay(both(() => `${processes} × login`));
        const startedMs = performance.now();
        logins = await startRushProcesses(world, (started) =>
          row.update(rushTexts.started(started, processes)),
        );
        row.done(rushTexts.startedAll(logins.length, seconds(performance.now() - startedMs)));
        if (logins.length < processes) {
          const members = crowdFor(logins).length;
          stage.line('', rushTexts.fewer(logins.length, members));
        }
        await redis.empty?.();
        stage.line('Redis', redis.empty ? rushTexts.emptied : rushTexts.notEmptied);
        const gettoken = await tell(stage, 'rush');
        stage.expect(rushTexts.oneGettoken(logins.length), gettoken === 1, rushTexts.thereWere(gettoken));
      },
    },
    tokenDropped: {
      title: rushTexts.dropTitle(crowd.length),
      async play(stage) {
        const finishedBeforeDrop = Math.floor(crowdFor(logins).length / 5);
        let finished = 0;
        let refused = 0;
        const unsubscribe = wecom.onCall(({ corpid, errcode }) => {
          if (corpid !== bigCompany.corpid) return;
          if (errcode === 40014) refused += 1;
          finished += 1;
          if (finished === finishedBeforeDrop) wecom.dropTokens(bigCompany.corpid);
        });
        const gettoken = await tell(stage, 'drop');
        unsubscribe();
        stage.line(actors.wecom, rushTexts.dropped(finishedBeforeDrop, refused));
        stage.expect(rushTexts.didRefuse, refused > 0, rushTexts.refusedNone);
        stage.expect(rushTexts.oneMore, gettoken === 1, rushTexts.thereWere(gettoken));
        await Promise.all(logins.map(world.stopLogin));
      },
    },
  };
}

function seconds(ms: number): Bilingual {
  return rushTexts.seconds((ms / 1000).toFixed(1));
}

/** `498 × 200, 2 × 503 temporarily_unavailable`. */
function countStatuses(answers: readonly Answer[]): string {
  return countEach(
    answers.map(({ status, body }) => {
      return typeof body['error'] === 'string' ? `${status} ${body['error']}` : String(status);
    }),
  );
}

/** `2 × redis_timeout`. */
function countReasons(lines: readonly (RequestLine | undefined)[]): string {
  return countEach(lines.filter((line) => line?.status !== 200).map((line) => line?.reason ?? 'nothing'));
}

function countEach(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => `${count} × ${text}`).join(', ') || 'nothing';
}

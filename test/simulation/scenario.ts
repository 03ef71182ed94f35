import type * as Heart from './heart.ts';
import type { Violation } from './journal.ts';
import type { Lua } from './redis-data.ts';
import { createSimulation, type Simulation, tokenLifeMs } from './simulation.ts';
import { type App, type Failure, type GettokenMode, gettokenModes } from './upstream.ts';

/** A situation whose figures are known in advance. */
export interface Scenario {
  name: string;
  instances: number;
  run: (simulation: Simulation, app: App) => Promise<void>;
  /** The most calls of gettoken, per mode in the order A, B, C, D. */
  gettokensMax: readonly [number, number, number, number];
  /** `expires_in` of WeCom, and the real lifetime; default two hours. */
  lifeMs?: number;
  /** The modes to run in; default all. The mode does not matter to the other scenarios. */
  modes?: readonly GettokenMode[];
  /** The most requests that may fail. */
  failedMax: number;
}

export interface ScenarioOutcome {
  violation: Violation | undefined;
  gettokens: number;
  requests: { ok: number; failed: number };
  tail: (lines: number) => string[];
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** Runs a scenario; more gettoken calls or failures than it allows are a violation `Count`. */
export async function runScenario(
  heart: typeof Heart,
  lua: Lua,
  { name, instances, run, gettokensMax, failedMax, lifeMs }: Scenario,
  mode: GettokenMode,
): Promise<ScenarioOutcome> {
  const simulation = createSimulation({
    heart,
    lua,
    seed: 1,
    instances,
    apps: [{ mode, ...(lifeMs !== undefined && { lifeMs }) }],
  });
  const { apps, journal, requests } = simulation;
  const [app] = apps;
  if (!app) throw new Error('no app');
  await run(simulation, app);
  const most = gettokensMax[gettokenModes.indexOf(mode)] ?? 0;
  if (app.gettokens > most)
    journal.violate(`Count: ${name}`, `${app.gettokens} gettoken calls, at most ${most}`);
  if (requests.failed > failedMax) {
    journal.violate(`Count: ${name}`, `${requests.failed} requests failed, at most ${failedMax}`);
  }
  return { violation: journal.violation(), gettokens: app.gettokens, requests, tail: journal.tail };
}

export function requestEvery(simulation: Simulation, ms: number): void {
  simulation.every(
    () => simulation.random.between(0.5 * ms, 1.5 * ms),
    () => simulation.request(),
  );
}

export function timerEvery5Minutes(simulation: Simulation): void {
  simulation.every(
    () => 5 * minuteMs,
    () => simulation.timer(),
  );
}

/** One request that fetches the first token. */
export async function warmUp(simulation: Simulation): Promise<void> {
  simulation.request();
  await simulation.runUntil(simulation.scheduler.nowMs() + 5000);
}

/** One request to every instance within `ms`. */
export function everyInstance({ instances, scheduler, random, apps }: Simulation, ms: number): void {
  const [app] = apps;
  for (const instance of instances) {
    scheduler.after(random.between(0, ms), () => {
      if (app) void instance.request(app, 8000);
    });
  }
}

/** gettoken fails for an hour, starting 5 minutes before the token expires; then half an hour without faults. */
export function failsForAnHour(failure: Failure): Scenario['run'] {
  return async (simulation, app) => {
    await warmUp(simulation);
    requestEvery(simulation, 4000);
    const fromMs = tokenLifeMs - 5 * minuteMs;
    // The token is still valid, so nobody notices the failures.
    const over = simulation.troubles.begin('gettoken');
    app.gettokenFailure = failure;
    await simulation.runUntil(fromMs);
    app.gettokens = 0;
    if (simulation.requests.failed > 0)
      simulation.journal.violate('Count', 'a request failed before the end');
    await simulation.runUntil(fromMs + hourMs);
    app.gettokenFailure = undefined;
    over();
    simulation.requests.failed = 0;
    // The longest pause; then everything works.
    await simulation.runUntil(fromMs + hourMs + 11 * minuteMs);
    simulation.requests.failed = 0;
    await simulation.runUntil(fromMs + hourMs + 30 * minuteMs);
  };
}

/** Lets time pass until `work` has settled; a broken promise stops time, and then there is no value. */
export async function finished<T>(simulation: Simulation, work: Promise<T>): Promise<T | undefined> {
  const settled: T[] = [];
  void work.then((value) => settled.push(value));
  while (settled.length === 0 && !simulation.journal.violation()) {
    await simulation.runUntil(simulation.scheduler.nowMs() + 10);
  }
  return settled[0];
}

/** Lets time pass until `work` has succeeded. */
export async function expectOk(
  simulation: Simulation,
  work: Promise<'ok' | 'failed'> | undefined,
): Promise<void> {
  const outcome = work && (await finished(simulation, work));
  if (outcome !== 'ok') simulation.journal.violate('Count', 'a login failed');
}

/** Lets time pass in steps of half a millisecond until `isSo`, or until a promise is broken. */
export async function until(simulation: Simulation, isSo: () => boolean): Promise<void> {
  while (!isSo() && !simulation.journal.violation()) {
    await simulation.runUntil(simulation.scheduler.nowMs() + 0.5);
  }
}

import { faults } from './faults.ts';
import type * as Heart from './heart.ts';
import type { Violation } from './journal.ts';
import { createRandom } from './random.ts';
import type { Lua } from './redis-data.ts';
import { createSimulation, type Simulation, tokenLifeMs } from './simulation.ts';
import { gettokenModes } from './upstream.ts';

/** The result of one random schedule. */
export interface Outcome {
  seed: number;
  violation: Violation | undefined;
  virtualMs: number;
  requests: number;
  failed: number;
  gettokens: number;
  faults: string[];
  /** The last events, for a failing seed. */
  tail: (lines: number) => string[];
}

const minuteMs = 60_000;
/** Time after the last fault: the longest pause, a lease, and a moment. Then everything must work. */
const healMs = 11 * minuteMs;
const calmMs = 10 * minuteMs;

/** A random world with random faults. The same seed gives the same run. */
export async function runSchedule(heart: typeof Heart, lua: Lua, seed: number): Promise<Outcome> {
  const { simulation, endMs, names } = plan(heart, lua, seed);
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', onRejection);
  let violation = await simulation.runUntil(endMs);
  process.off('unhandledRejection', onRejection);
  if (rejections.length > 0) {
    simulation.journal.violate('Bug', `unhandled rejection: ${String(rejections[0])}`);
    violation = simulation.journal.violation();
  }
  const { requests, apps, scheduler, journal } = simulation;
  return {
    seed,
    violation,
    virtualMs: scheduler.nowMs(),
    requests: requests.ok + requests.failed,
    failed: requests.failed,
    gettokens: apps.reduce((sum, app) => sum + app.gettokens, 0),
    faults: names,
    tail: journal.tail,
  };
}

function plan(
  heart: typeof Heart,
  lua: Lua,
  seed: number,
): { simulation: Simulation; endMs: number; names: string[] } {
  // The shape has its own random numbers, from the same seed.
  const shape = createRandom(seed ^ 0x5eed);
  const mode = shape.pick(gettokenModes);
  const lifeMs = shape.pick([tokenLifeMs, tokenLifeMs, 1_800_000, 300_000]);
  const simulation = createSimulation({
    heart,
    lua,
    seed,
    instances: shape.pick([1, 2, 3, 4, 6, 10, 20, 50]),
    apps: shape.chance(0.2)
      ? [
          { mode, lifeMs },
          { mode: shape.pick(gettokenModes), lifeMs },
        ]
      : [{ mode, lifeMs }],
  });
  const { scheduler, random, journal } = simulation;

  const stormMs = shape.pick([15, 40, 90, 180]) * minuteMs;
  const endMs = stormMs + healMs + calmMs;
  const gapMs = (stormMs + healMs + calmMs) / shape.integer(60, 250);
  simulation.every(
    () => -Math.log(1 - random.next()) * gapMs,
    () => {
      simulation.request(undefined, random.pick([8000, 8000, 8000, 2500]));
    },
  );
  for (let bursts = shape.integer(1, 6); bursts > 0; bursts -= 1) {
    scheduler.after(shape.between(0, endMs), () =>
      simulation.burst(random.integer(3, 60), random.pick([5, 500, 3000])),
    );
  }
  if (shape.chance(0.7)) startTimer(simulation, stormMs);
  if (shape.chance(0.3)) {
    simulation.every(
      () => random.between(minuteMs, 20 * minuteMs),
      () => simulation.coldStart(),
    );
  }

  const names: string[] = [];
  for (let kinds = shape.integer(0, 4); kinds > 0; kinds -= 1) {
    const fault = shape.pick(faults);
    names.push(fault.name);
    for (let times = shape.integer(1, 5); times > 0; times -= 1) {
      const startMs = shape.between(0, stormMs);
      scheduler.after(startMs, () => {
        const ms = Math.min(random.between(...fault.ms), stormMs - startMs);
        journal.note('fault', fault.name, Math.round(ms));
        const end = fault.start(simulation);
        scheduler.after(ms, () => {
          if (fault.ms[1] > 0) journal.note('fault', fault.name, 'ends');
          end();
        });
      });
    }
  }
  return { simulation, endMs, names };
}

/** Every 5 minutes; during the storm sometimes late, twice, or not at all. */
function startTimer(simulation: Simulation, stormMs: number): void {
  const { random, scheduler } = simulation;
  simulation.every(
    () => 5 * minuteMs,
    () => {
      const stormy = scheduler.nowMs() < stormMs;
      if (stormy && random.chance(0.15)) return;
      const times = stormy && random.chance(0.15) ? 3 : 1;
      for (let i = 0; i < times; i += 1) {
        const lateMs =
          stormy && random.chance(0.15) ? random.between(0, 30 * minuteMs) : random.between(0, 50);
        for (const app of simulation.apps) scheduler.after(lateMs, () => simulation.timer(app));
      }
    },
  );
}

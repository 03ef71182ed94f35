import { randomBytes } from 'node:crypto';
import type * as Heart from './heart.ts';
import { createInstance, type Instance, type World } from './instance.ts';
import { createJournal, type Violation } from './journal.ts';
import { createRandom } from './random.ts';
import type { Lua } from './redis-data.ts';
import { createRedisServer } from './redis-server.ts';
import { createScheduler } from './scheduler.ts';
import { createTroubles } from './troubles.ts';
import { type App, createApp, type GettokenMode } from './upstream.ts';
import { createStoreWatch } from './watch-store.ts';
import { createUseWatch } from './watch-use.ts';

/** A world of instances, one Redis and WeCom under virtual time; everything in it follows from the seed. */
export interface Simulation extends World {
  instances: readonly Instance[];
  coldStart(): Instance;
  /** An instance for a request: any one, which thaws for it, or a new one in place of a crashed one. */
  serve(): Instance;
  /** Counts of how requests ended. */
  requests: { ok: number; failed: number };
  /** A request to any instance. */
  request(app?: App, msMax?: number): void;
  /** `count` requests, spread over `withinMs`. */
  burst(count: number, withinMs: number, app?: App): void;
  /** A timer event on an instance that exists, or a new one. */
  timer(app?: App): void;
  /** Repeats `action` every `gapMs` (or what it returns) until the simulation ends. */
  every(gapMs: () => number, action: () => void): void;
  /** Runs until `ms` since the start; returns the first broken promise. */
  runUntil(ms: number): Promise<Violation | undefined>;
}

export interface SimulationOptions {
  heart: typeof Heart;
  lua: Lua;
  seed: number;
  /** Instances at the start; they are cold. */
  instances: number;
  apps: readonly { mode: GettokenMode; lifeMs?: number }[];
}

export const tokenLifeMs = 7_200_000;
const encryptionKeys = [randomBytes(32)];

export function createSimulation({
  heart,
  lua,
  seed,
  instances: startInstances,
  apps,
}: SimulationOptions): Simulation {
  const random = createRandom(seed);
  const scheduler = createScheduler();
  const { nowMs } = scheduler;
  const journal = createJournal(nowMs, () => scheduler.stop());
  const troubles = createTroubles(nowMs);
  const appList = apps.map(({ mode, lifeMs = tokenLifeMs }, index) =>
    // Two apps of one company: same corpid, another secret.
    createApp({ corpid: 'wwcorpa0000000001', corpsecret: `corpsecret-${index}` }, mode, lifeMs),
  );
  const byKey = new Map(
    appList.map((app) => [heart.tokenStoreKeys(heart.tokenKeyId(app.corp, encryptionKeys)).tok, app]),
  );
  const redis = createRedisServer(scheduler, random.fork(), lua, (run) => storeWatch.onScript(run));
  const storeWatch = createStoreWatch({ nowMs, redis: () => redis, journal, troubles, apps: byKey });
  const useWatch = createUseWatch({ nowMs, journal, troubles, storeWatch, heart });
  const instances: Instance[] = [];
  let started = 0;

  function start(): Instance {
    return createInstance(simulation, `i${(started += 1)}`);
  }

  const simulation: Simulation = {
    heart,
    scheduler,
    random,
    redis,
    apps: appList,
    troubles,
    journal,
    storeWatch,
    useWatch,
    encryptionKeys,
    instances,
    requests: { ok: 0, failed: 0 },
    coldStart() {
      const instance = start();
      instances.push(instance);
      return instance;
    },
    serve() {
      const index = random.integer(0, instances.length - 1);
      let instance = instances[index] ?? simulation.coldStart();
      if (instance.state() === 'crashed') instances[index] = instance = start();
      instance.thaw();
      return instance;
    },
    request(app = random.pick(appList), msMax = 8000) {
      settle(count(simulation.serve().request(app, msMax)));
    },
    burst(size, withinMs, app) {
      for (let i = 0; i < size; i += 1) {
        scheduler.after(random.between(0, withinMs), () => simulation.request(app));
      }
    },
    timer(app = random.pick(appList)) {
      settle(simulation.serve().renew(app));
    },
    every(gapMs, action) {
      const next = (): void => {
        scheduler.after(gapMs(), () => {
          action();
          next();
        });
      };
      next();
    },
    async runUntil(ms) {
      await scheduler.runUntil(ms);
      return journal.violation();
    },
  };

  async function count(work: Promise<'ok' | 'failed'>): Promise<void> {
    const outcome = await work;
    simulation.requests[outcome] += 1;
  }

  function settle(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      journal.violate('Bug', error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
  }

  for (let i = 0; i < startInstances; i += 1) simulation.coldStart();
  return simulation;
}

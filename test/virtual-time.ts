// Virtual time passes only while somebody waits: code that sleeps inside `inVirtualTime` continues at once, and the clock
// has moved. So a deploy that waits minutes for the cloud takes milliseconds, and no result depends on the machine.
import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { vi } from 'vitest';

interface Sleeper {
  untilMs: number;
  wake(): void;
}

/** Turns of the event loop that a request on loopback needs to arrive. Others can act before time passes. */
const graceTurns = 8;
const busyPollMs = 3;

const realSleep = timersPromises.setTimeout;
const nextTurn = timersPromises.setImmediate;
const insiders = new AsyncLocalStorage<true>();
let sleepers: Sleeper[] = [];
let isBusy = (): boolean => false;
let isStarted = false;
export function isTimeVirtual(): boolean {
  return isStarted;
}

/** From now on `node:timers/promises` and Date use the virtual clock. It stops while `busy` returns true. */
export function startVirtualTime(busy: () => boolean): void {
  isStarted = true;
  isBusy = busy;
  sleepers = [];
  vi.useFakeTimers({ toFake: ['Date'], now: vi.getRealSystemTime() });
  const sleep = (ms = 0, value?: unknown, options?: object) =>
    insiders.getStore() === undefined
      ? realSleep(ms, value, options)
      : new Promise((resolve) => {
          sleepers.push({ untilMs: Date.now() + ms, wake: () => resolve(value) });
          void passTime();
        });
  Object.assign(timersPromises, { setTimeout: sleep });
  syncBuiltinESMExports();
}

export function stopVirtualTime(): void {
  isStarted = false;
  Object.assign(timersPromises, { setTimeout: realSleep });
  syncBuiltinESMExports();
  vi.useRealTimers();
}

/** Wakes the sleeper with the earliest time. Called once for each sleeper. */
async function passTime(): Promise<void> {
  for (let turns = 0; turns < graceTurns; turns++) {
    await nextTurn();
    if (!isBusy()) continue;
    await realSleep(busyPollMs);
    turns = 0;
  }
  const next = sleepers.toSorted((a, b) => a.untilMs - b.untilMs)[0];
  if (!next) return;
  sleepers.splice(sleepers.indexOf(next), 1);
  vi.setSystemTime(Math.max(Date.now(), next.untilMs));
  next.wake();
}

/** Runs `work`; its sleeps take no time. */
export function inVirtualTime<T>(work: () => Promise<T>): Promise<T> {
  return insiders.run(true, work);
}

/** Lets this much time pass. */
export function advanceSeconds(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

// Time that passes only while somebody waits: code that sleeps inside of `inVirtualTime` goes on at once, and the clock
// has moved. A deploy that waits minutes for the cloud so takes milliseconds, and no result depends on the machine.
import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { vi } from 'vitest';

interface Sleeper {
  untilMs: number;
  wake(): void;
}

/** So many turns of the event loop a request on loopback takes to arrive: others get to act before time passes. */
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

/** From now on `node:timers/promises` and Date follow the virtual clock; `busy` tells when it has to stand still. */
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

/** Wakes the sleeper whose time comes first. Called once for each, so that each is woken. */
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

/** Runs `work`, whose sleeps take no time. */
export function inVirtualTime<T>(work: () => Promise<T>): Promise<T> {
  return insiders.run(true, work);
}

/** Lets so much time go by. */
export function advanceSeconds(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

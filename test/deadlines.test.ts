// How long a deadline lasts in a process that is busy. Time is virtual: timers fire only at the end of a turn.
import { expect, test } from 'vitest';
import { type Clock, withTimeout } from '../lib/clock.ts';
import { createScheduler } from './simulation/scheduler.ts';

/** When a deadline of `ms` ends, in a process whose turns of the event loop take `turnMs`; `frozenMs` for the first. */
async function endOf(ms: number, turnMs: number, frozenMs = turnMs): Promise<number> {
  const scheduler = createScheduler();
  const clock: Clock = {
    wallMs: scheduler.nowMs,
    monotonicMs: scheduler.nowMs,
    after(afterMs, action) {
      const dueMs = scheduler.nowMs() + afterMs;
      const turns = Math.ceil(Math.max(0, dueMs - frozenMs) / turnMs);
      return scheduler.after(frozenMs + turns * turnMs - scheduler.nowMs(), action);
    },
  };
  const silent = new Promise<never>(() => {});
  let endedMs = Number.NaN;
  withTimeout(clock, ms, silent, () => new Error('timeout')).catch(() => {
    endedMs = scheduler.nowMs();
    scheduler.stop();
  });
  await scheduler.runUntil(1_000_000);
  return endedMs;
}

test.each([-10, 0, 50, 400, 500, 2500, 3000, 8000])(
  'a deadline of %i ms ends in time when the process is idle',
  async (ms) => {
    const endedMs = await endOf(ms, 1);
    expect(endedMs).toBeGreaterThanOrEqual(ms);
    expect(endedMs).toBeLessThanOrEqual(Math.max(0, ms) + 25);
  },
);

test.each([45, 90, 300])(
  'a deadline lasts longer when each turn of the event loop takes %i ms, but not for ever',
  async (turnMs) => {
    const endedMs = await endOf(400, turnMs);
    expect(endedMs).toBeGreaterThanOrEqual(1.75 * 400);
    expect(endedMs).toBeLessThanOrEqual(8 * Math.max(turnMs, 2 * 50));
  },
);

test('a freeze takes an eighth of a deadline at most', async () => {
  expect(await endOf(400, 1, 60_000)).toBeGreaterThanOrEqual(60_000 + 350);
});

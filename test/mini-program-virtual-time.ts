// The time of one phone. It passes only when nothing is in progress, so a test detects a hang at once and never waits.

/** JavaScript stops this long after the mini-program was hidden. */
const runsHiddenMs = 5000;

export type VirtualTime = ReturnType<typeof createVirtualTime>;

export function createVirtualTime() {
  let nowMs = Date.parse('2026-11-25T09:00:00Z');
  let aheadMs = 0;
  let timersMade = 0;
  let hiddenAtMs: number | undefined;
  let underWay = 0;
  let wake = () => {};
  const timers = new Map<number, { atMs: number; run: () => void }>();

  const time = {
    setTimeout(run: () => void, ms: number): number {
      timersMade += 1;
      timers.set(timersMade, { atMs: nowMs + Math.max(0, ms), run });
      return timersMade;
    },
    clearTimeout: (timer: number) => void timers.delete(timer),
    /** The time on the phone's clock. */
    now: () => nowMs + aheadMs,
    setClock: (changeMs: number) => void (aheadMs += changeMs),

    hidden: () => hiddenAtMs !== undefined,
    hide: () => void (hiddenAtMs ??= nowMs),
    show: () => void (hiddenAtMs = undefined),

    /** Time does not pass during this, a real request. */
    async during(work: Promise<unknown>): Promise<void> {
      underWay += 1;
      await work;
      underWay -= 1;
      wake();
    },

    /** Resolves when nothing can happen unless time passes. */
    async quiet(): Promise<void> {
      for (let turns = 0; turns < 3; turns += 1) {
        await new Promise((resolve) => void setImmediate(resolve));
        if (underWay === 0) continue;
        turns = -1;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },

    /** Runs the next timer. Returns false if there is none until then, or none that runs in the background. */
    next(untilMs = Infinity): boolean {
      const stopsAtMs = hiddenAtMs === undefined ? Infinity : hiddenAtMs + runsHiddenMs;
      const [first] = [...timers].toSorted(([, one], [, other]) => one.atMs - other.atMs);
      if (!first || first[1].atMs > Math.min(untilMs, stopsAtMs)) return false;
      const [timer, { atMs, run }] = first;
      timers.delete(timer);
      nowMs = Math.max(nowMs, atMs);
      run();
      return true;
    },

    async pass(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      await time.quiet();
      while (time.next(untilMs)) await time.quiet();
      nowMs = untilMs;
    },
  };
  return time;
}

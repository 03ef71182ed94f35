/** The simulator's own clock: tokens and codes age by it, so that tests need not wait. */
export function createClock() {
  let aheadMs = 0;
  return {
    nowMs: (): number => Date.now() + aheadMs,
    aheadMs: (): number => aheadMs,
    advanceMs(ms: number): void {
      if (!(ms >= 0)) throw new Error('the clock only goes forward');
      aheadMs += ms;
    },
  };
}

/** What {@link createClock} makes. */
export type Clock = ReturnType<typeof createClock>;

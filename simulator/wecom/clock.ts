/** Creates the simulator's own clock. Tokens and codes expire by it, so tests need not wait. */
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

/** What {@link createClock} returns. */
export type Clock = ReturnType<typeof createClock>;

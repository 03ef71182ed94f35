/** Adds up the time in which at least one upstream made its caller wait, as it was and not as it was asked for. */
export interface Waits {
  /** Calls `then` after about `ms`. */
  during(ms: number, then: () => void): void;
  /** Milliseconds of waiting so far. */
  totalMs(): number;
}

export function createWaits(): Waits {
  let underWay = 0;
  let since = 0;
  let total = 0;
  return {
    during(ms, then) {
      if (underWay === 0) since = performance.now();
      underWay += 1;
      setTimeout(() => {
        underWay -= 1;
        if (underWay === 0) total += performance.now() - since;
        then();
      }, ms);
    },
    totalMs: () => total,
  };
}

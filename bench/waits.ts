/** Sums the time in which a caller waited for at least one upstream: the real time, not the configured one. */
export interface Waits {
  /** Calls `then` after about `ms`. */
  during(ms: number, then: () => void): void;
  /** Milliseconds waited so far. */
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

/** Time as an argument, so that the token algorithm also runs under virtual time. */
export interface Clock {
  /** Milliseconds since 1970; may jump. */
  wallMs(): number;
  /** Milliseconds since some start; never goes back, but may stand still while the machine is frozen. */
  monotonicMs(): number;
  /** Runs `action` once after `ms`. Returns a function that cancels it. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** A moment, to measure from with `elapsedMs`. */
export interface Moment {
  wallMs: number;
  monotonicMs: number;
}

export function moment(clock: Clock): Moment {
  return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
}

/**
 * Milliseconds since `start`, by whichever clock went further: a frozen monotonic clock or a wall clock set
 * back can then only make something look older than it is, never younger.
 */
export function elapsedMs(clock: Clock, start: Moment): number {
  return Math.max(clock.wallMs() - start.wallMs, clock.monotonicMs() - start.monotonicMs);
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/** Returns a function that says true at most once in `ms`: for log lines that nobody should be able to multiply. */
export function oncePer(clock: Clock, ms: number): () => boolean {
  let last: Moment | undefined;
  return () => {
    if (last && elapsedMs(clock, last) < ms) return false;
    last = moment(clock);
    return true;
  };
}

const slicesPerTimeout = 8;

/**
 * Settles like `work`, or rejects with `onTimeout()` when `ms` have passed. `work` itself goes on.
 *
 * A busy event loop must not look like a dead peer. So the time is split into eight timers in a row: a process that
 * was starved or frozen runs them late, and its own delay is not charged to the peer. After the last one the event loop
 * gets one more turn, so that answers already in the socket win.
 */
export function withTimeout<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let cancel: (() => void) | undefined;
    const waitFor = (slices: number) => {
      cancel = clock.after(Math.max(0, ms) / slicesPerTimeout, () => {
        if (slices > 1) waitFor(slices - 1);
        else setImmediate(() => reject(onTimeout()));
      });
    };
    waitFor(slicesPerTimeout);
    work.then(resolve, reject).finally(() => cancel?.());
  });
}

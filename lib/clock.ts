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

/** The clocks of instances differ. A time from further in the future is not believed. */
const aheadMsMax = 60_000;

/** Returns the age of a wall clock's time, which another instance may have noted; infinite if it is in the future. */
export function ageSeconds(clock: Clock, wallMs: number): number {
  const ms = clock.wallMs() - wallMs;
  return ms < -aheadMsMax ? Infinity : ms / 1000;
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

/** How often deadlines are looked at. */
const lookEveryMs = 25;
const slicesPerTimeout = 8;
/** A timer may fire this much too early, measured by `monotonicMs`. */
const timerEarlyMs = 2;

interface Deadline {
  leftMs: number;
  /** A whole number of looks. */
  sliceMs: number;
  sliceBeganAtMs: number;
  /** Missing when the deadline has ended. */
  expire: (() => void) | undefined;
}

/** All deadlines of a clock share one timer, which runs while there are some. */
interface Deadlines {
  /** Also holds those that have ended, until the next look. To remove each at once cost a tenth of a login. */
  waiting: Deadline[];
}

const deadlinesOf = new WeakMap<Clock, Deadlines>();

/**
 * Calls `expire` when `ms` have passed, or some 25 ms later. Returns a function that ends the deadline.
 *
 * A busy event loop must not look like a dead peer. So the time passes in slices of about an eighth, and each begins when
 * the one before was seen to have passed: the delay of a process that was busy, starved or frozen is not charged to the
 * peer. When the time is up, the event loop gets one more turn, so that answers already in the socket win.
 */
export function startDeadline(clock: Clock, ms: number, expire: () => void): () => void {
  const deadlines = deadlinesFor(clock);
  const deadline: Deadline = {
    leftMs: ms,
    sliceMs: lookEveryMs * Math.max(1, Math.ceil(ms / slicesPerTimeout / lookEveryMs)),
    sliceBeganAtMs: clock.monotonicMs(),
    expire,
  };
  deadlines.waiting.push(deadline);
  return () => {
    deadline.expire = undefined;
  };
}

/** Settles like `work`, or rejects with `onTimeout()` at its deadline. `work` itself goes on. */
export function withTimeout<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = startDeadline(clock, ms, () => reject(onTimeout()));
    work.then(
      (result) => {
        end();
        return resolve(result);
      },
      (error: unknown) => {
        end();
        return reject(error);
      },
    );
  });
}

/** One more is about to wait. */
function deadlinesFor(clock: Clock): Deadlines {
  let deadlines = deadlinesOf.get(clock);
  if (!deadlines) deadlinesOf.set(clock, (deadlines = { waiting: [] }));
  if (deadlines.waiting.length === 0) lookLater(clock, deadlines);
  return deadlines;
}

function lookLater(clock: Clock, deadlines: Deadlines): void {
  clock.after(lookEveryMs, () => {
    const nowMs = clock.monotonicMs();
    deadlines.waiting = deadlines.waiting.filter((deadline) => isWaiting(deadline, nowMs));
    if (deadlines.waiting.length > 0) lookLater(clock, deadlines);
  });
}

/** Counts the slice that has passed, and lets the deadline expire after the last one. */
function isWaiting(deadline: Deadline, nowMs: number): boolean {
  const { leftMs, sliceMs, sliceBeganAtMs, expire } = deadline;
  if (!expire) return false;
  if (nowMs - sliceBeganAtMs < Math.min(sliceMs, leftMs) - timerEarlyMs) return true;
  deadline.leftMs -= sliceMs;
  deadline.sliceBeganAtMs = nowMs;
  if (deadline.leftMs > 0) return true;
  setImmediate(expire);
  return false;
}

/**
 * Virtual time. Each wait of a simulation is an event here, so hours pass in milliseconds, and the same seed gives the
 * same order. Between two events all promises settle that can.
 */
export interface Scheduler {
  /** Milliseconds since the simulation began. */
  nowMs(): number;
  /** Runs `action` after `ms` of virtual time. Returns a function that cancels it. */
  after(ms: number, action: () => void): () => void;
  /** Runs all events up to `ms`; ends early after `stop`. */
  runUntil(ms: number): Promise<void>;
  stop(): void;
}

interface Event {
  atMs: number;
  sequence: number;
  action: (() => void) | undefined;
}

export function createScheduler(): Scheduler {
  const heap: Event[] = [];
  let now = 0;
  let sequence = 0;
  /** `runUntil` checks it before each event. */
  const state = { stopped: false };

  function before(a: Event | undefined, b: Event | undefined): boolean {
    if (!a || !b) return a !== undefined;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  }

  function swap(i: number, j: number): void {
    const [a, b] = [heap[i], heap[j]];
    if (a && b) [heap[i], heap[j]] = [b, a];
  }

  function push(event: Event): void {
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(heap[index], heap[parent])) break;
      swap(index, parent);
      index = parent;
    }
  }

  function pop(): void {
    swap(0, heap.length - 1);
    heap.pop();
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const child = before(heap[right], heap[left]) && right < heap.length ? right : left;
      if (child >= heap.length || !before(heap[child], heap[index])) break;
      swap(index, child);
      index = child;
    }
  }

  return {
    nowMs: () => now,
    after(ms, action) {
      const event: Event = { atMs: now + Math.max(0, ms), sequence: (sequence += 1), action };
      push(event);
      return () => {
        event.action = undefined;
      };
    },
    async runUntil(untilMs) {
      // Work that was started outside an event continues to its first wait.
      await turn();
      await inTurns(() => {
        let first = heap[0];
        while (first && !first.action) {
          pop();
          first = heap[0];
        }
        if (!first?.action || first.atMs > untilMs || state.stopped) return false;
        pop();
        now = first.atMs;
        first.action();
        return true;
      });
      if (!state.stopped) now = Math.max(now, untilMs);
    },
    stop() {
      state.stopped = true;
    },
  };
}

/** One turn of the real event loop: all microtasks run. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const stepsPerTurn = 50;

/**
 * Calls `step` until it returns false. After each call all microtasks run, and whatever it passed to `setImmediate`
 * (lib/clock.ts: `withTimeout`) runs before the next. That is all the code under test needs.
 *
 * Node runs the microtasks after each of the functions that wait for the same turn of the event loop. So many steps
 * share a turn, which costs more than most of them.
 */
function inTurns(step: () => boolean): Promise<void> {
  const real = globalThis.setImmediate;
  let isOver = false;
  /** Something waits for the next turn, so the steps wait too. */
  let isWaiting = false;

  return new Promise<void>((resolve, reject) => {
    function takeStep(): void {
      if (isOver || isWaiting) return;
      try {
        if (step()) return;
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      isOver = true;
    }

    function takeTurn(): void {
      if (isOver) return;
      isWaiting = false;
      for (let i = 0; i < stepsPerTurn; i += 1) real(takeStep);
      // After the microtasks of the last step.
      real(takeTurn);
    }

    globalThis.setImmediate = new Proxy(real, {
      apply(...call) {
        isWaiting = true;
        return Reflect.apply(...call) as NodeJS.Immediate;
      },
    });
    takeTurn();
  }).finally(() => {
    globalThis.setImmediate = real;
  });
}

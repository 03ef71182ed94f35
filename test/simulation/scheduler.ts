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
      for (let first = heap[0]; first && first.atMs <= untilMs && !state.stopped; first = heap[0]) {
        pop();
        if (!first.action) continue;
        now = first.atMs;
        first.action();
        await turn();
      }
      if (!state.stopped) now = Math.max(now, untilMs);
    },
    stop() {
      state.stopped = true;
    },
  };
}

/**
 * One turn of the real event loop: all microtasks run, and whatever the event itself passed to `setImmediate`
 * (lib/clock.ts: `withTimeout`) runs before the next event. That is all the code under test needs.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

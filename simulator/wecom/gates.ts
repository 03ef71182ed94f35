import type { AnyEndpoint } from './answer.ts';

/** Which calls a gate or a fault is for; without corpid those of every company and of nobody. */
export interface Target {
  endpoint: AnyEndpoint;
  corpid?: string;
}

/** `before`: nothing has happened yet. `after`: the token is issued or the code spent, the answer is not sent. */
export type GatePosition = 'before' | 'after';

/** A closed gate at which calls wait, so that a test orders what happens by events. */
export interface Gate {
  /** How many wait now; a client that hung up still waits, and its call takes effect all the same. */
  waiting: () => number;
  /** Resolves when `count` calls have arrived since the gate was closed. */
  arrived: (count: number) => Promise<void>;
  /** Lets `count` calls on in order of arrival; without a count opens the gate for good. */
  release: (count?: number) => void;
}

type ClosedGate = Gate & { target: Target; position: GatePosition; pass: () => Promise<void> };

/** Whether a call of `endpoint` by `corpid` is meant by `target`. */
export function isMeant(target: Target, endpoint: AnyEndpoint, corpid: string | null): boolean {
  return target.endpoint === endpoint && (target.corpid === undefined || target.corpid === corpid);
}

/** The gates that are closed at the moment. */
export function createGates() {
  const closed = new Set<ClosedGate>();

  function hold(target: Target, position: GatePosition = 'before'): Gate {
    const queue: (() => void)[] = [];
    const watchers = new Set<{ count: number; resolve: () => void }>();
    let arrivals = 0;

    const gate: ClosedGate = {
      target,
      position,
      waiting: () => queue.length,
      arrived: (count) =>
        new Promise((resolve) => {
          if (arrivals >= count) resolve();
          else watchers.add({ count, resolve });
        }),
      release(count) {
        if (count === undefined) closed.delete(gate);
        for (const proceed of queue.splice(0, count ?? queue.length)) proceed();
      },
      pass: () =>
        new Promise((resolve) => {
          queue.push(resolve);
          arrivals += 1;
          for (const watcher of watchers) {
            if (arrivals < watcher.count) continue;
            watchers.delete(watcher);
            watcher.resolve();
          }
        }),
    };
    closed.add(gate);
    return gate;
  }

  return {
    hold,

    async pass(position: GatePosition, endpoint: AnyEndpoint, corpid: string | null): Promise<void> {
      for (const gate of closed) {
        if (gate.position === position && isMeant(gate.target, endpoint, corpid)) await gate.pass();
      }
    },

    /** Opens every gate of `endpoint`, or all. */
    releaseAll(endpoint?: AnyEndpoint): void {
      for (const gate of closed) if (!endpoint || gate.target.endpoint === endpoint) gate.release();
    },

    list: () =>
      [...closed].map(({ target, position, waiting }) => ({ ...target, position, waiting: waiting() })),
  };
}

/** What {@link createGates} makes. */
export type Gates = ReturnType<typeof createGates>;

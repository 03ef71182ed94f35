// Gates at which calls wait, so that a test controls the order of events without sleeping.
import type { AnyEndpoint } from './answer.ts';

/** Which calls a gate or a fault is for; without corpid, the calls of all companies and of unknown callers. */
export interface Target {
  endpoint: AnyEndpoint;
  corpid?: string;
}

/** `before`: nothing has happened yet. `after`: the token is issued or the code used up, the answer is not sent. */
export type GatePosition = 'before' | 'after';

/** A closed gate. */
export interface Gate {
  /** Calls that wait now. A call whose client has closed the connection still waits, and still has its effect. */
  waiting: () => number;
  /** Resolves when `count` calls have arrived since the gate was closed. */
  arrived: (count: number) => Promise<void>;
  /** Lets `count` calls pass in order of arrival. Without a count, opens the gate permanently. */
  release: (count?: number) => void;
}

type ClosedGate = Gate & { target: Target; position: GatePosition; pass: () => Promise<void> };

/** Returns whether `target` includes a call of `endpoint` by `corpid`. */
export function isMeant(target: Target, endpoint: AnyEndpoint, corpid: string | null): boolean {
  return target.endpoint === endpoint && (target.corpid === undefined || target.corpid === corpid);
}

/** Creates the list of closed gates. */
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

    /** Opens all gates, or those of `endpoint`. */
    releaseAll(endpoint?: AnyEndpoint): void {
      for (const gate of closed) if (!endpoint || gate.target.endpoint === endpoint) gate.release();
    },

    list: () =>
      [...closed].map(({ target, position, waiting }) => ({ ...target, position, waiting: waiting() })),
  };
}

/** What {@link createGates} returns. */
export type Gates = ReturnType<typeof createGates>;

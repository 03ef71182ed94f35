// What happens while the demo's page is open, from the logs of the functions and the records of the simulator.
import type { Counts } from '../simulator/wecom/calls.ts';
import type { FaultState } from './faults.ts';
import type { Who } from './people.ts';
import type { AlertLine, RefreshRun, RequestLine } from './world.ts';

/** The result of a rush. */
export interface RushResult {
  requests: number;
  /** Members who were logged in, each with the right name. */
  named: number;
  /** `498 × 200, 2 × 403 member_not_allowed` */
  statuses: string;
  /** How many tries were repeated after a 503 of a function that missed a deadline. */
  cameBack: number;
  /** Why logins failed or were repeated: the reasons that only the log names. */
  reasons: string;
  /** Calls that WeCom received. */
  counts: { gettoken: number; jscode2session: number; 'user/get': number };
  redisOperations: number;
  tookMs: number;
  medianMs: number;
}

/** One event. `id` connects a request with its response. */
export type Happening =
  /** The phone asked WeCom's app for something: a js_code, encrypted data. */
  | { kind: 'wecom-app'; who: Who; api: string; ms: number; ok: boolean }
  /** The mini-program sent a request, and the page's server forwards it, unless the phone is offline. */
  | { kind: 'sent'; id: string; who: Who; method: string; path: string; offline: boolean }
  /**
   * The response to a request. `line` is the log line of the login function, missing if the request did not reach it.
   * `alerts` are its warnings for the operator in the meantime.
   */
  | { kind: 'answered'; id: string; status: number; ms: number; line?: RequestLine; alerts?: AlertLine[] }
  /** A function's warning for the operator that belongs to no request of the phone. */
  | { kind: 'log'; alert: AlertLine }
  /** WeCom called the callback function. */
  | { kind: 'callback'; status: number; ms: number; name: string; event: string }
  | { kind: 'timer'; run: RefreshRun }
  /** A fault was switched on or off on the page. */
  | ({ kind: 'world' } & Pick<FaultState, 'fault' | 'active' | 'restsUntil'>)
  | { kind: 'rush'; progress?: string; result?: RushResult };

/** What the page shows next to the sequence. */
export interface Snapshot {
  faults: FaultState[];
  /** Calls that WeCom received since `npm start`, of all companies, including the rush hour. */
  counts: Counts;
  rushRunning: boolean;
  /** Malformed calls; 0 unless something is wrong. */
  violations: number;
}

export type Entry = Happening & { number: number; at: number };

/** What {@link createFeed} returns. */
export type Feed = ReturnType<typeof createFeed>;

const keptMax = 200;

export function createFeed() {
  const entries: Entry[] = [];
  const listeners = new Set<(entry: Entry) => void>();
  let number = 0;

  return {
    /** The last 200, oldest first. */
    entries: entries as readonly Entry[],

    add(happening: Happening): void {
      const entry = { ...happening, number: (number += 1), at: Date.now() };
      entries.push(entry);
      if (entries.length > keptMax) entries.shift();
      for (const listener of listeners) listener(entry);
    },

    /** Calls `listener` for each new entry. Returns a function that stops this. */
    follow(listener: (entry: Entry) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

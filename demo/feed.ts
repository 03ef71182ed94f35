// What happens while the demo's page is open, as the functions log it and the simulator records it; nothing is made up.
import type { Counts } from '../simulator/wecom/calls.ts';
import type { FaultName, FaultState } from './breakage.ts';
import type { Who } from './people.ts';
import type { RushResult } from './rush-hour.ts';
import type { AlertLine, RefreshRun, RequestLine } from './world.ts';

/** One thing that happened. `id` joins a request with its answer. */
export type Happening =
  /** The phone asked WeCom's app for something: a js_code, encrypted data. */
  | { kind: 'wecom-app'; who: Who; api: string; ms: number; ok: boolean }
  /** The mini-program sent a request; the page's server passes it on. */
  | { kind: 'sent'; id: string; who: Who; method: string; path: string }
  /**
   * It was answered; `line` is what the login function logged about it, absent when it never got there;
   * `alerts` what it wrote for its operator meanwhile.
   */
  | { kind: 'answered'; id: string; status: number; ms: number; line?: RequestLine; alerts?: AlertLine[] }
  /** What a function logged for its operator, of no request of the phone's. */
  | { kind: 'log'; alert: AlertLine }
  /** WeCom called the callback function. */
  | { kind: 'callback'; status: number; ms: number; name: string; event: string }
  | { kind: 'timer'; run: RefreshRun }
  /** Somebody broke or mended something on the page. */
  | { kind: 'world'; fault: FaultName; active: boolean }
  | { kind: 'rush'; progress?: string; result?: RushResult };

/** What the page shows beside the sequence. */
export interface Snapshot {
  faults: FaultState[];
  /** Calls that WeCom saw since `npm start`, all companies, rush hour included. */
  counts: Counts;
  rushRunning: boolean;
  /** Calls that no correct client sends; 0 unless something is wrong. */
  violations: number;
}

export type Entry = Happening & { number: number; at: number };

/** What {@link createFeed} makes. */
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

    /** Calls `listener` for each new entry; returns how to stop. */
    follow(listener: (entry: Entry) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

// What the simulator was asked: counters and a log of calls.
import type { AnyEndpoint, Endpoint } from './answer.ts';

/** One finished call. Never holds a secret, token, code or userid. */
export interface Call {
  /** Arrival time, ms since 1970, by the real clock: `advanceMs` does not move it. */
  at: number;
  endpoint: AnyEndpoint;
  /** The company whose secret or token the call carried; null if unknown. */
  corpid: string | null;
  /** null if no complete WeCom answer was sent. */
  errcode: number | null;
  /** From arrival to the end of the answer or of the connection. */
  ms: number;
  /** `answered`, the kind of a fault, `dead_socket` (see `closeIdleSockets`), or `client_gone` if the client closed first. */
  outcome: string;
}

/** Calls per endpoint. An endpoint that logins do not use is missing until it was called. */
export type Counts = Record<Endpoint, number> & Partial<Record<AnyEndpoint, number>>;

const logMax = 1000;

/** Creates counters and a log of the last 1,000 calls. A call is counted when it arrives and logged when it ends. */
export function createCalls() {
  const counters = new Map<string, Counts>();
  const log: Call[] = [];
  const listeners = new Set<(call: Call) => void>();

  function countsOf(key: string): Counts {
    const counts: Counts = counters.get(key) ?? { gettoken: 0, jscode2session: 0, 'user/get': 0 };
    counters.set(key, counts);
    return counts;
  }

  return {
    log,

    count(endpoint: AnyEndpoint, corpid: string | null): void {
      for (const key of corpid === null ? [''] : ['', corpid]) {
        const counts = countsOf(key);
        counts[endpoint] = (counts[endpoint] ?? 0) + 1;
      }
    },

    record(call: Call): void {
      log.push(call);
      if (log.length > logMax) log.shift();
      for (const listener of listeners) listener(call);
    },

    counts: (corpid = ''): Counts => ({ ...countsOf(corpid) }),

    onCall(listener: (call: Call) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    reset(): void {
      counters.clear();
      log.length = 0;
    },
  };
}

/** What {@link createCalls} returns. */
export type Calls = ReturnType<typeof createCalls>;

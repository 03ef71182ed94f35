import type { AnyEndpoint, Endpoint } from './answer.ts';

/** One finished call. Never holds a secret, token, code or userid. */
export interface Call {
  /** Arrival by the real clock, ms since 1970; `advanceMs` does not move it. */
  at: number;
  endpoint: AnyEndpoint;
  /** The company whose secret or token it carried, null when that is unknown. */
  corpid: string | null;
  /** null when no answer of WeCom's kind reached the socket whole. */
  errcode: number | null;
  /** From arrival to the end of the answer or of the connection. */
  ms: number;
  /** A fault's kind, `dead_socket` (see `closeIdleSockets`), or `client_gone` when the client hung up first. */
  outcome: string;
}

/** Calls per endpoint; one that no login calls is absent until it was called. */
export type Counts = Record<Endpoint, number> & Partial<Record<AnyEndpoint, number>>;

const logMax = 1000;

/** Counters and a log of the last 1,000 calls. A call is counted when it arrives and logged when it ends. */
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

/** What {@link createCalls} makes. */
export type Calls = ReturnType<typeof createCalls>;

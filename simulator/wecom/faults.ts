// Faults that tests and the demo set: what goes wrong with the next calls of an endpoint.
import type { AnyEndpoint } from './answer.ts';
import { isMeant, type Target } from './gates.ts';

/**
 * What goes wrong. Kinds that send a part of the real answer have its effect (a code is used up, a token is
 * issued). Kinds that replace the answer have no effect, unless `effect` is true.
 */
export type FaultKind =
  /** WeCom refuses. Without `errmsg`, the usual text of the errcode. */
  | { kind: 'errcode'; errcode: number; errmsg?: string; effect?: boolean }
  /** A gateway sends an HTML page with this status. */
  | { kind: 'html'; status: number; effect?: boolean }
  /** Any other body: `{}`, `null`, `[]`, bytes that do not match `headers`. Default status 200. */
  | { kind: 'body'; body: string; status?: number; headers?: Record<string, string>; effect?: boolean }
  /** The real answer with these fields replaced; undefined removes a field. */
  | { kind: 'fields'; fields: Record<string, unknown> }
  /** The first half of the real answer, with a matching Content-Length: incomplete JSON. */
  | { kind: 'truncated' }
  /** The real answer after a delay: a number of ms, or a function that returns one. Can be combined with another fault. */
  | { kind: 'latency'; ms: number | (() => number) }
  /** Accepts the request and never responds. */
  | { kind: 'hang'; effect?: boolean }
  /** Sends the headers of the real answer, then nothing. */
  | { kind: 'stall' }
  /** Sends the real answer byte by byte, one every `ms`. */
  | { kind: 'drip'; ms: number }
  /** Closes the connection before the answer or after its first half, by RST unless `how` is `fin`. */
  | { kind: 'cut'; at: 'before'; how?: 'rst' | 'fin'; effect?: boolean }
  | { kind: 'cut'; at: 'mid_body'; how?: 'rst' | 'fin' }
  /** A body that does not end until the client closes the connection. */
  | { kind: 'endless'; effect?: boolean }
  /** 302 to `location`; by default to a path that records a violation when it is called. */
  | { kind: 'redirect'; location?: string; effect?: boolean };

/** A fault of one endpoint, for `times` calls or until cleared. The oldest matching fault is used first. */
export type Fault = Target & { times?: number } & FaultKind;

/** What happens to one call. */
export interface Trouble {
  latencyMs: number;
  fault: FaultKind | undefined;
}

/** Creates the list of faults that are set. */
export function createFaults() {
  let faults: { spec: Fault; left: number }[] = [];

  function take(meant: (fault: FaultKind) => boolean, endpoint: AnyEndpoint, corpid: string | null) {
    const found = faults.find(({ spec }) => meant(spec) && isMeant(spec, endpoint, corpid));
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) faults = faults.filter((fault) => fault !== found);
    return found.spec;
  }

  return {
    add(spec: Fault): void {
      faults.push({ spec, left: spec.times ?? Number.POSITIVE_INFINITY });
    },

    /** Takes the faults of the next call of `endpoint`: at most one latency and one other. */
    take(endpoint: AnyEndpoint, corpid: string | null): Trouble {
      const slow = take(({ kind }) => kind === 'latency', endpoint, corpid);
      const fault = take(({ kind }) => kind !== 'latency', endpoint, corpid);
      const ms = slow?.kind === 'latency' ? slow.ms : 0;
      return { latencyMs: typeof ms === 'function' ? ms() : ms, fault };
    },

    clear(endpoint?: AnyEndpoint): void {
      faults = endpoint ? faults.filter(({ spec }) => spec.endpoint !== endpoint) : [];
    },

    list: () =>
      faults.map(({ spec, left }) => ({ ...spec, left: Number.isFinite(left) ? left : 'until cleared' })),
  };
}

/** Returns whether a call with `fault` has its effect, although the answer is broken or lost. */
export function takesEffect(fault: FaultKind | undefined): boolean {
  if (fault === undefined) return true;
  if ('effect' in fault && fault.effect !== undefined) return fault.effect;
  return fault.kind === 'cut' ? fault.at === 'mid_body' : deliversAPart.has(fault.kind);
}

const deliversAPart = new Set<FaultKind['kind']>(['fields', 'truncated', 'latency', 'stall', 'drip']);

/** What {@link createFaults} returns. */
export type Faults = ReturnType<typeof createFaults>;

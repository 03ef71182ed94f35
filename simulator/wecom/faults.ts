import type { AnyEndpoint } from './answer.ts';
import { isMeant, type Target } from './gates.ts';

/**
 * What goes wrong. Kinds that deliver a part of the real answer have its effect (a code is spent, a token
 * issued); those that replace it have none unless `effect` says so.
 */
export type FaultKind =
  /** WeCom refuses; errmsg as usual for the errcode unless given. */
  | { kind: 'errcode'; errcode: number; errmsg?: string; effect?: boolean }
  /** A gateway answers an HTML page with this status. */
  | { kind: 'html'; status: number; effect?: boolean }
  /** Any other body: `{}`, `null`, `[]`, bytes that are not what `headers` claims. Status 200 unless given. */
  | { kind: 'body'; body: string; status?: number; headers?: Record<string, string>; effect?: boolean }
  /** The real answer with these fields in place of its own; undefined leaves one out. */
  | { kind: 'fields'; fields: Record<string, unknown> }
  /** The first half of the real answer, well-framed: JSON that ends too early. */
  | { kind: 'truncated' }
  /** The real answer, later: a number of ms or a function that draws one. Combines with another fault. */
  | { kind: 'latency'; ms: number | (() => number) }
  /** Accepts the request and never answers. */
  | { kind: 'hang'; effect?: boolean }
  /** Sends the headers of the real answer, then nothing. */
  | { kind: 'stall' }
  /** Sends the real answer byte by byte, one each `ms`. */
  | { kind: 'drip'; ms: number }
  /** Breaks the connection, by RST unless `how` says FIN, before the answer or after its first half. */
  | { kind: 'cut'; at: 'before'; how?: 'rst' | 'fin'; effect?: boolean }
  | { kind: 'cut'; at: 'mid_body'; how?: 'rst' | 'fin' }
  /** A body that does not end before the client hangs up. */
  | { kind: 'endless'; effect?: boolean }
  /** 302, to a path of the simulator that notes a violation when followed, unless `location` is given. */
  | { kind: 'redirect'; location?: string; effect?: boolean };

/** A fault of one endpoint, for `times` calls or until cleared. The oldest that is meant is used first. */
export type Fault = Target & { times?: number } & FaultKind;

/** What is to happen to one call. */
export interface Trouble {
  latencyMs: number;
  fault: FaultKind | undefined;
}

/** The faults that are set at the moment. */
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

    /** Takes what the next call of `endpoint` meets: at most one latency and one other fault. */
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

/** Whether a call that meets `fault` takes effect although its answer is broken or lost. */
export function takesEffect(fault: FaultKind | undefined): boolean {
  if (fault === undefined) return true;
  if ('effect' in fault && fault.effect !== undefined) return fault.effect;
  return fault.kind === 'cut' ? fault.at === 'mid_body' : deliversAPart.has(fault.kind);
}

const deliversAPart = new Set<FaultKind['kind']>(['fields', 'truncated', 'latency', 'stall', 'drip']);

/** What {@link createFaults} makes. */
export type Faults = ReturnType<typeof createFaults>;

/**
 * What is wrong in the simulated world, and since when. A failed request is accepted only if one of these explains it.
 *
 * - `redis`: down, hung, slow, read-only, full, without scripts, losing messages
 * - `loss`: data of Redis is lost or foreign (flush, eviction, poison); `failover`: it is older than before
 * - `redis_clock`: the clock of Redis jumped; `wall_clock`: that of an instance did
 * - `gettoken`: refuses, hangs or is slow; `api`: other endpoints do
 * - `invalidation`: a token became invalid early; `unlinked`: every token is refused
 * - `mistake`: a valid token was refused in one call
 * - `crash`, `freeze`: of an instance; `stop_of_time`: frozen with its monotonic clock
 */
export type Trouble =
  | 'redis'
  | 'loss'
  | 'failover'
  | 'redis_clock'
  | 'wall_clock'
  | 'gettoken'
  | 'api'
  | 'invalidation'
  | 'unlinked'
  | 'mistake'
  | 'crash'
  | 'freeze'
  | 'stop_of_time';

export interface Troubles {
  /** It lasts until the returned function is called. */
  begin(trouble: Trouble): () => void;
  /** It happens now and is over. */
  happen(trouble: Trouble): void;
  /** Returns whether any of `troubles` was present at `ms` or later. */
  since(ms: number, ...troubles: Trouble[]): boolean;
  /** Counts how often any of `troubles` began at `ms` or later. */
  count(ms: number, ...troubles: Trouble[]): number;
}

export function createTroubles(nowMs: () => number): Troubles {
  const active = new Map<Trouble, number>();
  const beginnings: { trouble: Trouble; atMs: number }[] = [];
  const lastMs = new Map<Trouble, number>();

  function add(trouble: Trouble, by: number): void {
    active.set(trouble, (active.get(trouble) ?? 0) + by);
  }

  return {
    begin(trouble) {
      add(trouble, 1);
      beginnings.push({ trouble, atMs: nowMs() });
      let over = false;
      return () => {
        if (over) return;
        over = true;
        add(trouble, -1);
        lastMs.set(trouble, nowMs());
      };
    },
    happen(trouble) {
      beginnings.push({ trouble, atMs: nowMs() });
      lastMs.set(trouble, nowMs());
    },
    since: (ms, ...troubles) =>
      troubles.some((trouble) => (active.get(trouble) ?? 0) > 0 || (lastMs.get(trouble) ?? -Infinity) >= ms),
    count: (ms, ...troubles) =>
      beginnings.filter(({ trouble, atMs }) => atMs >= ms && troubles.includes(trouble)).length,
  };
}

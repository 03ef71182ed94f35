// The running instances of each function version. A request goes to an instance with a free place; without one, a new
// instance starts.
import type { Instance } from './instance.ts';
import type { Snapshot, StoredFunction } from './state.ts';

/** A place in an instance; release it when the request is over. */
export interface Place {
  instance: Instance;
  release(): void;
}

interface Entry {
  busy: number;
  started: Promise<Instance>;
  isGone(): boolean;
}

function keyOf(fn: StoredFunction, snapshot: Snapshot): string {
  return `${fn.FunctionId} ${JSON.stringify(snapshot)}`;
}

export function createInstancePool() {
  const pools = new Map<string, Set<Entry>>();

  function add(pool: Set<Entry>, start: () => Promise<Instance>): Entry {
    let isGone = (): boolean => false;
    const started = start();
    const entry: Entry = { busy: 0, started, isGone: () => isGone() };
    pool.add(entry);
    started.then(
      (instance) => (isGone = instance.isGone),
      () => pool.delete(entry),
    );
    return entry;
  }

  return {
    /** Takes a place at once, possibly in an instance that is still starting. Rejects if it does not start. */
    async take(fn: StoredFunction, snapshot: Snapshot, start: () => Promise<Instance>): Promise<Place> {
      const key = keyOf(fn, snapshot);
      const pool = pools.get(key) ?? new Set<Entry>();
      pools.set(key, pool);
      for (const entry of pool) if (entry.isGone()) pool.delete(entry);
      const placesMax = snapshot.InstanceConcurrencyConfig?.MaxConcurrency ?? 1;
      const entry = [...pool].find(({ busy }) => busy < placesMax) ?? add(pool, start);
      entry.busy += 1;
      const instance = await entry.started;
      return {
        instance,
        release: () => {
          entry.busy -= 1;
        },
      };
    },

    /** Ends all instances except those of these functions and their versions. */
    async keepOnly(functions: StoredFunction[]): Promise<void> {
      const wanted = new Set(
        functions.flatMap((fn) => [fn.latest, ...fn.versions].map((snapshot) => keyOf(fn, snapshot))),
      );
      for (const [key, pool] of pools) {
        if (wanted.has(key)) continue;
        pools.delete(key);
        const settled = await Promise.allSettled([...pool].map(({ started }) => started));
        for (const result of settled) if (result.status === 'fulfilled') result.value.kill();
      }
    },
  };
}

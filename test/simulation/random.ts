/** Seeded random numbers (mulberry32): the same seed gives the same schedule on every machine. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  chance(probability: number): boolean;
  between(min: number, max: number): number;
  integer(min: number, max: number): number;
  pick<T>(list: readonly T[]): T;
  /** Returns an independent stream, so that a change in one part does not change the numbers of another. */
  fork(): Random;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  const random: Random = {
    next,
    chance: (probability) => next() < probability,
    between: (min, max) => min + next() * (max - min),
    integer: (min, max) => Math.floor(random.between(min, max + 1)),
    pick(list) {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    fork: () => createRandom(Math.floor(next() * 4_294_967_296)),
  };
  return random;
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as heart from './simulation/heart.ts';
import { createLua, type Lua } from './simulation/redis-data.ts';
import { runScenario } from './simulation/scenario.ts';
import { scenarios } from './simulation/scenarios.ts';
import { type Outcome, runSchedule } from './simulation/schedule.ts';
import { gettokenModes } from './simulation/upstream.ts';

// The shared access_token under virtual time; what is checked is in simulation/watch-store.ts and watch-use.ts.
let lua: Lua;
beforeAll(async () => {
  lua = await createLua();
});

describe('access_token in a known situation', () => {
  const cases = scenarios.flatMap((scenario) =>
    (scenario.modes ?? gettokenModes).map((mode) => ({ scenario, mode })),
  );
  test.each(cases)('$scenario.name, gettoken answers $mode', async ({ scenario, mode }) => {
    const { violation, tail } = await runScenario(heart, lua, scenario, mode);
    expect(violation, tail(30).join('\n')).toBeUndefined();
  });
});

describe('access_token in random worlds', () => {
  const seedsPerTest = 50;
  const total = { seeds: 0, requests: 0, gettokens: 0 };

  test.each([1, 51, 101, 151])('keeps its promises, 50 seeds from %i', async (first) => {
    const broken: Outcome[] = [];
    for (let seed = first; seed < first + seedsPerTest; seed += 1) {
      const outcome = await runSchedule(heart, lua, seed);
      if (outcome.violation) broken.push(outcome);
      total.seeds += 1;
      total.requests += outcome.requests;
      total.gettokens += outcome.gettokens;
    }
    expect(broken.map(report).join('\n')).toBe('');
  });

  test('does the same again for the same seed', async () => {
    const [one, two] = [await runSchedule(heart, lua, 7), await runSchedule(heart, lua, 7)];
    const withoutOwners = ({ tail }: Outcome) =>
      tail(5000)
        .join('\n')
        .replaceAll(/for \S{16}:/g, 'for owner:');
    expect(withoutOwners(one)).toBe(withoutOwners(two));
  });

  // A simulation in which nothing happens proves nothing.
  afterAll(() => {
    expect(total.requests).toBeGreaterThan(100 * total.seeds);
    expect(total.gettokens).toBeGreaterThan(5 * total.seeds);
  });
});

function report({ seed, violation, faults }: Outcome): string {
  return [
    `seed ${seed} broke “${violation?.invariant}”: ${violation?.text} (faults: ${faults.join(', ')})`,
    `  again: npm run simulate -- --seed ${seed} --trace`,
  ].join('\n');
}

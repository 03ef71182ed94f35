import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { figure } from './reliability/figure.ts';
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

/** What of docs/reliability.md a situation shows. */
const rows: Record<string, string> = {
  '500 cold starts at once': '[G1 S1]',
  '500 instances at the end of a token that no timer renewed': '[S8]',
  'a token ends early under 500 requests': '[G2 W1]',
  'the holder of the lease crashes': '[S2]',
  'the holder of the lease freezes for 30 s while it fetches': '[S3]',
  'Redis is flushed 20 times': '[R10]',
  'another program calls gettoken 30 times in an hour': '[W4]',
  'wrong secret for one hour': '[G5 W5]',
  'gettoken limited (45009) for one hour': '[W6]',
  'gettoken hangs for 5 minutes over the end of a token': '[W19]',
  'Redis is away for 10 minutes, 50 warm instances': '[R1]',
  'an app that is not linked, every token refused, for one hour': '[G5 W2 W3]',
  'a warm instance asks Redis once in 5 minutes': '[G3]',
  'a full Redis at the end of a token': '[R8]',
  'gettoken takes 2.4 s, 100 cold instances': '[W19]',
  'a lagging replica answers reads after a renewal': '[R20]',
};

describe('access_token in a known situation', () => {
  const cases = scenarios.flatMap((scenario) =>
    (scenario.modes ?? gettokenModes).map((mode) => ({ scenario, mode })),
  );
  const all = cases.map((each) => ({
    ...each,
    name: `${rows[each.scenario.name] ?? ''} ${each.scenario.name}`,
  }));

  test.each(all.map((each) => [each.name.trim(), each.mode, each] as const))(
    '%s, gettoken answers %s',
    async (_, __, { scenario, mode }) => {
      const { violation, tail, gettokens, requests } = await runScenario(heart, lua, scenario, mode);
      expect(violation, tail(30).join('\n')).toBeUndefined();
      // Every scenario plays in this mode, the hardest.
      const goal = mode === 'new_old_dies' ? /G[1-6]/.exec(rows[scenario.name] ?? '')?.[0] : undefined;
      if (goal === undefined) return;
      // With a wrong secret all fail; what counts is how often it was tried.
      const failed = goal === 'G5' ? '' : `, ${requests.failed} failed`;
      figure(goal, `simulated: ${scenario.name}: ${gettokens} gettoken${failed}`);
    },
  );

  test('names only situations that there are', () => {
    const names = scenarios.map(({ name }) => name);
    expect(Object.keys(rows).filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe('access_token in random worlds', () => {
  const seedsPerTest = 30;
  const total = { seeds: 0, requests: 0, gettokens: 0, broken: 0 };

  // `npm run simulate -- --seeds 10000` plays more.
  test.each([1, 31])('[G4 G5 G6] keeps its promises, 30 seeds from %i', async (first) => {
    const broken: Outcome[] = [];
    for (let seed = first; seed < first + seedsPerTest; seed += 1) {
      const outcome = await runSchedule(heart, lua, seed);
      if (outcome.violation) broken.push(outcome);
      total.seeds += 1;
      total.requests += outcome.requests;
      total.gettokens += outcome.gettokens;
    }
    total.broken += broken.length;
    expect(broken.map(report).join('\n')).toBe('');
  });

  test('does the same again for the same seed', async () => {
    const [one, two] = [await runSchedule(heart, lua, 7), await runSchedule(heart, lua, 7)];
    const withoutOwners = ({ tail }: Outcome) =>
      tail(5000)
        .join('\n')
        .replaceAll(/for [\w-]{16}/g, 'for owner');
    expect(withoutOwners(one)).toBe(withoutOwners(two));
  });

  // A simulation in which nothing happens proves nothing.
  afterAll(() => {
    expect(total.requests).toBeGreaterThan(100 * total.seeds);
    expect(total.gettokens).toBeGreaterThan(5 * total.seeds);
    if (total.broken > 0) return;
    const { seeds, requests, gettokens } = total;
    figure(
      'G4',
      `${seeds} random worlds: none of ${requests} requests waited longer than 8 s, all ended well`,
    );
    figure('G5', `${seeds} random worlds: no minute with more of ${gettokens} gettoken than allowed`);
    figure('G6', `${seeds} random worlds: no older token stored over a newer one`);
  });
});

function report({ seed, violation, faults }: Outcome): string {
  return [
    `seed ${seed} broke “${violation?.invariant}”: ${violation?.text} (faults: ${faults.join(', ')})`,
    `  again: npm run simulate -- --seed ${seed} --trace`,
  ].join('\n');
}

import { beforeAll, describe, expect, test } from 'vitest';
import { compareWithModel, virtualBackend } from './simulation/against-model.ts';
import type * as Heart from './simulation/heart.ts';
import { buildMutant, type Mutant, mutants } from './simulation/mutants.ts';
import { createLua, type Lua } from './simulation/redis-data.ts';
import { runScenario } from './simulation/scenario.ts';
import { scenarios } from './simulation/scenarios.ts';
import { runSchedule } from './simulation/schedule.ts';
import { gettokenModes } from './simulation/upstream.ts';

// Each guard of the shared access_token is taken out of the real sources; the check named must notice.
let lua: Lua;
beforeAll(async () => {
  lua = await createLua();
});

const seedsMax = 400;

describe('a fault built into the sources', () => {
  const cases = Object.entries(mutants).map(([name, mutant]) => ({ name, ...mutant }));
  test.each(cases)('$name › is caught by “$caughtBy”', async (mutant) => {
    const built = await buildMutant(mutant.name);
    if (mutant.caughtBy === 'model') {
      const backend = virtualBackend(built, lua);
      await expect(compareWithModel(built, backend, 2000, 1)).rejects.toThrow('Property failed');
    } else {
      const seen = await (mutant.situation === undefined
        ? inWorlds(built, mutant)
        : inSituation(built, mutant));
      expect(seen, 'nothing but this was noticed').toContain(mutant.caughtBy);
    }
  });

  test('a patch whose place is gone does not build', async () => {
    await expect(buildMutant('no such place')).rejects.toThrow('no mutant');
  });
});

async function inSituation(
  built: typeof Heart,
  { caughtBy, situation, mode: hint }: Mutant,
): Promise<string[]> {
  const scenario = scenarios.find(({ name }) => name === situation);
  if (!scenario) throw new Error(`no situation ${situation}`);
  const seen: string[] = [];
  const modes = scenario.modes ?? gettokenModes;
  for (const mode of modes.toSorted((a, b) => Number(b === hint) - Number(a === hint))) {
    const { violation } = await runScenario(built, lua, scenario, mode);
    if (violation) seen.push(violation.invariant);
    if (seen.includes(caughtBy)) break;
  }
  return seen;
}

/** What random worlds notice, until one notices what is wanted. */
async function inWorlds(built: typeof Heart, { caughtBy, seed: hint = 1 }: Mutant): Promise<string[]> {
  const seen = new Set<string>();
  for (let seed = 0; seed <= seedsMax && !seen.has(caughtBy); seed += 1) {
    const { violation } = await runSchedule(built, lua, seed === 0 ? hint : seed);
    if (violation) seen.add(violation.invariant);
  }
  return [...seen];
}

import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, in this order. They start first, so that no worker is idle at the end. */
const longest = [
  'faults/instances',
  'faults/redis-silent',
  'mini-program-pages-chromium',
  'demo',
  'access-token',
  'mini-program-pages',
  'deploy-scenarios',
  'doctor-outside',
  'recheck',
  'mutants',
  'faults/wecom',
  'deploy',
  'dev',
  'roles',
  'faults/redis-refuses',
  'reviewer',
  'storm',
  'doctor-inside',
  'faults/redis-forgets',
  'deploy-faults',
  'simulation',
  'session-life',
].map((name) => `/test/${name}.test.ts`);

function placeOf({ moduleId }: TestSpecification): number {
  const found = longest.findIndex((ending) => moduleId.endsWith(ending));
  return found === -1 ? longest.length : found;
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is the method of the class above
    const others = await super.sort(files);
    return others.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The demo's rush, for two cores that have other things to do.
    env: { DEMO_MEMBERS: '60', DEMO_PROCESSES: '4' },
    globalSetup: ['test/build.ts'],
    // For two cores: every test file brings processes of its own, and waits for half of its time.
    maxWorkers: 3,
    // Files of one worker share its modules: to load vitest, jsdom and the rest for each costs more than most tests.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // No test may depend on the speed of the machine: these only end one that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
});

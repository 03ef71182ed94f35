import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The demo's rush, for two cores that have other things to do.
    env: { DEMO_MEMBERS: '60', DEMO_PROCESSES: '4' },
    globalSetup: ['test/build.ts'],
    // Two cores, and every test file brings processes of its own.
    maxWorkers: 2,
    // Files of one worker share its modules: to load vitest, jsdom and the rest for each costs more than most tests.
    isolate: false,
    // No test may depend on the speed of the machine: these only end one that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

import { execFileSync } from 'node:child_process';

/** Tests run what is deployed, so dist/ is built once before all tests. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/run.mjs', 'scripts/build.ts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

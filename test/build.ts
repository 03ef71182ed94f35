import { execFileSync } from 'node:child_process';

/** Tests run what is deployed: dist/ is built once before all of them. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/run.mjs', 'scripts/build.ts'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

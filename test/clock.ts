import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Login, World } from './world.ts';

/** Lets a test move the clocks of its functions. Redis and WeCom keep their own. */
export interface MovableClock {
  advanceSeconds(seconds: number): void;
  startLogin(overrides?: Record<string, string | undefined>): Promise<Login>;
}

export function movableClock(world: World): MovableClock {
  const directory = mkdtempSync(join(tmpdir(), 'wecom-login-clock-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'ahead-ms');
  let aheadMs = 0;
  const write = () => writeFileSync(file, String(aheadMs));
  write();
  return {
    advanceSeconds(seconds) {
      aheadMs += seconds * 1000;
      write();
    },
    startLogin: (overrides) =>
      world.startLogin(
        { ...overrides, CLOCK_FILE: file },
        { nodeArgs: ['--require', './test/clock-shim.cjs'] },
      ),
  };
}

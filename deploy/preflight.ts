// Reads each function's environment the way the function itself will, before anything is uploaded: a mistake shows here
// in a second, and not as a version that does not start.
import {
  readCallbackConfig,
  readLoginConfig,
  readRefreshConfig,
  readServicesConfig,
  readWecomConfig,
} from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { problemTexts } from '../scripts/environment-problems.ts';
import { DeployError } from './errors.ts';
import type { FunctionSettings } from './settings.ts';
import { manifestTexts } from './texts.ts';

const readers: Record<string, (environment: Record<string, string>) => unknown> = {
  login: readLoginConfig,
  refresh: readRefreshConfig,
  callback: readCallbackConfig,
  wecom: readWecomConfig,
  admin: readServicesConfig,
};

/** Throws DeployError with all problems of the function's environment; they name variables and never hold a value. */
export function preflight(fn: FunctionSettings): void {
  const atHome = Object.entries(fn.environment).map(([name, value]) => [name, fn.extraFiles[value] ?? value]);
  try {
    readers[fn.key]?.(Object.fromEntries(atHome));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = problemTexts(error.problems, { en: '; ', zh: '；' });
    throw new DeployError(manifestTexts.environment(fn.key, problems), { cause: error });
  }
}

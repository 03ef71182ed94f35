import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';
import type { Environment } from '../lib/environment.ts';

/** What the text of a .env file says, as Serverless reads it: `$` expands, `#` begins a comment. */
export function parsedEnvironment(text: string): Environment {
  return expand({ ignoreProcessEnv: true, parsed: parse(text) }).parsed ?? {};
}

/**
 * The variables of a stage by the one rule of Serverless: `.env.<stage>` if it exists, else `.env`. What is set
 * outside of the file, in the shell, wins. STAGE is what the deploy makes it.
 */
export function readEnvironmentFile(
  stage: string,
  shell: Environment = process.env,
  folder = '.',
): {
  /** `undefined` when there is none. */
  file: string | undefined;
  environment: Environment;
} {
  const file = [`.env.${stage}`, '.env'].find((name) => existsSync(join(folder, name)));
  if (file === undefined) return { file, environment: { ...shell, STAGE: stage } };
  return {
    file,
    environment: {
      ...parsedEnvironment(readFileSync(join(folder, file), 'utf8')),
      ...shell,
      STAGE: stage,
    },
  };
}

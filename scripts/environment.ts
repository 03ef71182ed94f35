import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';

/** What the text of a .env file says, as Serverless reads it: `$` expands, `#` begins a comment. */
export function parsedEnvironment(text: string): Record<string, string | undefined> {
  return expand({ ignoreProcessEnv: true, parsed: parse(text) }).parsed ?? {};
}

/**
 * The variables of a stage by the one rule of Serverless: `.env.<stage>` if it exists, else `.env`. What is set
 * outside of the file wins. STAGE is what the deploy makes it.
 */
export function readEnvironmentFile(stage: string): {
  /** `undefined` when there is none. */
  file: string | undefined;
  environment: Record<string, string | undefined>;
} {
  const file = [`.env.${stage}`, '.env'].find((name) => existsSync(name));
  if (file === undefined) return { file, environment: { ...process.env, STAGE: stage } };
  return {
    file,
    environment: { ...parsedEnvironment(readFileSync(file, 'utf8')), ...process.env, STAGE: stage },
  };
}

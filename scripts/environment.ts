import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';

/**
 * The variables of a stage by the one rule of Serverless: `.env.<stage>` if it exists, else `.env`. What is set
 * outside of the file wins.
 */
export function readEnvironmentFile(stage: string): {
  /** `undefined` when there is none. */
  file: string | undefined;
  environment: Record<string, string | undefined>;
} {
  const file = [`.env.${stage}`, '.env'].find((name) => existsSync(name));
  if (file === undefined) return { file, environment: { ...process.env } };
  const parsed = parse(readFileSync(file));
  const environment = { ...expand({ ignoreProcessEnv: true, parsed }).parsed, ...process.env };
  return { file, environment };
}

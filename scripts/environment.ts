// Reads .env files by the one rule of Serverless. It trusts no value; lib/config.ts checks them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';
import type { Environment } from '../lib/environment.ts';
import type { Bilingual } from './language.ts';

/** What `--stage` may be: it becomes a part of names. */
export const stageForm = /^[A-Za-z0-9-]{1,32}$/;
export const stageExpected: Bilingual = {
  en: '--stage: letters, digits and -',
  zh: '--stage：只能用字母、数字和 -',
};

/** Parses the text of a .env file as Serverless does: `$` expands, `#` begins a comment. */
export function parsedEnvironment(text: string): Environment {
  return expand({ ignoreProcessEnv: true, parsed: parse(text) }).parsed ?? {};
}

/** The names of all variables that functions, deploy and setup read. */
export function exampleNames(folder: string): string[] {
  const example = readFileSync(join(folder, '.env.example'), 'utf8');
  return [...example.matchAll(/^([A-Z_]+)=$/gm)].map(([, name = '']) => name);
}

/**
 * Returns the variables of a stage: from `.env.<stage>` if it exists, else from `.env`. Variables of the shell take
 * precedence. STAGE is set as in a deploy.
 */
export function readEnvironmentFile(
  stage: string,
  shell: Environment = process.env,
  folder = '.',
): {
  /** `undefined` if there is no file. */
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

// Builds the functions of dist/ if they are out of date.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bilingual } from '../scripts/language.ts';
import { buildTexts, troubleTexts } from './texts.ts';
import { Trouble } from '../scripts/trouble.ts';

/** What a function is built from. */
const sources = ['functions', 'lib', 'scripts/build.ts', 'scripts/function-bundle.ts', 'package-lock.json'];

/** Builds dist/ unless it is newer than all its sources. @throws Trouble with the builder's message */
export async function buildFunctions(): Promise<Bilingual> {
  if (await upToDate()) return buildTexts.upToDate;
  const child = spawn(process.execPath, ['scripts/run.mjs', 'scripts/build.ts'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) {
    const reason = said.split('\n').find((line) => /error/i.test(line)) ?? `code ${String(code)}`;
    throw new Trouble(troubleTexts.build(reason.trim()));
  }
  return buildTexts.built;
}

async function upToDate(): Promise<boolean> {
  const names = await readdir('functions');
  const built = await Promise.all(names.map((name) => changedMs(join('dist', name, 'index.js'))));
  const changed = await Promise.all(sources.map(newestMs));
  return Math.min(...built) > Math.max(...changed);
}

async function newestMs(path: string): Promise<number> {
  const entries = (await stat(path)).isDirectory() ? await readdir(path, { recursive: true }) : [];
  return Math.max(
    ...(await Promise.all([path, ...entries.map((entry) => join(path, entry))].map(changedMs))),
  );
}

/** Returns 0 if the file does not exist. */
async function changedMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

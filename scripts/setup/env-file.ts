// Changes values of a .env file and leaves the rest of it as it is.
import { randomUUID } from 'node:crypto';
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { parsedEnvironment } from '../environment.ts';
import { Trouble } from '../trouble.ts';
import { fileTexts } from './texts.ts';

/** A file in which one value cannot be changed without changing others; the message says where. */
export class FileError extends Trouble {
  override readonly name = 'FileError';
}

/**
 * The text of a .env file with these variables set. All other lines stay as they are; a new variable comes with
 * its comment from `example`. Throws FileError when a value would not be read back as it is.
 */
export function withVariables(text: string, variables: Record<string, string>, example: string): string {
  const lines = text.replace(/\n$/, '').split('\n');
  for (const [name, value] of Object.entries(variables)) {
    const assignment = new RegExp(`^\\s*(export\\s+)?${name}\\s*=`);
    const index = lines.findLastIndex((line) => assignment.test(line));
    if (index === -1) {
      const comment = new RegExp(`^# .*(?=\\n${name}=)`, 'm').exec(example)?.[0];
      lines.push(...(comment === undefined ? [] : [comment]), `${name}=${value}`);
      continue;
    }
    const old = (lines[index] ?? '').replace(assignment, '').trim();
    const [quote = ''] = /^["'`]/.exec(old) ?? [];
    if (quote !== '' && !old.slice(1).includes(quote)) {
      throw new FileError(fileTexts.severalLines(name));
    }
    lines[index] = `${name}=${value}`;
  }
  const changed = `${lines.join('\n')}\n`;
  const read = parsedEnvironment(changed);
  for (const [name, value] of Object.entries(variables)) {
    if (read[name] !== value) throw new FileError(fileTexts.notKept(name));
  }
  return changed;
}

/** Writes the file in one step, readable by its owner only; until then an existing one is untouched. */
export function writeSecretFile(file: string, text: string): void {
  const target = realpathOf(file);
  const aside = `${target}.setup-${randomUUID()}`;
  try {
    // `wx`: a file or link that somebody has put there is neither followed nor written to.
    writeFileSync(aside, text, { mode: 0o600, flag: 'wx' });
    renameSync(aside, target);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** A link to a file elsewhere stays a link. */
function realpathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

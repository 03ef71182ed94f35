// docs/doctor.md has every diagnosis and its advice in the words of the code.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Command } from '../scripts/command.ts';
import { doctor } from '../scripts/doctor/command.ts';
import { diagnoses } from '../scripts/doctor/finding.ts';
import { setup } from '../scripts/setup/command.ts';
import { runInFolder } from './doctor-world.ts';

const document = readFileSync('docs/doctor.md', 'utf8');
const rowOf = ([id, { status, found, advice }]: [string, (typeof diagnoses)[string]]) =>
  [id, status, found, advice].map((text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;'));
const rows = [...document.matchAll(/^\| `([\w.]+)` +\| (\w+) +\| (.*?) +\| (.*?) +\|$/gm)].map(
  ([, ...cells]) => cells,
);

describe('docs/doctor.md', () => {
  test('docs/doctor.md › has every diagnosis of the code, with its words, and no other', () => {
    const all = Object.entries(diagnoses);
    const missing = all.map(rowOf).filter((row) => !rows.some((found) => String(found) === String(row)));
    // What to put there, ready to be copied.
    expect(missing.map(([id, ...cells]) => `| \`${id}\` | ${cells.join(' | ')} |`)).toEqual([]);
    expect(new Set(rows.map(([id]) => id))).toEqual(new Set(all.map(([id]) => id)));
    expect(rows).toHaveLength(all.length);
  });

  test.each<[string, Command]>([
    ['doctor', doctor],
    ['setup', setup],
  ])('docs/doctor.md › has the options of npm run %s', async (_, command) => {
    const { out } = await runInFolder(command, ['--help'], '.');
    const options = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option ?? '');
    expect(options.length).toBeGreaterThan(2);
    for (const option of options) expect(document).toContain(`\`${option}`);
  });

  test('every diagnosis › names its check and says what to do', () => {
    for (const [id, { found, advice }] of Object.entries(diagnoses)) {
      expect(id).toMatch(/^[a-z]+\.[a-z_]+\.[a-z_]+$/);
      expect(found.length, id).toBeLessThan(130);
      expect(advice.length, id).toBeGreaterThan(10);
    }
  });
});

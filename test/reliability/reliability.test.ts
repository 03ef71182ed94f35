import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { goals } from './goals.ts';
import { attackRows } from './rows-attacks.ts';
import { faultRows } from './rows-faults.ts';
import { idsIn, type RanTest, reliabilityTables } from './table.ts';

const rows = [...faultRows, ...attackRows];
const known = [...rows, ...goals].map(({ id }) => id);
const sources = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('reliability'))
  .map((path) => readFileSync(`test/${path}`, 'utf8'));
const used = new Set(sources.flatMap(idsIn));

describe('docs/reliability.md', () => {
  test('rows and goals › are all there, each once', () => {
    // As many as the faults, attacks and goals that the design started from; more may be found.
    const countMin = { R: 21, W: 21, S: 17, T: 6, P: 8, A: 45, G: 8 };
    for (const [letter, min] of Object.entries(countMin)) {
      const numbers = known.filter((id) => id.startsWith(letter)).map((id) => Number(id.slice(1)));
      const gapless = Array.from({ length: Math.max(min, numbers.length) }, (_, i) => i + 1);
      expect([letter, ...numbers]).toEqual([letter, ...gapless]);
    }
  });

  test('rows and goals › have a test that carries their id, or an argument', () => {
    const argued = rows.filter((row) => row.argued !== undefined).map(({ id }) => id);
    expect(known.filter((id) => !used.has(id) && !argued.includes(id))).toEqual([]);
  });

  test('tests › carry no id that there is not', () => {
    expect([...used].filter((id) => !known.includes(id))).toEqual([]);
  });
});

describe('the tables', () => {
  const ran = (id: string, status: RanTest['status']): RanTest => ({
    file: 'test/x.test.ts',
    name: `[${id}] a | b`,
    status,
  });

  test('reliabilityTables › says passed, failed, not run or MISSING, and what proves nothing', () => {
    const tests = [ran('R1 R2', 'passed'), ran('R2', 'failed'), ran('R3', 'skipped'), ran('R4', 'passed')];
    const { markdown, unproven } = reliabilityTables(tests, [{ id: 'G1', text: '1 gettoken' }]);
    const results = markdown.faults.split('\n').map((line) => line.split(' | '));
    const resultOf = (id: string) => results.find(([cell]) => cell === `| ${id}`)?.at(-1);
    expect(['R1', 'R2', 'R3', 'R4', 'R5'].map(resultOf)).toEqual([
      'passed |',
      '**failed** |',
      'not run |',
      'passed |',
      '**MISSING** |',
    ]);
    expect(markdown.faults).toContain('`test/x.test.ts` › a \\| b');
    expect(markdown.goals).toContain('1 gettoken');
    expect(unproven).toEqual(expect.arrayContaining(['R2', 'R3', 'R5', 'G1']));
    expect(unproven).not.toContain('R1');
  });
});

import { goals } from './goals.ts';
import type { Row } from './row.ts';
import { attackRows } from './rows-attacks.ts';
import { faultRows } from './rows-faults.ts';

/** A test that carries ids, as vitest reports it; `file` is relative to the project. */
export interface RanTest {
  file: string;
  name: string;
  status: 'passed' | 'failed' | 'skipped';
}

export interface Figure {
  id: string;
  text: string;
}

const testsShownMax = 4;

/** The ids in a text: each `[R2]` or `[R1 R2]` in it. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(/\[([CGRWSTAP]\d{1,2}(?: [CGRWSTAP]\d{1,2})*)\]/g)].flatMap(([, ids = '']) =>
    ids.split(' '),
  );
}

/** The tables of docs/reliability.md, and the ids that are neither shown nor argued. */
export function reliabilityTables(tests: readonly RanTest[], figures: readonly Figure[]) {
  const unproven: string[] = [];
  const byId = new Map<string, RanTest[]>();
  for (const test of tests) {
    for (const id of new Set(idsIn(test.name))) byId.set(id, [...(byId.get(id) ?? []), test]);
  }

  function result({ id, argued }: Pick<Row, 'id' | 'argued'>): string {
    const statuses = new Set((byId.get(id) ?? []).map(({ status }) => status));
    if (statuses.has('failed') || (!statuses.has('passed') && argued === undefined)) unproven.push(id);
    if (statuses.has('failed')) return '**failed**';
    if (statuses.has('passed')) return 'passed';
    if (argued !== undefined) return `argued: ${argued}`;
    return statuses.has('skipped') ? 'not run' : '**MISSING**';
  }

  function testsOf(id: string): string {
    const names = (byId.get(id) ?? []).map(
      ({ file, name }) => `\`${file}\` › ${name.replace(/\[[^\]]*\] ?/, '')}`,
    );
    // A test of the suite that is made for such rows says more than one that touches them in passing.
    const sorted = [...new Set(names)].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    const more = sorted.length - testsShownMax;
    return [...sorted.slice(0, testsShownMax), ...(more > 0 ? [`… and ${more} more`] : [])].join('<br>');
  }

  const rowsTable = (what: string, rows: readonly Row[]) =>
    table(
      ['', what, 'promise', 'test', 'last result'],
      rows.map((row) => [row.id, row.threat, row.promise, testsOf(row.id), result(row)]),
    );

  const markdown = {
    goals: table(
      ['', 'promise', 'figure of the last run', 'test', 'last result'],
      goals.map(({ id, promise }) => {
        const texts = figures.filter((figure) => figure.id === id).map(({ text }) => text);
        return [id, promise, [...new Set(texts)].toSorted().join('<br>'), testsOf(id), result({ id })];
      }),
    ),
    faults: rowsTable('fault', faultRows),
    attacks: rowsTable('attack', attackRows),
  };
  return { markdown, unproven };
}

function rank(test: string): number {
  return /^`test\/(faults|attacks)\//.test(test) ? 0 : 1;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

// Findings as lines of a terminal.
import type { Finding } from '../../lib/doctor/finding.ts';
import { wrapped } from '../language.ts';
import { inWords } from './finding.ts';
import { titles } from './table.ts';

const marks = { ok: '✓', warning: '!', failed: '✗', skipped: '–' } as const;
const colours = { ok: 32, warning: 33, failed: 31, skipped: 90 } as const;

/** The lines of one finding: what was seen, and with a problem what to do. */
export function linesOf(finding: Finding, coloured: boolean): string {
  const { check, status, about, found, advice } = inWords(finding);
  const mark = coloured ? `\u001b[${colours[status]}m${marks[status]}\u001b[0m` : marks[status];
  const title = [titles[check] ?? check, about].filter(Boolean).join(', ');
  const lines = [`  ${mark} ${title}: ${found}`];
  if (advice !== undefined) lines.push(...wrapped(advice, '      '), `      [${finding.id}]`);
  return `${lines.join('\n')}\n`;
}

// Findings as lines of a terminal.
import { type Bilingual, type Language, wrapped } from '../language.ts';
import { inWords, type SeenFinding } from './finding.ts';
import { titles } from './table.ts';

const marks = { ok: '✓', warning: '!', failed: '✗', skipped: '–' } as const;
const colours = { ok: 32, warning: 33, failed: 31, skipped: 90 } as const;

/** How the lines of a finding are printed. */
export interface Look {
  language: Language;
  coloured: boolean;
  columns: number;
}

/** The lines of one finding: what was seen, and with a problem what to do. */
export function linesOf(finding: SeenFinding, { language, coloured, columns }: Look): string {
  const { check, status, about, found, advice } = inWords(finding, language);
  const mark = coloured ? `\u001b[${colours[status]}m${marks[status]}\u001b[0m` : marks[status];
  const titleOf: Record<string, Bilingual> = titles;
  const [comma, colon] = language === 'zh' ? ['，', '：'] : [', ', ': '];
  const title = [titleOf[check]?.[language] ?? check, about].filter(Boolean).join(comma);
  const [first = '', ...more] = wrapped(`${title}${colon}${found}`, '    ', columns);
  const lines = [`  ${mark} ${first.trimStart()}`, ...more];
  if (advice !== undefined) lines.push(...wrapped(advice, '      ', columns), `      [${finding.id}]`);
  return `${lines.join('\n')}\n`;
}

// Findings as the terminal and `--json` show them: ids and values, put into the words of table.ts.
import { type Finding, insideStatuses, type Status, type Values } from '../../lib/doctor/finding.ts';
import { insideWords, outsideWords, unknownWords, type Words } from './table.ts';

export type OutsideId = keyof typeof outsideWords;

/** What `npm run doctor -- --json` has of a finding; docs/doctor.md describes it. */
export interface FindingInWords extends Words {
  /** What was checked; stable. */
  check: string;
  status: Status;
  /** With an advice: the id. */
  diagnosis?: string;
  about?: string;
}

export function outside(id: OutsideId, values: Values = {}, about?: string): Finding {
  return { id, status: outsideWords[id].status, values, ...(about !== undefined && { about }) };
}

/** Everything that can be wrong, by its id. */
export const diagnoses: Record<string, FindingInWords & Required<Words>> = Object.fromEntries(
  [
    ...Object.entries(insideStatuses).map(([id, status]) => ({ id, status })),
    ...Object.entries(outsideWords).map(([id, { status }]) => ({ id, status })),
  ].flatMap(({ id, status }) => {
    const { found, advice } = wordsFor(id) ?? unknownWords;
    return advice === undefined ? [] : [[id, { check: checkOf(id), status, found, advice }]];
  }),
);

/** A finding that the deployed functions know, and this checkout does not, is shown as it came. */
export function inWords({ id, status, values = {}, about }: Finding): FindingInWords {
  const words = wordsFor(id);
  const shown = words ? values : { id, values: list(values) };
  const fill = (text: string) =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(shown[name] ?? '?'));
  const { found, advice } = words ?? unknownWords;
  return {
    check: checkOf(id),
    status,
    ...(advice !== undefined && { diagnosis: id }),
    ...(about !== undefined && { about }),
    found: fill(found),
    ...(advice !== undefined && { advice: fill(advice) }),
  };
}

function wordsFor(id: string): Words | undefined {
  const words: Record<string, Words> = { ...insideWords, ...outsideWords };
  return Object.hasOwn(words, id) ? words[id] : undefined;
}

function checkOf(id: string): string {
  return id.slice(0, id.lastIndexOf('.'));
}

function list(values: Values): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  return pairs.join(', ') || 'no values';
}

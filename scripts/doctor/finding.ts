// Findings as the terminal and `--json` show them: ids and values, put into words.
import { type Finding, insideStatuses, type Status } from '../../lib/doctor/finding.ts';
import { both, type Bilingual, type Language } from '../language.ts';
import { insideWords } from './inside-table.ts';
import { outsideWords, unknownWords, type Words } from './table.ts';

export type OutsideId = keyof typeof outsideWords;

/** A value that is found at run time; one that is words travels in both languages. */
export type Value = string | number | Bilingual;

/** A finding of functions/admin, or one from here. */
export interface SeenFinding extends Omit<Finding, 'values'> {
  values?: Record<string, Value>;
}

export type Report = (finding: SeenFinding) => void;

/** What `npm run doctor -- --json` has of a finding; docs/doctor.md describes it. */
export interface FindingInWords {
  /** What was checked; stable. */
  check: string;
  status: Status;
  /** With an advice: the id. */
  diagnosis?: string;
  about?: string;
  /** One line: what was seen. */
  found: string;
  /** What to do, and where to click. */
  advice?: string;
}

type Diagnosis = FindingInWords & Required<Pick<FindingInWords, 'advice'>>;

/** By id. */
const allWords: Record<string, Words> = { ...insideWords, ...outsideWords };

/** In place of a status of HTTP, when there is none. */
export const nothing: Bilingual = { en: 'nothing', zh: '没有响应' };

export function outside(id: OutsideId, values: Record<string, Value> = {}, about?: string): SeenFinding {
  return { id, status: outsideWords[id].status, values, ...(about !== undefined && { about }) };
}

/** Everything that can be wrong, by its id. */
export function diagnosesIn(language: Language): Record<string, Diagnosis> {
  const statuses = [
    ...Object.entries(insideStatuses).map(([id, status]) => ({ id, status })),
    ...Object.entries(outsideWords).map(([id, { status }]) => ({ id, status })),
  ];
  return Object.fromEntries(
    statuses.flatMap(({ id, status }) => {
      const { found, advice } = wordsFor(id) ?? unknownWords;
      if (advice === undefined) return [];
      return [[id, { check: checkOf(id), status, found: found[language], advice: advice[language] }]];
    }),
  );
}

export const diagnoses = diagnosesIn('en');

/** A finding that the deployed functions know, and this checkout does not, is shown as it came. */
export function inWords(finding: SeenFinding, language: Language): FindingInWords {
  const { id, status, values = {}, about } = finding;
  const words = wordsFor(id);
  const shown: Record<string, Value> = words ? values : { id, values: list(values) };
  const fill = (text: Bilingual) =>
    text[language].replaceAll(/\{(\w+)\}/g, (_, name: string) => textOf(shown[name] ?? '?', language));
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

export function wordsFor(id: string): Words | undefined {
  return Object.hasOwn(allWords, id) ? allWords[id] : undefined;
}

function textOf(value: Value, language: Language): string {
  return typeof value === 'object' ? value[language] : String(value);
}

function checkOf(id: string): string {
  return id.slice(0, id.lastIndexOf('.'));
}

function list(values: Record<string, Value>): Bilingual {
  return both((language) => {
    const pairs = Object.entries(values).map(([name, value]) => `${name} ${textOf(value, language)}`);
    return pairs.join(language === 'zh' ? '，' : ', ') || { en: 'no values', zh: '没有值' }[language];
  });
}

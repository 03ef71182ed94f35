// The log events of the shipped sources, and the table of them in docs/operations.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LogEvent {
  levels: string[];
  /** Of a call in the sources: those that it names, not those that it spreads. */
  fields: string[];
}

/** What every line has; the ids only while a request is answered. */
export const commonFields = ['time', 'level', 'event', 'request_id', 'scf_request_id'];

/** The sources that end up in a function, found along their imports. */
export function shippedSources(): Map<string, string> {
  const paths = new Set(readdirSync('functions').map((name) => `functions/${name}/index.ts`));
  const sources = new Map<string, string>();
  for (const path of paths) {
    const source = readFileSync(path, 'utf8');
    sources.set(path, source);
    for (const [, imported = ''] of source.matchAll(/from '(\.[^']+)'/g)) {
      paths.add(join(path, '..', imported));
    }
  }
  return sources;
}

/** Every event that `log(level, event, fields)` is called with. Throws on a call that it cannot read. */
export function eventsInSources(): Map<string, LogEvent> {
  const events = new Map<string, LogEvent>();
  for (const [path, source] of shippedSources()) {
    for (const { index } of source.matchAll(/(?<![.\w])(?:log|createLog\(\[\]\))\(/g)) {
      const start = source.indexOf('(', source.startsWith('createLog', index) ? index + 12 : index);
      const [level = '', event = '', fields = ''] = argumentsAt(source, start);
      const levels = wordsIn(level, /'(info|warn|error)'/g);
      const names = wordsIn(event, /'([a-z_]+)'/g);
      if (levels.length === 0 || names.length === 0) throw new Error(`${path}: log(${level}, ${event}, …)`);
      for (const name of names) {
        const known = events.get(name) ?? { levels: [], fields: [] };
        events.set(name, {
          levels: [...new Set([...known.levels, ...levels])].toSorted(),
          fields: [...new Set([...known.fields, ...keysOf(fields)])],
        });
      }
    }
  }
  return events;
}

/** The rows `| event | level | fields | … |` of a Markdown file. */
export function eventsInDocument(markdown: string): Map<string, LogEvent> {
  const rows = markdown.matchAll(/^\| `(\w+)` +\| ((?:info|warn|error)[^|]*)\|([^|]*)\|/gm);
  return new Map(
    [...rows].map(([, event = '', levels = '', fields = '']) => [
      event,
      { levels: wordsIn(levels, /(info|warn|error)/g).toSorted(), fields: wordsIn(fields, /`(\w+)`/g) },
    ]),
  );
}

function wordsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, word = '']) => word);
}

/** The arguments between the parenthesis at `start` and the one that closes it. */
function argumentsAt(source: string, start: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < source.length; at += 1) {
    const character = source[at] ?? '';
    if ('([{'.includes(character)) depth += 1;
    if (')]}'.includes(character)) depth -= 1;
    if (depth === 0 || (depth === 1 && character === ',')) {
      found.push(source.slice(from, at).trim());
      from = at + 1;
    }
    if (depth === 0) break;
  }
  return found;
}

/** The keys of an object literal, its spreads left out. */
function keysOf(literal: string): string[] {
  if (!literal.startsWith('{')) return [];
  return argumentsAt(literal, 0)
    .map((part) => /^(\w+)/.exec(part)?.[1])
    .filter((key) => key !== undefined);
}

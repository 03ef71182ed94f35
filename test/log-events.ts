// The shipped sources, and the table of log events in docs/operations.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LogEvent {
  levels: string[];
  fields: string[];
}

/** Fields of every line; the ids only during a request. */
export const commonFields = ['time', 'level', 'event', 'request_id', 'scf_request_id'];

/** The sources that are part of a function, found through imports. */
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

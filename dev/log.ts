// The functions' log for a person: one line per request, warnings and errors with their stacks. `--verbose` adds every
// other event and all fields. It trusts no line: an own function may print anything.
import * as z from 'zod/mini';
import { problemText } from '../scripts/environment-problems.ts';
import type { Language } from '../scripts/language.ts';
import { logTexts } from './texts.ts';

/** One line for the terminal and the page. */
export interface LogLine {
  at: number;
  /** Name of the function, or the part of `npm run dev` that speaks. */
  who: string;
  text: string;
  /** Indented below. */
  detail: string[];
  mood: 'plain' | 'good' | 'bad';
}

const schema = z.looseObject({
  level: z.enum(['info', 'warn', 'error']),
  event: z.string(),
  request_id: z.optional(z.string()),
});
type Fields = z.infer<typeof schema>;
const wecomCalls = z.array(
  z.object({
    api: z.string(),
    ms: z.number(),
    errcode: z.optional(z.number()),
    failure: z.optional(z.string()),
  }),
);
/** They are in every line, or shown in another way. */
const shownElsewhere = new Set(['time', 'level', 'event', 'request_id', 'scf_request_id', 'thrown']);
const heldMax = 1000;

/** What Node says with --inspect. */
const ofDebugger =
  /^(Debugger (listening|attached|ending)|For help, see: https:\/\/nodejs|Waiting for the debugger)/;

/** Creates a reader of the functions' output; `show` gets each line for the person. */
export function createLogReader(isVerbose: boolean, language: Language, show: (line: LogLine) => void) {
  /** What happened during a request, until its own line comes. */
  const held = new Map<string, string[]>();

  function said(who: string, text: string, mood: LogLine['mood'], detail: string[] = []): void {
    show({ at: Date.now(), who, text, detail, mood });
  }

  return {
    said,

    /** Reads one line that a function wrote. */
    read(name: string, text: string): void {
      const { data: fields } = schema.safeParse(json(text));
      if (!fields) {
        if (!ofDebugger.test(text)) said(name, text, 'plain');
        return;
      }
      const { event } = fields;
      if (event === 'listening') return;
      const id = fields.request_id ?? '';
      const detail = [...stackOf(fields), ...(isVerbose ? [describeFields(fields)] : [])];
      if (event === 'request' || event === 'invoked') {
        const events = held.get(id) ?? [];
        held.delete(id);
        said(name, describeRequest(fields, events, language), moodOf(fields), detail);
      } else if (fields.level === 'info' && !isVerbose) {
        if (id === '') return;
        held.set(id, [...(held.get(id) ?? []), [event, fields['userid']].filter(Boolean).join(' ')]);
        const [oldest = ''] = held.keys();
        if (held.size > heldMax) held.delete(oldest);
      } else {
        const mood = fields.level === 'info' ? 'plain' : 'bad';
        const shown = isVerbose ? '' : `  ${describeFields(fields)}`;
        said(name, `${fields.level} ${event}${shown}`, mood, detail);
      }
    },
  };
}

export type LogReader = ReturnType<typeof createLogReader>;

function describeRequest(fields: Fields, events: readonly string[], language: Language): string {
  const { method, route, status, ms, error, reason, redis_calls } = fields;
  const calls = (wecomCalls.safeParse(fields['wecom']).data ?? []).map(
    ({ api, errcode, failure, ms: took }) =>
      `${api.replace('miniprogram/', '')} ${errcode ?? failure ?? logTexts.ok[language]} ${logTexts.ms(String(took))[language]}`,
  );
  const spent = [...(Number(redis_calls) > 0 ? [`Redis ${String(redis_calls)} ×`] : []), ...calls, ...events];
  const head =
    fields.event === 'invoked'
      ? logTexts.invoked[language]
      : [method, route || logTexts.noRoute[language], '→', status, error, reason === error ? '' : reason]
          .filter(Boolean)
          .map(String)
          .join(' ');
  return [
    `${head}  ${logTexts.ms(String(ms))[language]}`,
    ...(spent.length > 0 ? [spent.join(', ')] : []),
  ].join('  ');
}

function moodOf({ event, level, status }: Fields): LogLine['mood'] {
  if (level === 'error' || Number(status) >= 500) return 'bad';
  return event === 'request' && Number(status) < 400 ? 'good' : 'plain';
}

/** Makes a function's own lines in `output` readable: problems of the environment, stacks. */
export function readable(output: string, language: Language): string[] {
  return output.split('\n').flatMap((line) => {
    // What is said of the function comes before its first line.
    const [head = ''] = line.split(/(?:^|[:：] ?)(?=Debugger listening)/);
    if (head !== line) return head === '' ? [] : [head];
    if (ofDebugger.test(line)) return [];
    const start = line.indexOf('{"time"');
    const { data: fields } = schema.safeParse(json(line.slice(start)));
    if (start < 0 || !fields) return fromHere(line);
    const { problems } = fields;
    const more = Array.isArray(problems)
      ? problems.map((problem) => problemText(String(problem))[language])
      : stackOf(fields);
    return [`${line.slice(0, start)}${fields.event}`, ...more];
  });
}

/** The lines of what was thrown. */
function stackOf({ thrown }: Fields): string[] {
  const stack = typeof thrown === 'object' && thrown && 'stack' in thrown ? thrown.stack : thrown;
  return typeof stack === 'string'
    ? fromHere(stack).filter((line) => !/^ +at .*\(?node:internal/.test(line))
    : [];
}

/** Its lines, with paths from here. */
function fromHere(stack: string): string[] {
  return stack.replaceAll(`${process.cwd()}/`, '').replaceAll('file://', '').split('\n');
}

function describeFields(fields: Fields): string {
  return Object.entries(fields)
    .filter(([name, value]) => !shownElsewhere.has(name) && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/// <reference lib="dom" />
// The sequence of calls: one line per message between the four participants.
import type { Entry } from '../feed.ts';
import type { AlertLine, RequestLine } from '../world.ts';
import type { Texts } from './texts.ts';

type Lane = 0 | 1 | 2 | 3;
const [miniProgram, login, redis, wecom] = [0, 1, 2, 3] as const;
type Mood = 'plain' | 'good' | 'bad' | 'under-way';

interface Line {
  from: Lane;
  to: Lane;
  text: string;
  detail?: string;
  mood: Mood;
}

const linesMax = 300;

/** What {@link createSequence} returns. */
export type Sequence = ReturnType<typeof createSequence>;

export function createSequence(list: HTMLElement, texts: () => Texts) {
  let entries: Entry[] = [];

  function add(entry: Entry): void {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    entries.push(entry);
    entries = entries.slice(-linesMax);
    list.append(...draw(entry));
    while (list.childElementCount > linesMax) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  /** Returns the lines of an entry. */
  function draw(entry: Entry): HTMLElement[] {
    const t = texts();
    switch (entry.kind) {
      case 'wecom-app':
        return [
          message(entry, {
            from: miniProgram,
            to: wecom,
            text: `wx.qy.${entry.api}`,
            detail: `${entry.ms} ms`,
            mood: entry.ok ? 'plain' : 'bad',
          }),
        ];
      case 'sent':
        if (entry.offline) return [note(entry, 'bad', `${entry.method} ${entry.path}: ${t.offline}`)];
        return [
          message(entry, {
            from: miniProgram,
            to: login,
            text: `${entry.method} ${entry.path}`,
            mood: 'plain',
          }),
        ];
      case 'answered':
        return answered(entry);
      case 'log':
        return [alertNote(entry, entry.alert)];
      case 'callback':
        return [
          message(entry, {
            from: wecom,
            to: login,
            text: t.callback(entry.event, entry.name, entry.status),
            detail: `${entry.ms} ms`,
            mood: 'plain',
          }),
        ];
      case 'timer': {
        const { companies: _, ...outcomes } = entry.run.counts;
        const outcome = Object.entries(outcomes).flatMap(([name, n]) => (n > 0 ? [`${n} ${name}`] : []));
        return [
          note(
            entry,
            entry.run.error === undefined ? 'plain' : 'bad',
            t.timer(entry.run.error ?? outcome.join(', ')),
          ),
        ];
      }
      case 'world': {
        const { name } = t.names[entry.fault];
        return [
          note(entry, entry.active ? 'bad' : 'good', entry.active ? t.faultBegins(name) : t.faultEnds(name)),
          ...(entry.restsUntil === undefined ? [] : [note(entry, 'bad', t.rests(timeOf(entry.restsUntil)))]),
        ];
      }
      case 'rush':
        return entry.result ? [note(entry, 'good', t.rushHappened(entry.result.statuses))] : [];
    }
  }

  function alertNote(entry: Entry, { level, event, ...fields }: AlertLine): HTMLElement {
    return note(entry, 'bad', `${texts().logged} ${level}: ${event}`, describeFields(fields));
  }

  function answered(entry: Extract<Entry, { kind: 'answered' }>): HTMLElement[] {
    const { line, alerts = [], status, ms } = entry;
    const t = texts();
    const back = { from: login, to: miniProgram } as const;
    // It never left the phone.
    if (status === 0) return [];
    if (!line) {
      const text = `${status} ${t.notOurs}`;
      return [message(entry, { ...back, text, detail: `${ms} ms`, mood: 'bad' })];
    }
    const text = [status, line.error].filter((part) => part !== undefined).join(' ');
    const why = line.reason !== undefined && line.reason !== line.error ? `${line.reason}, ` : '';
    return [
      ...inside(line, t).map((each) => message(entry, each)),
      ...alerts.map((alert) => alertNote(entry, alert)),
      message(entry, { ...back, text, detail: `${why}${ms} ms`, mood: status < 400 ? 'good' : 'bad' }),
    ];
  }

  return {
    add,
    /** Shows all entries again, in the current language. */
    redraw(): void {
      list.replaceChildren(...entries.flatMap(draw));
      list.scrollTop = list.scrollHeight;
    },
  };
}

/** Returns the lines of the login function's calls of Redis and WeCom. */
function inside(line: RequestLine, t: Texts): Line[] {
  const lines: Line[] = [];
  if (line.redis_calls > 0) {
    lines.push({
      from: login,
      to: redis,
      text: t.operations(line.redis_calls, line.redis_ms),
      mood: 'plain',
    });
  }
  for (const { api, ms, errcode, failure } of line.wecom) {
    const result = errcode ?? failure;
    lines.push({
      from: login,
      to: wecom,
      text: `${api.replace('miniprogram/', '')}${result === undefined ? '' : ` → ${result}`}`,
      detail: `${ms} ms`,
      mood: result === undefined ? 'plain' : 'bad',
    });
  }
  return lines;
}

function message(entry: Entry, { from, to, text, detail = '', mood }: Line): HTMLElement {
  const item = document.createElement('li');
  item.className = `message ${mood} ${from < to ? 'to-right' : 'to-left'}`;
  item.style.setProperty('--start', String(Math.min(from, to)));
  item.style.setProperty('--length', String(Math.abs(from - to)));
  item.append(time(entry), span('arrow', span('label', text, detail ? span('detail', detail) : '')));
  return item;
}

function note(entry: Entry, mood: Mood, text: string, detail = ''): HTMLElement {
  const item = document.createElement('li');
  item.className = `note ${mood}`;
  item.append(time(entry), span('label', text, detail ? span('detail', detail) : ''));
  return item;
}

function time({ at }: Entry): HTMLElement {
  const element = document.createElement('time');
  element.textContent = timeOf(at);
  return element;
}

/** `09:05:07` */
export function timeOf(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(n: number) {
  return String(n).padStart(2, '0');
}

function span(className: string, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  element.append(...children);
  return element;
}

/** Shows the fields of a log line that are useful here. */
function describeFields(fields: Record<string, unknown>): string {
  const names = ['errcode', 'errmsg', 'reason', 'failure', 'pause_ms', 'userid', 'sessions'];
  const said = names.flatMap((name) => {
    const value = fields[name];
    return typeof value === 'string' || typeof value === 'number' ? [`${name} ${value}`] : [];
  });
  return said.join(', ');
}

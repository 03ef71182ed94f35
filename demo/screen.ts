// The demo's output in a terminal: at most 100 columns.
import type { Entry } from './feed.ts';
import type { RefreshRun, RequestLine, WecomCall } from './world.ts';

/** A line of something that takes time. On a terminal it is rewritten in place, in a file it is written once. */
export interface Row {
  update: (text: string) => void;
  done: (text: string) => void;
}

export type Screen = ReturnType<typeof createScreen>;

const labelColumns = 12;
const actorsColumns = 24;
const clearLine = '\r\u001b[2K';

/** The meaning of the errcodes that occur in the story. */
const meaningOf: Record<number, string> = {
  40014: 'token no longer valid',
  40029: 'code unknown or used',
  60011: 'not in the visible range',
};

/** @param out stdout; only a terminal gets rewritten lines, and colours unless NO_COLOR is set */
export function createScreen(out: NodeJS.WriteStream) {
  const paint = (style: number) => (text: string) =>
    out.isTTY && !process.env['NO_COLOR'] ? `\u001b[${style}m${text}\u001b[0m` : text;
  const bold = paint(1);
  const dim = paint(2);
  const red = paint(31);
  const green = paint(32);
  const cyan = paint(36);
  const asides: string[] = [];
  let inStep = false;

  const print = (line = '') => out.write(`${line}\n`);

  function row(indent: string, label: string): Row {
    const start = indent + label;
    if (out.isTTY) out.write(`${start}…`);
    else out.write(start.trimEnd());
    const lead = out.isTTY ? clearLine + start : ' '.repeat(start.length - start.trimEnd().length);
    return {
      update(text) {
        if (out.isTTY) out.write(`${clearLine}${start}${dim(text)}`);
      },
      done: (text) => print(lead + text),
    };
  }

  const actors = (text: string) => dim(text.padEnd(actorsColumns));

  return {
    print,
    title: (text: string) => print(`\n${bold(text)}\n`),
    heading: (text: string) => print(`\n${bold(text)}`),
    /** Something that is being started. */
    starting: (label: string): Row => row('  ', label.padEnd(labelColumns)),
    failure: (text: string) => print(red(text)),
    success: (text: string) => print(green(text)),

    openStep(number: number, title: string): void {
      inStep = true;
      print(`\n${bold(`${String(number).padStart(2)}  ${title}`)}`);
    },
    closeStep(): void {
      inStep = false;
      for (const aside of asides.splice(0)) print(aside);
    },
    /** Who calls whom, and with what. */
    line: (who: string, text: string) => print(`    ${actors(who)}${text}`),
    /** The same, for something that takes time. */
    lineUnderWay: (who: string): Row => row('    ', actors(who)),
    check(ok: boolean, expected: string, got?: string): void {
      const text = ok || got === undefined ? expected : `${expected}; but ${got}`;
      print(ok ? `    ${green('✓')} ${text}` : `    ${red(`✗ expected: ${text}`)}`);
    },
    /** Something outside the story; shown at the end of the current step. */
    aside(who: string, text: string): void {
      const line = `    ${actors(who)}${dim(text)}`;
      if (inStep) asides.push(line);
      else print(line);
    },
    command: (text: string) => print(cyan(text)),
  };
}

/** Returns the name of an endpoint as the simulator has it: `jscode2session`. */
export function endpointOf({ api }: WecomCall): string {
  return api.replace('miniprogram/', '');
}

export function describeWecomCall(call: WecomCall): string {
  const { ms, errcode = 0 } = call;
  const result = errcode === 0 ? 'ok' : `errcode ${errcode}, ${meaningOf[errcode] ?? 'refused'}`;
  return `${endpointOf(call).padEnd(14)}  ${String(ms).padStart(3)} ms  ${result}`;
}

export function describeRedis({ redis_calls, redis_ms }: RequestLine): string {
  return `${`${redis_calls} operation${redis_calls === 1 ? '' : 's'}`.padEnd(14)}  ${String(redis_ms).padStart(3)} ms`;
}

/** Describes a request outside the story in one line. */
export function describeRequest(line: RequestLine): string {
  const calls = line.wecom.map((call) => [endpointOf(call), call.errcode].filter(Boolean).join(' '));
  const spent = [`Redis ${line.redis_calls} ×`, ...calls].join(', ');
  return `${line.method} ${line.route || 'elsewhere'} → ${line.status} after ${line.ms} ms: ${spent}`;
}

/** Describes what happened on the page, for the terminal: who and what, line by line. */
export function describeEntry(entry: Entry): [who: string, text: string][] {
  switch (entry.kind) {
    case 'answered':
      return [
        ...(entry.alerts ?? []).map(({ level, event }): [string, string] => ['login', `${level}: ${event}`]),
        ...(entry.line ? [['login', describeRequest(entry.line)] as [string, string]] : []),
      ];
    case 'timer':
      return [['timer → refresh', describeRefresh(entry.run)]];
    case 'log':
      return [['login', `${entry.alert.level}: ${entry.alert.event}`]];
    case 'callback':
      return [['WeCom → callback', `${entry.event}: ${entry.status} after ${entry.ms} ms`]];
    case 'world':
      return [['page', `${entry.fault}: ${entry.active ? 'on' : 'off'}`]];
    case 'rush':
      return entry.result
        ? [['page', `${entry.result.requests} logins at once: ${entry.result.statuses}`]]
        : [];
    default:
      return [];
  }
}

export function describeRefresh({ counts, error, wecom }: RefreshRun): string {
  if (error !== undefined) return `failed: ${error}`;
  const { companies: _, ...outcomes } = counts;
  const found = Object.entries(outcomes).flatMap(([outcome, count]) => (count > 0 ? [outcome] : []));
  const calls = wecom.map((call) => `${endpointOf(call)}, ${call.ms} ms`);
  return `access_token ${found.join(', ')} (${calls.join('; ') || 'no call to WeCom'})`;
}

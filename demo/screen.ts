// The demo's output in a terminal: at most 100 columns.
import { type Bilingual, both, type Language, padded } from '../scripts/language.ts';
import type { FaultName } from './faults.ts';
import type { Entry } from './feed.ts';
import { texts as pageTexts } from './page/texts.ts';
import { actors, callTexts } from './texts.ts';
import type { RefreshRun, RequestLine, WecomCall } from './world.ts';

/** A text in both languages, or one without a language: a command, an address, a name. */
export type Words = Bilingual | string;

/** A line of something that takes time. On a terminal it is rewritten in place, in a file it is written once. */
export interface Row {
  update: (text: Words) => void;
  done: (text: Words) => void;
}

export type Screen = ReturnType<typeof createScreen>;

const labelColumns = 12;
const actorsColumns = 24;
const clearLine = '\r\u001b[2K';

/** The meaning of the errcodes that occur in the story. */
const meaningOf: Record<number, Bilingual> = {
  40014: callTexts.tokenInvalid,
  40029: callTexts.codeUsed,
  60011: callTexts.notVisible,
};

/** @param out stdout; only a terminal gets rewritten lines, and colours unless NO_COLOR is set */
export function createScreen(out: NodeJS.WriteStream, language: Language) {
  const inWords = (words: Words) => (typeof words === 'string' ? words : words[language]);
  const paint = (style: number) => (text: string) =>
    out.isTTY && !process.env['NO_COLOR'] ? `\u001b[${style}m${text}\u001b[0m` : text;
  const bold = paint(1);
  const dim = paint(2);
  const red = paint(31);
  const green = paint(32);
  const cyan = paint(36);
  const asides: string[] = [];
  let inStep = false;

  const print = (line: Words = '') => out.write(`${inWords(line)}\n`);

  function row(indent: string, label: string): Row {
    const start = indent + label;
    if (out.isTTY) out.write(`${start}…`);
    else out.write(start.trimEnd());
    const lead = out.isTTY ? clearLine + start : ' '.repeat(start.length - start.trimEnd().length);
    return {
      update(text) {
        if (out.isTTY) out.write(`${clearLine}${start}${dim(inWords(text))}`);
      },
      done: (text) => print(lead + inWords(text)),
    };
  }

  const who = (words: Words) => dim(padded(inWords(words), actorsColumns));

  return {
    print,
    title: (text: Words) => print(`\n${bold(inWords(text))}\n`),
    heading: (text: Words) => print(`\n${bold(inWords(text))}`),
    /** Something that is being started. */
    starting: (label: Words): Row => row('  ', padded(inWords(label), labelColumns)),
    failure: (text: Words) => print(red(inWords(text))),
    success: (text: Words) => print(green(inWords(text))),

    openStep(number: number, title: Bilingual): void {
      inStep = true;
      print(`\n${bold(`${String(number).padStart(2)}  ${title[language]}`)}`);
    },
    closeStep(): void {
      inStep = false;
      for (const aside of asides.splice(0)) print(aside);
    },
    /** Who calls whom, and with what. */
    line: (actor: Words, text: Words) => print(`    ${who(actor)}${inWords(text)}`),
    /** The same, for something that takes time. */
    lineUnderWay: (actor: Words): Row => row('    ', who(actor)),
    check(ok: boolean, expected: Bilingual, got?: Words): void {
      const text =
        ok || got === undefined
          ? expected
          : callTexts.notMet(
              expected,
              both(() => inWords(got)),
            );
      const line = ok ? `${green('✓')} ${text[language]}` : red(`✗ ${callTexts.expected(text)[language]}`);
      print(`    ${line}`);
    },
    /** Something outside the story; shown at the end of the current step. */
    aside(actor: Words, text: Words): void {
      const line = `    ${who(actor)}${dim(inWords(text))}`;
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

export function describeWecomCall(call: WecomCall): Bilingual {
  const { ms, errcode = 0 } = call;
  const result =
    errcode === 0 ? callTexts.ok : callTexts.errcode(errcode, meaningOf[errcode] ?? callTexts.refused);
  return both(
    (language) =>
      `${
        spent(
          both(() => endpointOf(call)),
          ms,
        )[language]
      }  ${result[language]}`,
  );
}

export function describeRedis({ redis_calls, redis_ms }: RequestLine): Bilingual {
  return spent(callTexts.operations(redis_calls), redis_ms);
}

/** Columns: what was done, and how long it took. */
function spent(what: Bilingual, ms: number): Bilingual {
  const took = callTexts.ms(String(ms).padStart(3));
  return both((language) => `${padded(what[language], 14)}  ${took[language]}`);
}

/** Describes a request outside the story in one line. */
export function describeRequest(line: RequestLine): Bilingual {
  const calls = line.wecom.map((call) => [endpointOf(call), call.errcode].filter(Boolean).join(' '));
  const caused = [`Redis ${line.redis_calls} ×`, ...calls].join(', ');
  return both((language) => {
    const head = `${line.method} ${line.route || callTexts.elsewhere[language]}`;
    return callTexts.request(head, line.status, line.ms, caused)[language];
  });
}

/** Describes what happened on the page, for the terminal: who and what, line by line. */
export function describeEntry(entry: Entry): [who: Words, text: Words][] {
  switch (entry.kind) {
    case 'answered':
      return [
        ...(entry.alerts ?? []).map(({ level, event }): [Words, Words] => ['login', `${level}: ${event}`]),
        ...(entry.line ? [['login', describeRequest(entry.line)] as [Words, Words]] : []),
      ];
    case 'timer':
      return [[actors.timer, describeRefresh(entry.run)]];
    case 'log':
      return [['login', `${entry.alert.level}: ${entry.alert.event}`]];
    case 'callback':
      return [[actors.wecomToCallback, callTexts.callback(entry.event, entry.status, entry.ms)]];
    case 'world':
      return [[actors.page, (entry.active ? callTexts.faultOn : callTexts.faultOff)(faultName(entry.fault))]];
    case 'rush':
      return entry.result
        ? [[actors.page, callTexts.rush(entry.result.requests, entry.result.statuses)]]
        : [];
    default:
      return [];
  }
}

/** As the page names it in Chinese. */
function faultName(fault: FaultName): Bilingual {
  return { en: fault, zh: pageTexts.zh.names[fault].name };
}

export function describeRefresh({ counts, error, wecom }: RefreshRun): Bilingual {
  if (error !== undefined) return callTexts.refreshFailed(error);
  const { companies: _, ...outcomes } = counts;
  const known: Record<string, Bilingual> = callTexts.outcomes;
  const found = Object.keys(outcomes).filter((outcome) => (outcomes[outcome] ?? 0) > 0);
  const listed = {
    en: found.join(', '),
    zh: found.map((name) => known[name]?.zh ?? name).join('，'),
  };
  const calls = {
    en: wecom.map((call) => `${endpointOf(call)}, ${call.ms} ms`).join('; '),
    zh: wecom.map((call) => `${endpointOf(call)} ${call.ms} 毫秒`).join('，'),
  };
  return callTexts.refreshed(listed, wecom.length > 0 ? calls : callTexts.noCall);
}

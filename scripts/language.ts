// The language of whoever sits at the terminal, and texts that exist in both. Texts travel in both languages; the place
// that prints them chooses. `--json`, log events and what a function logs are English for everybody.
import { Exit } from './command.ts';

export type Language = 'en' | 'zh';

/** One text in both languages: a missing one does not compile. */
export type Bilingual = Readonly<Record<Language, string>>;

/** Puts a text together from texts. */
export function both(make: (language: Language) => string): Bilingual {
  return { en: make('en'), zh: make('zh') };
}

/**
 * The first of these that is set: `--lang`, `WECOM_LOGIN_LANG`, and `LC_ALL`, `LC_MESSAGES`, `LANG` in the order of POSIX
 * (Base Definitions, 8.2). Every `zh` is Chinese, `zh_TW` too; everything else of a locale is English. Windows sets none
 * of the three: there the language of the system counts.
 *
 * @throws Exit 2 when `--lang` or `WECOM_LOGIN_LANG` names another language
 */
export function languageOf(
  environment: Readonly<Record<string, string | undefined>>,
  wanted?: string,
  systemLocale = process.platform === 'win32' ? Intl.DateTimeFormat().resolvedOptions().locale : '',
): Language {
  const chosen = wanted ?? (environment['WECOM_LOGIN_LANG'] || undefined);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  if (chosen !== undefined) {
    const name = wanted === undefined ? 'WECOM_LOGIN_LANG' : '--lang';
    throw new Exit(2, `${name}: zh or en / 只能是 zh 或 en`);
  }
  const { LC_ALL, LC_MESSAGES, LANG } = environment;
  return /^zh(?![a-z])/i.test(LC_ALL || LC_MESSAGES || LANG || systemLocale) ? 'zh' : 'en';
}

/** Columns on a terminal: Chinese characters and full-width punctuation take two. */
export function widthOf(text: string): number {
  return (
    text.length +
    (text.match(/[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g)
      ?.length ?? 0)
  );
}

/** `padEnd` by columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}

/**
 * Breaks a text into lines of at most `columnsMax` columns, each beginning with `indent`. Lines break at blanks and between
 * Chinese characters, and no line begins with a closing punctuation mark.
 */
export function wrapped(text: string, indent: string, columnsMax = 100): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const part of text.match(breakable) ?? []) {
    if (line.length > indent.length && widthOf(`${line}${part}`.trimEnd()) > columnsMax) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += part;
  }
  return [...lines, line.trimEnd()];
}

const wide = '\\u2e80-\\u9fff\\uff00-\\uffef';
const opening = '（《“「【';
const closing = '，。；：！？、）》”」】';
/** A Chinese character or a word, with the punctuation that may not be torn from it and the blanks after it. */
const breakable = new RegExp(`[${opening}]*(?:[${wide}]|[^\\s${wide}${opening}]+|.)[${closing}]* *`, 'gu');

/** The columns that lines may use: those of the terminal, at most 100. A file or a pipe has 100. */
export function columnsOf({ columns }: { columns?: number }): number {
  return Math.min(columns || 100, 100);
}

/** `languageOf` before the arguments are parsed: what is wrong with them is said in that language. */
export function languageIn(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Language {
  const index = args.findLastIndex((argument) => /^--lang(=|$)/.test(argument));
  const [, joined] = args[index]?.split('=', 2) ?? [];
  return languageOf(environment, index === -1 ? undefined : (joined ?? args[index + 1]));
}

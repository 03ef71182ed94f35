// Command lines in two languages: which one `--lang` asks for, and what is wrong with an option. Node itself has English
// words only.
import { parseArgs } from 'node:util';
import { type Bilingual, both, type Language, languageOf } from './language.ts';

/** The language of a command line, also of one with other mistakes. Throws Exit 2 for a language that there is not. */
export function languageIn(
  args: string[],
  environment: Readonly<Record<string, string | undefined>>,
): Language {
  const options = { lang: { type: 'string' } } as const;
  const { lang } = parseArgs({ args, options, strict: false, allowPositionals: true }).values;
  return languageOf(environment, typeof lang === 'string' ? lang : undefined);
}

/** What `parseArgs` refuses, in one sentence without its end. */
export function optionProblem(error: unknown): Bilingual {
  if (!(error instanceof Error)) return both(() => String(error));
  const [en = ''] = error.message.split('. ');
  const [, subject = ''] = /'([^']+)'/.exec(en) ?? [];
  return { en, zh: chinese('code' in error ? String(error.code) : '', subject, en) };
}

function chinese(code: string, subject: string, english: string): string {
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `没有选项“${subject}”`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `多余的参数“${subject}”`;
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return english.includes('does not take') ? `选项“${subject}”不带值` : `选项“${subject}”缺少值`;
    default:
      return english;
  }
}

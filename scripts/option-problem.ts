// What `parseArgs` refuses of a command line. Node itself has English words only.
import { type Bilingual, both } from './language.ts';

/** With all that Node says. */
export function wrongUsage(error: unknown): Bilingual {
  const message = error instanceof Error ? error.message : String(error);
  return { en: message, zh: inChinese(error) ?? message };
}

/** In one sentence without its end. */
export function optionProblem(error: unknown): Bilingual {
  return both((language) => wrongUsage(error)[language].split('. ')[0] ?? '');
}

function inChinese(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { message, code } = error;
  const option = /'(-[^ ']*)/.exec(message)?.[1] ?? /'([^']*)'/.exec(message)?.[1] ?? '';
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `没有选项 ${option}`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `多余的参数 ${option}`;
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return message.includes('does not take') ? `选项 ${option} 不带值` : `选项 ${option} 缺少值`;
    default:
      return undefined;
  }
}

// The command line of `npm run dev`.
import { parseArgs } from 'node:util';
import { Trouble } from '../scripts/trouble.ts';
import type { Language } from '../scripts/language.ts';
import { troubleTexts, usage } from './texts.ts';

export interface Options {
  port: number;
  host: string;
  miniprogram: string;
  wecom: 'simulator' | 'real';
  isVerbose: boolean;
  /** The first debugger port. */
  inspect: number | undefined;
  devtools: boolean;
  language: Language;
}

const inspectFrom = 9230;

/** @throws Error that names the option */
export function readOptions(args: string[], language: Language): Options | { usage: string } {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '9000' },
      miniprogram: { type: 'string', default: 'miniprogram' },
      host: { type: 'boolean', default: false },
      devtools: { type: 'boolean', default: false },
      inspect: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      wecom: { type: 'string', default: 'simulator' },
      lang: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { usage: usage[language] };
  // The page has the port after it.
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_534) {
    throw new Trouble(troubleTexts.port(values.port));
  }
  const { wecom } = values;
  if (wecom !== 'simulator' && wecom !== 'real') throw new Trouble(troubleTexts.wecom(wecom));
  return {
    port: Number(values.port),
    host: values.host ? '0.0.0.0' : '127.0.0.1',
    miniprogram: values.miniprogram,
    wecom,
    isVerbose: values.verbose,
    inspect: values.inspect ? inspectFrom : undefined,
    devtools: values.devtools,
    language,
  };
}

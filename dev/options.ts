// The command line of `npm run dev`.
import { parseArgs } from 'node:util';

export interface Options {
  port: number;
  host: string;
  miniprogram: string;
  wecom: 'simulator' | 'real';
  isVerbose: boolean;
  /** The first debugger port. */
  inspect: number | undefined;
  devtools: boolean;
}

const usage = `Usage: npm run dev -- [options]

Your functions and your mini-program on this machine, with every change at once. No account, no network.

  --port <number>      port of the functions (default 9000); the page has the next one
  --miniprogram <dir>  the mini-program on the phone (default miniprogram)
  --host               lets phones and WeChat DevTools of the same network in (default: this machine only)
  --devtools           writes devtools/, a copy of the mini-program for WeChat DevTools without WeCom mode
  --inspect            a debugger port for each function, from 9230; .vscode/launch.json attaches
  --verbose            every event and every field of the log
  --wecom real         the companies of .env and WeCom's own servers instead of the simulator
  --help               show this text

Environment:
  REDIS_URL            use this Redis instead of an embedded one
  NO_COLOR             no colours`;

const inspectFrom = 9230;

/** @throws Error that names the option. `undefined` if only the usage was asked for. */
export function readOptions(args: string[]): Options | { usage: string } {
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
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { usage };
  // The page has the port after it.
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_534) {
    throw new Error(`--port ${values.port}: not a port number below 65535`);
  }
  const { wecom } = values;
  if (wecom !== 'simulator' && wecom !== 'real') throw new Error(`--wecom ${wecom}: simulator or real`);
  return {
    port: Number(values.port),
    host: values.host ? '0.0.0.0' : '127.0.0.1',
    miniprogram: values.miniprogram,
    wecom,
    isVerbose: values.verbose,
    inspect: values.inspect ? inspectFrom : undefined,
    devtools: values.devtools,
  };
}

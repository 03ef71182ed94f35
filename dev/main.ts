// `npm run dev`: all functions and the mini-program on this machine, rebuilt and replaced at every change.
import { createScreen } from '../demo/screen.ts';
import { Trouble } from '../demo/trouble.ts';
import { devtoolsFolder } from './devtools.ts';
import type { LogLine } from './log.ts';
import { type Options, readOptions } from './options.ts';
import { startWorkbench, type Workbench } from './workbench.ts';

const exitCodes = { ok: 0, failed: 1, usage: 2 };
const screen = createScreen(process.stdout);
/** What ends the parts; the last part is ended first. */
const endings: (() => unknown)[] = [];
let ending = false;

// The reader may end first: `npm run dev | head`.
process.stdout.on('error', () => void end(exitCodes.failed));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait.
    if (ending) process.exit(exitCodes.ok);
    void end(exitCodes.ok);
  });
}

const options = optionsOf(process.argv.slice(2));
try {
  await main(options);
} catch (error) {
  if (!ending) {
    screen.failure(error instanceof Trouble ? `npm run dev: ${error.message}` : describeBug(error));
    await end(exitCodes.failed);
  }
}

async function main(given: Options): Promise<void> {
  const startedMs = performance.now();
  screen.title('Your functions and your mini-program, with every change at once');
  const workbench = await startWorkbench(given, showLine, endings);
  process.on('exit', workbench.kill);
  showStart(workbench, given, performance.now() - startedMs);
}

function showStart(workbench: Workbench, { miniprogram, devtools }: Options, tookMs: number): void {
  const { urls, pageUrls, wecom, redis, needs } = workbench;
  const row = (label: string, text: string) => screen.print(`  ${label.padEnd(12)}${text}`);
  row('functions', urls.join('  '));
  for (const { name, at, isKnown, inspectPort } of workbench.describe()) {
    const notes = [
      at.join(', ') || 'no trigger',
      ...(isKnown ? [] : ['not in serverless.yml yet']),
      ...(inspectPort === undefined ? [] : [`debugger 127.0.0.1:${inspectPort}`]),
    ];
    row('', `${name.padEnd(12)}${notes.join('; ')}`);
  }
  row('page', `${pageUrls.map((url) => `${url}/`).join('  ')}  the mini-program of ${miniprogram}/`);
  if (devtools) row('DevTools', `open the folder ${devtoolsFolder}/ in WeChat DevTools`);
  row('WeCom', wecom);
  row('Redis', redis);
  if (needs !== '') screen.print(`\n${needs}`);
  screen.success(`\nReady in ${(tookMs / 1000).toFixed(1)} s. Ctrl-C ends everything.\n`);
}

function showLine({ at, who, text, detail, mood }: LogLine): void {
  const line = `${new Date(at).toLocaleTimeString('en-GB')}  ${who.padEnd(10)}${text}`;
  if (mood === 'bad') screen.failure(line);
  else screen.print(line);
  for (const each of detail) screen.print(`            ${each}`);
}

async function end(code: number): Promise<void> {
  ending = true;
  for (const stop of endings.toReversed()) await stop();
  process.exit(code);
}

function optionsOf(args: string[]): Options {
  try {
    const read = readOptions(args);
    if (!('usage' in read)) return read;
    process.stdout.write(`${read.usage}\n`);
    return process.exit(exitCodes.ok);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('. ');
    process.stderr.write(`npm run dev: ${reason}; see npm run dev -- --help\n`);
    return process.exit(exitCodes.usage);
  }
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

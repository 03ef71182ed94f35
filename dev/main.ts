// `npm run dev`: all functions and the mini-program on this machine, rebuilt and replaced at every change.
import { createScreen } from '../demo/screen.ts';
import { startTexts as commonTexts } from '../demo/texts.ts';
import { Trouble } from '../scripts/trouble.ts';
import { type Bilingual, both, type Language, padded, languageIn } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import { devtoolsFolder } from './devtools.ts';
import type { LogLine } from './log.ts';
import { type Options, readOptions } from './options.ts';
import { startTexts } from './texts.ts';
import { startWorkbench, type Workbench } from './workbench.ts';

const exitCodes = { ok: 0, failed: 1, usage: 2 };
/** What ends the parts; the last part is ended first. */
const endings: (() => unknown)[] = [];
let ending = false;

const options = optionsOf(process.argv.slice(2));
const { language } = options;
const screen = createScreen(process.stdout, language);

// The reader may end first: `npm run dev | head`.
process.stdout.on('error', () => void end(exitCodes.failed));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait.
    if (ending) process.exit(exitCodes.ok);
    void end(exitCodes.ok);
  });
}

try {
  await main(options);
} catch (error) {
  if (!ending) {
    const trouble = error instanceof Trouble ? commonTexts.trouble('npm run dev', error.words) : undefined;
    screen.failure(trouble ?? describeBug(error));
    await end(exitCodes.failed);
  }
}

async function main(given: Options): Promise<void> {
  const startedMs = performance.now();
  screen.title(startTexts.title);
  const workbench = await startWorkbench(given, showLine, endings);
  process.on('exit', workbench.kill);
  showStart(workbench, given, performance.now() - startedMs);
}

function showStart(workbench: Workbench, { miniprogram, devtools }: Options, tookMs: number): void {
  const { urls, pageUrls, wecom, redis, needs } = workbench;
  const row = (label: Bilingual, text: Bilingual | string) =>
    screen.print(`  ${padded(label[language], 12)}${typeof text === 'string' ? text : text[language]}`);
  row(startTexts.functions, urls.join('  '));
  for (const { name, at, isKnown, inspectPort } of workbench.describe()) {
    const notes = [
      at.map((each) => each[language]).join(', ') || startTexts.noTrigger[language],
      ...(isKnown ? [] : [startTexts.notInManifest[language]]),
      ...(inspectPort === undefined ? [] : [startTexts.debugger(`127.0.0.1:${inspectPort}`)[language]]),
    ];
    row(
      both(() => ''),
      `${name.padEnd(12)}${notes.join(language === 'zh' ? '；' : '; ')}`,
    );
  }
  const pages = pageUrls.map((url) => `${url}/${language === 'zh' ? '?lang=zh' : ''}`).join('  ');
  row(startTexts.page, startTexts.pageAt(pages, miniprogram));
  if (devtools) row(startTexts.devtools, startTexts.openFolder(devtoolsFolder));
  row(startTexts.wecom, wecom);
  row(startTexts.redis, redis);
  if (needs) screen.print(`\n${needs[language]}`);
  screen.success(startTexts.ready((tookMs / 1000).toFixed(1)));
}

function showLine({ at, who, text, detail, mood }: LogLine): void {
  const line = `${new Date(at).toLocaleTimeString('en-GB')}  ${padded(who, 10)}${text}`;
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
  let language: Language = 'en';
  try {
    language = languageIn(args, process.env);
    const read = readOptions(args, language);
    if (!('usage' in read)) return read;
    process.stdout.write(`${read.usage}\n`);
    return process.exit(exitCodes.ok);
  } catch (error) {
    const reason = error instanceof Trouble ? error.words : optionProblem(error);
    process.stderr.write(`${commonTexts.seeHelp('npm run dev', reason)[language]}\n`);
    return process.exit(exitCodes.usage);
  }
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

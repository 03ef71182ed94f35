// `npm run stack -- FUNCTION < LINES`: shows stacks of a deployed function with the files and lines of the source. Reads
// log lines or stacks from standard input, and the source map that the last build left in .build/maps.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { parseArgs } from 'node:util';
import { text } from 'node:stream/consumers';
import { Exit, runAsProcess, type Surroundings } from './command.ts';
import { type Bilingual, type Language, languageIn } from './language.ts';
import { wrongUsage } from './option-problem.ts';

const usage: Bilingual = {
  en: `npm run stack -- FUNCTION < LINES   shows their stacks with files and lines of the source
LINES are log lines or stacks of the version that npm run build has built last: check out what is deployed, and build it.`,
  zh: `npm run stack -- FUNCTION < LINES   把调用栈显示为源代码的文件和行号
LINES 是日志或调用栈，须来自最近一次 npm run build 构建的版本：先检出已部署的代码，再构建。`,
};

function noMap(name: string): Bilingual {
  return {
    en: `there is no source map of ${name} in .build/maps: npm run build`,
    zh: `.build/maps 中没有 ${name} 的 source map：请先运行 npm run build`,
  };
}

await runAsProcess(stack);

async function stack(args: string[], { environment, stdin, stdout }: Surroundings): Promise<number> {
  const language = languageIn(args, environment);
  const [name = '', ...more] = positionalsIn(args, language);
  if (!/^[\w-]+$/.test(name) || more.length > 0) throw new Exit(2, usage[language]);
  const map = readMap(name, language);
  // A stack inside a log line is JSON: its line ends are escaped.
  const lines = (await text(stdin)).replaceAll(String.raw`\n`, '\n');
  stdout.write(lines.replaceAll(/[^\s(]*\b(?:app|index)\.js:(\d+):(\d+)/g, inSource));
  return 0;

  function inSource(place: string, line: string, column: string): string {
    const found = map.findOrigin(Number(line), Number(column));
    if (!('fileName' in found)) return place;
    // Relative to the folder of the bundle, .build/dist-PID/FUNCTION.
    return `${found.fileName.replace(/^(\.\.\/)+/, '')}:${found.lineNumber}:${found.columnNumber}`;
  }
}

function positionalsIn(args: string[], language: Language): string[] {
  try {
    return parseArgs({ args, options: { lang: { type: 'string' } }, allowPositionals: true }).positionals;
  } catch (error) {
    throw new Exit(2, `${wrongUsage(error)[language]}\n\n${usage[language]}`);
  }
}

function readMap(name: string, language: Language): SourceMap {
  try {
    return new SourceMap(JSON.parse(readFileSync(`.build/maps/${name}.map`, 'utf8')));
  } catch {
    throw new Exit(1, noMap(name)[language]);
  }
}

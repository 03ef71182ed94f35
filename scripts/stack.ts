// `npm run stack -- FUNCTION < LINES`: shows stacks of a deployed function with the files and lines of the source. Reads
// log lines or stacks from standard input, and the source map that the last build left in .build/maps.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { text } from 'node:stream/consumers';
import { Exit, runAsProcess, type Surroundings } from './command.ts';

const usage = `npm run stack -- FUNCTION < LINES   shows their stacks with files and lines of the source
LINES are log lines or stacks of the version that npm run build has built last: check out what is deployed, and build it.`;

await runAsProcess(stack);

async function stack(args: string[], { stdin, stdout }: Surroundings): Promise<number> {
  const [name = '', ...more] = args;
  if (!/^[\w-]+$/.test(name) || more.length > 0) throw new Exit(2, usage);
  const map = readMap(name);
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

function readMap(name: string): SourceMap {
  try {
    return new SourceMap(JSON.parse(readFileSync(`.build/maps/${name}.map`, 'utf8')));
  } catch {
    throw new Exit(1, `there is no source map of ${name} in .build/maps: npm run build`);
  }
}

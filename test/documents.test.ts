import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { diagnoses } from '../scripts/doctor/finding.ts';

/** Every Markdown file of the project. */
const documents = readdirSync('.', { withFileTypes: true })
  .filter(({ name }) => !['node_modules', 'dist'].includes(name) && !/^\.(?!ci)/.test(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(entry.name, { recursive: true, encoding: 'utf8' }).map((path) => `${entry.name}/${path}`)
      : [entry.name],
  )
  .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
  .toSorted();
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const slsCommands = ['deploy', 'info', 'invoke', 'logs', 'package', 'print', 'remove', 'rollback'];
const read = (path: string) => readFileSync(path, 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
const withoutBlocks = (text: string) => text.replaceAll(/^```.*?^```$/gms, '');
/** What stands in the fenced blocks of these languages. */
const blocks = (text: string, ...languages: string[]) =>
  all(text, new RegExp(`^\`\`\`(?:${languages.join('|')})\\n(.*?)^\`\`\`$`, 'gms'));
/** As GitHub makes them. */
const anchors = (text: string) =>
  all(withoutBlocks(text), /^#+ (.*)$/gm).map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** What is wrong with one line of a shell block: a program, script or file that is not there. */
function problemsOf(line: string): string[] {
  const commands = line.replace(/(^| )#.*$/, '').split(/&&|\|\||[|;]/);
  return commands.flatMap((command) => {
    const words = command.trim().split(/\s+/);
    while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
    const [program = '', first = '', second = '', third = ''] = words;
    const fine =
      program === '' ||
      ['git', 'curl', 'cp', 'cd', 'grep', 'gzip'].includes(program) ||
      (program === 'npm' && ['ci', 'start', 'test', 'install'].includes(first)) ||
      (program === 'npm' && first === 'run' && second in scripts) ||
      (program === 'npx' && first === 'vitest' && second === 'run' && existsSync(third)) ||
      (program === 'npx' && first === 'sls' && slsCommands.includes(second)) ||
      (program.startsWith('.ci/') && existsSync(program)) ||
      (program === 'node' && (first.startsWith('-') || existsSync(first)) && fileExists(first, second));
    return fine ? [] : [command.trim()];
  });
}
const fileExists = (script: string, argument: string) => !script.endsWith('run.mjs') || existsSync(argument);

describe.each(documents)('%s', (document) => {
  const text = read(document);

  test(`${document} › links only to what is there`, () => {
    const links = all(text, /\]\(([^)\s]+)\)/g).filter((link) => !/^(https?|mailto):/.test(link));
    const broken = links.filter((link) => {
      const [path = '', anchor] = decodeURI(link).split('#');
      const target = path === '' ? document : join(dirname(document), path);
      return !existsSync(target) || (anchor !== undefined && !anchors(read(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test(`${document} › names only commands and files that exist, and no place on somebody’s machine`, () => {
    const commands = all(text, /npm run (?:--silent )?([\w:-]+)/g);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
    const sls = all(text, /npx sls (\w+)/g);
    expect(sls.filter((name) => !slsCommands.includes(name))).toEqual([]);
    const files = all(
      text,
      /`((?:lib|functions|scripts|docs|deploy|simulator|demo|test|miniprogram|bench)\/[\w./-]+)`/g,
    );
    // What the reader is told to create.
    const absent = files.filter(
      (file) => !existsSync(file) && !/^functions\/(hello|notify|orders)/.test(file),
    );
    expect(absent).toEqual([]);
    expect(all(text, /(?:^|[\s"'`(=])(\/(?:work|home|root|Users|tmp|mnt)\/\S*)/gm)).toEqual([]);
  });

  test(`${document} › has shell and JSON blocks that can be used as they stand`, () => {
    const lines = blocks(text, 'sh', 'bash', 'shell').flatMap((block) =>
      block.replaceAll('\\\n', ' ').trim().split('\n'),
    );
    expect(lines.flatMap(problemsOf)).toEqual([]);
    for (const block of blocks(text, 'json')) expect(() => void JSON.parse(block), block).not.toThrow();
  });

  test(`${document} › names only checks and diagnoses that the doctor knows`, () => {
    const known = Object.keys(diagnoses);
    const named = all(text, /`((?:environment|cloud|domain|callback|redis|wecom)\.[a-z_]+(?:\.[a-z_]+)?)`/g);
    const unknown = named.filter((name) => !known.some((one) => one === name || one.startsWith(`${name}.`)));
    // Files may have such names too, and a function of lib/services.ts has.
    expect(unknown.filter((name) => !/\.(ts|js|md|call)$/.test(name))).toEqual([]);
  });
});

describe('TypeScript in documents', () => {
  /** Where the reader puts each block of a document. */
  const places: Record<string, string[]> = {
    'docs/add-a-function.md': [
      'functions/hello/index.ts',
      'functions/notify/index.ts',
      'functions/orders/index.ts',
    ],
    'docs/mini-program.md': ['miniprogram/example.ts'],
  };
  // The Chinese documents have the same code: test/readme.test.ts.
  const english = documents.filter((document) => !document.startsWith('docs/zh/'));
  const examples = english.flatMap((document) =>
    blocks(read(document), 'ts', 'typescript').map((code, index) => ({
      document,
      place: places[document]?.[index] ?? '',
      code,
    })),
  );

  test('documents › have TypeScript only where this test knows its place', () => {
    expect(examples.map(({ document, place }) => `${document} ${place}`)).toEqual(
      Object.entries(places).flatMap(([document, files]) => files.map((file) => `${document} ${file}`)),
    );
  });

  test.each(examples)('$document › has TypeScript that compiles as $place', ({ place, code }) => {
    const root = process.cwd();
    mkdirSync('.build', { recursive: true });
    const directory = mkdtempSync(join('.build', 'documents-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    mkdirSync(join(directory, dirname(place)), { recursive: true });
    writeFileSync(join(directory, place), code);
    const [project, declarations] = place.startsWith('miniprogram/')
      ? ['miniprogram/', 'miniprogram/typings/*.d.ts']
      : ['', 'lib/*.d.ts'];
    const config = {
      extends: join(root, project, 'tsconfig.json'),
      // As if the file lay beside the others.
      compilerOptions: { rootDirs: [root, '.'] },
      include: [place, join(root, declarations)],
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

// Compiles a native mini-program (WXML, WXSS, TypeScript, JSON), unchanged, into files for a browser: templates with
// WeChat's own glass-easel, the rest with esbuild. Any warning of a compiler is an error here; a tag that only the phone
// lacks is not.
import { readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { build, type Message, type Plugin } from 'esbuild';
import { TmplGroup } from 'glass-easel-template-compiler';
import * as z from 'zod/mini';
import { Trouble } from '../../scripts/trouble.ts';
import { tagNames } from './tags.ts';

/** The files for the browser: `phone.js`, `phone.css` and `<page>.css` for each page. */
export type PhoneFiles = Map<string, { contentType: string; body: string }>;

const appSchema = z.looseObject({
  pages: z.array(z.string()),
  window: z.optional(z.record(z.string(), z.unknown())),
  themeLocation: z.optional(z.string()),
  usingComponents: z.optional(z.record(z.string(), z.string())),
});
const pageSchema = z.looseObject({ usingComponents: z.optional(z.record(z.string(), z.string())) });
const templateProblem = z.object({
  message: z.string(),
  path: z.string(),
  startLine: z.number(),
  startColumn: z.number(),
});

const demoRoot = resolve('demo/phone');
const browserOptions = {
  bundle: true,
  write: false,
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
} as const;

/**
 * Compiles the mini-program in `root`.
 *
 * @param settings what a company would write into its settings.ts; the server's address is replaced by this page's
 * @throws Trouble with one line per problem, `file:line:column: what`
 */
export async function compileMiniProgram(root = 'miniprogram', settings: object = {}): Promise<PhoneFiles> {
  const app = appSchema.parse(await readJson(join(root, 'app.json')));
  const theme = app.themeLocation === undefined ? {} : await readJson(join(root, app.themeLocation));
  const parts = new Map<string, z.infer<typeof pageSchema>>();
  const addPart = async (path: string) => {
    if (parts.has(path)) return;
    const config = pageSchema.parse(await readJson(join(root, `${path}.json`)));
    parts.set(path, config);
    const used = Object.values(config.usingComponents ?? {});
    for (const component of used) await addPart(resolvePart(path, component));
  };
  for (const path of app.pages) await addPart(path);

  const { templates, unknownTags } = await compileTemplates(root, [...parts.keys()], parts, app);
  const script = await compileScript(root, { app, theme, parts, templates, unknownTags, settings });
  const files: PhoneFiles = new Map([['phone.js', { contentType: 'text/javascript', body: script }]]);
  const phoneCss = await compileStyle([join(demoRoot, 'phone.css'), join(root, 'app.wxss')]);
  files.set('phone.css', { contentType: 'text/css', body: phoneCss });
  for (const path of app.pages) {
    const style = await compileStyle([join(root, `${path}.wxss`)]);
    files.set(`${path}.css`, { contentType: 'text/css', body: style });
  }
  return files;
}

/** Returns JavaScript that creates the templates of all parts, by path, and the tags that the phone does not know. */
async function compileTemplates(
  root: string,
  paths: readonly string[],
  parts: Map<string, z.infer<typeof pageSchema>>,
  app: z.infer<typeof appSchema>,
): Promise<{ templates: string; unknownTags: UnknownTag[] }> {
  const group = new TmplGroup();
  const problems: string[] = [];
  const unknown: UnknownTag[] = [];
  for (const path of paths) {
    const file = join(root, `${path}.wxml`);
    const source = await readSource(file);
    const found = z.array(templateProblem).parse(group.addTmpl(path, source));
    for (const { message, startLine, startColumn } of found) {
      problems.push(`${file}:${startLine + 1}:${startColumn + 1}: ${message}`);
    }
    const own = { ...app.usingComponents, ...parts.get(path)?.usingComponents };
    unknown.push(...unknownTagsIn(source, file, new Set([...tagNames, ...Object.keys(own)])));
  }
  if (problems.length > 0) throw new Trouble(problems.join('\n'));
  const templates = group.getTmplGenObjectGroups();
  group.free();
  return { templates, unknownTags: unknown };
}

/** A tag that this phone does not know. It is shown as a plain element, with a warning. */
export interface UnknownTag {
  tag: string;
  /** `file:line:column` */
  place: string;
}

function unknownTagsIn(source: string, file: string, known: ReadonlySet<string>): UnknownTag[] {
  return [...source.replace(/<!--.*?-->/gs, blank).matchAll(/<([a-z][\w-]*)/gi)].flatMap((match) => {
    const [, tag = ''] = match;
    if (known.has(tag)) return [];
    const before = source.slice(0, match.index).split('\n');
    return [{ tag, place: `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}` }];
  });
}

function blank(text: string) {
  return text.replaceAll(/[^\n]/g, ' ');
}

async function compileScript(
  root: string,
  program: {
    app: object;
    theme: object;
    parts: Map<string, object>;
    templates: string;
    unknownTags: UnknownTag[];
    settings: object;
  },
): Promise<string> {
  const { app, theme, parts, templates } = program;
  const loaders = [...parts.keys()].map((path) => `${JSON.stringify(path)}: () => require('./${path}.ts')`);
  const entry = `
    import { settings } from './settings.ts';
    import { openMiniProgram } from ${JSON.stringify(join(demoRoot, 'runtime.ts'))};
    Object.assign(settings, ${JSON.stringify(program.settings)});
    openMiniProgram({
      app: ${JSON.stringify(app)},
      theme: ${JSON.stringify(theme)},
      parts: ${JSON.stringify(Object.fromEntries(parts))},
      templates: ${templates},
      unknownTags: ${JSON.stringify(program.unknownTags)},
      settings,
      loadApp: () => require('./app.ts'),
      loaders: { ${loaders.join(', ')} },
    });`;
  return bundled({
    ...browserOptions,
    stdin: { contents: entry, resolveDir: resolve(root), sourcefile: 'phone-entry.ts', loader: 'ts' },
    // The packages are in this project, even if the mini-program is elsewhere.
    nodePaths: [resolve('node_modules')],
    format: 'iife',
    minify: true,
  });
}

/** Joins several style sheets. `rpx` becomes 1/750 of the phone's width. */
async function compileStyle(files: readonly string[]): Promise<string> {
  const present = await Promise.all(
    files.map((file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  const imports = files
    .filter((_, index) => present[index])
    .map((file) => `@import ${JSON.stringify(resolve(file))};`);
  return bundled({
    ...browserOptions,
    stdin: { contents: imports.join('\n'), resolveDir: process.cwd(), loader: 'css' },
    plugins: [wxss],
  });
}

const wxss: Plugin = {
  name: 'wxss',
  setup({ onLoad }) {
    onLoad({ filter: /\.wxss$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll(/(-?\d*\.?\d+)rpx\b/g, (_, n: string) => `calc(${n} / 750 * 100vw)`);
      return { contents, loader: 'css' };
    });
  },
};

async function bundled(options: Parameters<typeof build>[0] & { write: false }): Promise<string> {
  const { outputFiles, warnings } = await build(options).catch((error: { errors: Message[] }) => {
    throw new Trouble(error.errors.map(describe).join('\n'));
  });
  if (warnings.length > 0) throw new Trouble(warnings.map(describe).join('\n'));
  return outputFiles.map(({ text }) => text).join('');
}

function describe({ text, location }: Message): string {
  if (!location) return text;
  return `${relative('.', resolve(location.file))}:${location.line}:${location.column + 1}: ${text}`;
}

/** Resolves a path of `usingComponents`: relative, or absolute from the root. */
function resolvePart(from: string, path: string): string {
  return join('/', path.startsWith('/') ? '' : join(from, '..'), path).slice(1);
}

async function readJson(file: string): Promise<object> {
  const text = await readSource(file);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    throw new Trouble(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readSource(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Trouble(`${file}: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`);
  });
}

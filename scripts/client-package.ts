// `npm run client`: packs the client of miniprogram/ as an npm package, for frameworks and for 构建 npm of DevTools.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import * as z from 'zod/mini';

/** The entries of the package and their sources. Only what is in `miniprogram_dist` reaches members. */
const entries = {
  '.': { source: 'wecom-login', output: 'miniprogram_dist/index.js' },
  './texts': { source: 'texts', output: 'miniprogram_dist/texts.js' },
  './fake-wx': { source: 'testing/fake-wx', output: 'testing/fake-wx.js' },
};

const directory = process.argv[2] ?? '.';
const folder = await mkdtemp(join(tmpdir(), 'wecom-login-client-'));
try {
  process.stdout.write(`${join(directory, await pack())}\n`);
} finally {
  await rm(folder, { recursive: true });
}

/** Returns the name of the tarball. */
async function pack(): Promise<string> {
  for (const { source, output } of Object.values(entries)) {
    for (const format of ['cjs', 'esm'] as const) {
      await build({
        entryPoints: [`miniprogram/${source}.ts`],
        outfile: join(folder, format === 'cjs' ? output : esModule(source)),
        format,
        target: 'es2017',
        charset: 'utf8',
        logLevel: 'warning',
      });
    }
  }
  const sources = Object.values(entries).map(({ source }) => `miniprogram/${source}.ts`);
  const options = '--ignoreConfig --declaration --emitDeclarationOnly --strict --target es2017 --lib es2017';
  const places = ['--module', 'esnext', '--moduleResolution', 'bundler', '--types', 'node', '--skipLibCheck'];
  run(process.execPath, [
    'node_modules/typescript/bin/tsc',
    ...options.split(' '),
    ...places,
    '--rootDir',
    'miniprogram',
    '--outDir',
    join(folder, 'types'),
    ...sources,
  ]);
  const own = z.object({ version: z.string(), license: z.string() });
  const { version, license } = own.parse(JSON.parse(await readFile('package.json', 'utf8')));
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest(version, license), null, 2)}\n`);
  // Without it Node takes the ES modules for CommonJS.
  await writeFile(join(folder, 'es/package.json'), '{ "type": "module", "sideEffects": false }\n');
  await cp('LICENSE', join(folder, 'LICENSE'));
  await mkdir(directory, { recursive: true });
  const packed = run('npm', ['pack', '--silent', '--pack-destination', resolve(directory)], folder);
  return packed.trim();
}

function esModule(source: string): string {
  return `es/${source}.js`;
}

function types(source: string): string {
  return `./types/${source}.d.ts`;
}

function manifest(version: string, license: string) {
  return {
    name: 'wecom-login-client',
    version,
    description: 'Logs a member in to a WeCom (企业微信) mini-program.',
    license,
    main: entries['.'].output,
    module: esModule(entries['.'].source),
    types: types(entries['.'].source),
    miniprogram: 'miniprogram_dist',
    sideEffects: false,
    exports: {
      ...Object.fromEntries(
        Object.entries(entries).map(([name, { source, output }]) => [
          name,
          { types: types(source), import: `./${esModule(source)}`, default: `./${output}` },
        ]),
      ),
      './package.json': './package.json',
    },
    // For projects with "moduleResolution": "node", which does not read `exports`.
    typesVersions: {
      '*': Object.fromEntries(
        Object.entries(entries).flatMap(([name, { source }]) =>
          name === '.' ? [] : [[name.slice('./'.length), [types(source)]]],
        ),
      ),
    },
  };
}

function run(command: string, args: readonly string[], cwd = '.'): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args[0] ?? ''} failed:\n${stdout}${stderr}`);
  return stdout;
}

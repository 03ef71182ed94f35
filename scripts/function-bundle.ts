// How esbuild makes one file of a function.
import { readFileSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { nodeMajorOf, runtimeIn } from '../deploy/runtime.ts';

/** `node20` when `runtime` in serverless.yml is Nodejs20.19. Read from the current folder. */
export const runtimeNode = `node${nodeMajorOf(runtimeIn(readFileSync('serverless.yml', 'utf8'))) ?? 20}`;

/** The only commands that ioredis has to know by name: lib/redis.ts sends all others through `call`. */
const namedCommands = ['auth', 'client', 'eval', 'evalsha', 'info', 'quit', 'readonly', 'script', 'select'];

/**
 * What packages do while they load and no function needs. Every cold start would wait for it: what each costs
 * stands in docs/decisions.md.
 */
const trims: Record<string, (source: string) => string> = {
  // It looks whether there is a fetch; in Node that loads all of undici.
  'axios/dist/browser/axios.cjs': (source) => `const globalThis = {}, FormData = undefined;\n${source}`,
  // ioredis makes two methods for each of 400 commands.
  '@ioredis/commands/built/commands.json': (source) => {
    const commands: Record<string, unknown> = JSON.parse(source);
    return JSON.stringify(Object.fromEntries(namedCommands.map((name) => [name, commands[name]])));
  },
  'ioredis/built/cluster/index.js': () => 'exports.default = undefined;',
  // Its own log, for terminals: colours, columns, a table of environment variables.
  'ioredis/built/utils/debug.js': () => 'exports.default = () => () => {};',
};

const trim: Plugin = {
  name: 'trim',
  setup({ initialOptions: { absWorkingDir = '' }, onLoad, onStart }) {
    for (const [file, change] of Object.entries(trims)) {
      const parts = ['node_modules', ...file.split('/')];
      // A package that renamed it would otherwise be bundled whole again, and nobody would notice.
      onStart(() =>
        access(join(absWorkingDir, ...parts)).then(
          () => ({}),
          () => ({ errors: [{ text: `${file} is to be trimmed and does not exist` }] }),
        ),
      );
      const filter = new RegExp(`${parts.join('[\\\\/]').replaceAll('.', '\\.')}$`);
      onLoad({ filter }, async ({ path }) => ({
        contents: change(await readFile(path, 'utf8')),
        loader: path.endsWith('.json') ? 'json' : 'js',
      }));
    }
  },
};

/** One minified file for the runtime, whatever is in it; the benchmark bundles what it compares with in the same way. */
export const plainBundle: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: runtimeNode,
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};

export const functionBundle: BuildOptions = {
  ...plainBundle,
  // axios' build without its Node adapter: lib/keep-alive-adapter.ts does that part.
  alias: { axios: 'axios/dist/browser/axios.cjs' },
  plugins: [trim],
};

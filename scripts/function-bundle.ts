// Bundles a function into one file with esbuild.
import { readFileSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { nodeMajorOf, runtimeIn } from '../deploy/runtime.ts';

/** `node20` if `runtime` in serverless.yml is Nodejs20.19. Read from the current folder. */
export const runtimeNode = `node${nodeMajorOf(runtimeIn(readFileSync('serverless.yml', 'utf8'))) ?? 20}`;

/** Returns whether this is a Web function: a server that SCF starts with scf_bootstrap. Others export main_handler. */
export function isWebFunction(source: string): boolean {
  return source.includes('startWebFunction(');
}

/** The only command that ioredis sends by its name: lib/redis-connection.ts sends all others through `call`. */
const namedCommands = ['auth'];

/**
 * Work that packages do at load and no function needs. Each cold start would wait for it; docs/decisions.md has the
 * cost of each.
 */
const trims: Record<string, (source: string) => string> = {
  // Keep only axios' class, with the adapter of lib/wecom-http.ts. Its own adapters and serializers are half of it.
  'axios/index.js': () => "export { default as Axios } from './lib/core/Axios.js';",
  'axios/lib/adapters/adapters.js': () => 'export default { getAdapter: (adapter) => adapter };',
  'axios/lib/defaults/index.js': () => 'export default {};',
  // It checks for FormData; in Node that loads undici too.
  'axios/lib/utils.js': (source) => `const globalThis = {};\n${source}`,
  'axios/lib/helpers/buildURL.js': () => 'export default (url) => url;',
  // axios' steps before and after the adapter: merged defaults, transforms, cancelling. lib/wecom.ts uses none of them.
  'axios/lib/core/mergeConfig.js': () => 'export default (_, config) => config;',
  'axios/lib/core/dispatchRequest.js': () => 'export default (config) => config.adapter(config);',
  // ioredis creates two methods for each of 400 commands.
  '@ioredis/commands/built/commands.json': (source) => {
    const commands: Record<string, unknown> = JSON.parse(source);
    return JSON.stringify(Object.fromEntries(namedCommands.map((name) => [name, commands[name]])));
  },
  'ioredis/built/cluster/index.js': () => 'exports.default = undefined;',
  'ioredis/built/connectors/SentinelConnector/index.js': () => 'exports.default = undefined;',
  // Certificates of Redis Cloud.
  'ioredis/built/constants/TLSProfiles.js': () => 'exports.default = {};',
  'ioredis/built/autoPipelining.js': () => 'exports.shouldUseAutoPipelining = () => false;',
  // Pipelines and transactions: lib/redis-connection.ts sends commands one by one, in one write.
  'ioredis/built/Pipeline.js': () => 'exports.default = undefined;',
  'ioredis/built/transaction.js': () => 'exports.addTransactionSupport = () => {};',
  // Only for Redis Cluster.
  'cluster-key-slot/lib/index.js': () => 'module.exports = () => 0;',
  // Its own log for terminals: colours, columns, a table of environment variables.
  'ioredis/built/utils/debug.js': () => 'exports.default = () => () => {};',
};

const trim: Plugin = {
  name: 'trim',
  setup({ initialOptions: { absWorkingDir = '' }, onLoad, onStart }) {
    for (const [file, change] of Object.entries(trims)) {
      const parts = ['node_modules', ...file.split('/')];
      // Otherwise a package that renamed the file would be bundled whole again, and nobody would notice.
      onStart(() =>
        access(join(absWorkingDir, ...parts)).then(
          () => ({}),
          () => ({ errors: [{ text: `${file} should be trimmed but does not exist` }] }),
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

/** Options for one minified file for the runtime. The benchmark bundles its candidates with them too. */
export const plainBundle: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: runtimeNode,
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};

const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));

export const functionBundle: BuildOptions = {
  ...plainBundle,
  define: { projectVersion: JSON.stringify(version) },
  plugins: [trim],
};

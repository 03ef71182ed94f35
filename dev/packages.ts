// npm packages are bundled once, into files that all functions share: they do not change while somebody writes a function,
// and would take most of each build. They are trimmed as in a deployed function, and kept until package-lock.json changes.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { functionBundle, runtimeNode } from '../scripts/function-bundle.ts';

/** What the bundles of packages depend on. */
const bundledFrom = ['package-lock.json', 'scripts/function-bundle.ts'];
/** Marks what is resolved for the plugin itself. */
const ownQuestion = {};

/** @param folder where the packages are kept */
export function packagesIn(folder: string): Plugin {
  const hash = createHash('sha256').update(runtimeNode);
  for (const file of bundledFrom.filter(existsSync)) hash.update(readFileSync(file));
  const kept = join(folder, `packages-${hash.digest('hex').slice(0, 12)}`);
  mkdirSync(kept, { recursive: true });
  const bundled = new Map<string, Promise<void>>();

  return {
    name: 'packages',
    setup({ initialOptions: { outfile = '' }, onResolve, resolve }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
        if (pluginData === ownQuestion || kind === 'entry-point' || isBuiltin(path)) return undefined;
        const found = await resolve(path, { kind, resolveDir, pluginData: ownQuestion });
        if (found.errors.length > 0 || !/[\\/]node_modules[\\/]/.test(found.path)) return found;
        const file = join(kept, `${path.replaceAll('/', '+')}.js`);
        const ready = bundled.get(file) ?? bundle(found.path, file);
        bundled.set(file, ready);
        await ready;
        return { path: relative(join(outfile, '..'), file), external: true };
      });
    },
  };
}

async function bundle(entry: string, outfile: string): Promise<void> {
  if (existsSync(outfile)) return;
  const { outputFiles } = await build({
    ...functionBundle,
    entryPoints: [entry],
    minify: false,
    write: false,
    logLevel: 'silent',
  });
  // Another `npm run dev` may be writing it.
  const aside = `${outfile}.${process.pid}`;
  writeFileSync(aside, outputFiles[0]?.contents ?? '');
  renameSync(aside, outfile);
}

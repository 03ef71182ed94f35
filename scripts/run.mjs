// Bundles one TypeScript program with esbuild and runs it: `node scripts/run.mjs demo/start.ts --once`.
// Packages stay in node_modules; the output is in .build/, which is never deployed.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [entry, ...args] = process.argv.slice(2);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outfile = join(root, '.build', entry.replace(/\.ts$/, '.mjs'));

await mkdir(dirname(outfile), { recursive: true });
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: `node${process.versions.node}`,
  packages: 'external',
  sourcemap: 'inline',
  write: false,
  logLevel: 'warning',
});
// Written to another file and renamed, because another run of the same program may be reading it.
const aside = `${outfile}.${process.pid}`;
await writeFile(aside, outputFiles[0].contents);
await rename(aside, outfile);
process.setSourceMapsEnabled(true);
process.argv = [process.execPath, outfile, ...args];
await import(pathToFileURL(outfile).href);

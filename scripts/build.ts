// Builds every function into dist/<name>/: exactly what is zipped and nothing else.
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { functionBundle, runtimeNode } from './function-bundle.ts';

const scfBootstrap = `#!/bin/bash
export PATH=/var/lang/${runtimeNode}/bin:$PATH
exec node index.js
`;

// Built aside and moved, so that dist/ is never half there.
const aside = `.build/dist-${process.pid}`;
const names = await readdir('functions');
await Promise.all(
  names.map(async (name) => {
    await build({
      ...functionBundle,
      entryPoints: [`functions/${name}/index.ts`],
      outfile: `${aside}/${name}/index.js`,
    });
    // A Web function is a server that SCF starts by this file; an event function exports main_handler.
    const source = await readFile(`functions/${name}/index.ts`, 'utf8');
    if (source.includes('startWebFunction(')) {
      await writeFile(`${aside}/${name}/scf_bootstrap`, scfBootstrap);
      await chmod(`${aside}/${name}/scf_bootstrap`, 0o755);
    }
  }),
);
// Only for loading dist/ locally: this project is ESM, a zip without package.json is CommonJS.
await writeFile(`${aside}/package.json`, '{"type":"commonjs"}\n');
await rm('dist', { recursive: true, force: true });
await rename(aside, 'dist');
for (const name of names.toSorted()) {
  const { size } = await stat(`dist/${name}/index.js`);
  process.stdout.write(`dist/${name}  ${Math.round(size / 1000)} KB\n`);
}

// Builds each function into dist/<name>/: exactly what is zipped, and nothing else.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { addCodeCaches } from './code-cache.ts';
import { functionBundle, isWebFunction, plainBundle, runtimeNode } from './function-bundle.ts';

const scfBootstrap = `#!/bin/bash
export PATH=/var/lang/${runtimeNode}/bin:$PATH
exec node index.js
`;

// Built in another folder and moved, so that dist/ is never incomplete.
const aside = `.build/dist-${process.pid}`;
const maps = '.build/maps';
const names = await readdir('functions');
await mkdir(maps, { recursive: true });
const webFolders: string[] = [];
await Promise.all(
  names.map(async (name) => {
    const folder = `${aside}/${name}`;
    const entryPoint = `functions/${name}/index.ts`;
    const isWeb = isWebFunction(await readFile(entryPoint, 'utf8'));
    const outfile = `${folder}/${isWeb ? 'app' : 'index'}.js`;
    // Its source map stays here, for `npm run stack`: it holds the whole source.
    await build({ ...functionBundle, entryPoints: [entryPoint], outfile, sourcemap: 'external' });
    await rename(`${outfile}.map`, `${maps}/${name}.map`);
    if (!isWeb) return;
    const sourceSha256 = createHash('sha256')
      .update(await readFile(outfile))
      .digest('hex');
    await build({
      ...plainBundle,
      entryPoints: ['scripts/function-loader.ts'],
      outfile: `${folder}/index.js`,
      define: { sourceSha256: JSON.stringify(sourceSha256) },
    });
    await writeFile(`${folder}/scf_bootstrap`, scfBootstrap);
    await chmod(`${folder}/scf_bootstrap`, 0o755);
    webFolders.push(folder);
  }),
);
await addCodeCaches(webFolders);
// Only for loading dist/ locally: this project is ESM, but a zip without package.json is CommonJS.
await writeFile(`${aside}/package.json`, '{"type":"commonjs"}\n');
await rm('dist', { recursive: true, force: true });
await rename(aside, 'dist');
for (const name of names.toSorted()) {
  const files = await readdir(`dist/${name}`);
  const { size } = await stat(`dist/${name}/${files.includes('app.js') ? 'app' : 'index'}.js`);
  process.stdout.write(`dist/${name}  ${Math.round(size / 1000)} KB\n`);
}

// Builds every function into dist/<name>/: exactly what is zipped and nothing else.
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { build, type BuildOptions } from 'esbuild';

const webFunctions = new Set(['login', 'callback']);
const runtimeNode = 'node20';

const scfBootstrap = `#!/bin/bash
export PATH=/var/lang/${runtimeNode}/bin:$PATH
exec node index.js
`;

const options: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minify: true,
  // Names stay readable in the stack traces of the log.
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  // axios' build without its Node adapter: lib/keep-alive-adapter.ts does that part.
  alias: { axios: 'axios/dist/browser/axios.cjs' },
};

await rm('dist', { recursive: true, force: true });
const names = await readdir('functions');
await Promise.all(
  names.map(async (name) => {
    await build({
      ...options,
      entryPoints: [`functions/${name}/index.ts`],
      outfile: `dist/${name}/index.js`,
    });
    if (webFunctions.has(name)) {
      await writeFile(`dist/${name}/scf_bootstrap`, scfBootstrap);
      await chmod(`dist/${name}/scf_bootstrap`, 0o755);
    }
  }),
);
// Only for loading dist/ locally: this project is ESM, a zip without package.json is CommonJS.
await mkdir('dist', { recursive: true });
await writeFile('dist/package.json', '{"type":"commonjs"}\n');
for (const name of names.toSorted()) {
  const { size } = await stat(`dist/${name}/index.js`);
  process.stdout.write(`dist/${name}  ${Math.round(size / 1024)} KB\n`);
}

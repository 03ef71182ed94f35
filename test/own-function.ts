// Functions of one's own, as somebody would paste them: built in a copy of the project beside lib/.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { functionBundle } from '../scripts/function-bundle.ts';

export interface OwnFunction {
  /** With a tsconfig.json that compiles it. */
  folder: string;
  /** For `world.startWeb`. */
  name: string;
  remove(): void;
}

/** Builds this source of `functions/<name>/index.ts`. */
export async function buildOwnFunction(name: string, source: string): Promise<OwnFunction> {
  mkdirSync('.build', { recursive: true });
  const folder = mkdtempSync(`.build/${name}-`);
  mkdirSync(join(folder, 'functions', name), { recursive: true });
  symlinkSync('../../lib', join(folder, 'lib'));
  symlinkSync('../../node_modules', join(folder, 'node_modules'));
  writeFileSync(join(folder, 'functions', name, 'index.ts'), source);
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  const compilerOptions = { preserveSymlinks: true, types: ['node'] };
  const tsconfig = { extends: '../../tsconfig.json', compilerOptions, include: ['functions', 'lib/*.d.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  await build({
    ...functionBundle,
    entryPoints: [join(folder, 'functions', name, 'index.ts')],
    outfile: join(folder, 'index.js'),
    preserveSymlinks: true,
  });
  return { folder, name: `../${folder}`, remove: () => rmSync(folder, { recursive: true }) };
}

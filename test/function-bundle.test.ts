// How functions are bundled, seen from what would otherwise go unnoticed: a trim that trims nothing.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { functionBundle } from '../scripts/function-bundle.ts';

const trimmed = [
  'axios/index.js',
  'axios/lib/adapters/adapters.js',
  'axios/lib/defaults/index.js',
  'axios/lib/helpers/buildURL.js',
  'axios/lib/core/mergeConfig.js',
  'axios/lib/core/dispatchRequest.js',
  'axios/lib/utils.js',
  '@ioredis/commands/built/commands.json',
  'ioredis/built/cluster/index.js',
  'ioredis/built/connectors/SentinelConnector/index.js',
  'ioredis/built/constants/TLSProfiles.js',
  'ioredis/built/autoPipelining.js',
  'ioredis/built/Pipeline.js',
  'ioredis/built/transaction.js',
  'cluster-key-slot/lib/index.js',
  'ioredis/built/utils/debug.js',
];

/** A project with these files in its node_modules. */
function projectWith(files: string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'function-bundle-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const file of files.map((name) => join(root, 'node_modules', name))) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '{}');
  }
  return root;
}
const bundle = (absWorkingDir: string, entry: string) =>
  build({
    ...functionBundle,
    absWorkingDir,
    entryPoints: [entry],
    logLevel: 'silent',
    write: false,
    outdir: 'out',
  });

test.each(trimmed)('building a function › fails when %s, which is trimmed, is gone', async (file) => {
  const root = projectWith(trimmed.filter((name) => name !== file));
  writeFileSync(join(root, 'index.js'), '');
  await expect(bundle(root, './index.js')).rejects.toThrow(`${file} should be trimmed but does not exist`);
});

test('building a function › trims where paths have backslashes too', async () => {
  const root = projectWith(trimmed);
  const file = String.raw`node_modules\ioredis\built\utils\debug.js`;
  writeFileSync(join(root, file), 'exports.default = "whole";');
  const { outputFiles } = await bundle(root, `./${file}`);
  expect(outputFiles.map(({ text }) => text).join('')).not.toContain('whole');
});

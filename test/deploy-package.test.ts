// The real serverless.yml with the real dist/, packaged in a folder of its own.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readZip } from '../simulator/tencent-cloud/code.ts';

vi.setConfig({ hookTimeout: 180_000 });

const ROOT = process.cwd();
const ENTRY = { web: ['index.js', 'scf_bootstrap'], event: ['index.js'] };

let folder: string;
let yml: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deploy-package-'));
  yml = readFileSync('serverless.yml', 'utf8');
  const own = yml
    .replace('./deploy/index.cjs', join(ROOT, 'deploy/index.cjs'))
    .replace(/^ {2}build: .*$/m, '');
  writeFileSync(join(folder, 'serverless.yml'), own);
  writeFileSync(join(folder, '.env'), 'WECOM_CORPS=ww1:secret\nREDIS_URL=redis://h\nENCRYPTION_KEY=key\n');
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/.bin/sls'), 'package'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      SLS_SCHEMA_CACHE_BASE_DIR: join(ROOT, '.build'),
      SLS_TELEMETRY_DISABLED: '1',
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('sls package › zips each function of serverless.yml: its bundle, scf_bootstrap for web functions, nothing else', async () => {
  const declared = [...yml.matchAll(/^ {2}(\w+):\n(?: {4}#.*\n)* {4}type: (web|event)$/gm)];
  expect(declared.length).toBeGreaterThan(0);
  expect(readdirSync(join(folder, '.serverless')).filter((name) => name.endsWith('.zip'))).toHaveLength(
    declared.length,
  );
  for (const [, key = '', type = 'web'] of declared) {
    const zip = join(folder, '.serverless', `wecom-login-dev-${key}.zip`);
    const files = await readZip(readFileSync(zip));
    expect(files.map(({ name }) => name)).toEqual(ENTRY[type === 'web' ? 'web' : 'event']);
    for (const { name, mode } of files) expect(mode).toBe(name === 'scf_bootstrap' ? 0o755 : 0o644);
  }
});

test('serverless.yml › declares every function that is built', () => {
  for (const name of readdirSync('functions')) {
    if (existsSync(join('dist', name))) expect(yml).toContain(`src: dist/${name}\n`);
  }
});

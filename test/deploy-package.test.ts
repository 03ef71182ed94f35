// The real serverless.yml with the real dist/, packaged in a folder of its own.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readZip } from '../simulator/tencent-cloud/code.ts';
import { runSls } from './framework.ts';

const root = process.cwd();
const codeCache = `app-${process.versions.v8}-${process.arch}.cache`;
const entry = { web: [codeCache, 'app.js', 'index.js', 'scf_bootstrap'], event: ['index.js'] };

const ENCRYPTION_KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64url');
function environmentFile(encryptionKey: string): string {
  return (
    `WECOM_CORPS=ww1:secret\nREDIS_URL=redis://:password@10.0.0.5:6379\nENCRYPTION_KEY=${encryptionKey}\n` +
    `WECOM_CALLBACKS=ww1:token:${'k'.repeat(43)}\n` +
    `WECOM_CALLERS=erp:${'0'.repeat(64)}\nWECOM_APIS=message/send\n`
  );
}

let folder: string;
let yml: string;
const slsPackage = () => runSls({ args: ['package'], cwd: folder });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deploy-package-'));
  yml = readFileSync('serverless.yml', 'utf8');
  const own = yml
    .replace('./deploy/index.cjs', join(root, 'deploy/index.cjs'))
    .replace(/^ {2}build: .*$/m, '');
  writeFileSync(join(folder, 'serverless.yml'), own);
  writeFileSync(join(folder, '.env'), environmentFile(ENCRYPTION_KEY));
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  expect(await slsPackage()).toMatchObject({ exitCode: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('[A41] sls package › zips each function of serverless.yml: its bundle, for web functions loader, code cache and scf_bootstrap, nothing else', async () => {
  const declared = [...yml.matchAll(/^ {2}(\w+):\n(?: {4}#.*\n)* {4}type: (web|event)$/gm)];
  expect(declared.length).toBeGreaterThan(0);
  expect(readdirSync(join(folder, '.serverless')).filter((name) => name.endsWith('.zip'))).toHaveLength(
    declared.length,
  );
  for (const [, key = '', type = 'web'] of declared) {
    const zip = join(folder, '.serverless', `wecom-login-dev-${key}.zip`);
    const files = await readZip(readFileSync(zip));
    expect(files.map(({ name }) => name)).toEqual(entry[type === 'web' ? 'web' : 'event']);
    for (const { name, mode } of files) expect(mode).toBe(name === 'scf_bootstrap' ? 0o755 : 0o644);
  }
});

test('serverless.yml › declares every function that is built', () => {
  for (const name of readdirSync('functions')) {
    if (existsSync(join('dist', name))) expect(yml).toContain(`src: dist/${name}\n`);
  }
});

test('sls package › zips nothing for a function whose variable is empty, and not the project in its place', async () => {
  const without = environmentFile(ENCRYPTION_KEY).replaceAll(/^WECOM_CALL(BACKS|ERS)=.*$/gm, '');
  writeFileSync(join(folder, '.env'), without);
  rmSync(join(folder, '.serverless'), { recursive: true });
  expect(await slsPackage()).toMatchObject({ exitCode: 0 });
  const zips = readdirSync(join(folder, '.serverless')).filter((name) => name.endsWith('.zip'));
  expect(zips.toSorted()).toEqual(['admin', 'login', 'refresh'].map((key) => `wecom-login-dev-${key}.zip`));
});

test('sls package › refuses what the functions would refuse at their start, naming the variable and not its value', async () => {
  writeFileSync(join(folder, '.env'), environmentFile('too-short'));
  const refused = await slsPackage();
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toMatch(/functions\.login\.environment: ENCRYPTION_KEY: [^\n]+\n/);
  expect(refused.output).not.toContain('too-short');
});

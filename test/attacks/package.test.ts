import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const sourcesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);

/** What only a server may know or call. */
const serverOnly =
  /corpsecret|gettoken|qyapi|access_token|jscode2session|encodingAESKey|ENCRYPTION_KEY|REDIS_URL|WECOM_CORPS/i;

test('[A40] miniprogram/ › holds no secret, and no call that would take one: whoever has the app can read it', () => {
  const files = sourcesOf('miniprogram');
  expect(files.length).toBeGreaterThan(5);
  const found = files.filter((file) => serverOnly.test(readFileSync(file, 'utf8')));
  expect(found).toEqual([]);
});

test('[A42] package-lock.json › lets no dependency of a function run anything when it is installed', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }>;
  };
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  expect(shipped.length).toBeGreaterThan(10);
  expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
});

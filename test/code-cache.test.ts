// The code cache of a Web function: used where it fits, and never in the place of other code.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { wrap } from 'node:module';
import { join, relative } from 'node:path';
import { Script } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { worldForAll } from './world.ts';

const shared = worldForAll();
const cacheName = `app-${process.versions.v8}-${process.arch}.cache`;

/** A copy of dist/login, changed before it starts; what `POST /login {}` says. */
async function loginWith(change: (folder: string) => void) {
  const folder = mkdtempSync('.build/code-cache-');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('dist/login', folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  change(folder);
  const { world } = shared;
  const login = await world.startWeb(relative('dist', folder), world.environment());
  const refused = await login.login({});
  const { status } = await login.login({ js_code: world.jsCode() });
  await login.stop();
  return { message: refused.body['message'], status };
}
const edit = (file: string, change: (content: Buffer) => Buffer | string) =>
  writeFileSync(file, change(readFileSync(file)));
const asBuilt = { message: 'The request is malformed.', status: 200 };

test.each(['login', 'callback'])('dist/%s › has a code cache that this V8 takes for its app.js', (name) => {
  const source = wrap(readFileSync(`dist/${name}/app.js`, 'utf8'));
  const compiled = (content: string) =>
    new Script(content, { cachedData: readFileSync(`dist/${name}/${cacheName}`) });
  expect(compiled(source).cachedDataRejected).toBe(false);
  expect(compiled(`${source} `).cachedDataRejected).toBe(true);
});

test('POST /login › runs the code that is there after an edit that keeps its length, not the cached one', async () => {
  const other = asBuilt.message.replace('malformed', 'different');
  const answered = await loginWith((folder) =>
    edit(join(folder, 'app.js'), (content) => content.toString().replaceAll(asBuilt.message, other)),
  );
  expect(answered).toEqual({ message: other, status: 200 });
});

test.each<[string, (folder: string) => void]>([
  ['is missing', (folder) => rmSync(join(folder, cacheName))],
  [
    'is of another version',
    (folder) => renameSync(join(folder, cacheName), join(folder, 'app-1.0-x64.cache')),
  ],
  ['is cut off', (folder) => edit(join(folder, cacheName), (content) => content.subarray(0, 5000))],
  ['is empty', (folder) => writeFileSync(join(folder, cacheName), '')],
  ['has another head', (folder) => edit(join(folder, cacheName), (content) => content.fill(7, 0, 16))],
])('POST /login › works when the code cache %s', async (_, change) => {
  expect(await loginWith(change)).toEqual(asBuilt);
});

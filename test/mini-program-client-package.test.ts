import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { clientErrorCodes, createWecomLogin } from '../miniprogram/wecom-login.ts';
import { compiled, notInList } from './mini-program-old-runtime.ts';
import { endSession, errorOf, openPhone } from './mini-program-phone.ts';
import { otherCorpid, startWorld } from './world.ts';

const files = readdirSync('miniprogram', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name));
const read = (path: string) => readFileSync(path, 'utf8');
const json = (path: string) => JSON.parse(read(path)) as Record<string, never>;
const holding = (pattern: RegExp, among = files) => among.filter((path) => pattern.test(read(path)));

function openedClient() {
  vi.stubGlobal('wx', {});
  const client = createWecomLogin({ serverUrl: '' });
  vi.unstubAllGlobals();
  return client;
}

describe('miniprogram/', () => {
  test('miniprogram/ › holds no secret, and does not know WeCom’s server', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(
      holding(
        /corpsecret|access_token|session_key=|gettoken|qyapi|jscode2session|WECOM_CORPS|ENCRYPTION_KEY/i,
      ),
    ).toEqual([]);
    // The session_token is written nowhere: one key is stored, the corpid hint.
    expect(
      files.flatMap((path) => [...read(path).matchAll(/\bset\w*Storage\w*\(.*$/gm)].map(([line]) => line)),
    ).toEqual(['setStorageSync(hintKey, corpid);', 'setStorageSync(key: string, value: string): void;']);
    expect(holding(/console\./)).toEqual([]);
  });

  test('miniprogram/ › cannot be shared or found', () => {
    expect(holding(/onShare\w*|onAddToFavorites|showShareMenu|open-type="share"/)).toEqual([]);
    expect(json('miniprogram/sitemap.json')).toEqual({ rules: [{ action: 'disallow', page: '*' }] });
  });

  test('miniprogram/wecom-login.ts › imports nothing and can be copied alone', () => {
    const source = read('miniprogram/wecom-login.ts');
    expect(source).not.toMatch(/\bimport\b.*from|\brequire\(|\bimport\(/);
  });

  test('[P4] miniprogram/ › compiled, calls only what every base library has', () => {
    const sources = files.filter((path) => /(?<!\.d)\.ts$/.test(path) && !path.includes('/testing/'));
    const own = sources.map(read).join('\n');
    const unknown = sources.flatMap((path) =>
      notInList(compiled(path, 'esm'), own).map((call) => `${path}: ${call}`),
    );
    expect(unknown).toEqual([]);
    // Of what is newer, and of what there is in browsers only, this finds each.
    const newer =
      "[1].flatMap(f); x?.at(-1); Object.fromEntries(y); new URL(z); a.finally(b); 'a'.padStart(2)";
    expect(notInList(newer, own)).toEqual([
      '.flatMap',
      '.at',
      '.finally',
      '.padStart',
      'Object.fromEntries',
      'URL',
    ]);
    // esbuild's own helpers are not in that list: an object that goes on after a spread needs this one.
    expect(sources.filter((path) => compiled(path, 'esm').includes('getOwnPropertyDescriptors'))).toEqual([]);
    // Of regular expressions what iOS got in 2023, and Unicode classes.
    expect(holding(/\(\?<|\\p\{/, sources)).toEqual([]);
  });

  test('[P4] miniprogram/wecom-login.ts › logs in, asks, renews and leaves without anything that an old base library lacks', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const phone = openPhone(world, { corpid: otherCorpid });
    const client = phone.quickClient(login.url, { fromMs: 1000, toMs: 2000 });
    phone.nextRequest.push('request:fail interrupted');
    expect((await Promise.all([client.login(), client.login()]))[0].member?.corpid).toBe(otherCorpid);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
    expect(await client.userdata('getMobile')).toMatchObject({ userid: 'ZhangSan' });
    await endSession(login, phone);
    expect(await client.request({ url: '/session', header: { 'X-Trace': '1' } })).toMatchObject({
      role: 'member',
    });
    expect(await client.reviewerLoginOffered()).toBe(false);
    expect(await errorOf(client.request({ url: '/none' }))).toMatchObject({ code: 'not_found', status: 404 });
    expect([await client.environment(), await client.logout(), client.session()]).toEqual([
      'wecom',
      true,
      undefined,
    ]);
    expect(phone.asked.login).toBe(4);
  });

  test('miniprogram/ › has every page that app.json lists, with all four files, and no other', () => {
    const { pages } = json('miniprogram/app.json') as unknown as { pages: string[] };
    const expected = pages.flatMap((page) =>
      ['json', 'ts', 'wxml', 'wxss'].map((kind) => `miniprogram/${page}.${kind}`),
    );
    expect(files.filter((path) => path.startsWith('miniprogram/pages/')).toSorted()).toEqual(
      expected.toSorted(),
    );
    const opened = [
      ...files
        .map(read)
        .join('\n')
        .matchAll(/url: [`'](\/pages\/[\w/]+)/g),
    ].map(([, path]) => path?.slice(1));
    expect(opened.length).toBeGreaterThan(5);
    expect(opened.filter((path) => !pages.includes(path ?? ''))).toEqual([]);
  });

  test('miniprogram/ › binds only what the page has, and uses every colour from app.wxss', () => {
    for (const path of files.filter((name) => name.endsWith('.wxml'))) {
      const script = read(path.replace('.wxml', '.ts'));
      for (const [, handler] of read(path).matchAll(/\bbind\w+="(\w+)"/g)) {
        expect(script, path).toMatch(new RegExp(`^ {2,4}(async )?${handler}\\(`, 'm'));
      }
    }
    const styles = files.filter((name) => name.endsWith('.wxss'));
    const colours = [...read('miniprogram/app.wxss').matchAll(/^\s+(--[\w-]+):/gm)].map(([, name]) => name);
    for (const [, name] of styles
      .map(read)
      .join('\n')
      .matchAll(/var\((--[\w-]+)\)/g))
      expect(colours).toContain(name);
  });

  test('miniprogram/ › has its own types and passes them', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'miniprogram'],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('miniprogram/wecom-login.ts › compiles in a project with the usual strict settings only', () => {
    const options = '--ignoreConfig --noEmit --strict --target es2017 --lib es2017 --module esnext'.split(
      ' ',
    );
    // Timers are what every mini-program's types have.
    const types = ['--moduleResolution', 'bundler', '--types', 'node', '--skipLibCheck'];
    const { status, stdout } = spawnSync(
      process.execPath,
      ['node_modules/typescript/bin/tsc', ...options, ...types, 'miniprogram/wecom-login.ts'],
      {
        encoding: 'utf8',
      },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('docs/mini-program.md › names every error code of the client, and every function and option', () => {
    const document = read('docs/mini-program.md');
    const codes = [...document.slice(document.indexOf('### Errors')).matchAll(/^\| `(\w+)` +\|/gm)];
    expect(codes.map(([, code = '']) => code).toSorted()).toEqual([...clientErrorCodes].toSorted());
    const source = read('miniprogram/wecom-login.ts');
    const options = /interface WecomLoginOptions \{(.*?)^\}/ms.exec(source)?.[1] ?? '';
    const functions = Object.keys(openedClient());
    const names = [...options.matchAll(/^  (\w+)\??:/gm)].map(([, name]) => name ?? '');
    expect(names.length).toBe(6);
    for (const name of [...names, ...functions])
      expect(document).toMatch(new RegExp(`^\\| .*\`${name}[\`(]`, 'm'));
  });

  test('miniprogram/project.config.json › opens in WeChat DevTools with TypeScript', () => {
    const config = json('miniprogram/project.config.json');
    expect(config).toMatchObject({
      appid: 'touristappid',
      compileType: 'miniprogram',
      setting: { useCompilerPlugins: ['typescript'], es6: true, enhance: true, urlCheck: true },
    });
    // With it, WeChat's tools look for app.json in the wrong place and pack what nobody uses.
    expect(config).not.toHaveProperty('miniprogramRoot');
    // What DevTools' WeCom mode offers at most.
    const [major = 0, minor = 0, patch = 0] = String(config['libVersion']).split('.').map(Number);
    expect(major * 10_000 + minor * 100 + patch).toBeLessThanOrEqual(22_003);
    const { compilerOptions } = json('miniprogram/tsconfig.json') as unknown as { compilerOptions: object };
    expect(compilerOptions).toMatchObject({ target: 'ES2017', lib: ['ES2017'] });
  });
});

/** WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [a = 0, b = 0] = [one, other]
    .map((colour) => {
      const [red = 0, green = 0, blue = 0] = [1, 3, 5]
        .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .toSorted((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

describe.each(['light', 'dark'])('miniprogram/app.wxss, %s', (theme) => {
  const [light = '', dark = ''] = read('miniprogram/app.wxss').split('@media (prefers-color-scheme: dark)');
  const colours = Object.fromEntries(
    [...(theme === 'light' ? light : dark).matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map(
      ([, name, value]) => [name, value],
    ),
  ) as Record<string, string>;

  test.each([
    ['--text', '--ground'],
    ['--text', '--surface'],
    ['--text', '--danger-soft'],
    ['--text-soft', '--ground'],
    ['--text-soft', '--surface'],
    ['--on-accent', '--accent'],
    ['--accent-text', '--surface'],
    ['--accent-text', '--ground'],
    ['--accent-text', '--accent-soft'],
    ['--danger', '--danger-soft'],
    ['--warning', '--warning-soft'],
  ])(`${theme} › %s on %s has a contrast of at least 4.5`, (text, ground) => {
    expect(contrast(colours[text] ?? '', colours[ground] ?? '')).toBeGreaterThanOrEqual(4.5);
  });

  test.each(['--ground', '--surface'])(`${theme} › --border on %s has a contrast of at least 3`, (ground) => {
    expect(contrast(colours['--border'] ?? '', colours[ground] ?? '')).toBeGreaterThanOrEqual(3);
  });
});

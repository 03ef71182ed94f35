import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { describe, expect, test, vi } from 'vitest';
import { clientErrorCodes, createWecomLogin } from '../miniprogram/wecom-login.ts';

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
    const { code } = transformSync(source, { loader: 'ts', target: 'esnext' });
    // Of what a mini-program, or an old one, does not have.
    expect(code).not.toMatch(/\b(new URL|URLSearchParams|fetch\(|Headers|AbortController|structuredClone)\b/);
    expect(code).not.toMatch(
      /\?\?=|\|\|=|&&=|\.at\(|replaceAll|Object\.hasOwn|Promise\.any|static \{|#\w+\(/,
    );
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
        expect(script, path).toMatch(new RegExp(`^  (async )?${handler}\\(`, 'm'));
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

  test('miniprogram/ › has its own types and passes them', { timeout: 60_000 }, () => {
    const { status, stdout } = spawnSync('npx', ['tsc', '--noEmit', '-p', 'miniprogram'], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('miniprogram/wecom-login.ts › compiles in a project with the usual strict settings only', () => {
    const options = '--ignoreConfig --noEmit --strict --target es2020 --lib es2020 --module esnext'.split(
      ' ',
    );
    // Timers are what every mini-program's types have.
    const types = ['--moduleResolution', 'bundler', '--types', 'node', '--skipLibCheck'];
    const { status, stdout } = spawnSync('npx', ['tsc', ...options, ...types, 'miniprogram/wecom-login.ts'], {
      encoding: 'utf8',
    });
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
    expect(names.length).toBe(5);
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
  ])(`${theme} › %s on %s has a contrast of at least 4.5`, (text, ground) => {
    expect(contrast(colours[text] ?? '', colours[ground] ?? '')).toBeGreaterThanOrEqual(4.5);
  });
});

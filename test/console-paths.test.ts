import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { at, menusOf, ofFunction, placeList, sources } from '../scripts/console-paths.ts';

test('a place in a console › has the console, its address, the menus, and the way in an older console', () => {
  expect(at.appTrustedIp).toEqual({
    en: 'WeCom admin console https://work.weixin.qq.com/wework_admin/frame#apps → 应用管理 → 应用 → 自建 → the app of the mini-program → 企业可信IP → 配置 (older console: 应用管理 → 小程序)',
    zh: '企业微信管理后台 https://work.weixin.qq.com/wework_admin/frame#apps → 应用管理 → 应用 → 自建 → 小程序对应的应用 → 企业可信IP → 配置（旧版后台：应用管理 → 小程序）',
  });
  expect(menusOf('workbench')).toEqual({ en: '工作台 → the mini-program', zh: '工作台 → 该小程序' });
  expect(at.devtoolsCompany.zh).toBe('模拟操作 → 选择企业');
  expect(ofFunction(menusOf('scfUrl'), '{name}').zh).toBe('云函数 → 函数服务 → {name} → 函数 URL');
});

test.each(placeList)('%s › has menus in both languages and a source', (name, { url, source }) => {
  for (const text of Object.values(at[name])) expect(text).not.toMatch(/[<>]/);
  expect(url ?? 'https://').toMatch(/^https:\/\//);
  const { page, date } = sources[source];
  expect(page === '' ? date : page).toMatch(page === '' ? /^$/ : /^https:\/\//);
});

// Only docs/ with its folders: the project's own has others, which other tests fill and remove meanwhile.
const inDocs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((path) => `docs/${path}`);
const documents = [...readdirSync('.'), ...inDocs].filter((path) =>
  /^(docs\/.*|[A-Z][\w.-]*)\.md$|^\.env\.example$/.test(path),
);

/** Pairs of menus that follow each other. Before the first is the console, by its name or by its address. */
function steps(path: string) {
  const [start = '', ...menus] = path.split(' → ');
  const [name = '', address = name] = start.split(/ ?https:\/\//);
  const pairs = menus.map((menu, index) => [menus[index - 1] ?? start, menu] as const);
  return [...pairs, [name || start, menus[0] ?? ''], [address, menus[0] ?? '']] as const;
}
const withoutOlder = (path: string) => path.replace(/ \(older.*|（旧版.*/, '');
const known = placeList.flatMap(([name]) =>
  Object.values(at[name]).flatMap((path) => steps(withoutOlder(path))),
);
const older = placeList.flatMap(([, place]) => ('older' in place ? steps(place.older) : []));
/** Arrows beside Chinese words that are not the way to a place. */
const others = [
  ['哈希', '加密记录'],
  ['工具', '二维码'],
  ['二维码', '用企业微信扫码'],
  ['右上角 `…`', '配置体验版'],
  ['扫码', '…'],
  ['top right', '配置体验版'],
  ['配置体验版', 'choose members'],
  ['配置体验版', '选择成员'],
] as const;

test.each(documents)('%s › names places in consoles as scripts/console-paths.ts has them', (path) => {
  const fn = path.startsWith('docs/zh/') ? '该函数' : 'the function';
  const prose = readFileSync(path, 'utf8')
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .replaceAll('{name}', fn);
  const wrong = prose.split('\n').flatMap((line) =>
    [...line.matchAll(/ ?→ ?/g)].flatMap(({ 0: arrow, index }) => {
      const [before, after] = [line.slice(0, index), line.slice(index + arrow.length)];
      const isMenu = /[\u4e00-\u9fff”]$/.test(before) || /^[“\u4e00-\u9fff]/.test(after);
      const allowed = [...known, ...others, ...(/older|旧版/i.test(line) ? older : [])];
      const isKnown = allowed.some(([above, below]) => before.endsWith(above) && after.startsWith(below));
      return isMenu && !isKnown ? [`${before.slice(-20)} → ${after.slice(0, 20)}`] : [];
    }),
  );
  expect(wrong).toEqual([]);
});

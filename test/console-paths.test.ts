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

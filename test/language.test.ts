import { expect, test } from 'vitest';
import { languageOf, padded, widthOf, wrapped } from '../scripts/language.ts';

test.each([
  [{}, undefined, 'en'],
  [{ LANG: '' }, undefined, 'en'],
  [{ LANG: 'C' }, undefined, 'en'],
  [{ LANG: 'C.UTF-8' }, undefined, 'en'],
  [{ LANG: 'de_DE.UTF-8' }, undefined, 'en'],
  [{ LANG: 'zh_CN.UTF-8' }, undefined, 'zh'],
  [{ LANG: 'zh_TW' }, undefined, 'zh'],
  [{ LANG: 'zh' }, undefined, 'zh'],
  [{ LANG: 'zha_CN' }, undefined, 'en'],
  [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, undefined, 'en'],
  [{ LANG: 'en_US.UTF-8', LC_MESSAGES: 'zh_CN.UTF-8' }, undefined, 'zh'],
  [{ LANG: 'zh_CN.UTF-8', WECOM_LOGIN_LANG: 'en' }, undefined, 'en'],
  [{ LANG: 'zh_CN.UTF-8', WECOM_LOGIN_LANG: '' }, undefined, 'zh'],
  [{ LANG: 'zh_CN.UTF-8', WECOM_LOGIN_LANG: 'en' }, 'zh', 'zh'],
] as const)('the language of %j with --lang %s is %s', (environment, wanted, language) => {
  expect(languageOf(environment, wanted, '')).toBe(language);
});

test('the language of the system counts where no locale is set, and only there', () => {
  expect(languageOf({}, undefined, 'zh-CN')).toBe('zh');
  expect(languageOf({ LANG: 'en_US.UTF-8' }, undefined, 'zh-CN')).toBe('en');
});

test('another language is refused with the name of what asked for it', () => {
  expect(() => languageOf({}, 'fr')).toThrow('--lang: zh or en');
  expect(() => languageOf({ WECOM_LOGIN_LANG: 'chinese' })).toThrow('WECOM_LOGIN_LANG: zh or en');
});

test('Chinese takes two columns', () => {
  expect(widthOf('企业可信IP：')).toBe(4 * 2 + 2 + 2);
  expect(padded('函数', 6)).toBe('函数  ');
  expect(padded('a long label', 6)).toBe('a long label');
});

test('a text of two scripts is broken at 30 columns, and no line begins with a full stop', () => {
  const text =
    '在企业微信管理后台打开 https://work.weixin.qq.com/wework_admin，点击“应用管理”，再选择应用（自建）。Then run npm run doctor.';
  const lines = wrapped(text, '  ', 30);
  expect(
    lines
      .map((line) => line.trim())
      .join('')
      .replaceAll(' ', ''),
  ).toBe(text.replaceAll(' ', ''));
  for (const line of lines) expect(line).not.toMatch(/^ *[，。；：！？、）》”」】]/u);
  for (const line of lines) expect(line).not.toMatch(/[（《“「【]$/u);
  // A word that is longer than the line has a line of its own.
  expect(lines.filter((line) => widthOf(line) > 30).every((line) => line.includes('https://'))).toBe(true);
  expect(wrapped('one two three', '', 7)).toEqual(['one two', 'three']);
});

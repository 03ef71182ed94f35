// docs/doctor.md and docs/zh/doctor.md have every diagnosis and its advice in the words of the code.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { insideStatuses } from '../lib/doctor/finding.ts';
import type { Command } from '../scripts/command.ts';
import { doctor } from '../scripts/doctor/command.ts';
import { diagnosesIn, wordsFor } from '../scripts/doctor/finding.ts';
import { placesThatShare } from '../scripts/doctor/sharing.ts';
import { linesOf } from '../scripts/doctor/print.ts';
import { outsideWords, unknownWords } from '../scripts/doctor/table.ts';
import { languageIn, widthOf } from '../scripts/language.ts';
import { reviewer } from '../scripts/reviewer/command.ts';
import { sessions } from '../scripts/sessions/command.ts';
import { setup } from '../scripts/setup/command.ts';
import { runInFolder } from './doctor-world.ts';

const documents = [
  ['en', 'docs/doctor.md'],
  ['zh', 'docs/zh/doctor.md'],
] as const;
const programs: [string, Command][] = [
  ['doctor', doctor],
  ['setup', setup],
];

describe.each(documents)('in %s, %s', (language, file) => {
  const document = readFileSync(file, 'utf8');
  const diagnoses = Object.entries(diagnosesIn(language));
  const rowOf = ([id, { status, found, advice }]: (typeof diagnoses)[number]) =>
    [id, status, found, advice].map((text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;'));
  const rows = [...document.matchAll(/^\| `([\w.]+)` +\| (\w+) +\| (.*?) +\| (.*?) +\|$/gm)].map(
    ([, ...cells]) => cells,
  );

  test(`${file} › has every diagnosis of the code, with its words, and no other`, () => {
    const missing = diagnoses
      .map(rowOf)
      .filter((row) => !rows.some((found) => String(found) === String(row)));
    // What to put there, ready to be copied.
    expect(missing.map(([id, ...cells]) => `| \`${id}\` | ${cells.join(' | ')} |`)).toEqual([]);
    expect(new Set(rows.map(([id]) => id))).toEqual(new Set(diagnoses.map(([id]) => id)));
    expect(rows).toHaveLength(diagnoses.length);
  });

  test.each(programs)(`${file} › has the options of npm run %s`, async (_, command) => {
    const { out } = await runInFolder(command, ['--help', '--lang', language], '.');
    const options = [...out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option ?? '');
    expect(options.length).toBeGreaterThan(2);
    for (const option of options) expect(document).toContain(`\`${option}`);
  });

  test(`${file} › every diagnosis names its check and says what to do`, () => {
    for (const [id, { found, advice }] of diagnoses) {
      expect(id).toMatch(/^[a-z]+\.[a-z_]+\.[a-z_]+$/);
      expect(found.length, id).toBeLessThan(130);
      expect(advice.length, id).toBeGreaterThan(3);
    }
  });
});

describe('words in two languages', () => {
  const ids = [...Object.keys(insideStatuses), ...Object.keys(outsideWords), 'another.version.id'];

  test.each(ids)('%s › has the same values in both languages', (id) => {
    const { found, advice } = wordsFor(id) ?? unknownWords;
    const values = (text = '') => [...new Set(text.match(/\{\w+\}/g))].toSorted();
    expect(values(found.zh)).toEqual(values(found.en));
    expect(values(advice?.zh)).toEqual(values(advice?.en));
  });

  test.each([
    ['en', 80],
    ['zh', 80],
    ['zh', 60],
  ] as const)('every diagnosis › fits a terminal in %s of %i columns', (language, columns) => {
    for (const id of Object.keys(diagnosesIn(language))) {
      const finding = { id, status: 'failed', values: {}, about: 'ww1234567890abcdef' } as const;
      const lines = linesOf(finding, { language, coloured: false, columns }).trimEnd().split('\n');
      const tooLong = lines.filter((line) => widthOf(line) > columns && /\S\s+\S/.test(line.trim()));
      // A word that is longer than the line, such as an address, has a line of its own.
      expect(tooLong, id).toEqual([]);
      expect(
        lines.filter((line) => /^ *[，。；：！？、）》”」】]/.test(line)),
        id,
      ).toEqual([]);
      expect(lines.join('')).not.toContain('\u001b');
    }
  });

  test('advice › names only documents that exist', () => {
    const texts = (['en', 'zh'] as const).flatMap((language) => Object.values(diagnosesIn(language)));
    const named = texts.flatMap(({ advice }) =>
      [...advice.matchAll(/docs\/[\w/-]+\.md/g)].map(([path]) => path),
    );
    expect(new Set(named)).toEqual(new Set(['docs/deploy.md', 'docs/zh/deploy.md']));
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });

  test.each<[string, Command, string[], RegExp]>([
    ['doctor', doctor, ['--nonsense'], /^没有选项 --nonsense\n\nnpm run doctor {3}检查/],
    ['doctor', doctor, ['--stage'], /^选项 --stage 缺少值/],
    ['doctor', doctor, ['--stage', 'a b'], /^--stage：只能用字母/],
    ['doctor', doctor, ['prod'], /^多余的参数 prod\n/],
    ['setup', setup, ['--nonsense'], /^没有选项 --nonsense\n\nnpm run setup {3}逐项/],
    ['setup', setup, ['nonsense'], /^第 1 行或第 1 个参数不是 KEY=value\n$/],
    ['sessions', sessions, [], /^npm run sessions -- list CORPID USERID {3}列出/],
    ['reviewer', reviewer, ['张三'], /^用法：npm run reviewer -- NAME/],
  ])('npm run %s › says at a Chinese terminal how it is used: %o', async (_, command, args, said) => {
    const environment = { LANG: 'zh_CN.UTF-8' };
    const { code, out, err } = await runInFolder(command, args, '.', { environment });
    expect([code === 0, out]).toEqual([false, '']);
    expect(err).toMatch(said);
  });

  test.each(programs)('npm run %s › refuses an unknown --lang in both languages', async (_, command) => {
    const environment = { LANG: 'zh_CN.UTF-8' };
    const { code, err } = await runInFolder(command, ['--lang', 'fr'], '.', { environment });
    expect([code, err]).toEqual([2, '--lang: zh or en / 只能是 zh 或 en\n']);
  });

  test('--lang › counts before the arguments are parsed, in both spellings, the last one', () => {
    expect(languageIn(['--lang', 'zh', '--nonsense'], {})).toBe('zh');
    expect(languageIn(['--lang=zh'], {})).toBe('zh');
    expect(languageIn(['--lang', 'en', '--lang=zh'], {})).toBe('zh');
    expect(languageIn(['--language', 'zh'], { LANG: 'C' })).toBe('en');
    expect(languageIn(['--lang'], { LANG: 'zh_TW' })).toBe('zh');
  });
});

test('miniprogram/ › no page of ours can be shared or added to favourites', () => {
  expect(placesThatShare('miniprogram')).toEqual([]);
});

// The tables of what the programs say in the terminal. Those of the deploy: deploy-chinese.test.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as rehearsal from '../demo/rehearsal-texts.ts';
import * as demo from '../demo/texts.ts';
import { readable } from '../dev/log.ts';
import * as dev from '../dev/texts.ts';
import { widthOf } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import { castFile, readPeople } from '../simulator/people.ts';
import * as simulator from '../simulator/texts.ts';
import { startTexts } from '../simulator/texts.ts';
import { englishIn, expectBothLanguages, textsOf } from './bilingual.ts';

test.each(
  Object.entries({ demo, rehearsal, dev, simulator }).flatMap(([program, table]) =>
    textsOf(table).map(([name, text]) => [program, name, text] as const),
  ),
)('%s, %s › has the same values in both languages, and no English sentence in Chinese', (_, name, text) => {
  expectBothLanguages(text);
  const widest = Math.max(...[text.en, text.zh].flatMap((words) => words.split('\n').map(widthOf)));
  if (name === 'usage') expect(widest).toBeLessThanOrEqual(110);
});

test('the check of a table › notices another value, and English', () => {
  expect(() => expectBothLanguages({ en: 'port ‹0›', zh: '端口 ‹1›' })).toThrow();
  expect(() => expectBothLanguages({ en: 'it is not built', zh: 'it is not built yet' })).toThrow();
  expect(englishIn('构建：the build has failed again')).toHaveLength(1);
  expect(englishIn('请执行 npm run doctor -- --stage prod。')).toEqual([]);
});

test('npm run dev, a function that does not start › says so in the language of the terminal', () => {
  const line = '{"time":"","level":"error","event":"config_invalid","problems":["WECOM_CORPS: is missing"]}';
  const output = startTexts.ended('login', '1', line);
  expect(readable(output.en, 'en')).toEqual([
    'login ended with code 1: config_invalid',
    'WECOM_CORPS: is missing',
  ]);
  expect(readable(output.zh, 'zh')).toEqual([
    'login 启动失败，退出码 1：config_invalid',
    'WECOM_CORPS：缺少',
  ]);
  expect(readable(startTexts.silent('hello', 30, '').zh, 'zh')).toEqual([
    'hello 启动失败，30 秒内没有监听任何端口：',
  ]);
  expect(readable(startTexts.notLoaded('tick', { en: 'no such file', zh: '没有这个文件' }).zh, 'zh')).toEqual(
    ['tick 加载失败：没有这个文件'],
  );
});

test.each([
  [(text: string) => text.replace('"userid": "LiSi",', ''), 'companies[0].people[3].userid：缺少这一项'],
  [(text: string) => text.replace('"outOfRange"', '"outofrange"'), '没有 outofrange 这一项'],
  [(text: string) => text.replace('"userid": "LiSi"', '"userid": "zhangsan"'), 'zhangsan 出现了两次'],
  [(text: string) => text.slice(0, -3), '不是合法的 JSON'],
])('a mistake in the file of people › is said in Chinese too', (mistake, said) => {
  const folder = mkdtempSync(join(tmpdir(), 'people-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'people.json');
  writeFileSync(file, mistake(readFileSync(castFile, 'utf8')));
  const failure = (): unknown => {
    try {
      return readPeople(file);
    } catch (error) {
      return error;
    }
  };
  expect(failure()).toMatchObject({ words: { zh: expect.stringContaining(said) } });
});

test('what Node says of an option that it does not know another way › stays as it came', () => {
  expect(optionProblem(new Error('Something else. More of it'))).toEqual({
    en: 'Something else',
    zh: 'Something else',
  });
});

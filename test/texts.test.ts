// The tables of what the programs say in the terminal. Those of the deploy: deploy-chinese.test.ts.
import { expect, test } from 'vitest';
import * as rehearsal from '../demo/rehearsal-texts.ts';
import * as demo from '../demo/texts.ts';
import { readable } from '../dev/log.ts';
import * as dev from '../dev/texts.ts';
import { widthOf } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import * as simulator from '../simulator/texts.ts';
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
  const output = `login ended with code 1: ${line}`;
  expect(readable(output, 'en')).toEqual([
    'login ended with code 1: config_invalid',
    'WECOM_CORPS: is missing',
  ]);
  expect(readable(output, 'zh')).toEqual(['login 启动失败，退出码 1：config_invalid', 'WECOM_CORPS：缺少']);
});

test('what Node says of an option that it does not know another way › stays as it came', () => {
  expect(optionProblem(new Error('Something else. More of it'))).toEqual({
    en: 'Something else',
    zh: 'Something else',
  });
});

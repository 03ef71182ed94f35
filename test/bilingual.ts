// Checks of tables of texts in both languages.
import { expect } from 'vitest';
import type { Bilingual } from '../scripts/language.ts';

/** Stands for any value that goes into a text: whatever is done with it, it becomes its own name. */
function placeholder(name: string): unknown {
  const itself = Object.assign(() => placeholder(name), { [Symbol.toPrimitive]: () => `‹${name}›` });
  return new Proxy(itself, {
    get: (_, key) => {
      if (key === Symbol.toPrimitive) return itself[Symbol.toPrimitive];
      if (key === Symbol.iterator) return () => [placeholder(name)].values();
      // The same value, in the language of the text.
      return key === 'en' || key === 'zh' ? placeholder(name) : placeholder(`${name}.${String(key)}`);
    },
    apply: () => placeholder(name),
  });
}

function isBilingual(value: object): value is Bilingual {
  return 'en' in value && 'zh' in value;
}

/** All texts of a table, with placeholders for the values that go into them. */
export function textsOf(table: object, name = ''): [name: string, text: Bilingual][] {
  return Object.entries(table).flatMap(([key, entry]: [string, unknown]) => {
    const path = name === '' ? key : `${name}.${key}`;
    const made =
      typeof entry === 'function'
        ? (entry(...Array.from({ length: 8 }, (_, index) => placeholder(String(index)))) as unknown)
        : entry;
    if (typeof made !== 'object' || made === null) return [];
    return isBilingual(made) ? [[path, made]] : textsOf(made, path);
  });
}

/** A Chinese character or punctuation mark. */
const chinese = /[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/;
/** Four words in a row: a command or a name has fewer. */
const sentence = /\b[a-z]+(?:['’][a-z]+)?(?: (?:[a-z]+(?:['’][a-z]+)?|[A-Z][a-z]+)){3,}/;

/** Commands to copy; they are the same in every language. */
const command = /^ +(TOKEN=|curl |-d |sed )/;

/** The parts of a Chinese text that are English: a line without Chinese, or a sentence inside one. */
export function englishIn(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !command.test(line))
    .filter((line) => (/[A-Za-z]{2}/.test(line) && !chinese.test(line)) || sentence.test(line));
}

/** The same values in both languages, and no English sentence in the Chinese one. */
export function expectBothLanguages(text: Bilingual): void {
  const values = (words: string) => [...new Set(words.match(/‹[^›]*›/g))].toSorted();
  expect(values(text.zh)).toEqual(values(text.en));
  const ours = text.zh.replaceAll(/‹[^›]*›/g, '');
  if (text.zh !== text.en && /[A-Za-z]{2}/.test(text.en.replaceAll(/‹[^›]*›/g, '')))
    expect(englishIn(ours)).toEqual([]);
}

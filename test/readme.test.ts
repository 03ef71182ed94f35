// A Chinese document says the same as its English one: what is not prose is equal, prose names the same things.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const fence = /^ *```(\w*)\n(.*?)^ *```$/gms;

/** What a document consists of, apart from its words. */
function contentOf(path: string) {
  const text = readFileSync(path, 'utf8');
  const prose = text.replaceAll(fence, '');
  const sections = prose.split(/^(?=#+ )/m);
  const tables = prose.match(/(?:^\|.*\n)+/gm) ?? [];
  return {
    text,
    top: text.split('\n').slice(0, 4),
    headings: all(prose, /^(#+ .*)$/gm),
    blocks: [...text.matchAll(fence)].map(([, language = '', code = '']) => withoutWords(language, code)),
    tables: tables.map((table) => shapeOf(table)),
    links: sections.map((section) => all(section, /\]\(([^)\s]+)\)/g)),
    codes: sections.map((section) => each(all(section, /`([^`\n]+)`/g))),
    numbers: sections.map((section) => each(all(section, /(\d+(?:,\d{3})*)/g))),
  };
}

/** How a comment begins, by the language of the block. */
const comments: Record<string, RegExp> = {
  sh: /(^| )#.*$/gm,
  yaml: /(^| )#.*$/gm,
  python: /(^| )#.*$/gm,
  nginx: /(^| )#.*$/gm,
  html: /(^| )<!--.*$/gm,
};
const slashes = /(^| )(?:\/\/.*|\/\*\* .* \*\/)$/gm;

/** A code block without what may be in another language: comments, labels of a picture, output of a program. */
function withoutWords(language: string, code: string): string {
  if (language === 'mermaid') return `mermaid\n${shapeOfPicture(code)}`;
  // What a program prints: its identifiers only.
  if (language === '') return all(code, /(\[[\w.]+\]|\d+\.\d+\.\d+\.\d+)/g).join('\n');
  return `${language}\n${code.replaceAll(comments[language] ?? slashes, '$1')}`;
}

/** Boxes, arrows, participants and dates; their labels are words. */
const shapeOfPicture = (code: string) =>
  code
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/%%.*/g, '%%')
    .replaceAll(/^( *(?:title|section)\b).*/gm, '$1')
    .replaceAll(/( as ).*/g, '$1')
    .replaceAll(/^( *(?:Note|\w+ ?-).*?:).*/gm, '$1')
    .replaceAll(/^( *(?:alt|else|opt|loop|par|and)\b).*/gm, '$1')
    .replaceAll(/^.*? (:\w+, )/gm, '$1');

/** The number of columns, and of every row the code in each cell. */
function shapeOf(table: string) {
  const [head = '', , ...rows] = table.trimEnd().split('\n');
  return {
    columns: cellsOf(head).length,
    rows: rows.map((row) => cellsOf(row).map((cell) => each(all(cell, /`([^`]+)`/g)))),
  };
}

const cellsOf = (row: string) => row.split(/(?<!\\)\|/).slice(1, -1);
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
/** Each once, in order of the alphabet: a language may name a thing twice where the other names it once. */
const each = (words: string[]) => [...new Set(words)].toSorted();

/** Every Chinese document, its English counterpart, and what the English one is called. */
const pairs: [chinese: string, english: string][] = [
  ['README.zh-CN.md', 'README.md'],
  ...readdirSync('docs/zh')
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name): [string, string] => [`docs/zh/${name}`, `docs/${name}`]),
];
const contents = new Map(pairs.flat().map((path) => [path, contentOf(path)]));
const englishOf = new Map(pairs);

/** As GitHub makes them. */
const anchorOf = (heading: string) =>
  heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Where a link leads, as a link from the root to the English document would have it. */
function target(document: string, link: string): string {
  if (/^(https?:|mailto:)/.test(link)) return link;
  const [path = '', anchor] = decodeURI(link).split('#');
  const file = path === '' ? document : join(dirname(document), path);
  const english = englishOf.get(file) ?? file.replace(/-zh(?=\.\w+$)/, '');
  if (anchor === undefined) return english;
  const place = contents.get(file)?.headings.findIndex((heading) => anchorOf(heading) === anchor) ?? -1;
  const heading = contents.get(english)?.headings[place];
  return `${english}#${heading === undefined ? anchor : anchorOf(heading)}`;
}

test.each(pairs)('%s › leads to the Chinese one of two documents, and calls none of them English', (file) => {
  const links = [...contentOf(file).text.matchAll(/\]\(([^)\s#:]*\.md)(?:#[^)\s]*)?\)(（英文)?/g)];
  const wrong = links.filter(([, path = '', english]) => {
    const target = join(dirname(file), path);
    if (englishOf.get(file) === target) return false;
    const isChinese = englishOf.has(target);
    return (!isChinese && [...englishOf.values()].includes(target)) || (isChinese && english !== undefined);
  });
  expect(wrong.map(([link]) => link)).toEqual([]);
});

test('docs/zh › has an English document for every Chinese one', () => {
  expect(pairs.filter(([, english]) => !existsSync(english))).toEqual([]);
  expect(pairs.length).toBeGreaterThan(1);
});

describe.each(pairs)('%s and %s', (chineseFile, englishFile) => {
  const english = contentOf(englishFile);
  const chinese = contentOf(chineseFile);
  const targets = (document: string, sections: string[][]) =>
    sections.map((links) => each(links.map((link) => target(document, link))));

  test(`${chineseFile} › and ${englishFile} link to each other below their titles`, () => {
    const link = (name: string, from: string, to: string) => `[${name}](${relative(dirname(from), to)})`;
    expect(english.top.slice(1)).toEqual(['', link('简体中文', englishFile, chineseFile), '']);
    expect(chinese.top.slice(1)).toEqual(['', link('English', chineseFile, englishFile), '']);
  });

  test(`${chineseFile} › has the headings of ${englishFile}, level by level`, () => {
    const levels = (headings: string[]) => headings.map((heading) => heading.indexOf(' '));
    expect(levels(chinese.headings)).toEqual(levels(english.headings));
    expect(english.headings.length).toBeGreaterThan(2);
  });

  test(`${chineseFile} › has the same code blocks, but for comments, labels of pictures and words of output`, () => {
    expect(chinese.blocks).toEqual(english.blocks);
  });

  test(`${chineseFile} › has the same tables: rows, columns, code in every cell`, () => {
    expect(chinese.tables).toEqual(english.tables);
  });

  test(`${chineseFile} › has the same links in every section`, () => {
    expect(targets(chineseFile, chinese.links)).toEqual(targets(englishFile, english.links));
  });

  test(`${chineseFile} › gives the same commands, identifiers and values in every section`, () => {
    expect(chinese.codes).toEqual(english.codes);
    expect(english.codes.flat().length).toBeGreaterThan(10);
  });

  test(`${chineseFile} › gives the same numbers in every section`, () => {
    expect(chinese.numbers).toEqual(english.numbers);
  });
});

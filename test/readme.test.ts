// A Chinese document says the same as its English one: what is not prose is equal, prose names the same things.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const fence = /^```(\w*)\n(.*?)^```$/gms;

/** What a document consists of, apart from its words. */
function contentOf(path: string) {
  const text = readFileSync(path, 'utf8');
  const prose = text.replaceAll(fence, '');
  const sections = prose.split(/^(?=#+ )/m);
  const tables = prose.match(/(?:^\|.*\n)+/gm) ?? [];
  return {
    top: text.split('\n').slice(0, 4),
    headings: all(prose, /^(#+) /gm),
    blocks: [...text.matchAll(fence)].map(([, language = '', code = '']) => withoutWords(language, code)),
    tables: tables.map((table) => rowsOf(table)),
    links: sections.map((section) => all(section, /\]\(([^)\s]+)\)/g).toSorted()),
    codes: sections.map((section) => all(section, /`([^`\n]+)`/g).toSorted()),
    numbers: sections.map((section) => all(section, /(\d+(?:,\d{3})*)/g).toSorted()),
  };
}

/** A code block without what may be in another language: labels of a Mermaid picture, comments of a script. */
function withoutWords(language: string, code: string): string {
  const bare = language === 'mermaid' ? code.replaceAll(/"[^"]*"/g, '""').replaceAll(/%%.*/g, '%%') : code;
  return `${language}\n${language === 'sh' ? bare.replaceAll(/(^| )#.*$/gm, '$1#') : bare}`;
}

/** The number of columns, and the rows below the heading: first cell, and the code that the others hold. */
function rowsOf(table: string) {
  const [head = '', , ...rows] = table.trimEnd().split('\n');
  return {
    columns: cellsOf(head).length,
    rows: rows.map((row) => {
      const [first, ...others] = cellsOf(row);
      return { first, codes: others.map((cell) => all(cell, /`([^`]+)`/g).toSorted()) };
    }),
  };
}

const cellsOf = (row: string) =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** English document, its Chinese counterpart, their titles. */
const pairs = [
  ['README.md', 'README.zh-CN.md', '# WeCom login', '# 企业微信登录'],
  ['docs/reference.md', 'docs/zh/reference.md', '# Reference', '# 参考'],
] as const;

/** Links of the Chinese documents that differ by more than their folder. */
const counterparts = new Map([
  ['README.zh-CN.md', 'README.md'],
  ['docs/images/world-zh.png', 'docs/images/world.png'],
  ['#快速体验', '#try-it'],
  ['#部署', '#deploy-it'],
  ['#原理', '#understand-it'],
  ['#角色', '#roles'],
]);

/** From the root of the project, as the English document would have it. */
function target(document: string, link: string): string {
  const path = /^(https:|#)/.test(link) ? link : join(dirname(document), link);
  return counterparts.get(path) ?? path.replace(/^docs\/zh\//, 'docs/');
}

describe.each(pairs)('%s and %s', (englishFile, chineseFile, englishTitle, chineseTitle) => {
  const english = contentOf(englishFile);
  const chinese = contentOf(chineseFile);
  const targets = (document: string, sections: string[][]) =>
    sections.map((links) => links.map((link) => target(document, link)).toSorted());

  test(`${chineseFile} › and ${englishFile} link to each other below their titles`, () => {
    const link = (name: string, from: string, to: string) => `[${name}](${relative(dirname(from), to)})`;
    expect(english.top).toEqual([englishTitle, '', link('简体中文', englishFile, chineseFile), '']);
    expect(chinese.top).toEqual([chineseTitle, '', link('English', chineseFile, englishFile), '']);
  });

  test(`${chineseFile} › has the headings of ${englishFile}, level by level`, () => {
    expect(chinese.headings).toEqual(english.headings);
    expect(english.headings.length).toBeGreaterThan(4);
  });

  test(`${chineseFile} › has the same code blocks, but for comments and the labels of the picture`, () => {
    expect(chinese.blocks).toEqual(english.blocks);
  });

  test(`${chineseFile} › has the same tables: first column, number of columns, code in every cell`, () => {
    expect(chinese.tables).toEqual(english.tables);
    expect(Math.min(...english.tables.map(({ rows }) => rows.length))).toBeGreaterThan(0);
  });

  test(`${chineseFile} › has the same links in every section`, () => {
    expect(targets(chineseFile, chinese.links)).toEqual(targets(englishFile, english.links));
    expect(english.links.flat().length).toBeGreaterThan(2);
  });

  test(`${chineseFile} › gives the same commands, identifiers and values in every section`, () => {
    expect(chinese.codes).toEqual(english.codes);
    expect(english.codes.flat().length).toBeGreaterThan(10);
  });

  test(`${chineseFile} › gives the same numbers in every section`, () => {
    expect(chinese.numbers).toEqual(english.numbers);
  });
});

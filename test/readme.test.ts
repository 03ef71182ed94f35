// README.zh-CN.md says the same as README.md: what is not prose must be the same, prose must name the same things.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const fence = /^```(\w*)\n(.*?)^```$/gms;

/** What a README consists of, apart from its words. */
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

describe('README.zh-CN.md', () => {
  const english = contentOf('README.md');
  const chinese = contentOf('README.zh-CN.md');
  const [, ...chapters] = english.links;

  test('README.zh-CN.md › and README.md link to each other below their titles', () => {
    expect(english.top).toEqual(['# WeCom login', '', '[简体中文](README.zh-CN.md)', '']);
    expect(chinese.top).toEqual(['# 企业微信登录', '', '[English](README.md)', '']);
  });

  test('README.zh-CN.md › has the headings of README.md, level by level', () => {
    expect(chinese.headings).toEqual(english.headings);
    expect(english.headings.length).toBeGreaterThan(10);
  });

  test('README.zh-CN.md › has the same code blocks, but for comments and the labels of the picture', () => {
    expect(chinese.blocks).toEqual(english.blocks);
    expect(english.blocks.length).toBeGreaterThan(3);
  });

  test('README.zh-CN.md › has the same tables: first column, number of columns, code in every cell', () => {
    expect(chinese.tables).toEqual(english.tables);
    expect(english.tables.length).toBeGreaterThan(4);
    expect(Math.min(...english.tables.map(({ rows }) => rows.length))).toBeGreaterThan(0);
  });

  test('README.zh-CN.md › has the same links in every section', () => {
    const toEachOther = new Map([
      ['README.md', 'README.zh-CN.md'],
      ['docs/images/world-zh.png', 'docs/images/world.png'],
      ['#快速体验', '#try-it'],
      ['#部署', '#deploy-it'],
      ['#原理', '#understand-it'],
    ]);
    const links = chinese.links.map((section) => section.map((link) => toEachOther.get(link) ?? link));
    expect(links.map((section) => section.toSorted())).toEqual(english.links);
    expect(chapters.flat().length).toBeGreaterThan(5);
  });

  test('README.zh-CN.md › gives the same commands, identifiers and values in every section', () => {
    expect(chinese.codes).toEqual(english.codes);
    const commands = english.codes.flat().filter((code) => /^np[mx] /.test(code));
    expect(commands.length).toBeGreaterThan(10);
  });

  test('README.zh-CN.md › gives the same numbers in every section', () => {
    expect(chinese.numbers).toEqual(english.numbers);
  });
});

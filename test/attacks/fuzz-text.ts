import type { Random } from '../simulation/random.ts';

/** Pieces that have broken parsers, logs, shells, URLs and databases before. */
const nasty = [
  '',
  ' ',
  '\t',
  '\0',
  '\r\n',
  '\r\nX-Injected: 1\r\n\r\n',
  '\u001b[31m',
  '\u2028',
  '\u202e',
  '\ud800',
  '\ufeff',
  'ａｂｃ',
  'İıßﬀ',
  '\u{1f4a9}',
  '%',
  '%00',
  '%zz',
  '%2e%2e%2f',
  '%c0%af',
  '../',
  '..\\',
  '//',
  ';',
  '&access_token=x',
  '#',
  '?',
  '*',
  '{',
  '}',
  '"',
  "'",
  '\\',
  '\\u0000',
  '<',
  ']]>',
  '<![CDATA[',
  '<!DOCTYPE x [<!ENTITY a "b">]>',
  '&a;',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'NaN',
  '1e999',
  '-1',
  '0x10',
  '${x}',
  '$(id)',
  "' or 1=1 --",
  '","level":"error","event":"forged',
  'EVAL',
  '\r\n*1\r\n$8\r\nFLUSHALL\r\n',
];
const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~+/=:,';

/** A text of one to four pieces, sometimes a long one. */
export function anyText(random: Random): string {
  const parts = Array.from({ length: random.integer(1, 4) }, () =>
    random.chance(0.4) ? random.pick(nasty) : plainText(random, random.integer(1, 24)),
  );
  const text = parts.join('');
  return random.chance(0.03) ? text.repeat(random.integer(2, 200)) : text;
}

export function plainText(random: Random, length: number): string {
  let text = '';
  for (let i = 0; i < length; i += 1) text += plain[Math.floor(random.next() * plain.length)] ?? '';
  return text;
}

/** Any JSON value, a few levels deep, also with keys that objects already have. */
export function anyJson(random: Random, depth = 0): unknown {
  const kind = random.integer(0, depth > 2 ? 5 : 7);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.pick([0, -0, 1, -1, 1.5, 2 ** 53, 1e308, random.integer(-1e9, 1e9)]);
  if (kind <= 5) return anyText(random);
  const inner = Array.from({ length: random.integer(0, 4) }, () => anyJson(random, depth + 1));
  return kind === 6 ? inner : Object.fromEntries(inner.map((value) => [anyText(random), value]));
}

/** Damages `text` in up to three places: a byte is changed, doubled or removed, or something unusual is inserted. */
export function mutated(random: Random, text: string): string {
  let result = text;
  for (let i = random.integer(0, 3); i > 0; i -= 1) {
    const at = random.integer(0, result.length);
    const [before, after] = [result.slice(0, at), result.slice(at)];
    const change = random.integer(0, 4);
    if (change === 0) result = before + String.fromCharCode(random.integer(0, 255)) + after.slice(1);
    else if (change === 1) result = before + after.slice(random.integer(1, 8));
    else if (change === 2) result = before + after.slice(0, random.integer(1, 40)) + after;
    else if (change === 3) result = before + latin1(random.pick(nasty)) + after;
    else result = before + plainText(random, random.integer(1, 6)) + after;
  }
  return result;
}

/** UTF-8 bytes, one character each. */
export function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

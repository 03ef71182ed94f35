// How WeCom's JSON is read, in answers and in the plaintext of user data: what decides is strict, what is only shown is
// lenient. Public reports show raw control characters in names and fields of another type than documented; neither is a
// reason to refuse a member.
import * as z from 'zod/mini';
import { extattr, type MemberFields, type ShownValue } from './member-fields.ts';

/** Longer than any name or position that WeCom's console takes. */
const shownCharsMax = 1024;
const listMax = 1000;
const controls = /[\p{Cc}\u2028\u2029]/gu;

/**
 * The object in this text, or `undefined` if there is none. Takes a byte order mark and raw control characters inside
 * of strings. Never throws: the error of JSON.parse quotes the text, which may hold a token.
 */
export function readObject(text: string): Record<string, unknown> | undefined {
  const json = text.startsWith('\ufeff') ? text.slice(1) : text;
  const value = parsed(json) ?? parsed(withEscapedControls(json));
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Character by character: a regular expression for strings could be made to run for long by unclosed quotes. */
function withEscapedControls(json: string): string {
  let escaped = '';
  let inString = false;
  for (let i = 0; i < json.length; i += 1) {
    const character = json[i] ?? '';
    if (inString && character === '\\') {
      i += 1;
      escaped += character + (json[i] ?? '');
    } else if (inString && character < ' ') {
      escaped += `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    } else {
      if (character === '"') inString = !inString;
      escaped += character;
    }
  }
  return escaped;
}

/** A text that is only shown: `''` for any other type, cut to 1,024 characters, control characters as blanks. */
export const shownText = z.optional(
  z.pipe(
    z.unknown(),
    z.transform((value) => (typeof value === 'string' ? shownTextOf(value) : '')),
  ),
);

function shownTextOf(value: string): string {
  // By code points: a character outside of the BMP is not cut in two.
  const cut = value.length > shownCharsMax ? Array.from(value).slice(0, shownCharsMax).join('') : value;
  return cut.replace(controls, ' ');
}

/** Department ids, as a list or as text like `1,7`; what is no id is left out, at most 1,000. */
export const departmentIds = z.optional(
  z.pipe(
    z.unknown(),
    z.transform((value) => {
      const list: unknown[] = typeof value === 'string' ? value.split(',') : [value].flat();
      const ids = list.slice(0, listMax).map((id) => {
        if (typeof id === 'string') return /^\s*\d{1,15}\s*$/.test(id) ? Number(id) : undefined;
        return typeof id === 'number' && Number.isSafeInteger(id) ? id : undefined;
      });
      return ids.filter((id) => id !== undefined);
    }),
  ),
);

/** A whole number that decides something; WeCom sends the same field as text in one place and as a number in another. */
export const integer = z.union([
  z.int(),
  z.pipe(z.string().check(z.regex(/^-?\d{1,15}$/)), z.transform(Number)),
]);

/** Picks these fields from an answer of user/get. */
export function memberFieldsIn(answer: Record<string, unknown>, names: readonly string[]): MemberFields {
  const picked = names.flatMap((name) => {
    const value = shownValue(
      name.startsWith(extattr) ? attributeIn(answer['extattr'], name.slice(extattr.length)) : answer[name],
    );
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(picked);
}

function shownValue(value: unknown): ShownValue | undefined {
  if (Array.isArray(value)) {
    return value.slice(0, listMax).flatMap((item) => (Array.isArray(item) ? [] : (shownItem(item) ?? [])));
  }
  return shownItem(value);
}

function shownItem(value: unknown): string | number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'string' ? shownTextOf(value) : undefined;
}

/** A text attribute is `{"name", "text": {"value"}}`, with `value` beside it in older answers; a web one has a title. */
function attributeIn(value: unknown, name: string): unknown {
  const attributes = objectOf(value)['attrs'];
  const found = Array.isArray(attributes)
    ? attributes.map(objectOf).find((attribute) => attribute['name'] === name)
    : undefined;
  if (!found) return undefined;
  return objectOf(found['text'])['value'] ?? objectOf(found['web'])['title'] ?? found['value'];
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

// MEMBER_FIELDS of the environment: further fields of user/get. Trusts no value.
import type { Variables } from './environment.ts';

/** By the names in MEMBER_FIELDS; what WeCom does not send, or sends in another form, is missing. */
export type MemberFields = Record<string, ShownValue>;
export type ShownValue = string | number | readonly (string | number)[];

/**
 * What MEMBER_FIELDS may name, and `extattr.<name>`. Not phone number, mail or avatar: WeCom gives them to the mini-program,
 * with the member's consent.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90196
 */
const allowed = new Set([
  'alias',
  'direct_leader',
  'english_name',
  'external_position',
  'is_leader_in_dept',
  'main_department',
  'order',
  'telephone',
]);
/** Before the name of an attribute that the company has defined: `extattr.工号`. */
export const extattr = 'extattr.';
const fieldsMax = 20;

/** Reads MEMBER_FIELDS. */
export function readMemberFields(variables: Variables): string[] {
  const name = 'MEMBER_FIELDS';
  const fields = [...new Set(variables.items(name))];
  if (!fields.every(isKnown)) {
    variables.problem(name, `may hold extattr.<name> and ${[...allowed].join(', ')}`);
  }
  if (fields.length > fieldsMax) variables.problem(name, `may hold at most ${fieldsMax} fields`);
  return fields;
}

function isKnown(field: string): boolean {
  if (!field.startsWith(extattr)) return allowed.has(field);
  return /^[^\p{Cc}]{1,64}$/u.test(field.slice(extattr.length));
}

// People, and when two userids mean the same person.
import { hash } from 'node:crypto';
import type { MemberFields } from './member-fields.ts';

/** The case of userid does not matter: `Bottle` and `bottle` are the same for WeCom. A reviewer's corpid is `''`. */
export interface Person {
  corpid: string;
  userid: string;
}

export interface Member extends Person {
  name: string;
  department: number[];
  position: string;
  /** Only with MEMBER_FIELDS. */
  fields?: MemberFields;
}

export const corpidForm = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Returns whether this can be a userid: 1 to 64 bytes without control characters. WeCom's rule for new accounts is
 * stricter (letters, digits, `_-@.`), but old accounts from 企业号 may contain spaces and Chinese.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90195
 */
export function isUserid(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    Buffer.byteLength(value) <= 64 &&
    !/[\p{Cc}\u2028\u2029]/u.test(value)
  );
}

/** ASCII only: lower case of all Unicode would merge two people, for example the Kelvin sign and `k`. */
function lowerCase(userid: string): string {
  return userid.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Compares userids as WeCom does, without case. */
export function isSameUserid(one: string, other: string): boolean {
  return lowerCase(one) === lowerCase(other);
}

/** The identifier of a person in keys and tokens: 128 bits of SHA-256, 22 characters. NUL occurs in neither part. */
export function personId({ corpid, userid }: Person): string {
  const identity = `${corpid}\0${lowerCase(userid)}`;
  return hash('sha256', identity, 'buffer').subarray(0, 16).toString('base64url');
}

// Who somebody is, and when two userids are one person.
import { createHash } from 'node:crypto';

/** userid in any case: WeCom does not tell `Bottle` from `bottle`. A reviewer has no corpid: `''`. */
export interface Person {
  corpid: string;
  userid: string;
}

export interface Member extends Person {
  name: string;
  department: number[];
  position: string;
}

/**
 * Whether this can be a userid: 1 to 64 bytes without control characters. WeCom's rule for new accounts is narrower
 * (letters, digits, `_-@.`), but companies from the time of 企业号 have blanks and Chinese in theirs.
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

/** In ASCII only: lower-casing all of Unicode makes one person of two, such as the Kelvin sign and `k`. */
function lowerCase(userid: string): string {
  return userid.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** WeCom does not tell letters of a userid by their case. */
export function isSameUserid(one: string, other: string): boolean {
  return lowerCase(one) === lowerCase(other);
}

/** The identifier of a person in keys and tokens: 128 bits of SHA-256, 22 characters; NUL cannot occur in either part. */
export function personId({ corpid, userid }: Person): string {
  const identity = `${corpid}\0${lowerCase(userid)}`;
  return createHash('sha256').update(identity).digest().subarray(0, 16).toString('base64url');
}

// Encryption of what is stored in Redis, and hashes for the log, each purpose with a key of its own from ENCRYPTION_KEY.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** What a key is for. Each purpose has a key of its own, so that one sealed value never opens as another. */
export type Purpose = 'access_token' | 'session' | 'directory' | 'device';

const ivBytes = 12;
const tagBytes = 16;

export interface Seal {
  /** Encrypts `plaintext`; it opens again only under the same `boundTo` (where it is stored: the Redis key, for sessions also the field). */
  seal(plaintext: string, boundTo: string): string;
  /** The plaintext, or `undefined` when it was sealed with another key, bound elsewhere, or altered. */
  open(sealed: string, boundTo: string): string | undefined;
}

/**
 * AES-256-GCM with a random 96-bit IV. The first of `encryptionKeys` seals, all of them open.
 *
 * One key should seal at most 2^32 values (NIST SP 800-38D §8.3); at 100 seals a second that is 16 months.
 *
 * @param encryptionKeys of 32 bytes each, newest first
 * @see https://www.rfc-editor.org/rfc/rfc5869 (HKDF)
 */
export function createSeal(encryptionKeys: readonly Buffer[], purpose: Purpose): Seal {
  const keys = encryptionKeys.map((key) => deriveKey(key, purpose));
  return {
    seal(plaintext, boundTo) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', firstOf(keys), iv).setAAD(Buffer.from(boundTo));
      const ciphertext = cipher.update(Buffer.from(plaintext));
      // GCM has no blocks: nothing is left to come.
      cipher.final();
      return Buffer.concat([iv, ciphertext, cipher.getAuthTag()]).toString('base64url');
    },
    open(sealed, boundTo) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < ivBytes + tagBytes) return undefined;
      for (const key of keys) {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
          .setAAD(Buffer.from(boundTo))
          .setAuthTag(bytes.subarray(-tagBytes));
        try {
          return (
            decipher.update(bytes.subarray(ivBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
          );
        } catch {
          // Not this key; perhaps the next.
        }
      }
      return undefined;
    },
  };
}

/** A keyed hash of 16 hex digits: the same input can be recognised, but not read or guessed from a log. */
export function createKeyedHash(
  encryptionKeys: readonly Buffer[],
  purpose: Purpose,
): (text: string) => string {
  const key = deriveKey(firstOf(encryptionKeys), purpose);
  return (text) => createHmac('sha256', key).update(text).digest('hex').slice(0, 16);
}

/** Names the key that seals, without telling anything about it. */
export function encryptionKeyId(encryptionKeys: readonly Buffer[]): string {
  return createHmac('sha256', firstOf(encryptionKeys))
    .update('wecom-login key id')
    .digest('hex')
    .slice(0, 16);
}

function deriveKey(key: Buffer, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `wecom-login ${purpose}`, 32));
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('at least one encryption key is needed');
  return first;
}

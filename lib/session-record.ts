// Writes and reads the two sealed records of a session. Trusts only records that open; any other counts as missing.
import type { Member, Person } from './person.ts';
import type { Seal } from './seal.ts';
import type { Place } from './session-store.ts';

/** Sealed in the session's field; times in milliseconds since 1970. */
export interface StoredSession {
  role: 'member' | 'reviewer';
  person: Person;
  /** WeCom's key for decrypting user data; never leaves the server. `''` for a reviewer. */
  sessionKey: string;
  /** Keyed hash of the device that logged in, or `''`; for the audit log only. */
  deviceHash: string;
  startedAt: number;
  endsAt: number;
  seenAt: number;
}

/** WeCom's last answer about a member. Sealed in the field `member`, shared by all sessions of the person. */
export interface LastCheck {
  member: Member;
  /**
   * When WeCom was asked, milliseconds since 1970, by the clock of the instance that asked. 0 if the record does not
   * open, because an instance with another key wrote it.
   */
  checkedAt: number;
}

/** Creates the functions that write and read them. Each record is bound to its key and opens only there. */
export function createSessionRecords(seal: Seal) {
  return {
    sealSession: (stored: StoredSession, { boundTo }: Place): string =>
      `${String(stored.seenAt).padStart(13, '0')}|${seal.seal(JSON.stringify(stored), boundTo)}`,

    openSession(value: unknown, { boundTo }: Pick<Place, 'boundTo'>): StoredSession | undefined {
      const [, sealed = ''] = typeof value === 'string' ? value.split('|') : [];
      const opened = seal.open(sealed, boundTo);
      return opened === undefined ? undefined : JSON.parse(opened);
    },

    sealCheck: ({ member, checkedAt }: LastCheck, key: string): string =>
      seal.seal(JSON.stringify({ member, checkedAt }), `${key} member`),

    /** Returns `undefined` if there is no record. */
    openCheck(person: Person, sealed: unknown, key: string): LastCheck | undefined {
      if (typeof sealed !== 'string') return undefined;
      const opened = seal.open(sealed, `${key} member`);
      if (opened !== undefined) return JSON.parse(opened);
      return { member: { ...person, name: '', department: [], position: '' }, checkedAt: 0 };
    },
  };
}

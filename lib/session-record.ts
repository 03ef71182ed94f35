// The two sealed records of a session, written and read. What does not open counts as absent.
import type { Member, Person } from './person.ts';
import type { Seal } from './seal.ts';
import { type Place, sessionsKey } from './session-store.ts';

/** Sealed in the session's own field; times in milliseconds since 1970. */
export interface StoredSession {
  role: 'member' | 'reviewer';
  person: Person;
  sessionKey: string;
  deviceHash: string;
  startedAt: number;
  endsAt: number;
  seenAt: number;
}

/** What WeCom last said of a member. Sealed in the field `member`, shared by all sessions of the person. */
export interface LastCheck {
  member: Member;
  /**
   * When WeCom was asked, milliseconds since 1970, by the clock of the instance that asked. 0 if the record does not
   * open: an instance with another key has written it.
   */
  checkedAt: number;
}

/** How the two are written to Redis and read again; each record opens only where it was put. */
export function createSessionRecords(seal: Seal) {
  return {
    sealSession: (stored: StoredSession, { boundTo }: Place): string =>
      `${String(stored.seenAt).padStart(13, '0')}|${seal.seal(JSON.stringify(stored), boundTo)}`,

    openSession(value: unknown, { boundTo }: Pick<Place, 'boundTo'>): StoredSession | undefined {
      const [, sealed = ''] = typeof value === 'string' ? value.split('|') : [];
      const opened = seal.open(sealed, boundTo);
      return opened === undefined ? undefined : JSON.parse(opened);
    },

    sealCheck: (check: LastCheck): string => seal.seal(JSON.stringify(check), boundToMember(check.member)),

    /** `undefined` when there is none. */
    openCheck(person: Person, sealed: unknown): LastCheck | undefined {
      if (typeof sealed !== 'string') return undefined;
      const opened = seal.open(sealed, boundToMember(person));
      if (opened !== undefined) return JSON.parse(opened);
      return { member: { ...person, name: '', department: [], position: '' }, checkedAt: 0 };
    },
  };
}

function boundToMember(person: Person): string {
  return `${sessionsKey(person)} member`;
}

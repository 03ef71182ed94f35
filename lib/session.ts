// Sessions of members and reviewers. Trusts a session only if its record in Redis opens and has not ended.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { type Member, type Person, personId } from './person.ts';
import { available, listOf, type Redis, RedisError } from './redis.ts';
import type { Seal } from './seal.ts';
import {
  claimScript,
  confirmScript,
  createScript,
  endAllSessions,
  type Ending,
  endScript,
  keysOf,
  logEnded,
  type Place,
  placeOf,
  placeOfToken,
  replaceScript,
  timeText,
} from './session-store.ts';

/**
 * The session_token is `s1.<person>.<secret>`, opaque to the client. Only the hash of the secret is stored, and no session
 * is ever cached in a process: an ended one is ended everywhere at once.
 *
 * All methods reject with `temporarily_unavailable` when Redis does not answer.
 */
export type Sessions = ReturnType<typeof createSessions>;

/** Who logs in. `bearer` is the session_token of the request, or `''`. */
export interface Client {
  bearer: string;
  clientAddress: string;
}

/** Sealed in the session's field; times in milliseconds since 1970. */
interface StoredSession {
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

/** What a session begins with. */
type SessionStart =
  | (LastCheck & Pick<StoredSession, 'sessionKey' | 'deviceHash'> & { role: 'member' })
  | { role: 'reviewer'; account: string; endsAt: number };

export type Session = { person: Person; expiresInSeconds: number } & (
  (LastCheck & { role: 'member'; sessionKey: string }) | { role: 'reviewer' }
);

const sessionsPerPersonMax = 5;

export function createSessions(options: {
  redis: Redis;
  seal: Seal;
  limits: { idleSeconds: number; maxSeconds: number };
  clock: Clock;
  log: Log;
}) {
  const { redis, seal, limits, clock, log } = options;
  const touchAfterMs = Math.min(60_000, (limits.idleSeconds * 1000) / 60);

  function expiresInSeconds(stored: StoredSession, now: number): number {
    const endsAt = Math.min(stored.endsAt, stored.seenAt + limits.idleSeconds * 1000);
    return Math.floor((endsAt - now) / 1000);
  }

  /** A session that was last used before has expired. */
  function usedSince(now: number): number {
    return now - limits.idleSeconds * 1000;
  }

  /** It opens only where it was put. */
  function sealSession(stored: StoredSession, { key, field }: Place): string {
    return `${timeText(stored.seenAt)}|${seal.seal(JSON.stringify(stored), `${key} ${field}`)}`;
  }

  /** Returns `undefined` for what does not open; only what was sealed opens. */
  function openSession(value: unknown, { key, field }: Place): StoredSession | undefined {
    const [, sealed = ''] = typeof value === 'string' ? value.split('|') : [];
    const opened = seal.open(sealed, `${key} ${field}`);
    return opened === undefined ? undefined : JSON.parse(opened);
  }

  function sealCheck({ member, checkedAt }: LastCheck, key: string): string {
    return seal.seal(JSON.stringify({ member, checkedAt }), `${key} member`);
  }

  /** Returns `undefined` if there is no record. */
  function openCheck(person: Person, sealed: unknown, key: string): LastCheck | undefined {
    if (typeof sealed !== 'string') return undefined;
    const opened = seal.open(sealed, `${key} member`);
    if (opened !== undefined) return JSON.parse(opened);
    return { member: { ...person, name: '', department: [], position: '' }, checkedAt: 0 };
  }

  function begun(start: SessionStart, now: number): StoredSession {
    const endsAt = now + limits.maxSeconds * 1000;
    const times = { startedAt: now, seenAt: now };
    if (start.role === 'reviewer') {
      const person = { corpid: '', userid: start.account };
      const ends = Math.min(endsAt, start.endsAt);
      return { role: 'reviewer', person, sessionKey: '', deviceHash: '', endsAt: ends, ...times };
    }
    const { role, member, sessionKey, deviceHash } = start;
    const person = { corpid: member.corpid, userid: member.userid };
    return { role, person, sessionKey, deviceHash, endsAt, ...times };
  }

  /** Returns the record, also an expired one that was not ended, and what WeCom last said of the member. */
  async function read({ key, field }: Place): Promise<unknown[]> {
    const [reply] = await available(redis.read([['hmget', key, field, 'member']]));
    return listOf(reply);
  }

  /** Ends a session; returns the record that was there. */
  function remove({ key, field }: Place): Promise<unknown> {
    return available(redis.script(endScript, [key], [field]));
  }

  /** Says why a session ended; `false` if there was none alive. */
  function noted(value: unknown, place: Place, ending: Ending): boolean {
    const ended = openSession(value, place);
    if (!ended || expiresInSeconds(ended, clock.wallMs()) <= 0) return false;
    logEnded(log, ended.person, ending, 1, ended.deviceHash);
    return true;
  }

  return {
    /**
     * Stores a new session; the one unused for longest ends when a person has more than 5.
     *
     * The session of the client that logs in is replaced: it ends once the new one is there, in the same step if both are
     * of one person. When this rejects, it usually lives on; a reply that was lost may hide that it has ended.
     */
    async create(start: SessionStart, client?: Client) {
      const now = clock.wallMs();
      const stored = begun(start, now);
      const { person } = stored;
      const secret = randomBytes(32).toString('base64url');
      const id = personId(person);
      const place = placeOf(id, secret);
      const old = client && placeOfToken(client.bearer);
      const replacedField = old?.key === place.key ? old.field : '';
      const args = [
        place.field,
        sealSession(stored, place),
        start.role === 'member' ? sealCheck(start, place.key) : '',
        // The last day of reviewers may have ended meanwhile; without a TTL the key would never expire.
        Math.max(1, stored.endsAt - now),
        sessionsPerPersonMax,
        replacedField,
        timeText(usedSince(now)),
      ];
      const [evicted, replaced] = listOf(await available(redis.script(createScript, [place.key], args)));
      const clientAddress = client?.clientAddress;
      logEnded(log, person, { reason: 'too_many', clientAddress }, Number(evicted));
      if (old) {
        const ending = { reason: 'replaced', clientAddress };
        noted(replacedField === '' ? await remove(old) : replaced, old, ending);
      }
      const sessionToken = `s1.${id}.${secret}`;
      return { sessionToken, expiresInSeconds: expiresInSeconds(stored, now) };
    },

    /**
     * The session of this token; counts as use, to within a sixtieth of the idle time and at most a minute.
     *
     * Rejects with `invalid_session`, the same whether it is malformed, unknown, ended or of another format. Deletes
     * nothing: the clock or the key of this instance may be the wrong one. Redis deletes by its own clock.
     */
    async find(sessionToken: string): Promise<Session> {
      const place = placeOfToken(sessionToken);
      if (!place) throw new AppError('invalid_session', { reason: 'malformed' });
      const [value, member] = await read(place);
      if (typeof value !== 'string') throw new AppError('invalid_session', { reason: 'unknown' });
      const stored = openSession(value, place);
      if (!stored) throw new AppError('invalid_session', { reason: 'unreadable' });

      const now = clock.wallMs();
      if (expiresInSeconds(stored, now) <= 0) throw new AppError('invalid_session', { reason: 'expired' });
      if (now - stored.seenAt >= touchAfterMs) {
        try {
          const args = [place.field, value, sealSession({ ...stored, seenAt: now }, place)];
          const written = await redis.script(replaceScript, [place.key], args);
          // Ended since it was read, or read from a replica that lags.
          if (written === 'ended') throw new AppError('invalid_session', { reason: 'ended' });
          if (written === 'written') stored.seenAt = now;
        } catch (error) {
          // Redis reads but does not write (full, read-only): the session is still good.
          if (!(error instanceof RedisError)) throw error;
          log('warn', 'session_not_touched', { reason: error.reason });
        }
      }
      const found = { person: stored.person, expiresInSeconds: expiresInSeconds(stored, now) };
      if (stored.role === 'reviewer') return { role: 'reviewer', ...found };
      const last = openCheck(stored.person, member, place.key);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      return { role: 'member', sessionKey: stored.sessionKey, ...found, ...last };
    },

    /** Returns the `personId` of the member with this session, also if it has expired, but not if it was ended. */
    async ownerOf(sessionToken: string) {
      const place = placeOfToken(sessionToken);
      if (!place) return undefined;
      const [value] = await read(place);
      const stored = openSession(value, place);
      return stored?.role === 'member' ? personId(stored.person) : undefined;
    },

    /**
     * Whether we are the one to ask WeCom about this person for the next `ms`, and what it said last, since another may
     * have asked a moment ago; `last` is `undefined` when there is no session any more.
     */
    async claimCheck(person: Person, ms: number) {
      const keys = keysOf(person);
      const [claimed, member] = listOf(await available(redis.script(claimScript, keys, [ms, randomUUID()])));
      return { claimed: claimed === 1, last: openCheck(person, member, keys[0]) };
    },

    /** Notes that WeCom confirmed the member and gives up the claim; `false` if the sessions have ended meanwhile. */
    async confirm(check: LastCheck) {
      const keys = keysOf(check.member);
      return (await available(redis.script(confirmScript, keys, [sealCheck(check, keys[0])]))) === 1;
    },

    /** Gives up the claim without an answer. */
    async giveUpCheck(person: Person) {
      const [, key] = keysOf(person);
      await available(redis.pipeline([['del', key]]));
    },

    /** Ends one session and says why in the audit log; `false` when it had ended before. */
    async end(sessionToken: string, ending: Ending) {
      const place = placeOfToken(sessionToken);
      return place !== undefined && noted(await remove(place), place, ending);
    },

    /** Ends all sessions of a person and says why in the audit log; returns how many there were and had not idled out. */
    endAll: (person: Person, ending: Ending) =>
      endAllSessions(redis, person, ending, log, usedSince(clock.wallMs())),

    /** What sessions a person has, for an operator; without anything that could be used as one. */
    async list(person: Person) {
      const [key] = keysOf(person);
      const [reply] = await available(redis.pipeline([['hgetall', key]]));
      // ioredis returns HGETALL in a pipeline as an object.
      const fields: Record<string, unknown> = typeof reply === 'object' ? { ...reply } : {};
      const now = clock.wallMs();
      return Object.entries(fields)
        .flatMap(([field, value]) => openSession(value, { key, field }) ?? [])
        .map((stored) => ({
          role: stored.role,
          startedAt: stored.startedAt,
          seenAt: stored.seenAt,
          expiresInSeconds: expiresInSeconds(stored, now),
          deviceHash: stored.deviceHash,
        }))
        .filter((summary) => summary.expiresInSeconds > 0)
        .toSorted((a, b) => a.startedAt - b.startedAt);
    },
  };
}

import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { checkKey, endAllSessions, type Member, type Person, personId, sessionsKey } from './person.ts';
import { available, defineScript, type Redis, RedisError } from './redis.ts';
import type { Seal } from './seal.ts';
import { type Place, placeOf, placeOfToken } from './session-place.ts';
import { createSessionRecords, type LastCheck, type StoredSession } from './session-record.ts';

/**
 * Sessions: an opaque random token for the client, one Redis hash per person for us.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxs1:{person}` | hash | until the last of its sessions must end | field = SHA-256 of a session's secret, value = `<last use, 13 digits>|<sealed record>`; field `member` = sealed, what WeCom last said of the member and when |
 * | `wxs1:{person}:check` | `1` | 5 s | somebody is asking WeCom about this member again |
 *
 * `person` is a hash of corpid and userid, so ending all sessions of someone is one DEL, and sessions survive
 * a change of the encryption key. The session_token is `s1.<person>.<secret>`; only the hash of the secret is
 * stored, and no session is ever cached in a process: an ended one is ended everywhere at once.
 *
 * All methods reject with `temporarily_unavailable` when Redis does not answer.
 */
export interface Sessions {
  /**
   * Stores a new session; the one unused for longest ends when a person has more than 5.
   *
   * The session that `came` with the login is replaced: it ends once the new one is there, in the same step if both
   * are of one person. When this rejects, it lives on.
   */
  create(
    start: SessionStart,
    came?: { sessionToken: string; clientAddress: string },
  ): Promise<{ sessionToken: string; expiresInSeconds: number }>;
  /**
   * The session of this token; counts as use, to within a sixtieth of the idle time.
   *
   * Rejects with `invalid_session`, the same whether it is malformed, unknown, ended or of another format. Deletes
   * nothing: the clock or the key of this instance may be the wrong one. Redis deletes by its own clock.
   */
  find(sessionToken: string): Promise<Session>;
  /**
   * The `personId` of the member whose session this is, or was until it expired; one that was ended counts no more.
   */
  ownerOf(sessionToken: string): Promise<string | undefined>;
  /**
   * Whether we are the one to ask WeCom about this person for the next `ms`, and what it said last, since another may
   * have asked a moment ago; `last` is `undefined` when there is no session any more.
   */
  claimCheck(person: Person, ms: number): Promise<{ claimed: boolean; last: LastCheck | undefined }>;
  /** Notes that WeCom confirmed the member and gives up the claim; `false` if the sessions have ended meanwhile. */
  confirm(check: LastCheck): Promise<boolean>;
  /** Gives up the claim without an answer. */
  giveUpCheck(person: Person): Promise<void>;
  /** Ends one session; returns whose it was, or `undefined` when it had ended before. */
  end(sessionToken: string): Promise<{ person: Person; deviceHash: string } | undefined>;
  /** Ends all sessions of a person; returns how many there were. */
  endAll(person: Person): Promise<number>;
  /** What sessions a person has, for an operator; without anything that could be used as one. */
  list(person: Person): Promise<SessionSummary[]>;
}

/** What a session begins with. */
export type SessionStart =
  | {
      role: 'member';
      member: Member;
      /** As in `LastCheck`; now if not given. */
      checkedAt?: number;
      /** WeCom's key for decrypting user data; never leaves the server. */
      sessionKey: string;
      /** Keyed hash of the device that logged in, or `''`; for the audit log only. */
      deviceHash: string;
    }
  | { role: 'reviewer'; account: string; endsAt: number };

export type Session = {
  person: Person;
  expiresInSeconds: number;
} & (
  | {
      role: 'member';
      member: Member;
      sessionKey: string;
      /** As in `LastCheck`. */
      checkedAt: number;
    }
  | { role: 'reviewer' }
);

/** Times in milliseconds since 1970. */
export interface SessionSummary {
  role: 'member' | 'reviewer';
  startedAt: number;
  seenAt: number;
  expiresInSeconds: number;
  deviceHash: string;
}

export interface SessionLimits {
  idleSeconds: number;
  maxSeconds: number;
}

const sessionsPerPersonMax = 5;

/**
 * Writes first: when Redis is full, nothing has ended yet. Returns how many were evicted, and the record that was
 * replaced. KEYS sessions of a person · ARGV field value member-or-'' lifeMs sessionsMax replaced-field-or-''
 */
const createScript = defineScript(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'member', ARGV[3]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
local replaced = redis.call('HGET', KEYS[1], ARGV[6])
redis.call('HDEL', KEYS[1], ARGV[6])
local all = redis.call('HGETALL', KEYS[1])
local sessions = {}
for i = 1, #all, 2 do
  -- Values begin with their last use, so text order is age; the new one stays, however its clock is set.
  if all[i] ~= 'member' then
    sessions[#sessions + 1] = {field = all[i], value = all[i] == ARGV[1] and '~' or all[i + 1]}
  end
end
table.sort(sessions, function(a, b) return a.value > b.value end)
local evicted = math.max(0, #sessions - tonumber(ARGV[5]))
for i = #sessions - evicted + 1, #sessions do redis.call('HDEL', KEYS[1], sessions[i].field) end
return {evicted, replaced or ''}`);

/** Returns the session that was there. What is left of a person without sessions goes too. KEYS sessions · ARGV field */
const endScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HLEN', KEYS[1]) == redis.call('HEXISTS', KEYS[1], 'member') then redis.call('DEL', KEYS[1]) end
return value`);

/**
 * Writes only over the value that was read: an ended session cannot come back. Returns 1 when written, 0 when another
 * use was faster, -1 when the session has ended. KEYS sessions · ARGV field old new
 */
const replaceScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return -1 end
if value == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) return 1 end
-- Our own write, when its reply was lost and it is sent again.
if value == ARGV[3] then return 1 end
return 0`);

/** KEYS sessions-of-a-person check · ARGV claimMs */
const claimScript = defineScript(`
local claimed = redis.call('SET', KEYS[2], '1', 'PX', ARGV[1], 'NX') and 1 or 0
return {claimed, redis.call('HGET', KEYS[1], 'member')}`);

/** KEYS sessions-of-a-person check · ARGV member */
const confirmScript = defineScript(`
redis.call('DEL', KEYS[2])
if redis.call('HEXISTS', KEYS[1], 'member') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'member', ARGV[1])
return 1`);

export function createSessions(options: {
  redis: Redis;
  seal: Seal;
  limits: SessionLimits;
  clock: Clock;
  log: Log;
}): Sessions {
  const { redis, seal, limits, clock, log } = options;
  const { sealSession, openSession, sealCheck, openCheck } = createSessionRecords(seal);
  const touchAfterMs = Math.min(60_000, (limits.idleSeconds * 1000) / 60);

  function expiresInSeconds(stored: StoredSession, now: number): number {
    const endsAt = Math.min(stored.endsAt, stored.seenAt + limits.idleSeconds * 1000);
    return Math.floor((endsAt - now) / 1000);
  }

  function living(value: unknown, place: Place): StoredSession | undefined {
    const stored = openSession(value, place);
    return stored && expiresInSeconds(stored, clock.wallMs()) > 0 ? stored : undefined;
  }

  /** The session that was there, if it was still alive. */
  async function endOne(place: Place): Promise<StoredSession | undefined> {
    return living(await available(redis.script(endScript, [place.key], [place.field])), place);
  }

  return {
    async create(start, came) {
      const now = clock.wallMs();
      const person =
        start.role === 'member'
          ? { corpid: start.member.corpid, userid: start.member.userid }
          : { corpid: '', userid: start.account };
      const secret = randomBytes(32).toString('base64url');
      const place = placeOf(sessionsKey(person), secret);
      const endsAt = now + limits.maxSeconds * 1000;
      const stored: StoredSession = {
        role: start.role,
        person,
        sessionKey: start.role === 'member' ? start.sessionKey : '',
        deviceHash: start.role === 'member' ? start.deviceHash : '',
        endsAt: start.role === 'member' ? endsAt : Math.min(endsAt, start.endsAt),
        startedAt: now,
        seenAt: now,
      };
      const value = sealSession(stored, place);
      const checkedAt = start.role === 'member' ? (start.checkedAt ?? now) : 0;
      const member = start.role === 'member' ? sealCheck({ member: start.member, checkedAt }) : '';
      // The last day of reviewers may have ended meanwhile; without a TTL the key would never expire.
      const lifeMs = Math.max(1, stored.endsAt - now);
      const old = came && placeOfToken(came.sessionToken);
      const oldField = old?.key === place.key ? old.field : '';
      const args = [place.field, value, member, lifeMs, sessionsPerPersonMax, oldField];
      const reply = await available(redis.script(createScript, [place.key], args));
      const [evicted, replaced]: unknown[] = Array.isArray(reply) ? reply : [];
      if (Number(evicted) > 0) {
        log('info', 'session_ended', { ...person, reason: 'too_many', sessions: Number(evicted) });
      }
      const ended = old && (oldField === '' ? await endOne(old) : living(replaced, old));
      if (ended) {
        const client_address = came?.clientAddress;
        const fields = { ...ended.person, device: ended.deviceHash, sessions: 1, client_address };
        log('info', 'session_ended', { ...fields, reason: 'replaced' });
      }
      const sessionToken = `s1.${personId(person)}.${secret}`;
      return { sessionToken, expiresInSeconds: expiresInSeconds(stored, now) };
    },

    async find(sessionToken) {
      const place = placeOfToken(sessionToken);
      if (!place) throw new AppError('invalid_session', { reason: 'malformed' });
      const [reply] = await available(redis.read([['hmget', place.key, place.field, 'member']]));
      const [value, sealed]: unknown[] = Array.isArray(reply) ? reply : [];
      if (typeof value !== 'string') throw new AppError('invalid_session', { reason: 'unknown' });
      const stored = openSession(value, place);
      if (!stored) throw new AppError('invalid_session', { reason: 'unreadable' });

      const now = clock.wallMs();
      if (expiresInSeconds(stored, now) <= 0) throw new AppError('invalid_session', { reason: 'expired' });
      if (now - stored.seenAt >= touchAfterMs) {
        const args = [place.field, value, sealSession({ ...stored, seenAt: now }, place)];
        try {
          const written = await redis.script(replaceScript, [place.key], args);
          // What was read came from a replica that lags.
          if (written === -1) throw new AppError('invalid_session', { reason: 'ended' });
          if (written === 1) stored.seenAt = now;
        } catch (error) {
          // Redis reads but does not write (full, read-only): the session is still good as it stands.
          if (!(error instanceof RedisError)) throw error;
          log('warn', 'session_not_touched', { reason: error.reason });
        }
      }
      const found = { person: stored.person, expiresInSeconds: expiresInSeconds(stored, now) };
      if (stored.role === 'reviewer') return { ...found, role: 'reviewer' };
      const last = openCheck(stored.person, sealed);
      if (!last) throw new AppError('invalid_session', { reason: 'ended' });
      return { ...found, role: 'member', ...last, sessionKey: stored.sessionKey };
    },

    async ownerOf(sessionToken) {
      const place = placeOfToken(sessionToken);
      if (!place) return undefined;
      const [value] = await available(redis.read([['hget', place.key, place.field]]));
      const stored = openSession(value, place);
      return stored?.role === 'member' ? personId(stored.person) : undefined;
    },

    async claimCheck(person, ms) {
      const keys = [sessionsKey(person), checkKey(person)];
      const reply = await available(redis.script(claimScript, keys, [ms]));
      const [claimed, sealed]: unknown[] = Array.isArray(reply) ? reply : [];
      return { claimed: claimed === 1, last: openCheck(person, sealed) };
    },

    async confirm(check) {
      const keys = [sessionsKey(check.member), checkKey(check.member)];
      return (await available(redis.script(confirmScript, keys, [sealCheck(check)]))) === 1;
    },

    async giveUpCheck(person) {
      await available(redis.pipeline([['del', checkKey(person)]]));
    },

    async end(sessionToken) {
      const place = placeOfToken(sessionToken);
      const ended = place && (await endOne(place));
      return ended && { person: ended.person, deviceHash: ended.deviceHash };
    },

    endAll: (person) => endAllSessions(redis, person),

    async list(person) {
      const key = sessionsKey(person);
      const [reply] = await available(redis.pipeline([['hgetall', key]]));
      const now = clock.wallMs();
      return Object.entries(fieldsOf(reply))
        .flatMap(([field, value]) => openSession(value, { boundTo: `${key} ${field}` }) ?? [])
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

/** ioredis answers HGETALL in a pipeline as an object. */
function fieldsOf(reply: unknown): Record<string, unknown> {
  return typeof reply === 'object' && reply !== null ? { ...reply } : {};
}

import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import { defineScript, type Redis, RedisError } from './redis.ts';
import type { Seal } from './seal.ts';

/**
 * Sessions: an opaque random token for the client, one Redis hash per person for us.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxs1:{person}` | hash | until the last of its sessions must end | field = SHA-256 of a session's secret, value = `<start, 13 digits>|<sealed record>` |
 *
 * `person` is a hash of corpid and userid, so ending all sessions of someone is one DEL, and sessions survive
 * a change of the encryption key. The session_token is `s1.<person>.<secret>`; only the hash of the secret is
 * stored, and no session is ever cached in a process: an ended one is ended everywhere at once.
 */
export interface Sessions {
  /** Stores a new session; the oldest goes when a person has more than 5. */
  create(
    person: Person,
    details: SessionDetails,
  ): Promise<{ sessionToken: string; expiresInSeconds: number }>;
  /**
   * The session of this token; counts as use, to within a sixtieth of the idle time.
   *
   * Rejects with `invalid_session`, the same whether it is malformed, unknown, ended or of another format, or
   * with `temporarily_unavailable`.
   */
  find(sessionToken: string): Promise<Session>;
  /** Ends one session; `false` when it had ended before. */
  end(sessionToken: string): Promise<boolean>;
  /** Ends all sessions of a person; answers how many there were. */
  endAll(person: Person): Promise<number>;
}

/** userid in any case: WeCom does not tell `Bottle` from `bottle`. */
export interface Person {
  corpid: string;
  userid: string;
}

export interface Member extends Person {
  name: string;
  department: number[];
  position: string;
}

export interface SessionDetails {
  role: 'member';
  member: Member;
  /** WeCom's key for decrypting user data; never leaves the server. */
  sessionKey: string;
  /** Keyed hash of the device that logged in, or `''`; for the audit log only. */
  deviceHash: string;
}

export interface Session extends SessionDetails {
  person: Person;
  expiresInSeconds: number;
}

export interface SessionLimits {
  idleSeconds: number;
  maxSeconds: number;
}

/** The sealed record; times in milliseconds since 1970. */
interface StoredSession extends SessionDetails {
  endsAt: number;
  seenAt: number;
  /** When WeCom last confirmed that the member may use the app. */
  checkedAt: number;
}

const sessionsPerPersonMax = 5;
const tokenPattern = /^s1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** KEYS sessions of a person · ARGV field value lifeMs sessionsMax */
const createScript = defineScript(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local all = redis.call('HGETALL', KEYS[1])
local left = #all / 2
-- At most one over, unless the limit was lowered; values begin with their start, so text order is age.
while left > tonumber(ARGV[4]) do
  local oldest, value
  for i = 1, #all, 2 do
    if all[i] ~= ARGV[1] and all[i + 1] ~= '' and (not value or all[i + 1] < value) then
      oldest, value = i, all[i + 1]
    end
  end
  if not oldest then break end
  redis.call('HDEL', KEYS[1], all[oldest])
  all[oldest + 1] = ''
  left = left - 1
end
return left`);

/** Writes only over the value that was read: an ended session cannot come back. KEYS sessions · ARGV field old new */
const replaceScript = defineScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  return 1
end
-- Our own write, when its reply was lost and it is sent again.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[3] then return 1 end
return 0`);

/** KEYS sessions of a person */
const endAllScript = defineScript(`
local n = redis.call('HLEN', KEYS[1])
redis.call('DEL', KEYS[1])
return n`);

export function createSessions(options: {
  redis: Redis;
  seal: Seal;
  limits: SessionLimits;
  clock: Clock;
  log: Log;
}): Sessions {
  const { redis, seal, limits, clock, log } = options;
  const touchAfterMs = Math.min(60_000, (limits.idleSeconds * 1000) / 60);

  function expiresInSeconds(stored: StoredSession, now: number): number {
    const endsAt = Math.min(stored.endsAt, stored.seenAt + limits.idleSeconds * 1000);
    return Math.floor((endsAt - now) / 1000);
  }

  function sealedValue(startedAt: string, stored: StoredSession, place: Place): string {
    return `${startedAt}|${seal.seal(JSON.stringify(stored), place.boundTo)}`;
  }

  return {
    async create(person, details) {
      const now = clock.wallMs();
      const id = personId(person);
      const secret = randomBytes(32).toString('base64url');
      const place = placeOf(id, secret);
      const lifeMs = limits.maxSeconds * 1000;
      const stored: StoredSession = { ...details, endsAt: now + lifeMs, seenAt: now, checkedAt: now };
      const value = sealedValue(String(now).padStart(13, '0'), stored, place);
      const args = [place.field, value, lifeMs, sessionsPerPersonMax];
      await available(redis.script(createScript, [place.key], args));
      return { sessionToken: `s1.${id}.${secret}`, expiresInSeconds: expiresInSeconds(stored, now) };
    },

    async find(sessionToken) {
      const place = placeOfToken(sessionToken);
      if (!place) throw new AppError('invalid_session', { reason: 'malformed' });
      const [value] = await available(redis.pipeline([['hget', place.key, place.field]]));
      if (typeof value !== 'string') throw new AppError('invalid_session', { reason: 'unknown' });
      const [startedAt = '', sealed = ''] = value.split('|');
      const opened = seal.open(sealed, place.boundTo);
      if (opened === undefined) throw new AppError('invalid_session', { reason: 'unreadable' });
      const stored: StoredSession = JSON.parse(opened);

      const now = clock.wallMs();
      if (expiresInSeconds(stored, now) <= 0) {
        // Only to tidy up: it has ended, whether Redis can write or not.
        await redis.pipeline([['hdel', place.key, place.field]]).catch((error: unknown) => {
          if (!(error instanceof RedisError)) throw error;
        });
        throw new AppError('invalid_session', { reason: 'expired' });
      }
      if (now - stored.seenAt >= touchAfterMs) {
        const touched = { ...stored, seenAt: now };
        const args = [place.field, value, sealedValue(startedAt, touched, place)];
        try {
          const replaced = await redis.script(replaceScript, [place.key], args);
          if (replaced === 1) stored.seenAt = now;
        } catch (error) {
          // Redis reads but does not write (full, read-only): the session is still good as it stands.
          if (!(error instanceof RedisError)) throw error;
          log('warn', 'session_not_touched', { reason: error.reason });
        }
      }
      const { role, member, sessionKey, deviceHash } = stored;
      return {
        role,
        member,
        sessionKey,
        deviceHash,
        person: { corpid: member.corpid, userid: member.userid },
        expiresInSeconds: expiresInSeconds(stored, now),
      };
    },

    async end(sessionToken) {
      const place = placeOfToken(sessionToken);
      if (!place) return false;
      const [removed] = await available(redis.pipeline([['hdel', place.key, place.field]]));
      return removed === 1;
    },

    async endAll(person) {
      const { key } = placeOf(personId(person), '');
      return Number(await available(redis.script(endAllScript, [key], [])));
    },
  };
}

interface Place {
  key: string;
  field: string;
  boundTo: string;
}

function placeOf(id: string, secret: string): Place {
  const key = `wxs1:{${id}}`;
  const field = createHash('sha256').update(secret).digest('base64url');
  return { key, field, boundTo: `${key} ${field}` };
}

function placeOfToken(sessionToken: string): Place | undefined {
  const [, id, secret] = tokenPattern.exec(sessionToken) ?? [];
  return id === undefined || secret === undefined ? undefined : placeOf(id, secret);
}

/** 128 bits of SHA-256, 22 characters; NUL cannot occur in either part. */
function personId(person: Person): string {
  const identity = `${person.corpid}\0${person.userid.toLowerCase()}`;
  return createHash('sha256').update(identity).digest().subarray(0, 16).toString('base64url');
}

async function available<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RedisError) throw unavailable(`redis_${error.reason}`, 2, error);
    throw error;
  }
}

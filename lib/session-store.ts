// The Redis records of sessions, and the scripts that change them, so that a late write brings no ended session back.
import { hash, randomUUID } from 'node:crypto';
import type { Log } from './log.ts';
import { type Person, personId } from './person.ts';
import { available, claimLua, defineScript, type Redis } from './redis.ts';

/** Where a session is in Redis. */
export interface Place {
  key: string;
  field: string;
  /** A sealed record opens only where it was put. */
  boundTo: string;
}

const tokenPattern = /^s1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** @param id the `personId` of whose session it is */
export function placeOf(id: string, secret: string): Place {
  const key = sessionsKeyOf(id);
  const field = hash('sha256', secret, 'base64url');
  return { key, field, boundTo: `${key} ${field}` };
}

/** `undefined` for what is not a session_token. */
export function placeOfToken(sessionToken: string): Place | undefined {
  const [, id, secret] = tokenPattern.exec(sessionToken) ?? [];
  return id === undefined || secret === undefined ? undefined : placeOf(id, secret);
}

/** The Redis hash that holds all sessions of a person. */
export function sessionsKey(person: Person): string {
  return sessionsKeyOf(personId(person));
}

function sessionsKeyOf(id: string): string {
  return `wxs1:{${id}}`;
}

/** Held by the request that asks WeCom about this person again. */
function checkKey(person: Person): string {
  return `${sessionsKey(person)}:check`;
}

/** Why sessions end, for the audit log. */
export interface Ending {
  /** `logout`, `logout_all`, `replaced`, `too_many`, `operator`, what a callback says, or why WeCom refused the member. */
  reason: string;
  clientAddress?: string | undefined;
}

/** What members do to their own sessions; every other end is somebody else's doing. */
const ownDoing = new Set(['logout', 'logout_all', 'replaced', 'too_many']);

/** The audit line of sessions that ended; none if there were none. */
export function logEnded(
  log: Log,
  person: Person,
  { reason, clientAddress: client_address }: Ending,
  sessions: number,
  device?: string,
): void {
  if (sessions === 0) return;
  const fields = { ...person, device, reason, sessions, client_address };
  log(ownDoing.has(reason) ? 'info' : 'warn', 'session_ended', fields);
}

/**
 * Ends all sessions of a person, with its audit line, and returns how many they were. Needs no encryption key. Rejects
 * with `temporarily_unavailable`.
 *
 * @param usedSince milliseconds since 1970; sessions that were last used before have expired and are not counted. By
 *   default, all are counted
 */
export async function endAllSessions(
  redis: Redis,
  person: Person,
  ending: Ending,
  log: Log,
  usedSince = 0,
): Promise<number> {
  const args = [timeText(usedSince)];
  const ended = Number(await available(redis.script(endAllScript, [sessionsKey(person)], args)));
  logEnded(log, person, ending, ended);
  return ended;
}

/** KEYS sessions-of-a-person · ARGV usedSince */
const endAllScript = defineScript(`
local all = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
local ended = 0
for i = 1, #all, 2 do
  if all[i] ~= 'member' and all[i + 1] >= ARGV[1] then ended = ended + 1 end
end
return ended`);

/** KEYS sessions-of-a-person · ARGV field value member-or-'' lifeMs sessionsMax replaced-field-or-'' usedSince */
const createScript = defineScript(`
-- Writes first: when Redis is full, nothing has ended yet.
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
local evicted = 0
for i = tonumber(ARGV[5]) + 1, #sessions do
  redis.call('HDEL', KEYS[1], sessions[i].field)
  if sessions[i].value >= ARGV[7] then evicted = evicted + 1 end
end
return {evicted, replaced or ''}`);

/** KEYS sessions-of-a-person · ARGV field */
const endScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
-- What is left of a person without sessions goes too.
if redis.call('HLEN', KEYS[1]) == redis.call('HEXISTS', KEYS[1], 'member') then redis.call('DEL', KEYS[1]) end
return value`);

/** KEYS sessions-of-a-person · ARGV field old new */
const replaceScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return 'ended' end
-- The new value is there already when this is sent again after a lost reply.
if value ~= ARGV[2] and value ~= ARGV[3] then return 'overtaken' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'written'`);

/** KEYS sessions-of-a-person check · ARGV claimMs name */
const claimScript = defineScript(`
${claimLua}
return {claimed and 1 or 0, redis.call('HGET', KEYS[1], 'member')}`);

/** KEYS sessions-of-a-person check · ARGV member */
const confirmScript = defineScript(`
redis.call('DEL', KEYS[2])
if redis.call('HEXISTS', KEYS[1], 'member') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'member', ARGV[1])
return 1`);

/** As the values of sessions begin. */
export function timeText(ms: number): string {
  return String(Math.max(0, ms)).padStart(13, '0');
}

/**
 * The sessions in Redis, and the only ways to change them. Trusts nothing that it reads: records are sealed, and
 * session.ts opens them.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxs1:{person}` | hash | until the last of its sessions must end | field = SHA-256 of a session's secret, value = `<last use, 13 digits>|<sealed record>`; field `member` = sealed, what WeCom last said of the member and when |
 * | `wxs1:{person}:check` | string | 5 s | a random name: somebody is asking WeCom about this member again |
 *
 * `person` is a hash of corpid and userid, so ending all sessions of someone is one DEL, and sessions survive
 * a change of the encryption key. All keys of one person share a hash tag. Scripts may be sent twice.
 *
 * All methods reject with `temporarily_unavailable`, but for `replace`: with `RedisError`.
 */
export function createSessionStore(redis: Redis) {
  return {
    /**
     * Stores a session and what WeCom said of the member, `''` for nobody, and ends those that are too many, in one step
     * with the session that it replaces (`''` for none). Returns how many were too many and not expired, and the replaced
     * record.
     *
     * @param session `usedSince`: milliseconds since 1970; a session that was last used before has expired
     */
    async create(
      place: Place,
      session: {
        value: string;
        member: string;
        lifeMs: number;
        sessionsMax: number;
        replacedField: string;
        usedSince: number;
      },
    ) {
      const { value, member, lifeMs, sessionsMax, replacedField, usedSince } = session;
      const args = [place.field, value, member, lifeMs, sessionsMax, replacedField, timeText(usedSince)];
      const reply = await available(redis.script(createScript, [place.key], args));
      const [evicted, replaced] = listOf(reply);
      return { evicted: Number(evicted), replaced };
    },

    /** Returns a session's record, also an expired one that was not ended, and what WeCom last said of the member. */
    async find(place: Place) {
      const [reply] = await available(redis.read([['hmget', place.key, place.field, 'member']]));
      const [value, member] = listOf(reply);
      return { value, member };
    },

    /**
     * Writes only over the value that was read, so that an ended session cannot come back: `written`, `overtaken` when
     * another use was faster, or `ended`.
     */
    replace: (place: Place, old: string, value: string) =>
      redis.script(replaceScript, [place.key], [place.field, old, value]),

    /** Ends one session; returns the record that was there. */
    end: (place: Place) => available(redis.script(endScript, [place.key], [place.field])),

    /** Whether we may ask WeCom about this person for the next `ms`, and what it said last. */
    async claimCheck(person: Person, ms: number) {
      const keys = [sessionsKey(person), checkKey(person)];
      const [claimed, member] = listOf(await available(redis.script(claimScript, keys, [ms, randomUUID()])));
      return { claimed: claimed === 1, member };
    },

    /** Stores what WeCom said and gives up the claim; `false` if the sessions have ended meanwhile. */
    async confirm(person: Person, member: string) {
      const keys = [sessionsKey(person), checkKey(person)];
      return (await available(redis.script(confirmScript, keys, [member]))) === 1;
    },

    async giveUpCheck(person: Person) {
      await available(redis.pipeline([['del', checkKey(person)]]));
    },

    /** Returns all fields of a person, by name. */
    async all(person: Person): Promise<Record<string, unknown>> {
      const [reply] = await available(redis.pipeline([['hgetall', sessionsKey(person)]]));
      // ioredis returns HGETALL in a pipeline as an object.
      return typeof reply === 'object' && reply !== null ? { ...reply } : {};
    },
  };
}

function listOf(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

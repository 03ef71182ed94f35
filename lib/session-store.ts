// The Redis records of sessions, and the only ways to change them: scripts, so that a late write brings no ended session
// back. Trusts nothing that it reads: records are sealed, and session.ts opens them.
import { hash } from 'node:crypto';
import type { Log } from './log.ts';
import { type Person, personId } from './person.ts';
import { available, claimLua, defineScript, type Redis } from './redis.ts';

/** Where a session is in Redis. */
export interface Place {
  key: string;
  field: string;
}

const tokenPattern = /^s1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** @param id the `personId` of whose session it is */
export function placeOf(id: string, secret: string): Place {
  return { key: keyOf(id), field: hash('sha256', secret, 'base64url') };
}

/** `undefined` for what is not a session_token. */
export function placeOfToken(sessionToken: string): Place | undefined {
  const [, id, secret] = tokenPattern.exec(sessionToken) ?? [];
  return id === undefined || secret === undefined ? undefined : placeOf(id, secret);
}

/** Returns the keys of a person, in the order of the scripts. */
export function keysOf(person: Person): [sessions: string, check: string] {
  const key = keyOf(personId(person));
  return [key, `${key}:check`];
}

/**
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxs1:{person}` | hash | until the last of its sessions must end | field = SHA-256 of a session's secret, value = `<last use, 13 digits>|<sealed record>`; field `member` = sealed, what WeCom last said of the member and when |
 * | `wxs1:{person}:check` | string | 5 s | a random name: somebody is asking WeCom about this member again |
 *
 * `person` is a hash of corpid and userid, so ending all sessions of someone is one DEL, and sessions survive
 * a change of the encryption key. All keys of one person share a hash tag. Scripts may be sent twice.
 */
function keyOf(id: string): string {
  return `wxs1:{${id}}`;
}

/** As the values of sessions begin. */
export function timeText(ms: number): string {
  return String(Math.max(0, ms)).padStart(13, '0');
}

/**
 * Stores a session and what WeCom said of the member, and ends those that are too many, in one step with the session that
 * it replaces. Returns how many were too many and had not expired, and the replaced record.
 *
 * KEYS sessions-of-a-person · ARGV field value member-or-'' lifeMs sessionsMax replaced-field-or-'' usedSince
 */
export const createScript = defineScript(`
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

/** Ends one session; returns the record that was there. KEYS sessions-of-a-person · ARGV field */
export const endScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
-- What is left of a person without sessions goes too.
if redis.call('HLEN', KEYS[1]) == redis.call('HEXISTS', KEYS[1], 'member') then redis.call('DEL', KEYS[1]) end
return value`);

/**
 * Writes only over the value that was read, so that an ended session cannot come back. Returns `written`, `overtaken` when
 * another use was faster, or `ended`.
 *
 * KEYS sessions-of-a-person · ARGV field old new
 */
export const replaceScript = defineScript(`
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return 'ended' end
-- The new value is there already when this is sent again after a lost reply.
if value ~= ARGV[2] and value ~= ARGV[3] then return 'overtaken' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'written'`);

/** Returns 1 if we may ask WeCom, and what it said last. KEYS sessions-of-a-person check · ARGV claimMs name */
export const claimScript = defineScript(`
${claimLua}
return {claimed and 1 or 0, redis.call('HGET', KEYS[1], 'member')}`);

/** Stores what WeCom said, unless the sessions have ended. KEYS sessions-of-a-person check · ARGV member */
export const confirmScript = defineScript(`
redis.call('DEL', KEYS[2])
if redis.call('HEXISTS', KEYS[1], 'member') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'member', ARGV[1])
return 1`);

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
  const [key] = keysOf(person);
  const ended = Number(await available(redis.script(endAllScript, [key], [timeText(usedSince)])));
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

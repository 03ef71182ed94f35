// The scripts that change the Redis record of an access_token, and the times they keep to. token-store.ts says what the keys
// and fields mean.
import { defineScript } from './redis.ts';

/** Longer than the timeout of gettoken (3 s), so that a running holder commits in time. */
export const leaseMs = 5000;
/** Leases per company and minute, whatever WeCom answers. */
export const gettokensPerMinuteMax = 12;
/** A minute, plus the time in which a lease may be used. */
const callsWindowMs = 60_000 + leaseMs;
/** The timer renews a token that expires within this time. */
export const timerAheadMs = 1_200_000;
/** The longest pause. A longer one in Redis comes from a clock that was set back. */
export const pauseMsMax = 600_000;
/** How long failures and rests in a row are counted. */
const memoryMs = 1_800_000;
const timeDigits = 13;
/** While a token is on probation after a rest, others look again after this time. */
const probationAgainMs = 1000;

/** Lua that deletes keys of a wrong type (somebody's mistake): they would make every script fail. */
function dropForeign(...types: ('hash' | 'string')[]): string {
  return types.map(dropUnless).join('\n');
}
function dropUnless(type: string, i: number): string {
  return `do local t = redis.call('TYPE', KEYS[${i + 1}]).ok if t ~= 'none' and t ~= '${type}' then redis.call('DEL', KEYS[${i + 1}]) end end`;
}

/** Lua for the length of a rest, in ms; `rests`: how many there were. */
function restMs(rests: string): string {
  return `math.min(${pauseMsMax}, 2000 * 5 ^ math.min(${rests}, 10))`;
}

/** Lua for KEYS[2]: a longer pause stays, with its reason. */
const setPause = `
local function setPause(why, ms)
  local present = redis.call('PTTL', KEYS[2])
  if present >= ms and present <= ${pauseMsMax} then return present end
  redis.call('SET', KEYS[2], why, 'PX', ms)
  return ms
end`;

const readRecord = `
local tok = redis.call('HMGET', KEYS[1], 'g', 'h', 'c', 'n', 'p', 'x')
local ttl = redis.call('PTTL', KEYS[1])
local stored = tok[1] and tok[2] and (tok[3] or '') ~= '' and ttl > 0
local function record() return tok[1], tok[2], tok[3], ttl, tok[4] or '0', tok[5] or '' end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/** KEYS tok lease neg rejects calls · ARGV owner leaseMs refused aheadMs acceptedMsAgo-or-'' callsMax generation */
export const beginScript = defineScript(`
${dropForeign('hash', 'string', 'string', 'string', 'string')}
${readRecord}
local isUnreadable = ARGV[3] ~= '' and tok[3] == ARGV[3]
local known = tonumber(ARGV[7])
-- With a later generation the same token was issued again since: it may be accepted now.
local isRefused = tok[2] == ARGV[3] and not (stored and known > 0 and tonumber(tok[1]) > known)
local usable = stored and not isRefused and not isUnreadable
local function answer(state, why, wait)
  if usable then return {state, why, wait, record()} end
  return {state, why, wait}
end
if usable and (ttl > tonumber(ARGV[4]) or tok[4] == '1') then return answer('hit', '', 0) end

local since = tok[2] == ARGV[3] and tonumber(tok[5] or '')
if since and ARGV[5] ~= '' and now - tonumber(ARGV[5]) * 1000 > since then
  -- Accepted during its probation, so the refusal before it was a mistake of WeCom.
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[1], 'p', '', 'x', '')
  if redis.call('GET', KEYS[3]) == 'token_refused' then redis.call('DEL', KEYS[3]) end
  since = nil
end

local holder = redis.call('GET', KEYS[2])
local held = redis.call('PTTL', KEYS[2])
-- A lease without a TTL, or with one that is too long (a clock was set back), would block everybody: ignore it.
if holder and (held < 0 or held > tonumber(ARGV[2])) then holder = nil end
local times = redis.call('GET', KEYS[5]) or ''
if holder == ARGV[1] then
  -- Our own lease again: the reply was lost, or this instance was frozen. It is counted once, from now.
  times = string.sub(times, 1, ${-timeDigits - 1})
else
  local pause = redis.call('PTTL', KEYS[3])
  if pause > ${pauseMsMax} then pause = 0 end
  if pause > 0 then return answer('paused', redis.call('GET', KEYS[3]), pause) end
  if holder then return answer('busy', '', held) end

  -- One token was issued after the rest, and its probation goes on.
  local rests = tonumber(redis.call('GET', KEYS[4]) or '')
  local age = now - (tonumber(tok[1]) or 0)
  if since and rests and tok[6] ~= 'rested' and age >= 0 and age < ${restMs('rests')} * 1000 then
    return answer('paused', 'token_refused', ${probationAgainMs})
  end

  local counted = tonumber(ARGV[6]) * ${timeDigits}
  if #times >= counted then
    local ms = now / 1000 - (tonumber(string.sub(times, -counted, ${timeDigits - 1} - counted)) or 0)
    if ms >= 0 and ms < ${callsWindowMs} then
      return answer('paused', 'too_often', math.ceil(${callsWindowMs} - ms))
    end
  end
end
times = times .. string.format('%0${timeDigits}.0f', math.floor(now / 1000))
-- A full Redis refuses a script if its first write needs memory; DEL needs none.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[5], string.sub(times, ${-gettokensPerMinuteMax * timeDigits}), 'PX', ${callsWindowMs})
return answer('lease', '', 0)`);

/** KEYS tok lease fails rejects · ARGV owner fingerprint sealed ttlMs refused */
export const commitScript = defineScript(`
${dropForeign('hash', 'string', 'string', 'string')}
${readRecord}
-- Only the holder may write: one that was frozen past its lease would overwrite a newer token with an older one.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  -- The second run after a lost reply.
  if stored and tok[3] == ARGV[3] then return {'stored', tok[1], tok[4] or '0', tok[5] or ''} end
  if stored then return {'lost', record()} end
  return {'lost'}
end
redis.call('DEL', KEYS[2])
local unchanged = '0'
local isEarly = ttl > 0 and ttl <= ${timerAheadMs}
if isEarly and tok[2] == ARGV[2] and tonumber(ARGV[4]) <= ttl + 60000 then unchanged = '1' end
-- A token that lives a minute or less cannot be renewed early: each login would try.
if tonumber(ARGV[4]) <= 60000 then unchanged = '1' end
local g = now
local before = tonumber(tok[1] or '')
if before and before >= g then g = before + 1 end
local generation = string.format('%.0f', g)
local since, by = '', ''
if ARGV[5] ~= '' or redis.call('GET', KEYS[4]) then
  since = generation
  if tok[2] == ARGV[2] and tonumber(tok[5] or '') then since = tok[5] end
  if tok[6] and tok[6] ~= 'rested' then by = tok[6] end
end
redis.call('HSET', KEYS[1], 'g', generation, 'h', ARGV[2], 'c', ARGV[3], 'n', unchanged, 'p', since, 'x', by)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
-- The pause stays: if there is one, it began after we got the lease.
redis.call('DEL', KEYS[3])
return {'stored', generation, unchanged, since}`);

/** KEYS lease neg fails · ARGV owner why baseMs capMs */
export const failScript = defineScript(`
${dropForeign('string', 'string', 'string')}
${setPause}
-- The lease was lost, or this is the second run after a lost reply.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return math.max(0, redis.call('PTTL', KEYS[2])) end
redis.call('DEL', KEYS[1])
local n = (tonumber(redis.call('GET', KEYS[3]) or '') or 0) + 1
redis.call('SET', KEYS[3], n, 'PX', ${memoryMs})
local pause = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ math.min(n - 1, 20))
return setPause(ARGV[2], pause)`);

/** KEYS tok neg rejects · ARGV owner fingerprint */
export const giveUpScript = defineScript(`
${dropForeign('hash', 'string', 'string')}
${setPause}
local tok = redis.call('HMGET', KEYS[1], 'h', 'p', 'x')
local by = tok[3] or ''
if tok[1] ~= ARGV[2] or (tok[2] or '') == '' or by == 'rested' or by == ARGV[1] then return 0 end
-- A full Redis refuses a script if its first write needs memory; HDEL needs none.
redis.call('HDEL', KEYS[1], 'x')
if by == '' then
  redis.call('HSET', KEYS[1], 'x', ARGV[1])
  return 0
end
-- Issued after a refusal, and refused to several calls: this is not the problem of one call or one moment.
local rests = tonumber(redis.call('GET', KEYS[3]) or '') or 0
redis.call('HSET', KEYS[1], 'x', 'rested')
redis.call('SET', KEYS[3], rests + 1, 'PX', ${memoryMs})
return setPause('token_refused', ${restMs('rests')})`);

/** KEYS tok neg rejects · ARGV fingerprint */
export const confirmScript = defineScript(`
${dropForeign('hash', 'string', 'string')}
if redis.call('HGET', KEYS[1], 'h') == ARGV[1] then
  redis.call('DEL', KEYS[3])
  if redis.call('GET', KEYS[2]) == 'token_refused' then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[1], 'p', '', 'x', '')
end
return 0`);

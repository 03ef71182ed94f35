// The scripts that change the Redis record of an access_token: here, inside Redis, it is decided who may call gettoken.
// token-store.ts says what the keys and fields mean.
import { defineScript } from './redis.ts';

/** Longer than the timeout of gettoken (3 s), so that a running holder commits in time. */
export const leaseMs = 5000;
/** Leases per company and minute, whatever WeCom returns, while Redis keeps its data and its clock. */
export const leasesPerMinuteMax = 12;
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

// The keys, in the order of `tokenStoreKeys`. Some proxies accept only `KEYS[n]`, so Lua has no names for them.
const tok = 'KEYS[1]';
const lease = 'KEYS[2]';
const pause = 'KEYS[3]';
const failures = 'KEYS[4]';
const rests = 'KEYS[5]';
const calls = 'KEYS[6]';

/** Deletes keys of a wrong type (somebody's mistake): they would make every script fail. */
const dropForeign = [tok, lease, pause, failures, rests, calls]
  .map((key) => {
    const type = key === tok ? 'hash' : 'string';
    const find = `local found = redis.call('TYPE', ${key}).ok`;
    return `do ${find} if found ~= 'none' and found ~= '${type}' then redis.call('DEL', ${key}) end end`;
  })
  .join('\n');

/** The stored token. `probation` is when it began, or ''; `gaveUp` is the first call that gave up, or 'rested'. */
const readRecord = `
${dropForeign}
local fields = redis.call('HMGET', ${tok}, 'g', 'h', 'c', 'n', 'p', 'x')
local generation, fingerprint, sealed, noEarlyRenewal, probation, gaveUp = unpack(fields, 1, 6)
local ttl = redis.call('PTTL', ${tok})
local exists = generation and fingerprint and (sealed or '') ~= '' and ttl > 0
local function record() return generation, fingerprint, sealed, noEarlyRenewal or '', probation or '', ttl end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/** WeCom accepted the stored token. */
const endProbation = `
local function endProbation()
  redis.call('DEL', ${rests})
  redis.call('HSET', ${tok}, 'p', '', 'x', '')
  if redis.call('GET', ${pause}) == 'token_refused' then redis.call('DEL', ${pause}) end
end`;

/** An existing longer pause is kept, with its reason. */
const setPause = `
local function setPause(why, ms)
  local present = redis.call('PTTL', ${pause})
  if present >= ms and present <= ${pauseMsMax} then return present end
  redis.call('SET', ${pause}, why, 'PX', ms)
  return ms
end`;

/** Lua for the length of the next rest, in ms; `count`: how many there were. */
function restMs(count: string): string {
  return `math.min(${pauseMsMax}, 2000 * 5 ^ math.min(${count}, 10))`;
}

export const beginScript = defineScript(`
${readRecord}
${endProbation}
local owner, unusable, acceptedMsAgo, aheadMs, leasesMax = unpack(ARGV)
-- Compare and set: only the record that the caller cannot use is replaced, not a later one.
local usable = exists and sealed ~= unusable
local function answer(state, why, waitMs)
  if usable then return {state, why, waitMs, record()} end
  return {state, why, waitMs}
end
if usable and (ttl > tonumber(aheadMs) or noEarlyRenewal == '1') then return answer('hit', '', 0) end

-- Probation matters only to a caller that cannot use the stored token.
local onProbationSince = sealed == unusable and tonumber(probation or '')
if onProbationSince and acceptedMsAgo ~= '' and now - tonumber(acceptedMsAgo) * 1000 > onProbationSince then
  -- Accepted during its probation, so the refusal before it was a mistake of WeCom.
  endProbation()
  onProbationSince = nil
end

local holder = redis.call('GET', ${lease})
local heldMs = redis.call('PTTL', ${lease})
-- A lease without a TTL, or with one that is too long (a clock was set back), would block everybody: ignore it.
if holder and (heldMs < 0 or heldMs > ${leaseMs}) then holder = nil end
local times = redis.call('GET', ${calls}) or ''
if holder == owner then
  -- Our own lease again: the reply was lost, or this instance was frozen. It is counted once, from now.
  times = string.sub(times, 1, ${-timeDigits - 1})
else
  local pauseMs = redis.call('PTTL', ${pause})
  if pauseMs > 0 and pauseMs <= ${pauseMsMax} then return answer('paused', redis.call('GET', ${pause}), pauseMs) end
  if holder then return answer('busy', '', heldMs) end

  -- One token was issued after the rest, and its probation is not over.
  local count = tonumber(redis.call('GET', ${rests}) or '')
  local age = now - (tonumber(generation) or 0)
  if onProbationSince and count and gaveUp ~= 'rested' and age >= 0 and age < ${restMs('count')} * 1000 then
    return answer('paused', 'token_refused', ${probationAgainMs})
  end

  local counted = tonumber(leasesMax) * ${timeDigits}
  if #times >= counted then
    local oldest = tonumber(string.sub(times, -counted, ${timeDigits - 1} - counted)) or 0
    local ms = now / 1000 - oldest
    if ms >= 0 and ms < ${callsWindowMs} then
      return answer('paused', 'too_often', math.ceil(${callsWindowMs} - ms))
    end
  end
end
times = times .. string.format('%0${timeDigits}.0f', math.floor(now / 1000))
-- A full Redis refuses a script if its first write needs memory; DEL needs none.
redis.call('DEL', ${lease})
redis.call('SET', ${lease}, owner, 'PX', ${leaseMs})
redis.call('SET', ${calls}, string.sub(times, ${-leasesPerMinuteMax * timeDigits}), 'PX', ${callsWindowMs})
return answer('lease', '', 0)`);

export const commitScript = defineScript(`
${readRecord}
local owner, newFingerprint, newSealed, newTtl, afterRefusal = unpack(ARGV)
-- Only the holder may write: one that was frozen past its lease would overwrite a newer token with an older one.
if redis.call('GET', ${lease}) ~= owner then
  if not exists then return {'lost'} end
  -- The same: this is the second run after a lost reply.
  return {sealed == newSealed and 'stored' or 'lost', record()}
end
redis.call('DEL', ${lease})
local isSame = fingerprint == newFingerprint
local isEarly = ttl > 0 and ttl <= ${timerAheadMs}
local isUnchanged = isEarly and isSame and tonumber(newTtl) <= ttl + 60000
-- A token that lives a minute or less must not be renewed early: otherwise each login would try.
local newNoEarlyRenewal = (isUnchanged or tonumber(newTtl) <= 60000) and '1' or '0'
-- Later than the one before, also if the clock was set back.
local newGeneration = string.format('%.0f', math.max(now, (tonumber(generation or '') or 0) + 1))
local newProbation, newGaveUp = '', ''
if afterRefusal == '1' or redis.call('GET', ${rests}) then
  newProbation = newGeneration
  if isSame and tonumber(probation or '') then newProbation = probation end
  if gaveUp and gaveUp ~= 'rested' then newGaveUp = gaveUp end
end
redis.call('HSET', ${tok}, 'g', newGeneration, 'h', newFingerprint, 'c', newSealed,
  'n', newNoEarlyRenewal, 'p', newProbation, 'x', newGaveUp)
redis.call('PEXPIRE', ${tok}, newTtl)
-- A pause is kept: if there is one, a call gave up while we held the lease.
redis.call('DEL', ${failures})
return {'stored', newGeneration, newFingerprint, newSealed, newNoEarlyRenewal, newProbation, newTtl}`);

export const failScript = defineScript(`
${dropForeign}
${setPause}
local owner, why, baseMs, capMs = unpack(ARGV)
-- The lease was lost, or this is the second run after a lost reply.
if redis.call('GET', ${lease}) ~= owner then return math.max(0, redis.call('PTTL', ${pause})) end
redis.call('DEL', ${lease})
local count = (tonumber(redis.call('GET', ${failures}) or '') or 0) + 1
redis.call('SET', ${failures}, count, 'PX', ${memoryMs})
return setPause(why, math.min(tonumber(capMs), tonumber(baseMs) * 2 ^ math.min(count - 1, 20)))`);

export const giveUpScript = defineScript(`
${readRecord}
${setPause}
local owner, refused = unpack(ARGV)
local first = gaveUp or ''
if fingerprint ~= refused or (probation or '') == '' or first == 'rested' or first == owner then return 0 end
-- A full Redis refuses a script if its first write needs memory; HDEL needs none.
redis.call('HDEL', ${tok}, 'x')
if first == '' then
  redis.call('HSET', ${tok}, 'x', owner)
  return 0
end
-- Issued after a refusal, and refused to several calls: this is not the problem of one call or one moment.
local count = tonumber(redis.call('GET', ${rests}) or '') or 0
redis.call('HSET', ${tok}, 'x', 'rested')
redis.call('SET', ${rests}, count + 1, 'PX', ${memoryMs})
return setPause('token_refused', ${restMs('count')})`);

export const confirmScript = defineScript(`
${readRecord}
${endProbation}
local accepted = ARGV[1]
if fingerprint == accepted then endProbation() end
return 0`);

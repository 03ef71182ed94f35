import { defineScript, type Redis, RedisError } from './redis.ts';

/**
 * The Redis record of one company's access_token, and the only operations that change it.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxt1:{kid}:tok` | hash | until the token expires | the token, see below |
 * | `wxt1:{kid}:lease` | string | 5 s | the owner who may call gettoken and commit its token |
 * | `wxt1:{kid}:neg` | string | 1 s – 10 min | the pause: why nobody may call gettoken now |
 * | `wxt1:{kid}:fails` | number | 30 min | failures of gettoken in a row; the pause doubles with each |
 * | `wxt1:{kid}:rejects` | number | 30 min | rests in a row, see below; each is five times as long as the one before, up to 10 min |
 * | `wxt1:{kid}:calls` | string | 65 s | times of the last 12 leases, 13 digits each |
 *
 * | field of tok | meaning |
 * |---|---|
 * | `g` `h` `c` | generation (µs, always increases), fingerprint, sealed token |
 * | `n` | `1`: an early renewal returned the same token, so it is not renewed early again |
 * | `p` | probation: when it began (µs), if the token was issued after a refusal, or while rests are counted; empty once WeCom accepted the token |
 * | `x` | during probation: the first call that gave up on the token, then `rested` |
 *
 * A **rest** is the pause that begins when a second call gives up on a token on probation. After it, one token is issued.
 * The next one needs an acceptance, another rest, or as much time as the next rest takes.
 *
 * All keys of one company share a hash tag, for clusters. Scripts are O(1), name each key as a literal `KEYS[n]` (some
 * proxies accept nothing else), and may be sent twice with the same owner: after a lost reply, the second run changes
 * nothing more. That of `commit` says `lost`, with the record that the first one stored.
 */
export interface TokenStore {
  /** Reads the record in one round trip without a script, so it works while Redis refuses writes. */
  read(): Promise<TokenRecord | undefined>;
  /**
   * Asks for a token other than `refused`. Returns the stored token, the right to fetch one, or why nobody may fetch.
   *
   * @param refused fingerprint of the token that WeCom refused, or `sealed` of a record that does not open, or `''`
   * @param aheadMs a stored token that expires within this time may be used, but should be renewed
   * @param known what this process knows of the refused token
   */
  begin(owner: string, refused: string, aheadMs: number, known?: KnownToken): Promise<Begun>;
  /** Stores the token of gettoken, if `owner` still holds the lease; `refused` is the one it replaces, or `''`. */
  commit(owner: string, token: FetchedToken, refused: string): Promise<Committed>;
  /**
   * Records the failure of gettoken, so that all instances pause. Returns the length of the pause in ms, 0 if the lease
   * was lost.
   */
  fail(owner: string, why: string, pause: Pause): Promise<number>;
  /**
   * Records that a call gave up: its last try, with this token, was refused. Deletes nothing, since the token may work
   * for others. The second such call of a token on probation begins a rest. Returns the length of the pause in ms, or 0.
   */
  giveUp(owner: string, fingerprint: string): Promise<number>;
  /** Call it when WeCom accepted this token: earlier refusals are forgotten. */
  confirm(fingerprint: string): Promise<void>;
}

export interface KnownToken {
  /** The same token with a later generation was issued again since, so it is no longer the refused one. 0: not stored. */
  generation: number;
  /** Time since WeCom was last asked with it and accepted it; missing if it never did. */
  acceptedMsAgo?: number | undefined;
}

/** A stored token; `ttlMs` is its remaining lifetime. */
export interface TokenRecord {
  generation: number;
  fingerprint: string;
  sealed: string;
  ttlMs: number;
  /** An early renewal returned the same token without more lifetime: do not try again before it expires. */
  unchanged: boolean;
  /** Issued after a refusal, and not accepted since. */
  onProbation: boolean;
}

export type FetchedToken = Pick<TokenRecord, 'fingerprint' | 'sealed' | 'ttlMs'>;

export type Begun =
  | { state: 'hit'; record: TokenRecord }
  /** The caller may fetch; meanwhile `record` may be used. */
  | { state: 'lease'; record?: TokenRecord }
  /** Another caller holds the lease, for at most `waitMs`. */
  | { state: 'busy'; waitMs: number; record?: TokenRecord }
  /** Nobody may call gettoken for `waitMs`. */
  | { state: 'paused'; why: string; waitMs: number; record?: TokenRecord };

export type Committed =
  | { state: 'stored'; generation: number; unchanged: boolean; onProbation: boolean }
  /** `owner` does not hold the lease any more; `record` is what is stored. */
  | { state: 'lost'; record?: TokenRecord };

export interface Pause {
  baseMs: number;
  capMs: number;
}

/** Longer than the timeout of gettoken (3 s), so that a running holder commits in time. */
export const leaseMs = 5000;
/** Leases per company and minute, whatever WeCom answers. */
const gettokensPerMinuteMax = 12;
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
local stored = tok[1] and tok[2] and tok[3] and ttl > 0
local function record() return tok[1], tok[2], tok[3], ttl, tok[4] or '0', tok[5] or '' end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/** KEYS tok lease neg rejects calls · ARGV owner leaseMs refused aheadMs acceptedMsAgo-or-'' callsMax generation */
const beginScript = defineScript(`
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
-- Our own lease again: the reply was lost, or this instance was frozen.
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return answer('lease', '', 0)
end
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

local times = redis.call('GET', KEYS[5]) or ''
local counted = tonumber(ARGV[6]) * ${timeDigits}
if #times >= counted then
  local ms = now / 1000 - (tonumber(string.sub(times, -counted, ${timeDigits - 1} - counted)) or 0)
  if ms >= 0 and ms < ${callsWindowMs} then
    return answer('paused', 'too_often', math.ceil(${callsWindowMs} - ms))
  end
end
times = times .. string.format('%0${timeDigits}.0f', math.floor(now / 1000))
-- A full Redis refuses a script if its first write needs memory; DEL needs none.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[5], string.sub(times, ${-gettokensPerMinuteMax * timeDigits}), 'PX', ${callsWindowMs})
return answer('lease', '', 0)`);

/** KEYS tok lease fails rejects · ARGV owner fingerprint sealed ttlMs refused */
const commitScript = defineScript(`
${dropForeign('hash', 'string', 'string', 'string')}
${readRecord}
-- Only the holder may write: one that was frozen past its lease would overwrite a newer token with an older one.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
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
const failScript = defineScript(`
${dropForeign('string', 'string', 'string')}
${setPause}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local n = (tonumber(redis.call('GET', KEYS[3]) or '') or 0) + 1
redis.call('SET', KEYS[3], n, 'PX', ${memoryMs})
local pause = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ math.min(n - 1, 20))
return setPause(ARGV[2], pause)`);

/** KEYS tok neg rejects · ARGV owner fingerprint */
const giveUpScript = defineScript(`
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
const confirmScript = defineScript(`
${dropForeign('hash', 'string', 'string')}
if redis.call('HGET', KEYS[1], 'h') == ARGV[1] then
  redis.call('DEL', KEYS[3])
  if redis.call('GET', KEYS[2]) == 'token_refused' then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[1], 'p', '', 'x', '')
end
return 0`);

/**
 * Creates the store of one (company, secret, encryption key). All methods reject with `RedisError`.
 *
 * @param kid the id of these three; two apps of one company, or two keys during a rotation, never share a record
 * @param isRotating two encryption keys are in use: instances of before have a record of their own, and each gets half the calls
 */
export function createTokenStore(redis: Redis, kid: string, isRotating = false): TokenStore {
  const callsMax = isRotating ? gettokensPerMinuteMax / 2 : gettokensPerMinuteMax;
  const [tok, lease, neg, fails, rejects, calls] = tokenStoreKeys(kid);

  return {
    async read() {
      try {
        // PTTL first: if the token is replaced in between, its lifetime only looks too short.
        const [ttl, fields] = await redis.pipeline([
          ['pttl', tok],
          ['hmget', tok, 'g', 'h', 'c', 'n', 'p'],
        ]);
        const [generation, fingerprint, sealed, unchanged, since] = listOf(fields);
        return tokenRecord([generation, fingerprint, sealed, ttl, unchanged, since]);
      } catch (error) {
        if (error instanceof RedisError && error.reason === 'wrong_type') return undefined;
        throw error;
      }
    },

    async begin(owner, refused, aheadMs, { generation, acceptedMsAgo } = { generation: 0 }) {
      const keys = [tok, lease, neg, rejects, calls];
      const accepted = acceptedMsAgo === undefined ? '' : Math.ceil(acceptedMsAgo);
      const args = [owner, leaseMs, refused, aheadMs, accepted, callsMax, generation];
      const reply = await redis.script(beginScript, keys, args);
      const [state, why, waitMs, ...fields] = listOf(reply);
      const record = tokenRecord(fields);
      const withRecord = record && { record };
      switch (state) {
        case 'hit':
          if (record) return { state, record };
          break;
        case 'lease':
          return { state, ...withRecord };
        case 'busy':
          return { state, waitMs: Number(waitMs), ...withRecord };
        case 'paused':
          return { state, why: String(why), waitMs: Number(waitMs), ...withRecord };
      }
      throw new RedisError('error_answer');
    },

    async commit(owner, token, refused) {
      const args = [owner, token.fingerprint, token.sealed, Math.floor(token.ttlMs), refused];
      const reply = await redis.script(commitScript, [tok, lease, fails, rejects], args);
      const [state, ...fields] = listOf(reply);
      if (state === 'stored') {
        const [generation, unchanged, since] = fields;
        const flags = { unchanged: unchanged === '1', onProbation: since !== '' };
        return { state, generation: Number(generation), ...flags };
      }
      if (state !== 'lost') throw new RedisError('error_answer');
      const record = tokenRecord(fields);
      return { state, ...(record && { record }) };
    },

    async fail(owner, why, pause) {
      const args = [owner, why, pause.baseMs, pause.capMs];
      return Number(await redis.script(failScript, [lease, neg, fails], args));
    },

    async giveUp(owner, fingerprint) {
      return Number(await redis.script(giveUpScript, [tok, neg, rejects], [owner, fingerprint]));
    },

    async confirm(fingerprint) {
      await redis.script(confirmScript, [tok, neg, rejects], [fingerprint]);
    },
  };
}

/** Returns the keys of one company: tok, lease, neg, fails, rejects, calls. The sealed token is bound to the first. */
export function tokenStoreKeys(kid: string) {
  const key = (name: string) => `wxt1:{${kid}}:${name}`;
  return [key('tok'), key('lease'), key('neg'), key('fails'), key('rejects'), key('calls')] as const;
}

/** Returns the key of the sealed token. */
export function tokenKey(kid: string): string {
  return tokenStoreKeys(kid)[0];
}

/** Returns the key that says why nobody may call gettoken; it does not exist if gettoken is allowed. */
export function pauseKey(kid: string): string {
  return tokenStoreKeys(kid)[2];
}

function listOf(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function tokenRecord(fields: unknown[]): TokenRecord | undefined {
  const [generation, fingerprint, sealed, ttl, unchanged, since] = fields;
  const ttlMs = Number(ttl);
  if (typeof generation !== 'string' || typeof fingerprint !== 'string') return undefined;
  if (typeof sealed !== 'string' || !(ttlMs > 0)) return undefined;
  return {
    generation: Number(generation),
    fingerprint,
    sealed,
    ttlMs,
    unchanged: unchanged === '1',
    onProbation: typeof since === 'string' && since !== '',
  };
}

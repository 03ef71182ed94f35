import { defineScript, type Redis, RedisError } from './redis.ts';

/**
 * The Redis record of one company's access_token, and the only three ways to change it.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxt1:{kid}:tok` | hash `g` `h` `c` `n` | life of the token | generation (µs, only ever grows), fingerprint, sealed token, `1` = asking early gave nothing new |
 * | `wxt1:{kid}:lease` | string | 5 s | who may call gettoken and commit what it answers |
 * | `wxt1:{kid}:neg` | string | 1 s – 10 min | why nobody may call gettoken for now |
 * | `wxt1:{kid}:fails` | number | 30 min | failures of gettoken in a row; the pause doubles with each |
 * | `wxt1:{kid}:rejects` | number | 30 min | tokens WeCom issued and then refused; the pause grows fivefold |
 *
 * All keys of one company share a hash tag, so scripts run on a cluster. Scripts are O(1), declare their keys
 * and may be sent twice with the same owner: a lost reply changes nothing.
 */
export interface TokenStore {
  /** One round trip, no script: works while Redis refuses writes. */
  read(): Promise<TokenRecord | undefined>;
  /**
   * Asks for a token better than `failed`; answers the stored one, or the right to fetch, or why not to.
   *
   * @param failed fingerprint of the token WeCom refused, or `sealed` of a record that does not open, or `''`
   * @param aheadMs a stored token with less life than this is good enough to use, but should be renewed
   */
  begin(owner: string, failed: string, aheadMs: number): Promise<Begun>;
  /** Stores what gettoken answered, if `owner` still holds the lease. */
  commit(owner: string, token: FetchedToken, failed: string): Promise<Committed>;
  /** Remembers for everyone that gettoken failed; answers for how many milliseconds, 0 if the lease was lost. */
  fail(owner: string, why: string, pause: Pause): Promise<number>;
  /** WeCom refused a token it had just issued: drops it and pauses; answers the milliseconds, 0 if outdated. */
  reject(failed: string): Promise<number>;
}

/** A stored token as Redis holds it; `ttlMs` is what is left of its life. */
export interface TokenRecord {
  generation: number;
  fingerprint: string;
  sealed: string;
  ttlMs: number;
  /** Asking early gave the same token with no more life: do not ask again before it ends. */
  unchanged: boolean;
}

export interface FetchedToken {
  fingerprint: string;
  sealed: string;
  ttlMs: number;
}

export type Begun =
  | { state: 'hit'; record: TokenRecord }
  /** We may fetch; `record` is still good for use until then. */
  | { state: 'lease'; record?: TokenRecord }
  /** Another holds the lease for at most `waitMs`. */
  | { state: 'busy'; waitMs: number; record?: TokenRecord }
  /** gettoken failed lately; nobody calls it for `waitMs`. */
  | { state: 'paused'; why: string; waitMs: number; record?: TokenRecord };

export type Committed =
  | { state: 'stored'; generation: number; unchanged: boolean }
  /** WeCom answered the very token that had failed; a pause has begun. */
  | { state: 'same'; waitMs: number }
  /** The lease had passed to another; `record` is what is stored now. */
  | { state: 'lost'; record?: TokenRecord };

/** The first pause and the longest one. */
export interface Pause {
  baseMs: number;
  capMs: number;
}

/** Longer than gettoken may take (3 s), so that a living holder always commits in time. */
export const leaseMs = 5000;

/** A key of a foreign type (somebody's mistake) would make every script fail: it is as good as absent. */
const dropForeignTypes = `
for i, key in ipairs(KEYS) do
  local t = redis.call('TYPE', key).ok
  if t ~= 'none' and t ~= (i == 1 and 'hash' or 'string') then redis.call('DEL', key) end
end`;

/** KEYS tok lease neg · ARGV owner leaseMs failed aheadMs */
const beginScript = defineScript(`${dropForeignTypes}
local tok = redis.call('HMGET', KEYS[1], 'g', 'h', 'c', 'n')
local ttl = redis.call('PTTL', KEYS[1])
-- The sealed text is another each time, even when the token in it is the same.
local refused = ARGV[3] ~= '' and (tok[2] == ARGV[3] or tok[3] == ARGV[3])
local usable = tok[1] and tok[2] and tok[3] and ttl > 0 and not refused
local ahead = tonumber(ARGV[4])
local function answer(state, why, wait)
  if usable then return {state, why, wait, tok[1], tok[2], tok[3], ttl, tok[4] or '0'} end
  return {state, why, wait}
end
if usable and (ttl > ahead or tok[4] == '1') then return answer('hit', '', 0) end
local holder = redis.call('GET', KEYS[2])
-- Our own lease again: the reply to the first try was lost.
if holder == ARGV[1] then return answer('lease', '', 0) end
local pause = redis.call('PTTL', KEYS[3])
if pause > 0 then return answer('paused', redis.call('GET', KEYS[3]), pause) end
if holder then return answer('busy', '', redis.call('PTTL', KEYS[2])) end
-- A full Redis refuses a script whose first write needs memory; DEL needs none.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return answer('lease', '', 0)`);

/** KEYS tok lease neg fails rejects · ARGV owner fingerprint sealed ttlMs failed */
const commitScript = defineScript(`${dropForeignTypes}
local tok = redis.call('HMGET', KEYS[1], 'g', 'h', 'c', 'n')
local ttl = redis.call('PTTL', KEYS[1])
-- Only the holder may write: whoever froze past the lease would put an older token over a newer one.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  if tok[1] and tok[2] and tok[3] and ttl > 0 then
    return {'lost', '', 0, tok[1], tok[2], tok[3], ttl, tok[4] or '0'}
  end
  return {'lost', '', 0}
end
redis.call('DEL', KEYS[2])
if ARGV[5] ~= '' and ARGV[2] == ARGV[5] then
  if tok[2] == ARGV[5] then redis.call('DEL', KEYS[1]) end
  local n = (tonumber(redis.call('GET', KEYS[5])) or 0) + 1
  redis.call('SET', KEYS[5], n, 'PX', 1800000)
  local pause = math.min(600000, 2000 * 5 ^ math.min(n - 1, 10))
  redis.call('SET', KEYS[3], 'same_token', 'PX', pause)
  return {'same', '', pause}
end
local unchanged = '0'
if tok[2] == ARGV[2] and ttl > 0 and tonumber(ARGV[4]) <= ttl + 60000 then unchanged = '1' end
-- The last minute of a life that WeCom does not renew: asking again before it is over gains nothing either.
if tonumber(ARGV[4]) <= 60000 then unchanged = '1' end
-- Redis 4 needs this before a script may write after TIME; later ones know it and do nothing.
if redis.replicate_commands then redis.replicate_commands() end
local time = redis.call('TIME')
local g = time[1] * 1000000 + time[2]
local before = tonumber(tok[1] or '')
if before and before >= g then g = before + 1 end
local generation = string.format('%.0f', g)
redis.call('HSET', KEYS[1], 'g', generation, 'h', ARGV[2], 'c', ARGV[3], 'n', unchanged)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
-- Not the pause: where there is one, somebody began it after we got the lease.
redis.call('DEL', KEYS[4])
return {'stored', generation, unchanged}`);

/** KEYS tok lease neg fails · ARGV owner why baseMs capMs */
const failScript = defineScript(`${dropForeignTypes}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
local n = (tonumber(redis.call('GET', KEYS[4])) or 0) + 1
redis.call('SET', KEYS[4], n, 'PX', 1800000)
local pause = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ math.min(n - 1, 20))
redis.call('SET', KEYS[3], ARGV[2], 'PX', pause)
return pause`);

/** KEYS tok lease neg fails rejects · ARGV failed */
const rejectScript = defineScript(`${dropForeignTypes}
if redis.call('HGET', KEYS[1], 'h') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local n = (tonumber(redis.call('GET', KEYS[5])) or 0) + 1
redis.call('SET', KEYS[5], n, 'PX', 1800000)
local pause = math.min(600000, 2000 * 5 ^ math.min(n - 1, 10))
redis.call('SET', KEYS[3], 'token_rejected', 'PX', pause)
return pause`);

/**
 * The store of one (company, secret, encryption key). All methods reject with `RedisError`.
 *
 * @param kid names that triple; two apps of one company, or two keys during a rotation, never share a record
 */
export function createTokenStore(redis: Redis, kid: string): TokenStore {
  const key = tokenKey(kid);
  const keys = ['tok', 'lease', 'neg', 'fails', 'rejects'].map((name) => keyOf(kid, name));

  return {
    async read() {
      try {
        // PTTL first: a token replaced in between then only looks shorter-lived than it is.
        const [ttl, fields] = await redis.pipeline([
          ['pttl', key],
          ['hmget', key, 'g', 'h', 'c', 'n'],
        ]);
        const [generation, fingerprint, sealed, unchanged] = listOf(fields);
        return tokenRecord([generation, fingerprint, sealed, ttl, unchanged]);
      } catch (error) {
        if (error instanceof RedisError && error.reason === 'wrong_type') return undefined;
        throw error;
      }
    },

    async begin(owner, failed, aheadMs) {
      const reply = await redis.script(beginScript, keys.slice(0, 3), [owner, leaseMs, failed, aheadMs]);
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

    async commit(owner, token, failed) {
      const args = [owner, token.fingerprint, token.sealed, Math.floor(token.ttlMs), failed];
      const [state, second, third, ...fields] = listOf(await redis.script(commitScript, keys, args));
      switch (state) {
        case 'stored':
          return { state, generation: Number(second), unchanged: third === '1' };
        case 'same':
          return { state, waitMs: Number(third) };
        case 'lost': {
          const record = tokenRecord(fields);
          return { state, ...(record && { record }) };
        }
      }
      throw new RedisError('error_answer');
    },

    async fail(owner, why, pause) {
      const args = [owner, why, pause.baseMs, pause.capMs];
      return Number(await redis.script(failScript, keys.slice(0, 4), args));
    },

    async reject(failed) {
      return Number(await redis.script(rejectScript, keys, [failed]));
    },
  };
}

/** Where the sealed token lies; it is sealed bound to this name. */
export function tokenKey(kid: string): string {
  return keyOf(kid, 'tok');
}

/** Why nobody may call gettoken for now; absent when anybody may. */
export function pauseKey(kid: string): string {
  return keyOf(kid, 'neg');
}

function keyOf(kid: string, name: string): string {
  return `wxt1:{${kid}}:${name}`;
}

function listOf(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function tokenRecord(fields: unknown[]): TokenRecord | undefined {
  const [generation, fingerprint, sealed, ttl, unchanged] = fields;
  const ttlMs = Number(ttl);
  if (typeof generation !== 'string' || typeof fingerprint !== 'string' || typeof sealed !== 'string') {
    return undefined;
  }
  if (!(ttlMs > 0)) return undefined;
  return { generation: Number(generation), fingerprint, sealed, ttlMs, unchanged: unchanged === '1' };
}

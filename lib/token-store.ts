// The Redis record of an access_token. Redis decides who may call gettoken; a record that does not open is replaced.
import { createHmac } from 'node:crypto';
import { type Redis, RedisError } from './redis.ts';
import { encryptionKeyId } from './seal.ts';
import {
  beginScript,
  commitScript,
  confirmScript,
  failScript,
  gettokensPerMinuteMax,
  giveUpScript,
  leaseMs,
} from './token-scripts.ts';
import type { Corp } from './wecom.ts';

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
 * nothing more. That of `begin` gives the same lease anew, counted once.
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
   * Records the failure of gettoken, if `owner` still holds the lease, so that all instances pause. Returns how long nobody
   * may call gettoken, in ms.
   */
  fail(owner: string, why: string, pause: Pause): Promise<number>;
  /**
   * Records that a call gave up: its last try, with this token, was refused. Deletes nothing, since the token may work
   * for others. The second such call of a token on probation begins a rest. Returns its length in ms, else 0, also in a
   * second run.
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

/** Returns the name of the company's record. It changes with the secret and with the encryption key. */
export function tokenKeyId(corp: Corp, encryptionKeys: readonly Buffer[]): string {
  return createHmac('sha256', corp.corpsecret)
    .update(`wxt1|${corp.corpid}|${encryptionKeyId(encryptionKeys)}`)
    .digest('hex')
    .slice(0, 16);
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
  if (typeof sealed !== 'string' || sealed === '' || !(ttlMs > 0)) return undefined;
  return {
    generation: Number(generation),
    fingerprint,
    sealed,
    ttlMs,
    unchanged: unchanged === '1',
    onProbation: typeof since === 'string' && since !== '',
  };
}

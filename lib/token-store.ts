// The Redis record of an access_token. Trusts no record: one that does not open is replaced.
import { createHmac } from 'node:crypto';
import { listOf, type Redis, RedisError } from './redis.ts';
import { encryptionKeyId } from './seal.ts';
import {
  beginScript,
  commitScript,
  confirmScript,
  failScript,
  giveUpScript,
  leasesPerMinuteMax,
} from './token-scripts.ts';
import type { Corp } from './wecom.ts';

/**
 * The Redis record of one company's access_token, and the only operations that change it.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxt1:{kid}:tok` | hash | until the token expires | the token, see below |
 * | `wxt1:{kid}:lease` | string | 5 s | the owner who may call gettoken and commit its token |
 * | `wxt1:{kid}:neg` | string | 1 s – 10 min | the pause (an older name): why nobody may call gettoken now |
 * | `wxt1:{kid}:fails` | number | 30 min | failures of gettoken in a row; the pause doubles with each |
 * | `wxt1:{kid}:rejects` | number | 30 min | rests (an older name) in a row, see below |
 * | `wxt1:{kid}:calls` | string | 65 s | times of the last 12 leases, 13 digits each |
 *
 * | field of tok | meaning |
 * |---|---|
 * | `g` `h` `c` | generation (µs, increases with each commit), fingerprint, sealed (encrypted) token |
 * | `n` | `1`: not renewed early, because that returned the same token, or because it lives a minute or less |
 * | `p` | when probation began (µs); empty: the token is not on probation |
 * | `x` | during probation: the owner of the first `giveUp`, kept when a new token is committed; after the second, `rested` |
 *
 * **Probation** begins when a token is issued because WeCom refused one, or while `rejects` exists. It ends when WeCom
 * accepts the token, which also deletes `rejects` and ends a rest, or when a renewal that no refusal caused replaces the
 * token and `rejects` does not exist.
 *
 * A **rest** is the pause that begins when a second call gives up on tokens on probation: 2 s, then 10 s, 50 s and so on,
 * up to 10 min. After a rest, gettoken may issue one token. It may issue another one only when WeCom has accepted that
 * token, when two calls gave up again and the longer rest is over, or when the token is as old as that longer rest would be.
 *
 * All keys of one company share a hash tag, for clusters. The scripts are O(1). A script may run twice with the same
 * owner, because its reply was lost: the second run changes nothing more, and that of `begin` gives the same lease anew.
 */
export interface TokenStore {
  /** Reads the record in one round trip without a script, so it works while Redis refuses writes. */
  read(): Promise<TokenRecord | undefined>;
  /**
   * Asks for a token. Returns the stored one, the right to fetch one (the lease), or why nobody may fetch.
   *
   * @param owner names this attempt to fetch. For Redis the same name is the same attempt, which is counted once
   * @param unusable `sealed` of the record that the caller has read and cannot use, because WeCom refused the token or it
   *   does not open; `''` if there is none. A record that was stored since then is returned
   * @param aheadMs a stored token that expires within this time may be used, but should be renewed
   * @param acceptedMsAgo the age of the last question with the unusable token that WeCom accepted; missing if there was
   *   none. Accepted while on probation, the token has ended its probation, although `confirm` did not reach Redis
   */
  begin(owner: string, unusable: string, aheadMs: number, acceptedMsAgo?: number): Promise<Begun>;
  /** Stores the token of gettoken, if `owner` holds the lease. After a refusal, the token is on probation. */
  commit(owner: string, token: FetchedToken, afterRefusal: boolean): Promise<Committed>;
  /**
   * Records the failure of gettoken, if `owner` still holds the lease, so that all instances pause. Returns how long
   * nobody may call gettoken, in ms.
   */
  fail(owner: string, why: string, pause: Pause): Promise<number>;
  /**
   * Records that a call gave up: its last try, with this token, was refused. Deletes nothing, since the token may work
   * for others. The second such call of a token on probation begins a rest. Returns its length in ms, else 0, also in a
   * second run.
   */
  giveUp(owner: string, fingerprint: string): Promise<number>;
  /** Call it when WeCom accepted this token: ends its probation. */
  confirm(fingerprint: string): Promise<void>;
}

/** A stored token; `ttlMs` is its remaining lifetime. */
export interface TokenRecord {
  generation: number;
  fingerprint: string;
  /** Differs with each commit, also of the same token. */
  sealed: string;
  ttlMs: number;
  /** The field `n`. */
  noEarlyRenewal: boolean;
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
  | { state: 'stored'; record: TokenRecord }
  /** `owner` does not hold the lease any more; `record` is what is stored. */
  | { state: 'lost'; record?: TokenRecord };

export interface Pause {
  baseMs: number;
  capMs: number;
}

/**
 * Creates the store of one (company, secret, encryption key). All methods reject with `RedisError`.
 *
 * @param kid the id of these three; two apps of one company, or two encryption keys, never share a record
 * @param isRotating two encryption keys are configured. The first names the record, and a new one is first appended,
 *   then moved to the front: so there may be two records, and each gets half of the leases
 */
export function createTokenStore(redis: Redis, kid: string, isRotating = false): TokenStore {
  const leasesMax = isRotating ? leasesPerMinuteMax / 2 : leasesPerMinuteMax;
  const { tok } = tokenStoreKeys(kid);
  /** All scripts take the same keys, in this order. */
  const keys = Object.values(tokenStoreKeys(kid));

  return {
    async read() {
      try {
        // PTTL first: if the token is replaced in between, its lifetime only looks too short.
        const [ttl, fields] = await redis.pipeline([
          ['pttl', tok],
          ['hmget', tok, 'g', 'h', 'c', 'n', 'p'],
        ]);
        return tokenRecord([...listOf(fields), ttl]);
      } catch (error) {
        if (error instanceof RedisError && error.reason === 'wrong_type') return undefined;
        throw error;
      }
    },

    async begin(owner, unusable, aheadMs, acceptedMsAgo) {
      const accepted = acceptedMsAgo === undefined ? '' : Math.ceil(acceptedMsAgo);
      const args = [owner, unusable, accepted, aheadMs, leasesMax];
      const [state, why, waitMs, ...fields] = listOf(await redis.script(beginScript, keys, args));
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

    async commit(owner, { fingerprint, sealed, ttlMs }, afterRefusal) {
      const args = [owner, fingerprint, sealed, Math.floor(ttlMs), afterRefusal ? 1 : 0];
      const [state, ...fields] = listOf(await redis.script(commitScript, keys, args));
      const record = tokenRecord(fields);
      if (state === 'stored' && record) return { state, record };
      if (state === 'lost') return { state, ...(record && { record }) };
      throw new RedisError('error_answer');
    },

    async fail(owner, why, pause) {
      return Number(await redis.script(failScript, keys, [owner, why, pause.baseMs, pause.capMs]));
    },

    async giveUp(owner, fingerprint) {
      return Number(await redis.script(giveUpScript, keys, [owner, fingerprint]));
    },

    async confirm(fingerprint) {
      await redis.script(confirmScript, keys, [fingerprint]);
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

/** Returns the keys of one company, in the order of token-scripts.ts. The sealed token is bound to `tok`. */
export function tokenStoreKeys(kid: string) {
  const key = (name: string) => `wxt1:{${kid}}:${name}`;
  return {
    tok: key('tok'),
    lease: key('lease'),
    pause: key('neg'),
    failures: key('fails'),
    rests: key('rejects'),
    calls: key('calls'),
  };
}

function tokenRecord(fields: unknown[]): TokenRecord | undefined {
  const [generation, fingerprint, sealed, noEarlyRenewal, probation, ttl] = fields;
  const ttlMs = Number(ttl);
  if (typeof generation !== 'string' || typeof fingerprint !== 'string') return undefined;
  if (typeof sealed !== 'string' || sealed === '' || !(ttlMs > 0)) return undefined;
  return {
    generation: Number(generation),
    fingerprint,
    sealed,
    ttlMs,
    noEarlyRenewal: noEarlyRenewal === '1',
    onProbation: typeof probation === 'string' && probation !== '',
  };
}

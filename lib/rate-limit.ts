// Limits on failing codes, on reviewers' passwords and on re-checks. A client's address is a hint, never a proof.
import { hash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { isShared, networkOf } from './address.ts';
import { type Clock, elapsedMs, moment, type Moment } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { available, defineScript, type Redis } from './redis.ts';

/**
 * Limits on failing codes, and on reviewers' passwords. Offices share an address, so only failures count. A client
 * behind the platform's own address counts only in the limits for everyone: in a count per address, the failures of one
 * stranger would stop all members.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxl1:address:{hash}` | number | 1 min | codes that failed from one address; its brake is on from 30 |
 * | `wxl1:network:{hash}` | number | 10 min | the same for its /24 or /48; from 300 |
 * | `wxl1:fleet:{all}` | number | 1 h | the same for everyone; from 1,000 |
 * | `wxl1:known:{hash}` | `1` | 7 days | a member logged in from this network, so it passes the brakes above |
 * | `wxl1:known-network:{hash}` | number | 10 min | codes that failed from a known network while a brake was on; from 1,000 the network no longer passes |
 * | `wxl1:known-fleet:{all}` | number | 1 h | the same for all known networks; from 30,000 |
 * | `wxl1:person:{person}` | number | 1 h | codes that failed from a client with a session of this member while a brake was on; from 10 |
 * | `wxl1:recheck-minute:{hash}` | number | 1 min | re-checks of members of one company; more than 3,000 are skipped |
 * | `wxl1:recheck:{hash}` | number | 1 h | the same; more than 30,000 are skipped |
 * | `wxl1:reviewer-address:{hash}` | number | 15 min | passwords tried from one address (IPv6: one /48); more than 10 are refused |
 * | `wxl1:reviewer-fleet:{all}` | number | 1 h | the same for everyone; more than 1,000 are refused |
 * | `wxl1:reviewer:{hash}` | number | 30 days | passwords tried for one account since the last correct one |
 * | `wxl1:reviewer-wait:{hash}` | number | 30 s – 1 h | the next password may not be tried yet |
 *
 * Strangers can cause a brake, but it must not stop members. So a client from a known network, or with a recent session
 * of ours, passes it, within a limit of its own. These limits keep the number of WeCom's 150,000 calls per hour that
 * strangers can use up small.
 *
 * A command whose reply was lost is sent again, so a failure may count twice: the limits are approximate.
 *
 * All methods reject with `rate_limited` or `temporarily_unavailable`: without Redis nobody is admitted.
 */
export interface LoginLimits {
  /** @param owner returns the `personId` of the recent session that the caller shows; called only if a brake is on */
  admit(address: string, owner: () => Promise<string | undefined>): Promise<Admission>;
}

/** The right to send one code to WeCom. */
export interface Admission {
  /** Counts a failure: the code was refused, or belongs to a stranger. */
  failed(): Promise<void>;
  /** The network of the caller is known from now on. */
  succeeded(): Promise<void>;
}

export interface ReviewerLimits {
  /** Counts a try, before the password is checked. `account` is any stable name for it. */
  admit(account: string, address: string): Promise<void>;
  succeeded(account: string, address: string): Promise<void>;
}

const addressFailuresMax = 30;
const networkFailuresMax = 300;
const fleetFailuresMax = 1000;
const knownNetworkFailuresMax = 1000;
const knownFleetFailuresMax = 30_000;
const personFailuresMax = 10;
const knownSeconds = 7 * 86_400;
const notedMsMax = 3_600_000;
const notedMax = 1000;

/** Shares of WeCom's 10,000 calls per minute and 150,000 per hour: enough stays for logins. */
const recheckShares = [
  { name: 'recheck-minute', max: 3000, seconds: 60 },
  { name: 'recheck', max: 30_000, seconds: 3600 },
];

const reviewerTriesPerAddressMax = 10;
/** Each try costs a scrypt. */
const reviewerTriesPerHourMax = 1000;
const reviewerTriesFree = 5;
/** NIST SP 800-63B-4: at most 100 failures in a row. A new password, or 30 days, unlock the account. */
const reviewerTriesMax = 100;
const reviewerWaitSecondsFirst = 30;
const reviewerWaitSecondsMax = 3600;

/** The tag of counters for everyone. */
const all = '{all}';

export function createLoginLimits(redis: Redis, clock: Clock, log: Log): LoginLimits {
  const fleet = createLimiter(redis, 'fleet', fleetFailuresMax, 3600);
  const perAddress = createLimiter(redis, 'address', addressFailuresMax, 60);
  const perNetwork = createLimiter(redis, 'network', networkFailuresMax, 600);
  const knownNetwork = createLimiter(redis, 'known-network', knownNetworkFailuresMax, 600);
  const knownFleet = createLimiter(redis, 'known-fleet', knownFleetFailuresMax, 3600);
  const perPerson = createLimiter(redis, 'person', personFailuresMax, 3600);
  const forAll = { reason: 'failing_fleet', limiter: fleet, tag: all };
  /** Networks that this process has stored recently, so that not each login writes the same again. */
  const noted = new Map<string, Moment>();

  /** @param counters what a failure counts in */
  const admission = (network: string | undefined, counters: readonly Counter[]): Admission => ({
    async failed() {
      const counted = await Promise.all(counters.map(({ limiter, tag }) => limiter.count(tag)));
      const failures = counted[counters.indexOf(forAll)]?.count ?? 0;
      if (failures >= fleet.max && (failures - fleet.max) % 100 === 0) {
        log('error', 'login_brake_on', { failures, window_seconds: fleet.seconds });
      }
    },

    async succeeded() {
      if (network === undefined) return;
      const since = noted.get(network);
      if (since && elapsedMs(clock, since) < notedMsMax) return;
      await available(redis.pipeline([['set', knownKey(network), '1', 'EX', knownSeconds]]));
      if (noted.size >= notedMax) noted.clear();
      noted.set(network, moment(clock));
    },
  });

  /** Returns whether none of the counters has reached its limit; one round trip. */
  async function below(counters: readonly Counter[]): Promise<boolean> {
    return (await firstFull(redis, counters)) === undefined;
  }

  return {
    async admit(address, owner) {
      const network = isShared(address) ? undefined : networkOf(address);
      const brakes =
        network === undefined
          ? [forAll]
          : [
              { reason: 'failing_address', limiter: perAddress, tag: tag(address) },
              { reason: 'failing_network', limiter: perNetwork, tag: tag(network) },
              forAll,
            ];
      const brake = await firstFull(redis, brakes);
      if (!brake) return admission(network, brakes);

      if (network !== undefined) {
        const passes = [
          { limiter: knownNetwork, tag: tag(network) },
          { limiter: knownFleet, tag: all },
        ];
        const [known, belowMax] = await Promise.all([
          available(redis.read([['get', knownKey(network)]])),
          below(passes),
        ]);
        if (known[0] !== null && belowMax) return admission(network, [...brakes, ...passes]);
      }

      const person = await owner();
      const own = [{ limiter: perPerson, tag: `{${person}}` }];
      if (person !== undefined && (await below(own))) return admission(network, [...brakes, ...own]);

      const [ttlMs] = await available(redis.read([['pttl', brake.limiter.key(brake.tag)]]));
      throw refusal(brake.reason, Number(ttlMs));
    },
  };
}

export function createReviewerLimits(redis: Redis, log: Log): ReviewerLimits {
  const perAddress = createLimiter(redis, 'reviewer-address', reviewerTriesPerAddressMax, 900);
  const fleet = createLimiter(redis, 'reviewer-fleet', reviewerTriesPerHourMax, 3600);
  const inARow = createLimiter(redis, 'reviewer', reviewerTriesMax, 30 * 86_400);
  const waiting = createLimiter(redis, 'reviewer-wait', 1, reviewerWaitSecondsMax);

  return {
    async admit(account, address) {
      if (!isShared(address)) await take(perAddress, sourceTag(address));
      await take(fleet, all, (count) => {
        if (count === fleet.max + 1) {
          log('error', 'reviewer_brake_on', { tries_max: fleet.max, window_seconds: fleet.seconds });
        }
      });
      const name = tag(account);
      // Counted before the check, so that tries at the same moment count too.
      const tries = await take(inARow, name, () => {
        log('error', 'reviewer_locked', { tries_max: inARow.max });
      });
      if (tries <= reviewerTriesFree) return;
      const waitSeconds = reviewerWaitSecondsFirst * 2 ** (tries - reviewerTriesFree - 1);
      const seconds = Math.min(reviewerWaitSecondsMax, waitSeconds);
      // A try that must wait is not counted.
      await take(waiting, name, () => inARow.count(name, -1), seconds);
    },

    async succeeded(account, address) {
      const name = tag(account);
      await Promise.all([
        isShared(address) ? undefined : perAddress.count(sourceTag(address), -1),
        fleet.count(all, -1),
        available(redis.pipeline([['del', inARow.key(name)]])),
        available(redis.pipeline([['del', waiting.key(name)]])),
      ]);
    },
  };
}

/** A share of WeCom's limits that is used up: `max` calls in `window_seconds`. */
export interface UsedUp {
  max: number;
  window_seconds: number;
}

/**
 * Returns a function that counts one re-check of a company and returns the share that is used up, if any. It rejects
 * with `temporarily_unavailable`.
 */
export function createRecheckBudget(redis: Redis): (corpid: string) => Promise<UsedUp | undefined> {
  const limiters = recheckShares.map(({ name, max, seconds }) => createLimiter(redis, name, max, seconds));
  return async (corpid) => {
    for (const limiter of limiters) {
      const { count } = await limiter.count(tag(corpid));
      if (count > limiter.max) return { max: limiter.max, window_seconds: limiter.seconds };
    }
    return undefined;
  };
}

/** Counts in Redis in windows of fixed length. The first count starts a window. */
interface Limiter {
  max: number;
  seconds: number;
  key(tag: string): string;
  /** Adds `by`; -1 takes one back. Rejects with `temporarily_unavailable`. */
  count(tag: string, by?: number, seconds?: number): Promise<{ count: number; ttlMs: number }>;
}

/** One number of a limiter. */
interface Counter {
  limiter: Limiter;
  tag: string;
}

/** KEYS number · ARGV by windowMs */
const countScript = defineScript(`
local ttl = redis.call('PTTL', KEYS[1])
-- A full Redis refuses a script if its first write needs memory. These need none, so the limits still count.
if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) else redis.call('DEL', KEYS[1]) end
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if ttl < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  ttl = tonumber(ARGV[2])
end
return {count, ttl}`);

function createLimiter(redis: Redis, name: string, max: number, windowSeconds: number): Limiter {
  const key = (counted: string) => `wxl1:${name}:${counted}`;
  return {
    max,
    seconds: windowSeconds,
    key,
    async count(counted, by = 1, seconds = windowSeconds) {
      const reply = await available(redis.script(countScript, [key(counted)], [by, seconds * 1000]));
      const [count, ttlMs]: unknown[] = Array.isArray(reply) ? reply : [];
      return { count: Number(count), ttlMs: Number(ttlMs) };
    },
  };
}

/** Counts one more. If that is too many, calls `onRefused` and rejects with `rate_limited`. */
async function take(
  limiter: Limiter,
  counted: string,
  onRefused?: (count: number) => unknown,
  seconds = limiter.seconds,
): Promise<number> {
  const { count, ttlMs } = await limiter.count(counted, 1, seconds);
  if (count <= limiter.max) return count;
  await onRefused?.(count);
  throw refusal('too_many_tries', ttlMs);
}

/** Returns the first counter that has reached its limit; one round trip. */
async function firstFull<Some extends Counter>(
  redis: Redis,
  counters: readonly Some[],
): Promise<Some | undefined> {
  const keys = counters.map(({ limiter, tag }) => limiter.key(tag));
  const counts = await available(redis.read(keys.map((key) => ['get', key])));
  return counters.find(({ limiter }, i) => Number(counts[i]) >= limiter.max);
}

function refusal(reason: string, ms: number): AppError {
  return new AppError('rate_limited', { reason, retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)) });
}

function knownKey(network: string): string {
  return `wxl1:known:${tag(network)}`;
}

/** Hashes addresses and accounts, so that keys do not contain them. */
function tag(text: string): string {
  return `{${hash('sha256', text, 'base64url').slice(0, 22)}}`;
}

/** One IPv6 client controls a whole /48, so IPv6 is counted by network. */
function sourceTag(address: string): string {
  return tag(isIPv4(address) ? address : networkOf(address));
}

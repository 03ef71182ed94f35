// Limits on failing codes, on reviewers' passwords and on re-checks. A client's address is a hint, never a proof.
import { hash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { isShared, networkOf } from './address.ts';
import { type Clock, elapsedMs, moment, type Moment } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { available, defineScript, listOf, type Redis } from './redis.ts';

/**
 * Offices share an address, so only failures count. A client behind the platform's own address counts only in the limits
 * for everyone: in a count per address, the failures of one stranger would stop all members.
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
export type LoginLimits = ReturnType<typeof createLoginLimits>;
export type ReviewerLimits = ReturnType<typeof createReviewerLimits>;

/** A number in Redis, with its limit. The first count starts a window of `seconds`. */
interface Counter {
  key: string;
  max: number;
  seconds: number;
}

/** The tag of counters for everyone. */
const all = '{all}';

const addressFailures = counters('address', 30, 60);
const networkFailures = counters('network', 300, 600);
const fleetFailures = { reason: 'failing_fleet', ...counters('fleet', 1000, 3600)(all) };
const knownNetworkFailures = counters('known-network', 1000, 600);
const knownFleetFailures = counters('known-fleet', 30_000, 3600)(all);
const personFailures = counters('person', 10, 3600);
const knownSeconds = 7 * 86_400;
const notedMsMax = 3_600_000;
const notedMax = 1000;

/** Shares of WeCom's 10,000 calls per minute and 150,000 per hour: enough stays for logins. */
const recheckShares = [counters('recheck-minute', 3000, 60), counters('recheck', 30_000, 3600)];

const reviewerAddressTries = counters('reviewer-address', 10, 900);
/** Each try costs a scrypt. */
const reviewerFleetTries = counters('reviewer-fleet', 1000, 3600)(all);
/** NIST SP 800-63B-4: at most 100 failures in a row. A new password, or 30 days, unlock the account. */
const reviewerTries = counters('reviewer', 100, 30 * 86_400);
const reviewerTriesFree = 5;
const reviewerWaitSecondsFirst = 30;
const reviewerWaitSecondsMax = 3600;
const reviewerWait = counters('reviewer-wait', 1, reviewerWaitSecondsMax);

/** A locked account waits for 30 days, but clients read at most six digits. */
const retryAfterSecondsMax = 86_400;

export function createLoginLimits(redis: Redis, clock: Clock, log: Log) {
  /** Networks that this process has stored recently, so that not each login writes the same again. */
  const noted = new Map<string, Moment>();
  /** The last failure could not be counted: Redis is read, but not written. */
  let uncounted = false;

  /** The right to send one code to WeCom; its failure counts in `countedIn`. */
  const admission = (network: string | undefined, countedIn: readonly Counter[]) => ({
    /** Counts a failure: the code was refused, or belongs to a stranger. */
    async failed(): Promise<void> {
      const counted = await Promise.all(countedIn.map((counter) => count(redis, counter))).catch(
        (error: unknown) => {
          uncounted = true;
          throw error;
        },
      );
      const failures = counted[countedIn.indexOf(fleetFailures)]?.count ?? 0;
      const { max, seconds } = fleetFailures;
      if (failures >= max && (failures - max) % 100 === 0) {
        log('error', 'login_brake_on', { failures, window_seconds: seconds });
      }
    },

    /** The network of the caller is known from now on. */
    async succeeded(): Promise<void> {
      if (network === undefined) return;
      const since = noted.get(network);
      if (since && elapsedMs(clock, since) < notedMsMax) return;
      await available(redis.pipeline([['set', knownKey(network), '1', 'EX', knownSeconds]]));
      if (noted.size >= notedMax) noted.clear();
      noted.set(network, moment(clock));
    },
  });

  return {
    /** @param owner returns the `personId` of the recent session that the caller shows; called only if a brake is on */
    async admit(address: string, owner: () => Promise<string | undefined>) {
      if (uncounted) {
        // Nobody is admitted until Redis can be written again: no failure would count, and no session be stored.
        await count(redis, fleetFailures, 0);
        uncounted = false;
      }
      const network = isShared(address) ? undefined : networkOf(address);
      const brakes = [fleetFailures];
      if (network !== undefined) {
        const ofAddress = { reason: 'failing_address', ...addressFailures(tag(address)) };
        brakes.unshift(ofAddress, { reason: 'failing_network', ...networkFailures(tag(network)) });
      }
      const brakesOn = await full(redis, brakes);
      const [brake] = brakesOn;
      if (!brake) return admission(network, brakes);

      if (network !== undefined) {
        const passes = [knownNetworkFailures(tag(network)), knownFleetFailures];
        const [[known], passesUsedUp] = await Promise.all([
          available(redis.read([['get', knownKey(network)]])),
          full(redis, passes),
        ]);
        if (known !== null && passesUsedUp.length === 0) return admission(network, [...brakes, ...passes]);
      }

      const person = await owner();
      const own = [personFailures(`{${person}}`)];
      if (person !== undefined && (await full(redis, own)).length === 0) {
        return admission(network, [...brakes, ...own]);
      }

      // As long as the last of them: until then, another try would be refused again.
      const ttlsMs = await available(redis.read(brakesOn.map(({ key }) => ['pttl', key])));
      throw refusal(brake.reason, Math.max(...ttlsMs.map(Number)));
    },
  };
}

export function createReviewerLimits(redis: Redis, log: Log) {
  return {
    /** Counts a try, before the password is checked. `account` is any stable name for it. */
    async admit(account: string, address: string): Promise<void> {
      if (!isShared(address)) await take(redis, reviewerAddressTries(sourceTag(address)));
      await take(redis, reviewerFleetTries, (tries) => {
        const { max, seconds } = reviewerFleetTries;
        if (tries === max + 1) log('error', 'reviewer_brake_on', { tries_max: max, window_seconds: seconds });
      });
      const ofAccount = reviewerTries(tag(account));
      // Counted before the check, so that tries at the same moment count too.
      const tries = await take(redis, ofAccount, () => {
        log('error', 'reviewer_locked', { tries_max: ofAccount.max });
      });
      if (tries <= reviewerTriesFree) return;
      const waitSeconds = reviewerWaitSecondsFirst * 2 ** (tries - reviewerTriesFree - 1);
      const seconds = Math.min(reviewerWaitSecondsMax, waitSeconds);
      // A try that must wait does not count for the account.
      await take(redis, { ...reviewerWait(tag(account)), seconds }, () => count(redis, ofAccount, -1));
    },

    async succeeded(account: string, address: string): Promise<void> {
      const keys = [reviewerTries(tag(account)).key, reviewerWait(tag(account)).key];
      await Promise.all([
        isShared(address) ? undefined : count(redis, reviewerAddressTries(sourceTag(address)), -1),
        count(redis, reviewerFleetTries, -1),
        available(redis.pipeline(keys.map((key) => ['del', key]))),
      ]);
    },
  };
}

/** Counts one re-check of a company. Returns the share that is used up, if any. Rejects with `temporarily_unavailable`. */
export async function countRecheck(redis: Redis, corpid: string): Promise<Counter | undefined> {
  for (const share of recheckShares) {
    const counter = share(tag(corpid));
    const { count: rechecks } = await count(redis, counter);
    if (rechecks > counter.max) return counter;
  }
  return undefined;
}

/** Returns a function that gives the counter with this tag. */
function counters(name: string, max: number, seconds: number): (tag: string) => Counter {
  return (counted) => ({ key: `wxl1:${name}:${counted}`, max, seconds });
}

/** KEYS number · ARGV by windowMs */
const countScript = defineScript(`
local ttl = redis.call('PTTL', KEYS[1])
-- A full Redis refuses a script if its first write needs memory. These need none, so the limits still count.
if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) else redis.call('DEL', KEYS[1]) end
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if ttl <= 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  ttl = tonumber(ARGV[2])
end
return {count, ttl}`);

/** Adds `by`; -1 takes one back. Rejects with `temporarily_unavailable`. */
async function count(
  redis: Redis,
  { key, seconds }: Counter,
  by = 1,
): Promise<{ count: number; ttlMs: number }> {
  const args = [by, seconds * 1000];
  const [counted, ttlMs] = listOf(await available(redis.script(countScript, [key], args)));
  return { count: Number(counted), ttlMs: Number(ttlMs) };
}

/** Counts one more. If that is too many, calls `onRefused` and rejects with `rate_limited`. */
async function take(redis: Redis, counter: Counter, onRefused?: (count: number) => unknown): Promise<number> {
  const { count: tries, ttlMs } = await count(redis, counter);
  if (tries <= counter.max) return tries;
  await onRefused?.(tries);
  throw refusal('too_many_tries', ttlMs);
}

/** Returns the counters that have reached their limit; one round trip. */
function full<Some extends Counter>(redis: Redis, some: readonly Some[]): Promise<Some[]> {
  const reading = available(redis.read(some.map(({ key }) => ['get', key])));
  return reading.then((counts) => some.filter(({ max }, i) => Number(counts[i]) >= max));
}

function refusal(reason: string, ms: number): AppError {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return new AppError('rate_limited', { reason, retryAfterSeconds: Math.min(retryAfterSecondsMax, seconds) });
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

import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import RateLimiterRedis from 'rate-limiter-flexible/lib/RateLimiterRedis.js';
import { type Clock, elapsedMs, moment, type Moment } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { available, defineScript, type Redis, type Script } from './redis.ts';

/**
 * Brakes on codes that fail, and on reviewers' passwords. Offices share an address, so only failures count.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxl1:address:{hash}` | number | 1 min | codes that failed from one address; more than 30 are refused |
 * | `wxl1:network:{hash}` | number | 10 min | the same for its /24 or /48; more than 300 are refused |
 * | `wxl1:fleet:{all}` | number | 1 h | the same for everyone; from 1,000 on only known networks are admitted |
 * | `wxl1:known:{hash}` | `1` | 7 days | a member logged in from this network |
 * | `wxl1:recheck-minute:{hash}` | number | 1 min | re-checks of members of one company; more than 3,000 are skipped |
 * | `wxl1:recheck:{hash}` | number | 1 h | the same; more than 30,000 are skipped |
 * | `wxl1:reviewer-address:{hash}` | number | 15 min | passwords tried from one address, of IPv6 from its /48; more than 10 are refused |
 * | `wxl1:reviewer-fleet:{all}` | number | 1 h | the same for everyone; more than 1,000 are refused |
 * | `wxl1:reviewer:{hash}` | number | 30 days | passwords tried for one account since the last good one |
 * | `wxl1:reviewer-wait:{hash}` | number | 30 s – 1 h | the next password may not be tried yet |
 *
 * A command whose reply was lost is sent again, so a failure may count twice: limits are for orders of magnitude.
 *
 * All methods reject with `rate_limited` or `temporarily_unavailable`: without Redis nobody is admitted.
 */
export interface LoginLimits {
  admit(address: string): Promise<void>;
  /** The code was refused, or was a stranger's. */
  failed(address: string): Promise<void>;
  succeeded(address: string): Promise<void>;
}

export interface ReviewerLimits {
  /** Counts a try before the password is looked at; `account` is any stable name for it. */
  admit(account: string, address: string): Promise<void>;
  succeeded(account: string, address: string): Promise<void>;
}

const addressFailuresMax = 30;
const networkFailuresMax = 300;
const fleetFailuresMax = 1000;
const knownSeconds = 7 * 86_400;
const notedMsMax = 3_600_000;
const notedMax = 1000;

/** Of WeCom's 10,000 calls a minute and 150,000 an hour: logins never wait for re-checks. */
const recheckShares = [
  { name: 'recheck-minute', max: 3000, seconds: 60 },
  { name: 'recheck', max: 30_000, seconds: 3600 },
];

const reviewerTriesPerAddressMax = 10;
/** Each unknown account leaves a key for 30 days, and each try costs a scrypt: both need an end. */
const reviewerTriesPerHourMax = 1000;
const reviewerTriesFree = 5;
/** NIST SP 800-63B-4: no more than 100 failures in a row; then a new password, or 30 days, open the account again. */
const reviewerTriesMax = 100;
const reviewerWaitSecondsFirst = 30;
const reviewerWaitSecondsMax = 3600;

export function createLoginLimits(redis: Redis, clock: Clock, log: Log): LoginLimits {
  const fleet = createLimiter(redis, 'fleet', fleetFailuresMax, 3600);
  const brakes = [
    {
      reason: 'failing_address',
      limiter: createLimiter(redis, 'address', addressFailuresMax, 60),
      keyOf: tag,
    },
    {
      reason: 'failing_network',
      limiter: createLimiter(redis, 'network', networkFailuresMax, 600),
      keyOf: (address: string) => tag(networkOf(address)),
    },
    { reason: 'failing_fleet', limiter: fleet, keyOf: () => '{all}' },
  ];
  /** Networks that this process has noted lately: a login need not write the same again. */
  const noted = new Map<string, Moment>();

  return {
    admit: (address) =>
      limited(async () => {
        const keys = brakes.map(({ limiter, keyOf }) => limiter.getKey(keyOf(address)));
        const failures = await redis.pipeline(keys.map((key) => ['get', key]));
        for (const [index, { reason, limiter }] of brakes.entries()) {
          if (Number(failures[index]) < limiter.points) continue;
          const [ttlMs, known] = await redis.pipeline([
            ['pttl', keys[index] ?? ''],
            ['get', knownKey(address)],
          ]);
          if (limiter === fleet && known !== null) continue;
          throw refusal(reason, Number(ttlMs));
        }
      }),

    failed: (address) =>
      limited(async () => {
        const counted = await Promise.all(
          brakes.map(({ limiter, keyOf }) => limiter.penalty(keyOf(address))),
        );
        const failures = counted.at(-1)?.consumedPoints ?? 0;
        if (failures >= fleetFailuresMax && (failures - fleetFailuresMax) % 100 === 0) {
          log('error', 'login_brake_on', { failures, window_seconds: 3600 });
        }
      }),

    succeeded: (address) =>
      limited(async () => {
        const key = knownKey(address);
        const since = noted.get(key);
        if (since && elapsedMs(clock, since) < notedMsMax) return;
        await redis.pipeline([['set', key, '1', 'EX', knownSeconds]]);
        if (noted.size >= notedMax) noted.clear();
        noted.set(key, moment(clock));
      }),
  };
}

export function createReviewerLimits(redis: Redis, log: Log): ReviewerLimits {
  const perAddress = createLimiter(redis, 'reviewer-address', reviewerTriesPerAddressMax, 900);
  const fleet = createLimiter(redis, 'reviewer-fleet', reviewerTriesPerHourMax, 3600);
  const inARow = createLimiter(redis, 'reviewer', reviewerTriesMax, 30 * 86_400);
  const waiting = createLimiter(redis, 'reviewer-wait', 1, reviewerWaitSecondsMax);

  return {
    admit: (account, address) =>
      limited(async () => {
        await perAddress.consume(sourceTag(address));
        await fleet.consume('{all}').catch((refused: unknown) => {
          if (consumedPoints(refused) === reviewerTriesPerHourMax + 1) {
            log('error', 'reviewer_brake_on', { tries_max: reviewerTriesPerHourMax, window_seconds: 3600 });
          }
          throw refused;
        });
        const key = tag(account);
        // Counted before it is known how it ends, so that tries at the same moment count too.
        const { consumedPoints: tries } = await inARow.consume(key).catch((refused: unknown) => {
          if (!(refused instanceof Error)) log('error', 'reviewer_locked', { tries_max: reviewerTriesMax });
          throw refused;
        });
        if (tries <= reviewerTriesFree) return;
        const seconds = reviewerWaitSecondsFirst * 2 ** (tries - reviewerTriesFree - 1);
        const customDuration = Math.min(reviewerWaitSecondsMax, seconds);
        await waiting.consume(key, 1, { customDuration }).catch(async (refused: unknown) => {
          await inARow.reward(key);
          throw refused;
        });
      }),

    succeeded: (account, address) =>
      limited(async () => {
        await Promise.all([
          perAddress.reward(sourceTag(address)),
          fleet.reward('{all}'),
          inARow.delete(tag(account)),
          waiting.delete(tag(account)),
        ]);
      }),
  };
}

/** A share of WeCom's limits that is used up: `max` in `windowSeconds`. */
export interface UsedUp {
  max: number;
  window_seconds: number;
}

/**
 * Counts one more re-check of this company; answers what is used up, if something is. Rejects with
 * `temporarily_unavailable`.
 */
export function createRecheckBudget(redis: Redis): (corpid: string) => Promise<UsedUp | undefined> {
  const limiters = recheckShares.map(({ name, max, seconds }) => createLimiter(redis, name, max, seconds));
  return async (corpid) => {
    for (const limiter of limiters) {
      const refused = await available(limiter.consume(tag(corpid))).then(
        () => false,
        (error: unknown) => {
          if (error instanceof Error) throw error;
          return true;
        },
      );
      if (refused) return { max: limiter.points, window_seconds: limiter.duration };
    }
    return undefined;
  };
}

function createLimiter(redis: Redis, name: string, points: number, duration: number): RateLimiterRedis {
  return new RateLimiterRedis({
    storeClient: storeClient(redis),
    keyPrefix: `wxl1:${name}`,
    points,
    duration,
  });
}

/** What rate-limiter-flexible needs of an ioredis client, on our own Redis with its deadlines. */
function storeClient(redis: Redis) {
  let increment: Script | undefined;
  return {
    defineCommand(_name: string, { lua }: { lua: string }): void {
      increment = defineScript(lua);
    },
    rlflxIncr([key, ...args]: [string, ...string[]]): Promise<unknown> {
      if (!increment) throw new Error('rlflxIncr was not defined');
      return redis.script(increment, [key], args);
    },
    multi() {
      const commands: [string, ...(string | number)[]][] = [];
      const add = (...command: [string, ...(string | number)[]]) => {
        commands.push(command);
        return chain;
      };
      const chain = {
        get: (key: string) => add('get', key),
        pttl: (key: string) => add('pttl', key),
        incrby: (key: string, by: number) => add('incrby', key, by),
        exec: async () => (await redis.pipeline(commands)).map((reply) => [null, reply]),
      };
      return chain;
    },
    del: async (key: string): Promise<unknown> => (await redis.pipeline([['del', key]]))[0],
  };
}

/** Runs checks of a limiter; what it rejects with becomes ours. */
async function limited(checks: () => Promise<void>): Promise<void> {
  try {
    await available(checks());
  } catch (error) {
    if (error instanceof Error) throw error;
    throw refusal('too_many_tries', msBeforeNext(error));
  }
}

function refusal(reason: string, ms: number): AppError {
  return new AppError('rate_limited', { reason, retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)) });
}

/** rate-limiter-flexible rejects with its result when the limit is passed. */
function msBeforeNext(result: unknown): number {
  const ms =
    typeof result === 'object' && result !== null && 'msBeforeNext' in result ? result.msBeforeNext : 0;
  return typeof ms === 'number' ? ms : 0;
}

function consumedPoints(result: unknown): unknown {
  return typeof result === 'object' && result !== null && 'consumedPoints' in result
    ? result.consumedPoints
    : undefined;
}

function knownKey(address: string): string {
  return `wxl1:known:${tag(networkOf(address))}`;
}

/** Addresses and accounts stand in keys only as hashes. */
function tag(text: string): string {
  return `{${createHash('sha256').update(text).digest('base64url').slice(0, 22)}}`;
}

/** Whoever has one IPv6 address has a network full of them. */
function sourceTag(address: string): string {
  return tag(isIPv4(address) ? address : networkOf(address));
}

/** The /24 of an IPv4 address, the /48 of an IPv6 one. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'));
  const [head = '', tail = ''] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return [...front, ...zeros, ...back]
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

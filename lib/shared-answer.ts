// An answer of WeCom that all instances share: who asks, how long it is used. Trusts no answer from the future.
import { hash } from 'node:crypto';
import { type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import type { RecheckLimits } from './permission.ts';
import { available, defineScript, type Redis, RedisError } from './redis.ts';
import { createSeal } from './seal.ts';
import { tokenKeyId } from './token-store.ts';
import type { Corp } from './wecom.ts';

/**
 * An answer of WeCom about a company, kept in Redis for all instances.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxd1:{hash}` | string | MEMBER_RECHECK_GRACE_SECONDS | sealed: what WeCom said about a company's departments or tags, and when it was asked |
 * | `wxd1:{hash}:check` | string | 5 s | an instance is asking, or its question has just failed |
 */
export interface SharedAnswer<Answer> {
  /**
   * Returns the answer. If it is older than `recheckSeconds`, one request of all instances asks WeCom; the others continue
   * with the old answer, as everyone does while WeCom cannot be asked. Older than `graceSeconds` it is not used.
   *
   * Rejects with `temporarily_unavailable`.
   */
  get(): Promise<Answer>;
}

interface Kept<Stored> {
  askedAt: number;
  stored: Stored;
}

/** Longer than one question takes. After a failed question, it is the pause before the next. */
const claimMs = 5000;
const waitMsMax = 2500;
const lookAgainMs = 100;
/** The clocks of instances differ. */
const aheadMsMax = 60_000;

/** KEYS record check · ARGV claimMs */
const claimScript = defineScript(`
local claimed = redis.call('SET', KEYS[2], '1', 'PX', ARGV[1], 'NX') and 1 or 0
return {claimed, redis.call('GET', KEYS[1])}`);

/**
 * @param dependsOn everything that the answer depends on beside the company. Another secret may see other departments, and
 * another key cannot read the answer: both make another record, too
 * @param ask asks WeCom; rejects with an `AppError`. Must end within 5 s
 * @param read makes the answer of what is stored, once per process
 */
export function createSharedAnswer<Stored, Answer>(options: {
  dependsOn: readonly unknown[];
  ask(): Promise<Stored>;
  read(stored: Stored): Answer;
  /** For the log. */
  what: string;
  corp: Corp;
  redis: Redis;
  encryptionKeys: readonly Buffer[];
  limits: RecheckLimits;
  clock: Clock;
  log: Log;
}): SharedAnswer<Answer> {
  const { ask, read, what, corp, redis, encryptionKeys, limits, clock, log } = options;
  const { corpid } = corp;
  const seal = createSeal(encryptionKeys, 'directory');
  const question = JSON.stringify([what, tokenKeyId(corp, encryptionKeys), ...options.dependsOn]);
  const key = `wxd1:{${hash('sha256', question, 'base64url').slice(0, 22)}}`;
  const checkKey = `${key}:check`;
  let own: { kept: Kept<Stored>; answer: Answer } | undefined;
  let flight: Promise<Answer> | undefined;
  /** The last question of this process, if it got no answer at all. */
  let failed: { error: AppError; at: Moment } | undefined;

  function ageSeconds(): number {
    if (!own || own.kept.askedAt - clock.wallMs() > aheadMsMax) return Infinity;
    return (clock.wallMs() - own.kept.askedAt) / 1000;
  }

  function adopt(kept: Kept<Stored>): Answer {
    own = { kept, answer: read(kept.stored) };
    return own.answer;
  }

  /** Takes over a newer answer of another instance. */
  function adoptSealed(sealed: unknown): void {
    const opened = typeof sealed === 'string' ? seal.open(sealed, key) : undefined;
    const kept: Kept<Stored> | undefined = opened === undefined ? undefined : JSON.parse(opened);
    if (kept && kept.askedAt > (own?.kept.askedAt ?? 0) && kept.askedAt - clock.wallMs() <= aheadMsMax)
      adopt(kept);
  }

  async function claim(): Promise<boolean> {
    try {
      const reply = await redis.script(claimScript, [key, checkKey], [claimMs]);
      const [claimed, sealed]: unknown[] = Array.isArray(reply) ? reply : [];
      adoptSealed(sealed);
      return claimed === 1;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      // A Redis that cannot be written to can often be read.
      const [sealed] = await available(redis.read([['get', key]]));
      adoptSealed(sealed);
      return false;
    }
  }

  async function askAndKeep(): Promise<Answer> {
    const askedAt = clock.wallMs();
    try {
      const kept = { askedAt, stored: await ask() };
      // Frozen meanwhile: another instance may have asked, or may be asking.
      if (clock.wallMs() - askedAt > claimMs) throw unavailable('directory_overdue', 5);
      const sealed = seal.seal(JSON.stringify(kept), key);
      const ttlMs = limits.graceSeconds * 1000;
      // Without Redis this instance uses it alone.
      await redis
        .pipeline([
          ['set', key, sealed, 'PX', ttlMs],
          ['del', checkKey],
        ])
        .catch((error: unknown) => {
          if (!(error instanceof RedisError)) throw error;
        });
      return adopt(kept);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const age_seconds = own && Math.round(ageSeconds());
      log('error', 'directory_not_read', { corpid, what, reason: error.options.reason, age_seconds });
      if (!own || ageSeconds() > limits.graceSeconds) throw error;
      return own.answer;
    }
  }

  async function refresh(): Promise<Answer> {
    const start = moment(clock);
    for (;;) {
      const claimed = await claim();
      if (own && ageSeconds() < limits.recheckSeconds) {
        if (claimed) await available(redis.pipeline([['del', checkKey]]));
        return own.answer;
      }
      if (claimed) return askAndKeep();
      if (own && ageSeconds() <= limits.graceSeconds) return own.answer;
      if (elapsedMs(clock, start) >= waitMsMax) throw unavailable('directory_overdue', 5);
      await sleep(clock, lookAgainMs);
    }
  }

  return {
    async get() {
      if (own && ageSeconds() < limits.recheckSeconds) return own.answer;
      if (failed && elapsedMs(clock, failed.at) < claimMs) throw failed.error;
      flight ??= refresh().then(
        (answer) => {
          [flight, failed] = [undefined, undefined];
          return answer;
        },
        (error: unknown) => {
          flight = undefined;
          // Nobody else has an answer either: the requests of the next seconds need not wait for it.
          if (error instanceof AppError) failed = { error, at: moment(clock) };
          throw error;
        },
      );
      return flight;
    },
  };
}

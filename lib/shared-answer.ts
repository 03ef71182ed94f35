// An answer of WeCom that all instances share: who asks, how long it is used. Trusts no answer from the future.
import { hash, randomUUID } from 'node:crypto';
import { ageSeconds, type Clock, elapsedMs, moment, type Moment, sleep } from './clock.ts';
import { AppError, unavailable } from './errors.ts';
import type { Log } from './log.ts';
import type { RecheckLimits } from './permission.ts';
import { available, claimLua, defineScript, listOf, type Redis, RedisError } from './redis.ts';
import { createSeal } from './seal.ts';
import { tokenKeyId } from './token-store.ts';
import type { Corp } from './wecom.ts';
import type { WecomCall } from './wecom-call.ts';

/**
 * Returns WeCom's answer about a company, kept in Redis for all instances.
 *
 * | key | type | TTL | meaning |
 * |---|---|---|---|
 * | `wxd1:{hash}` | string | MEMBER_RECHECK_GRACE_SECONDS | sealed: what WeCom said about a company's departments or tags, and when it was asked |
 * | `wxd1:{hash}:check` | string | 5 s | an instance is asking, or its question has just failed |
 *
 * If the answer is older than `recheckSeconds`, one request of all instances asks WeCom. The others use the old one
 * meanwhile. While WeCom cannot be asked, all do. Older than `graceSeconds` it is not used.
 *
 * Rejects with `temporarily_unavailable`.
 */
type SharedAnswer<Answer> = (corp: Corp) => Promise<Answer>;

/** Who asks WeCom about its departments and tags, and where the answers are kept. */
export interface Directory {
  corps: readonly Corp[];
  call: WecomCall;
  redis: Redis;
  encryptionKeys: readonly Buffer[];
  limits: RecheckLimits;
  clock: Clock;
  log: Log;
}

interface SharedQuestion<Stored, Answer> {
  /** For the log; different for each question. */
  what: string;
  /**
   * Everything that the answer depends on beside the company. Another secret may see other departments, and another key
   * cannot read the answer. So the key of the record depends on both as well.
   */
  dependsOn?(corp: Corp): readonly unknown[];
  /** Asks WeCom; rejects with an `AppError`. Must end within 5 s. */
  ask(corp: Corp): Promise<Stored>;
  /** Makes the answer of what is stored, once per process. */
  read(stored: Stored): Answer;
}

interface Kept<Stored> {
  askedAt: number;
  stored: Stored;
}

/** For all questions of one answer together. */
export const askMsMax = 2000;
/** A department is about 40 bytes, with its name 120, a member of a tag 60. */
export const answerBytesMax = 4_194_304;
/** Longer than one question takes. After a failed question, it is the pause before the next. */
const claimMs = 5000;
const waitMsMax = 2500;
const lookAgainMs = 100;

/** KEYS record check · ARGV claimMs name */
const claimScript = defineScript(`
${claimLua}
return {claimed and 1 or 0, redis.call('GET', KEYS[1])}`);

/** Asks and reads nothing before it is used. */
export function createSharedAnswer<Stored, Answer>(
  question: SharedQuestion<Stored, Answer>,
  directory: Directory,
): SharedAnswer<Answer> {
  const answers = new Map<string, () => Promise<Answer>>();
  return (corp) => {
    let answer = answers.get(corp.corpid);
    if (!answer) answers.set(corp.corpid, (answer = answerAbout(corp, question, directory)));
    return answer();
  };
}

function answerAbout<Stored, Answer>(
  corp: Corp,
  { what, dependsOn, ask, read }: SharedQuestion<Stored, Answer>,
  { redis, encryptionKeys, limits, clock, log }: Directory,
): () => Promise<Answer> {
  const seal = createSeal(encryptionKeys, 'directory');
  const question = JSON.stringify([what, tokenKeyId(corp, encryptionKeys), ...(dependsOn?.(corp) ?? [])]);
  const key = `wxd1:{${hash('sha256', question, 'base64url').slice(0, 22)}}`;
  const checkKey = `${key}:check`;
  let own: { askedAt: number; answer: Answer } | undefined;
  let flight: Promise<Answer> | undefined;
  /** Whether this process is waiting for WeCom. */
  let isAsking = false;
  /** The last question of this process, if it got no answer at all. */
  let failed: { error: AppError; at: Moment } | undefined;

  const ownAgeSeconds = () => (own ? ageSeconds(clock, own.askedAt) : Infinity);
  const isInGrace = () => ownAgeSeconds() <= limits.graceSeconds;

  function adopt({ askedAt, stored }: Kept<Stored>): Answer {
    own = { askedAt, answer: read(stored) };
    return own.answer;
  }

  /** Takes over a newer answer of another instance. */
  function adoptSealed(sealed: unknown): void {
    const opened = typeof sealed === 'string' ? seal.open(sealed, key) : undefined;
    const kept: Kept<Stored> | undefined = opened === undefined ? undefined : JSON.parse(opened);
    if (kept && kept.askedAt > (own?.askedAt ?? 0) && ageSeconds(clock, kept.askedAt) < Infinity) adopt(kept);
  }

  async function claim(): Promise<boolean> {
    try {
      const args = [claimMs, randomUUID()];
      const [claimed, sealed] = listOf(await redis.script(claimScript, [key, checkKey], args));
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
    isAsking = true;
    try {
      const kept = { askedAt, stored: await ask(corp) };
      // Our claim has expired, because this instance was frozen: another instance may have asked.
      if (clock.wallMs() - askedAt > claimMs) throw unavailable('directory_overdue', 5);
      const sealed = seal.seal(JSON.stringify(kept), key);
      const ttlMs = limits.graceSeconds * 1000;
      // If Redis does not take it, only this instance uses it.
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
      const age_seconds = own && Math.round(ownAgeSeconds());
      const { reason } = error.options;
      log('error', 'directory_not_read', { corpid: corp.corpid, what, reason, age_seconds });
      throw error;
    } finally {
      isAsking = false;
    }
  }

  async function refresh(): Promise<Answer> {
    const start = moment(clock);
    for (;;) {
      const claimed = await claim();
      if (own && ownAgeSeconds() < limits.recheckSeconds) {
        if (claimed) await available(redis.pipeline([['del', checkKey]]));
        return own.answer;
      }
      if (claimed) return askAndKeep();
      if (own && isInGrace()) return own.answer;
      if (elapsedMs(clock, start) >= waitMsMax) throw unavailable('directory_overdue', 5);
      await sleep(clock, lookAgainMs);
    }
  }

  return async () => {
    if (own && ownAgeSeconds() < limits.recheckSeconds) return own.answer;
    if (isAsking && own && isInGrace()) return own.answer;
    if (failed && elapsedMs(clock, failed.at) < claimMs) throw failed.error;
    flight ??= refresh()
      .catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        if (own && isInGrace()) return own.answer;
        // Nobody else has an answer either: the requests of the next seconds need not wait for it.
        failed = { error, at: moment(clock) };
        throw error;
      })
      .finally(() => {
        flight = undefined;
      });
    return flight;
  };
}

// The login of the app store's reviewers. Trusts only a password, and gives a role that can never become a member.
import { hash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import { type LoginDeadline, withLoginDeadline } from './login-deadline.ts';
import type { ReviewerLimits } from './rate-limit.ts';
import type { Client, Sessions } from './session.ts';

/** An account for the app store's reviewers, who open the mini-program in ordinary WeChat. */
export interface Reviewer {
  account: string;
  hash: PasswordHash;
}

interface Cost {
  log2N: number;
  r: number;
  p: number;
}

interface PasswordHash extends Cost {
  salt: Buffer;
  key: Buffer;
}

/** A review takes minutes. A session also ends at `REVIEWERS_UNTIL`. */
const reviewerSessionSeconds = 7200;

/** OWASP's parameters for 16 MB, which a small function can afford. */
const cost: Cost = { log2N: 14, r: 8, p: 5 };
const keyBytes = 32;
const memoryBytesMax = 64 * 1024 * 1024;
/** Only one scrypt runs at a time. At most this many run or wait; any further request gets `rate_limited`. */
const waitingMax = 4;
/** Few enough for Redis; too many to use up and so find out which accounts exist, at 1,000 tries per hour. */
const unknownNumbers = 4096;

/**
 * Returns a function that turns a reviewer's password into a session. An unknown account costs the same work and gets
 * the same error as a wrong password.
 *
 * It rejects with `invalid_credentials`, `rate_limited`, `not_found` if the last day has ended in the meantime, or
 * `temporarily_unavailable`.
 *
 * @param options `until`: the end of the last day, milliseconds since 1970
 */
export function createReviewerLogin(options: {
  reviewers: readonly Reviewer[];
  until: number;
  limits: ReviewerLimits;
  sessions: Sessions;
  clock: Clock;
  log: Log;
}) {
  const { reviewers, until, limits, sessions, clock, log } = options;
  // An unknown account costs as much as a real one; otherwise timing would reveal which accounts exist.
  const costliest = reviewers.map(({ hash }) => hash).toSorted((a, b) => costOf(b) - costOf(a))[0] ?? cost;
  const nobody: PasswordHash = { ...costliest, salt: Buffer.alloc(16), key: Buffer.alloc(keyBytes) };
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  function rejectIfFull(): void {
    if (waiting < waitingMax) return;
    throw new AppError('rate_limited', { reason: 'reviewer_queue', retryAfterSeconds: 2 });
  }

  async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    rejectIfFull();
    waiting += 1;
    const mine = last.then(work).finally(() => {
      waiting -= 1;
    });
    last = mine.catch(() => {});
    return mine;
  }

  async function login(account: string, password: string, client: Client, deadline: LoginDeadline) {
    const { clientAddress: client_address } = client;
    const normalized = account.normalize('NFKC');
    const reviewer = reviewers.find((candidate) => candidate.account === normalized);
    // The limits use the hash as name, so a new password unlocks the account.
    const name = reviewer
      ? `hash ${reviewer.hash.key.toString('hex')}`
      : `unknown ${unknownNumber(normalized)}`;
    // Before the count, too: a password that will not be looked at should not be a try.
    rejectIfFull();
    await limits.admit(name, client_address);
    const { salt, key, ...params } = reviewer?.hash ?? nobody;
    const derived = await oneAtATime(async () => {
      deadline.check();
      return derive(password, salt, params);
    });
    deadline.check();
    if (!timingSafeEqual(derived, key) || !reviewer) throw new AppError('invalid_credentials');
    await limits.succeeded(name, client_address);
    const now = clock.wallMs();
    if (now >= until) throw new AppError('not_found');
    deadline.check();
    const endsAt = Math.min(now + reviewerSessionSeconds * 1000, until);
    const start = { role: 'reviewer', account: reviewer.account, endsAt } as const;
    const created = await sessions.create(start, client);
    log('info', 'login_ok', { role: 'reviewer', userid: reviewer.account, client_address });
    return created;
  }

  return (account: string, password: string, client: Client) =>
    withLoginDeadline(clock, (deadline) => login(account, password, client, deadline)).catch(
      (error: unknown) => {
        const reason = error instanceof AppError ? error.code : 'unknown';
        log('warn', 'login_refused', { role: 'reviewer', client_address: client.clientAddress, reason });
        throw error;
      },
    );
}

/** Returns the hash of a new password for `REVIEWERS`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return [cost.log2N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('.');
}

/** Parses `log2N.r.p.salt.key`; `undefined` for anything else, or if it costs more than a function can afford. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = /^(\d{1,2})\.(\d{1,2})\.(\d{1,2})\.([\w-]{22,86})\.([\w-]{43})$/.exec(text);
  if (!match) return undefined;
  const [log2N = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  const [salt, key] = match.slice(4).map((part) => Buffer.from(part, 'base64url'));
  const isStrong = log2N >= 14 && r >= 8 && p >= 1;
  const isAffordable = 128 * 2 ** log2N * r < memoryBytesMax && p <= 10;
  return salt && key && isStrong && isAffordable ? { log2N, r, p, salt, key } : undefined;
}

/** Unknown accounts share a limited number of counters, so that many of them cannot fill Redis. */
function unknownNumber(account: string): number {
  return hash('sha256', account, 'buffer').readUInt32BE() % unknownNumbers;
}

function costOf({ log2N, r, p }: Cost): number {
  return 2 ** log2N * r * p;
}

/** NFKC, so that characters that look the same (full-width, composed accents) give the same key. */
function derive(password: string, salt: Buffer, { log2N, r, p }: Cost): Promise<Buffer> {
  const options = { N: 2 ** log2N, r, p, maxmem: 2 * memoryBytesMax };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

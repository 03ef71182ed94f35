import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { AppError } from './errors.ts';
import type { ReviewerLimits } from './rate-limit.ts';

/** An account for the app store's reviewers, who open the mini-program in ordinary WeChat. */
export interface Reviewer {
  account: string;
  hash: PasswordHash;
}

export interface PasswordHash {
  log2N: number;
  r: number;
  p: number;
  salt: Buffer;
  key: Buffer;
}

/** A review takes minutes; no session outlives `REVIEWERS_UNTIL`. */
export const reviewerSessionSeconds = 7200;

/** OWASP's set for 16 MB: what a small function can afford beside everything else. */
const cost = { log2N: 14, r: 8, p: 5 } as const;
const keyBytes = 32;
const memoryBytesMax = 64 * 1024 * 1024;
/** Waiting for the one scrypt that may run at a time; whoever comes later is told to try again. */
const waitingMax = 4;

/**
 * Checks a reviewer's password and answers his account as it is configured. Unknown accounts cost the same work and give the same answer as wrong passwords.
 *
 * Rejects with `invalid_credentials`, `rate_limited`, or `temporarily_unavailable`.
 */
export function createReviewerCheck(reviewers: readonly Reviewer[], limits: ReviewerLimits) {
  // As dear as a real one, or the time would tell which accounts there are.
  const dearest = reviewers.map(({ hash }) => hash).toSorted((a, b) => costOf(b) - costOf(a))[0] ?? cost;
  const nobody: PasswordHash = { ...dearest, salt: Buffer.alloc(16), key: Buffer.alloc(keyBytes) };
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= waitingMax) {
      throw new AppError('rate_limited', { reason: 'reviewer_queue', retryAfterSeconds: 2 });
    }
    waiting += 1;
    const mine = last.then(work);
    last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      waiting -= 1;
    }
  }

  return async function check(account: string, password: string, address: string): Promise<string> {
    const typed = account.normalize('NFKC');
    const reviewer = reviewers.find((candidate) => candidate.account === typed);
    // A new password is a new name to the limits, so it lifts a hard stop.
    const name = reviewer ? `hash ${reviewer.hash.key.toString('hex')}` : `unknown ${typed}`;
    await limits.admit(name, address);
    const { salt, key, ...params } = reviewer?.hash ?? nobody;
    const derived = await oneAtATime(() => derive(password, salt, params));
    if (!timingSafeEqual(derived, key) || !reviewer) throw new AppError('invalid_credentials');
    await limits.succeeded(name, address);
    return reviewer.account;
  };
}

/** The hash of a new password, as it stands in `REVIEWERS`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return [cost.log2N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('.');
}

/** Reads `log2N.r.p.salt.key`; `undefined` if it is anything else, or costs more than a function can afford. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = /^(\d{1,2})\.(\d{1,2})\.(\d{1,2})\.([\w-]{22,86})\.([\w-]{43})$/.exec(text);
  if (!match) return undefined;
  const [, log2N = '', r = '', p = '', salt = '', key = ''] = match;
  const hash = {
    log2N: Number(log2N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
  const affordable =
    hash.log2N >= 14 && hash.r >= 8 && hash.p >= 1 && 128 * 2 ** hash.log2N * hash.r < memoryBytesMax;
  return affordable && hash.p <= 10 ? hash : undefined;
}

function costOf({ log2N, r, p }: { log2N: number; r: number; p: number }): number {
  return 2 ** log2N * r * p;
}

/** NFKC on both sides, so that full-width characters and composed accents are what they look like. */
function derive(
  password: string,
  salt: Buffer,
  params: { log2N: number; r: number; p: number },
): Promise<Buffer> {
  const options = { N: 2 ** params.log2N, r: params.r, p: params.p, maxmem: 2 * memoryBytesMax };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

import { scryptSync } from 'node:crypto';

/** Returns an environment in which `appstore` may log in with this password, with the cheapest allowed hash. */
export function reviewersOn(password: string): { REVIEWERS: string; REVIEWERS_UNTIL: string } {
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return {
    REVIEWERS: `appstore:14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`,
    REVIEWERS_UNTIL: '2099-12-31',
  };
}

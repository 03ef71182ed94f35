import { expect } from 'vitest';
import type { Answer } from './world.ts';

/** The public contract, written a second time on purpose: clients rely on it. */
const errors = {
  invalid_request: [400, 'The request is malformed.'],
  invalid_js_code: [400, 'The js_code is unknown, expired or already used.'],
  invalid_encrypted_data: [400, 'The data does not decrypt to fresh data of this member.'],
  invalid_session: [401, 'The session does not exist or has ended.'],
  invalid_credentials: [401, 'The account or the password is wrong.'],
  corp_not_allowed: [403, 'This company may not use this mini-program.'],
  member_not_allowed: [403, 'This member may not use this mini-program.'],
  role_not_allowed: [403, 'This role may not call this function.'],
  not_found: [404, 'There is nothing at this path.'],
  method_not_allowed: [405, 'This path does not answer this method; see Allow.'],
  login_again: [409, 'The js_code belonged to another of our companies.'],
  too_large: [413, 'The body is too large.'],
  unsupported_media_type: [415, 'The body must be application/json in UTF-8.'],
  rate_limited: [429, 'Too many attempts; see Retry-After.'],
  internal_error: [500, 'Something unexpected happened.'],
  temporarily_unavailable: [503, 'Login is not available at the moment.'],
} as const;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Expected {
  corpid?: string;
  userid?: string;
  allow?: string;
  retryAfter?: string;
  /** Whole seconds from 1 to this are expected. Default: 60 with 503, otherwise none. */
  retryAfterMax?: number;
}

/** Checks the whole error response: status, body and headers, and nothing else. */
export function expectError(answer: Answer, error: keyof typeof errors, expected: Expected = {}): void {
  const [status, message] = errors[error];
  const { corpid, userid, allow, retryAfter } = expected;
  expect(answer.body).toEqual({
    error,
    message,
    request_id: expect.stringMatching(uuid),
    ...(corpid !== undefined && { corpid }),
    ...(userid !== undefined && { userid }),
  });
  expect(answer.status).toBe(status);
  expectHeaders(answer, 'application/json');
  expect(answer.headers.get('allow')).toBe(allow ?? null);
  const seconds = answer.headers.get('retry-after');
  const secondsMax = expected.retryAfterMax ?? (status === 503 ? 60 : undefined);
  if (retryAfter !== undefined) expect(seconds).toBe(retryAfter);
  else if (secondsMax === undefined) expect(seconds).toBe(null);
  else {
    expect(seconds).toMatch(/^[1-9]\d*$/);
    expect(Number(seconds)).toBeLessThanOrEqual(secondsMax);
  }
}

/** Checks what each response must have, and what no response may have. */
export function expectHeaders({ headers }: Answer, contentType: string | null): void {
  expect(headers.get('content-type')).toBe(contentType);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  const names = [...headers.keys()];
  expect(names.filter((name) => /^(server|x-powered-by|set-cookie|access-control-.*)$/.test(name))).toEqual(
    [],
  );
}

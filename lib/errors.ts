/**
 * All public error codes: HTTP status, English text for developers, and what a client should do. The texts for members
 * are in Chinese, in the mini-program.
 */
export const errorTable = {
  invalid_request: { status: 400, message: 'The request is malformed.', client: 'Fix the request.' },
  invalid_js_code: {
    status: 400,
    message: 'The js_code is unknown, expired or already used.',
    client: 'Call wx.qy.login again, once.',
  },
  invalid_encrypted_data: {
    status: 400,
    message: 'The data does not decrypt to fresh data of this member.',
    client: 'Log in again, then fetch the data again, once.',
  },
  invalid_session: {
    status: 401,
    message: 'The session does not exist or has ended.',
    client: 'Log in again.',
  },
  invalid_credentials: {
    status: 401,
    message: 'The account or the password is wrong.',
    client: 'Let the reviewer type them again.',
  },
  corp_not_allowed: {
    status: 403,
    message: 'This company may not use this mini-program.',
    client: 'Show who may use it.',
  },
  member_not_allowed: {
    status: 403,
    message: 'This member may not use this mini-program.',
    client: 'Tell the member to ask the administrator.',
  },
  role_not_allowed: {
    status: 403,
    message: 'This role may not call this function.',
    client: 'Do not offer it to this role.',
  },
  not_found: { status: 404, message: 'There is nothing at this path.', client: 'Fix the request.' },
  method_not_allowed: {
    status: 405,
    message: 'This path does not answer this method; see Allow.',
    client: 'Fix the request.',
  },
  login_again: {
    status: 409,
    message: 'The js_code belonged to another of our companies.',
    client: 'Call wx.qy.login again and send the answered corpid with the new code.',
  },
  too_large: { status: 413, message: 'The body is too large.', client: 'Fix the request.' },
  unsupported_media_type: {
    status: 415,
    message: 'The body must be application/json in UTF-8.',
    client: 'Fix the request.',
  },
  rate_limited: {
    status: 429,
    message: 'Too many attempts; see Retry-After.',
    client: 'Wait as Retry-After says.',
  },
  internal_error: {
    status: 500,
    message: 'Something unexpected happened.',
    client: 'Show the request_id; try again later.',
  },
  temporarily_unavailable: {
    status: 503,
    message: 'Login is not available at the moment.',
    client: 'Wait as Retry-After says, then try again; a login takes a fresh js_code.',
  },
} as const;

export type ErrorCode = keyof typeof errorTable;

interface AppErrorOptions {
  /** Why, in one or two words for the log; never sent. */
  reason?: string;
  /** Kept for the log, never sent. */
  cause?: unknown;
  /** Sent as Retry-After, in whole seconds. */
  retryAfterSeconds?: number;
  /** Only with `login_again`: the company whose app the next js_code is for. */
  corpid?: string;
  /** Only with `member_not_allowed`: the userid that WeCom returned for the js_code; the member can give it to the administrator. */
  userid?: string;
  /** Only with `method_not_allowed`: the methods that the path supports. */
  allow?: string;
}

/** An expected failure with a public code. Any other error is a bug and becomes `internal_error`. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly options: AppErrorOptions;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(code, { cause: options.cause });
    this.code = code;
    this.options = options;
  }
}

/** Returns the public error for any broken dependency. Only the log has the `reason`. */
export function unavailable(reason: string, retryAfterSeconds: number, cause?: unknown): AppError {
  return new AppError('temporarily_unavailable', { reason, retryAfterSeconds, cause });
}

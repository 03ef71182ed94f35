// What the operator reads when something is wrong: one line that says what failed and what to do.

import * as z from 'zod/mini';

/** Printed as one line; the framework shows the stack of everything else. */
export class DeployError extends Error {
  override readonly name: string;
  readonly code = 'TENCENT_DEPLOY';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    // The framework takes errors of this name for the user's and prints no stack; --verbose asks for one.
    this.name = process.argv.includes('--verbose') ? 'DeployError' : 'ServerlessError';
  }
}

/** A refusal of Tencent's API or a failure to reach it. */
export class CloudError extends DeployError {
  constructor(
    /** Tencent's dotted code; empty when no answer came. */
    readonly cloudCode: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** First match by prefix wins. */
const WHAT_TO_DO: readonly (readonly [prefix: string, advice: string])[] = [
  ['AuthFailure.SignatureExpire', 'The clock of this computer is wrong by more than five minutes: set it.'],
  ['AuthFailure.UnauthorizedOperation', 'Give the key the CAM policy of docs/deploy.md.'],
  ['AuthFailure', 'Check TENCENT_SECRET_ID and TENCENT_SECRET_KEY (and TENCENT_TOKEN for temporary keys).'],
  ['InvalidAccessKeyId', 'Check TENCENT_SECRET_ID.'],
  ['SignatureDoesNotMatch', 'Check TENCENT_SECRET_KEY.'],
  ['UnauthorizedOperation', 'Give the key the CAM policy of docs/deploy.md.'],
  ['AccessDenied', 'Give the key the CAM policy of docs/deploy.md.'],
  [
    'RequestLimitExceeded',
    'Too many calls on this account right now: wait a minute and run the command again.',
  ],
  [
    'LimitExceeded',
    'A quota of the account is used up: raise it in the SCF console or remove what is not needed.',
  ],
  ['InternalError', 'A fault on Tencent’s side: run the command again; keep the request id for a ticket.'],
  [
    'FailedOperation.FunctionStatusError',
    'Another change of this function is in progress: wait and run again.',
  ],
  [
    'ResourceInUse',
    'It exists already, made by another hand or by an interrupted run: run the command again.',
  ],
  ['ResourceNotFound.Function', 'The function is not deployed: run `sls deploy`.'],
  ['UnsupportedRegion', 'Check provider.region in serverless.yml.'],
  ['InvalidParameter', 'The cloud does not accept this value: check it in serverless.yml.'],
];

const adviceFor = (code: string): string =>
  WHAT_TO_DO.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'Run with --verbose for the stack.';

const NETWORK_ADVICE = 'Check the network, and HTTPS_PROXY if this computer needs a proxy.';

/** Errors of the SCF SDK and of the COS SDK, which is inside @serverless/tencent-scf. */
const Thrown = z.looseObject({
  code: z.optional(z.string()),
  message: z.optional(z.string()),
  requestId: z.optional(z.string()),
  RequestId: z.optional(z.string()),
  statusCode: z.optional(z.number()),
});

/** Turns whatever an SDK threw into one line with the code, the request id and what to do. */
export function toCloudError(action: string, cause: unknown): CloudError {
  const error = Thrown.safeParse(cause).data ?? {};
  const message = (error.message ?? String(cause)).split('\n')[0] ?? '';
  const { code, requestId = error.RequestId ?? '' } = error;
  // A broken connection has a code too (ECONNRESET), but nothing of an answer.
  if (code === undefined || (requestId === '' && error.statusCode === undefined)) {
    return new CloudError('', `${action}: no answer from Tencent Cloud (${message}). ${NETWORK_ADVICE}`, {
      cause,
    });
  }
  const idText = requestId === '' ? '' : ` (request id ${requestId})`;
  const what = message.replace(/\.$/, '');
  return new CloudError(code, `${action}: ${code}, ${what}${idText}. ${adviceFor(code)}`, { cause });
}

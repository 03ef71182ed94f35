// What the operator reads when something is wrong: one line that says what failed and what to do.
import * as z from 'zod/mini';
import { knownAdvice } from './advice.ts';

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
    /** The cloud's own words; empty when no answer came. */
    readonly cloudMessage = '',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const networkAdvice = 'Check the network, and HTTPS_PROXY if this computer needs a proxy.';

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
  // Refusals of CAM have two lines, and the second one names the action.
  const message = (error.message ?? String(cause)).replaceAll(/\s*\n\s*/g, ' ').slice(0, 500);
  const { code, requestId = error.RequestId ?? '' } = error;
  // A broken connection has a code too (ECONNRESET), but nothing of an answer.
  if (code === undefined || (requestId === '' && error.statusCode === undefined)) {
    const text = `${action}: no answer from Tencent Cloud (${message}). ${networkAdvice}`;
    return new CloudError('', text, '', { cause });
  }
  const idText = requestId === '' ? '' : ` (request id ${requestId})`;
  // It may quote a value, and the values are secrets.
  const isQuoting = code.startsWith('InvalidParameterValue.Environment');
  const what = isQuoting ? 'the environment is refused' : message.replace(/[.。]?\s*$/, '');
  const advice = knownAdvice(code, message) ?? 'Run with --verbose for the stack.';
  const text = `${action}: ${code}, ${what}${idText}. ${advice}`;
  return new CloudError(code, text, isQuoting ? '' : message, isQuoting ? {} : { cause });
}

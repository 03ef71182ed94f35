// What the operator reads when something is wrong: one line that says what failed and what to do.
import * as z from 'zod/mini';
import { type Bilingual, both, type Language } from '../scripts/language.ts';
import { knownAdvice } from './advice.ts';
import { refusalTexts } from './texts.ts';

/** Printed as one line, in the language that plugin.ts chooses; the framework shows the stack of everything else. */
export class DeployError extends Error {
  override readonly name: string;
  readonly code = 'TENCENT_DEPLOY';
  /** `message` is the English one. */
  words: Bilingual;

  constructor(words: Bilingual, options?: ErrorOptions) {
    super(words.en, options);
    this.words = words;
    // The framework takes errors of this name for the user's and prints no stack; --verbose asks for one.
    this.name = process.argv.includes('--verbose') ? 'DeployError' : 'ServerlessError';
  }

  /** From now on the message, and the head of the stack, are in this language. */
  speak(language: Language): void {
    this.message = this.words[language];
    const frames = (this.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
    this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
  }
}

/** A refusal of Tencent's API or a failure to reach it. */
export class CloudError extends DeployError {
  constructor(
    /** Tencent's dotted code; empty when no answer came. */
    readonly cloudCode: string,
    words: Bilingual,
    /** The cloud's own words; empty when no answer came. */
    readonly cloudMessage = '',
    options?: ErrorOptions,
  ) {
    super(words, options);
  }
}

/** Says more: `add` gets the words so far. */
export function extended<E extends DeployError>(error: E, add: (words: Bilingual) => Bilingual): E {
  error.words = add(error.words);
  error.message = error.words.en;
  return error;
}

/** Errors of the SCF SDK and of the COS SDK, which is inside @serverless/tencent-scf. */
const Thrown = z.looseObject({
  code: z.optional(z.string()),
  message: z.optional(z.string()),
  requestId: z.optional(z.string()),
  RequestId: z.optional(z.string()),
  statusCode: z.optional(z.number()),
});

/** Turns whatever an SDK threw into one line with the code, the request id and what to do. */
export function toCloudError(action: Bilingual, cause: unknown): CloudError {
  const error = Thrown.safeParse(cause).data ?? {};
  // Refusals of CAM have two lines, and the second one names the action.
  const message = (error.message ?? String(cause)).replaceAll(/\s*\n\s*/g, ' ').slice(0, 500);
  const { code, requestId = error.RequestId ?? '' } = error;
  // A broken connection has a code too (ECONNRESET), but nothing of an answer.
  if (code === undefined || (requestId === '' && error.statusCode === undefined)) {
    return new CloudError('', refusalTexts.noAnswer(action, message), '', { cause });
  }
  // It may quote a value, and the values are secrets.
  const isQuoting = code.startsWith('InvalidParameterValue.Environment');
  const what = isQuoting ? refusalTexts.environmentRefused : both(() => message.replace(/[.。]?\s*$/, ''));
  const words = refusalTexts.refused(
    action,
    code,
    requestId === '' ? what : refusalTexts.requestId(what, requestId),
    knownAdvice(code, message) ?? refusalTexts.seeStack,
  );
  return new CloudError(code, words, isQuoting ? '' : message, isQuoting ? {} : { cause });
}

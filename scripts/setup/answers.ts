// From answers to variables.
import { randomBytes } from 'node:crypto';
import type { Environment } from '../../lib/environment.ts';
import { accountForm, reviewerEntry, weaknessOf } from '../reviewer/entry.ts';
import { accountExpected } from '../reviewer/texts.ts';
import { Trouble } from '../trouble.ts';
import { answerTexts } from './texts.ts';

/** What the user answers: variables of .env.example by name, or the parts of some of them. */
export type Answers = Record<string, string>;

/** Parts that become variables; every other name is a line of .env.example. */
export const parts = {
  WECOM_CORPID: 'WECOM_CORPS',
  WECOM_CORPSECRET: 'WECOM_CORPS',
  CALLBACKS: 'WECOM_CALLBACKS',
  REDIS_HOST: 'REDIS_URL',
  REDIS_PORT: 'REDIS_URL',
  REDIS_TLS: 'REDIS_URL',
  REDIS_PASSWORD: 'REDIS_URL',
  REVIEWER_ACCOUNT: 'REVIEWERS',
  REVIEWER_PASSWORD: 'REVIEWERS',
} as const;

/** Answers that contradict each other or lack a part; the message names them, never a value. */
export class AnswerError extends Trouble {
  override readonly name = 'AnswerError';
}

/**
 * The variables that these answers stand for. Secrets that nobody types are generated: ENCRYPTION_KEY if there
 * is no key yet, token and EncodingAESKey of companies without a callback if CALLBACKS is yes.
 *
 * Throws AnswerError.
 */
export async function variablesOf(answers: Answers, existing: Environment): Promise<Record<string, string>> {
  for (const [part, whole] of Object.entries(parts)) {
    if (answers[part] !== undefined && answers[whole] !== undefined) {
      throw new AnswerError(answerTexts.partOf(part, whole));
    }
  }
  const variables = Object.fromEntries(
    Object.entries(answers).filter(([name]) => !Object.hasOwn(parts, name)),
  );
  const { WECOM_CORPID: corpid, WECOM_CORPSECRET: corpsecret, REDIS_HOST: host } = answers;
  if (corpid !== undefined || corpsecret !== undefined) {
    if (!corpid || !corpsecret) {
      throw new AnswerError(answerTexts.together('WECOM_CORPID', 'WECOM_CORPSECRET'));
    }
    variables['WECOM_CORPS'] = `${corpid}:${corpsecret}`;
  }
  if (host !== undefined) {
    variables['REDIS_URL'] = redisUrl(host, answers);
    // Those of an earlier Redis would make the new one unusable.
    if (!saysYes(answers, 'REDIS_TLS')) {
      variables['REDIS_CA'] ??= '';
      variables['REDIS_TLS_NAME'] ??= '';
    }
  } else if (answers['REDIS_PASSWORD'] ?? answers['REDIS_PORT'] ?? answers['REDIS_TLS']) {
    throw new AnswerError(answerTexts.hostMissing);
  }
  if (!variables['ENCRYPTION_KEY'] && !existing['ENCRYPTION_KEY']) {
    variables['ENCRYPTION_KEY'] = randomBytes(32).toString('base64url');
  }
  if (saysYes(answers, 'CALLBACKS')) {
    const corps = variables['WECOM_CORPS'] ?? existing['WECOM_CORPS'] ?? '';
    variables['WECOM_CALLBACKS'] = callbacksFor(corps, existing['WECOM_CALLBACKS'] ?? '');
  }
  const { REVIEWER_ACCOUNT: account, REVIEWER_PASSWORD: password } = answers;
  if (account !== undefined || password !== undefined) {
    if (!account || !password) {
      throw new AnswerError(answerTexts.together('REVIEWER_ACCOUNT', 'REVIEWER_PASSWORD'));
    }
    if (!accountForm.test(account)) throw new AnswerError(answerTexts.account(accountExpected));
    const weakness = weaknessOf(account, password);
    if (weakness !== undefined) throw new AnswerError(answerTexts.password(weakness));
    variables['REVIEWERS'] = await reviewerEntry(account, password);
  }
  return variables;
}

/** TencentDB wants its whole AUTH string as the password; everything that a URL or .env would cut is encoded. */
function redisUrl(host: string, answers: Answers): string {
  const { REDIS_PORT: port = '6379', REDIS_PASSWORD: password = '' } = answers;
  if (!/^[\w.:-]+$/.test(host)) throw new AnswerError(answerTexts.host);
  if (!/^\d{1,5}$/.test(port)) throw new AnswerError(answerTexts.port);
  const scheme = saysYes(answers, 'REDIS_TLS') ? 'rediss' : 'redis';
  const encoded = encodeURIComponent(password).replaceAll("'", '%27');
  const auth = password === '' ? '' : `:${encoded}@`;
  return `${scheme}://${auth}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Keeps what a company has: its console knows it. */
function callbacksFor(corps: string, existing: string): string {
  const known = existing === '' ? [] : existing.split(',');
  const corpids = corps.split(',').map((entry) => entry.split(':')[0]?.trim() ?? '');
  const fresh = corpids
    .filter((corpid) => corpid !== '' && !known.some((entry) => entry.trim().startsWith(`${corpid}:`)))
    .map((corpid) => `${corpid}:${randomBytes(16).toString('hex')}:${encodingAESKey()}`);
  return [...known, ...fresh].join(',');
}

/** 43 characters that stand for 32 bytes; WeCom's page takes letters and digits only. */
function encodingAESKey(): string {
  for (;;) {
    const key = randomBytes(32).toString('base64').slice(0, 43);
    if (/^[A-Za-z0-9]+$/.test(key)) return key;
  }
}

function saysYes(answers: Answers, name: keyof typeof parts): boolean {
  const answer = (answers[name] ?? 'no').toLowerCase();
  if (!['yes', 'no', 'true', 'false'].includes(answer)) throw new AnswerError(answerTexts.yesOrNo(name));
  return answer === 'yes' || answer === 'true';
}

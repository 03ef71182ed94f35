// An entry of REVIEWERS: `npm run reviewer` prints it, `npm run setup` writes it.
import { hashPassword } from '../../lib/reviewer.ts';
import type { Bilingual } from '../language.ts';
import { weaknesses } from './texts.ts';

export const accountForm = /^[A-Za-z0-9_.@][A-Za-z0-9_.@-]{0,63}$/;

/** NIST SP 800-63B-4 asks for 15 where a password is the only factor. */
export const passwordCharactersMin = 15;

/** Why the password is too weak; `undefined` if it is not. */
export function weaknessOf(account: string, password: string): Bilingual | undefined {
  const text = password.normalize('NFKC');
  if (text.length < passwordCharactersMin) return weaknesses.short(passwordCharactersMin);
  if (text.length > 128) return weaknesses.long;
  if (new Set(text).size < 6) return weaknesses.repeats;
  if (text.toLowerCase().includes(account.toLowerCase())) return weaknesses.account;
  if (/password|12345|qwerty|wecom|weixin|admin|review/i.test(text)) return weaknesses.guessed;
  return undefined;
}

/** Returns `account:hash`. */
export async function reviewerEntry(account: string, password: string): Promise<string> {
  return `${account}:${await hashPassword(password)}`;
}

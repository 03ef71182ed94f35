// An entry of REVIEWERS: `npm run reviewer` prints it, `npm run setup` writes it.
import { hashPassword } from '../../lib/reviewer.ts';

export const accountForm = /^[A-Za-z0-9_.@][A-Za-z0-9_.@-]{0,63}$/;
export const accountExpected = 'letters, digits, _ . @ -';

/** NIST SP 800-63B-4 asks for 15 where a password is the only factor. */
export const passwordCharactersMin = 15;

/** Why the password is too weak; `undefined` if it is not. */
export function weaknessOf(account: string, password: string): string | undefined {
  const text = password.normalize('NFKC');
  if (text.length < passwordCharactersMin) return `it has fewer than ${passwordCharactersMin} characters`;
  if (text.length > 128) return 'it has more than 128 characters';
  if (new Set(text).size < 6) return 'it repeats too few characters';
  if (text.toLowerCase().includes(account.toLowerCase())) return 'it contains the account';
  if (/password|12345|qwerty|wecom|weixin|admin|review/i.test(text))
    return 'it contains one of the first guesses';
  return undefined;
}

/** Returns `account:hash`. */
export async function reviewerEntry(account: string, password: string): Promise<string> {
  return `${account}:${await hashPassword(password)}`;
}

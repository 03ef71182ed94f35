// `npm run reviewer -- NAME`: asks for a password without showing it and prints the entry for REVIEWERS.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { hashPassword } from '../lib/reviewer.ts';

/** NIST SP 800-63B-4 asks for 15 where a password stands alone. */
const charactersMin = 15;

const [account = ''] = process.argv.slice(2);
if (!/^[A-Za-z0-9_.@][A-Za-z0-9_.@-]{0,63}$/.test(account)) {
  fail('usage: npm run reviewer -- NAME   (letters, digits, _ . @ -)');
}

const password = await ask(`Password for ${account} (${charactersMin} characters or more, not shown): `);
const weakness = weaknessOf(password.normalize('NFKC'));
if (weakness !== undefined) fail(`That password is too weak: ${weakness}.`);
if (process.stdin.isTTY && (await ask('Once more: ')) !== password) fail('The two are not the same.');

process.stderr.write('Put this into .env, several separated by commas, together with REVIEWERS_UNTIL:\n');
process.stdout.write(`REVIEWERS=${account}:${await hashPassword(password)}\n`);

function weaknessOf(text: string): string | undefined {
  if (text.length < charactersMin) return `it has fewer than ${charactersMin} characters`;
  if (text.length > 128) return 'it has more than 128 characters';
  if (new Set(text).size < 6) return 'it repeats too few characters';
  if (text.toLowerCase().includes(account.toLowerCase())) return 'it contains the account';
  if (/password|12345|qwerty|wecom|weixin|admin|review/i.test(text))
    return 'it contains one of the first guesses';
  return undefined;
}

/** From a terminal without echo, else the next line of standard input. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY });
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  process.stderr.write('\n');
  return answer;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

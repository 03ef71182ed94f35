// `npm run reviewer -- NAME`: asks for a password without showing it and prints the entry for REVIEWERS.
import { Exit, type Surroundings } from '../command.ts';
import { Aborted, openTerminal } from '../terminal.ts';
import { accountExpected, accountForm, passwordCharactersMin, reviewerEntry, weaknessOf } from './entry.ts';

export async function reviewer(
  [account = '']: string[],
  { stdin, stdout, stderr }: Surroundings,
): Promise<number> {
  if (!accountForm.test(account)) throw new Exit(1, `usage: npm run reviewer -- NAME   (${accountExpected})`);
  // Only the entry goes to standard output.
  const terminal = openTerminal({ stdin, stdout: stderr });
  try {
    const length = `${passwordCharactersMin} characters or more`;
    const password = await terminal.ask(`Password for ${account}, ${length}`, { hidden: true });
    const weakness = weaknessOf(account, password);
    if (weakness !== undefined) throw new Exit(1, `That password is too weak: ${weakness}.`);
    if (stdin.isTTY && (await terminal.ask('Once more', { hidden: true })) !== password)
      throw new Exit(1, 'The two are not the same.');
    terminal.say('Put this into .env, several separated by commas, together with REVIEWERS_UNTIL:');
    stdout.write(`REVIEWERS=${await reviewerEntry(account, password)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Aborted) throw new Exit(130, '\nCancelled.');
    throw error;
  } finally {
    terminal.close();
  }
}

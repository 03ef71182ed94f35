// `npm run reviewer -- NAME`: asks for a password without showing it and prints the entry for REVIEWERS.
import { parseArgs } from 'node:util';
import { Exit, type Surroundings } from '../command.ts';
import { type Language, languageIn } from '../language.ts';
import { wrongUsage } from '../option-problem.ts';
import { Aborted, openTerminal } from '../terminal.ts';
import { accountForm, passwordCharactersMin, reviewerEntry, weaknessOf } from './entry.ts';
import { passwordQuestion, texts, tooWeak, usage } from './texts.ts';

export async function reviewer(args: string[], surroundings: Surroundings): Promise<number> {
  const { environment, stdin, stdout, stderr } = surroundings;
  const language = languageIn(args, environment);
  const account = accountIn(args, language);
  // Only the entry goes to standard output.
  const terminal = openTerminal({ stdin, stdout: stderr }, language);
  try {
    const question = passwordQuestion(account, passwordCharactersMin)[language];
    const password = await terminal.ask(question, { hidden: true });
    const weakness = weaknessOf(account, password);
    if (weakness !== undefined) throw new Exit(1, tooWeak(weakness)[language]);
    if (stdin.isTTY && (await terminal.ask(texts.onceMore[language], { hidden: true })) !== password)
      throw new Exit(1, texts.notTheSame[language]);
    terminal.say(texts.put[language]);
    stdout.write(`REVIEWERS=${await reviewerEntry(account, password)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Aborted) throw new Exit(130, texts.cancelled[language]);
    throw error;
  } finally {
    terminal.close();
  }
}

function accountIn(args: string[], language: Language): string {
  let parsed;
  try {
    const options = { lang: { type: 'string' }, help: { type: 'boolean', default: false } } as const;
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Exit(1, `${wrongUsage(error)[language]}\n\n${usage[language]}`);
  }
  if (parsed.values.help) throw new Exit(0, usage[language]);
  const [account = '', ...more] = parsed.positionals;
  if (!accountForm.test(account) || more.length > 0) throw new Exit(1, usage[language]);
  return account;
}

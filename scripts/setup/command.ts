// `npm run setup`: asks for what .env needs, in the order of the consoles, checks each
// answer, and writes the file in one step. With --answers, KEY=value or standard input it asks nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Environment } from '../../lib/environment.ts';
import { Exit, type Surroundings } from '../command.ts';
import { environmentProblems } from '../doctor/environment.ts';
import { outside, type SeenFinding } from '../doctor/finding.ts';
import { diagnoseHere } from '../doctor/inside.ts';
import { linesOf } from '../doctor/print.ts';
import { exampleNames, parsedEnvironment, stageExpected, stageForm } from '../environment.ts';
import { problemTexts } from '../environment-problems.ts';
import { columnsOf, type Language, languageIn } from '../language.ts';
import { wrongUsage } from '../option-problem.ts';
import { Aborted, openTerminal, type Terminal } from '../terminal.ts';
import { AnswerError, type Answers, parts, variablesOf } from './answers.ts';
import { FileError, withVariables, writeSecretFile } from './env-file.ts';
import { askGroup, type Group, groups, questionsByName } from './questions.ts';
import {
  expectedForm,
  fromInside,
  keyThenDeploy,
  noSuchAnswer,
  notPair,
  replacedName,
  runAgain,
  starts,
  texts,
  unchanged,
  usage,
  wouldReplace,
  writing,
} from './texts.ts';
import { checkKey, checkRedis } from './try-answers.ts';

export async function setup(args: string[], surroundings: Surroundings): Promise<number> {
  const { folder, environment: shell, stdin, stdout } = surroundings;
  const language = languageIn(args, shell);
  const { options, given } = parse(args, language);
  const file = options.stage === undefined ? '.env' : `.env.${options.stage}`;
  const path = join(folder, file);
  const example = readFileSync(join(folder, '.env.example'), 'utf8');
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const existing = parsedEnvironment(before ?? '');
  const asking = options.answers === undefined && (options.ask || stdin.isTTY === true);
  let terminal: Terminal | undefined;

  try {
    const answers = {
      ...given,
      ...(asking ? {} : await answersToRead(options.answers, surroundings, language)),
    };
    checkForms(answers, exampleNames(folder));
    if (asking) {
      terminal = openTerminal(surroundings, language);
      await askAll(terminal, answers);
    }
    const variables = await variablesOf(answers, existing);
    const environment = { ...existing, ...variables, STAGE: options.stage ?? 'dev' };
    const problems = environmentProblems(environment);
    if (problems.length > 0) throw new AnswerError(problemTexts(problems, { en: '\n', zh: '\n' }));
    await write(variables);
    terminal?.close();
    return options['no-check'] ? 0 : await lookAround(environment);
  } catch (error) {
    if (error instanceof Aborted) throw new Exit(130, texts.cancelled[language]);
    if (error instanceof AnswerError || error instanceof FileError) throw new Exit(1, error.words[language]);
    throw error;
  } finally {
    terminal?.close();
  }

  async function askAll(to: Terminal, answers: Answers): Promise<void> {
    to.say(starts(file)[language]);
    const refused: Answers = {};
    to.say(texts.keyGenerated[language]);
    const ask = (group: Group) => askGroup(to, group, answers, existing, refused);
    if (await ask(groups.corps)) await askForMoreCompanies(to, answers);
    await ask(groups.miniProgram);
    if (answers['CALLBACKS'] === undefined && (await ask(groups.callback))) answers['CALLBACKS'] = 'yes';
    while (await ask(groups.redis)) {
      if (await accepted(to, await checkRedis(await variablesOf(answers, existing)))) break;
      forget(answers, groups.redis, refused);
    }
    while (await ask(groups.key)) {
      if (await accepted(to, await checkKey({ ...existing, ...answers }, shell))) break;
      forget(answers, groups.key, refused);
    }
    await ask(groups.vpc);
    await ask(groups.domain);
    while (await ask(groups.reviewer)) {
      if (await accepted(to, await reviewerFinding(answers))) break;
      forget(answers, groups.reviewer, refused);
    }
  }

  /** What is wrong with the reviewer's account or password, which are then asked for again. */
  async function reviewerFinding(answers: Answers): Promise<SeenFinding | undefined> {
    try {
      await variablesOf(answers, existing);
      return undefined;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      return outside('setup.reviewer.not_usable', { message: error.words });
    }
  }

  async function write(variables: Record<string, string>): Promise<void> {
    const place = (name: string) => example.indexOf(`\n${name}=`);
    const changed = Object.entries(variables)
      .filter(([name, value]) => (existing[name] ?? '') !== value)
      .toSorted(([one], [other]) => place(one) - place(other));
    const replaced = changed.map(([name]) => name).filter((name) => existing[name]);
    const text = withVariables(before ?? example, Object.fromEntries(changed), example);
    if (changed.length === 0 && before !== undefined) {
      stdout.write(unchanged(file)[language]);
      return;
    }
    const marked = changed.map(([name]) =>
      replaced.includes(name) ? replacedName(name) : { en: name, zh: name },
    );
    const { ask, written } = writing(file, marked);
    if (terminal && !(await terminal.confirm(ask[language], true))) throw new Aborted();
    if (!terminal && replaced.length > 0 && !options.replace) {
      throw new Exit(3, wouldReplace(file, replaced.join(', '))[language]);
    }
    writeSecretFile(path, text);
    stdout.write(written[language]);
  }

  function run(command: string): string {
    return `npm run ${command}${options.stage === undefined ? '' : ` -- --stage ${options.stage}`}`;
  }

  /** The doctor's check from this computer; an access_token that it fetches is stored for the functions. */
  async function lookAround(environment: Environment): Promise<number> {
    stdout.write(texts.here[language]);
    const look = { language, coloured: stdout.isTTY === true, columns: columnsOf(stdout) };
    let failed = 0;
    await diagnoseHere(environment, (finding) => {
      if (finding.status === 'failed') failed += 1;
      stdout.write(linesOf(finding, look));
    });
    const next = [
      ...(failed > 0 ? [runAgain(run('setup'))] : []),
      environment['TENCENT_SECRET_ID']
        ? { en: run('deploy'), zh: run('deploy') }
        : keyThenDeploy(run('setup'), run('deploy')),
      fromInside(run('doctor')),
      ...(environment['WECOM_CALLBACKS'] ? [texts.callbackStep] : []),
    ];
    stdout.write(`${texts.next[language]}${next.map((step) => `  ${step[language]}\n`).join('')}`);
    return failed > 0 ? 4 : 0;
  }
}

/** Several companies may use one mini-program; each has its own app with its own secret. */
async function askForMoreCompanies(to: Terminal, answers: Answers): Promise<void> {
  const corps: string[] = [];
  for (;;) {
    const { WECOM_CORPID: corpid = '', WECOM_CORPSECRET: corpsecret = '' } = answers;
    corps.push(`${corpid}:${corpsecret}`);
    forget(answers, groups.corps);
    if (!(await to.confirm(texts.another[to.language], false))) break;
    await askGroup(to, { ...groups.corps, variables: [] }, answers, {});
  }
  answers['WECOM_CORPS'] = corps.join(',');
}

/** `kept` receives what was typed, to be offered again. */
function forget(answers: Answers, { questions }: Group, kept: Answers = {}): void {
  for (const { name } of questions) {
    kept[name] = answers[name] ?? '';
    delete answers[name];
  }
}

/** Shows what a check found. A value that failed is kept only if the user confirms it. */
async function accepted(to: Terminal, finding: SeenFinding | undefined): Promise<boolean> {
  if (!finding) return true;
  to.say(linesOf(finding, { ...to, coloured: false }).trimEnd());
  if (finding.status !== 'failed') return true;
  return to.confirm(texts.keepAnyway[to.language], false);
}

/** Answers that are not typed one by one must be valid too. */
function checkForms(answers: Answers, known: string[]): void {
  for (const [name, value] of Object.entries(answers)) {
    if (!known.includes(name) && !Object.hasOwn(parts, name)) {
      throw new AnswerError(noSuchAnswer(name));
    }
    const question = questionsByName.get(name);
    if (question && value !== '' && !question.form.test(value)) {
      throw new AnswerError(expectedForm(name, question.expected));
    }
  }
}

/** From the file of --answers, or from standard input as lines of KEY=value. */
async function answersToRead(
  answersFile: string | undefined,
  { folder, stdin }: Surroundings,
  language: Language,
): Promise<Answers> {
  if (answersFile === undefined) return pairsIn((await textOf(stdin)).split('\n'), language);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(resolve(folder, answersFile), 'utf8'));
  } catch {
    throw new Exit(2, texts.notJson[language]);
  }
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (
    entries.length === 0 ||
    !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
  ) {
    throw new Exit(2, texts.notTexts[language]);
  }
  return Object.fromEntries(entries);
}

async function textOf(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let read = '';
  for await (const chunk of stream) read += chunk.toString();
  return read;
}

/** Blank lines and comments are skipped; what else is no pair is named by its place, never quoted. */
function pairsIn(lines: string[], language: Language): Answers {
  const answers: Answers = {};
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name = '', value = ''] = /^\s*([A-Z_]+)=(.*)$/s.exec(line) ?? [];
    if (name === '') throw new Exit(2, notPair(index + 1)[language]);
    answers[name] = value.trim();
  }
  return answers;
}

function parse(args: string[], language: Language) {
  const help = usage(Object.keys(parts).join(', '))[language];
  let parsed;
  try {
    parsed = parseArgs({
      args,
      options: {
        stage: { type: 'string' },
        answers: { type: 'string' },
        ask: { type: 'boolean', default: false },
        replace: { type: 'boolean', default: false },
        'no-check': { type: 'boolean', default: false },
        lang: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new Exit(2, `${wrongUsage(error)[language]}\n\n${help}`);
  }
  const { stage } = parsed.values;
  if (parsed.values.help) throw new Exit(0, help);
  if (stage !== undefined && !stageForm.test(stage)) {
    throw new Exit(2, `${stageExpected[language]}\n\n${help}`);
  }
  return { options: parsed.values, given: pairsIn(parsed.positionals, language) };
}

// `npm run setup`: asks for what .env needs, in the order of the consoles, checks each
// answer, and writes the file in one step. With --answers, KEY=value or standard input it asks nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Finding } from '../../lib/doctor/finding.ts';
import type { Environment } from '../../lib/environment.ts';
import { Exit, type Surroundings } from '../command.ts';
import { environmentProblems } from '../doctor/environment.ts';
import { outside } from '../doctor/finding.ts';
import { diagnoseHere } from '../doctor/inside.ts';
import { linesOf } from '../doctor/print.ts';
import { exampleNames, parsedEnvironment } from '../environment.ts';
import { Aborted, openTerminal, type Terminal } from '../terminal.ts';
import { AnswerError, type Answers, parts, variablesOf } from './answers.ts';
import { FileError, withVariables, writeSecretFile } from './env-file.ts';
import { askGroup, type Group, groups, questionsByName } from './questions.ts';
import { checkKey, checkRedis } from './try-answers.ts';

const usage = `npm run setup   asks for what .env needs, checks and writes it; then checks Redis and WeCom
npm run setup -- [KEY=value …] [options]
  --stage STAGE      writes .env.STAGE instead of .env
  --answers FILE     a JSON object of answers; nothing is asked
  --ask              ask even if standard input is not a terminal; otherwise it may hold lines of KEY=value
  --replace          replace existing values without asking
  --no-check         do not check Redis and WeCom at the end
KEY is a variable of .env.example, or a part of one: ${Object.keys(parts).join(', ')}.
Exit codes: 0 written, 1 an answer is not valid, 2 wrong usage, 3 would replace values, 4 written, but Redis or WeCom
refuses it, 130 cancelled. With 1, 2, 3 and 130 nothing has changed.`;

const callbackStep =
  'in WeCom, 应用管理 → 小程序 → the app → 接收消息 → 设置API接收: Token and EncodingAESKey are in WECOM_CALLBACKS, corpid:Token:EncodingAESKey';

export async function setup(args: string[], surroundings: Surroundings): Promise<number> {
  const { folder, environment: shell, stdin, stdout } = surroundings;
  const { options, given } = parse(args);
  const file = options.stage === undefined ? '.env' : `.env.${options.stage}`;
  const path = join(folder, file);
  const example = readFileSync(join(folder, '.env.example'), 'utf8');
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const existing = parsedEnvironment(before ?? '');
  const asking = options.answers === undefined && (options.ask || stdin.isTTY === true);
  let terminal: Terminal | undefined;

  try {
    const answers = { ...given, ...(asking ? {} : await answersToRead(options.answers, surroundings)) };
    checkForms(answers, exampleNames(folder));
    if (asking) {
      terminal = openTerminal(surroundings);
      await askAll(terminal, answers);
    }
    const variables = await variablesOf(answers, existing);
    const environment = { ...existing, ...variables, STAGE: options.stage ?? 'dev' };
    const problems = environmentProblems(environment);
    if (problems.length > 0) throw new AnswerError(problems.join('\n'));
    await write(variables);
    terminal?.close();
    return options['no-check'] ? 0 : await lookAround(environment);
  } catch (error) {
    if (error instanceof Aborted) throw new Exit(130, '\nCancelled; nothing was written.');
    if (error instanceof AnswerError || error instanceof FileError) throw new Exit(1, error.message);
    throw error;
  } finally {
    terminal?.close();
  }

  async function askAll(to: Terminal, answers: Answers): Promise<void> {
    to.say(`This writes ${file}. Ctrl-C cancels it at any time and changes nothing.`);
    const refused: Answers = {};
    to.say('ENCRYPTION_KEY, which encrypts what is stored, is generated unless it is already set.');
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
  async function reviewerFinding(answers: Answers): Promise<Finding | undefined> {
    try {
      await variablesOf(answers, existing);
      return undefined;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      return outside('setup.reviewer.not_usable', { message: error.message });
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
      stdout.write(`\n${file} already has these values.\n`);
      return;
    }
    const marked = changed.map(([name]) => (replaced.includes(name) ? `${name} (replaced)` : name));
    const what = `${file}: ${marked.join(', ')}`;
    if (terminal && !(await terminal.confirm(`\nWrite ${what}?`, true))) throw new Aborted();
    if (!terminal && replaced.length > 0 && !options.replace) {
      throw new Exit(3, `${file} has other values for ${replaced.join(', ')}; --replace replaces them`);
    }
    writeSecretFile(path, text);
    stdout.write(`\nWritten ${what}\n`);
  }

  function run(command: string): string {
    return `npm run ${command}${options.stage === undefined ? '' : ` -- --stage ${options.stage}`}`;
  }

  /** The doctor's check from this computer; an access_token that it fetches is stored for the functions. */
  async function lookAround(environment: Environment): Promise<number> {
    stdout.write('\nRedis and WeCom, as this computer sees them\n');
    let failed = 0;
    await diagnoseHere(environment, (finding) => {
      if (finding.status === 'failed') failed += 1;
      stdout.write(linesOf(finding, stdout.isTTY === true));
    });
    const next = [
      ...(failed > 0 ? [`${run('setup')} again, to correct what failed`] : []),
      environment['TENCENT_SECRET_ID']
        ? run('deploy')
        : `${run('setup')} again for the API key, then ${run('deploy')}`,
      `${run('doctor')}, which then checks from inside`,
      ...(environment['WECOM_CALLBACKS'] ? [callbackStep] : []),
    ];
    stdout.write(`\nNext:\n${next.map((step) => `  ${step}\n`).join('')}`);
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
    if (!(await to.confirm('  Does another company use the same mini-program?', false))) break;
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
async function accepted(to: Terminal, finding: Finding | undefined): Promise<boolean> {
  if (!finding) return true;
  to.say(linesOf(finding, false).trimEnd());
  if (finding.status !== 'failed') return true;
  return to.confirm('  Keep it anyway?', false);
}

/** Answers that are not typed one by one must be valid too. */
function checkForms(answers: Answers, known: string[]): void {
  for (const [name, value] of Object.entries(answers)) {
    if (!known.includes(name) && !Object.hasOwn(parts, name)) {
      throw new AnswerError(`${name}: there is no such answer; .env.example names all variables`);
    }
    const question = questionsByName.get(name);
    if (question && value !== '' && !question.form.test(value)) {
      throw new AnswerError(`${name}: expected ${question.expected}`);
    }
  }
}

/** From the file of --answers, or from standard input as lines of KEY=value. */
async function answersToRead(
  answersFile: string | undefined,
  { folder, stdin }: Surroundings,
): Promise<Answers> {
  if (answersFile === undefined) return pairsIn((await textOf(stdin)).split('\n'));
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(resolve(folder, answersFile), 'utf8'));
  } catch {
    throw new Exit(2, '--answers: no readable JSON file');
  }
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (
    entries.length === 0 ||
    !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
  ) {
    throw new Exit(2, '--answers: must be a JSON object of texts');
  }
  return Object.fromEntries(entries);
}

async function textOf(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let read = '';
  for await (const chunk of stream) read += chunk.toString();
  return read;
}

/** Blank lines and comments are skipped; what else is no pair is named by its place, never quoted. */
function pairsIn(lines: string[]): Answers {
  const answers: Answers = {};
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name = '', value = ''] = /^\s*([A-Z_]+)=(.*)$/s.exec(line) ?? [];
    if (name === '') throw new Exit(2, `line or argument ${index + 1} is not KEY=value`);
    answers[name] = value.trim();
  }
  return answers;
}

function parse(args: string[]) {
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
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    const { stage } = parsed.values;
    if (stage !== undefined && !/^[A-Za-z0-9-]{1,32}$/.test(stage)) {
      throw new Error('--stage: letters, digits and -');
    }
  } catch (error) {
    throw new Exit(2, `${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  if (parsed.values.help) throw new Exit(0, usage);
  return { options: parsed.values, given: pairsIn(parsed.positionals) };
}

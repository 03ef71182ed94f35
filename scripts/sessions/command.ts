// `npm run sessions -- list|end CORPID USERID [--stage STAGE] [--local]`: lists or ends a person's sessions, through
// functions/admin in the cloud; with --local by the same code here, with the Redis of .env.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { answerAdmin } from '../../lib/admin.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readServicesConfig } from '../../lib/config.ts';
import { ConfigError } from '../../lib/environment.ts';
import { AppError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { createServices } from '../../lib/services.ts';
import { Exit, type Surroundings } from '../command.ts';
import { readEnvironmentFile } from '../environment.ts';
import { problemText } from '../environment-problems.ts';
import { type Bilingual, type Language, languageIn } from '../language.ts';
import { wrongUsage } from '../option-problem.ts';
import { keepOut, noSession, notOurs, ofAnotherStage, seeAbove, usage, withFile } from './texts.ts';

interface Question {
  action: string;
  corpid: string;
  userid: string;
}

const Answer = z.union([z.object({ sessions: z.array(z.unknown()) }), z.object({ ended: z.number() })]);

export async function sessions(
  args: string[],
  { folder, environment: shell, stdout, stderr }: Surroundings,
): Promise<number> {
  const language = languageIn(args, shell);
  const { question, stage, local } = parse(args, language);
  const { file, environment } = readEnvironmentFile(stage, shell, folder);
  const corpids = (environment['WECOM_CORPS'] ?? '')
    .split(',')
    .map((corp) => corp.trim().split(':')[0] ?? '');
  // Nobody's sessions are there under another corpid: whoever ends "all 0" of them would believe that somebody is out.
  if (question.corpid !== '' && corpids[0] !== '' && !corpids.includes(question.corpid)) {
    throw new Exit(1, `${notOurs(question.corpid, corpids)[language]}\n\n${usage[language]}`);
  }
  const answer = local ? JSON.stringify(await askHere(), null, 2) : await askCloud();
  stdout.write(`${answer.trimEnd()}\n`);
  stderr.write(
    hintsOf(question, answer)
      .map((hint) => `${hint[language]}\n`)
      .join(''),
  );
  return 0;

  async function askCloud(): Promise<string> {
    const invoke = ['deploy/sls.mjs', 'invoke', '-f', 'admin', '-d', JSON.stringify(question)];
    const child = spawn(process.execPath, [...invoke, '--stage', stage], {
      cwd: folder,
      env: { ...shell, WECOM_LOGIN_LANG: language },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (code !== 0) throw new Exit(1, printed);
    return printed;
  }

  async function askHere(): Promise<object> {
    stderr.write(`${withFile(file)[language]}\n`);
    if (stage !== 'dev' && file === '.env' && question.action === 'end') {
      throw new Exit(1, ofAnotherStage(stage)[language]);
    }
    try {
      const config = readServicesConfig(environment);
      const log = createLog(config.secrets, (line) => stderr.write(`${line}\n`));
      const services = createServices(config, clock, log);
      return await answerAdmin(question, services.sessions).finally(() => services.redis.close());
    } catch (error) {
      if (error instanceof ConfigError) {
        throw new Exit(1, error.problems.map((problem) => problemText(problem)[language]).join('\n'));
      }
      if (error instanceof AppError) {
        throw new Exit(1, `${error.code} (${error.options.reason ?? seeAbove[language]})`);
      }
      throw error;
    }
  }
}

/** What an operator must know about this answer. */
function hintsOf({ action, userid }: Question, answer: string): Bilingual[] {
  const found = Answer.safeParse(JSON.parse(answer));
  if (!found.success) return [];
  const count = 'ended' in found.data ? found.data.ended : found.data.sessions.length;
  return [...(count === 0 ? [noSession(userid)] : []), ...(action === 'end' ? [keepOut] : [])];
}

function parse(args: string[], language: Language): { question: Question; stage: string; local: boolean } {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      options: {
        stage: { type: 'string', default: 'dev' },
        local: { type: 'boolean', default: false },
        lang: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new Exit(2, `${wrongUsage(error)[language]}\n\n${usage[language]}`);
  }
  const { stage, local, help } = parsed.values;
  if (help) throw new Exit(0, usage[language]);
  const [action = '', corpid, userid, ...more] = parsed.positionals;
  if (!['list', 'end'].includes(action) || corpid === undefined || userid === undefined || more.length > 0) {
    throw new Exit(2, usage[language]);
  }
  return { question: { action, corpid, userid }, stage, local };
}

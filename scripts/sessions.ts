// `npm run sessions -- list|end CORPID USERID [--stage STAGE] [--local]`: lists or ends a person's sessions, through
// functions/admin in the cloud; with --local by the same code here, with the Redis of .env.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { answerAdmin } from '../lib/admin.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { readServicesConfig } from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { AppError } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { createServices } from '../lib/services.ts';
import { readEnvironmentFile } from './environment.ts';

const usage = `npm run sessions -- list CORPID USERID   lists the sessions of this person
npm run sessions -- end  CORPID USERID   ends them all
  --stage STAGE   which deployment (default: dev)
  --local         not in the cloud but here, with the Redis of .env.STAGE or .env
A reviewer's CORPID is "".`;

const { values, positionals } = parse();
const [action, corpid, userid] = positionals;
const question = { action, corpid, userid };

if (values.local) {
  process.stdout.write(`${JSON.stringify(await askHere(), null, 2)}\n`);
} else {
  const args = [
    'deploy/sls.mjs',
    'invoke',
    '-f',
    'admin',
    '-d',
    JSON.stringify(question),
    '--stage',
    values.stage,
  ];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

async function askHere(): Promise<object> {
  try {
    const { file, environment } = readEnvironmentFile(values.stage);
    process.stderr.write(`with ${file ?? 'the environment; there is no .env: copy .env.example to it'}\n`);
    if (values.stage !== 'dev' && file === '.env' && action === 'end') {
      return fail(`there is no .env.${values.stage}; .env may be another stage's`);
    }
    const config = readServicesConfig(environment);
    const log = createLog(config.secrets, (line) => process.stderr.write(`${line}\n`));
    const { redis, sessions } = createServices(config, clock, log);
    return await answerAdmin(question, sessions).finally(() => redis.close());
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.problems.join('\n'));
    if (error instanceof AppError) return fail(`${error.code} (${error.options.reason ?? 'see above'})`);
    throw error;
  }
}

function parse() {
  try {
    const parsed = parseArgs({
      options: {
        stage: { type: 'string', default: 'dev' },
        local: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    const complete = parsed.positionals.length === 3 && ['list', 'end'].includes(parsed.positionals[0] ?? '');
    if (complete && !parsed.values.help) return parsed;
    return fail(usage, parsed.values.help ? 0 : 2);
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, 2);
  }
}

function fail(message: string, code = 1): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

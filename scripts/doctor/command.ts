// `npm run doctor`: what is wrong with a deployment, and where to fix it. Looks at the environment, at what is
// deployed, and, through functions/admin, at Redis and WeCom from inside. Changes nothing.
import { parseArgs } from 'node:util';
import { readCredentials } from '../../deploy/cloud.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Finding } from '../../lib/doctor/finding.ts';
import { Exit, type Surroundings } from '../command.ts';
import { readEnvironmentFile } from '../environment.ts';
import { stepFailure } from './cloud.ts';
import { checkFile, checkNames, checkVariables } from './environment.ts';
import { inWords, outside } from './finding.ts';
import { diagnoseHere } from './inside.ts';
import { askCloud, type Seen } from './look.ts';
import { linesOf } from './print.ts';
import { readService } from './service.ts';

const usage = `npm run doctor   what is wrong, and where to fix it; changes nothing
  --stage STAGE   which deployment (default: dev); its variables are those of .env.STAGE, else of .env
  --local         do not check what is deployed; ask Redis and WeCom from this computer
  --json          one JSON document instead of lines; \`check\` and \`diagnosis\` are stable, docs/doctor.md lists them
Exit codes: 0 everything is ok, 1 something failed, 2 wrong usage, 3 nothing failed, but there is a warning.`;

/** `read` reads serverless.yml, which takes the framework seconds. */
export async function doctor(
  args: string[],
  { folder, environment: shell, stdout }: Surroundings,
  { read = readService, clock = systemClock } = {},
): Promise<number> {
  const { stage, local, json } = parse(args);
  const terminal = stdout.isTTY === true && !json;
  const coloured = terminal && !shell['NO_COLOR'];
  const findings: Finding[] = [];
  let seenFrom: 'cloud' | 'here' | 'nowhere' = 'nowhere';

  const { file, environment } = readEnvironmentFile(stage, shell, folder);
  heading(`Environment of stage ${stage}`);
  checkFile(file, folder, stage, environment, report);
  if (file !== undefined) checkNames(file, folder, report);
  const usable =
    file !== undefined || environment['WECOM_CORPS'] ? checkVariables(environment, file, report) : false;

  const seen = local ? 'nothing' : await lookAtCloud();
  if (seen === 'inside') {
    seenFrom = 'cloud';
  } else if (seen === 'nothing' && usable) {
    seenFrom = 'here';
    heading('Redis and WeCom, as this computer sees them (once deployed, the functions are asked)');
    const step = 'asking Redis and WeCom';
    progress(step);
    await diagnoseHere(environment, report).catch((error: unknown) => report(stepFailure(error, step)));
  }
  return finish();

  async function lookAtCloud(): Promise<Seen> {
    heading('Tencent Cloud');
    const credentials = readCredentials(environment);
    if (!credentials) {
      report(outside('cloud.key.not_set'));
      return 'nothing';
    }
    progress('reading serverless.yml');
    const settings = await read(stage, environment, folder).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      // It takes its values from the variables: theirs is the mistake then.
      if (usable) report(outside('cloud.manifest.unreadable', { message }));
      else report(outside('cloud.manifest.not_read'));
    });
    if (!settings) return 'nothing';
    const from = { environment, credentials, usable, file: file ?? 'the environment', settings };
    return askCloud(from, { report, heading, progress }, clock);
  }

  function report(finding: Finding): void {
    findings.push(finding);
    progress('');
    if (!json) stdout.write(linesOf(finding, coloured));
  }

  function heading(text: string): void {
    progress('');
    if (!json) stdout.write(`\n${text}\n`);
  }

  /** What the doctor is waiting for, on a line that the next one replaces. */
  function progress(text: string): void {
    if (terminal) stdout.write(`\r\u001b[K${text === '' ? '' : `  … ${text}`}`);
  }

  function finish(): number {
    const [failed, warnings] = [count('failed'), count('warning')];
    const seen = `${failed} failed, ${warnings} warnings, ${count('ok')} ok, ${count('skipped')} not checked.`;
    const text = json
      ? JSON.stringify(
          {
            stage,
            file: file ?? null,
            seen_from: seenFrom,
            failed,
            warnings,
            findings: findings.map(inWords),
          },
          null,
          2,
        )
      : `\n${seen}${failed > 1 ? ' The first one often explains the others.' : ''}`;
    stdout.write(`${text}\n`);
    return failed > 0 ? 1 : warnings > 0 ? 3 : 0;
  }

  function count(status: Finding['status']): number {
    return findings.filter((finding) => finding.status === status).length;
  }
}

function parse(args: string[]): { stage: string; local: boolean; json: boolean } {
  let values;
  try {
    values = parseArgs({
      args,
      options: {
        stage: { type: 'string', default: 'dev' },
        local: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
    if (!/^[A-Za-z0-9-]{1,32}$/.test(values.stage)) throw new Error('--stage: letters, digits and -');
  } catch (error) {
    throw new Exit(2, `${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  if (values.help) throw new Exit(0, usage);
  return values;
}

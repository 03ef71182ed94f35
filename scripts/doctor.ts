// `npm run doctor`: what is wrong with a deployment, and where to click. Looks at the environment, at what is
// deployed, and, through functions/admin, at Redis and WeCom from inside. Changes nothing.
import { parseArgs } from 'node:util';
import { type Finding, skipped } from '../lib/diagnose-table.ts';
import { stepFailure } from './doctor/cloud.ts';
import { checkFile, checkVariables } from './doctor/environment.ts';
import { diagnoseHere } from './doctor/inside.ts';
import { askCloud, type Seen } from './doctor/look.ts';
import { linesOf } from './doctor/print.ts';
import { readService } from './doctor/service.ts';
import { outside } from './doctor/table.ts';
import { readEnvironmentFile } from './environment.ts';

const usage = `npm run doctor   what is wrong, and where to click; changes nothing
  --stage STAGE   which deployment (default: dev); its variables are those of .env.STAGE, else of .env
  --local         do not look at what is deployed; ask Redis and WeCom from this computer
  --json          one JSON document instead of lines; \`check\` and \`diagnosis\` are stable, docs/doctor.md lists them
Ends with 0: all is well, 1: something is wrong, 2: called wrongly, 3: nothing is wrong, but there is a warning.`;

const { stage, local, json } = parse();
const terminal = process.stdout.isTTY && !json;
const coloured = terminal && !process.env['NO_COLOR'];
const findings: Finding[] = [];
let seenFrom: 'cloud' | 'here' | 'nowhere' = 'nowhere';

const { file, environment } = readEnvironmentFile(stage);
heading(`Environment of stage ${stage}`);
checkFile(file, stage, environment, report);
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
finish();

async function lookAtCloud(): Promise<Seen> {
  heading('Tencent Cloud');
  if (!environment['TENCENT_SECRET_ID'] || !environment['TENCENT_SECRET_KEY']) {
    report(skipped('cloud.key', 'TENCENT_SECRET_ID is empty, so what is deployed cannot be looked at'));
    return 'nothing';
  }
  progress('reading serverless.yml');
  const settings = await readService(stage, environment).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    // It takes its values from the variables: theirs is the mistake then.
    if (usable) report(outside('cloud.manifest.unreadable', { message }));
    else report(skipped('cloud.manifest', 'not read while the variables are unusable'));
  });
  if (!settings) return 'nothing';
  const from = { environment, usable, file: file ?? 'the environment', settings };
  return askCloud(from, { report, heading, progress });
}

function report(finding: Finding): void {
  findings.push(finding);
  progress('');
  if (!json) process.stdout.write(linesOf(finding, coloured));
}

function heading(text: string): void {
  progress('');
  if (!json) process.stdout.write(`\n${text}\n`);
}

/** What is being waited for, on a line that the next one replaces. */
function progress(text: string): void {
  if (terminal) process.stdout.write(`\r\u001b[K${text === '' ? '' : `  … ${text}`}`);
}

function finish(): void {
  const [wrong, warnings] = [count('failed'), count('warning')];
  const seen = `${wrong} wrong, ${warnings} to look at, ${count('ok')} well, ${count('skipped')} not looked at.`;
  const text = json
    ? JSON.stringify(
        { stage, file: file ?? null, seen_from: seenFrom, failed: wrong, warnings, findings },
        null,
        2,
      )
    : `\n${seen}${wrong > 1 ? ' The first one often explains the others.' : ''}`;
  const code = wrong > 0 ? 1 : warnings > 0 ? 3 : 0;
  // Connections that are kept alive would keep the process waiting.
  process.stdout.write(`${text}\n`, () => process.exit(code));
}

function count(status: Finding['status']): number {
  return findings.filter((finding) => finding.status === status).length;
}

function parse(): { stage: string; local: boolean; json: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        stage: { type: 'string', default: 'dev' },
        local: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (!/^[A-Za-z0-9-]{1,32}$/.test(values.stage)) throw new Error('--stage: letters, digits and -');
    if (!values.help) return values;
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(2);
  }
}

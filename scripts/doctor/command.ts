// `npm run doctor`: what is wrong with a deployment, and where to fix it. Looks at the environment, at what is
// deployed, and, through functions/admin, at Redis and WeCom from inside. Changes nothing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCredentials } from '../../deploy/cloud.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Status } from '../../lib/doctor/finding.ts';
import { Exit, type Surroundings } from '../command.ts';
import { readEnvironmentFile, stageExpected, stageForm } from '../environment.ts';
import { type Bilingual, columnsOf, type Language, languageIn } from '../language.ts';
import { wrongUsage } from '../option-problem.ts';
import { stepFailure } from './cloud.ts';
import { checkFile, checkNames, checkVariables } from './environment.ts';
import { inWords, outside, type SeenFinding } from './finding.ts';
import { diagnoseHere } from './inside.ts';
import { askCloud, type Seen } from './look.ts';
import { linesOf } from './print.ts';
import { readService } from './service.ts';
import { checkSharing } from './sharing.ts';
import { environmentHeading, headings, steps, summary, theEnvironment, usage } from './texts.ts';

/** `read` reads serverless.yml, which takes the framework seconds. */
export async function doctor(
  args: string[],
  { folder, environment: shell, stdout }: Surroundings,
  { read = readService, clock = systemClock } = {},
): Promise<number> {
  const language = languageIn(args, shell);
  const { stage, local, json } = parse(args, language);
  const terminal = stdout.isTTY === true && !json;
  const look = { language, coloured: terminal && !shell['NO_COLOR'], columns: columnsOf(stdout) };
  const findings: SeenFinding[] = [];
  let seenFrom: 'cloud' | 'here' | 'nowhere' = 'nowhere';

  const { file, environment } = readEnvironmentFile(stage, shell, folder);
  heading(environmentHeading(stage));
  checkFile(file, folder, stage, environment, report);
  if (file !== undefined) checkNames(file, folder, report);
  const usable =
    file !== undefined || environment['WECOM_CORPS'] ? checkVariables(environment, file, report) : false;

  if (existsSync(join(folder, 'miniprogram'))) {
    heading(headings.miniProgram);
    checkSharing(join(folder, 'miniprogram'), report);
  }

  const seen = local ? 'nothing' : await lookAtCloud();
  if (seen === 'inside') {
    seenFrom = 'cloud';
  } else if (seen === 'nothing' && usable) {
    seenFrom = 'here';
    heading(headings.here);
    progress(steps.here);
    await diagnoseHere(environment, report).catch((error: unknown) => report(stepFailure(error, steps.here)));
  }
  return finish();

  async function lookAtCloud(): Promise<Seen> {
    heading(headings.cloud);
    const credentials = readCredentials(environment);
    if (!credentials) {
      report(outside('cloud.key.not_set'));
      return 'nothing';
    }
    progress(steps.manifest);
    const settings = await read(stage, environment, folder).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      // It takes its values from the variables: theirs is the mistake then.
      if (usable) report(outside('cloud.manifest.unreadable', { message }));
      else report(outside('cloud.manifest.not_read'));
    });
    if (!settings) return 'nothing';
    const from = { environment, credentials, usable, file: file ?? theEnvironment, settings };
    return askCloud(from, { report, heading, progress }, clock);
  }

  function report(finding: SeenFinding): void {
    findings.push(finding);
    progress();
    if (!json) stdout.write(linesOf(finding, look));
  }

  function heading(text: Bilingual): void {
    progress();
    if (!json) stdout.write(`\n${text[language]}\n`);
  }

  /** What the doctor is waiting for, on a line that the next one replaces. */
  function progress(text?: Bilingual): void {
    if (terminal) stdout.write(`\r\u001b[K${text ? `  … ${text[language]}` : ''}`);
  }

  function finish(): number {
    const [failed, warnings] = [count('failed'), count('warning')];
    const text = json
      ? JSON.stringify(
          {
            stage,
            file: file ?? null,
            seen_from: seenFrom,
            failed,
            warnings,
            findings: findings.map((finding) => inWords(finding, 'en')),
          },
          null,
          2,
        )
      : `\n${summary({ failed, warnings, ok: count('ok'), skipped: count('skipped') })[language]}`;
    stdout.write(`${text}\n`);
    return failed > 0 ? 1 : warnings > 0 ? 3 : 0;
  }

  function count(status: Status): number {
    return findings.filter((finding) => finding.status === status).length;
  }
}

function parse(args: string[], language: Language): { stage: string; local: boolean; json: boolean } {
  let values;
  try {
    values = parseArgs({
      args,
      options: {
        stage: { type: 'string', default: 'dev' },
        local: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        lang: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Exit(2, `${wrongUsage(error)[language]}\n\n${usage[language]}`);
  }
  if (values.help) throw new Exit(0, usage[language]);
  if (!stageForm.test(values.stage)) {
    throw new Exit(2, `${stageExpected[language]}\n\n${usage[language]}`);
  }
  return values;
}

// The order in which the doctor looks at a deployment. A step that fails does not hide the others.
import { createCloud, type Credentials } from '../../deploy/cloud.ts';
import { CloudError } from '../../deploy/errors.ts';
import type { ServiceSettings } from '../../deploy/settings.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Environment } from '../../lib/environment.ts';
import type { Bilingual } from '../language.ts';
import { checkCallbacks } from './callback.ts';
import {
  checkEgressIp,
  checkFunctions,
  cloudFailure,
  type CloudQuestions,
  readAll,
  stepFailure,
} from './cloud.ts';
import { checkDomain } from './domain.ts';
import { outside, type Report, type SeenFinding } from './finding.ts';
import { diagnoseInCloud } from './inside.ts';
import { headings, steps } from './texts.ts';
import { checkTimers, checkUrls } from './triggers.ts';

export interface Stage {
  environment: Environment;
  credentials: Credentials;
  /** Whether the variables of the functions are free of problems. */
  usable: boolean;
  /** Where they came from, for advice. */
  file: string | Bilingual;
  settings: ServiceSettings;
}

/** Where progress and findings are shown. */
export interface Screen {
  report: Report;
  heading(text: Bilingual): void;
  /** What is being waited for. */
  progress(text: Bilingual): void;
}

/**
 * - `nothing`: nothing is deployed, or Tencent Cloud could not be asked, which then has been reported
 * - `outside`: what is deployed, but not what it sees
 * - `inside`: also Redis and WeCom, as functions/admin sees them
 */
export type Seen = 'nothing' | 'outside' | 'inside';

/** Looks at everything that is deployed, and asks functions/admin what it sees from inside. */
export async function askCloud(stage: Stage, screen: Screen, clock = systemClock): Promise<Seen> {
  const { environment, credentials, settings, file } = stage;
  try {
    const cloud = createCloud(credentials, settings.region, environment);
    return await lookAtAll({ cloud, settings, file, report: screen.report }, stage, screen, clock);
  } catch (error) {
    screen.report(findingOf(error, steps.deployed, settings));
    return 'nothing';
  }
}

function findingOf(error: unknown, step: Bilingual, settings: ServiceSettings): SeenFinding {
  return error instanceof CloudError ? cloudFailure(error, settings) : stepFailure(error, step);
}

async function lookAtAll(
  questions: CloudQuestions,
  stage: Stage,
  screen: Screen,
  clock: Clock,
): Promise<Seen> {
  const { environment, usable, settings } = stage;
  const { report, heading, progress } = screen;
  /** What one call may not do must not hide what the others see. */
  async function step(waitingFor: Bilingual, look: () => Promise<unknown>): Promise<unknown> {
    progress(waitingFor);
    return look().catch((error: unknown) => report(findingOf(error, waitingFor, settings)));
  }

  progress(steps.deployed);
  const all = await readAll(questions);
  if (all.length === 0) {
    report(outside('cloud.functions.not_deployed', { stage: settings.stage }));
    return 'nothing';
  }
  checkFunctions(questions, all);
  checkEgressIp(questions, all);
  await step(steps.urls, () => checkUrls(questions, all));
  await step(steps.timers, () => checkTimers(questions, all, clock.wallMs()));
  heading(headings.domain);
  const codes = (environment['WECOM_DOMAIN_VERIFY'] ?? '').split(',').map((code) => code.trim());
  await step(steps.domain, () => checkDomain(questions, codes.filter(Boolean), clock.wallMs()));
  if (usable) await step(steps.callback, () => checkCallbacks(questions, environment, all, clock));
  else report(outside('callback.url.not_checked'));
  if (!all.some(({ fn }) => fn.key === 'admin')) return 'outside';
  heading(headings.inside);
  return (await step(steps.admin, () => diagnoseInCloud(questions))) === true ? 'inside' : 'outside';
}

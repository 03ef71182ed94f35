import { createCloud } from '../../deploy/cloud.ts';
import { DeployError } from '../../deploy/errors.ts';
import type { ServiceSettings } from '../../deploy/settings.ts';
import { type Report, skipped } from '../../lib/diagnose-table.ts';
import type { Environment } from '../../lib/environment.ts';
import { checkCallbacks } from './callback.ts';
import { checkEgressIp, checkFunctions, cloudFailure, type CloudQuestions, readAll } from './cloud.ts';
import { checkDomain } from './domain.ts';
import { diagnoseInCloud } from './inside.ts';
import { checkTimers, checkUrls } from './triggers.ts';

export interface Stage {
  environment: Environment;
  /** Whether the variables of the functions are free of problems. */
  usable: boolean;
  /** Where they came from, for advice. */
  file: string;
  settings: ServiceSettings;
}

/** How someone who watches is told what goes on. */
export interface Screen {
  report: Report;
  heading(text: string): void;
  /** What is being waited for. */
  progress(text: string): void;
}

/**
 * Looks at everything that is deployed, and asks functions/admin what it sees from inside. Answers `false` when
 * there is nothing deployed, or when Tencent Cloud could not be asked, which it then has reported.
 */
export async function askCloud(stage: Stage, screen: Screen): Promise<boolean> {
  const { environment, settings, file } = stage;
  try {
    const cloud = createCloud(credentialsIn(environment), settings.region, environment);
    return await lookAtAll({ cloud, settings, file, report: screen.report }, stage, screen);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    screen.report(cloudFailure(error, settings));
    return false;
  }
}

function credentialsIn(environment: Environment) {
  return {
    secretId: environment['TENCENT_SECRET_ID'] ?? '',
    secretKey: environment['TENCENT_SECRET_KEY'] ?? '',
    token: environment['TENCENT_TOKEN'] || undefined,
    appId: undefined,
  };
}

async function lookAtAll(questions: CloudQuestions, stage: Stage, screen: Screen): Promise<boolean> {
  const { environment, usable, settings } = stage;
  const { report, heading, progress } = screen;
  /** What one call may not do must not hide what the others see. */
  async function step(waitingFor: string, look: () => Promise<void>): Promise<void> {
    progress(waitingFor);
    await look().catch((error: unknown) => report(cloudFailure(error, settings)));
  }

  progress('reading what is deployed');
  const all = await readAll(questions);
  if (all.length === 0) {
    report(skipped('cloud.functions', `nothing of stage ${settings.stage} is deployed yet: npm run deploy`));
    return false;
  }
  checkFunctions(questions, all);
  checkEgressIp(questions, all);
  await step('asking the function URLs', () => checkUrls(questions, all));
  await step('reading the log of the timer', () => checkTimers(questions, all, Date.now()));
  heading('Domain and callback');
  const codes = (environment['WECOM_DOMAIN_VERIFY'] ?? '').split(',').map((code) => code.trim());
  await step('asking the domain', () => checkDomain(questions, codes.filter(Boolean), Date.now()));
  await step('asking the callback URL', () => checkCallbacks(questions, usable ? environment : {}, all));
  if (all.some(({ fn }) => fn.key === 'admin')) {
    heading('Redis and WeCom, as the functions see them');
    await step('asking functions/admin, which asks Redis and WeCom', () => diagnoseInCloud(questions));
  }
  return true;
}

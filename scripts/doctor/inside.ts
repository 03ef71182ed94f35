// Asks functions/admin what it sees, or looks from this computer.
import * as z from 'zod/mini';
import { liveAlias } from '../../deploy/state.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readServicesConfig } from '../../lib/config.ts';
import type { Finding } from '../../lib/doctor/finding.ts';
import { diagnose } from '../../lib/doctor/inside.ts';
import type { Environment } from '../../lib/environment.ts';
import { createLog } from '../../lib/log.ts';
import type { CloudQuestions } from './cloud.ts';
import { outside, type Report, type SeenFinding } from './finding.ts';
import { parsedJson } from './json.ts';
import { otherVersion } from './texts.ts';

const Answer = z.object({
  findings: z.array(
    z.object({
      id: z.string(),
      status: z.enum(['ok', 'warning', 'failed', 'skipped']),
      values: z.optional(z.record(z.string(), z.union([z.string(), z.number()]))),
      about: z.optional(z.string()),
    }),
  ),
});

/**
 * Asks functions/admin, which sees Redis in the VPC and WeCom from the trusted IP. Returns whether it did. Throws
 * CloudError.
 */
export async function diagnoseInCloud({ cloud, settings, report }: CloudQuestions): Promise<boolean> {
  const admin = settings.functions.find(({ key }) => key === 'admin');
  if (!admin) return false;
  const { Result } = await cloud.scf('InvokeFunction', {
    FunctionName: admin.name,
    Qualifier: liveAlias,
    Event: JSON.stringify({ action: 'diagnose' }),
  });
  const answer = Answer.safeParse(parsedJson(Result?.RetMsg ?? ''));
  if (answer.success) {
    // The schema's `undefined` and an absent key are the same to JSON.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    for (const finding of answer.data.findings) report(finding as Finding);
    return true;
  }
  const message = Result?.ErrMsg?.split('\n')[0] || otherVersion;
  report(outside('cloud.admin.failed', { message }));
  return false;
}

/** The same from this computer. The environment must be usable. */
export async function diagnoseHere(environment: Environment, report: Report): Promise<void> {
  const config = readServicesConfig(environment);
  // What a log would say, the findings say better.
  const log = createLog(config.secrets, () => undefined);
  await diagnose(config, clock, log, (finding) => report(expectedFromHere(finding, config.redis.host)));
}

/** From this computer, a Redis at a private address cannot be reached, and need not be. */
export function expectedFromHere(finding: Finding, host: string): SeenFinding {
  const isExpected = finding.id === 'redis.reachable.no_answer' && isPrivate(host);
  return isExpected ? outside('redis.reachable.only_in_vpc', { host }) : finding;
}

/** RFC 1918; this computer's own addresses are not among them. */
function isPrivate(host: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
}

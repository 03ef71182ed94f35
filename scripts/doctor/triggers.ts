// Function URLs and timers: reachable, on, and when they last ran.
import { Cron } from 'croner';
import * as z from 'zod/mini';
import { searchLog } from '../../deploy/log-topic.ts';
import { urlOf } from '../../deploy/triggers.ts';
import type { CloudQuestions, Deployed } from './cloud.ts';
import type { Bilingual } from '../language.ts';
import { nothing, outside } from './finding.ts';
import { parsedJson } from './json.ts';
import { meanings, unknownMeaning } from './texts.ts';

const dayMs = 86_400_000;
/** A run may come late, and its log later still. */
const runsMissedMax = 3;
const linesMax = 20;

const RefreshLine = z.looseObject({
  event: z.literal('refresh'),
  companies: z.number(),
  failed: z.number(),
  failed_transient: z.number(),
});

const ScfRefusal = z.looseObject({ errorCode: z.union([z.number(), z.string()]) });

/** What SCF says in the place of the function; undefined when the answer is the function's own. */
function refusalOfScf({ status, body }: { status: number; body: string }): Bilingual | undefined {
  const isJson = ScfRefusal.safeParse(parsedJson(body)).success;
  if (!isJson && (status < 430 || status > 449)) return undefined;
  return meanings[status] ?? unknownMeaning;
}

/** Whether each web function responds at its function URL. */
export async function checkUrls({ cloud, report }: CloudQuestions, deployed: Deployed[]): Promise<void> {
  for (const { fn, triggers } of deployed) {
    const wanted = fn.triggers.find(({ type }) => type === 'http');
    // A URL for the VPC only cannot be asked from here.
    if (!wanted || isIntranetOnly(wanted)) continue;
    const trigger = triggers.find(({ type }) => type === 'http');
    const url = trigger && urlOf(trigger);
    const values = { name: fn.name, key: fn.key, url: url ?? '' };
    const isOpen = trigger?.isEnabled === true && /"AuthType": ?"NONE"/.test(trigger.description);
    if (url === undefined || !isOpen || isIntranetOnly(trigger)) {
      report(outside('cloud.url.missing', values, fn.key));
      continue;
    }
    const answer = await cloud.get(url + (fn.healthPath ?? '/'));
    // A function without a health path may answer anything, as long as it runs.
    const status = answer?.status ?? 0;
    const runs = fn.healthPath === undefined ? status > 0 && status < 500 : status === 200;
    const path = fn.healthPath ?? '/';
    const meaning = answer && refusalOfScf(answer);
    if (meaning !== undefined) {
      report(outside('cloud.url.refused_by_scf', { ...values, path, status, meaning }, fn.key));
    } else if (runs) report(outside('cloud.url.ok', values, fn.key));
    else {
      const what = { ...values, path, answer: answer?.status ?? nothing };
      report(outside('cloud.url.no_answer', what, fn.key));
    }
  }
}

function isIntranetOnly({ description }: { description: string }): boolean {
  return /"EnableExtranet": ?false/.test(description);
}

/** Whether the timers are there and on, and when `refresh` ran for the last time, by its log. Throws CloudError. */
export async function checkTimers(
  questions: CloudQuestions,
  deployed: Deployed[],
  nowMs: number,
): Promise<void> {
  const { report } = questions;
  for (const one of deployed) {
    for (const wanted of one.fn.triggers.filter(({ type, isEnabled }) => type === 'timer' && isEnabled)) {
      const values = { name: one.fn.name, timer: wanted.name };
      const found = one.triggers.find(({ type, name }) => type === 'timer' && name === wanted.name);
      if (!found) report(outside('cloud.timer.missing', values, one.fn.key));
      else if (!found.isEnabled) report(outside('cloud.timer.off', values, one.fn.key));
      else await checkLastRun(questions, one, wanted.description, nowMs);
    }
  }
}

async function checkLastRun(
  { cloud, report }: CloudQuestions,
  { fn, configuration }: Deployed,
  cron: string,
  nowMs: number,
): Promise<void> {
  if (!configuration.ClsTopicId) {
    report(outside('cloud.timer.not_logged', {}, fn.key));
    return;
  }
  const { entries: lines } = await searchLog(cloud, {
    topicId: configuration.ClsTopicId,
    query: `SCF_FunctionName:"${fn.name}"`,
    fromMs: nowMs - dayMs,
    toMs: nowMs,
    limit: linesMax,
  });
  const [newest] = lines;
  if (!newest) {
    report(outside('cloud.timer.never_ran', {}, fn.key));
    return;
  }
  const minutes = Math.floor((nowMs - newest.Time) / 60_000);
  const everyMinutes = intervalMinutes(cron);
  const last = lines.map(({ LogJson }) => refreshLine(LogJson)).find((line) => line !== undefined);
  if (minutes > everyMinutes * runsMissedMax) {
    const wanted = { en: `${everyMinutes} minutes`, zh: `${everyMinutes} 分钟` };
    const values = { minutes, wanted, name: fn.name };
    report(outside('cloud.timer.silent', values, fn.key));
  } else if (last && last.failed + last.failed_transient > 0) {
    const values = { failed: last.failed + last.failed_transient, companies: last.companies };
    report(outside('cloud.timer.failing', values, fn.key));
  } else {
    report(outside('cloud.timer.ok', { minutes }, fn.key));
  }
}

function intervalMinutes(cron: string): number {
  const [first, second] = new Cron(cron, { paused: true }).nextRuns(2);
  return first && second ? Math.ceil((second.getTime() - first.getTime()) / 60_000) : 5;
}

/** What `refresh` logs at the end of a run; CLS keeps it as a message, or as fields of the entry. */
function refreshLine(logJson: string): z.infer<typeof RefreshLine> | undefined {
  const entry = parsedJson(logJson);
  const message = z.looseObject({ SCF_Message: z.string() }).safeParse(entry).data?.SCF_Message;
  for (const candidate of [parsedJson(message ?? ''), entry]) {
    const line = RefreshLine.safeParse(candidate);
    if (line.success) return line.data;
  }
  return undefined;
}

// The alarms of docs/operations.md as alarm policies of CLS, and who is told: a group robot of WeCom, or accounts.
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { findOrMake, type LogTopic, makeOrFind } from './log-topic.ts';
import type { ServiceSettings } from './settings.ts';

interface AlarmRule {
  name: string;
  /** In CQL. */
  query: string;
  lastMinutes: number;
  everyMinutes: number;
  /** `$1` is the query's result. */
  condition: string;
}

const gettokens =
  'event:"token_stored" OR event:"gettoken_failed" OR event:"token_not_stored" OR event:"token_lease_lost"';
function rule(
  name: string,
  query: string,
  lastMinutes: number,
  everyMinutes: number,
  condition: string,
): AlarmRule {
  return { name, query, lastMinutes, everyMinutes, condition };
}

/** Those of docs/operations.md whose threshold is not one's own. */
export const alarmTable: readonly AlarmRule[] = [
  rule(
    'gettoken too often',
    `${gettokens} | SELECT corpid, count(*) AS calls GROUP BY corpid ORDER BY calls DESC`,
    60,
    15,
    '$1.calls > 6',
  ),
  rule('gettoken fails', 'event:"gettoken_failed" | SELECT count(*) AS n', 15, 5, '$1.n > 1'),
  rule('60020', 'errcode:60020 | SELECT count(*) AS n', 5, 1, '$1.n > 0'),
  rule('the timer is overdue', 'event:"refresh" | SELECT count(*) AS runs', 15, 5, '$1.runs < 1'),
  rule('logins fail', 'event:"request" AND status:>=500 | SELECT count(*) AS n', 5, 1, '$1.n > 5'),
  rule(
    'slow',
    'event:"request" AND route:"/login" AND status:200 | SELECT approx_percentile(ms, 0.99) AS p99, count(*) AS logins',
    15,
    5,
    '$1.p99 > 3000 && $1.logins > 20',
  ),
  rule('the login limits', 'event:"login_brake_on" | SELECT count(*) AS n', 5, 1, '$1.n > 0'),
  rule('Redis', 'event:"redis_failed" | SELECT count(*) AS n', 5, 1, '$1.n > 10'),
  rule(
    'many lose their session',
    'event:"session_ended" AND level:"warn" | SELECT sum(sessions) AS ended',
    15,
    15,
    '$1.ended > 50',
  ),
  rule('re-checks fail', 'event:"recheck_failed" | SELECT count(*) AS n', 5, 1, '$1.n > 5'),
  rule(
    'a function does not start, or a bug',
    'level:"error" AND (event:"crashed" OR event:"config_invalid" OR status:500) | SELECT count(*) AS n',
    5,
    1,
    '$1.n > 0',
  ),
];

/** Pauses before the same alarm rings again. */
const againMinutes = 30;

const Alarm = z.looseObject({
  AlarmId: z.string(),
  Name: z.string(),
  AlarmTargets: z.optional(
    z.nullable(z.array(z.looseObject({ TopicId: z.optional(z.string()), Query: z.optional(z.string()) }))),
  ),
  AlarmNoticeIds: z.optional(z.nullable(z.array(z.string()))),
});
const Alarms = z.optional(z.nullable(z.array(Alarm)));
const Receivers = z.array(z.looseObject({ ReceiverIds: z.optional(z.nullable(z.array(z.number()))) }));
const Notice = z.looseObject({
  AlarmNoticeId: z.string(),
  Name: z.string(),
  NoticeReceivers: z.optional(z.nullable(Receivers)),
  WebCallbacks: z.optional(z.nullable(z.array(z.looseObject({ Url: z.optional(z.string()) })))),
});
const Notices = z.optional(z.nullable(z.array(Notice)));

function titleOf({ service, stage }: ServiceSettings): string {
  return `${service}-${stage}`;
}
function byName(name: string) {
  return { Filters: [{ Key: 'name', Values: [name] }], Limit: 100 };
}

/** Those of this service and stage; the filter finds parts of names, too. */
async function findAlarms(
  cloud: Cloud,
  settings: ServiceSettings,
  name = '',
): Promise<z.infer<typeof Alarm>[]> {
  const title = `${titleOf(settings)} ${name}`;
  const { Alarms: found } = await cloud.other('cls', 'DescribeAlarms', byName(title));
  const own = new Set(alarmTable.map((alarm) => `${titleOf(settings)} ${alarm.name}`));
  return (Alarms.parse(found) ?? []).filter((alarm) => own.has(alarm.Name));
}

async function findNotice(
  cloud: Cloud,
  settings: ServiceSettings,
): Promise<z.infer<typeof Notice> | undefined> {
  const { AlarmNotices } = await cloud.other('cls', 'DescribeAlarmNotices', byName(titleOf(settings)));
  return Notices.parse(AlarmNotices)?.find(({ Name }) => Name === titleOf(settings));
}

/**
 * Makes the alarms that are missing and gives all of them the same receivers; conditions and pauses that were changed in
 * the console stay. Without receivers, the alarms of earlier deploys are deleted. Throws CloudError.
 */
export async function ensureAlarms(
  cloud: Cloud,
  settings: ServiceSettings,
  { topicId, logsetId }: LogTopic,
): Promise<void> {
  if (!settings.alarms) {
    await removeAlarms(cloud, settings);
    return;
  }
  const noticeId = await ensureNotice(cloud, settings, settings.alarms);
  const found = await findAlarms(cloud, settings);
  for (const { name, query, lastMinutes, everyMinutes, condition } of alarmTable) {
    const Name = `${titleOf(settings)} ${name}`;
    const target = {
      TopicId: topicId,
      LogsetId: logsetId,
      Number: 1,
      // CQL; Lucene would be the default.
      SyntaxRule: 1,
      Query: query,
      StartTimeOffset: -lastMinutes,
      EndTimeOffset: 0,
    };
    const wanted = { AlarmTargets: [target], AlarmNoticeIds: [noticeId] };
    const created = {
      Name,
      ...wanted,
      MonitorTime: { Type: 'Period', Time: everyMinutes },
      TriggerCount: 1,
      AlarmPeriod: againMinutes,
      Condition: condition,
      AlarmLevel: 2,
      Status: true,
      MessageTemplate: '{{.Label}}',
    };
    const alarm =
      found.find((present) => present.Name === Name) ??
      (await makeOrFind(
        async () => {
          const { AlarmId } = await cloud.other('cls', 'CreateAlarm', created);
          return { AlarmId: String(AlarmId), Name, ...wanted };
        },
        async () => (await findAlarms(cloud, settings, name))[0],
      ));
    const [now] = alarm.AlarmTargets ?? [];
    const isLeading = now?.TopicId === topicId && now.Query === query;
    if (isLeading && alarm.AlarmNoticeIds?.includes(noticeId)) continue;
    await cloud.other('cls', 'ModifyAlarm', { AlarmId: alarm.AlarmId, ...wanted });
  }
}

async function ensureNotice(
  cloud: Cloud,
  settings: ServiceSettings,
  { webhook, uins }: NonNullable<ServiceSettings['alarms']>,
): Promise<string> {
  const receiver = {
    ReceiverType: 'Uin',
    ReceiverIds: uins,
    ReceiverChannels: ['Email', 'Sms'],
    StartTime: '00:00:00',
    EndTime: '23:59:59',
    NoticeContentId: 'Default-zh',
    Index: 1,
  };
  const wanted = {
    Name: titleOf(settings),
    Type: 'All',
    NoticeReceivers: uins.length === 0 ? [] : [receiver],
    WebCallbacks: webhook
      ? [{ CallbackType: 'WeCom', Url: webhook, NoticeContentId: 'Default-zh', Index: 1 }]
      : [],
  };
  const notice = await findOrMake(
    () => findNotice(cloud, settings),
    async () => {
      const { AlarmNoticeId } = await cloud.other('cls', 'CreateAlarmNotice', wanted);
      return { AlarmNoticeId: String(AlarmNoticeId), ...wanted };
    },
  );
  const told = [
    (notice.NoticeReceivers ?? []).flatMap(({ ReceiverIds }) => ReceiverIds ?? []),
    (notice.WebCallbacks ?? []).map(({ Url }) => Url ?? ''),
  ];
  if (JSON.stringify(told) !== JSON.stringify([uins, webhook ? [webhook] : []])) {
    await cloud.other('cls', 'ModifyAlarmNotice', { AlarmNoticeId: notice.AlarmNoticeId, ...wanted });
  }
  return notice.AlarmNoticeId;
}

/** Deletes the alarms of this service and stage, and who is told by them. Throws CloudError. */
export async function removeAlarms(cloud: Cloud, settings: ServiceSettings): Promise<number> {
  const found = await findAlarms(cloud, settings);
  for (const { AlarmId } of found) await cloud.other('cls', 'DeleteAlarm', { AlarmId });
  // It holds the robot's key, and is there without alarms when none could be made.
  const notice = await findNotice(cloud, settings);
  if (notice) await cloud.other('cls', 'DeleteAlarmNotice', { AlarmNoticeId: notice.AlarmNoticeId });
  return found.length;
}

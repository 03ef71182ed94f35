// CLS, Tencent's log service: logsets, topics, their index, search, alarms and their receivers.
// Members as in the official API model of 2020-10-16 (read 2026-08); its SDK is not installed.
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';
import type { ScfContext } from './scf-functions.ts';

export interface LogLine {
  functionName: string;
  requestId: string;
  message: string;
  timeMs: number;
}

const listLimit = 20;
/** Entries that one search gives, over all its pages. */
const searchedMax = 10_000;
/** Number of other people's entries with similar names that fill the first page. */
const similar = 25;

const filters = z.optional(z.array(z.strictObject({ Key: z.string(), Values: z.array(z.string()) })));
const list = {
  Filters: filters,
  Offset: z.optional(z.int()),
  Limit: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
};
interface List {
  Filters?: z.infer<typeof filters>;
  Offset?: number | undefined;
  Limit?: number | undefined;
}
const period = z.int().check(z.minimum(1), z.maximum(3600));
const index = {
  TopicId: z.string(),
  Status: z.optional(z.boolean()),
  IncludeInternalFields: z.optional(z.boolean()),
  MetadataFlag: z.optional(z.int()),
  Rule: z.optional(
    z.strictObject({
      FullText: z.optional(
        z.strictObject({
          CaseSensitive: z.boolean(),
          Tokenizer: z.string(),
          ContainZH: z.optional(z.boolean()),
        }),
      ),
      KeyValue: z.optional(
        z.strictObject({
          CaseSensitive: z.boolean(),
          KeyValues: z
            .array(
              z.strictObject({
                Key: z.string(),
                Value: z.strictObject({
                  Type: z.enum(['text', 'long', 'double']),
                  Tokenizer: z.optional(z.string()),
                  SqlFlag: z.optional(z.boolean()),
                  ContainZH: z.optional(z.boolean()),
                  Alias: z.optional(z.string()),
                }),
              }),
            )
            .check(z.maxLength(300)),
        }),
      ),
      Tag: z.optional(z.looseObject({})),
      DynamicIndex: z.optional(z.strictObject({ Status: z.boolean() })),
    }),
  ),
};
const alarm = {
  Name: z.string().check(z.regex(/^[^|]{1,255}$/)),
  AlarmTargets: z.array(
    z.strictObject({
      TopicId: z.string(),
      LogsetId: z.string(),
      Number: z.int(),
      SyntaxRule: z.optional(z.int()),
      Query: z.string(),
      StartTimeOffset: z.int(),
      EndTimeOffset: z.int(),
    }),
  ),
  MonitorTime: z.strictObject({ Type: z.enum(['Period', 'Fixed', 'Cron']), Time: z.int() }),
  TriggerCount: z.int().check(z.minimum(1), z.maximum(2000)),
  AlarmPeriod: z.int().check(z.minimum(0), z.maximum(1440)),
  Condition: z.optional(z.string()),
  AlarmLevel: z.optional(z.int().check(z.minimum(0), z.maximum(2))),
  AlarmNoticeIds: z.array(z.string()),
  Status: z.optional(z.boolean()),
  MessageTemplate: z.optional(z.string()),
};
const notice = {
  Name: z.string(),
  Type: z.optional(z.enum(['Trigger', 'Recovery', 'All'])),
  NoticeReceivers: z.optional(
    z.array(
      z.strictObject({
        ReceiverType: z.enum(['Uin', 'Group']),
        ReceiverIds: z.array(z.int()),
        ReceiverChannels: z.array(z.enum(['Email', 'Sms', 'WeChat', 'Phone'])),
        StartTime: z.optional(z.string()),
        EndTime: z.optional(z.string()),
        NoticeContentId: z.optional(z.string()),
        Index: z.optional(z.int()),
      }),
    ),
  ),
  WebCallbacks: z.optional(
    z.array(
      z.strictObject({
        CallbackType: z.enum(['WeCom', 'Http', 'DingTalk', 'Lark']),
        Url: z.string().check(z.regex(/^https?:\/\//)),
        NoticeContentId: z.optional(z.string()),
        Index: z.optional(z.int()),
      }),
    ),
  ),
};
function partOf<T extends Record<string, z.ZodMiniType>>(shape: T) {
  return z.partial(z.strictObject(shape)).shape;
}

export const clsSchemas = {
  'cls.OpenClsService': z.strictObject({}),
  'cls.DescribeLogsets': z.strictObject(list),
  'cls.CreateLogset': z.strictObject({ LogsetName: z.string() }),
  'cls.DescribeTopics': z.strictObject({ ...list, PreciseSearch: z.optional(z.int()) }),
  'cls.CreateTopic': z.strictObject({ LogsetId: z.string(), TopicName: z.string(), Period: period }),
  'cls.ModifyTopic': z.strictObject({ TopicId: z.string(), Period: period }),
  'cls.DescribeIndex': z.strictObject({ TopicId: z.string() }),
  'cls.CreateIndex': z.strictObject(index),
  'cls.ModifyIndex': z.strictObject(index),
  'cls.SearchLog': z.strictObject({
    TopicId: z.string(),
    From: z.int(),
    To: z.int(),
    Query: z.optional(z.string()),
    SyntaxRule: z.optional(z.int()),
    QueryString: z.optional(z.string()),
    QuerySyntax: z.optional(z.int()),
    Limit: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
    Context: z.optional(z.string()),
    Sort: z.optional(z.enum(['asc', 'desc'])),
  }),
  'cls.DescribeAlarms': z.strictObject(list),
  'cls.CreateAlarm': z.strictObject(alarm),
  'cls.ModifyAlarm': z.strictObject({ AlarmId: z.string(), ...partOf(alarm) }),
  'cls.DeleteAlarm': z.strictObject({ AlarmId: z.string() }),
  'cls.DescribeAlarmNotices': z.strictObject(list),
  'cls.CreateAlarmNotice': z.strictObject(notice),
  'cls.ModifyAlarmNotice': z.strictObject({ AlarmNoticeId: z.string(), ...partOf(notice) }),
  'cls.DeleteAlarmNotice': z.strictObject({ AlarmNoticeId: z.string() }),
};

type Call = keyof typeof clsSchemas;
type Given<C extends Call> = z.infer<(typeof clsSchemas)[C]>;

/** Returns one page of the entries whose name contains the value of the filter. */
function page<T extends object>(
  context: ScfContext,
  entries: T[],
  p: List,
  filterKey: string,
  nameKey: keyof T & string,
  isExact = false,
): { TotalCount: number; shown: T[] } {
  const values = (p.Filters ?? []).find(({ Key }) => Key === filterKey)?.Values;
  const isWanted = (name: string): boolean =>
    values === undefined || values.some((value) => (isExact ? name === value : name.includes(value)));
  const strangers =
    context.switches.similarLogTopics === 'a page full' && values !== undefined && !isExact
      ? Array.from({ length: similar }, (_, i) => ({
          ...Object.fromEntries(Object.keys(entries[0] ?? {}).map((key) => [key, `stranger-${i}`])),
          LogsetId: `stranger-${i}`,
          TopicId: `stranger-${i}`,
          AlarmId: `stranger-${i}`,
          AlarmNoticeId: `stranger-${i}`,
          Period: 7,
          [nameKey]: `${values[0]}-${i}`,
        }))
      : [];
  const found = [
    ...(strangers as unknown as T[]),
    ...entries.filter((entry) => isWanted(String(entry[nameKey]))),
  ];
  const offset = p.Offset ?? 0;
  return { TotalCount: found.length, shown: found.slice(offset, offset + (p.Limit ?? listLimit)) };
}

function refuseSameName(entries: Record<string, { Name: string }>, name: string, code: string): void {
  if (Object.values(entries).some((entry) => entry.Name === name))
    throw new ApiError(code, `${name} exists already.`);
}

function stored<T>(entries: Record<string, T>, id: string, code: string): T {
  const found = entries[id];
  if (!found) throw new ApiError(code, `${id} does not exist.`);
  return found;
}

function queryOf({ switches }: ScfContext, p: Given<'cls.SearchLog'>): string {
  const unknown = { 'Query or QueryString': undefined, Query: 'QueryString', QueryString: 'Query' } as const;
  const refused = unknown[switches.searchQuery];
  if (refused !== undefined && p[refused] !== undefined)
    throw new ApiError('UnknownParameter', `The parameter \`${refused}\` is not recognized.`);
  const query = p.QueryString ?? p.Query;
  if (query === undefined)
    throw new ApiError('MissingParameter', 'The request is missing a required parameter `Query`.');
  return query;
}

export const clsAnswers: { [C in Call]: (context: ScfContext, p: Given<C>, logs: LogLine[]) => object } = {
  'cls.OpenClsService': ({ switches }) => {
    switches.cls = 'opened';
    return {};
  },

  'cls.DescribeLogsets': (context, p) => {
    const all = Object.values(context.state.data.logsets);
    const { TotalCount, shown } = page(context, all, p, 'logsetName', 'LogsetName');
    return { Logsets: shown, TotalCount };
  },

  'cls.CreateLogset': ({ state }, { LogsetName }) => {
    if (Object.values(state.data.logsets).some((logset) => logset.LogsetName === LogsetName))
      throw new ApiError('InvalidParameter.LogsetConflict', 'A logset of that name exists.');
    const LogsetId = state.newId('logset-');
    state.data.logsets[LogsetId] = { LogsetId, LogsetName };
    return { LogsetId };
  },

  'cls.DescribeTopics': (context, p) => {
    const logset = (p.Filters ?? []).find(({ Key }) => Key === 'logsetId')?.Values;
    const all = Object.values(context.state.data.topics).filter(
      ({ LogsetId }) => logset === undefined || logset.includes(LogsetId),
    );
    const { TotalCount, shown } = page(context, all, p, 'topicName', 'TopicName', p.PreciseSearch === 1);
    return { Topics: shown, TotalCount };
  },

  'cls.CreateTopic': ({ state }, p) => {
    stored(state.data.logsets, p.LogsetId, 'ResourceNotFound.LogsetNotExist');
    const isTaken = ({ LogsetId, TopicName }: { LogsetId: string; TopicName: string }): boolean =>
      LogsetId === p.LogsetId && TopicName === p.TopicName;
    if (Object.values(state.data.topics).some(isTaken))
      throw new ApiError('InvalidParameter.TopicConflict', 'A topic of that name exists.');
    const TopicId = state.newId('topic-');
    state.data.topics[TopicId] = { TopicId, ...p };
    return { TopicId };
  },

  'cls.ModifyTopic': ({ state }, { TopicId, Period }) => {
    stored(state.data.topics, TopicId, 'ResourceNotFound.TopicNotExist').Period = Period;
    return {};
  },

  'cls.DescribeIndex': ({ state }, { TopicId }) => {
    stored(state.data.topics, TopicId, 'ResourceNotFound.TopicNotExist');
    return stored(state.data.indexes, TopicId, 'ResourceNotFound.IndexNotExist');
  },

  'cls.CreateIndex': ({ state }, p) => {
    stored(state.data.topics, p.TopicId, 'ResourceNotFound.TopicNotExist');
    if (state.data.indexes[p.TopicId])
      throw new ApiError('InvalidParameter.IndexConflict', 'The topic has an index already.');
    state.data.indexes[p.TopicId] = p;
    return {};
  },

  'cls.ModifyIndex': ({ state }, p) => {
    // Replaces the whole rule: keys that it does not name are removed.
    const found = stored(state.data.indexes, p.TopicId, 'ResourceNotFound.IndexNotExist');
    state.data.indexes[p.TopicId] = { ...found, ...p };
    return {};
  },

  'cls.SearchLog': (context, p, logs) => {
    const { state, switches } = context;
    const query = queryOf(context, p);
    const name = /SCF_FunctionName:"([\w-]+)"/.exec(query)?.[1];
    if (name === undefined)
      throw new ApiError(
        'FailedOperation.SyntaxError',
        'Only SCF_FunctionName:"…" and words are known here.',
      );
    const words = [...query.replace(/SCF_FunctionName:"[\w-]+"/, '').matchAll(/"([^"]+)"|([^\s"()]+)/g)]
      .map(([, quoted, bare]) => quoted ?? bare ?? '')
      .filter((word) => !['AND', 'and', 'OR', 'or'].includes(word));
    stored(state.data.topics, p.TopicId, 'ResourceNotFound.TopicNotExist');
    const isSearched = switches.withoutIndex === 'searched' || state.data.indexes[p.TopicId] !== undefined;
    const found = logs.filter(
      (log) =>
        isSearched &&
        log.functionName === name &&
        log.timeMs >= p.From &&
        log.timeMs <= p.To &&
        words.every((word) => log.message.includes(word)),
    );
    if (p.Sort !== 'asc') found.reverse();
    const offset = Number(p.Context ?? 0);
    const end = offset + (p.Limit ?? 100);
    if (!(end <= searchedMax))
      throw new ApiError('FailedOperation.InvalidContext', `At most ${searchedMax} entries.`);
    return {
      ListOver: end >= found.length,
      Context: String(end),
      Results: found.slice(offset, end).map((log) => ({
        Time: log.timeMs,
        TopicId: p.TopicId,
        LogJson: JSON.stringify({
          SCF_FunctionName: log.functionName,
          SCF_RequestId: log.requestId,
          SCF_Message: log.message,
        }),
      })),
    };
  },

  'cls.DescribeAlarms': (context, p) => {
    const all = Object.entries(context.state.data.alarms).map(([AlarmId, given]) => ({ AlarmId, ...given }));
    const { TotalCount, shown } = page(context, all, p, 'name', 'Name');
    return { Alarms: shown, TotalCount };
  },
  'cls.CreateAlarm': ({ state }, p) => {
    refuseSameName(state.data.alarms, p.Name, 'InvalidParameter.AlarmConflict');
    for (const { TopicId } of p.AlarmTargets)
      stored(state.data.topics, TopicId, 'ResourceNotFound.TopicNotExist');
    for (const id of p.AlarmNoticeIds)
      stored(state.data.alarmNotices, id, 'ResourceNotFound.AlarmNoticeNotExist');
    const AlarmId = state.newId('alarm-');
    state.data.alarms[AlarmId] = p;
    return { AlarmId };
  },
  'cls.ModifyAlarm': ({ state }, { AlarmId, ...change }) => {
    Object.assign(stored(state.data.alarms, AlarmId, 'ResourceNotFound.AlarmNotExist'), change);
    return {};
  },
  'cls.DeleteAlarm': ({ state }, { AlarmId }) => {
    stored(state.data.alarms, AlarmId, 'ResourceNotFound.AlarmNotExist');
    delete state.data.alarms[AlarmId];
    return {};
  },

  'cls.DescribeAlarmNotices': (context, p) => {
    const all = Object.entries(context.state.data.alarmNotices).map(([AlarmNoticeId, given]) => ({
      AlarmNoticeId,
      ...given,
    }));
    const { TotalCount, shown } = page(context, all, p, 'name', 'Name');
    return { AlarmNotices: shown, TotalCount };
  },
  'cls.CreateAlarmNotice': ({ state }, p) => {
    refuseSameName(state.data.alarmNotices, p.Name, 'InvalidParameter.AlarmNoticeConflict');
    const AlarmNoticeId = state.newId('notice-');
    state.data.alarmNotices[AlarmNoticeId] = p;
    return { AlarmNoticeId };
  },
  'cls.ModifyAlarmNotice': ({ state }, { AlarmNoticeId, ...change }) => {
    Object.assign(
      stored(state.data.alarmNotices, AlarmNoticeId, 'ResourceNotFound.AlarmNoticeNotExist'),
      change,
    );
    return {};
  },
  'cls.DeleteAlarmNotice': ({ state }, { AlarmNoticeId }) => {
    stored(state.data.alarmNotices, AlarmNoticeId, 'ResourceNotFound.AlarmNoticeNotExist');
    delete state.data.alarmNotices[AlarmNoticeId];
    return {};
  },
};

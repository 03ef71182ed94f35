// The small APIs beside SCF: who owns the key (CAM), log topics (CLS), tags of resources (Tag), certificates (SSL).
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';
import type { ScfContext } from './scf-functions.ts';

export interface LogLine {
  functionName: string;
  requestId: string;
  message: string;
  timeMs: number;
}

const filters = z.optional(z.array(z.strictObject({ Key: z.string(), Values: z.array(z.string()) })));
type Filters = z.infer<typeof filters>;

const SCHEMAS = {
  'cam.GetUserAppId': z.strictObject({}),
  'cls.DescribeLogsets': z.strictObject({ Filters: filters }),
  'cls.CreateLogset': z.strictObject({ LogsetName: z.string() }),
  'cls.DescribeTopics': z.strictObject({ Filters: filters }),
  'cls.CreateTopic': z.strictObject({
    LogsetId: z.string(),
    TopicName: z.string(),
    Period: z.int().check(z.minimum(1), z.maximum(3600)),
  }),
  'cls.ModifyTopic': z.strictObject({
    TopicId: z.string(),
    Period: z.int().check(z.minimum(1), z.maximum(3600)),
  }),
  'cls.SearchLog': z.strictObject({
    TopicId: z.string(),
    From: z.int(),
    To: z.int(),
    Query: z.string(),
    Limit: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
    Sort: z.optional(z.enum(['asc', 'desc'])),
  }),
  'tag.ModifyResourceTags': z.strictObject({
    Resource: z.string(),
    ReplaceTags: z.optional(z.array(z.strictObject({ TagKey: z.string(), TagValue: z.string() }))),
    DeleteTags: z.optional(z.array(z.strictObject({ TagKey: z.string() }))),
  }),
  'ssl.DescribeCertificate': z.strictObject({ CertificateId: z.string() }),
};

type Call = keyof typeof SCHEMAS;
type Given<C extends Call> = z.infer<(typeof SCHEMAS)[C]>;

const wanted = (given: Filters, key: string, value: string): boolean =>
  (given ?? []).every((filter) => filter.Key !== key || filter.Values.includes(value));

const answers: { [C in Call]: (context: ScfContext, p: Given<C>, logs: LogLine[]) => object } = {
  'cam.GetUserAppId': ({ appId }) => ({
    AppId: Number(appId),
    Uin: '100000000001',
    OwnerUin: '100000000001',
  }),

  'cls.DescribeLogsets': ({ state }, { Filters }) => {
    const Logsets = Object.values(state.data.logsets).filter((l) =>
      wanted(Filters, 'logsetName', l.LogsetName),
    );
    return { Logsets, TotalCount: Logsets.length };
  },

  'cls.CreateLogset': ({ state }, { LogsetName }) => {
    if (Object.values(state.data.logsets).some((logset) => logset.LogsetName === LogsetName)) {
      throw new ApiError('InvalidParameter.LogsetConflict', 'A logset of that name exists.');
    }
    const LogsetId = state.newId('logset-');
    state.data.logsets[LogsetId] = { LogsetId, LogsetName };
    return { LogsetId };
  },

  'cls.DescribeTopics': ({ state }, { Filters }) => {
    const Topics = Object.values(state.data.topics).filter(
      (topic) => wanted(Filters, 'topicName', topic.TopicName) && wanted(Filters, 'logsetId', topic.LogsetId),
    );
    return { Topics, TotalCount: Topics.length };
  },

  'cls.CreateTopic': ({ state }, p) => {
    if (!state.data.logsets[p.LogsetId])
      throw new ApiError('ResourceNotFound.LogsetNotExist', 'No such logset.');
    const TopicId = state.newId('topic-');
    state.data.topics[TopicId] = { TopicId, ...p, indexed: false };
    return { TopicId };
  },

  'cls.ModifyTopic': ({ state }, { TopicId, Period }) => {
    const topic = state.data.topics[TopicId];
    if (!topic) throw new ApiError('ResourceNotFound.TopicNotExist', 'No such topic.');
    topic.Period = Period;
    return {};
  },

  'cls.SearchLog': ({ state }, p, logs) => {
    const name = /^SCF_FunctionName:"([\w-]+)"$/.exec(p.Query)?.[1];
    if (name === undefined)
      throw new ApiError('FailedOperation.SyntaxError', 'Only SCF_FunctionName:"…" is known here.');
    if (!state.data.topics[p.TopicId]) throw new ApiError('ResourceNotFound.TopicNotExist', 'No such topic.');
    const found = logs.filter(
      (log) => log.functionName === name && log.timeMs >= p.From && log.timeMs <= p.To,
    );
    if (p.Sort !== 'asc') found.reverse();
    return {
      Results: found.slice(0, p.Limit ?? 100).map((log) => ({
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

  'tag.ModifyResourceTags': ({ state, region }, p) => {
    const id = new RegExp(`^qcs::scf:${region}::lam/(.+)$`).exec(p.Resource)?.[1];
    const fn = Object.values(state.data.functions).find((candidate) => candidate.FunctionId === id);
    if (!fn) throw new ApiError('InvalidParameterValue.ResourceDescriptionError', 'No such resource.');
    const gone = new Set([...(p.DeleteTags ?? []), ...(p.ReplaceTags ?? [])].map(({ TagKey }) => TagKey));
    fn.Tags = [
      ...fn.Tags.filter(({ Key }) => !gone.has(Key)),
      ...(p.ReplaceTags ?? []).map(({ TagKey, TagValue }) => ({ Key: TagKey, Value: TagValue })),
    ];
    return {};
  },

  'ssl.DescribeCertificate': ({ state }, { CertificateId }) => {
    const certificate = state.data.certificates[CertificateId];
    if (!certificate) throw new ApiError('FailedOperation.CertificateNotFound', 'No such certificate.');
    return { CertificateId, Status: certificate.CertEndTime === null ? 0 : 1, ...certificate };
  },
};

/** Answers one call of CAM, CLS, Tag or SSL; unknown actions and malformed parameters are refused. */
export function answerAccountService(
  service: string,
  action: string,
  given: unknown,
  context: ScfContext,
  logs: LogLine[],
): object {
  const call = `${service}.${action}` as Call;
  const schema = SCHEMAS[call];
  if (!Object.hasOwn(SCHEMAS, call))
    throw new ApiError('InvalidAction', `The action ${call} is not offered here.`);
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new ApiError(
      'InvalidParameter',
      `${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`,
    );
  }
  return (answers[call] as (c: ScfContext, p: unknown, l: LogLine[]) => object)(context, parsed.data, logs);
}

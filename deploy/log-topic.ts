// The log topic of this service: SCF's own keeps 7 days, audit entries have to be kept longer.
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import type { ServiceSettings } from './settings.ts';
import { refusalTexts } from './texts.ts';

export interface LogTopic {
  logsetId: string;
  topicId: string;
}

/** The filter finds parts of names too: one page of them, and the name is compared afterwards. */
function filter(Key: string, value: string) {
  return { Filters: [{ Key, Values: [value] }], Limit: 100 };
}

const Logsets = z.array(z.object({ LogsetId: z.string(), LogsetName: z.string() }));
const Topics = z.array(
  z.object({ TopicId: z.string(), TopicName: z.string(), LogsetId: z.string(), Period: z.number() }),
);

export function topicName({ service, stage }: ServiceSettings): string {
  return `${service}-${stage}`;
}

/** Finds or makes logset `<service>` and topic `<service>-<stage>` and sets how long entries are kept. */
export async function ensureLogTopic(cloud: Cloud, settings: ServiceSettings): Promise<LogTopic | undefined> {
  const wanted = settings.functions.find((fn) => fn.cls)?.cls;
  if (!wanted) return undefined;
  if (wanted.logsetId && wanted.topicId) return { logsetId: wanted.logsetId, topicId: wanted.topicId };
  if (wanted.retentionDays === undefined) throw new DeployError(refusalTexts.retentionDays);
  const logsetId = await findOrMake(
    () => findLogset(cloud, settings.service),
    async () => String((await cloud.other('cls', 'CreateLogset', { LogsetName: settings.service })).LogsetId),
  );
  const TopicName = topicName(settings);
  const created = { LogsetId: logsetId, TopicName, Period: wanted.retentionDays };
  const topic = await findOrMake(
    () => findTopic(cloud, logsetId, TopicName),
    async () => ({
      TopicId: String((await cloud.other('cls', 'CreateTopic', created)).TopicId),
      Period: wanted.retentionDays,
    }),
  );
  if (topic.Period !== wanted.retentionDays) {
    await cloud.other('cls', 'ModifyTopic', { TopicId: topic.TopicId, Period: wanted.retentionDays });
  }
  return { logsetId, topicId: topic.TopicId };
}

/** Returns what `find` finds, else what `make` makes. */
export async function findOrMake<T>(find: () => Promise<T | undefined>, make: () => Promise<T>): Promise<T> {
  return (await find()) ?? makeOrFind(make, find);
}

/**
 * Makes what was not found. A list may lag, and the answer to an earlier call may have been lost: what cannot be made
 * because it exists is looked for once more.
 */
export async function makeOrFind<T>(make: () => Promise<T>, find: () => Promise<T | undefined>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof CloudError) || !/Conflict|^$/.test(error.cloudCode)) throw error;
    const again = await find();
    if (again === undefined) throw error;
    return again;
  }
}

async function findLogset(cloud: Cloud, name: string): Promise<string | undefined> {
  const answer = await cloud.other('cls', 'DescribeLogsets', filter('logsetName', name));
  return Logsets.parse(answer['Logsets']).find(({ LogsetName }) => LogsetName === name)?.LogsetId;
}

async function findTopic(cloud: Cloud, logsetId: string, name: string) {
  const answer = await cloud.other('cls', 'DescribeTopics', {
    ...filter('topicName', name),
    PreciseSearch: 1,
  });
  return Topics.parse(answer['Topics']).find(
    ({ TopicName, LogsetId }) => TopicName === name && LogsetId === logsetId,
  );
}

const pageEntriesMax = 1000;
const LogResults = z.array(z.object({ Time: z.number(), LogJson: z.string() }));
const LogPage = z.looseObject({
  Results: z.optional(z.nullable(LogResults)),
  /** Asks for the next page. */
  Context: z.optional(z.nullable(z.string())),
  ListOver: z.optional(z.nullable(z.boolean())),
});

/** What SearchLog is asked. */
export interface LogSearch {
  topicId: string;
  /** In CLS' own language, e.g. `SCF_FunctionName:"…"`. */
  query: string;
  fromMs: number;
  toMs: number;
  /** At most 10,000: more the cloud does not give. */
  limit: number;
}

/** Entries of a log topic, newest first, and whether they are all. Throws CloudError. */
export async function searchLog(
  cloud: Cloud,
  search: LogSearch,
): Promise<{ entries: z.infer<typeof LogResults>; isAll: boolean }> {
  const entries: z.infer<typeof LogResults> = [];
  for (let context = ''; ;) {
    const { Results, Context, ListOver } = LogPage.parse(await readPage(cloud, search, context));
    entries.push(...(Results ?? []));
    context = Context ?? '';
    const isAll = ListOver !== false;
    if (isAll || entries.length >= search.limit || !Results?.length || context === '')
      return { entries, isAll };
  }
}

/** The entries after those of the page that gave `context`. */
async function readPage(
  cloud: Cloud,
  { topicId, query, fromMs, toMs, limit }: LogSearch,
  context: string,
): Promise<Record<string, unknown>> {
  const request = {
    TopicId: topicId,
    From: fromMs,
    To: toMs,
    Limit: Math.min(limit, pageEntriesMax),
    Sort: 'desc',
    ...(context === '' ? {} : { Context: context }),
  };
  const ask = (how: object) => cloud.other('cls', 'SearchLog', { ...request, ...how });
  try {
    return await ask({ QueryString: query, QuerySyntax: 1 });
  } catch (error) {
    // The member is new, and not every region may know it.
    const isUnknown =
      error instanceof CloudError &&
      /^(UnknownParameter|InvalidParameter|MissingParameter)/.test(error.cloudCode);
    if (!isUnknown) throw error;
    return ask({ Query: query, SyntaxRule: 1 });
  }
}

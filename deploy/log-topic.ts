// The log topic of this service: SCF's own keeps 7 days, audit entries have to be kept longer.
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { DeployError } from './errors.ts';
import type { ServiceSettings } from './settings.ts';

export interface LogTopic {
  logsetId: string;
  topicId: string;
}

const filter = (Key: string, value: string) => ({ Filters: [{ Key, Values: [value] }] });

const Logsets = z.array(z.object({ LogsetId: z.string(), LogsetName: z.string() }));
const Topics = z.array(
  z.object({ TopicId: z.string(), TopicName: z.string(), LogsetId: z.string(), Period: z.number() }),
);

/** Finds or makes logset `<service>` and topic `<service>-<stage>` and sets how long entries are kept. */
export async function ensureLogTopic(cloud: Cloud, settings: ServiceSettings): Promise<LogTopic | undefined> {
  const wanted = settings.functions.find((fn) => fn.cls)?.cls;
  if (!wanted) return undefined;
  if (wanted.logsetId && wanted.topicId) return { logsetId: wanted.logsetId, topicId: wanted.topicId };
  if (wanted.retentionDays === undefined) {
    throw new DeployError('provider.cls: give retentionDays, or logsetId and topicId of a topic you have.');
  }
  const logsets = Logsets.parse(
    (await cloud.other('cls', 'DescribeLogsets', filter('logsetName', settings.service)))['Logsets'],
  );
  // The filter is a fuzzy one, hence the comparison.
  let logsetId = logsets.find(({ LogsetName }) => LogsetName === settings.service)?.LogsetId;
  logsetId ??= String((await cloud.other('cls', 'CreateLogset', { LogsetName: settings.service })).LogsetId);

  const TopicName = `${settings.service}-${settings.stage}`;
  const topics = Topics.parse(
    (await cloud.other('cls', 'DescribeTopics', filter('topicName', TopicName)))['Topics'],
  );
  const topic = topics.find((found) => found.TopicName === TopicName && found.LogsetId === logsetId);
  if (!topic) {
    const created = { LogsetId: logsetId, TopicName, Period: wanted.retentionDays };
    return { logsetId, topicId: String((await cloud.other('cls', 'CreateTopic', created)).TopicId) };
  }
  if (topic.Period !== wanted.retentionDays) {
    await cloud.other('cls', 'ModifyTopic', { TopicId: topic.TopicId, Period: wanted.retentionDays });
  }
  return { logsetId, topicId: topic.TopicId };
}

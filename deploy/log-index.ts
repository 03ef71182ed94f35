// The index of the log topic: without one nothing is found, and without types nothing is counted.
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Cloud } from './cloud.ts';
import { CloudError } from './errors.ts';
import { isNone } from './state.ts';

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
/** Fields of our lines (docs/operations.md) and of SCF (583/60336), by the type that CLS gives them. */
export const indexedFields = {
  text: words(`
    event level route reason error corpid userid client_address api by failure request_id scf_request_id ip
    SCF_FunctionName SCF_Namespace SCF_RequestId SCF_Alias SCF_Qualifier SCF_Level SCF_Message SCF_Type`),
  long: words(`
    status ms redis_ms redis_calls errcode sessions pause_ms failed failed_transient age_seconds failures
    SCF_StartTime SCF_LogTime SCF_Duration SCF_StatusCode SCF_RetryNum`),
  double: words('SCF_MemUsage'),
};

const wordSeparators = '@&?|#()=\'",;:<>[]{}/ \n\t\r\\';
const fullText = { CaseSensitive: false, Tokenizer: wordSeparators, ContainZH: false };
/** One change of a topic at a time. */
const operatingTries = 6;
const operatingPauseMs = 5000;

const KeyValues = z.array(z.looseObject({ Key: z.string() }));
/** What others have set stays in it, known to us or not. */
const Rule = z.looseObject({
  FullText: z.optional(z.nullable(z.looseObject({}))),
  KeyValue: z.optional(
    z.nullable(z.looseObject({ CaseSensitive: z.optional(z.boolean()), KeyValues: z.optional(KeyValues) })),
  ),
});
type Rule = z.infer<typeof Rule>;

/** Makes the index, or adds to it the fields it lacks. Throws CloudError. */
export async function ensureIndex(cloud: Cloud, topicId: string): Promise<void> {
  const found = await readRule(cloud, topicId);
  try {
    await writeRule(cloud, topicId, found, '');
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.cloudCode.startsWith('InvalidParameter.IndexConflict'))
      // SCF made one in the meantime.
      await writeRule(cloud, topicId, await readRule(cloud, topicId), '');
    // Without separators the whole value is one word. Whether the cloud accepts that is not documented.
    else if (error.cloudCode === 'InvalidParameter') await writeRule(cloud, topicId, found, wordSeparators);
    else throw error;
  }
}

/** Undefined when there is no index. */
async function readRule(cloud: Cloud, TopicId: string): Promise<Rule | undefined> {
  try {
    return Rule.parse((await cloud.other('cls', 'DescribeIndex', { TopicId })).Rule ?? {});
  } catch (error) {
    if (isNone(error)) return undefined;
    throw error;
  }
}

async function writeRule(
  cloud: Cloud,
  TopicId: string,
  found: Rule | undefined,
  separators: string,
): Promise<void> {
  const keys = found?.KeyValue?.KeyValues ?? [];
  const missing = Object.entries(indexedFields).flatMap(([type, names]) =>
    names
      .filter((name) => !keys.some(({ Key }) => Key === name))
      .map((Key) => ({
        Key,
        Value: {
          Type: type,
          Tokenizer: type === 'text' ? separators : '',
          SqlFlag: true,
          ContainZH: false,
        },
      })),
  );
  if (missing.length === 0) return;
  const request = {
    TopicId,
    Status: true,
    // The whole rule is replaced by it.
    Rule: {
      ...found,
      FullText: found?.FullText ?? fullText,
      KeyValue: { CaseSensitive: false, ...found?.KeyValue, KeyValues: [...keys, ...missing] },
    },
  };
  await unlessOperating(() =>
    found
      ? cloud.other('cls', 'ModifyIndex', request)
      : cloud.other('cls', 'CreateIndex', { ...request, IncludeInternalFields: true, MetadataFlag: 1 }),
  );
}

async function unlessOperating(write: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await write();
      return;
    } catch (error) {
      const isOperating = error instanceof CloudError && error.cloudCode === 'LimitExceeded.IndexOperating';
      if (!isOperating || attempt === operatingTries) throw error;
      await delay(operatingPauseMs);
    }
  }
}

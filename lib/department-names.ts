// Names of departments, which are only shown: without an answer of WeCom they are empty.
import * as z from 'zod/mini';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Log } from './log.ts';
import type { RecheckLimits } from './permission.ts';
import type { Member } from './person.ts';
import type { Redis } from './redis.ts';
import { createSharedAnswer, type SharedAnswer } from './shared-answer.ts';
import type { Corp } from './wecom.ts';
import type { WecomCall } from './wecom-call.ts';
import { integer, shownText } from './wecom-json.ts';

const askMsMax = 2000;
/** A department is about 120 bytes. */
const answerBytesMax = 4_194_304;

const listSchema = z.object({ department: z.array(z.object({ id: integer, name: shownText })) });

/** Returns the names of a member's departments in their order; `''` for one that WeCom does not show to this app. */
export type DepartmentNames = (member: Member) => Promise<string[]>;

/** @see https://developer.work.weixin.qq.com/document/path/90208 */
export function createDepartmentNames(options: {
  corps: readonly Corp[];
  call: WecomCall;
  redis: Redis;
  encryptionKeys: readonly Buffer[];
  limits: RecheckLimits;
  clock: Clock;
  log: Log;
}): DepartmentNames {
  const { corps, call, redis, encryptionKeys, limits, clock, log } = options;
  const names = new Map<string, SharedAnswer<Map<number, string>>>();

  function namesOf(corp: Corp): SharedAnswer<Map<number, string>> {
    const { corpid } = corp;
    const known = names.get(corpid);
    if (known) return known;
    const shared = createSharedAnswer({
      dependsOn: [],
      async ask() {
        const question = { schema: listSchema, bytesMax: answerBytesMax, msMax: askMsMax };
        const { department } = await call(corp, 'department/list', question);
        return department.map(({ id: departmentId, name = '' }) => [departmentId, name] as const);
      },
      read: (entries) => new Map(entries),
      what: 'department_names',
      corp,
      redis,
      encryptionKeys,
      limits,
      clock,
      log,
    });
    names.set(corpid, shared);
    return shared;
  }

  return async ({ corpid, department }) => {
    const corp = corps.find((one) => one.corpid === corpid);
    try {
      const known = corp && (await namesOf(corp).get());
      return department.map((id) => known?.get(id) ?? '');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return department.map(() => '');
    }
  };
}

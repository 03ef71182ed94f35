// Names of departments, which are only shown: without an answer of WeCom they are empty.
import * as z from 'zod/mini';
import { AppError } from './errors.ts';
import type { Member } from './person.ts';
import { answerBytesMax, askMsMax, createSharedAnswer, type Directory } from './shared-answer.ts';
import type { Corp } from './wecom.ts';
import { integer, shownText } from './wecom-json.ts';

/**
 * Returns a function that gives the names of a member's departments in their order; `''` for one that WeCom does not show
 * to this app.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90208
 */
export function createDepartmentNames(directory: Directory) {
  const { corps, call } = directory;
  const namesOf = createSharedAnswer(
    { what: 'department_names', ask: askNames, read: (stored) => new Map(stored) },
    directory,
  );

  async function askNames(corp: Corp): Promise<[number, string][]> {
    const schema = z.object({ department: z.array(z.object({ id: integer, name: shownText })) });
    const question = { schema, bytesMax: answerBytesMax, msMax: askMsMax };
    const { department } = await call(corp, 'department/list', question);
    return department.map(({ id, name = '' }) => [id, name]);
  }

  return async ({ corpid, department }: Member): Promise<string[]> => {
    const corp = corps.find((one) => one.corpid === corpid);
    try {
      const known = corp && (await namesOf(corp));
      return department.map((id) => known?.get(id) ?? '');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return department.map(() => '');
    }
  };
}

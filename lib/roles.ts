// Roles of members, by department, userid or tag. Trusts WeCom for who is where; what WeCom does not know gives no role.
import * as z from 'zod/mini';
import { ageSeconds, elapsedMs, moment } from './clock.ts';
import { personId } from './person.ts';
import { type RoleRule, tagidsIn } from './role-rules.ts';
import type { Session } from './session.ts';
import { answerBytesMax, askMsMax, createSharedAnswer, type Directory } from './shared-answer.ts';
import type { Corp, Question } from './wecom.ts';
import { integer } from './wecom-json.ts';

/** Returns the roles of a session; none for a reviewer. Rejects with `temporarily_unavailable`. */
export type RolesOf = (session: Session) => Promise<readonly string[]>;

/** A department or tag that WeCom does not know, or does not show to this app. */
interface UnknownPlace {
  role: string;
  kind: RoleRule['kind'];
  id: string;
  /** If WeCom refused the question. */
  errcode?: number;
}

/** For each role the ids of its departments, with all below them, and the `personId`s of its members. */
type Holders = readonly { role: string; departments: number[]; people: string[] }[];

/** The API is not allowed, the tag or department is unknown or outside of the visible range. */
const refusals = [40_068, 48_002, 60_011, 60_123, 81_011];

// An answer without what was asked for is none, and must not replace a good one. A tag may leave out an empty list.
// Built when asked for, which is seldom: a cold start without ROLES needs none of them.
function treeSchema() {
  return z
    .object({
      errcode: integer,
      department_id: z.optional(z.array(z.object({ id: integer, parentid: integer }))),
    })
    .check(z.refine(({ errcode, department_id }) => errcode !== 0 || department_id !== undefined));
}
function tagSchema() {
  return z
    .object({
      errcode: integer,
      tagname: z.optional(z.string()),
      userlist: z.optional(z.array(z.object({ userid: z.string() }))),
      partylist: z.optional(z.array(integer)),
    })
    .check(
      z.refine(
        ({ errcode, tagname, userlist, partylist }) =>
          errcode !== 0 || (tagname ?? userlist ?? partylist) !== undefined,
      ),
    );
}

/**
 * Asks WeCom who has the roles of one company.
 *
 * @param ask asks with the company's access_token; what it rejects with, this rejects with
 */
export async function findHolders(
  rules: readonly RoleRule[],
  ask: <T>(api: string, question: Question<T>) => Promise<T>,
): Promise<{ holders: Holders; unknown: UnknownPlace[] }> {
  const common = { fine: refusals, bytesMax: answerBytesMax };
  const tagids = tagidsIn(rules);
  const askTag = { ...common, schema: tagSchema() };
  const answers = await Promise.all(tagids.map((tagid) => ask('tag/get', { ...askTag, query: { tagid } })));
  const tags = new Map(tagids.map((tagid, index) => [tagid, answers[index]]));
  const hasDepartments =
    rules.some(({ kind }) => kind === 'dept') || answers.some(({ partylist }) => partylist?.length);
  const tree = hasDepartments
    ? await ask('department/simplelist', { ...common, schema: treeSchema() })
    : { errcode: 0, department_id: [] };
  const below = departmentsBelow(tree.department_id ?? []);
  const holders = new Map<string, { departments: Set<number>; people: Set<string> }>();
  const unknown: UnknownPlace[] = [];

  for (const { role, kind, ids, corpid } of rules) {
    const { departments, people } = holders.get(role) ?? { departments: new Set(), people: new Set() };
    holders.set(role, { departments, people });
    for (const id of ids) {
      if (kind === 'user') {
        people.add(personId({ corpid, userid: id }));
        continue;
      }
      const tag = kind === 'tag' ? tags.get(id) : undefined;
      const found = kind === 'tag' ? (tag?.partylist ?? []).flatMap(below) : below(Number(id));
      for (const department of found) departments.add(department);
      for (const { userid } of tag?.userlist ?? []) people.add(personId({ corpid, userid }));
      const errcode = kind === 'tag' ? tag?.errcode : tree.errcode;
      if (errcode) unknown.push({ role, kind, id, errcode });
      else if (kind === 'dept' && found.length === 0) unknown.push({ role, kind, id });
    }
  }
  const lists = [...holders].map(([role, { departments, people }]) => ({
    role,
    departments: [...departments],
    people: [...people],
  }));
  return { holders: lists, unknown };
}

/** Returns a function that lists a department and all below it; `[]` if it is not in the list. */
function departmentsBelow(list: readonly { id: number; parentid: number }[]): (id: number) => number[] {
  const known = new Set(list.map(({ id }) => id));
  const children = new Map<number, number[]>();
  for (const { id, parentid } of list) {
    const siblings = children.get(parentid);
    if (siblings) siblings.push(id);
    else children.set(parentid, [id]);
  }
  return (id) => {
    const found = new Set(known.has(id) ? [id] : []);
    // A set that grows while it is read; a circle ends it too.
    for (const parent of found) for (const child of children.get(parent) ?? []) found.add(child);
    return [...found];
  };
}

/** Says which roles somebody with these departments and this `personId` has. */
type RolesIn = (departments: readonly number[], id: string) => string[];

function readHolders(holders: Holders): RolesIn {
  const sets = holders.map(({ role, departments, people }) => ({
    role,
    departments: new Set(departments),
    people: new Set(people),
  }));
  return (departments, id) =>
    sets
      .filter((holder) => holder.people.has(id) || departments.some((one) => holder.departments.has(one)))
      .map(({ role }) => role);
}

export function createRoles(rules: readonly RoleRule[], directory: Directory): RolesOf {
  const { corps, call, limits, clock, log } = directory;
  const rulesOf = ({ corpid }: Corp) => rules.filter((rule) => rule.corpid === corpid);

  async function askHolders(corp: Corp): Promise<Holders> {
    const start = moment(clock);
    const { holders, unknown } = await findHolders(rulesOf(corp), (api, question) =>
      call(corp, api, { ...question, msMax: askMsMax - elapsedMs(clock, start) }),
    );
    for (const { role, kind, id, errcode } of unknown) {
      log('error', 'role_unknown', { corpid: corp.corpid, role, place: `${kind}:${id}`, errcode });
    }
    return holders;
  }

  const question = {
    what: 'roles',
    // During a deploy there are two lists of roles.
    dependsOn: (corp: Corp) => [rulesOf(corp)],
    ask: askHolders,
    read: readHolders,
  };
  const rolesIn = createSharedAnswer(question, directory);

  return async (session) => {
    const corp = corps.find(({ corpid }) => corpid === session.person.corpid);
    if (session.role !== 'member' || !corp || rulesOf(corp).length === 0) return [];
    const find = await rolesIn(corp);
    // While re-checks are skipped a session goes on, but what it says of departments is no longer believed.
    const isOld = ageSeconds(clock, session.checkedAt) > limits.graceSeconds;
    return find(isOld ? [] : session.member.department, personId(session.person));
  };
}

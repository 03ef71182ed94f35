// The companies and people of the simulated world, as a file has them: simulator/people.json, the cast of all programs
// here, or one of your own.
import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import type { Bilingual } from '../scripts/language.ts';
import { Trouble } from '../scripts/trouble.ts';
import { peopleTexts as texts } from './texts.ts';
import type { Wecom } from './wecom/server.ts';

/** The cast of `npm start`, `npm run dev` and `npm run simulator`. */
export const castFile = 'simulator/people.json';
/** A developer's own, which `npm run dev` makes as a copy of the cast. `npm run simulator` takes it too. */
export const ownPeopleFile = 'dev/people.json';

/** Of the department that every company has. */
const rootId = 1;
const text = z.string().check(z.minLength(1));
const person = z.strictObject({
  userid: text,
  name: text,
  department: z.optional(z.array(z.int())),
  position: z.optional(z.string()),
  /** Not in the app's visible range. */
  outOfRange: z.optional(z.boolean()),
  /** Disabled in WeCom's console. */
  disabled: z.optional(z.boolean()),
});
const id = z.int().check(z.gte(1));
/** The root, 1, is every company's; a `parentid` that is missing is the root. */
const department = z.strictObject({ id, name: text, parentid: z.optional(id) });
const tag = z.strictObject({
  tagid: id,
  tagname: text,
  userids: z.optional(z.array(text)),
  departments: z.optional(z.array(id)),
});
const company = z.strictObject({
  corpid: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  name: text,
  /** Does not use this mini-program: WeCom's server API and the login do not know it. */
  stranger: z.optional(z.boolean()),
  departments: z.optional(z.array(department)),
  tags: z.optional(z.array(tag)),
  people: z.array(person),
});
type Company = z.infer<typeof company>;
const schema = z.strictObject({
  companies: z.array(company).check(z.minLength(1)),
  reviewers: z.array(z.strictObject({ account: text, password: text })),
});

export type People = z.infer<typeof schema>;

/**
 * Reads such a file.
 * @throws Trouble with the place in the file
 */
export function readPeople(file: string): People {
  const found = schema.safeParse(parsed(file));
  if (!found.success) {
    const [issue] = found.error.issues;
    const path = (issue?.path ?? []).map((part) =>
      typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
    );
    const place = `${file}: ${path.join('').slice(1)}`;
    const keys = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : undefined;
    throw new Trouble(keys === undefined ? texts.invalid(place) : texts.unknownKeys(place, keys));
  }
  const { companies } = found.data;
  const ids = companies.flatMap(({ corpid, people }) => [
    corpid,
    ...people.map(({ userid }) => personId({ corpid, userid })),
  ]);
  const twice = ids.find((id, index) => ids.indexOf(id) < index);
  if (twice !== undefined) throw new Trouble(texts.twice(file, twice));
  for (const each of companies) {
    const problem = placeProblem(each, `${file}: ${each.corpid}`);
    if (problem !== undefined) throw new Trouble(problem);
  }
  if (companies.every(({ stranger }) => stranger)) throw new Trouble(texts.allStrangers(file));
  return found.data;
}

/** Returns what is wrong with a company's departments and tags. */
function placeProblem(
  { departments = [], tags = [], people }: Company,
  place: string,
): Bilingual | undefined {
  const parents = new Map(
    departments.map(({ id, parentid }) => [id, id === rootId ? 0 : (parentid ?? rootId)]),
  );
  if (parents.size < departments.length) return texts.departmentTwice(place);
  if (new Set(tags.map(({ tagid }) => tagid)).size < tags.length) return texts.tagTwice(place);
  parents.set(rootId, 0);
  for (const { id } of departments) {
    const above = new Set<number>();
    for (let at = id; at !== 0; at = parents.get(at) ?? 0) {
      if (!parents.has(at)) return texts.noParent(place, id, at);
      if (above.has(at)) return texts.belowItself(place, id);
      above.add(at);
    }
  }
  const userids = new Set(people.map(({ userid }) => userid.toLowerCase()));
  const used = [
    ...people.map(({ userid, department: ids = [] }) => ({ of: userid, ids })),
    ...tags.map(({ tagid, departments: ids = [] }) => ({ of: `tag ${tagid}`, ids })),
  ];
  for (const { of, ids } of used) {
    const unknown = ids.find((each) => !parents.has(each));
    if (unknown !== undefined) return texts.noDepartment(place, of, unknown);
  }
  for (const { tagid, userids: its = [] } of tags) {
    const unknown = its.find((userid) => !userids.has(userid.toLowerCase()));
    if (unknown !== undefined) return texts.nobody(place, tagid, unknown);
  }
  return undefined;
}

function parsed(file: string): unknown {
  const source = readFileSync(file, 'utf8');
  try {
    return JSON.parse(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? '' : `${source.slice(0, Number(position)).split('\n').length}: `;
    throw new Trouble(texts.notJson(`${file}:${line}`, message), { cause: error });
  }
}

/** Puts people into `wecom`. `secretOf` returns a company's corpsecret. */
export function createCast(wecom: Wecom, secretOf: (corpid: string) => string) {
  const companies = new Set<string>();
  const members = new Map<string, { corpid: string; userid: string }>();

  return {
    /** Makes WeCom hold these people, and nobody else who was put there before. */
    set(people: People): void {
      const present = new Set<string>();
      for (const { corpid, name, stranger, departments = [], tags = [], people: its } of people.companies) {
        // WeCom's server API does not know them.
        if (stranger) continue;
        if (!companies.has(corpid)) wecom.addCompany({ corpid, name, corpsecret: secretOf(corpid) });
        companies.add(corpid);
        wecom.setPlaces(corpid, { departments, tags });
        for (const { userid, name, department = [1], position = '', outOfRange, disabled } of its) {
          const id = personId({ corpid, userid });
          const state = { name, department, position, visible: !outOfRange, deleted: false } as const;
          const status = disabled ? 2 : 1;
          if (members.has(id)) wecom.updateMember(corpid, userid, { ...state, status });
          else wecom.addMember({ corpid, userid, ...state, status });
          members.set(id, { corpid, userid });
          present.add(id);
        }
      }
      for (const [id, { corpid, userid }] of members) {
        if (!present.has(id)) wecom.updateMember(corpid, userid, { deleted: true });
      }
    },
  };
}

/** WeCom compares userids without case. */
export function personId({ corpid, userid }: { corpid: string; userid: string }): string {
  return `${corpid}/${userid.toLowerCase()}`;
}

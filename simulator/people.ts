// The companies and people of the simulated world, as a file has them: simulator/people.json, the cast of all programs
// here, or one of your own.
import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import type { Wecom } from './wecom/server.ts';

/** The cast of `npm start`, `npm run dev` and `npm run simulator`. */
export const castFile = 'simulator/people.json';
/** A developer's own, which `npm run dev` makes as a copy of the cast. `npm run simulator` takes it too. */
export const ownPeopleFile = 'dev/people.json';

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
const company = z.strictObject({
  corpid: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  name: text,
  /** Does not use this mini-program: WeCom's server API and the login do not know it. */
  stranger: z.optional(z.boolean()),
  people: z.array(person),
});
const schema = z.strictObject({
  companies: z.array(company).check(z.minLength(1)),
  reviewers: z.array(z.strictObject({ account: text, password: text })),
});

export type People = z.infer<typeof schema>;

/**
 * Reads such a file.
 * @throws Error with the place in the file
 */
export function readPeople(file: string): People {
  const found = schema.safeParse(parsed(file));
  if (!found.success) {
    const [{ path, message } = { path: [], message: '' }] = found.error.issues;
    const place = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
    throw new Error(`${file}: ${place.slice(1)}: ${message}`);
  }
  const { companies } = found.data;
  const ids = companies.flatMap(({ corpid, people }) => [
    corpid,
    ...people.map(({ userid }) => personId({ corpid, userid })),
  ]);
  const twice = ids.find((id, index) => ids.indexOf(id) < index);
  if (twice !== undefined) throw new Error(`${file}: ${twice} is there twice`);
  if (companies.every(({ stranger }) => stranger)) throw new Error(`${file}: every company is a stranger`);
  return found.data;
}

function parsed(file: string): unknown {
  const source = readFileSync(file, 'utf8');
  try {
    return JSON.parse(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? '' : `${source.slice(0, Number(position)).split('\n').length}: `;
    throw new Error(`${file}:${line} ${message}`, { cause: error });
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
      for (const { corpid, name, stranger, people: its } of people.companies) {
        // WeCom's server API does not know them.
        if (stranger) continue;
        if (!companies.has(corpid)) wecom.addCompany({ corpid, name, corpsecret: secretOf(corpid) });
        companies.add(corpid);
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

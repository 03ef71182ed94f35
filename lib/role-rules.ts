// ROLES of the environment: who has which role. Trusts no value.
import type { Variables } from './environment.ts';
import { isUserid } from './person.ts';
import type { Corp } from './wecom.ts';

/** One entry of ROLES: whoever is in one of these departments or tags, or is one of these users, has the role. */
export interface RoleRule {
  role: string;
  kind: 'dept' | 'user' | 'tag';
  ids: readonly string[];
  corpid: string;
}

const rulesMax = 100;
const idsMax = 100;
/** Each is a question to WeCom whenever the answer is renewed. */
const tagsMax = 20;

/** Reads ROLES: `role:kind:id|id[:corpid]`, separated by commas; without a corpid the first company is meant. */
export function readRoles(variables: Variables, corps: readonly Corp[]): RoleRule[] {
  const name = 'ROLES';
  const form = 'role:dept:7, role:user:ZhangSan|LiSi or role:tag:3, with :corpid for another company';
  const rules = variables.list(name, form, (fields): RoleRule | undefined => {
    const [role = '', kind = '', list = '', corpid = corps[0]?.corpid ?? '', ...rest] = fields;
    const ids = list.split('|').map((id) => id.trim());
    const isId = kind === 'user' ? isUserid : (id: string) => /^[1-9]\d{0,9}$/.test(id);
    const isValid =
      rest.length === 0 &&
      /^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(role) &&
      !['member', 'reviewer'].includes(role) &&
      ids.length <= idsMax &&
      ids.every(isId);
    return isValid && (kind === 'dept' || kind === 'user' || kind === 'tag')
      ? { role, kind, ids, corpid }
      : undefined;
  });
  if (rules.some(({ corpid }) => corps.every((corp) => corp.corpid !== corpid))) {
    variables.problem(name, 'names a company that WECOM_CORPS does not have');
  }
  if (rules.length > rulesMax) variables.problem(name, `may have at most ${rulesMax} entries`);
  if (tagidsIn(rules).length > tagsMax) variables.problem(name, `may name at most ${tagsMax} tags`);
  return rules;
}

/** Each tag once. */
export function tagidsIn(rules: readonly RoleRule[]): string[] {
  return [...new Set(rules.filter(({ kind }) => kind === 'tag').flatMap(({ ids }) => ids))];
}

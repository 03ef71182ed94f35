// The companies and people of the demo, all invented: those of the cast, and a crowd. Secrets are new at each start.
import { randomBytes } from 'node:crypto';
import { castFile, createCast, readPeople } from '../simulator/people.ts';
import type { Wecom } from '../simulator/wecom/server.ts';

/** A company that the login function knows. */
export interface Company {
  corpid: string;
  corpsecret: string;
  name: string;
}

export function newSecret() {
  return randomBytes(32).toString('base64url');
}

const cast = readPeople(castFile);

function companyOf(userid: string): Company {
  const found = cast.companies.find(({ people }) => people.some((person) => person.userid === userid));
  if (!found) throw new Error(`${castFile}: the demo needs ${userid}`);
  return { corpid: found.corpid, corpsecret: newSecret(), name: found.name };
}

function personOf(userid: string) {
  const { corpid } = companyOf(userid);
  const people = cast.companies.flatMap((each) => each.people);
  const { name = '', department = [1], position = '' } = people.find((each) => each.userid === userid) ?? {};
  return { corpid, userid, name, department, position };
}

/** The company that owns the mini-program. */
export const company = companyOf('ZhangSan');
/** A second company that uses the same mini-program. */
export const secondCompany = companyOf('WangWu');
/** A company with {@link crowd}, for the rush hour. */
export const bigCompany: Company = { corpid: 'wwdemo0000000002', corpsecret: newSecret(), name: '示例集团' };
export const member = personOf('ZhangSan');
/** Works for the company, but is not in the app's visible range. */
export const memberOutOfRange = personOf('LiSi');
export const memberOfSecondCompany = personOf('WangWu');
/** Disabled in WeCom's console, but still in the directory. */
export const memberDisabled = personOf('SunBa');
/** These two leave during the story. */
export const firstLeaver = personOf('ZhaoLiu');
export const secondLeaver = personOf('QianQi');
/** A reviewer of the app store, in ordinary WeChat. */
export const reviewer = { account: 'reviewer', password: newPassword() };
/** Of a company that does not use this mini-program. */
export const stranger = personOf('MoSheng');

/** Who can hold the demo's phone, and their address. A reviewer uses ordinary WeChat and has no WeCom identity. */
export const phones = {
  member: { person: member, address: '198.51.100.11' },
  secondCompany: { person: memberOfSecondCompany, address: '198.51.100.12' },
  outOfRange: { person: memberOutOfRange, address: '198.51.100.13' },
  disabled: { person: memberDisabled, address: '198.51.100.14' },
  stranger: { person: stranger, address: '203.0.113.15' },
  reviewer: { person: undefined, address: '192.0.2.16' },
} as const;
export type Who = keyof typeof phones;
export const whoNames = [
  'member',
  'secondCompany',
  'outOfRange',
  'disabled',
  'stranger',
  'reviewer',
] as const;

/** Four groups of four, because it is read from the screen and typed. */
function newPassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = () => Array.from(randomBytes(4), (byte) => letters[byte % letters.length]).join('');
  return [group(), group(), group(), group()].join('-');
}

const familyNames = '王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗郑梁谢宋唐'.split('');
const givenNames = '伟芳娜敏静丽强磊军洋勇艳杰涛明超霞平刚玲'.split('');

/** 25 × 20 = 500 members of the big company; `DEMO_MEMBERS` sets a smaller number for a small machine. */
export const crowd = familyNames
  .flatMap((family, row) =>
    givenNames.map((given, column) => ({
      corpid: bigCompany.corpid,
      userid: `member-${row * givenNames.length + column + 1}`,
      name: family + given,
    })),
  )
  .slice(0, Number(process.env['DEMO_MEMBERS'] ?? 500));

/** Adds everybody to `wecom`, except the stranger: WeCom does not know their company. */
export function moveIn(wecom: Wecom): void {
  const secrets = new Map([company, secondCompany].map(({ corpid, corpsecret }) => [corpid, corpsecret]));
  createCast(wecom, (corpid) => secrets.get(corpid) ?? newSecret()).set(cast);
  wecom.addCompany(bigCompany);
  for (const person of crowd) wecom.addMember(person);
}

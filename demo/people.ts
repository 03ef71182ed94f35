// The companies and people of the demo, all invented. Secrets are new at each start.
import { randomBytes } from 'node:crypto';
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

/** The company that owns the mini-program. */
export const company: Company = { corpid: 'wwdemo0000000001', corpsecret: newSecret(), name: '示例公司' };
/** A second company that uses the same mini-program. */
export const secondCompany: Company = {
  corpid: 'wwdemo0000000003',
  corpsecret: newSecret(),
  name: '示例子公司',
};
/** A company with {@link crowd}, for the rush hour. */
export const bigCompany: Company = { corpid: 'wwdemo0000000002', corpsecret: newSecret(), name: '示例集团' };
/** A company that does not use this mini-program. */
export const strangersCorpid = 'wwstranger000001';

export const member = {
  corpid: company.corpid,
  userid: 'ZhangSan',
  name: '张三',
  department: [2],
  position: '工程师',
};
/** Works for the company, but is not in the app's visible range. */
export const memberOutOfRange = { corpid: company.corpid, userid: 'LiSi', name: '李四' };
export const memberOfSecondCompany = { corpid: secondCompany.corpid, userid: 'WangWu', name: '王五' };
/** Disabled in WeCom's console, but still in the directory. */
export const memberDisabled = { corpid: company.corpid, userid: 'SunBa', name: '孙八' };
/** These two leave during the story. */
export const firstLeaver = { corpid: company.corpid, userid: 'ZhaoLiu', name: '赵六' };
export const secondLeaver = { corpid: company.corpid, userid: 'QianQi', name: '钱七' };
/** A reviewer of the app store, in ordinary WeChat. */
export const reviewer = { account: 'reviewer', password: newPassword() };
export const stranger = { corpid: strangersCorpid, userid: 'MoSheng' };

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
  wecom.addCompany(company);
  wecom.addCompany(secondCompany);
  wecom.addCompany(bigCompany);
  for (const person of [member, memberOfSecondCompany, firstLeaver, secondLeaver]) wecom.addMember(person);
  wecom.addMember({ ...memberOutOfRange, visible: false });
  wecom.addMember({ ...memberDisabled, status: 2 });
  for (const person of crowd) wecom.addMember(person);
}

// What `npm run sessions` says.
import { menusOf } from '../console-paths.ts';
import type { Bilingual } from '../language.ts';

export const usage: Bilingual = {
  en: `npm run sessions -- list CORPID USERID   lists the sessions of this person
npm run sessions -- end  CORPID USERID   ends them all
  --stage STAGE   which deployment (default: dev)
  --local         not in the cloud but here, with the Redis of .env.STAGE or .env
  --lang LANG     zh or en (default: that of the terminal)
A reviewer's CORPID is "". A member's USERID is 账号 on their page in 通讯录, not their name.`,
  zh: `npm run sessions -- list CORPID USERID   列出此人的会话
npm run sessions -- end  CORPID USERID   结束此人的全部会话
  --stage STAGE   哪个 stage（默认 dev）
  --local         不在云上，而是在本机用 .env.STAGE 或 .env 中的 Redis 执行
  --lang LANG     zh 或 en（默认与终端一致）
审核人员的 CORPID 填 ""。成员的 USERID 是通讯录里的“账号”（${menusOf('userid').zh}），不是姓名。`,
};

export function notOurs(corpid: string, corpids: readonly string[]): Bilingual {
  return {
    en: `${corpid}: not a company of WECOM_CORPS (${corpids.join(', ')})`,
    zh: `${corpid} 不是 WECOM_CORPS 中的企业（${corpids.join('、')}）`,
  };
}

export function withFile(file: string | undefined): Bilingual {
  return {
    en: `with ${file ?? 'the environment; there is no .env: copy .env.example to it'}`,
    zh: file === undefined ? '使用环境变量；没有 .env，请从 .env.example 复制' : `使用 ${file}`,
  };
}

export function ofAnotherStage(stage: string): Bilingual {
  return {
    en: `there is no .env.${stage}; .env may be another stage's`,
    zh: `没有 .env.${stage}；.env 可能属于另一个 stage`,
  };
}

export function noSession(userid: string): Bilingual {
  return {
    en: `No session of "${userid}". A member's userid is 账号 on their page in 通讯录, not their name.`,
    zh: `“${userid}”没有会话。成员的 userid 是通讯录里的“账号”（${menusOf('userid').zh}），不是姓名。`,
  };
}

export const keepOut: Bilingual = {
  en: 'To keep somebody out, remove or disable them in WeCom too: a member can log in again.',
  zh: '如需禁止登录，还须在企业微信中删除或禁用该成员，否则可以再次登录。',
};

export const seeAbove: Bilingual = { en: 'see above', zh: '见上文' };

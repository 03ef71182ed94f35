// All texts of the page in both languages.
import type { Language } from '../../demo/page/reader.ts';

const en = {
  title: 'npm run dev',
  subtitle: 'Your mini-program and your functions. Save a file, and it is here.',
  phone: 'The phone',
  reopen: 'Reopen',
  who: 'Who holds it (dev/people.json)',
  log: 'Log of the functions',
  connected: 'live',
  disconnected: 'npm run dev has ended',
  reviewer: 'Reviewer',
  flags: {
    outOfRange: 'out of range',
    disabled: 'disabled',
    stranger: 'other company',
    reviewer: 'ordinary WeChat',
  },
  problem: (of: string) => `${of}: the version before goes on`,
  account: (account: string, password: string) => `Account ${account}, password ${password}`,
};

const zh: typeof en = {
  title: 'npm run dev',
  subtitle: '您的小程序和云函数。保存文件，这里立即更新。',
  phone: '手机',
  reopen: '重新打开',
  who: '谁拿着手机（dev/people.json）',
  log: '云函数日志',
  connected: '实时',
  disconnected: 'npm run dev 已结束',
  reviewer: '审核人员',
  flags: {
    outOfRange: '不在可见范围',
    disabled: '已禁用',
    stranger: '其他企业',
    reviewer: '普通微信',
  },
  problem: (of) => `${of}：继续运行上一个版本`,
  account: (account, password) => `账号 ${account}，密码 ${password}`,
};

export const texts: Record<Language, typeof en> = { en, zh };

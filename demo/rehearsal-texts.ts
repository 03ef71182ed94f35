// What `npm run deploy:rehearsal` says, in both languages.
import type { Bilingual } from '../scripts/language.ts';

export const rehearsalTexts = {
  usage: {
    en: 'Usage: npm run deploy:rehearsal -- [--lang zh|en]',
    zh: '用法：npm run deploy:rehearsal -- [--lang zh|en]',
  },
  expected: (what: Bilingual): Bilingual => ({ en: `expected: ${what.en}`, zh: `预期：${what.zh}` }),
  exited: (command: string): Bilingual => ({
    en: `sls ${command} ended with exit code 0`,
    zh: `sls ${command} 的退出码为 0`,
  }),
  noSecretPrinted: { en: 'it printed no secret', zh: '输出中没有密钥' },

  deploy: { en: 'Deploy to an empty account', zh: '部署到空账号' },
  url: (url: string): Bilingual => ({
    en: `login has a function URL: ${url}`,
    zh: `login 有函数 URL：${url}`,
  }),
  zips: (zips: number): Bilingual => ({
    en: `one zip was uploaded for each of ${zips} functions`,
    zh: `${zips} 个函数各上传了一个 zip`,
  }),

  login: { en: 'A member logs in through the function URL', zh: '成员通过函数 URL 登录' },
  answered: { en: 'the uploaded zip answered 200', zh: '上传的 zip 返回了 200' },
  isMember: { en: 'the member is ZhangSan', zh: '成员是 ZhangSan' },
  knowsSession: { en: 'GET /session knows the session', zh: 'GET /session 认得这个会话' },
  oneGettoken: { en: 'one gettoken so far', zh: '到目前为止只调用了 1 次 gettoken' },

  timer: { en: 'The timer runs', zh: '定时器执行' },
  refreshRan: { en: 'refresh ran', zh: 'refresh 已执行' },
  renewed: {
    en: 'the access_token, which was about to expire, was renewed: two gettoken in total',
    zh: 'access_token 即将过期，已续期：共调用 2 次 gettoken',
  },
  usesRenewed: { en: 'the next login uses the renewed token', zh: '下一次登录使用续期后的 token' },

  operator: {
    en: 'An operator lists sessions, and WeCom reports that the member has left',
    zh: '运维人员查看会话；企业微信通知成员已离职',
  },
  lists: {
    en: 'admin lists the sessions, without tokens',
    zh: 'admin 列出了会话，其中没有会话 token',
  },
  callback: { en: 'callback accepted the message', zh: 'callback 接受了通知' },
  ended: { en: 'the session has ended', zh: '会话已结束' },

  again: { en: 'Deploy again without a change', zh: '没有改动，再部署一次' },
  nothingUploaded: { en: 'nothing was uploaded', zh: '没有上传任何内容' },
  sameUrl: { en: 'the function URL is the same', zh: '函数 URL 没有变' },

  own: {
    en: 'Your own functions: those of docs/add-a-function.md',
    zh: '您自己的函数：docs/zh/add-a-function.md 中的例子',
  },
  knowsCaller: (body: string): Bilingual => ({
    en: `it knows who is calling: ${body}`,
    zh: `它知道调用者是谁：${body}`,
  }),
  refusesStranger: {
    en: 'it refuses a caller who is not logged in',
    zh: '未登录的调用者被拒绝',
  },
  refusesRole: {
    en: 'it refuses a caller whose role may not use it',
    zh: '角色无权使用的调用者被拒绝',
  },
  sendsNotice: {
    en: 'a member of a department below the finance department sends a notice',
    zh: '财务部下级部门的成员可以发通知',
  },
  delivers: (message: string): Bilingual => ({
    en: `WeCom delivers it: ${message}`,
    zh: `企业微信已送达：${message}`,
  }),
  stillTwo: {
    en: 'with the access_token of the login: still two gettoken',
    zh: '用的是登录的 access_token：gettoken 仍是 2 次',
  },
  removal: { en: 'Remove everything', zh: '全部删除' },
  removed: { en: 'all functions are removed', zh: '所有函数都已删除' },
  noSecretLogged: { en: 'no secret is in the log', zh: '日志中没有密钥' },
  passed: { en: '\nThe rehearsal passed.', zh: '\n演练通过。' },
};

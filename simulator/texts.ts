// What `npm run simulator` says, in both languages.
import type { Bilingual } from '../scripts/language.ts';

interface Start {
  url: string;
  environment: string;
  file: string;
  members: string;
  person: string;
}

export const mainTexts = {
  usage: {
    en: 'Usage: npm run simulator -- [--port N] [--lang zh|en]',
    zh: '用法：npm run simulator -- [--port N] [--lang zh|en]',
  },
  notPort: (given: string): Bilingual => ({
    en: `--port ${given}: not a port number`,
    zh: `--port ${given}：不是端口号`,
  }),
  port: (port: number, reason: string): Bilingual => ({
    en: `port ${port} cannot be used: ${reason}; choose another with --port`,
    zh: `端口 ${port} 不可用：${reason}；请用 --port 换一个`,
  }),
  disabled: (userid: string): Bilingual => ({ en: `${userid} (disabled)`, zh: `${userid}（已禁用）` }),
  outOfRange: (userid: string): Bilingual => ({
    en: `${userid} (not in the visible range)`,
    zh: `${userid}（不在可见范围内）`,
  }),
  start: ({ url, environment, file, members, person }: Start): Bilingual => ({
    en: `WeCom simulator: ${url}

For .env (new values at each start):
${environment}

Members, from ${file}:
${members}
Get a js_code, as from wx.qy.login:
  curl -d '${person}' ${url}/_simulator/createJsCode
See what happened: curl ${url}/_simulator/state
Press Ctrl-C to end it.`,
    zh: `企业微信模拟器：${url}

写入 .env（每次启动都是新值）：
${environment}

成员（来自 ${file}）：
${members}
获取 js_code（相当于 wx.qy.login 的结果）：
  curl -d '${person}' ${url}/_simulator/createJsCode
查看发生了什么：curl ${url}/_simulator/state
按 Ctrl-C 退出。`,
  }),
};

// What the simulator says, in both languages.
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

/** Why a function does not start; `output` is what it has written. */
export const startTexts = {
  ended: (name: string, code: string, output: string): Bilingual => ({
    en: `${name} ended with code ${code}: ${output}`,
    zh: `${name} 启动失败，退出码 ${code}：${output}`,
  }),
  silent: (name: string, seconds: number, output: string): Bilingual => ({
    en: `${name} listened on no port within ${seconds} s: ${output}`,
    zh: `${name} 启动失败，${seconds} 秒内没有监听任何端口：${output}`,
  }),
  endedOrSlow: (output: string): Bilingual => ({
    en: `the process ended or took too long: ${output}`,
    zh: `进程已退出，或耗时太长：${output}`,
  }),
  notLoaded: (name: string, reason: Bilingual): Bilingual => ({
    en: `${name} cannot be loaded: ${reason.en}`,
    zh: `${name} 加载失败：${reason.zh}`,
  }),
};

/** Why a file of people cannot be used; `place` is where in it. */
export const peopleTexts = {
  notJson: (place: string, reason: string): Bilingual => ({
    en: `${place} ${reason}`,
    zh: `${place} 不是合法的 JSON：${reason}`,
  }),
  invalid: (place: string): Bilingual => ({
    en: `${place}: missing, or a wrong value`,
    zh: `${place}：缺少这一项，或值不正确`,
  }),
  unknownKeys: (place: string, keys: string): Bilingual => ({
    en: `${place}: there is no ${keys}: check the spelling`,
    zh: `${place}：没有 ${keys} 这一项，请检查拼写`,
  }),
  twice: (file: string, id: string): Bilingual => ({
    en: `${file}: ${id} is there twice`,
    zh: `${file}：${id} 出现了两次`,
  }),
  allStrangers: (file: string): Bilingual => ({
    en: `${file}: every company is a stranger`,
    zh: `${file}：所有企业都设成了 stranger，至少要有一家使用本小程序`,
  }),
  departmentTwice: (place: string): Bilingual => ({
    en: `${place}: a department is there twice`,
    zh: `${place}：有部门出现了两次`,
  }),
  tagTwice: (place: string): Bilingual => ({
    en: `${place}: a tag is there twice`,
    zh: `${place}：有标签出现了两次`,
  }),
  noParent: (place: string, id: number, parentid: number): Bilingual => ({
    en: `${place}: department ${id}: there is no department ${parentid} above it`,
    zh: `${place}：部门 ${id} 的上级部门 ${parentid} 不存在`,
  }),
  belowItself: (place: string, id: number): Bilingual => ({
    en: `${place}: department ${id} is below itself`,
    zh: `${place}：部门 ${id} 是它自己的下级`,
  }),
  noDepartment: (place: string, of: string, id: number): Bilingual => ({
    en: `${place}: ${of}: there is no department ${id}`,
    zh: `${place}：${of}：部门 ${id} 不存在`,
  }),
  nobody: (place: string, tagid: number, userid: string): Bilingual => ({
    en: `${place}: tag ${tagid}: there is nobody with the userid ${userid}`,
    zh: `${place}：标签 ${tagid}：没有 userid 为 ${userid} 的人`,
  }),
};

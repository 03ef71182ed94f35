// What `npm run dev` says in the terminal, in both languages. The texts of its page: page/texts.ts.
import type { Bilingual } from '../scripts/language.ts';

export const usage: Bilingual = {
  en: `Usage: npm run dev -- [options]

Your functions and your mini-program on this machine, with every change at once. No account, no network.

  --port <number>      port of the functions (default 9000); the page has the next one
  --miniprogram <dir>  the mini-program on the phone (default miniprogram)
  --host               lets phones and WeChat DevTools of the same network in (default: this machine only)
  --devtools           writes devtools/, a copy of the mini-program for WeChat DevTools without WeCom mode
  --inspect            a debugger port for each function, from 9230; .vscode/launch.json attaches
  --verbose            every event and every field of the log
  --wecom real         the companies of .env and WeCom's own servers instead of the simulator
  --lang zh|en         language of the terminal (default: that of the locale)
  --help               show this text

Environment:
  REDIS_URL            use this Redis instead of an embedded one
  WECOM_LOGIN_LANG     zh or en, as --lang
  NO_COLOR             no colours`,
  zh: `用法：npm run dev -- [选项]

在本机运行您的云函数和小程序，改动立即生效。不用账号，不用联网。

  --port <端口>        云函数的端口（默认 9000）；网页用下一个端口
  --miniprogram <目录> 手机上的小程序（默认 miniprogram）
  --host               允许同一网络的手机和微信开发者工具访问（默认仅限本机）
  --devtools           生成 devtools/：小程序的副本，供不带企业微信模式的微信开发者工具使用
  --inspect            每个函数一个调试端口，从 9230 起；.vscode/launch.json 可直接连接
  --verbose            显示日志的全部事件和全部字段
  --wecom real         使用 .env 中的企业和真正的企业微信服务器，不用模拟器
  --lang zh|en         终端的语言（默认跟随系统语言环境）
  --help               显示本说明

环境变量：
  REDIS_URL            使用这个 Redis，不用内嵌的
  WECOM_LOGIN_LANG     zh 或 en，与 --lang 相同
  NO_COLOR             不使用颜色`,
};

/** What is shown when it has started. */
export const startTexts = {
  title: {
    en: 'Your functions and your mini-program, with every change at once',
    zh: '您的云函数和小程序，改动立即生效',
  },
  functions: { en: 'functions', zh: '云函数' },
  page: { en: 'page', zh: '网页' },
  devtools: { en: 'DevTools', zh: '开发者工具' },
  wecom: { en: 'WeCom', zh: '企业微信' },
  redis: { en: 'Redis', zh: 'Redis' },
  noTrigger: { en: 'no trigger', zh: '没有触发器' },
  timer: (cron: string): Bilingual => ({ en: `timer ${cron}`, zh: `定时 ${cron}` }),
  notInManifest: { en: 'not in serverless.yml yet', zh: '还没写进 serverless.yml' },
  debugger: (address: string): Bilingual => ({ en: `debugger ${address}`, zh: `调试端口 ${address}` }),
  pageAt: (urls: string, miniprogram: string): Bilingual => ({
    en: `${urls}  the mini-program of ${miniprogram}/`,
    zh: `${urls}  ${miniprogram}/ 中的小程序`,
  }),
  openFolder: (folder: string): Bilingual => ({
    en: `open the folder ${folder}/ in WeChat DevTools`,
    zh: `用微信开发者工具打开目录 ${folder}/`,
  }),
  simulated: (url: string): Bilingual => ({ en: `simulated, ${url}`, zh: `模拟器，${url}` }),
  real: {
    en: 'WeCom’s real servers, with the companies of .env',
    zh: '真正的企业微信服务器，使用 .env 中的企业',
  },
  realNeeds: {
    en: `WeCom answers only addresses that are entered as 企业可信IP: enter the public address of this computer there
(应用管理 → 应用 → 自建 → the app of the mini-program; the log names it after the first login, as wecom_ip_not_trusted).
The phone on the page has no WeCom: use WeChat DevTools in WeCom mode, or a phone (docs/develop.md). The simulated
people and dev/people.json are not used; every gettoken here counts against the quota of the company.`,
    zh: `企业微信只应答填入“企业可信IP”的地址：请填入本机的公网 IP
（应用管理 → 应用 → 自建 → 小程序对应的应用；第一次登录后，日志 wecom_ip_not_trusted 中会有这个 IP）。
网页上的手机没有企业微信：请用微信开发者工具的企业微信模式，或真机（docs/zh/develop.md）。
不使用模拟的人员和 dev/people.json；这里的每次 gettoken 都计入该企业的调用次数。`,
  },
  ready: (seconds: string): Bilingual => ({
    en: `\nReady in ${seconds} s. Ctrl-C ends everything.\n`,
    zh: `\n已就绪，用时 ${seconds} 秒。按 Ctrl-C 全部结束。\n`,
  }),
};

/** What happens while it runs. */
export const logTexts = {
  people: { en: 'people', zh: '人员' },
  miniProgram: { en: 'mini-program', zh: '小程序' },
  taken: (what: string, ms: number): Bilingual => ({
    en: `${what}: new after ${ms} ms`,
    zh: `${what}：已更新，用时 ${ms} 毫秒`,
  }),
  leftOut: (entries: string): Bilingual => ({
    en: `not used, because the company is not simulated: ${entries}`,
    zh: `未采用（所属企业不在模拟环境中）：${entries}`,
  }),
  inOrder: (what: string): Bilingual => ({ en: `${what}: in order again`, zh: `${what}：已恢复正常` }),
  notTaken: (what: string): Bilingual => ({
    en: `${what}: not taken`,
    zh: `${what}：有误，未更新`,
  }),
  notTakenGoesOn: (what: string): Bilingual => ({
    en: `${what}: not taken, the version before goes on`,
    zh: `${what}：有误，未更新，继续运行上一个版本`,
  }),
  timerFailed: (timer: string, error: string): Bilingual => ({
    en: `timer ${timer} failed: ${error}`,
    zh: `定时触发器 ${timer} 执行失败：${error}`,
  }),
  invoked: { en: 'invoked', zh: '已执行' },
  noRoute: { en: '(no such route)', zh: '（没有这个路由）' },
  ms: (ms: string): Bilingual => ({ en: `${ms} ms`, zh: `${ms} 毫秒` }),
  ok: { en: 'ok', zh: '成功' },
  routes: { en: 'routes', zh: '路由' },
};

/** Why a request got no answer of a function. */
export const gatewayTexts = {
  noRoute: { en: 'no route in serverless.yml leads there', zh: 'serverless.yml 中没有对应的路由' },
  tooLarge: { en: 'SCF takes at most 6 MB of request', zh: '云函数的请求最大 6 MB' },
  noWebSocket: {
    en: 'WebSocket: SCF takes one only at a function that is made for it, and the deploy makes none (docs/develop.md)',
    zh: 'WebSocket：只有专门创建的云函数才支持，本项目的部署不创建（docs/zh/develop.md）',
  },
  starting: { en: 'the functions are starting', zh: '云函数正在启动' },
  eventFunction: (name: string): Bilingual => ({
    en: `${name} is an event function`,
    zh: `${name} 是事件函数`,
  }),
  ended: (name: string): Bilingual => ({
    en: `${name} ended while it answered`,
    zh: `${name} 在响应过程中退出了`,
  }),
  timeout: (name: string, seconds: number): Bilingual => ({
    en: `${name} did not answer within its timeout of ${seconds} s`,
    zh: `${name} 超时：${seconds} 秒内没有响应`,
  }),
  host: (host: string): Bilingual => ({
    en: `Host ${host}: only the names of this machine are served; a tunnel must send Host: localhost`,
    zh: `Host ${host}：只接受本机的名称；使用隧道时，Host 必须为 localhost`,
  }),
};

/** Why it cannot begin, or does not take a change. */
export const troubleTexts = {
  port: (given: string): Bilingual => ({
    en: `--port ${given}: not a port number below 65535`,
    zh: `--port ${given}：不是小于 65535 的端口号`,
  }),
  wecom: (given: string): Bilingual => ({
    en: `--wecom ${given}: simulator or real`,
    zh: `--wecom ${given}：只能是 simulator 或 real`,
  }),
  realNeedsCorps: {
    en: '--wecom real needs WECOM_CORPS in .env: npm run setup asks for it',
    zh: '--wecom real 需要 .env 中的 WECOM_CORPS：请执行 npm run setup 填写',
  },
  manifest: (at: string): Bilingual => ({
    en: `serverless.yml: ${at}: Invalid input`,
    zh: `serverless.yml：${at}：值不正确`,
  }),
  notYaml: (reason: string): Bilingual => ({
    en: `serverless.yml: ${reason}`,
    zh: `serverless.yml 不是合法的 YAML：${reason}`,
  }),
  noWebFunction: (path: string, name: string): Bilingual => ({
    en: `serverless.yml: provider.customDomain.routes["${path}"]: ${name} is no web function`,
    zh: `serverless.yml：provider.customDomain.routes["${path}"]：${name} 不是 web 函数`,
  }),
  unknownVariable: (whole: string): Bilingual => ({
    en: `serverless.yml: npm run dev does not know ${whole}; it has \${env:NAME, ''}, \${opt:stage} and \${self:provider.stage}`,
    zh: `serverless.yml：npm run dev 不认识 ${whole}；只支持 \${env:NAME, ''}、\${opt:stage} 和 \${self:provider.stage}`,
  }),
};

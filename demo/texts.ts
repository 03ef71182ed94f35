// What `npm start` says in the terminal, in both languages. The texts of its page: page/texts.ts.
import type { Bilingual } from '../scripts/language.ts';

export const usage: Bilingual = {
  en: `Usage: npm start -- [--once] [--port <number>] [--lang zh|en]

The login of a WeCom mini-program on this machine: no account, no Docker, no network.

  --once           end after the story, without the page; the exit code is 0 only if every step
                   went as expected
  --port <number>  port of the page (default: any free one)
  --lang zh|en     language of the terminal (default: that of the locale)
  --help           show this text

Environment:
  REDIS_URL        use this Redis instead of an embedded one
  WECOM_LOGIN_LANG zh or en, as --lang
  NO_COLOR         no colours`,
  zh: `用法：npm start -- [--once] [--port <端口>] [--lang zh|en]

在本机演示企业微信小程序的完整登录：不用账号，不用 Docker，不用联网。

  --once           演示完就退出，不提供网页；每一步都符合预期时退出码为 0
  --port <端口>    网页的端口（默认任选一个空闲端口）
  --lang zh|en     终端的语言（默认跟随系统语言环境）
  --help           显示本说明

环境变量：
  REDIS_URL        使用这个 Redis，不用内嵌的
  WECOM_LOGIN_LANG zh 或 en，与 --lang 相同
  NO_COLOR         不使用颜色`,
};

/** Around the story. */
export const startTexts = {
  title: {
    en: 'The login of a WeCom mini-program, complete on this machine',
    zh: '企业微信小程序登录：完整流程，全部在本机运行',
  },
  build: { en: 'build', zh: '构建' },
  building: { en: 'the functions, into dist/', zh: '构建云函数，输出到 dist/' },
  built: (state: Bilingual): Bilingual => ({
    en: `dist/, the functions exactly as they are deployed: ${state.en}`,
    zh: `dist/，与部署到云端的函数完全一致：${state.zh}`,
  }),
  wecom: { en: 'WeCom', zh: '企业微信' },
  wecomSimulated: (url: string, min: number, max: number): Bilingual => ({
    en: `simulated, ${url}, answers after ${min}–${max} ms`,
    zh: `模拟器，${url}，响应时间 ${min}–${max} 毫秒`,
  }),
  page: { en: 'page', zh: '网页' },
  noPage: { en: 'not with --once', zh: '加了 --once，不提供' },
  pageCompiled: {
    en: 'the mini-program, compiled for the browser; served after the story',
    zh: '已为浏览器编译好小程序；演示结束后提供网页',
  },
  loginRuns: (url: string): Bilingual => ({
    en: `${url}, the login function in its own process`,
    zh: `${url}，login 函数，独立进程`,
  }),
  timer: (seconds: number, run: Bilingual): Bilingual => ({
    en: `a timer, every ${seconds} s; ${run.en}`,
    zh: `定时触发，每 ${seconds} 秒一次；${run.zh}`,
  }),
  refreshFailed: (run: Bilingual): Bilingual => ({
    en: `the refresh function ${run.en}`,
    zh: `refresh 函数：${run.zh}`,
  }),
  violation: (violation: string): Bilingual => ({
    en: `WeCom received a malformed call: ${violation}`,
    zh: `企业微信收到了格式错误的调用：${violation}`,
  }),
  failed: (steps: number, numbers: readonly number[]): Bilingual => ({
    en: `Of ${steps} steps, these did not go as expected: ${numbers.join(' and ')}.`,
    zh: `共 ${steps} 步，以下步骤不符合预期：${numbers.join('、')}。`,
  }),
  busy: (load: string, cores: number): Bilingual => ({
    en: `This machine was already busy: load ${load} on ${cores} cores.`,
    zh: `开始之前本机已经很忙：${cores} 个核，负载 ${load}。`,
  }),
  passed: (steps: number, seconds: number): Bilingual => ({
    en: `All ${steps} steps went as expected, in ${seconds} s.`,
    zh: `全部 ${steps} 步都符合预期，用时 ${seconds} 秒。`,
  }),
  stepEnds: { en: 'the step runs to its end', zh: '这一步能执行完' },
  notPort: (given: string): Bilingual => ({
    en: `--port ${given}: not a port number`,
    zh: `--port ${given}：不是端口号`,
  }),
  seeHelp: (command: string, reason: Bilingual): Bilingual => ({
    en: `${command}: ${reason.en}; see ${command} -- --help`,
    zh: `${command}：${reason.zh}；用法见 ${command} -- --help`,
  }),
  trouble: (command: string, reason: Bilingual): Bilingual => ({
    en: `${command}: ${reason.en}`,
    zh: `${command}：${reason.zh}`,
  }),
};

/** Why it cannot begin. */
export const troubleTexts = {
  build: (reason: string): Bilingual => ({
    en: `the build failed: ${reason}; run npm run build to see more`,
    zh: `构建失败：${reason}；执行 npm run build 查看详情`,
  }),
  port: (port: number, reason: string): Bilingual => ({
    en: `port ${port} cannot be used (${reason}); choose another with --port`,
    zh: `端口 ${port} 不可用（${reason}）；请用 --port 换一个`,
  }),
  redisDead: (at: string, reason: string): Bilingual => ({
    en: `the Redis of REDIS_URL does not answer at ${at} (${reason})`,
    zh: `REDIS_URL 的 Redis 没有响应：${at}（${reason}）`,
  }),
};

export const buildTexts = {
  built: { en: 'built', zh: '已构建' },
  upToDate: { en: 'up to date', zh: '已是最新' },
};

export const redisTexts = {
  embedded: (url: string): Bilingual => ({ en: `embedded, ${url}`, zh: `内嵌，${url}` }),
  given: (at: string): Bilingual => ({
    en: `yours, from REDIS_URL, at ${at}`,
    zh: `您的 Redis（REDIS_URL），${at}`,
  }),
};

/** Who calls whom. Names of functions stay. */
export const actors = {
  toLogin: { en: 'mini-program → login', zh: '小程序 → login' },
  fromLogin: { en: 'login → mini-program', zh: 'login → 小程序' },
  manyToLogin: { en: 'mini-programs → login', zh: '多个小程序 → login' },
  loginToMany: { en: 'login → mini-programs', zh: 'login → 多个小程序' },
  loginToWecom: { en: 'login → WeCom', zh: 'login → 企业微信' },
  loginToRedis: { en: 'login → Redis', zh: 'login → Redis' },
  wecom: { en: 'WeCom', zh: '企业微信' },
  wecomToCallback: { en: 'WeCom → callback', zh: '企业微信 → callback' },
  timer: { en: 'timer → refresh', zh: '定时器 → refresh' },
  page: { en: 'page', zh: '网页' },
} satisfies Record<string, Bilingual>;

/** One call, one request, one run. */
export const callTexts = {
  ok: { en: 'ok', zh: '成功' },
  refused: { en: 'refused', zh: '被拒绝' },
  tokenInvalid: { en: 'token no longer valid', zh: 'token 已失效' },
  codeUsed: { en: 'code unknown or used', zh: 'code 无效或已用过' },
  notVisible: { en: 'not in the visible range', zh: '不在可见范围内' },
  errcode: (errcode: number, meaning: Bilingual): Bilingual => ({
    en: `errcode ${errcode}, ${meaning.en}`,
    zh: `errcode ${errcode}，${meaning.zh}`,
  }),
  ms: (ms: string): Bilingual => ({ en: `${ms} ms`, zh: `${ms} 毫秒` }),
  operations: (count: number): Bilingual => ({
    en: `${count} operation${count === 1 ? '' : 's'}`,
    zh: `${count} 次操作`,
  }),
  request: (head: string, status: number, ms: number, spent: string): Bilingual => ({
    en: `${head} → ${status} after ${ms} ms: ${spent}`,
    zh: `${head} → ${status}，${ms} 毫秒：${spent}`,
  }),
  elsewhere: { en: 'elsewhere', zh: '其他路径' },
  answered: (status: number, ms: number): Bilingual => ({
    en: `${status} after ${ms} ms`,
    zh: `${status}，${ms} 毫秒`,
  }),
  sessionEnds: (person: string, seconds: number): Bilingual => ({
    en: `  ${person}, session ends in ${seconds} s`,
    zh: `  ${person}，会话 ${seconds} 秒后到期`,
  }),
  callback: (event: string, status: number, ms: number): Bilingual => ({
    en: `${event}: ${status} after ${ms} ms`,
    zh: `${event}：${status}，${ms} 毫秒`,
  }),
  faultOn: (fault: Bilingual): Bilingual => ({ en: `${fault.en}: on`, zh: `${fault.zh}：打开` }),
  faultOff: (fault: Bilingual): Bilingual => ({ en: `${fault.en}: off`, zh: `${fault.zh}：关闭` }),
  rush: (requests: number, statuses: string): Bilingual => ({
    en: `${requests} logins at once: ${statuses}`,
    zh: `${requests} 人同时登录：${statuses}`,
  }),
  refreshFailed: (error: string): Bilingual => ({ en: `failed: ${error}`, zh: `失败：${error}` }),
  refreshed: (outcomes: Bilingual, calls: Bilingual): Bilingual => ({
    en: `access_token ${outcomes.en} (${calls.en})`,
    zh: `access_token ${outcomes.zh}（${calls.zh}）`,
  }),
  noCall: { en: 'no call to WeCom', zh: '没有调用企业微信' },
  outcomes: {
    fresh: { en: 'fresh', zh: '仍有效' },
    renewed: { en: 'renewed', zh: '已续期' },
    busy: { en: 'busy', zh: '其他实例正在续期' },
    paused: { en: 'paused', zh: '暂停调用 gettoken' },
    failed: { en: 'failed', zh: '续期失败' },
    failed_transient: { en: 'failed_transient', zh: '续期暂时失败' },
  },
  notMet: (expected: Bilingual, got: Bilingual): Bilingual => ({
    en: `${expected.en}; but ${got.en}`,
    zh: `${expected.zh}；实际：${got.zh}`,
  }),
  expected: (text: Bilingual): Bilingual => ({ en: `expected: ${text.en}`, zh: `预期：${text.zh}` }),
  noResponse: (reason: string): Bilingual => ({
    en: `the login function did not respond: ${reason}`,
    zh: `login 函数没有响应：${reason}`,
  }),
  wecomReceived: { en: 'WeCom received these calls', zh: '企业微信收到的就是这些调用' },
  itReceived: (calls: string): Bilingual => ({
    en: `it received: ${calls || 'none'}`,
    zh: `收到的是：${calls || '无'}`,
  }),
  because: (status: number, error: string, why: Bilingual): Bilingual => ({
    en: `${status} ${error}: ${why.en}`,
    zh: `${status} ${error}：${why.zh}`,
  }),
};

/** The steps and what they expect. */
export const storyTexts = {
  memberLogsIn: { en: 'A member logs in', zh: '成员登录' },
  withName: { en: 'logged in, with their name', zh: '登录成功，返回了姓名' },
  noGettoken: {
    en: 'no gettoken: the timer had already fetched the access_token',
    zh: '没有调用 gettoken：定时器已经取好了 access_token',
  },
  whoIsLoggedIn: {
    en: 'The mini-program asks who is logged in',
    zh: '小程序查询当前登录的是谁',
  },
  sameMember: { en: 'the same member', zh: '还是这名成员' },
  notAskedAgain: { en: 'WeCom is not asked again', zh: '没有再调用企业微信' },
  otherCompany: { en: 'A member of another company is refused', zh: '拒绝其他企业的成员' },
  otherCompanyWhy: {
    en: 'WeCom accepts the code, the company is not ours',
    zh: '企业微信接受了这个 code，但不是我们的企业',
  },
  outOfRange: (name: string): Bilingual => ({
    en: `A member outside the visible range is refused (${name})`,
    zh: `拒绝可见范围之外的成员（${name}）`,
  }),
  outOfRangeWhy: {
    en: 'the administrator did not give the app to this member',
    zh: '管理员没有把这名成员加入应用的可见范围',
  },
  codeUsed: { en: 'A code that was already used is refused', zh: '拒绝已经用过的 code' },
  firstUse: { en: 'the first use logs in', zh: '第一次使用，登录成功' },
  secondUse: { en: 'the second use does not', zh: '第二次使用，登录失败' },
  logsOut: { en: 'The member logs out', zh: '成员退出登录' },
  loggedOut: { en: '204, logged out', zh: '204，已退出' },
  sessionGone: { en: '401 invalid_session: the session is gone', zh: '401 invalid_session：会话已不存在' },
  secondCompany: (name: string): Bilingual => ({
    en: `A member of a second company that shares the mini-program (${name})`,
    zh: `共用小程序的第二家企业的成员（${name}）`,
  }),
  loginAgain: {
    en: '409 login_again, with the company to ask',
    zh: '409 login_again，并指明应查询哪家企业',
  },
  ownCompany: {
    en: 'logged in, as a member of their own company',
    zh: '登录成功，身份是本人所在企业的成员',
  },
  reviewer: {
    en: 'A reviewer of the app store, in ordinary WeChat',
    zh: '小程序审核人员，使用普通微信',
  },
  asReviewer: { en: 'logged in, as a reviewer', zh: '登录成功，身份是审核人员' },
  notAsked: { en: 'WeCom is not asked', zh: '没有调用企业微信' },
  leavesRecheck: (seconds: number, name: string): Bilingual => ({
    en: `A member leaves: WeCom is asked again every ${seconds} s in this demo (${name})`,
    zh: `成员离职：本演示每 ${seconds} 秒向企业微信复查一次（${name}）`,
  }),
  deleted: { en: 'the member is deleted', zh: '该成员已被删除' },
  sessionEnded: { en: '401 invalid_session: the session has ended', zh: '401 invalid_session：会话已结束' },
  leavesCallback: (name: string): Bilingual => ({
    en: `A member leaves, and WeCom calls the callback function (${name})`,
    zh: `成员离职，企业微信调用 callback 函数（${name}）`,
  }),
  callbackPosted: (path: string, status: number): Bilingual => ({
    en: `POST ${path}  unsubscribe, encrypted: ${status}`,
    zh: `POST ${path}  unsubscribe（已加密）：${status}`,
  }),
  wasNotAsked: { en: 'WeCom was not asked', zh: '没有调用企业微信' },
};

/** Many at the same moment. */
export const rushTexts = {
  title: (members: number, processes: number): Bilingual => ({
    en: `${members} members log in at the same moment, on ${processes} fresh processes and an empty Redis`,
    zh: `${members} 名成员同时登录：${processes} 个刚启动的进程，Redis 为空`,
  }),
  started: (started: number, processes: number): Bilingual => ({
    en: `${started} of ${processes} processes started`,
    zh: `已启动 ${started}/${processes} 个进程`,
  }),
  startedAll: (processes: number, seconds: Bilingual): Bilingual => ({
    en: `${processes} processes started in ${seconds.en}`,
    zh: `${processes} 个进程已启动，用时 ${seconds.zh}`,
  }),
  fewer: (processes: number, members: number): Bilingual => ({
    en: `this machine is busy: only ${processes} processes and ${members} members`,
    zh: `本机繁忙：只用 ${processes} 个进程、${members} 名成员`,
  }),
  emptied: { en: 'emptied', zh: '已清空' },
  notEmptied: {
    en: 'not emptied, because it is yours; has no data of this company',
    zh: '未清空，因为是您的 Redis；其中没有这家企业的数据',
  },
  sending: (members: number): Bilingual => ({
    en: `${members} × POST /login`,
    zh: `${members} × POST /login`,
  }),
  sent: (members: number, processes: number): Bilingual => ({
    en: `${members} × POST /login on ${processes} processes, all at the same moment`,
    zh: `${members} × POST /login，同时发往 ${processes} 个进程`,
  }),
  operations: (count: number): Bilingual => ({ en: `${count} operations`, zh: `${count} 次操作` }),
  answered: (statuses: string, took: Bilingual, median: Bilingual): Bilingual => ({
    en: `${statuses} in ${took.en} (median ${median.en})`,
    zh: `${statuses}，用时 ${took.zh}（中位数 ${median.zh}）`,
  }),
  cameBack: (count: number): Bilingual => ({
    en: `${count} repeated after 503: this machine is busy`,
    zh: `${count} 次因 503 重试：本机繁忙`,
  }),
  allNamed: (requests: number): Bilingual => ({
    en: `all ${requests} are logged in, each with their name`,
    zh: `${requests} 人全部登录成功，姓名各自正确`,
  }),
  named: (named: number, reasons: string): Bilingual => ({
    en: `${named} were (${reasons})`,
    zh: `只有 ${named} 人（${reasons}）`,
  }),
  oneGettoken: (processes: number): Bilingual => ({
    en: `1 gettoken for ${processes} processes`,
    zh: `${processes} 个进程只调用了 1 次 gettoken`,
  }),
  thereWere: (count: number): Bilingual => ({ en: `there were ${count}`, zh: `${count} 次` }),
  dropTitle: (members: number): Bilingual => ({
    en: `WeCom drops the access_token while ${members} log in`,
    zh: `${members} 人登录期间，企业微信让 access_token 失效`,
  }),
  dropped: (calls: number, refused: number): Bilingual => ({
    en: `dropped it after ${calls} calls, then refused ${refused} calls (40014)`,
    zh: `${calls} 次调用后让它失效，随后拒绝了 ${refused} 次调用（40014）`,
  }),
  didRefuse: { en: 'WeCom refused calls because of that', zh: '企业微信因此拒绝了一些调用' },
  refusedNone: { en: 'it refused none', zh: '一次也没有拒绝' },
  oneMore: { en: '1 more gettoken, and nobody notices', zh: '只多调用 1 次 gettoken，用户毫无察觉' },
  seconds: (seconds: string): Bilingual => ({ en: `${seconds} s`, zh: `${seconds} 秒` }),
};

/** After the story. */
export const tryTexts = {
  open: (url: string): Bilingual => ({ en: `Now open ${url}/`, zh: `请打开 ${url}/?lang=zh` }),
  shows: {
    en: 'It shows the mini-program on a phone, faults to switch on, and every call. Ctrl-C ends everything.',
    zh: '手机上是真正的小程序，旁边可以打开各种故障，并显示每一次调用。按 Ctrl-C 全部结束。',
  },
  logIn: {
    en: '\nIn another terminal, log in with a new code, as the mini-program gets it from wx.qy.login:',
    zh: '\n在另一个终端，用一个新 code 登录（相当于小程序从 wx.qy.login 得到的）：',
  },
  ask: { en: '\nLog in and ask who is logged in:', zh: '\n登录，并查询当前登录的是谁：' },
  drop: {
    en: '\nMake WeCom drop the access_token early, then log in again:',
    zh: '\n让企业微信提前使 access_token 失效，然后再登录一次：',
  },
  requests: { en: '\nRequests are shown here:', zh: '\n收到的请求会显示在这里：' },
};

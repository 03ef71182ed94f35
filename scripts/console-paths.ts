// Where things are in the consoles: menus in the words of the screen, and from which page each of them is known. All of it
// is from documents: nobody has compared it with a console on the day. Documents name no other paths.
import { both, type Bilingual, type Language } from './language.ts';

/** What a menu leads to that has a name of the company's own, and no word on the screen. */
const things = {
  app: { en: 'the app of the mini-program', zh: '小程序对应的应用' },
  department: { en: 'the department', zh: '该部门' },
  fn: { en: 'the function', zh: '该函数' },
  group: { en: 'a group chat', zh: '群聊' },
  instance: { en: 'the instance', zh: '该实例' },
  member: { en: 'the member', zh: '该成员' },
  miniProgram: { en: 'the mini-program', zh: '该小程序' },
  user: { en: 'the user', zh: '该用户' },
} as const satisfies Record<string, Bilingual>;

/** Where the menus are. Those of the WeCom client and of DevTools need no console before them. */
const consoles = {
  wecom: { en: 'WeCom admin console', zh: '企业微信管理后台' },
  mp: { en: 'https://mp.weixin.qq.com', zh: '微信公众平台 https://mp.weixin.qq.com' },
  tencent: { en: 'Tencent Cloud console', zh: '腾讯云控制台' },
  here: { en: '', zh: '' },
} as const satisfies Record<string, Bilingual>;

/** A page that shows menus: its own date, or the month in which a page without a date was read. */
interface Source {
  date: string;
  page: string;
}

const sources = {
  /** 3.1.2 made linked mini-programs apps: they are no longer below 小程序. */
  apps: { date: '2021-02-04', page: 'https://developer.work.weixin.qq.com/document/path/90226' },
  /** Step by step: 自建, 可见范围, 企业可信IP → 配置 → 设置可信域名, Secret → 查看, 企业ID. */
  appPage: {
    date: '2026-11 (read)',
    page: 'https://docs.dify.ai/zh/self-host/use-dify/workspace/channels/wecom',
  },
  /** 设置API接收. */
  callback: { date: '2026-11 (read)', page: 'https://docs.link-ai.tech/cow/multi-platform/wechat-com' },
  /** Quotes https://developer.work.weixin.qq.com/document/path/90665 on corpid, userid, tags and departments. */
  terms: { date: '2026-11 (read)', page: 'https://cnblogs.com/qdxt/p/18297915' },
  trial: {
    date: '2026-11 (read)',
    page: 'https://developers.weixin.qq.com/miniprogram/dev/dev_wxwork/index.html',
  },
  devtools: {
    date: '2026-11 (read)',
    page: 'https://developers.weixin.qq.com/miniprogram/dev/devtools/qywx-dev.html',
  },
  mpServer: { date: '2026-11 (read)', page: 'https://blog.csdn.net/xy2937131682/article/details/135310530' },
  mpPrivacy: { date: '2025-12-18', page: 'https://cloud.tencent.com/developer/article/2603190' },
  scfUrl: { date: '2025-05-09', page: 'https://www.tencentcloud.com/zh/document/product/583/69492' },
  scfTriggers: { date: '2025-10-22', page: 'https://www.tencentcloud.com/document/product/583/31441' },
  redis: { date: '2024-11-05', page: 'https://www.tencentcloud.com/zh/document/product/239/50383' },
  redisSsl: { date: '2024-11-05', page: 'https://tencentcloud.com/document/product/239/48048' },
  camPolicy: { date: '2024-10-14', page: 'https://cloud.tencent.com/document/product/269/47107' },
  cls: { date: '2026-11 (read)', page: 'https://docs.cloudbase.net/logger/alert/log-alert-guide' },
  /** In documents of this project since its beginning, with no page found that shows it. */
  none: { date: '', page: '' },
} as const satisfies Record<string, Source>;

interface Place {
  console: keyof typeof consoles;
  /** `<app>` stands for one of `things`. */
  menus: string;
  /** How an older console is entered. */
  older?: string;
  /** Opens the first of the menus: an address that has stayed the same for years. */
  url?: string;
  source: keyof typeof sources;
}

const apps = 'https://work.weixin.qq.com/wework_admin/frame#apps';
const contacts = 'https://work.weixin.qq.com/wework_admin/frame#contacts';
const cloud = 'https://console.cloud.tencent.com';

/** Behind the page of the mini-program's app. */
function app(more: string, source: Place['source'] = 'appPage'): Place {
  const menus = `应用管理 → 应用 → 自建 → <app>${more}`;
  return { console: 'wecom', menus, older: '应用管理 → 小程序', url: apps, source };
}

function scf(menus: string, source: Place['source']): Place {
  return { console: 'tencent', menus: `云函数 → 函数服务 → ${menus}`, url: `${cloud}/scf/list`, source };
}

/** Behind the page of the Redis instance. */
function redis(more: string, source: Place['source'] = 'redis'): Place {
  const menus = `云数据库 Redis → 实例列表 → <instance>${more}`;
  return { console: 'tencent', menus, url: `${cloud}/redis`, source };
}

function tencent(path: string, menus: string, source: Place['source']): Place {
  return {
    console: 'tencent',
    menus,
    url: `${cloud}${path}`,
    source,
  };
}

const places = {
  app: app(''),
  appLinked: {
    console: 'wecom',
    menus: '应用管理 → 应用 → 自建 → 创建应用 → 已有小程序快速创建',
    older: '应用管理 → 小程序 → 关联小程序',
    url: apps,
    source: 'apps',
  },
  appSecret: app(' → Secret → 查看'),
  appVisibleRange: app(' → 可见范围 → 编辑'),
  appTrustedIp: app(' → 企业可信IP → 配置'),
  appCallback: app(' → 接收消息 → 设置API接收', 'callback'),
  appTrustedDomain: app(' → 网页授权及JS-SDK → 设置可信域名'),
  corpid: {
    console: 'wecom',
    menus: '我的企业 → 企业信息 → 企业ID',
    url: 'https://work.weixin.qq.com/wework_admin/frame#profile',
    source: 'terms',
  },
  userid: { console: 'wecom', menus: '通讯录 → <member> → 账号', url: contacts, source: 'terms' },
  memberDisabled: { console: 'wecom', menus: '通讯录 → <member> → 禁用', url: contacts, source: 'none' },
  departmentId: {
    console: 'wecom',
    menus: '通讯录 → 组织架构 → <department> → ⋮',
    url: contacts,
    source: 'terms',
  },
  tagId: { console: 'wecom', menus: '通讯录 → 标签 → 标签详情', url: contacts, source: 'terms' },

  workbench: { console: 'here', menus: '工作台 → <miniProgram>', source: 'apps' },
  groupRobot: { console: 'here', menus: '<group> → 群机器人', source: 'none' },
  trialVersion: { console: 'here', menus: '… → 配置体验版', source: 'trial' },
  devtoolsCompany: { console: 'here', menus: '模拟操作 → 选择企业', source: 'devtools' },
  devtoolsAddresses: { console: 'here', menus: '详情 → 本地设置', source: 'devtools' },
  devtoolsNpm: { console: 'here', menus: '工具 → 构建 npm', source: 'devtools' },

  mpAppid: { console: 'mp', menus: '开发管理 → 开发设置 → AppID', source: 'mpServer' },
  mpServer: { console: 'mp', menus: '开发管理 → 服务器域名 → request 合法域名', source: 'mpServer' },
  mpFiling: { console: 'mp', menus: '设置 → 基本设置 → 小程序备案', source: 'none' },
  mpPrivacy: {
    console: 'mp',
    menus: '设置 → 服务内容声明 → 用户隐私保护指引',
    older: '设置 → 用户隐私保护指引',
    source: 'mpPrivacy',
  },
  mpSearch: { console: 'mp', menus: '设置 → 不允许被搜索', source: 'none' },

  scfFunction: scf('<fn>', 'scfUrl'),
  scfUrl: scf('<fn> → 函数 URL', 'scfUrl'),
  scfWebSocket: scf('新建 → 协议支持 → WebSocket', 'none'),
  scfTriggers: scf('<fn> → 触发管理', 'scfTriggers'),
  scfMonitoring: scf('<fn> → 监控信息', 'scfUrl'),
  scfEgressIp: scf('<fn> → 函数配置 → 固定公网出口IP', 'scfUrl'),
  scfVersions: scf('<fn> → 版本管理', 'scfUrl'),
  scfDomain: scf('高级能力 → 自定义域名', 'none'),

  redis: redis(''),
  redisNew: tencent('/redis', '云数据库 Redis → 新建', 'redis'),
  redisAddress: redis(' → 内网地址'),
  redisNetwork: redis(' → 所属网络'),
  redisSecurityGroup: redis(' → 安全组'),
  redisConnections: redis(' → 系统监控 → 连接数'),
  redisCpu: redis(' → 系统监控 → CPU 使用率'),
  redisMonitoring: redis(' → 系统监控'),
  redisState: redis(' → 实例状态'),
  redisPolicy: redis(' → 参数设置 → maxmemory-policy'),
  redisCommands: redis(' → 参数设置 → disable-command-list'),
  redisAccounts: redis(' → 账号管理'),
  redisVersion: redis(' → 版本升级'),
  redisSsl: redis(' → SSL 加密 → 开启', 'redisSsl'),
  redisCertificate: redis(' → SSL 加密 → 下载证书', 'redisSsl'),
  redisPassword: redis(' → 重置密码'),
  redisReplica: redis(' → 节点管理 → 副本只读'),
  redisSize: redis(' → 变更配置'),
  redisContent: redis(' → 内存分析'),

  camPolicy: tencent('/cam/policy', '访问管理 → 策略 → 新建自定义策略 → 按策略语法创建', 'camPolicy'),
  camKey: tencent('/cam/user', '访问管理 → 用户列表 → <user> → API 密钥', 'camPolicy'),
  camNewKey: tencent('/cam/user', '访问管理 → 用户列表 → <user> → API 密钥 → 新建密钥', 'camPolicy'),
  camGrant: tencent('/cam/user', '访问管理 → 用户列表 → <user> → 授权', 'camPolicy'),
  camNewUser: tencent('/cam/user', '访问管理 → 用户列表 → 新建用户', 'camPolicy'),
  camRole: tencent('/cam/role', '访问管理 → 角色 → SCF_QcsRole', 'none'),
  vpc: tencent('/vpc/vpc', '私有网络 → 新建', 'none'),
  natGateway: tencent('/vpc/nat', '私有网络 → NAT 网关', 'none'),
  certificates: tencent('/ssl', 'SSL 证书 → 我的证书', 'none'),
  certificateId: tencent('/ssl', 'SSL 证书 → 我的证书 → 证书 ID', 'none'),
  certificateFree: tencent('/ssl', 'SSL 证书 → 申请免费证书', 'none'),
  certificateUpload: tencent('/ssl', 'SSL 证书 → 上传证书', 'none'),
  topUp: tencent('/expense/recharge', '费用中心 → 充值', 'none'),
  domainFiling: tencent('/beian', '网站备案', 'none'),
  logs: tencent('/cls/search', '日志服务 → 检索分析', 'cls'),
  logIndex: tencent('/cls/search', '日志服务 → 检索分析 → 索引配置 → 键值索引', 'cls'),
  logAlarms: tencent('/cls', '日志服务 → 监控告警 → 告警策略', 'cls'),
  logNewAlarm: tencent('/cls', '日志服务 → 监控告警 → 告警策略 → 新建', 'cls'),
  dns: {
    console: 'tencent',
    menus: '云解析 DNS → 我的域名 → 记录管理',
    older: 'DNSPod → 我的域名 → 记录管理',
    url: 'https://console.dnspod.cn/dns/list',
    source: 'none',
  },
} as const satisfies Record<string, Place>;

export type PlaceName = keyof typeof places;

/** The places for documents and tests. */
export const placeList: readonly (readonly [PlaceName, Place])[] =
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.entries forgets the names
  Object.entries(places) as [PlaceName, Place][];

export { sources };

/** The menus alone: `应用管理 → 应用 → …`. */
export function menusOf(name: PlaceName): Bilingual {
  return both((language) => inWords(places[name].menus, language));
}

/**
 * The console with its address, the menus, and how an older console has them:
 * `企业微信管理后台 https://… → 应用管理 → …（旧版后台：应用管理 → 小程序）`.
 */
export function pathTo(name: PlaceName): Bilingual {
  const place: Place = places[name];
  return both((language) => {
    const start = [consoles[place.console][language], place.url].filter(Boolean).join(' ');
    const path = [start, inWords(place.menus, language)].filter(Boolean).join(' → ');
    if (place.older === undefined) return path;
    return language === 'zh'
      ? `${path}（旧版后台：${place.older}）`
      : `${path} (older console: ${place.older})`;
  });
}

/** All of them, ready for texts: `at.appTrustedIp.zh`. */
export const at: Readonly<Record<PlaceName, Bilingual>> =
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names are those of places
  Object.fromEntries(placeList.map(([name]) => [name, pathTo(name)])) as Record<PlaceName, Bilingual>;

/** A place of one function, with its name in the place of "the function". */
export function ofFunction(place: Bilingual, fn: string): Bilingual {
  return both((language) => place[language].replace(things.fn[language], fn));
}

function inWords(menus: string, language: Language): string {
  return Object.entries(things).reduce(
    (text, [name, words]) => text.replace(`<${name}>`, words[language]),
    menus,
  );
}

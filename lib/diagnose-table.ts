/**
 * What the doctor knows: everything that can be wrong, in words an operator understands, and where to fix it.
 * `{name}` stands for a value that is found out at run time. docs/doctor.md is compared with these tables.
 */
export interface Diagnosis {
  /** `failed`: logins fail or soon will. `warning`: everything works, but look at it. */
  status: 'failed' | 'warning';
  /** One line: what is wrong. */
  found: string;
  /** What to do, and where to click; menus as the consoles name them. */
  advice: string;
}

export type Diagnoses = Record<string, Diagnosis>;

const wecomConsole = 'WeCom admin console (https://work.weixin.qq.com/wework_admin)';
const theApp = `${wecomConsole} → 应用管理 → 小程序 → the linked mini-program`;
const redisConsole = 'Tencent Cloud console → 云数据库 Redis → 实例列表 → the instance';

/** What is seen from where the functions run: in the cloud by functions/admin, else from this computer. */
export const insideDiagnoses = {
  'redis.reachable.no_answer': {
    status: 'failed',
    found: 'no Redis responds at the host and port of REDIS_URL ({reason})',
    advice: `${redisConsole}: compare 内网地址 with REDIS_URL and 所属网络 with TENCENT_VPC_ID and TENCENT_SUBNET_ID; → 安全组: allow the subnet of the functions on that port. A function outside the VPC cannot reach private addresses.`,
  },
  'redis.reachable.not_redis': {
    status: 'failed',
    found: 'the server at the host and port of REDIS_URL is not a Redis',
    advice: `Correct host and port: ${redisConsole} → 内网地址.`,
  },
  'redis.reachable.too_many_connections': {
    status: 'failed',
    found: 'Redis accepts no more connections',
    advice: `${redisConsole} → 系统监控 → 连接数: find what holds them, or raise 最大连接数. Each running instance of a function holds one.`,
  },
  'redis.reachable.not_ready': {
    status: 'failed',
    found: 'Redis responds, but is not ready yet ({reason})',
    advice: `It is starting, or switching to its replica: run the doctor again in a minute. If this continues: ${redisConsole} → 实例状态.`,
  },
  'redis.scripts.bare_cluster': {
    status: 'failed',
    found: 'Redis is a cluster without a proxy ({reason}): it redirects clients from one server to another',
    advice: `REDIS_URL must name one address that serves all keys. TencentDB has a proxy in both architectures: ${redisConsole} → 内网地址. Put a proxy in front of a cluster of your own, or use a single server.`,
  },
  'redis.tls.refused': {
    status: 'failed',
    found: 'the encrypted connection to Redis fails ({reason})',
    advice: `With rediss:// in REDIS_URL, SSL must be on: ${redisConsole} → SSL 加密 → 开启; → 下载证书, unpack it and name the PEM file in REDIS_CA. Without SSL, write redis://.`,
  },
  'redis.tls.other_name': {
    status: 'failed',
    found: 'the certificate of Redis does not name the host of REDIS_URL ({reason})',
    advice: `${redisConsole} → SSL 加密 → 下载证书, unpack it and name the PEM file in REDIS_CA: at an IP address, only that authority is then checked. If REDIS_URL has a host name, or REDIS_TLS_NAME is set: put the name in the certificate into REDIS_TLS_NAME.`,
  },
  'redis.auth.refused': {
    status: 'failed',
    found: 'Redis refuses the password of REDIS_URL, or requires one and REDIS_URL has none',
    advice: `REDIS_URL has the form redis://:PASSWORD@host:port, percent-encoded, without a username. TencentDB takes one text: the password (default account), account@password (an account of your own), or instance-id:password (bought before 2018). Reset it: ${redisConsole} → 重置密码.`,
  },
  'redis.version.too_old': {
    status: 'failed',
    found: 'Redis is version {version}; 4.0 or later is needed',
    advice: `${redisConsole} → 版本升级.`,
  },
  'redis.scripts.disabled': {
    status: 'failed',
    found: 'Redis does not run scripts: EVAL or EVALSHA is switched off or not allowed for this account',
    advice: `${redisConsole} → 参数设置 → disable-command-list: remove eval, evalsha and script. With an account of your own: 账号管理 → 读写权限: 读写.`,
  },
  'redis.scripts.older_server': {
    status: 'failed',
    found: 'Redis refuses scripts that write after they read the time ({reason}): it is older than 4.0',
    advice: `${redisConsole} → 版本升级: 4.0 or later. If it is newer, a proxy in front of it is not: connect to the server itself.`,
  },
  'redis.scripts.keys_not_seen': {
    status: 'failed',
    found: 'a proxy in front of Redis does not find the keys in our scripts ({reason})',
    advice: `Every key in them is written KEYS[n]. Take TencentDB's own address (${redisConsole} → 内网地址), or set REDIS_URL to the server itself instead of the proxy.`,
  },
  'redis.scripts.refused': {
    status: 'failed',
    found: 'Redis refuses the scripts that a login uses to store its data ({reason})',
    advice: `${redisConsole} → 系统监控 and 事件: the reason says what is missing. Logins fail until Redis accepts the scripts. error_answer: a different proxy may not accept them; connect to the server directly to compare.`,
  },
  'redis.reads.old': {
    status: 'warning',
    found: 'a plain read does not return what was written just before: it comes from a replica that lags',
    advice: `${redisConsole} → 节点管理 → 副本只读: 关闭. Sessions and limits are not affected: they are read from the server that is written to. An access_token that WeCom has dropped may be read once more.`,
  },
  'redis.writes.read_only': {
    status: 'failed',
    found: 'Redis is read-only',
    advice: `During a switch to the replica this passes within a minute: run the doctor again. If it continues: REDIS_URL must name the instance's 内网地址, not its 只读地址, and an account of your own needs 读写: ${redisConsole} → 账号管理.`,
  },
  'redis.writes.full': {
    status: 'failed',
    found: 'Redis is full: it refuses to store anything',
    advice: `${redisConsole} → 变更配置: more memory. → 内存分析 shows what fills it; do not share it with caches of other software.`,
  },
  'redis.memory.nearly_full': {
    status: 'warning',
    found: 'the memory of Redis is {percent} % used',
    advice: `${redisConsole} → 变更配置: more memory, before logins fail. → 内存分析 shows what fills it.`,
  },
  'redis.eviction.evicts': {
    status: 'warning',
    found:
      'a full Redis would delete entries (maxmemory-policy {policy}): sessions end early, limits are forgotten',
    advice: `${redisConsole} → 参数设置 → maxmemory-policy: noeviction.`,
  },
  'redis.latency.slow': {
    status: 'warning',
    found: 'Redis takes {ms} ms to respond; inside one VPC it is about 1 ms',
    advice: `Functions and Redis should be in the same region, ideally in the same zone (可用区). Otherwise: ${redisConsole} → 系统监控 → CPU 使用率, 慢查询.`,
  },
  'wecom.reachable.no_answer': {
    status: 'failed',
    found: 'WeCom cannot be reached ({api}: {reason})',
    advice:
      'A function in a VPC reaches the internet only with publicNetwork: true in serverless.yml, or through a NAT gateway (VPC console → NAT 网关) with a route 0.0.0.0/0 from its subnet. From a computer: its proxy or firewall.',
  },
  'wecom.reachable.not_wecom': {
    status: 'failed',
    found: 'the server at WECOM_BASE_URL does not respond like WeCom ({api}: {reason})',
    advice: 'Leave WECOM_BASE_URL empty. If it is empty, a proxy on the way responds in place of WeCom.',
  },
  'wecom.reachable.busy': {
    status: 'warning',
    found: 'WeCom says that it is busy ({api}: errcode {errcode})',
    advice: 'A temporary fault at WeCom: run the doctor again in a minute.',
  },
  'wecom.gettoken.wrong_secret': {
    status: 'failed',
    found:
      'WeCom refuses the secret (errcode {errcode}): it is a different one, was reset, or the app is stopped',
    advice: `${theApp}: 已启用 must be on, and Secret → 查看 shows the one to put behind the corpid in WECOM_CORPS; not the secret of 通讯录同步 or of another app. Then deploy. Every wrong try counts: after many, WeCom bans the address for an hour.`,
  },
  'wecom.gettoken.wrong_corpid': {
    status: 'failed',
    found: 'WeCom knows no such company (errcode {errcode})',
    advice: `${wecomConsole} → 我的企业 → 企业信息 → 企业ID (ww…): put it into WECOM_CORPS, then deploy.`,
  },
  'wecom.gettoken.banned': {
    status: 'failed',
    found:
      'WeCom refuses gettoken from this address for now (errcode 45009); no function asks again for {seconds} s',
    advice:
      'Too many tries with a wrong secret, by any software behind this address: the ban ends an hour after the last one. Too many calls: after a minute or an hour. Stop the software that does it, then https://open.work.weixin.qq.com/wwopen/devtool/checkCorpSpamBlock may lift the ban at once.',
  },
  'wecom.gettoken.paused': {
    status: 'failed',
    found: 'gettoken failed a moment ago ({why}); to avoid a ban, no function asks again for {seconds} s',
    advice:
      'Run the doctor again after that. The errcode is in the log line gettoken_failed: npx sls logs -f login, or -f refresh. A corrected secret is tried at once.',
  },
  'wecom.gettoken.waiting': {
    status: 'warning',
    found: 'another function is fetching the access_token and has not finished yet',
    advice: 'Run the doctor again in ten seconds. If it continues: the log line gettoken_failed says why.',
  },
  'wecom.gettoken.refused': {
    status: 'failed',
    found: 'WeCom gives no access_token (errcode {errcode})',
    advice: 'What it means: https://open.work.weixin.qq.com/devtool/query?e={errcode}',
  },
  'wecom.trusted_ip.not_trusted': {
    status: 'failed',
    found: 'WeCom does not trust the address {ip} from which it is called (errcode 60020)',
    advice: `${theApp} → 企业可信IP → 配置: enter {ip}; it takes effect after about a minute. If the page asks for a 可信域名 or 接收消息 first, do that (docs/deploy.md, 3). If it refuses the address as a 第三方服务商IP: use one of your own: VPC console → NAT 网关 with a 弹性公网IP, then publicNetwork: false and eip: false in serverless.yml.`,
  },
  'wecom.app.stopped': {
    status: 'failed',
    found: 'the app is stopped',
    advice: `${theApp}: switch it on (已启用).`,
  },
  'wecom.app.refused': {
    status: 'failed',
    found: 'WeCom refuses {api} (errcode {errcode})',
    advice: 'What it means: https://open.work.weixin.qq.com/devtool/query?e={errcode}',
  },
  'wecom.linked.not_linked': {
    status: 'failed',
    found: 'the secret is not that of the app linked with the mini-program (errcode {errcode})',
    advice: `${wecomConsole} → 应用管理 → 小程序 → 关联小程序: link it if it is not there (its administrator scans the QR code), then open it and put its own Secret into WECOM_CORPS.`,
  },
  'wecom.visible_range.empty': {
    status: 'failed',
    found: 'nobody may use the app: its visible range is empty',
    advice: `${theApp} → 可见范围 → 编辑: add members, departments or tags. All others get 403 member_not_allowed.`,
  },
} as const satisfies Diagnoses;

export type InsideDiagnosis = keyof typeof insideDiagnoses;

/** Values for the places in a diagnosis. */
export type Values = Record<string, string | number>;

/** What the doctor found out about one thing. */
export interface Finding {
  /** What was looked at; stable, for scheduled runs. */
  check: string;
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** With `warning` and `failed`: which diagnosis of the table; `check` is how it begins. */
  diagnosis?: string;
  /** Of several companies or functions: which. */
  about?: string;
  /** One line. */
  found: string;
  advice?: string;
}

export type Report = (finding: Finding) => void;

/** A diagnosis of `insideDiagnoses` with its values filled in. */
export function inside(diagnosis: InsideDiagnosis, values?: Values, about?: string): Finding {
  return diagnosed(diagnosis, insideDiagnoses[diagnosis], values, about);
}

export function diagnosed(diagnosis: string, entry: Diagnosis, values: Values = {}, about?: string): Finding {
  const fill = (text: string) =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? '?'));
  return {
    check: diagnosis.slice(0, diagnosis.lastIndexOf('.')),
    status: entry.status,
    diagnosis,
    ...(about !== undefined && { about }),
    found: fill(entry.found),
    advice: fill(entry.advice),
  };
}

export function well(check: string, found: string, about?: string): Finding {
  return { check, status: 'ok', ...(about !== undefined && { about }), found };
}

/** Could not be looked at, or does not apply; `found` says why. */
export function skipped(check: string, found: string, about?: string): Finding {
  return { check, status: 'skipped', ...(about !== undefined && { about }), found };
}

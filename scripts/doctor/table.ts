// All words of the doctor: what each id means to an operator, and where to fix it. `{name}` is replaced by a value that is
// found at run time. docs/doctor.md is compared with these tables.
import type { InsideId, Status } from '../../lib/doctor/finding.ts';

export interface Words {
  /** One line: what was seen. */
  found: string;
  /** What to do, and where to click; menus as the consoles name them. */
  advice?: string;
}

const scfConsole = 'Tencent Cloud console → 云函数 → 函数服务';
const wecomConsole = 'WeCom admin console (https://work.weixin.qq.com/wework_admin)';
const theApp = `${wecomConsole} → 应用管理 → 小程序 → the linked mini-program`;
const redisConsole = 'Tencent Cloud console → 云数据库 Redis → 实例列表 → the instance';

/** What each check is called in the terminal. WeCom's own words where an operator looks for them in its console. */
export const titles: Record<string, string> = {
  'doctor.step': 'doctor',
  'setup.reviewer': 'reviewer',
  'environment.file': 'file',
  'environment.variables': 'variables',
  'cloud.manifest': 'serverless.yml',
  'cloud.api': 'Tencent Cloud',
  'cloud.key': 'API key',
  'cloud.region': 'region',
  'cloud.functions': 'functions',
  'cloud.settings': 'settings',
  'cloud.url': 'function URL',
  'cloud.timer': 'timer',
  'cloud.egress_ip': 'egress IP',
  'cloud.admin': 'admin function',
  'domain.binding': 'domain',
  'domain.answer': 'domain answers',
  'domain.certificate': 'certificate',
  'domain.verify_file': '可信域名 (proof of ownership)',
  'callback.url': '接收消息 (callback)',
  'callback.domain': '接收消息, its domain',
  'redis.reachable': 'Redis',
  'redis.tls': 'Redis, encryption',
  'redis.auth': 'Redis, password',
  'redis.version': 'Redis, version',
  'redis.scripts': 'Redis, scripts',
  'redis.writes': 'Redis, writing',
  'redis.memory': 'Redis, memory',
  'redis.eviction': 'Redis, when full',
  'redis.reads': 'Redis, reads',
  'redis.latency': 'Redis, speed',
  'wecom.reachable': 'WeCom',
  'wecom.gettoken': 'access_token (corpid and secret)',
  'wecom.trusted_ip': '企业可信IP (trusted IP)',
  'wecom.app': 'app',
  'wecom.linked': 'app linked with the mini-program',
  'wecom.visible_range': '可见范围 (visible range)',
  'wecom.roles': 'ROLES',
};

/** What is seen from a computer: the environment, Tencent's API, and the addresses that members and WeCom call. */
export const outsideWords = {
  'doctor.step.failed': {
    status: 'failed',
    found: 'the doctor itself failed while {step} ({error}): what it would have found there is unknown',
    advice:
      'All other lines are valid. This is a bug of the doctor, or a response that it does not understand: please report this line.',
  },
  'environment.file.ok': { status: 'ok', found: '{file}' },
  'environment.file.of_this_shell': {
    status: 'ok',
    found: 'there is no .env here: the variables of this shell are used',
  },
  'environment.file.missing': {
    status: 'failed',
    found: 'there is neither {wanted} nor .env here',
    advice:
      'npm run setup asks for everything and writes it. By hand: copy .env.example to .env and fill it in.',
  },
  'environment.file.of_another_stage': {
    status: 'warning',
    found: 'there is no .env.{stage}: .env is used, which may be that of another stage',
    advice: 'npm run setup -- --stage {stage}',
  },
  'environment.file.readable_by_others': {
    status: 'warning',
    found: '{file} holds secrets and other users of this computer may read it',
    advice: 'chmod 600 {file}',
  },
  'environment.variables.ok': { status: 'ok', found: 'complete; companies: {companies}' },
  'environment.variables.unusable': {
    status: 'failed',
    found: '{problems}',
    advice: 'Correct them in {file}, or let npm run setup ask for them. .env.example says what each one is.',
  },
  'environment.variables.unknown': {
    status: 'warning',
    found: 'nothing reads {names}',
    advice:
      'Correct the name in {file}, or remove the line. A variable of your own function must be in serverless.yml: NAME: ${env:NAME}.',
  },
  'cloud.manifest.not_read': { status: 'skipped', found: 'not read while the variables cannot be used' },
  'cloud.manifest.unreadable': {
    status: 'failed',
    found: 'serverless.yml cannot be read: {message}',
    advice: 'The message names the key that is wrong; comments in serverless.yml say what each is for.',
  },
  'cloud.api.no_answer': {
    status: 'failed',
    found: 'Tencent Cloud does not respond to this computer',
    advice: 'Check the network, and HTTPS_PROXY if this computer needs a proxy.',
  },
  'cloud.api.failed': {
    status: 'failed',
    found: 'Tencent Cloud refuses: {message}',
    advice:
      'If it is a temporary fault of theirs, try again later; for a ticket (工单), give the request id.',
  },
  'cloud.key.ok': { status: 'ok', found: 'of the account with APPID {appId}' },
  'cloud.key.known': { status: 'ok', found: 'is known; the deploy will show what it may do' },
  'cloud.key.not_set': {
    status: 'skipped',
    found: 'TENCENT_SECRET_ID is empty, so what is deployed cannot be checked',
  },
  'cloud.key.not_given': { status: 'skipped', found: 'no key was given' },
  'cloud.key.refused': {
    status: 'failed',
    found: 'Tencent Cloud does not know the key, or its secret is wrong ({code})',
    advice:
      'Tencent Cloud console → 访问管理 → 用户列表 → the user → API 密钥: SecretId and SecretKey for TENCENT_SECRET_ID and TENCENT_SECRET_KEY, 状态 已启用. Temporary keys need TENCENT_TOKEN too, and expire by themselves.',
  },
  'cloud.key.clock': {
    status: 'failed',
    found: 'the clock of this computer is wrong by more than five minutes',
    advice: 'Set the clock: Tencent Cloud refuses signatures with a wrong time.',
  },
  'cloud.key.rights': {
    status: 'failed',
    found: 'the key may not do {action}',
    advice:
      'Tencent Cloud console → 访问管理 → 策略 → 新建自定义策略 → 按策略语法创建 with the policy of docs/deploy.md, then 用户列表 → the user of the key → 授权.',
  },
  'cloud.region.unknown': {
    status: 'failed',
    found: 'Tencent Cloud has no region {region}',
    advice: 'TENCENT_REGION must be the region of the VPC and of Redis, such as ap-guangzhou or ap-shanghai.',
  },
  'cloud.functions.ok': { status: 'ok', found: '{names}' },
  'cloud.functions.not_deployed': {
    status: 'skipped',
    found: 'nothing of stage {stage} is deployed yet: npm run deploy -- --stage {stage}',
  },
  'cloud.functions.missing': {
    status: 'failed',
    found: 'not deployed: {names}',
    advice: 'npm run deploy -- --stage {stage}',
  },
  'cloud.functions.not_active': {
    status: 'failed',
    found: 'the function is in the state {state}',
    advice: `${scfConsole} → {name}: the page says why. A change in progress ends within minutes; otherwise deploy again.`,
  },
  'cloud.functions.stopped': {
    status: 'failed',
    found: 'Tencent Cloud has stopped the function ({available})',
    advice:
      'Usually an unpaid bill (欠费): Tencent Cloud console → 费用中心 → 充值. It runs again within minutes after that.',
  },
  'cloud.settings.ok': { status: 'ok', found: 'as in serverless.yml and {file}' },
  'cloud.settings.differ': {
    status: 'warning',
    found: 'deployed with other settings than serverless.yml has: {settings}',
    advice: 'Deploy, or copy the change that was made in the console into serverless.yml.',
  },
  'cloud.settings.environment_differs': {
    status: 'warning',
    found: 'deployed with other values than {file} has: {names}',
    advice: 'Deploy: a changed value takes effect only with a deploy.',
  },
  'cloud.url.ok': { status: 'ok', found: '{url}' },
  'cloud.url.missing': {
    status: 'failed',
    found: 'the function has no function URL, or it is closed',
    advice: `Deploy again. Changed by hand: ${scfConsole} → {name} → 函数 URL: 公网访问 on, 授权类型 开放.`,
  },
  'cloud.url.no_answer': {
    status: 'failed',
    found: '{url}{path} returns {answer} instead of 200',
    advice:
      'npx sls logs -f {key} says why the function does not start; "config_invalid" there names the variable that is wrong. npx sls rollback returns to the previous version.',
  },
  'cloud.url.refused_by_scf': {
    status: 'failed',
    found: 'SCF itself responds at {url}{path}, and not the function: {status}, {meaning}',
    advice: 'npx sls logs -f {key} says more. npx sls rollback returns to the previous version.',
  },
  'cloud.timer.ok': { status: 'ok', found: 'ran {minutes} min ago' },
  'cloud.timer.not_logged': {
    status: 'skipped',
    found: 'on; without cls in serverless.yml its last run is not visible',
  },
  'cloud.timer.missing': {
    status: 'failed',
    found: 'the function has no timer {timer}, so the access_token is not renewed ahead of time',
    advice: 'Deploy again.',
  },
  'cloud.timer.off': {
    status: 'failed',
    found: 'the timer {timer} is switched off',
    advice: `${scfConsole} → {name} → 触发管理: 开启.`,
  },
  'cloud.timer.never_ran': {
    status: 'warning',
    found: 'no run of the timer within the last day is in the log',
    advice:
      'If it was just deployed: wait five minutes. Otherwise: npx sls logs -f refresh, and the log topic (日志服务 → 检索分析).',
  },
  'cloud.timer.silent': {
    status: 'failed',
    found: 'the timer last ran {minutes} minutes ago; it should run every {wanted}',
    advice: `${scfConsole} → {name} → 触发管理: is it on? → 监控信息: was the function throttled? An unpaid bill (欠费) stops it too.`,
  },
  'cloud.timer.failing': {
    status: 'failed',
    found: 'the last run of the timer could not renew {failed} of {companies} access_tokens',
    advice:
      'The findings below about Redis and WeCom show why, and so does the log: npx sls logs -f refresh.',
  },
  'cloud.egress_ip.ok': { status: 'ok', found: '{ip}, the one to enter in WeCom as 企业可信IP' },
  'cloud.egress_ip.not_deployed': { status: 'skipped', found: 'nothing is deployed' },
  'cloud.egress_ip.of_nat_gateway': {
    status: 'skipped',
    found: 'eip is off in serverless.yml: the address is that of your NAT gateway',
  },
  'cloud.egress_ip.none': {
    status: 'failed',
    found: 'the functions have no fixed egress IP, so there is no address for WeCom to trust',
    advice: `Deploy again with eip: true. ${scfConsole} → {name} → 函数配置 → 固定公网出口IP shows whether the account's quota is used up.`,
  },
  'cloud.egress_ip.several': {
    status: 'failed',
    found: 'the functions have different egress addresses: {ips}',
    advice:
      'Enter all of them as 企业可信IP, or put all functions into one subnet and deploy: then they share one.',
  },
  'cloud.admin.failed': {
    status: 'failed',
    found: 'the admin function does not report what is wrong: {message}',
    advice:
      'npx sls logs -f admin says more. "invalid_request": the deployed version is older than this doctor: deploy again. Timed out: Redis or WeCom cannot be reached, check 安全组 and NAT 网关 of the VPC.',
  },
  'domain.binding.ok': { status: 'ok', found: '{domain}, {routes}' },
  'domain.binding.not_set': {
    status: 'skipped',
    found: 'TENCENT_DOMAIN is empty: members call the function URL, which mini-programs may not accept',
  },
  'domain.binding.missing': {
    status: 'failed',
    found: '{domain} is not bound to the functions',
    advice: `Deploy. If the deploy is refused: ${scfConsole} → 高级能力 → 自定义域名 says why; in mainland regions the domain needs an ICP filing (备案).`,
  },
  'domain.binding.differs': {
    status: 'failed',
    found: '{domain} is not bound as serverless.yml says: {differences}',
    advice: 'Deploy again.',
  },
  'domain.answer.ok': { status: 'ok', found: 'https://{domain}' },
  'domain.answer.missing': {
    status: 'failed',
    found: 'https://{domain}/health returns {answer} instead of 200',
    advice:
      'DNS: {domain} needs a CNAME to <APPID>.{region}.tencentscf.com (DNSPod console → 我的域名 → 记录管理). Certificate: it must be for this name.',
  },
  'domain.certificate.ok': { status: 'ok', found: '{certificate} expires on {end}, in {days} days' },
  'domain.certificate.not_allowed': {
    status: 'skipped',
    found: 'to see when it expires, the key needs ssl:DescribeCertificate',
  },
  'domain.certificate.not_dated': {
    status: 'skipped',
    found: 'when {certificate} expires cannot be read: "{end}"',
  },
  'domain.certificate.not_issued': {
    status: 'failed',
    found: 'the certificate {certificate} is not issued yet',
    advice:
      'Tencent Cloud console → SSL 证书 → 我的证书: its 状态 says what it waits for, usually the proof that the domain is yours (a DNS record). Deploy when it is 已签发.',
  },
  'domain.certificate.expired': {
    status: 'failed',
    found: 'the certificate {certificate} expired on {end}',
    advice:
      'Tencent Cloud console → SSL 证书 → 我的证书: get a new one, put its id into TENCENT_CERTIFICATE_ID and deploy. Members see a network error until then.',
  },
  'domain.certificate.ends_soon': {
    status: 'warning',
    found: 'the certificate {certificate} expires on {end}, in {days} days',
    advice:
      'Tencent Cloud console → SSL 证书 → 我的证书: renew it, put the new id into TENCENT_CERTIFICATE_ID and deploy. A renewed certificate has a new id and does not replace the old one by itself.',
  },
  'domain.certificate.missing': {
    status: 'failed',
    found: 'there is no certificate {certificate} in this account',
    advice:
      'Tencent Cloud console → SSL 证书 → 我的证书: the id is in the list (证书 ID); put it into TENCENT_CERTIFICATE_ID.',
  },
  'domain.certificate.of_another_name': {
    status: 'failed',
    found: 'the certificate {certificate} is for {names}, not for {domain}',
    advice:
      'Tencent Cloud console → SSL 证书: get one for this name, put its id into TENCENT_CERTIFICATE_ID and deploy.',
  },
  'domain.verify_file.ok': { status: 'ok', found: '{url}' },
  'domain.verify_file.not_served': {
    status: 'failed',
    found: '{url} does not return the code, so WeCom cannot verify the domain',
    advice:
      'Deploy: WECOM_DOMAIN_VERIFY takes effect only with a deploy. The code is the text between WW_verify_ and .txt.',
  },
  'callback.url.ok': { status: 'ok', found: '{url} echoes in {ms} ms' },
  'callback.url.not_set': {
    status: 'skipped',
    found: 'WECOM_CALLBACKS is empty: a member who left is noticed at the next re-check, not at once',
  },
  'callback.url.not_deployed': { status: 'skipped', found: 'the function callback is not deployed' },
  'callback.url.not_checked': { status: 'skipped', found: 'not checked while the variables cannot be used' },
  'callback.url.no_answer': {
    status: 'failed',
    found: '{url} returns {answer}',
    advice:
      'Deploy: the function callback exists only with WECOM_CALLBACKS. npx sls logs -f callback says why it does not start.',
  },
  'callback.url.not_verifying': {
    status: 'failed',
    found: '{url} refuses what was signed with WECOM_CALLBACKS as WeCom would sign it',
    advice:
      'Deploy, so that the function has the same token and EncodingAESKey as your .env; then WeCom admin console → 应用管理 → 小程序 → the app → 接收消息 → 设置API接收 must have the same two.',
  },
  'callback.url.slow': {
    status: 'warning',
    found: '{url} took {ms} ms; WeCom allows one second for a verification',
    advice:
      'A first call starts an instance: run the doctor again. If saving the page in WeCom fails, save it again at once.',
  },
  'callback.domain.ok': { status: 'ok', found: '{domain}; its 备案主体 must be the company' },
  'callback.domain.function_url': {
    status: 'warning',
    found: 'the callback URL is at {host}, which WeCom does not accept: its ICP filing is not your company’s',
    advice:
      'Set TENCENT_DOMAIN to a domain whose 备案主体 is the company itself (docs/deploy.md, 3 and 4), and deploy.',
  },
  'setup.reviewer.not_usable': { status: 'failed', found: '{message}' },
  'redis.reachable.only_in_vpc': {
    status: 'skipped',
    found: '{host} can be reached only from its VPC: deploy, then npm run doctor checks it from there',
  },
  'redis.reachable.not_checked': { status: 'skipped', found: 'not checked' },
  'redis.reachable.not_usable': { status: 'failed', found: '{problems}' },
} as const satisfies Record<string, Words & { status: Status }>;

/** What is seen from where the functions run: in the cloud by functions/admin, else from this computer. */
export const insideWords: Record<InsideId, Words> = {
  'redis.reachable.ok': { found: 'responds and accepts the password' },
  'redis.reachable.no_answer': {
    found: 'no Redis responds at the host and port of REDIS_URL ({reason})',
    advice: `${redisConsole}: compare 内网地址 with REDIS_URL and 所属网络 with TENCENT_VPC_ID and TENCENT_SUBNET_ID; → 安全组: allow the subnet of the functions on that port. A function outside the VPC cannot reach private addresses.`,
  },
  'redis.reachable.not_redis': {
    found: 'the server at the host and port of REDIS_URL is not a Redis',
    advice: `Correct host and port: ${redisConsole} → 内网地址.`,
  },
  'redis.reachable.too_many_connections': {
    found: 'Redis accepts no more connections',
    advice: `${redisConsole} → 系统监控 → 连接数: find what holds them, or raise 最大连接数. Each running instance of a function holds one.`,
  },
  'redis.reachable.not_ready': {
    found: 'Redis responds, but is not ready yet ({reason})',
    advice: `It is starting, or switching to its replica: run the doctor again in a minute. If this continues: ${redisConsole} → 实例状态.`,
  },
  'redis.scripts.ok': { found: 'the scripts that a login uses run' },
  'redis.scripts.bare_cluster': {
    found: 'Redis is a cluster without a proxy ({reason}): it redirects clients from one server to another',
    advice: `REDIS_URL must name one address that serves all keys. TencentDB has a proxy in both architectures: ${redisConsole} → 内网地址. Put a proxy in front of a cluster of your own, or use a single server.`,
  },
  'redis.scripts.disabled': {
    found: 'Redis does not run scripts: EVAL or EVALSHA is switched off or not allowed for this account',
    advice: `${redisConsole} → 参数设置 → disable-command-list: remove eval, evalsha and script. With an account of your own: 账号管理 → 读写权限: 读写.`,
  },
  'redis.scripts.older_server': {
    found: 'Redis refuses scripts that write after they read the time ({reason}): it is older than 4.0',
    advice: `${redisConsole} → 版本升级: 4.0 or later. If it is newer, a proxy in front of it is not: connect to the server itself.`,
  },
  'redis.scripts.keys_not_seen': {
    found: 'a proxy in front of Redis does not find the keys in our scripts ({reason})',
    advice: `Every key in them is written KEYS[n]. Take TencentDB's own address (${redisConsole} → 内网地址), or set REDIS_URL to the server itself instead of the proxy.`,
  },
  'redis.scripts.refused': {
    found: 'Redis refuses the scripts that a login uses to store its data ({reason})',
    advice: `${redisConsole} → 系统监控 and 事件: the reason says what is missing. Logins fail until Redis accepts the scripts. error_answer: a different proxy may not accept them; connect to the server directly to compare.`,
  },
  'redis.tls.refused': {
    found: 'the encrypted connection to Redis fails ({reason})',
    advice: `With rediss:// in REDIS_URL, SSL must be on: ${redisConsole} → SSL 加密 → 开启; → 下载证书, unpack it and name the PEM file in REDIS_CA. Without SSL, write redis://.`,
  },
  'redis.tls.other_name': {
    found: 'the certificate of Redis does not name the host of REDIS_URL ({reason})',
    advice: `${redisConsole} → SSL 加密 → 下载证书, unpack it and name the PEM file in REDIS_CA: at an IP address, only that authority is then checked. If REDIS_URL has a host name, or REDIS_TLS_NAME is set: put the name in the certificate into REDIS_TLS_NAME.`,
  },
  'redis.auth.refused': {
    found: 'Redis refuses the password of REDIS_URL, or requires one and REDIS_URL has none',
    advice: `REDIS_URL has the form redis://:PASSWORD@host:port, percent-encoded, without a username. TencentDB takes one text: the password (default account), account@password (an account of your own), or instance-id:password (bought before 2018). Reset it: ${redisConsole} → 重置密码.`,
  },
  'redis.version.ok': { found: '{version}' },
  'redis.version.hidden': { found: 'this server does not show its version' },
  'redis.version.too_old': {
    found: 'Redis is version {version}; 4.0 or later is needed',
    advice: `${redisConsole} → 版本升级.`,
  },
  'redis.reads.ok': { found: 'return at once what was written' },
  'redis.reads.old': {
    found: 'a plain read does not return what was written just before: it comes from a replica that lags',
    advice: `${redisConsole} → 节点管理 → 副本只读: 关闭. Sessions and limits are not affected: they are read from the server that is written to. An access_token that WeCom has dropped may be read once more.`,
  },
  'redis.writes.read_only': {
    found: 'Redis is read-only',
    advice: `During a switch to the replica this passes within a minute: run the doctor again. If it continues: REDIS_URL must name the instance's 内网地址, not its 只读地址, and an account of your own needs 读写: ${redisConsole} → 账号管理.`,
  },
  'redis.writes.full': {
    found: 'Redis is full: it refuses to store anything',
    advice: `${redisConsole} → 变更配置: more memory. → 内存分析 shows what fills it; do not share it with caches of other software.`,
  },
  'redis.memory.ok': { found: '{percent} % used' },
  'redis.memory.no_limit': { found: 'this server shows no memory limit' },
  'redis.memory.nearly_full': {
    found: 'the memory of Redis is {percent} % used',
    advice: `${redisConsole} → 变更配置: more memory, before logins fail. → 内存分析 shows what fills it.`,
  },
  'redis.eviction.ok': { found: 'noeviction: nothing is deleted' },
  'redis.eviction.hidden': { found: 'this server does not show its policy' },
  'redis.eviction.evicts': {
    found:
      'a full Redis would delete entries (maxmemory-policy {policy}): sessions end early, limits are forgotten',
    advice: `${redisConsole} → 参数设置 → maxmemory-policy: noeviction.`,
  },
  'redis.latency.ok': { found: '{ms} ms per response' },
  'redis.latency.slow': {
    found: 'Redis takes {ms} ms to respond; inside one VPC it is about 1 ms',
    advice: `Functions and Redis should be in the same region, ideally in the same zone (可用区). Otherwise: ${redisConsole} → 系统监控 → CPU 使用率, 慢查询.`,
  },
  'wecom.reachable.no_answer': {
    found: 'WeCom cannot be reached ({api}: {reason})',
    advice:
      'A function in a VPC reaches the internet only with publicNetwork: true in serverless.yml, or through a NAT gateway (VPC console → NAT 网关) with a route 0.0.0.0/0 from its subnet. From a computer: its proxy or firewall.',
  },
  'wecom.reachable.not_wecom': {
    found: 'the server at WECOM_BASE_URL does not respond like WeCom ({api}: {reason})',
    advice: 'Leave WECOM_BASE_URL empty. If it is empty, a proxy on the way responds in place of WeCom.',
  },
  'wecom.reachable.busy': {
    found: 'WeCom says that it is busy ({api}: errcode {errcode})',
    advice: 'A temporary fault at WeCom: run the doctor again in a minute.',
  },
  'wecom.gettoken.fetched': { found: 'fetched an access_token and stored it for all functions' },
  'wecom.gettoken.stored': { found: 'the stored access_token works' },
  'wecom.gettoken.not_asked': { found: 'not asked while Redis fails' },
  'wecom.gettoken.wrong_secret': {
    found:
      'WeCom refuses the secret (errcode {errcode}): it is a different one, was reset, or the app is stopped',
    advice: `${theApp}: 已启用 must be on, and Secret → 查看 shows the one to put behind the corpid in WECOM_CORPS; not the secret of 通讯录同步 or of another app. Then deploy. Every wrong try counts: after many, WeCom bans the address for an hour.`,
  },
  'wecom.gettoken.wrong_corpid': {
    found: 'WeCom knows no such company (errcode {errcode})',
    advice: `${wecomConsole} → 我的企业 → 企业信息 → 企业ID (ww…): put it into WECOM_CORPS, then deploy.`,
  },
  'wecom.gettoken.banned': {
    found:
      'WeCom refuses gettoken from this address for now (errcode 45009); no function asks again for {seconds} s',
    advice:
      'Too many tries with a wrong secret, by any software behind this address: the ban ends an hour after the last one. Too many calls: after a minute or an hour. Stop the software that does it, then https://open.work.weixin.qq.com/wwopen/devtool/checkCorpSpamBlock may lift the ban at once.',
  },
  'wecom.gettoken.paused': {
    found: 'gettoken failed a moment ago ({why}); to avoid a ban, no function asks again for {seconds} s',
    advice:
      'Run the doctor again after that. The errcode is in the log line gettoken_failed: npx sls logs -f login, or -f refresh. A corrected secret is tried at once.',
  },
  'wecom.gettoken.waiting': {
    found: 'another function is fetching the access_token and has not finished yet',
    advice: 'Run the doctor again in ten seconds. If it continues: the log line gettoken_failed says why.',
  },
  'wecom.gettoken.refused': {
    found: 'WeCom gives no access_token (errcode {errcode})',
    advice: 'What it means: https://open.work.weixin.qq.com/devtool/query?e={errcode}',
  },
  'wecom.trusted_ip.ok': { found: 'WeCom accepts calls from this address' },
  'wecom.trusted_ip.not_trusted': {
    found: 'WeCom does not trust the address {ip} from which it is called (errcode 60020)',
    advice: `${theApp} → 企业可信IP → 配置: enter {ip}; it takes effect after about a minute. If the page asks for a 可信域名 or 接收消息 first, do that (docs/deploy.md, 3). If it refuses the address as a 第三方服务商IP: use one of your own: VPC console → NAT 网关 with a 弹性公网IP, then publicNetwork: false and eip: false in serverless.yml.`,
  },
  'wecom.app.stopped': {
    found: 'the app is stopped',
    advice: `${theApp}: switch it on (已启用).`,
  },
  'wecom.app.refused': {
    found: 'WeCom refuses {api} (errcode {errcode})',
    advice: 'What it means: https://open.work.weixin.qq.com/devtool/query?e={errcode}',
  },
  'wecom.linked.ok': { found: 'the secret is that of the linked mini-program' },
  'wecom.linked.not_linked': {
    found: 'the secret is not that of the app linked with the mini-program (errcode {errcode})',
    advice: `${wecomConsole} → 应用管理 → 小程序 → 关联小程序: link it if it is not there (its administrator scans the QR code), then open it and put its own Secret into WECOM_CORPS.`,
  },
  'wecom.visible_range.ok': { found: 'members by name: {members}, departments: {departments}, tags: {tags}' },
  'wecom.visible_range.not_listed': { found: 'WeCom lists no app for this secret' },
  'wecom.visible_range.hidden': { found: 'WeCom does not show it to this app (errcode {errcode})' },
  'wecom.visible_range.empty': {
    found: 'nobody may use the app: its visible range is empty',
    advice: `${theApp} → 可见范围 → 编辑: add members, departments or tags. All others get 403 member_not_allowed.`,
  },
  'wecom.roles.ok': { found: 'WeCom knows every department and tag of its {entries} entries' },
  'wecom.roles.unknown': {
    found: 'the role {role} names {place}, which WeCom does not show to this app: it gives nobody the role',
    advice: `The id of a department: ${wecomConsole} → 通讯录 → the department → ⋮. It must be in the app's 可见范围: ${theApp} → 可见范围 → 编辑. Then correct ROLES and deploy.`,
  },
  'wecom.roles.refused': {
    found: 'the role {role} names {place}, about which WeCom refuses to answer (errcode {errcode})',
    advice: `40068: there is no tag with this id; WeCom admin console → 通讯录 → 标签 → 标签详情 has it. 60011, 81011: ${theApp} → 可见范围 → 编辑: add the tag. Others: https://open.work.weixin.qq.com/devtool/query?e={errcode}`,
  },
};

/** For an id that is not in these tables. */
export const unknownWords: Words = {
  found: '{id} ({values}), which this checkout does not know',
  advice: 'The deployed functions are of another version than this checkout: update it, or deploy from it.',
};

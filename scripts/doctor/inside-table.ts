// The words of what is seen from where the functions run: in the cloud by functions/admin, else from this computer.
import type { InsideId } from '../../lib/doctor/finding.ts';
import { at, menusOf } from '../console-paths.ts';
import type { Words } from './table.ts';

const errcodePage = 'https://open.work.weixin.qq.com/devtool/query?e={errcode}';
const spamBlock = 'https://open.work.weixin.qq.com/wwopen/devtool/checkCorpSpamBlock';
const meaning = { en: `What it means: ${errcodePage}`, zh: `错误码说明：${errcodePage}` };

export const insideWords: Record<InsideId, Words> = {
  'redis.reachable.ok': { found: { en: 'responds and accepts the password', zh: '连接正常，密码正确' } },
  'redis.reachable.no_answer': {
    found: {
      en: 'no Redis responds at the host and port of REDIS_URL ({reason})',
      zh: 'REDIS_URL 的主机和端口没有 Redis 响应（{reason}）',
    },
    advice: {
      en: `${at.redis.en}: compare 内网地址 with REDIS_URL and 所属网络 with TENCENT_VPC_ID and TENCENT_SUBNET_ID; 安全组: allow the subnet of the functions on that port. A function outside the VPC cannot reach private addresses.`,
      zh: `${at.redis.zh}：核对“内网地址”与 REDIS_URL，“所属网络”与 TENCENT_VPC_ID、TENCENT_SUBNET_ID；在“安全组”中放行函数所在子网对该端口的访问。VPC 之外的函数访问不了内网地址。`,
    },
  },
  'redis.reachable.not_redis': {
    found: {
      en: 'the server at the host and port of REDIS_URL is not a Redis',
      zh: 'REDIS_URL 的主机和端口上不是 Redis',
    },
    advice: {
      en: `Correct host and port: ${at.redisAddress.en}.`,
      zh: `改正主机和端口：${at.redisAddress.zh}。`,
    },
  },
  'redis.reachable.too_many_connections': {
    found: { en: 'Redis accepts no more connections', zh: 'Redis 的连接数已满' },
    advice: {
      en: `${at.redisConnections.en}: find what holds them, or raise 最大连接数. Each running instance of a function holds one.`,
      zh: `${at.redisConnections.zh}：找出占用连接的程序，或调大“最大连接数”。每个运行中的函数实例占用一个连接。`,
    },
  },
  'redis.reachable.no_database': {
    found: {
      en: 'Redis refuses the database number at the end of REDIS_URL',
      zh: 'Redis 不接受 REDIS_URL 末尾的数据库编号',
    },
    advice: {
      en: 'Leave the number out: STAGE keeps stages apart. A server has 16 databases (0 to 15) unless it is configured otherwise.',
      zh: '去掉编号：各 stage 已由 STAGE 隔开。除非另有配置，Redis 只有 16 个数据库（0 到 15）。',
    },
  },
  'redis.reachable.not_ready': {
    found: {
      en: 'Redis responds, but is not ready yet ({reason})',
      zh: 'Redis 有响应，但尚未就绪（{reason}）',
    },
    advice: {
      en: `It is starting, or switching to its replica: run the doctor again in a minute. If this continues: ${at.redisState.en}.`,
      zh: `正在启动或主从切换：一分钟后再运行一次 npm run doctor。如果一直如此：${at.redisState.zh}。`,
    },
  },
  'redis.scripts.ok': { found: { en: 'the scripts that a login uses run', zh: '登录所用的脚本可以运行' } },
  'redis.scripts.bare_cluster': {
    found: {
      en: 'Redis is a cluster without a proxy ({reason}): it redirects clients from one server to another',
      zh: 'Redis 是没有代理的集群（{reason}），会把客户端重定向到其他节点',
    },
    advice: {
      en: `REDIS_URL must name one address that serves all keys. TencentDB has a proxy in both architectures: ${at.redisAddress.en}. Put a proxy in front of a cluster of your own, or use a single server.`,
      zh: `REDIS_URL 须是能访问全部键的单一地址。云数据库 Redis 的两种架构都自带代理：${at.redisAddress.zh}。自建集群请在前面加代理，或改用单机。`,
    },
  },
  'redis.scripts.disabled': {
    found: {
      en: 'Redis does not run scripts: EVAL or EVALSHA is switched off or not allowed for this account',
      zh: 'Redis 不能运行脚本：EVAL 或 EVALSHA 被禁用，或该账号没有权限',
    },
    advice: {
      en: `${at.redisCommands.en}: remove eval, evalsha and script. With an account of your own: ${menusOf('redisAccounts').en}, 读写权限: 读写.`,
      zh: `${at.redisCommands.zh}：去掉 eval、evalsha 和 script。使用自建账号时：${menusOf('redisAccounts').zh}，“读写权限”选“读写”。`,
    },
  },
  'redis.scripts.older_server': {
    found: {
      en: 'Redis refuses scripts that write after they read the time ({reason}): it is older than 4.0',
      zh: 'Redis 拒绝先读取时间再写入的脚本（{reason}）：版本低于 4.0',
    },
    advice: {
      en: `${at.redisVersion.en}: 4.0 or later. If it is newer, a proxy in front of it is not: connect to the server itself.`,
      zh: `${at.redisVersion.zh}：升级到 4.0 或更高。如果版本已经够高，则是前面的代理过旧：请直连 Redis。`,
    },
  },
  'redis.scripts.keys_not_seen': {
    found: {
      en: 'a proxy in front of Redis does not find the keys in our scripts ({reason})',
      zh: 'Redis 前面的代理识别不出脚本中的键（{reason}）',
    },
    advice: {
      en: `Every key in them is written KEYS[n]. Take TencentDB's own address (${at.redisAddress.en}), or set REDIS_URL to the server itself instead of the proxy.`,
      zh: `脚本中的键都写作 KEYS[n]。请使用云数据库 Redis 自己的地址（${at.redisAddress.zh}），或让 REDIS_URL 绕过代理直连 Redis。`,
    },
  },
  'redis.scripts.refused': {
    found: {
      en: 'Redis refuses the scripts that a login uses to store its data ({reason})',
      zh: 'Redis 拒绝了登录保存数据所用的脚本（{reason}）',
    },
    advice: {
      en: `${at.redisMonitoring.en} and 事件: the reason says what is missing. Logins fail until Redis accepts the scripts. error_answer: a different proxy may not accept them; connect to the server directly to compare.`,
      zh: `${at.redisMonitoring.zh}，以及“事件”：括号中的原因说明缺少什么。在 Redis 接受脚本之前，登录会失败。error_answer：可能是其他代理不支持，直连 Redis 对比一下。`,
    },
  },
  'redis.tls.refused': {
    found: {
      en: 'the encrypted connection to Redis fails ({reason})',
      zh: '与 Redis 建立加密连接失败（{reason}）',
    },
    advice: {
      en: `With rediss:// in REDIS_URL, SSL must be on: ${at.redisSsl.en}; then 下载证书, unpack it and name the PEM file in REDIS_CA. Without SSL, write redis://.`,
      zh: `REDIS_URL 用 rediss:// 时，须打开 SSL：${at.redisSsl.zh}；再点“下载证书”，解压后把 PEM 文件的路径填入 REDIS_CA。不用 SSL 时请写 redis://。`,
    },
  },
  'redis.tls.other_name': {
    found: {
      en: 'the certificate of Redis does not name the host of REDIS_URL ({reason})',
      zh: 'Redis 的证书不包含 REDIS_URL 的主机（{reason}）',
    },
    advice: {
      en: `${at.redisCertificate.en}, unpack it and name the PEM file in REDIS_CA: at an IP address, only that authority is then checked. If REDIS_URL has a host name, or REDIS_TLS_NAME is set: put the name in the certificate into REDIS_TLS_NAME.`,
      zh: `${at.redisCertificate.zh}，解压后把 PEM 文件的路径填入 REDIS_CA：主机是 IP 时，只校验签发机构。主机是域名，或设置了 REDIS_TLS_NAME 时：把证书中的域名填入 REDIS_TLS_NAME。`,
    },
  },
  'redis.auth.refused': {
    found: {
      en: 'Redis refuses the password of REDIS_URL, or requires one and REDIS_URL has none',
      zh: 'Redis 拒绝了 REDIS_URL 中的密码，或需要密码而 REDIS_URL 中没有',
    },
    advice: {
      en: `REDIS_URL has the form redis://:PASSWORD@host:port, percent-encoded, without a username. TencentDB takes one text: the password (default account), account@password (an account of your own), or instance-id:password (bought before 2018). Reset it: ${at.redisPassword.en}.`,
      zh: `REDIS_URL 的格式是 redis://:密码@主机:端口，密码用百分号编码，不写用户名。云数据库 Redis 的密码是一整段文本：默认账号填密码；自建账号填“账号@密码”；2018 年以前购买的实例填“实例 ID:密码”。重置：${at.redisPassword.zh}。`,
    },
  },
  'redis.version.ok': { found: { en: '{version}', zh: '{version}' } },
  'redis.version.hidden': {
    found: { en: 'this server does not show its version', zh: '该服务器不显示版本' },
  },
  'redis.version.too_old': {
    found: {
      en: 'Redis is version {version}; 4.0 or later is needed',
      zh: 'Redis 版本是 {version}，需要 4.0 或更高',
    },
    advice: { en: `${at.redisVersion.en}.`, zh: `${at.redisVersion.zh}。` },
  },
  'redis.reads.ok': { found: { en: 'return at once what was written', zh: '写入后可以立即读到' } },
  'redis.reads.old': {
    found: {
      en: 'a plain read does not return what was written just before: it comes from a replica that lags',
      zh: '普通读取读不到刚写入的数据：读到的是有延迟的副本',
    },
    advice: {
      en: `${at.redisReplica.en}: 关闭. Sessions and limits are not affected: they are read from the server that is written to. An access_token that WeCom has dropped may be read once more.`,
      zh: `${at.redisReplica.zh}：关闭。会话和限流不受影响，它们从主节点读取。已被企业微信作废的 access_token 可能会再被读到一次。`,
    },
  },
  'redis.writes.read_only': {
    found: { en: 'Redis is read-only', zh: 'Redis 处于只读状态' },
    advice: {
      en: `During a switch to the replica this passes within a minute: run the doctor again. If it continues: REDIS_URL must name the instance's 内网地址, not its 只读地址, and an account of your own needs 读写: ${at.redisAccounts.en}.`,
      zh: `如果是主从切换，一分钟内会恢复：再运行一次 npm run doctor。如果一直如此：REDIS_URL 应填实例的“内网地址”而不是“只读地址”；自建账号需要“读写”权限：${at.redisAccounts.zh}。`,
    },
  },
  'redis.writes.full': {
    found: { en: 'Redis is full: it refuses to store anything', zh: 'Redis 内存已满，拒绝写入' },
    advice: {
      en: `${at.redisSize.en}: more memory. 内存分析 shows what fills it; do not share it with caches of other software.`,
      zh: `${at.redisSize.zh}：增加内存。“内存分析”可以查看占用情况；不要与其他软件的缓存共用。`,
    },
  },
  'redis.memory.ok': { found: { en: '{percent} % used', zh: '已用 {percent}%' } },
  'redis.memory.no_limit': {
    found: { en: 'this server shows no memory limit', zh: '该服务器没有显示内存上限' },
  },
  'redis.memory.nearly_full': {
    found: { en: 'the memory of Redis is {percent} % used', zh: 'Redis 内存已用 {percent}%' },
    advice: {
      en: `${at.redisSize.en}: more memory, before logins fail. 内存分析 shows what fills it.`,
      zh: `${at.redisSize.zh}：在登录失败之前增加内存。“内存分析”可以查看占用情况。`,
    },
  },
  'redis.eviction.ok': {
    found: { en: 'noeviction: nothing is deleted', zh: 'noeviction：不会删除数据' },
  },
  'redis.eviction.hidden': {
    found: { en: 'this server does not show its policy', zh: '该服务器不显示淘汰策略' },
  },
  'redis.eviction.evicts': {
    found: {
      en: 'a full Redis would delete entries (maxmemory-policy {policy}): sessions end early, limits are forgotten',
      zh: '内存满时 Redis 会删除数据（maxmemory-policy {policy}）：会话会提前结束，限流计数会丢失',
    },
    advice: { en: `${at.redisPolicy.en}: noeviction.`, zh: `${at.redisPolicy.zh}：改为 noeviction。` },
  },
  'redis.latency.ok': { found: { en: '{ms} ms per response', zh: '每次响应 {ms} ms' } },
  'redis.latency.slow': {
    found: {
      en: 'Redis takes {ms} ms to respond; inside one VPC it is about 1 ms',
      zh: 'Redis 响应需要 {ms} ms；同一 VPC 内约为 1 ms',
    },
    advice: {
      en: `Functions and Redis should be in the same region, ideally in the same zone (可用区). Otherwise: ${at.redisCpu.en}, 慢查询.`,
      zh: `函数和 Redis 应在同一地域，最好在同一可用区。如果已经如此：查看 ${at.redisCpu.zh}，以及“慢查询”。`,
    },
  },
  'wecom.reachable.proxy': {
    found: {
      en: 'called through {host}: its public address is the 企业可信IP; the secret and access_tokens pass through it',
      zh: '经由 {host} 调用：“企业可信IP”应填它的公网 IP；Secret 和 access_token 会经过它',
    },
  },
  'wecom.reachable.proxy_no_answer': {
    found: {
      en: 'the reverse proxy of WECOM_BASE_URL, {host}, cannot be reached ({api}: {reason})',
      zh: '连接不上 WECOM_BASE_URL 指定的反向代理 {host}（{api}：{reason}）',
    },
    advice: {
      en: 'Is it running, does its firewall admit the functions, and is its certificate for this name, not expired and from a public authority? An error with cert, ssl or tls in it is the certificate.',
      zh: '检查它是否在运行、防火墙是否放行函数、证书是否与域名相符、有没有过期、是否由公共 CA 签发。原因中含 cert、ssl 或 tls 的，是证书问题。',
    },
  },
  'wecom.reachable.proxy_not_wecom': {
    found: {
      en: 'the reverse proxy of WECOM_BASE_URL, {host}, does not pass on what WeCom says ({api}: {reason})',
      zh: 'WECOM_BASE_URL 指定的反向代理 {host} 没有转发企业微信的响应（{api}：{reason}）',
    },
    advice: {
      en: 'It must pass /cgi-bin/ on to https://qyapi.weixin.qq.com with the same path and query, with that Host and TLS name, and return the answer unchanged (docs/deploy.md, 3). http_502, http_504: it does not reach WeCom itself.',
      zh: '它应把 /cgi-bin/ 原样转发到 https://qyapi.weixin.qq.com（路径和参数不变，Host 和 TLS 域名用 qyapi.weixin.qq.com），并原样返回响应（见 docs/zh/deploy.md 第 3 节）。http_502、http_504：它自己连接不上企业微信。',
    },
  },
  'wecom.reachable.no_answer': {
    found: {
      en: 'WeCom cannot be reached ({api}: {reason})',
      zh: '连接不上企业微信（{api}：{reason}）',
    },
    advice: {
      en: `A function in a VPC reaches the internet only with publicNetwork: true in serverless.yml, or through a NAT gateway (${at.natGateway.en}) with a route 0.0.0.0/0 from its subnet. From a computer: its proxy or firewall.`,
      zh: `VPC 中的函数要访问公网，须在 serverless.yml 中设置 publicNetwork: true，或经过 NAT 网关（${at.natGateway.zh}），且子网有指向它的 0.0.0.0/0 路由。在本机运行时：检查代理或防火墙。`,
    },
  },
  'wecom.reachable.not_wecom': {
    found: {
      en: 'the server at WECOM_BASE_URL does not respond like WeCom ({api}: {reason})',
      zh: 'WECOM_BASE_URL 的服务器不像企业微信那样响应（{api}：{reason}）',
    },
    advice: {
      en: 'Leave WECOM_BASE_URL empty. If it is empty, a proxy on the way responds in place of WeCom.',
      zh: '请把 WECOM_BASE_URL 留空。如果本来就是空的，说明途中有代理代替企业微信作了响应。',
    },
  },
  'wecom.reachable.busy': {
    found: {
      en: 'WeCom says that it is busy ({api}: errcode {errcode})',
      zh: '企业微信返回系统繁忙（{api}：errcode {errcode}）',
    },
    advice: {
      en: 'A temporary fault at WeCom: run the doctor again in a minute.',
      zh: '企业微信的临时故障：一分钟后再运行一次 npm run doctor。',
    },
  },
  'wecom.gettoken.fetched': {
    found: {
      en: 'fetched an access_token and stored it for all functions',
      zh: '已获取 access_token，并保存给所有函数使用',
    },
  },
  'wecom.gettoken.stored': {
    found: { en: 'the stored access_token works', zh: '已保存的 access_token 有效' },
  },
  'wecom.gettoken.not_asked': {
    found: { en: 'not asked while Redis fails', zh: 'Redis 有问题，暂不检查' },
  },
  'wecom.gettoken.wrong_secret': {
    found: {
      en: 'WeCom refuses the secret (errcode {errcode}): it is a different one, was reset, or the app is stopped',
      zh: '企业微信拒绝了 Secret（errcode {errcode}）：填错了、已被重置，或应用已停用',
    },
    advice: {
      en: `${at.app.en}: 已启用 must be on, and Secret → 查看 shows the one to put behind the corpid in WECOM_CORPS; not the secret of 通讯录同步 or of another app. Then deploy. Every wrong try counts: after many, WeCom bans the address for an hour.`,
      zh: `${at.app.zh}：须为“已启用”；点击 Secret → 查看，填到 WECOM_CORPS 中 corpid 的后面，不要填“通讯录同步”或其他应用的 Secret。然后部署。每次错误都会计数，过多时企业微信会封禁该 IP 一小时。`,
    },
  },
  'wecom.gettoken.wrong_corpid': {
    found: {
      en: 'WeCom knows no such company (errcode {errcode})',
      zh: '企业微信中没有这家企业（errcode {errcode}）',
    },
    advice: {
      en: `${at.corpid.en} (ww…): put it into WECOM_CORPS, then deploy.`,
      zh: `${at.corpid.zh}（ww…）：填入 WECOM_CORPS，然后部署。`,
    },
  },
  'wecom.gettoken.banned': {
    found: {
      en: 'WeCom refuses gettoken from this address for now (errcode 45009); no function asks again for {seconds} s',
      zh: '企业微信暂时拒绝这个 IP 调用 gettoken（errcode 45009）；{seconds} 秒内函数不再调用',
    },
    advice: {
      en: `Too many tries with a wrong secret, by any software behind this address: the ban ends an hour after the last one. Too many calls: after a minute or an hour. Stop the software that does it, then ${spamBlock} may lift the ban at once.`,
      zh: `Secret 错误的次数过多（同一 IP 下任何软件的调用都算）：最后一次错误一小时后解封。调用过于频繁：一分钟或一小时后恢复。先停掉出错的软件，再到 ${spamBlock} 尝试立即解封。`,
    },
  },
  'wecom.gettoken.paused': {
    found: {
      en: 'gettoken failed a moment ago ({why}); to avoid a ban, no function asks again for {seconds} s',
      zh: 'gettoken 刚刚失败（{why}）；为避免被封禁，{seconds} 秒内函数不再调用',
    },
    advice: {
      en: 'Run the doctor again after that. The errcode is in the log line gettoken_failed: npx sls logs -f login, or -f refresh. A corrected secret is tried at once.',
      zh: '之后再运行一次 npm run doctor。errcode 见日志中的 gettoken_failed：npx sls logs -f login 或 -f refresh。改正后的 Secret 会立即尝试。',
    },
  },
  'wecom.gettoken.waiting': {
    found: {
      en: 'another function is fetching the access_token and has not finished yet',
      zh: '另一个函数正在获取 access_token，尚未完成',
    },
    advice: {
      en: 'Run the doctor again in ten seconds. If it continues: the log line gettoken_failed says why.',
      zh: '十秒后再运行一次 npm run doctor。如果一直如此，原因见日志中的 gettoken_failed。',
    },
  },
  'wecom.gettoken.refused': {
    found: {
      en: 'WeCom gives no access_token (errcode {errcode})',
      zh: '企业微信没有返回 access_token（errcode {errcode}）',
    },
    advice: meaning,
  },
  'wecom.trusted_ip.ok': {
    found: { en: 'WeCom accepts calls from this address', zh: '企业微信接受来自该 IP 的调用' },
  },
  'wecom.trusted_ip.not_trusted': {
    found: {
      en: 'WeCom does not trust the address {ip} from which it is called (errcode 60020)',
      zh: '调用来自 {ip}，不在“企业可信IP”中（errcode 60020）',
    },
    advice: {
      en: `${at.appTrustedIp.en}: enter {ip}; it takes effect after about a minute. If the page asks for a 可信域名 or 接收消息 first, do that (docs/deploy.md, 3). If it refuses the address as a 第三方服务商IP: use one of your own: ${at.natGateway.en} with a 弹性公网IP, then publicNetwork: false and eip: false in serverless.yml; or a reverse proxy on a server of yours (WECOM_BASE_URL).`,
      zh: `${at.appTrustedIp.zh}：填入 {ip}，约一分钟后生效。如果页面要求先设置“可信域名”或“接收消息”，请先完成（见 docs/zh/deploy.md 第 3 节）。如果提示属于第三方服务商IP：改用您自己的 IP，即 ${at.natGateway.zh} 加弹性公网IP，并在 serverless.yml 中设置 publicNetwork: false 和 eip: false；或用您自己服务器上的反向代理（WECOM_BASE_URL）。`,
    },
  },
  'wecom.app.stopped': {
    found: { en: 'the app is stopped', zh: '应用已停用' },
    advice: { en: `${at.app.en}: switch it on (已启用).`, zh: `${at.app.zh}：启用应用（显示“已启用”）。` },
  },
  'wecom.app.refused': {
    found: {
      en: 'WeCom refuses {api} (errcode {errcode})',
      zh: '企业微信拒绝了 {api}（errcode {errcode}）',
    },
    advice: meaning,
  },
  'wecom.linked.ok': {
    found: {
      en: 'the secret is that of the linked mini-program',
      zh: 'Secret 属于已关联小程序的应用',
    },
  },
  'wecom.linked.not_linked': {
    found: {
      en: 'the secret is not that of the app linked with the mini-program (errcode {errcode})',
      zh: 'Secret 不属于关联了小程序的应用（errcode {errcode}）',
    },
    advice: {
      en: `${at.appLinked.en}: link it if it is not there (its administrator scans the QR code), then open it and put its own Secret into WECOM_CORPS.`,
      zh: `${at.appLinked.zh}：如果还没有关联，请关联（由小程序管理员扫码）；然后打开该应用，把它自己的 Secret 填入 WECOM_CORPS。`,
    },
  },
  'wecom.visible_range.ok': {
    found: {
      en: 'members by name: {members}, departments: {departments}, tags: {tags}',
      zh: '指定成员 {members} 人，部门 {departments} 个，标签 {tags} 个',
    },
  },
  'wecom.visible_range.not_listed': {
    found: { en: 'WeCom lists no app for this secret', zh: '企业微信没有列出该 Secret 对应的应用' },
  },
  'wecom.visible_range.hidden': {
    found: {
      en: 'WeCom does not show it to this app (errcode {errcode})',
      zh: '企业微信不允许该应用查看（errcode {errcode}）',
    },
  },
  'wecom.visible_range.empty': {
    found: {
      en: 'nobody may use the app: its visible range is empty',
      zh: '可见范围为空，没有人可以使用该应用',
    },
    advice: {
      en: `${at.appVisibleRange.en}: add members, departments or tags. All others get 403 member_not_allowed.`,
      zh: `${at.appVisibleRange.zh}：添加成员、部门或标签。范围之外的人会得到 403 member_not_allowed。`,
    },
  },
  'wecom.roles.ok': {
    found: {
      en: 'WeCom knows every department and tag of its {entries} entries',
      zh: '{entries} 项中的部门和标签在企业微信中都存在',
    },
  },
  'wecom.roles.unknown': {
    found: {
      en: 'the role {role} names {place}, which WeCom does not show to this app: it gives nobody the role',
      zh: '角色 {role} 引用的 {place} 对该应用不可见：没有人会得到这个角色',
    },
    advice: {
      en: `The id of a department: ${at.departmentId.en}. It must be in the app's 可见范围: ${at.appVisibleRange.en}. Then correct ROLES and deploy.`,
      zh: `部门 ID：${at.departmentId.zh}。该部门须在应用的可见范围内：${at.appVisibleRange.zh}。然后改正 ROLES 并部署。`,
    },
  },
  'wecom.roles.refused': {
    found: {
      en: 'the role {role} names {place}, about which WeCom refuses to answer (errcode {errcode})',
      zh: '角色 {role} 引用的 {place}，企业微信拒绝查询（errcode {errcode}）',
    },
    advice: {
      en: `40068: there is no tag with this id; ${at.tagId.en} has it. 60011, 81011: ${at.appVisibleRange.en}: add the tag. Others: ${errcodePage}`,
      zh: `40068：没有这个标签，标签 ID 见 ${at.tagId.zh}。60011、81011：${at.appVisibleRange.zh}：添加该标签。其他错误码：${errcodePage}`,
    },
  },
};

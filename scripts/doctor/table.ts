// All words of the doctor: what each id means to an operator, and where to fix it. `{name}` is replaced by a value that is
// found at run time. docs/doctor.md and docs/zh/doctor.md are compared with these tables.
import type { InsideId, Status } from '../../lib/doctor/finding.ts';
import { at, menusOf, ofFunction } from '../console-paths.ts';
import type { Bilingual } from '../language.ts';

export interface Words {
  /** One line: what was seen. */
  found: Bilingual;
  /** What to do, and where to click; menus as the consoles name them. */
  advice?: Bilingual;
}

/** The same text in both languages: a value, or a command to run. */
function same(text: string): Bilingual {
  return { en: text, zh: text };
}

const deployAgain: Bilingual = { en: 'Deploy again.', zh: '重新部署。' };
const scf = {
  page: ofFunction(at.scfFunction, '{name}'),
  url: ofFunction(at.scfUrl, '{name}'),
  triggers: ofFunction(at.scfTriggers, '{name}'),
  monitoring: ofFunction(menusOf('scfMonitoring'), '{name}'),
  egressIp: ofFunction(at.scfEgressIp, '{name}'),
};

/** What is seen from a computer: the environment, Tencent's API, and the addresses that members and WeCom call. */
export const outsideWords = {
  'doctor.step.failed': {
    status: 'failed',
    found: {
      en: 'the doctor itself failed while {step} ({error}): what it would have found there is unknown',
      zh: 'doctor 在“{step}”时出错（{error}），这一步的结果未知',
    },
    advice: {
      en: 'All other lines are valid. This is a bug of the doctor, or a response that it does not understand: please report this line.',
      zh: '其余各行仍然有效。这是 doctor 自身的缺陷，或它收到了无法识别的响应：反馈时请附上这一行。',
    },
  },
  'environment.file.ok': { status: 'ok', found: same('{file}') },
  'environment.file.of_this_shell': {
    status: 'ok',
    found: {
      en: 'there is no .env here: the variables of this shell are used',
      zh: '没有 .env，使用当前 shell 的环境变量',
    },
  },
  'environment.file.missing': {
    status: 'failed',
    found: { en: 'there is neither {wanted} nor .env here', zh: '没有找到 {wanted} 或 .env' },
    advice: {
      en: 'npm run setup asks for everything and writes it. By hand: copy .env.example to .env and fill it in.',
      zh: '运行 npm run setup，按提示填写即可生成。也可以把 .env.example 复制为 .env，手动填写。',
    },
  },
  'environment.file.of_another_stage': {
    status: 'warning',
    found: {
      en: 'there is no .env.{stage}: .env is used, which may be that of another stage',
      zh: '没有 .env.{stage}，使用的是 .env，它可能属于另一个 stage',
    },
    advice: same('npm run setup -- --stage {stage}'),
  },
  'environment.file.readable_by_others': {
    status: 'warning',
    found: {
      en: '{file} holds secrets and other users of this computer may read it',
      zh: '{file} 含有密钥，但本机的其他用户也能读取',
    },
    advice: same('chmod 600 {file}'),
  },
  'environment.variables.ok': {
    status: 'ok',
    found: { en: 'complete; companies: {companies}', zh: '完整；企业数：{companies}' },
  },
  'environment.variables.unusable': {
    status: 'failed',
    found: same('{problems}'),
    advice: {
      en: 'Correct them in {file}, or let npm run setup ask for them. .env.example says what each one is.',
      zh: '修改 {file}，或运行 npm run setup 按提示填写。各项含义见 .env.example。',
    },
  },
  'environment.variables.unknown': {
    status: 'warning',
    found: { en: 'nothing reads {names}', zh: '没有程序读取 {names}' },
    advice: {
      en: 'Correct the name in {file}, or remove the line. A variable of your own function must be in serverless.yml: NAME: ${env:NAME}.',
      zh: '更正 {file} 中的名称，或删除这一行。您自己的函数所用的变量须写入 serverless.yml：NAME: ${env:NAME}。',
    },
  },
  'miniprogram.sharing.ok': {
    status: 'ok',
    found: { en: 'no page can be shared or added to favourites', zh: '没有页面可以转发或收藏' },
  },
  'miniprogram.sharing.enabled': {
    status: 'warning',
    found: {
      en: 'pages can be shared or added to favourites: {places}',
      zh: '有页面可以转发或收藏：{places}',
    },
    advice: {
      en: 'An internal mini-program has no onShareAppMessage, onShareTimeline, onAddToFavorites and no open-type="share": then WeChat offers neither. Remove them. If a page is meant to be shared: who opens it must still log in, so ignore this line.',
      zh: '内部小程序不应定义 onShareAppMessage、onShareTimeline、onAddToFavorites，也不应使用 open-type="share"：没有它们，菜单中就没有转发和收藏。请删除。如果确实需要转发：打开的人仍须登录，可以忽略这一行。',
    },
  },
  'cloud.manifest.not_read': {
    status: 'skipped',
    found: { en: 'not read while the variables cannot be used', zh: '变量有误，暂不读取' },
  },
  'cloud.manifest.unreadable': {
    status: 'failed',
    found: { en: 'serverless.yml cannot be read: {message}', zh: '无法读取 serverless.yml：{message}' },
    advice: {
      en: 'The message names the key that is wrong; comments in serverless.yml say what each is for.',
      zh: '报错信息指出了有误的键；各键的用途见 serverless.yml 中的注释。',
    },
  },
  'cloud.api.no_answer': {
    status: 'failed',
    found: { en: 'Tencent Cloud does not respond to this computer', zh: '本机连接不上腾讯云' },
    advice: {
      en: 'Check the network, and HTTPS_PROXY if this computer needs a proxy.',
      zh: '检查网络；本机需要代理时，设置 HTTPS_PROXY。',
    },
  },
  'cloud.api.failed': {
    status: 'failed',
    found: { en: 'Tencent Cloud refuses: {message}', zh: '腾讯云拒绝了请求：{message}' },
    advice: {
      en: 'If it is a temporary fault of theirs, try again later; for a ticket (工单), give the request id.',
      zh: '如果是腾讯云的临时故障，请稍后重试；提交工单时附上 request id。',
    },
  },
  'cloud.key.ok': {
    status: 'ok',
    found: { en: 'of the account with APPID {appId}', zh: '所属账号的 APPID：{appId}' },
  },
  'cloud.key.known': {
    status: 'ok',
    found: {
      en: 'is known; the deploy will show what it may do',
      zh: '有效；权限是否足够，部署时才能确认',
    },
  },
  'cloud.key.not_set': {
    status: 'skipped',
    found: {
      en: 'TENCENT_SECRET_ID is empty, so what is deployed cannot be checked',
      zh: '没有填写 TENCENT_SECRET_ID，无法检查已部署的内容',
    },
  },
  'cloud.key.not_given': { status: 'skipped', found: { en: 'no key was given', zh: '没有填写密钥' } },
  'cloud.key.refused': {
    status: 'failed',
    found: {
      en: 'Tencent Cloud does not know the key, or its secret is wrong ({code})',
      zh: '密钥不存在，或 SecretKey 不正确（{code}）',
    },
    advice: {
      en: `${at.camKey.en}: SecretId and SecretKey for TENCENT_SECRET_ID and TENCENT_SECRET_KEY, 状态 已启用. Temporary keys need TENCENT_TOKEN too, and expire by themselves.`,
      zh: `${at.camKey.zh}：把 SecretId 和 SecretKey 填入 TENCENT_SECRET_ID 和 TENCENT_SECRET_KEY，状态须为“已启用”。临时密钥还需要 TENCENT_TOKEN，到期自动失效。`,
    },
  },
  'cloud.key.clock': {
    status: 'failed',
    found: {
      en: 'the clock of this computer is wrong by more than five minutes',
      zh: '本机时间的误差超过五分钟',
    },
    advice: {
      en: 'Set the clock: Tencent Cloud refuses signatures with a wrong time.',
      zh: '校准本机时间：时间不准时，腾讯云会拒绝签名。',
    },
  },
  'cloud.key.rights': {
    status: 'failed',
    found: { en: 'the key may not do {action}', zh: '密钥没有 {action} 权限' },
    advice: {
      en: `${at.camPolicy.en} with the policy of docs/deploy.md, then ${menusOf('camGrant').en}.`,
      zh: `${at.camPolicy.zh}：使用 docs/zh/deploy.md 中的策略；然后在 ${menusOf('camGrant').zh} 关联该策略。`,
    },
  },
  'cloud.region.unknown': {
    status: 'failed',
    found: { en: 'Tencent Cloud has no region {region}', zh: '腾讯云没有 {region} 这个地域' },
    advice: {
      en: 'TENCENT_REGION must be the region of the VPC and of Redis, such as ap-guangzhou or ap-shanghai.',
      zh: 'TENCENT_REGION 应为 VPC 和 Redis 所在的地域，例如 ap-guangzhou、ap-shanghai。',
    },
  },
  'cloud.functions.ok': { status: 'ok', found: same('{names}') },
  'cloud.functions.not_deployed': {
    status: 'skipped',
    found: {
      en: 'nothing of stage {stage} is deployed yet: npm run deploy -- --stage {stage}',
      zh: 'stage {stage} 尚未部署：npm run deploy -- --stage {stage}',
    },
  },
  'cloud.functions.missing': {
    status: 'failed',
    found: { en: 'not deployed: {names}', zh: '未部署：{names}' },
    advice: same('npm run deploy -- --stage {stage}'),
  },
  'cloud.functions.not_active': {
    status: 'failed',
    found: { en: 'the function is in the state {state}', zh: '函数状态为 {state}' },
    advice: {
      en: `${scf.page.en}: the page says why. A change in progress ends within minutes; otherwise deploy again.`,
      zh: `${scf.page.zh}：页面上有原因。如果正在变更，几分钟内会结束；否则重新部署。`,
    },
  },
  'cloud.functions.stopped': {
    status: 'failed',
    found: {
      en: 'Tencent Cloud has stopped the function ({available})',
      zh: '函数已被腾讯云停用（{available}）',
    },
    advice: {
      en: `Usually an unpaid bill (欠费): ${at.topUp.en}. It runs again within minutes after that.`,
      zh: `通常是因为欠费：${at.topUp.zh}。充值后几分钟内恢复运行。`,
    },
  },
  'cloud.settings.ok': {
    status: 'ok',
    found: { en: 'as in serverless.yml and {file}', zh: '与 serverless.yml 和 {file} 一致' },
  },
  'cloud.settings.differ': {
    status: 'warning',
    found: {
      en: 'deployed with other settings than serverless.yml has: {settings}',
      zh: '已部署的配置与 serverless.yml 不一致：{settings}',
    },
    advice: {
      en: 'Deploy, or copy the change that was made in the console into serverless.yml.',
      zh: '重新部署；如果是在控制台修改的，把改动写回 serverless.yml。',
    },
  },
  'cloud.settings.environment_differs': {
    status: 'warning',
    found: {
      en: 'deployed with other values than {file} has: {names}',
      zh: '已部署的变量与 {file} 不一致：{names}',
    },
    advice: {
      en: 'Deploy: a changed value takes effect only with a deploy.',
      zh: '重新部署：变量修改后，部署才会生效。',
    },
  },
  'cloud.url.ok': { status: 'ok', found: same('{url}') },
  'cloud.url.missing': {
    status: 'failed',
    found: {
      en: 'the function has no function URL, or it is closed',
      zh: '函数没有函数 URL，或函数 URL 未开放',
    },
    advice: {
      en: `Deploy again. Changed by hand: ${scf.url.en}: 公网访问 on, 授权类型 开放.`,
      zh: `重新部署。如果在控制台修改过：${scf.url.zh}：打开“公网访问”，“授权类型”选“开放”。`,
    },
  },
  'cloud.url.no_answer': {
    status: 'failed',
    found: {
      en: '{url}{path} returns {answer} instead of 200',
      zh: '{url}{path} 应返回 200，实际：{answer}',
    },
    advice: {
      en: 'npx sls logs -f {key} says why the function does not start; "config_invalid" there names the variable that is wrong. npx sls rollback returns to the previous version.',
      zh: '运行 npx sls logs -f {key} 查看函数为何没有启动；其中的 config_invalid 会指出有误的变量。npx sls rollback 可以回到上一个版本。',
    },
  },
  'cloud.url.refused_by_scf': {
    status: 'failed',
    found: {
      en: 'SCF itself responds at {url}{path}, and not the function: {status}, {meaning}',
      zh: '{url}{path} 的响应来自 SCF 平台，不是函数本身：{status}，{meaning}',
    },
    advice: {
      en: 'npx sls logs -f {key} says more. npx sls rollback returns to the previous version.',
      zh: '详细信息见 npx sls logs -f {key}。npx sls rollback 可以回到上一个版本。',
    },
  },
  'cloud.timer.ok': { status: 'ok', found: { en: 'ran {minutes} min ago', zh: '{minutes} 分钟前运行过' } },
  'cloud.timer.not_logged': {
    status: 'skipped',
    found: {
      en: 'on; without cls in serverless.yml its last run is not visible',
      zh: '已开启；serverless.yml 中没有 cls，看不到上次运行的时间',
    },
  },
  'cloud.timer.missing': {
    status: 'failed',
    found: {
      en: 'the function has no timer {timer}, so the access_token is not renewed ahead of time',
      zh: '函数没有定时触发器 {timer}，access_token 不会提前续期',
    },
    advice: deployAgain,
  },
  'cloud.timer.off': {
    status: 'failed',
    found: { en: 'the timer {timer} is switched off', zh: '定时触发器 {timer} 已关闭' },
    advice: { en: `${scf.triggers.en}: 开启.`, zh: `${scf.triggers.zh}：开启。` },
  },
  'cloud.timer.never_ran': {
    status: 'warning',
    found: {
      en: 'no run of the timer within the last day is in the log',
      zh: '最近一天的日志中没有定时触发器的运行记录',
    },
    advice: {
      en: `If it was just deployed: wait five minutes. Otherwise: npx sls logs -f refresh, and the log topic (${menusOf('logs').en}).`,
      zh: `如果刚刚部署，请等五分钟。否则运行 npx sls logs -f refresh，或查看日志主题（${menusOf('logs').zh}）。`,
    },
  },
  'cloud.timer.silent': {
    status: 'failed',
    found: {
      en: 'the timer last ran {minutes} minutes ago; it should run every {wanted}',
      zh: '定时触发器上次运行是在 {minutes} 分钟前，应每 {wanted}运行一次',
    },
    advice: {
      en: `${scf.triggers.en}: is it on? ${scf.monitoring.en}: was the function throttled? An unpaid bill (欠费) stops it too.`,
      zh: `${scf.triggers.zh}：是否已开启？${scf.monitoring.zh}：函数是否被限流？欠费也会使它停止。`,
    },
  },
  'cloud.timer.failing': {
    status: 'failed',
    found: {
      en: 'the last run of the timer could not renew {failed} of {companies} access_tokens',
      zh: '定时触发器上次运行时，{companies} 个 access_token 中有 {failed} 个续期失败',
    },
    advice: {
      en: 'The findings below about Redis and WeCom show why, and so does the log: npx sls logs -f refresh.',
      zh: '原因见下方 Redis 和企业微信的检查结果，日志中也有：npx sls logs -f refresh。',
    },
  },
  'cloud.egress_ip.ok': {
    status: 'ok',
    found: {
      en: '{ip}, the one to enter in WeCom as 企业可信IP',
      zh: '{ip}，请填入企业微信的“企业可信IP”',
    },
  },
  'cloud.egress_ip.not_deployed': { status: 'skipped', found: { en: 'nothing is deployed', zh: '尚未部署' } },
  'cloud.egress_ip.of_nat_gateway': {
    status: 'skipped',
    found: {
      en: 'eip is off in serverless.yml: the address is that of your NAT gateway',
      zh: 'serverless.yml 中关闭了 eip：出口 IP 是您的 NAT 网关的公网 IP',
    },
  },
  'cloud.egress_ip.of_proxy': {
    status: 'skipped',
    found: {
      en: 'WeCom sees the address of {host} (WECOM_BASE_URL), not that of the functions',
      zh: '企业微信看到的是 {host}（WECOM_BASE_URL）的 IP，不是函数的出口 IP',
    },
  },
  'cloud.egress_ip.none': {
    status: 'failed',
    found: {
      en: 'the functions have no fixed egress IP, so there is no address for WeCom to trust',
      zh: '函数没有固定出口 IP，没有可以填入“企业可信IP”的地址',
    },
    advice: {
      en: `Deploy again with eip: true. ${scf.egressIp.en} shows whether the account's quota is used up.`,
      zh: `设置 eip: true 后重新部署。账号的配额是否用完：${scf.egressIp.zh}。`,
    },
  },
  'cloud.egress_ip.several': {
    status: 'failed',
    found: {
      en: 'the functions have different egress addresses: {ips}',
      zh: '各函数的出口 IP 不同：{ips}',
    },
    advice: {
      en: 'Enter all of them as 企业可信IP, or put all functions into one subnet and deploy: then they share one.',
      zh: '把它们都填入“企业可信IP”；或把所有函数放进同一个子网后重新部署，共用一个 IP。',
    },
  },
  'cloud.admin.failed': {
    status: 'failed',
    found: {
      en: 'the admin function does not report what is wrong: {message}',
      zh: 'admin 函数没有返回检查结果：{message}',
    },
    advice: {
      en: 'npx sls logs -f admin says more. "invalid_request": the deployed version is older than this doctor: deploy again. Timed out: Redis or WeCom cannot be reached, check 安全组 and NAT 网关 of the VPC.',
      zh: '详细信息见 npx sls logs -f admin。出现 invalid_request：已部署的版本比当前代码旧，请重新部署。超时：连接不上 Redis 或企业微信，请检查 VPC 的安全组和 NAT 网关。',
    },
  },
  'domain.binding.ok': { status: 'ok', found: { en: '{domain}, {routes}', zh: '{domain}，{routes}' } },
  'domain.binding.not_set': {
    status: 'skipped',
    found: {
      en: 'TENCENT_DOMAIN is empty: members call the function URL, which mini-programs may not accept',
      zh: '没有填写 TENCENT_DOMAIN：小程序直接访问函数 URL，而小程序可能不允许该域名',
    },
  },
  'domain.binding.missing': {
    status: 'failed',
    found: { en: '{domain} is not bound to the functions', zh: '{domain} 没有绑定到函数' },
    advice: {
      en: `Deploy. If the deploy is refused: ${at.scfDomain.en} says why; in mainland regions the domain needs an ICP filing (备案).`,
      zh: `重新部署。如果被拒绝，在 ${at.scfDomain.zh} 查看原因；中国内地的地域要求域名已完成 ICP 备案。`,
    },
  },
  'domain.binding.differs': {
    status: 'failed',
    found: {
      en: '{domain} is not bound as serverless.yml says: {differences}',
      zh: '{domain} 的绑定与 serverless.yml 不一致：{differences}',
    },
    advice: deployAgain,
  },
  'domain.answer.ok': { status: 'ok', found: same('https://{domain}') },
  'domain.answer.missing': {
    status: 'failed',
    found: {
      en: 'https://{domain}/health returns {answer} instead of 200',
      zh: 'https://{domain}/health 应返回 200，实际：{answer}',
    },
    advice: {
      en: `DNS: {domain} needs a CNAME to <APPID>.{region}.tencentscf.com (${at.dns.en}). Certificate: it must be for this name.`,
      zh: `DNS：为 {domain} 添加 CNAME 记录，指向 <APPID>.{region}.tencentscf.com，入口：${at.dns.zh}。证书：须包含这个域名。`,
    },
  },
  'domain.certificate.ok': {
    status: 'ok',
    found: {
      en: '{certificate} expires on {end}, in {days} days',
      zh: '{certificate} 将于 {end} 到期，还有 {days} 天',
    },
  },
  'domain.certificate.not_allowed': {
    status: 'skipped',
    found: {
      en: 'to see when it expires, the key needs ssl:DescribeCertificate',
      zh: '密钥没有 ssl:DescribeCertificate 权限，看不到到期时间',
    },
  },
  'domain.certificate.not_dated': {
    status: 'skipped',
    found: {
      en: 'when {certificate} expires cannot be read: "{end}"',
      zh: '无法识别 {certificate} 的到期时间：{end}',
    },
  },
  'domain.certificate.not_issued': {
    status: 'failed',
    found: {
      en: 'the certificate {certificate} is not issued yet',
      zh: '证书 {certificate} 尚未签发',
    },
    advice: {
      en: `${at.certificates.en}: its 状态 says what it waits for, usually the proof that the domain is yours (a DNS record). Deploy when it is 已签发.`,
      zh: `${at.certificates.zh}：“状态”一栏说明在等什么，通常是验证域名所有权（添加一条 DNS 记录）。变为“已签发”后部署。`,
    },
  },
  'domain.certificate.expired': {
    status: 'failed',
    found: { en: 'the certificate {certificate} expired on {end}', zh: '证书 {certificate} 已于 {end} 到期' },
    advice: {
      en: `${at.certificates.en}: get a new one, put its id into TENCENT_CERTIFICATE_ID and deploy. Members see a network error until then.`,
      zh: `${at.certificates.zh}：申请新证书，把证书 ID 填入 TENCENT_CERTIFICATE_ID 后部署。在此之前，成员会看到网络错误。`,
    },
  },
  'domain.certificate.ends_soon': {
    status: 'warning',
    found: {
      en: 'the certificate {certificate} expires on {end}, in {days} days',
      zh: '证书 {certificate} 将于 {end} 到期，还有 {days} 天',
    },
    advice: {
      en: `${at.certificates.en}: renew it, put the new id into TENCENT_CERTIFICATE_ID and deploy. A renewed certificate has a new id and does not replace the old one by itself.`,
      zh: `${at.certificates.zh}：续期后，把新的证书 ID 填入 TENCENT_CERTIFICATE_ID 并部署。续期会产生新的证书 ID，不会自动替换旧证书。`,
    },
  },
  'domain.certificate.missing': {
    status: 'failed',
    found: {
      en: 'there is no certificate {certificate} in this account',
      zh: '该账号下没有证书 {certificate}',
    },
    advice: {
      en: `${at.certificates.en}: the id is in the list (证书 ID); put it into TENCENT_CERTIFICATE_ID.`,
      zh: `${at.certificates.zh}：复制列表中的证书 ID，填入 TENCENT_CERTIFICATE_ID。`,
    },
  },
  'domain.certificate.of_another_name': {
    status: 'failed',
    found: {
      en: 'the certificate {certificate} is for {names}, not for {domain}',
      zh: '证书 {certificate} 的域名是 {names}，不包含 {domain}',
    },
    advice: {
      en: `${at.certificates.en}: get one for this name, put its id into TENCENT_CERTIFICATE_ID and deploy.`,
      zh: `${at.certificates.zh}：为这个域名申请证书，把证书 ID 填入 TENCENT_CERTIFICATE_ID 后部署。`,
    },
  },
  'domain.verify_file.ok': { status: 'ok', found: same('{url}') },
  'domain.verify_file.not_served': {
    status: 'failed',
    found: {
      en: '{url} does not return the code, so WeCom cannot verify the domain',
      zh: '{url} 没有返回校验码，企业微信无法校验域名',
    },
    advice: {
      en: 'Deploy: WECOM_DOMAIN_VERIFY takes effect only with a deploy. The code is the text between WW_verify_ and .txt.',
      zh: '重新部署：WECOM_DOMAIN_VERIFY 部署后才生效。校验码是 WW_verify_ 与 .txt 之间的部分。',
    },
  },
  'callback.url.ok': {
    status: 'ok',
    found: { en: '{url} echoes in {ms} ms', zh: '{url} 校验通过，用时 {ms} ms' },
  },
  'callback.url.not_set': {
    status: 'skipped',
    found: {
      en: 'WECOM_CALLBACKS is empty: a member who left is noticed at the next re-check, not at once',
      zh: '没有填写 WECOM_CALLBACKS：成员离职后不能立即发现，要等到下次复查',
    },
  },
  'callback.url.not_deployed': {
    status: 'skipped',
    found: { en: 'the function callback is not deployed', zh: 'callback 函数尚未部署' },
  },
  'callback.url.not_checked': {
    status: 'skipped',
    found: { en: 'not checked while the variables cannot be used', zh: '变量有误，暂不检查' },
  },
  'callback.url.no_answer': {
    status: 'failed',
    found: { en: '{url} returns {answer}', zh: '{url} 没有通过校验，返回：{answer}' },
    advice: {
      en: 'Deploy: the function callback exists only with WECOM_CALLBACKS. npx sls logs -f callback says why it does not start.',
      zh: '重新部署：填写了 WECOM_CALLBACKS，才会部署 callback 函数。没有启动的原因见 npx sls logs -f callback。',
    },
  },
  'callback.url.not_verifying': {
    status: 'failed',
    found: {
      en: '{url} refuses what was signed with WECOM_CALLBACKS as WeCom would sign it',
      zh: '按企业微信的方式用 WECOM_CALLBACKS 签名，{url} 拒绝了校验请求',
    },
    advice: {
      en: `Deploy, so that the function has the same token and EncodingAESKey as your .env; then ${at.appCallback.en} must have the same two.`,
      zh: `重新部署，使函数的 Token 和 EncodingAESKey 与 .env 一致；然后核对 ${at.appCallback.zh}，填写的也须是这两个值。`,
    },
  },
  'callback.url.slow': {
    status: 'warning',
    found: {
      en: '{url} took {ms} ms; WeCom allows one second for a verification',
      zh: '{url} 用时 {ms} ms，而企业微信要求在一秒内完成校验',
    },
    advice: {
      en: 'A first call starts an instance: run the doctor again. If saving the page in WeCom fails, save it again at once.',
      zh: '首次调用要启动实例：请再运行一次 npm run doctor。如果在企业微信保存时校验失败，立即再保存一次。',
    },
  },
  'callback.domain.ok': {
    status: 'ok',
    found: { en: '{domain}; its 备案主体 must be the company', zh: '{domain}；备案主体须为本企业' },
  },
  'callback.domain.function_url': {
    status: 'warning',
    found: {
      en: 'the callback URL is at {host}, which WeCom does not accept: its ICP filing is not your company’s',
      zh: '回调 URL 的域名是 {host}，备案主体不是本企业，企业微信不接受',
    },
    advice: {
      en: 'Set TENCENT_DOMAIN to a domain whose 备案主体 is the company itself (docs/deploy.md, 3 and 4), and deploy.',
      zh: '把 TENCENT_DOMAIN 设为备案主体是本企业的域名（见 docs/zh/deploy.md 第 3、4 节），然后部署。',
    },
  },
  'setup.reviewer.not_usable': { status: 'failed', found: same('{message}') },
  'redis.reachable.only_in_vpc': {
    status: 'skipped',
    found: {
      en: '{host} can be reached only from its VPC: deploy, then npm run doctor checks it from there',
      zh: '{host} 只能在 VPC 内访问：部署后运行 npm run doctor，会从云上检查',
    },
  },
  'redis.reachable.not_checked': { status: 'skipped', found: { en: 'not checked', zh: '未检查' } },
  'redis.reachable.not_usable': { status: 'failed', found: same('{problems}') },
} as const satisfies Record<string, Words & { status: Status }>;

type CheckOf<Id> = Id extends `${infer Where}.${infer What}.${string}` ? `${Where}.${What}` : never;

/** What each check is called in the terminal. WeCom's own words where an operator looks for them in its console. */
export const titles: Record<CheckOf<keyof typeof outsideWords | InsideId>, Bilingual> = {
  'doctor.step': { en: 'doctor', zh: 'doctor' },
  'setup.reviewer': { en: 'reviewer', zh: '审核账号' },
  'environment.file': { en: 'file', zh: '文件' },
  'environment.variables': { en: 'variables', zh: '变量' },
  'miniprogram.sharing': { en: 'sharing', zh: '转发和收藏' },
  'cloud.manifest': same('serverless.yml'),
  'cloud.api': { en: 'Tencent Cloud', zh: '腾讯云' },
  'cloud.key': { en: 'API key', zh: 'API 密钥' },
  'cloud.region': { en: 'region', zh: '地域' },
  'cloud.functions': { en: 'functions', zh: '函数' },
  'cloud.settings': { en: 'settings', zh: '函数配置' },
  'cloud.url': { en: 'function URL', zh: '函数 URL' },
  'cloud.timer': { en: 'timer', zh: '定时触发器' },
  'cloud.egress_ip': { en: 'egress IP', zh: '出口 IP' },
  'cloud.admin': { en: 'admin function', zh: 'admin 函数' },
  'domain.binding': { en: 'domain', zh: '自定义域名' },
  'domain.answer': { en: 'domain answers', zh: '域名访问' },
  'domain.certificate': { en: 'certificate', zh: 'SSL 证书' },
  'domain.verify_file': { en: '可信域名 (proof of ownership)', zh: '可信域名校验文件' },
  'callback.url': { en: '接收消息 (callback)', zh: '接收消息（回调）' },
  'callback.domain': { en: '接收消息, its domain', zh: '接收消息的域名' },
  'redis.reachable': same('Redis'),
  'redis.tls': { en: 'Redis, encryption', zh: 'Redis 加密连接' },
  'redis.auth': { en: 'Redis, password', zh: 'Redis 密码' },
  'redis.version': { en: 'Redis, version', zh: 'Redis 版本' },
  'redis.scripts': { en: 'Redis, scripts', zh: 'Redis 脚本' },
  'redis.writes': { en: 'Redis, writing', zh: 'Redis 写入' },
  'redis.memory': { en: 'Redis, memory', zh: 'Redis 内存' },
  'redis.eviction': { en: 'Redis, when full', zh: 'Redis 淘汰策略' },
  'redis.reads': { en: 'Redis, reads', zh: 'Redis 读取' },
  'redis.latency': { en: 'Redis, speed', zh: 'Redis 延迟' },
  'wecom.reachable': { en: 'WeCom', zh: '企业微信' },
  'wecom.gettoken': { en: 'access_token (corpid and secret)', zh: 'access_token（corpid 和 Secret）' },
  'wecom.trusted_ip': { en: '企业可信IP (trusted IP)', zh: '企业可信IP' },
  'wecom.app': { en: 'app', zh: '应用' },
  'wecom.linked': { en: 'app linked with the mini-program', zh: '应用与小程序的关联' },
  'wecom.visible_range': { en: '可见范围 (visible range)', zh: '可见范围' },
  'wecom.roles': same('ROLES'),
};

/** For an id that is not in these tables. */
export const unknownWords: Words = {
  found: {
    en: '{id} ({values}), which this checkout does not know',
    zh: '{id}（{values}），当前代码不认识这项结果',
  },
  advice: {
    en: 'The deployed functions are of another version than this checkout: update it, or deploy from it.',
    zh: '已部署的函数与当前代码的版本不同：更新代码，或用当前代码重新部署。',
  },
};

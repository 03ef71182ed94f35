import { diagnosed, type Diagnoses, type Finding, type Values } from '../../lib/diagnose-table.ts';

const scfConsole = 'Tencent Cloud console → 云函数 → 函数服务';

/** What is seen from a computer: the environment, Tencent's API, and the addresses that members and WeCom call. */
export const outsideDiagnoses = {
  'doctor.step.failed': {
    status: 'failed',
    found: 'the doctor itself failed while {step} ({error}): what it would have found there is unknown',
    advice:
      'All other lines are valid. This is a bug of the doctor, or a response that it does not understand: please report this line.',
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
  'environment.variables.unusable': {
    status: 'failed',
    found: '{problems}',
    advice: 'Correct them in {file}, or let npm run setup ask for them. .env.example says what each one is.',
  },
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
  'domain.answer.missing': {
    status: 'failed',
    found: 'https://{domain}/health returns {answer} instead of 200',
    advice:
      'DNS: {domain} needs a CNAME to <APPID>.{region}.tencentscf.com (DNSPod console → 我的域名 → 记录管理). Certificate: it must be for this name.',
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
  'domain.verify_file.not_served': {
    status: 'failed',
    found: '{url} does not return the code, so WeCom cannot verify the domain',
    advice:
      'Deploy: WECOM_DOMAIN_VERIFY takes effect only with a deploy. The code is the text between WW_verify_ and .txt.',
  },
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
  'callback.domain.function_url': {
    status: 'warning',
    found: 'the callback URL is at {host}, which WeCom does not accept: its ICP filing is not your company’s',
    advice:
      'Set TENCENT_DOMAIN to a domain whose 备案主体 is the company itself (docs/deploy.md, 3 and 4), and deploy.',
  },
} as const satisfies Diagnoses;

export type OutsideDiagnosis = keyof typeof outsideDiagnoses;

/** A diagnosis of `outsideDiagnoses` with its values filled in. */
export function outside(diagnosis: OutsideDiagnosis, values?: Values, about?: string): Finding {
  return diagnosed(diagnosis, outsideDiagnoses[diagnosis], values, about);
}

// What to do about a refusal of Tencent Cloud. Codes: the error lists of the official SDK and reports of users.
import { at } from '../scripts/console-paths.ts';
import type { Bilingual } from '../scripts/language.ts';

const policyAdvice = {
  en: 'Give the key the CAM policy of docs/deploy.md.',
  zh: '请给该密钥授予 docs/zh/deploy.md 中的 CAM 策略。',
};
const topUpAdvice = {
  en: `The account is in arrears or has no balance: top it up (${at.topUp.en}); what runs may be stopped until then.`,
  zh: `账号欠费或余额不足：请充值（${at.topUp.zh}）；充值前，正在运行的服务可能被停止。`,
};
const openScfAdvice = {
  en: 'Open the SCF console of this region once (https://console.cloud.tencent.com/scf) and agree to what it asks: that makes the role SCF_QcsRole, with which SCF works.',
  zh: '请打开一次该地域的云函数控制台（https://console.cloud.tencent.com/scf ），按提示授权：这会创建云函数运行所需的角色 SCF_QcsRole。',
};
const openClsAdvice = {
  en: 'Open CLS once (https://console.cloud.tencent.com/cls); if it is open, the key lacks cls:CreateLogset or cls:CreateTopic.',
  zh: '请打开一次日志服务控制台（https://console.cloud.tencent.com/cls ）并开通；如果已开通，则是密钥缺少 cls:CreateLogset 或 cls:CreateTopic 权限。',
};
const roleAdvice = {
  en: `This is a right of a role and not of the key: SCF_QcsRole (${at.camRole.en}), or the role in serverless.yml, needs QcloudAccessForScfRole, with cos:Get* for code in COS.`,
  zh: `缺的是角色的权限，不是密钥的权限：请给 SCF_QcsRole（${at.camRole.zh}）或 serverless.yml 中的角色授予 QcloudAccessForScfRole；代码在 COS 时，还需要 cos:Get*。`,
};
const vpcAdvice = {
  en: 'TENCENT_VPC_ID and TENCENT_SUBNET_ID must name a VPC and a subnet of this region and account (console → 私有网络).',
  zh: 'TENCENT_VPC_ID 和 TENCENT_SUBNET_ID 必须是本账号在该地域的 VPC 和子网（控制台 → 私有网络）。',
};
const eipAdvice = {
  en: 'An account gets five fixed egress IPs a region: remove functions that hold one, or use a NAT gateway (docs/deploy.md, 3).',
  zh: '每个账号在每个地域最多有五个固定出口 IP：请删除占用它的函数，或改用 NAT 网关（docs/zh/deploy.md 第 3 节）。',
};
const againAdvice = {
  en: 'Something else is changing the function: wait until that is done and run the command again.',
  zh: '该函数正在被其他操作修改：请等它结束后重新执行命令。',
};
const existsAdvice = {
  en: 'It exists already, made by somebody else or by an interrupted run: run the command again.',
  zh: '它已经存在，可能由其他操作或中断的部署创建：请重新执行命令。',
};
const clockAdvice = {
  en: 'The clock of this computer is wrong by more than five minutes: set it.',
  zh: '本机时钟误差超过五分钟：请校准时间。',
};
const environmentAdvice = {
  en: 'SCF takes names of letters, digits and _ that do not begin with SCF_, QCLOUD_ or TENCENTCLOUD_, and 4 KB in all; a long value can travel as a file (provider.environmentFiles).',
  zh: '变量名只能含字母、数字和 _，不能以 SCF_、QCLOUD_、TENCENTCLOUD_ 开头，全部变量合计不超过 4 KB；较长的值可以作为文件打包（provider.environmentFiles）。',
};

/** First match by prefix wins. */
export const adviceByCode: readonly (readonly [prefix: string, advice: Bilingual])[] = [
  ['AuthFailure.SignatureExpire', clockAdvice],
  ['RequestTimeTooSkewed', clockAdvice],
  ['AuthFailure.UnauthorizedOperation', policyAdvice],
  [
    'AuthFailure',
    {
      en: 'Check TENCENT_SECRET_ID and TENCENT_SECRET_KEY (and TENCENT_TOKEN for temporary keys).',
      zh: '请检查 TENCENT_SECRET_ID 和 TENCENT_SECRET_KEY（临时密钥还要检查 TENCENT_TOKEN）。',
    },
  ],
  ['InvalidAccessKeyId', { en: 'Check TENCENT_SECRET_ID.', zh: '请检查 TENCENT_SECRET_ID。' }],
  ['SignatureDoesNotMatch', { en: 'Check TENCENT_SECRET_KEY.', zh: '请检查 TENCENT_SECRET_KEY。' }],
  ['UnauthorizedOperation.FunctionStatus', againAdvice],
  ['UnauthorizedOperation.RoleNotExist', openScfAdvice],
  ['UnauthorizedOperation.Role', roleAdvice],
  [
    'UnauthorizedOperation.Region',
    {
      en: 'The account may not use SCF in this region: check TENCENT_REGION.',
      zh: '该账号不能在此地域使用云函数：请检查 TENCENT_REGION。',
    },
  ],
  ['UnauthorizedOperation', policyAdvice],
  [
    'AccessDenied',
    {
      en: 'The upload needs cos:PutObject, and without codeBucket also cos:PutBucket: give the key the CAM policy of docs/deploy.md.',
      zh: '上传需要 cos:PutObject 权限，没有设置 codeBucket 时还需要 cos:PutBucket：请给该密钥授予 docs/zh/deploy.md 中的 CAM 策略。',
    },
  ],
  [
    'NoSuchBucket',
    {
      en: 'The bucket of provider.codeBucket does not exist in this region: make it, or take codeBucket out.',
      zh: 'provider.codeBucket 的存储桶在此地域不存在：请创建它，或删除 codeBucket。',
    },
  ],
  ['FailedOperation.QcsRoleNotFound', openScfAdvice],
  ['FailedOperation.UnOpenedService', openScfAdvice],
  ['FailedOperation.OpenService', openScfAdvice],
  ['ResourceNotFound.Role', openScfAdvice],
  ['ResourceNotFound.Namespace', openScfAdvice],
  ['InternalError.GetRoleError', openScfAdvice],
  ['FailedOperation.ClsServiceUnregistered', openClsAdvice],
  ['OperationDenied.AccountNotExists', openClsAdvice],
  ['InvalidParameterValue.ClsRole', roleAdvice],
  ['FailedOperation.CallRoleFailed', roleAdvice],
  ['OperationDenied.AccountIsolate', topUpAdvice],
  ['OperationDenied.AccountDestroy', topUpAdvice],
  ['FailedOperation.AccountInsufficient', topUpAdvice],
  ['FailedOperation.InsufficientBalance', topUpAdvice],
  ['FailedOperation.TopicIsolated', topUpAdvice],
  ['ResourceUnavailable.InsufficientBalance', topUpAdvice],
  ['ResourceUnavailable.ServiceSuspended', topUpAdvice],
  ['ArrearsError', topUpAdvice],
  ['LimitExceeded.Eip', eipAdvice],
  ['UnsupportedOperation.EipFixed', eipAdvice],
  [
    'LimitExceeded.FunctionVersions',
    {
      en: `The function has too many versions: delete old ones (${at.scfVersions.en}).`,
      zh: `该函数的版本过多：请删除旧版本（${at.scfVersions.zh}）。`,
    },
  ],
  [
    'LimitExceeded.Trigger',
    {
      en: `The function has ten triggers of this type: delete those that nobody needs (${at.scfTriggers.en}).`,
      zh: `该函数已有十个同类触发器：请删除不需要的（${at.scfTriggers.zh}）。`,
    },
  ],
  [
    'RequestLimitExceeded',
    {
      en: 'Too many calls on this account right now: wait a minute and run the command again.',
      zh: '该账号的调用过于频繁：请等一分钟后重新执行命令。',
    },
  ],
  [
    'LimitExceeded',
    {
      en: 'A quota of the account is used up: raise it in the SCF console or remove what is not needed.',
      zh: '账号的配额已用完：请到云函数控制台提高配额，或删除不需要的资源。',
    },
  ],
  ['InvalidParameterValue.Vpc', vpcAdvice],
  ['ResourceNotFound.Vpc', vpcAdvice],
  ['ResourceNotFound.Subnet', vpcAdvice],
  ['UnsupportedOperation.VpcConfig', vpcAdvice],
  [
    'FailedOperation.CallNetDeployFailed',
    {
      en: 'SCF could not attach the function to the network: check VPC and subnet (has it free addresses?) and run the command again.',
      zh: '函数无法接入网络：请检查 VPC 和子网（是否还有可用 IP？），然后重新执行命令。',
    },
  ],
  ['InvalidParameterValue.Environment', environmentAdvice],
  [
    'InvalidParameterValue.Runtime',
    {
      en: 'The cloud does not know this runtime: check provider.runtime in serverless.yml against the list of the SCF console.',
      zh: '腾讯云不支持这个运行环境：请对照云函数控制台的列表，检查 serverless.yml 的 provider.runtime。',
    },
  ],
  [
    'FailedOperation.CNAME',
    {
      en: 'The domain must lead to SCF first: make the CNAME record of docs/deploy.md, 4, wait until DNS knows it, and run the command again.',
      zh: '域名要先解析到云函数：请按 docs/zh/deploy.md 第 4 节添加 CNAME 记录，等 DNS 生效后重新执行命令。',
    },
  ],
  [
    'FailedOperation.Ssl',
    {
      en: `The certificate does not fit: TENCENT_CERTIFICATE_ID must be issued, in date, and name this domain (${at.certificates.en}).`,
      zh: `证书不匹配：TENCENT_CERTIFICATE_ID 的证书必须已签发、在有效期内，并包含该域名（${at.certificates.zh}）。`,
    },
  ],
  [
    'InvalidParameterValue.Domain',
    {
      en: 'SCF does not take this domain: TENCENT_DOMAIN is a name without scheme, path or *, and in mainland regions has an ICP filing.',
      zh: '云函数不接受这个域名：TENCENT_DOMAIN 只填域名，不带协议、路径和 *；在中国内地的地域，域名还必须已备案。',
    },
  ],
  [
    'FailedOperation.Domain.UnExist',
    { en: 'The domain is not bound: run `sls deploy`.', zh: '域名未绑定：请执行 `sls deploy`。' },
  ],
  [
    'FailedOperation.DeleteTrigger.UrlUsed',
    {
      en: `A custom domain is bound to this function URL: unbind it (${at.scfDomain.en}) and run the command again.`,
      zh: `该函数 URL 绑定了自定义域名：请解绑（${at.scfDomain.zh}），然后重新执行命令。`,
    },
  ],
  [
    'InternalError',
    {
      en: 'A fault on Tencent’s side: run the command again; keep the request id for a ticket.',
      zh: '腾讯云内部错误：请重新执行命令；提交工单时请提供 request id。',
    },
  ],
  ['FailedOperation.FunctionStatusError', againAdvice],
  ['FailedOperation.FunctionNameStatusError', againAdvice],
  ['FailedOperation.OperationConflict', againAdvice],
  ['FailedOperation.ProvisionedInProgress', againAdvice],
  ['FailedOperation.ReservedInProgress', againAdvice],
  ['ResourceInUse', existsAdvice],
  [
    'ResourceNotFound.Function',
    { en: 'The function is not deployed: run `sls deploy`.', zh: '该函数未部署：请执行 `sls deploy`。' },
  ],
  [
    'UnsupportedRegion',
    { en: 'Check provider.region in serverless.yml.', zh: '请检查 serverless.yml 的 provider.region。' },
  ],
  [
    'UnknownParameter',
    {
      en: 'The cloud does not know this setting, or not yet: take it out of serverless.yml.',
      zh: '腾讯云不支持这项设置，或暂未支持：请从 serverless.yml 中删除。',
    },
  ],
  [
    'InvalidParameter',
    {
      en: 'The cloud does not accept this value: check it in serverless.yml.',
      zh: '腾讯云不接受这个值：请检查 serverless.yml。',
    },
  ],
];

/** What SCF says while a function changes, whatever the code is. */
export const mentionsState = /状态|status|Creating|Updating|Publishing|Deleting|try again|later|重试|稍后/i;

/** The action a refusal of CAM names, e.g. `scf:CreateFunction`. */
function refusedAction(message: string): string | undefined {
  return /operation\s*\((\w+:\w+)\)/i.exec(message)?.[1];
}

function lacksAction(action: string): Bilingual {
  return {
    en: `The key may not do this: add the action "${action}" to its CAM policy (docs/deploy.md, 1).`,
    zh: `该密钥没有这个权限：请在它的 CAM 策略中加上“${action}”（docs/zh/deploy.md 第 1 节）。`,
  };
}

/** One or two sentences: what it is and where to click; undefined for a code that nobody has explained yet. */
export function knownAdvice(code: string, message: string): Bilingual | undefined {
  const action = /Unauthorized|AuthFailure|AccessDenied/i.test(code) ? refusedAction(message) : undefined;
  if (action !== undefined) return lacksAction(action);
  const known = adviceByCode.find(([prefix]) => code.startsWith(prefix));
  if (known) return known[1];
  const isBusy = /^FailedOperation|^UnsupportedOperation/.test(code) && mentionsState.test(message);
  return isBusy ? againAdvice : undefined;
}

// What to do about a refusal of Tencent Cloud. Codes: the error lists of the official SDK and reports of users.

const policyAdvice = 'Give the key the CAM policy of docs/deploy.md.';
const topUpAdvice =
  'The account is in arrears or has no balance: top it up in the console (费用中心 → 充值); what runs may be stopped until then.';
const openScfAdvice =
  'Open the SCF console of this region once (https://console.cloud.tencent.com/scf) and agree to what it asks: that makes the role SCF_QcsRole, with which SCF works.';
const openClsAdvice =
  'Open CLS once (https://console.cloud.tencent.com/cls); if it is open, the key lacks cls:CreateLogset or cls:CreateTopic.';
const roleAdvice =
  'This is a right of a role and not of the key: CAM console → 角色 → SCF_QcsRole (or the role in serverless.yml) needs QcloudAccessForScfRole, with cos:Get* for code in COS.';
const vpcAdvice =
  'TENCENT_VPC_ID and TENCENT_SUBNET_ID must name a VPC and a subnet of this region and account (console → 私有网络).';
const eipAdvice =
  'An account gets five fixed egress IPs a region: remove functions that hold one, or use a NAT gateway (docs/deploy.md, 3).';
const againAdvice =
  'The function is changing by another hand: wait until that is done and run the command again.';
const existsAdvice =
  'It exists already, made by another hand or by an interrupted run: run the command again.';
const clockAdvice = 'The clock of this computer is wrong by more than five minutes: set it.';
const environmentAdvice =
  'SCF takes names of letters, digits and _ that do not begin with SCF_, QCLOUD_ or TENCENTCLOUD_, and 4 KB in all; a long value can travel as a file (provider.environmentFiles).';

/** First match by prefix wins. */
const adviceByCode: readonly (readonly [prefix: string, advice: string])[] = [
  ['AuthFailure.SignatureExpire', clockAdvice],
  ['RequestTimeTooSkewed', clockAdvice],
  ['AuthFailure.UnauthorizedOperation', policyAdvice],
  ['AuthFailure', 'Check TENCENT_SECRET_ID and TENCENT_SECRET_KEY (and TENCENT_TOKEN for temporary keys).'],
  ['InvalidAccessKeyId', 'Check TENCENT_SECRET_ID.'],
  ['SignatureDoesNotMatch', 'Check TENCENT_SECRET_KEY.'],
  ['UnauthorizedOperation.FunctionStatus', againAdvice],
  ['UnauthorizedOperation.RoleNotExist', openScfAdvice],
  ['UnauthorizedOperation.Role', roleAdvice],
  ['UnauthorizedOperation.Region', 'The account may not use SCF in this region: check TENCENT_REGION.'],
  ['UnauthorizedOperation', policyAdvice],
  [
    'AccessDenied',
    'The upload needs cos:PutObject, and without codeBucket also cos:PutBucket: give the key the CAM policy of docs/deploy.md.',
  ],
  [
    'NoSuchBucket',
    'The bucket of provider.codeBucket does not exist in this region: make it, or take codeBucket out.',
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
    'The function has too many versions: delete old ones in the SCF console (函数 → 版本管理).',
  ],
  [
    'LimitExceeded.Trigger',
    'The function has ten triggers of this type: delete those that nobody needs in the SCF console (函数 → 触发管理).',
  ],
  [
    'RequestLimitExceeded',
    'Too many calls on this account right now: wait a minute and run the command again.',
  ],
  [
    'LimitExceeded',
    'A quota of the account is used up: raise it in the SCF console or remove what is not needed.',
  ],
  ['InvalidParameterValue.Vpc', vpcAdvice],
  ['ResourceNotFound.Vpc', vpcAdvice],
  ['ResourceNotFound.Subnet', vpcAdvice],
  ['UnsupportedOperation.VpcConfig', vpcAdvice],
  [
    'FailedOperation.CallNetDeployFailed',
    'SCF could not attach the function to the network: check VPC and subnet (has it free addresses?) and run the command again.',
  ],
  ['InvalidParameterValue.Environment', environmentAdvice],
  [
    'InvalidParameterValue.Runtime',
    'The cloud does not know this runtime: check provider.runtime in serverless.yml against the list of the SCF console.',
  ],
  [
    'FailedOperation.CNAME',
    'The domain must lead to SCF first: make the CNAME record of docs/deploy.md, 4, wait until DNS knows it, and run the command again.',
  ],
  [
    'FailedOperation.Ssl',
    'The certificate does not fit: TENCENT_CERTIFICATE_ID must be issued, in date, and name this domain (console → SSL 证书).',
  ],
  [
    'InvalidParameterValue.Domain',
    'SCF does not take this domain: TENCENT_DOMAIN is a name without scheme, path or *, and in mainland regions has an ICP filing.',
  ],
  ['FailedOperation.Domain.UnExist', 'The domain is not bound: run `sls deploy`.'],
  [
    'FailedOperation.DeleteTrigger.UrlUsed',
    'A custom domain is bound to this function URL: unbind it in the SCF console (函数 URL → 自定义域名) and run the command again.',
  ],
  ['InternalError', 'A fault on Tencent’s side: run the command again; keep the request id for a ticket.'],
  ['FailedOperation.FunctionStatusError', againAdvice],
  ['FailedOperation.FunctionNameStatusError', againAdvice],
  ['FailedOperation.OperationConflict', againAdvice],
  ['FailedOperation.ProvisionedInProgress', againAdvice],
  ['FailedOperation.ReservedInProgress', againAdvice],
  ['ResourceInUse', existsAdvice],
  ['ResourceNotFound.Function', 'The function is not deployed: run `sls deploy`.'],
  ['UnsupportedRegion', 'Check provider.region in serverless.yml.'],
  ['UnknownParameter', 'The cloud does not know this setting, or not yet: take it out of serverless.yml.'],
  ['InvalidParameter', 'The cloud does not accept this value: check it in serverless.yml.'],
];

/** What SCF says while a function changes, whatever the code is. */
export const mentionsState = /状态|status|Creating|Updating|Publishing|Deleting|try again|later|重试|稍后/i;

/** The action a refusal of CAM names, e.g. `scf:CreateFunction`. */
function refusedAction(message: string): string | undefined {
  return /operation\s*\((\w+:\w+)\)/i.exec(message)?.[1];
}

/** One or two sentences: what it is and where to click; undefined for a code that nobody has explained yet. */
export function knownAdvice(code: string, message: string): string | undefined {
  const action = /Unauthorized|AuthFailure|AccessDenied/i.test(code) ? refusedAction(message) : undefined;
  if (action !== undefined)
    return `The key may not do this: add the action "${action}" to its CAM policy (docs/deploy.md, 1).`;
  const known = adviceByCode.find(([prefix]) => code.startsWith(prefix));
  if (known) return known[1];
  const isBusy = /^FailedOperation|^UnsupportedOperation/.test(code) && mentionsState.test(message);
  return isBusy ? againAdvice : undefined;
}

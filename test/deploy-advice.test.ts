// What a refusal of Tencent Cloud tells the operator, and the rights that the documents ask for.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCloud, type Cloud } from '../deploy/cloud.ts';
import { startTencentCloud, type TencentCloud } from '../simulator/tencent-cloud/index.ts';

const secret = { id: 'AKIDadvice', key: 'advice-secret-key' };

let folder: string;
let cloud: TencentCloud;
let client: Cloud;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deploy-advice-'));
  cloud = await startTencentCloud({ stateFolder: folder, secretKeys: { [secret.id]: secret.key } });
  const credentials = { secretId: secret.id, secretKey: secret.key, token: undefined, appId: undefined };
  client = createCloud(credentials, 'ap-guangzhou', { TENCENT_CLOUD_ENDPOINT: cloud.url });
});
afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function messageOf(code: string): Promise<string> {
  cloud.inject({ action: 'UpdateAlias', kind: code });
  const call = client.scf('UpdateAlias', { FunctionName: 'some', Name: '$DEFAULT', FunctionVersion: '1' });
  return call.then(
    () => '',
    (error: unknown) => String(error),
  );
}

const openScfAdvice = 'Open the SCF console';
const topUpAdvice = 'top it up';
const busyAdvice = 'Something else is changing the function';
test.each([
  ['FailedOperation.QcsRoleNotFound', openScfAdvice],
  ['ResourceNotFound.Role', openScfAdvice],
  ['ResourceNotFound.Namespace', openScfAdvice],
  ['FailedOperation.UnOpenedService', openScfAdvice],
  ['UnauthorizedOperation.RoleNotExist', openScfAdvice],
  ['FailedOperation.ClsServiceUnregistered', 'Open CLS once'],
  ['OperationDenied.AccountNotExists', 'Open CLS once'],
  ['FailedOperation.AccountInsufficient', topUpAdvice],
  ['FailedOperation.InsufficientBalance', topUpAdvice],
  ['ResourceUnavailable.InsufficientBalance', topUpAdvice],
  ['ArrearsError', topUpAdvice],
  ['LimitExceeded.Eip', 'five fixed egress IPs'],
  ['UnsupportedOperation.EipFixed', 'five fixed egress IPs'],
  ['InvalidParameterValue.Vpc', 'TENCENT_VPC_ID'],
  ['ResourceNotFound.Vpc', 'TENCENT_VPC_ID'],
  ['UnsupportedOperation.VpcConfig', 'TENCENT_VPC_ID'],
  ['UnauthorizedOperation.Role', 'a right of a role and not of the key'],
  ['FailedOperation.CallRoleFailed', 'a right of a role and not of the key'],
  ['InvalidParameterValue.ClsRole', 'a right of a role and not of the key'],
  ['UnauthorizedOperation.FunctionStatus', busyAdvice],
  ['FailedOperation.FunctionStatusError', busyAdvice],
  ['UnauthorizedOperation.Region', 'check TENCENT_REGION'],
  ['LimitExceeded.FunctionVersions', 'too many versions'],
  ['LimitExceeded.Trigger', 'ten triggers'],
  ['InvalidParameterValue.EnvironmentExceededLimit', '4 KB in all'],
  ['InvalidParameterValue.Environment', '4 KB in all'],
  ['FailedOperation.CallNetDeployFailed', 'attach the function to the network'],
  ['FailedOperation.CNAME', 'CNAME record'],
  ['FailedOperation.Ssl', 'TENCENT_CERTIFICATE_ID'],
  ['FailedOperation.Domain.UnExist', 'not bound'],
  ['FailedOperation.DeleteTrigger.UrlUsed', 'unbind it'],
  ['NoSuchBucket', 'codeBucket'],
  ['RequestTimeTooSkewed', 'The clock of this computer'],
])('%s › says what it is and where to click', async (code, advice) => {
  const message = await messageOf(code);
  expect(message).toContain(code);
  expect(message).toContain(advice);
  expect(message).not.toContain('--verbose');
});

/** What @serverless/tencent-scf calls to upload, and what SCF looks up in the name of the key. */
const indirect = [
  'cos:GetService',
  'cos:PutBucket',
  'cos:GetBucketLifecycle',
  'cos:PutBucketLifecycle',
  'cos:PutObject',
  'cam:GetRole',
  'cam:ListAttachedRolePolicies',
  'vpc:DescribeVpcEx',
  'vpc:DescribeSubnetEx',
  'tag:TagResources',
  'tag:UnTagResources',
  'tag:GetTagKeys',
  'tag:GetTagValues',
  'tag:DescribeResourceTagsByResourceIds',
];

test('the CAM policy of docs/deploy.md › is what the code calls, no more and no less', () => {
  const document = readFileSync('docs/deploy.md', 'utf8');
  const json = /```json\n([\s\S]*?)```/.exec(document)?.[1] ?? '{}';
  const policy = JSON.parse(json) as { statement: { action: string[] }[] };
  const documented = policy.statement.flatMap(({ action }) => action);
  const files = ['deploy', 'scripts/doctor', 'scripts'].flatMap((from) =>
    readdirSync(from)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(from, name), 'utf8')),
  );
  const called = files.flatMap((source) => [
    ...[...source.matchAll(/(?:\.scf\(|change(?:IfThere)?\(\s*cloud,)\s*'(\w+)'/g)].map(
      ([, action]) => `scf:${action}`,
    ),
    ...[...source.matchAll(/\bother\(\s*'(\w+)',\s*'(\w+)'/g)].map(
      ([, service, action]) => `${service}:${action}`,
    ),
  ]);
  expect(documented.toSorted()).toEqual([...new Set([...called, ...indirect])].toSorted());
});

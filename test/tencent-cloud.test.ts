import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import yazl from 'yazl';
import { createCloud, type Cloud } from '../deploy/cloud.ts';
import { CloudError } from '../deploy/errors.ts';
import { startTencentCloud, type TencentCloud } from '../simulator/tencent-cloud/index.ts';
import { mildest, type Switches } from '../simulator/tencent-cloud/switches.ts';

const accountId = 'AKIDtest';
const accountKey = 'test-secret-key';
const ownRegion = 'ap-guangzhou';
const bootstrapFile = '#!/bin/sh\nPATH=/var/lang/node20/bin:$PATH\nexport PATH\nexec node index.js\n';

let folder: string;
let cloud: TencentCloud;
let client: Cloud;
function clientWith(secretId: string, secretKey: string, region = ownRegion): Cloud {
  return createCloud({ secretId, secretKey, token: undefined, appId: undefined }, region, {
    TENCENT_CLOUD_ENDPOINT: cloud.url,
  });
}
/** The cloud's clock stands still until a test moves it. */
let nowMs: number;
function start(switches: Partial<Switches> = {}): Promise<TencentCloud> {
  return startTencentCloud({
    stateFolder: folder,
    secretKeys: { [accountId]: accountKey },
    now: () => nowMs,
    speed: 1,
    switches: { ...mildest, ...switches },
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tencent-cloud-test-'));
  // As when the state lies inside of an ESM project.
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  nowMs = Date.now();
  cloud = await start();
  client = clientWith(accountId, accountKey);
});
afterEach(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Files = Record<string, { content: string; mode?: number }>;

async function zipOf(files: Files): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, { content, mode = 0o644 }] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(content), name, { mode: 0o100000 | mode });
  }
  zip.end();
  return buffer(zip.outputStream);
}

async function upload(files: Files) {
  const path = join(folder, 'upload.zip');
  writeFileSync(path, await zipOf(files));
  return client.upload({ bucket: 'code', key: 'upload.zip', isOwnBucket: false }, path);
}

function web(content: string): Files {
  return {
    'index.js': { content },
    scf_bootstrap: { content: bootstrapFile, mode: 0o755 },
  };
}

async function untilActive(FunctionName: string): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    seen.push((await client.scf('GetFunction', { FunctionName })).Status ?? '');
    if (seen.at(-1) === 'Active') break;
    nowMs += 1000;
  }
  return seen;
}

async function create(files: Files, settings: object = {}): Promise<void> {
  const Code = await upload(files);
  await client.scf('CreateFunction', {
    FunctionName: 'under-test',
    Runtime: 'Nodejs20.19',
    Code,
    ...settings,
  });
  await untilActive('under-test');
}

const urlDescription = '{"AuthType":"NONE","NetConfig":{"EnableIntranet":false,"EnableExtranet":true}}';
async function createWeb(server: string, settings: object = {}): Promise<string> {
  await create(web(server), { Type: 'HTTP', ...settings });
  await client.scf('CreateTrigger', {
    FunctionName: 'under-test',
    TriggerName: 'url',
    Type: 'http',
    TriggerDesc: urlDescription,
    Qualifier: '$DEFAULT',
  });
  return addressOf('under-test');
}
function addressOf(name: string): string {
  return (
    /https:\/\/([^"]+tencentscf\.com)/.exec(
      cloud.state.functions[name]?.triggers[0]?.TriggerDesc ?? '',
    )?.[1] ?? ''
  );
}

async function get(host: string, path: string, body: Buffer | string = '', headers: object = {}) {
  const outgoing = request(cloud.url + path, { method: 'POST', headers: { host, ...headers } });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode as number, text: await text(response) };
}

function serve(handler: string): string {
  return `const fs = require('node:fs');
   const write = (path) => { try { fs.writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; } };
   let inFlight = 0;
   require('node:http').createServer((request, response) => { request.resume(); request.on('end', () => { ${handler} }); }).listen(process.env.PORT);`;
}

describe('every API call is checked', () => {
  test('AuthFailure for an unknown id, a wrong key and an unsigned call; nothing happens', async () => {
    await expect(clientWith('AKIDother', accountKey).scf('ListFunctions', {})).rejects.toMatchObject({
      cloudCode: 'AuthFailure.SecretIdNotFound',
    });
    await expect(clientWith(accountId, 'wrong').scf('ListFunctions', {})).rejects.toMatchObject({
      cloudCode: 'AuthFailure.SignatureFailure',
    });
    const unsigned = await get('scf.tencentcloudapi.com', '/', '{}', { 'x-tc-action': 'ListFunctions' });
    expect(unsigned.text).toContain('AuthFailure.InvalidAuthorization');
    await expect(
      clientWith(accountId, 'wrong').upload(
        { bucket: 'b', key: 'k', isOwnBucket: false },
        import.meta.filename,
      ),
    ).rejects.toMatchObject({ cloudCode: 'AuthFailure.SignatureFailure' });
    expect(cloud.state.buckets).toEqual({});
  });

  test('a COS request with a wrong signature is refused', async () => {
    const wrong = createCloud(
      { secretId: accountId, secretKey: 'wrong', token: undefined, appId: '1250000000' },
      ownRegion,
      { TENCENT_CLOUD_ENDPOINT: cloud.url },
    );
    await expect(
      wrong.upload({ bucket: 'code', key: 'k', isOwnBucket: false }, import.meta.filename),
    ).rejects.toMatchObject({ cloudCode: 'SignatureDoesNotMatch' });
    expect(cloud.state.buckets).toEqual({});
  });

  test('another region is not offered', async () => {
    await expect(
      clientWith(accountId, accountKey, 'ap-nowhere').scf('ListFunctions', {}),
    ).rejects.toMatchObject({
      cloudCode: 'UnsupportedRegion',
    });
  });

  const refused: [title: string, settings: object, code: string][] = [
    ['an unknown runtime', { Runtime: 'Nodejs99' }, 'InvalidParameterValue.Runtime'],
    ['memory that is no step', { MemorySize: 200 }, 'InvalidParameterValue.MemorySize'],
    ['a missing handler', { Handler: undefined }, 'MissingParameter'],
    ['a name of 61 characters', { FunctionName: 'a'.repeat(61) }, 'InvalidParameterValue.FunctionName'],
    ['a hyphen in the description', { Description: 'not-allowed' }, 'InvalidParameterValue.Description'],
    ['a parameter it does not know', { Colour: 'red' }, 'UnknownParameter'],
    ['concurrency for an event function', { InstanceConcurrencyConfig: { DynamicEnabled: 'FALSE', MaxConcurrency: 2 } }, 'InvalidParameterValue.InstanceConcurrencyConfig'],
    ['an environment over 4 KB', { Environment: { Variables: [{ Key: 'A', Value: 'x'.repeat(4096) }] } }, 'InvalidParameterValue.EnvironmentExceededLimit'],
    ['a reserved variable', { Environment: { Variables: [{ Key: 'SCF_A', Value: 'x' }] } }, 'InvalidParameterValue.EnvironmentSystemProtect'],
    ['a subnet without its VPC', { VpcConfig: { VpcId: '', SubnetId: 'subnet' } }, 'InvalidParameterValue.VpcConfig'],
    ['code that was not uploaded', { Code: { CosBucketName: 'code', CosObjectName: '/none.zip' } }, 'InvalidParameterValue.CosObjectName'],
  ]; // prettier-ignore
  test.each(refused)('CreateFunction refuses %s', async (_, settings, code) => {
    const Code = await upload({ 'index.js': { content: '' } });
    const given = {
      FunctionName: 'under-test',
      Runtime: 'Nodejs20.19',
      Handler: 'index.main_handler',
      Code,
      ...settings,
    };
    await expect(client.scf('CreateFunction', given)).rejects.toMatchObject({ cloudCode: code });
    expect(cloud.state.functions).toEqual({});
  });

  test('a cron of five fields and a timer on a Web function are refused', async () => {
    await create({ 'index.js': { content: '' } }, { Handler: 'index.main_handler' });
    const timer = { FunctionName: 'under-test', TriggerName: 't', Type: 'timer', TriggerDesc: '*/5 * * * *' };
    await expect(client.scf('CreateTrigger', timer)).rejects.toMatchObject({
      cloudCode: 'InvalidParameterValue.TriggerDesc',
    });
    await client.scf('DeleteFunction', { FunctionName: 'under-test' });
    await createWeb(serve('response.end()'));
    await expect(
      client.scf('CreateTrigger', { ...timer, TriggerDesc: '0 */5 * * * * *' }),
    ).rejects.toMatchObject({
      cloudCode: 'InvalidParameterValue.Type',
    });
  });
});

describe('functions', () => {
  test('are Creating, then Updating, before they are Active, and take no change until then', async () => {
    const Code = await upload({ 'index.js': { content: '' } });
    const name = { FunctionName: 'under-test' };
    await client.scf('CreateFunction', {
      ...name,
      Runtime: 'Nodejs20.19',
      Handler: 'index.main_handler',
      Code,
    });
    expect(await untilActive('under-test')).toEqual(['Creating', 'Creating', 'Creating', 'Active']);
    await client.scf('UpdateFunctionConfiguration', { ...name, Timeout: 5 });
    const before = cloud.calls.length;
    await expect(client.scf('UpdateFunctionConfiguration', { ...name, Timeout: 6 })).rejects.toMatchObject({
      cloudCode: 'FailedOperation.FunctionStatusError',
    });
    expect(cloud.calls.length).toBe(before + 1);
    expect(await untilActive('under-test')).toEqual(['Updating', 'Updating', 'Updating', 'Active']);
    expect(cloud.state.functions['under-test']?.latest.Timeout).toBe(5);
  });

  test('outlive a restart of the cloud, code included', async () => {
    const host = await createWeb(serve(`response.end('alive')`));
    await cloud.stop();
    cloud = await start();
    expect(await get(host, '/')).toEqual({ status: 200, text: 'alive' });
  });

  test('a published version keeps its code and configuration when $LATEST changes', async () => {
    const host = await createWeb(serve(`response.end(process.env.WORD)`), {
      Environment: { Variables: [{ Key: 'WORD', Value: 'old' }] },
    });
    const name = { FunctionName: 'under-test' };
    const { FunctionVersion = '' } = await client.scf('PublishVersion', name);
    await untilActive('under-test');
    await client.scf('UpdateAlias', { ...name, Name: '$DEFAULT', FunctionVersion });
    await client.scf('UpdateFunctionConfiguration', {
      ...name,
      Environment: { Variables: [{ Key: 'WORD', Value: 'new' }] },
    });
    await untilActive('under-test');
    expect((await get(host, '/')).text).toBe('old');
    await client.scf('UpdateAlias', { ...name, Name: '$DEFAULT', FunctionVersion: '$LATEST' });
    expect((await get(host, '/')).text).toBe('new');
  });
});

describe('a cloud as strict as the evidence', () => {
  const name = { FunctionName: 'under-test' };
  const url = { ...name, TriggerName: 'url', Type: 'http', TriggerDesc: urlDescription };
  const later = (seconds: number): void => {
    nowMs += seconds * 1000;
  };
  const createEvent = (): Promise<void> =>
    create(
      { 'index.js': { content: 'exports.main_handler = async () => ({});' } },
      { Handler: 'index.main_handler' },
    );
  const refusal = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'accepted',
      (error: unknown) => (error instanceof CloudError ? error.cloudCode : 'no CloudError'),
    );
  const strict = (switches: Partial<Switches>): void => {
    Object.assign(cloud.switches, switches);
  };

  test('CreateTrigger names a function URL itself, and only that name deletes it', async () => {
    strict({ urlName: 'made by the cloud' });
    await createEvent();
    const { TriggerInfo } = await client.scf('CreateTrigger', { ...url, Qualifier: '$DEFAULT' });
    expect(TriggerInfo?.TriggerName).toMatch(/^[a-z0-9]{10}$/);
    const given = { ...name, Type: 'http', Qualifier: '$DEFAULT' };
    expect(await refusal(client.scf('DeleteTrigger', { ...given, TriggerName: 'url' }))).toBe(
      'ResourceNotFound.Trigger',
    );
    await client.scf('DeleteTrigger', { ...given, TriggerName: TriggerInfo?.TriggerName ?? '' });
    expect(cloud.state.functions['under-test']?.triggers).toEqual([]);
  });

  test('the gateway and ListTriggers know a function URL only after seconds', async () => {
    strict({ urlReady: 'after seconds', triggerList: 'seconds behind' });
    const host = await createWeb(serve(`response.end('here')`));
    expect(await get(host, '/')).toEqual({ status: 400, text: `domain[${host}] not found or empty` });
    expect((await client.scf('ListTriggers', name)).Triggers).toEqual([]);
    later(3);
    expect((await client.scf('ListTriggers', name)).Triggers).toHaveLength(1);
    later(5);
    expect(await get(host, '/')).toEqual({ status: 200, text: 'here' });
  });

  test('a version is not found, then Publishing, and $LATEST longer than it; UpdateAlias waits for both', async () => {
    strict({
      newVersion: 'not found for a moment',
      publishing: '$LATEST longer',
      busyTime: 'half a minute',
      busyCode: 'as seen by users',
    });
    await createEvent();
    const { FunctionVersion = '' } = await client.scf('PublishVersion', name);
    const status = async (Qualifier: string) =>
      (await client.scf('GetFunction', { ...name, Qualifier })).Status;
    expect(await refusal(status(FunctionVersion))).toBe('ResourceNotFound.Version');
    later(3);
    expect([await status(FunctionVersion), await status('$LATEST')]).toEqual(['Active', 'Publishing']);
    const alias = { ...name, Name: '$DEFAULT', FunctionVersion };
    expect(['FailedOperation', 'FailedOperation.UpdateAlias', 'ResourceInUse']).toContain(
      await refusal(client.scf('UpdateAlias', alias)),
    );
    later(27);
    expect(await refusal(client.scf('UpdateAlias', alias))).toBe('accepted');
  });

  test('DeleteFunction takes its time, and the name is taken until then', async () => {
    strict({ deletion: 'asynchronous', missingFunction: 'InvalidParameterValue.FunctionName' });
    await createEvent();
    await client.scf('DeleteFunction', name);
    expect((await client.scf('GetFunction', name)).Status).toBe('Deleting');
    const Code = { ZipFile: (await zipOf({ 'index.js': { content: '' } })).toString('base64') };
    const made = { ...name, Runtime: 'Nodejs20.19', Handler: 'index.main_handler', Code };
    expect(await refusal(client.scf('CreateFunction', made))).toBe('ResourceInUse.FunctionName');
    later(15);
    expect(await refusal(client.scf('GetFunction', name))).toBe('InvalidParameterValue.FunctionName');
    expect(await refusal(client.scf('CreateFunction', made))).toBe('accepted');
  });

  test('a custom domain is refused until its name resolves, and keeps the URL behind it', async () => {
    strict({
      cname: 'resolves after seconds',
      boundUrl: 'kept',
      missingDomain: 'FailedOperation.Domain.UnExist',
    });
    await createWeb(serve('response.end()'));
    const Domain = 'login.example.com';
    const route = { Namespace: 'default', ...name, Qualifier: '$DEFAULT', PathMatch: '/*' };
    const domain = { Domain, Protocol: 'HTTP', EndpointsConfig: [route] };
    expect(await refusal(client.scf('GetCustomDomain', { Domain }))).toBe('FailedOperation.Domain.UnExist');
    expect(await refusal(client.scf('CreateCustomDomain', domain))).toBe('FailedOperation.CNAME');
    later(20);
    expect(await refusal(client.scf('CreateCustomDomain', domain))).toBe('accepted');
    const trigger = { ...name, TriggerName: 'url', Type: 'http', Qualifier: '$DEFAULT' };
    expect(await refusal(client.scf('DeleteTrigger', trigger))).toBe('FailedOperation.DeleteTrigger.UrlUsed');
  });

  test('a refusal of CAM names the action that the key may not do', async () => {
    await cloud.stop();
    cloud = await startTencentCloud({
      stateFolder: folder,
      secretKeys: { [accountId]: accountKey },
      allowed: ['scf:List*'],
      switches: { camCode: 'UnauthorizedOperation.CAM' },
    });
    client = clientWith(accountId, accountKey);
    expect(await refusal(client.scf('ListFunctions', {}))).toBe('accepted');
    await expect(client.scf('GetFunction', name)).rejects.toMatchObject({
      cloudCode: 'UnauthorizedOperation.CAM',
      message: expect.stringContaining('perform operation (scf:GetFunction)'),
    });
  });

  const account: [switches: Partial<Switches>, code: string][] = [
    [{ scf: 'not opened' }, 'ResourceNotFound.Namespace'],
    [{ role: 'missing' }, 'FailedOperation.QcsRoleNotFound'],
    [{ balance: 'in arrears' }, 'FailedOperation.InsufficientBalance'],
    [{ codeFromCos: 'not readable' }, 'UnauthorizedOperation.Role'],
  ];
  test.each(account)('CreateFunction on an account with %o is refused', async (switches, code) => {
    strict(switches);
    expect(await refusal(createEvent())).toBe(code);
  });

  test('a wrong type and a member of another request are refused by the models of the SDK', async () => {
    await createEvent();
    const wrong = { ...name, Limit: '10' } as never;
    expect(await refusal(client.scf('ListTriggers', wrong))).toBe('InvalidParameter');
    const foreign = { ...name, Environment: { Variables: [{ Key: 'A', Value: 'b', Secret: 'c' }] } } as never;
    expect(await refusal(client.scf('UpdateFunctionConfiguration', foreign))).toBe('UnknownParameter');
    expect(await refusal(client.scf('GetFunction', {}))).toBe('MissingParameter');
  });

  test('throttled calls and lost answers are those the seed chooses, and a call whose answer is lost took effect', async () => {
    await createEvent();
    strict({ lostAnswers: 'one write in six' });
    let lost = 0;
    // Nobody publishes twice because of a lost answer; other writes are repeated.
    for (let count = 1; lost === 0; count++) {
      nowMs += 100_000;
      const code = await refusal(client.scf('PublishVersion', name));
      if (code === '') lost += 1;
      expect(cloud.state.functions['under-test']?.versions).toHaveLength(count);
    }
    strict({ lostAnswers: 'none', throttling: 'one call in four' });
    for (let count = 0; count < 20; count++) await client.scf('GetFunction', name);
    expect(cloud.calls.some(({ outcome }) => outcome === 'RequestLimitExceeded')).toBe(true);
  });
});

describe('a Web function', () => {
  test('runs with its own environment and SCF’s headers, and may write only to its temporary folder', async () => {
    const host = await createWeb(
      serve(`response.end(JSON.stringify({ code: write('x'), home: write('/var/tmp/scf-test-escape'), temporary: write(require('node:os').tmpdir() + '/x'),
        runenv: process.env.TENCENTCLOUD_RUNENV, own: process.env.OWN, path: request.url, headers: request.headers }))`),
      { Environment: { Variables: [{ Key: 'OWN', Value: 'mine' }] }, MemorySize: 128, Timeout: 5 },
    );
    const { status, text: body } = await get(host, '/a/b?c=d', '', { 'x-forwarded-for': '1.1.1.1' });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      code: 'ERR_ACCESS_DENIED',
      home: 'ERR_ACCESS_DENIED',
      temporary: 'written',
      runenv: 'SCF',
      own: 'mine',
      path: '/a/b?c=d',
      headers: {
        host,
        'x-scf-name': 'under-test',
        'x-scf-memory': '128',
        'x-scf-timeout': '5000',
        'x-scf-region': ownRegion,
        'x-forwarded-for': '1.1.1.1, 198.51.100.7, 11.163.17.81, 10.132.167.112',
      },
    });
  });

  test('is cut off at its timeout, and the next request meets a new instance', async () => {
    const host = await createWeb(
      serve(`if (request.url === '/hang') return; response.end(String(process.pid))`),
      { Timeout: 1 },
    );
    const first = await get(host, '/');
    expect(await get(host, '/hang')).toMatchObject({ status: 433 });
    const next = await get(host, '/');
    expect(next.status).toBe(200);
    expect(next.text).not.toBe(first.text);
  });

  test('takes and gives at most 6 MB', async () => {
    const host = await createWeb(
      serve(`response.end(Buffer.alloc(request.url === '/large' ? 6 * 1024 * 1024 + 1 : 10))`),
    );
    expect(await get(host, '/', Buffer.alloc(6 * 1024 * 1024 + 1))).toMatchObject({ status: 406 });
    expect(await get(host, '/large')).toMatchObject({ status: 407 });
    expect(await get(host, '/', Buffer.alloc(6 * 1024 * 1024))).toMatchObject({ status: 200 });
  });

  const slow = serve(
    `inFlight += 1; const most = inFlight; setTimeout(() => { inFlight -= 1; response.end(process.pid + ' ' + most); }, 300)`,
  );
  test.each([
    ['one request at a time without instance concurrency', undefined, 3],
    ['several requests at a time with it', { DynamicEnabled: 'FALSE', MaxConcurrency: 3 }, 1],
  ])('instances serve %s', async (_, InstanceConcurrencyConfig, instances) => {
    const host = await createWeb(slow, InstanceConcurrencyConfig ? { InstanceConcurrencyConfig } : {});
    const answers = await Promise.all([1, 2, 3].map(() => get(host, '/')));
    expect(new Set(answers.map((answer) => answer.text.split(' ')[0])).size).toBe(instances);
  });

  test('does not start without an executable scf_bootstrap', async () => {
    await create(
      { 'index.js': { content: serve('response.end()') }, scf_bootstrap: { content: bootstrapFile } },
      { Type: 'HTTP' },
    );
    await client.scf('CreateTrigger', {
      FunctionName: 'under-test',
      TriggerName: 'url',
      Type: 'http',
      TriggerDesc: urlDescription,
    });
    const answer = await get(addressOf('under-test'), '/');
    expect(answer).toMatchObject({ status: 405 });
    expect(answer.text).toContain('ContainerStateExited');
  });
});

describe('an event function', () => {
  const files = (body: string): Files => ({
    'index.js': { content: `exports.main_handler = async (event, context) => { ${body} };` },
  });
  const timer = { FunctionName: 'under-test', TriggerName: 'tick', Type: 'timer', Qualifier: '$DEFAULT' };

  test('gets a Timer event on its cron', async () => {
    await create(files(`console.log('got', JSON.stringify(event)); return {}`), {
      Handler: 'index.main_handler',
    });
    await client.scf('CreateTrigger', { ...timer, TriggerDesc: '* * * * * * *', CustomArgument: 'hello' });
    await expect
      .poll(() => cloud.logs.some(({ message }) => message.startsWith('got')), { timeout: 20_000 })
      .toBe(true);
    const line = cloud.logs.find(({ message }) => message.startsWith('got'))?.message ?? '';
    expect(JSON.parse(line.slice(4))).toEqual({
      Type: 'Timer',
      TriggerName: 'tick',
      Time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      Message: 'hello',
    });
  });

  test('answers, throws and runs out of time as SCF tells its caller', async () => {
    await create(
      files(
        `if (event.fail) throw new Error('asked to fail'); if (event.hang) await new Promise(() => setInterval(() => {}, 1e3)); return { name: context.function_name, limit: context.time_limit_in_ms }`,
      ),
      { Handler: 'index.main_handler', Timeout: 1 },
    );
    const invoke = async (event: object) =>
      (
        await client.scf('InvokeFunction', {
          FunctionName: 'under-test',
          Event: JSON.stringify(event),
          LogType: 'Tail',
        })
      ).Result;
    expect(await invoke({})).toMatchObject({ InvokeResult: 0, RetMsg: '{"name":"under-test","limit":1000}' });
    expect(await invoke({ fail: true })).toMatchObject({ InvokeResult: 1, ErrMsg: 'asked to fail' });
    expect(await invoke({ hang: true })).toMatchObject({ ErrMsg: 'Invoking task timed out after 1 seconds' });
    expect(await invoke({})).toMatchObject({ InvokeResult: 0 });
    expect(cloud.logs.some(({ message }) => message.startsWith('Response RequestId:'))).toBe(true);
  });
});

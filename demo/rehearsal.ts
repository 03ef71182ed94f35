// `npm run deploy:rehearsal`: runs the real `sls deploy` of the real serverless.yml against a simulated Tencent Cloud on
// this computer, then does what members and operators do. No account, no network. Exit code 1 at the first failure.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import * as z from 'zod/mini';
import { startRedis } from '../simulator/redis.ts';
import { startTencentCloud } from '../simulator/tencent-cloud/index.ts';
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { startWecom } from '../simulator/wecom/server.ts';
import { exampleSource, manifestWithExample } from './own-function.ts';

const stage = 'rehearsal';
const corpid = 'wwrehearsal000001';
/** Less than the 20 minutes before expiry at which the timer renews. */
const shortTokenLifeSeconds = 900;

function say(line: string): void {
  return console.log(line);
}
function step(title: string): void {
  say(`\n── ${title}`);
}
function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`expected: ${what}`);
  say(`✓ ${what}`);
}

const folder = mkdtempSync(join(tmpdir(), 'deploy-rehearsal-'));
const secretId = 'AKIDrehearsal';
const secretKey = randomBytes(24).toString('base64url');
const callbackToken = randomBytes(12).toString('hex');
const encodingAESKey = randomBytes(32).toString('base64').slice(0, 43);
const corpsecret = randomBytes(32).toString('base64url');
const redis = await startRedis({ kind: 'embedded' });
const wecom = await startWecom();
wecom.addCompany({ corpid, name: '示例公司', corpsecret });
wecom.addMember({ corpid, userid: 'ZhangSan', name: '张三', department: [2], position: '工程师' });
wecom.addMember({ corpid, userid: 'LiSi', name: '李四', department: [8] });
wecom.setDepartment({ corpid, id: 7, parentid: 1, name: '财务部' });
wecom.setDepartment({ corpid, id: 8, parentid: 7, name: '出纳组' });
wecom.set({ gettokenMode: 'C', tokenLifeSeconds: shortTokenLifeSeconds });
const cloud = await startTencentCloud({ stateFolder: folder, secretKeys: { [secretId]: secretKey } });

/** Each variable of serverless.yml, empty, so that a .env of this checkout has no effect. */
const blank = Object.fromEntries(
  [...readFileSync('serverless.yml', 'utf8').matchAll(/\$\{env:(\w+)/g)].map(([, name]) => [name, '']),
);
const environment = {
  ...process.env,
  ...blank,
  SLS_TELEMETRY_DISABLED: '1',
  TENCENT_CLOUD_ENDPOINT: cloud.url,
  TENCENT_SECRET_ID: secretId,
  TENCENT_SECRET_KEY: secretKey,
  TENCENT_VPC_ID: 'vpc-rehearsal',
  TENCENT_SUBNET_ID: 'subnet-rehearsal',
  WECOM_CORPS: `${corpid}:${corpsecret}`,
  WECOM_CALLBACKS: `${corpid}:${callbackToken}:${encodingAESKey}`,
  WECOM_BASE_URL: wecom.url,
  REDIS_URL: redis.url,
  ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
  ROLES: 'finance:dept:7',
};

/** Where `sls` runs: this project, later a copy with one more function. */
let project = process.cwd();

async function sls(...args: string[]): Promise<string> {
  say(`$ sls ${args.join(' ')}`);
  const child = spawn(process.execPath, ['deploy/sls.mjs', ...args, '--stage', stage], {
    cwd: project,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const output = stdout + stderr;
  for (const line of output.trimEnd().split('\n')) say(`  ${line}`);
  check((await closed) === 0, `sls ${args[0]} ended with exit code 0`);
  check(!output.includes(corpsecret) && !output.includes(secretKey), 'it printed no secret');
  return output;
}

/** Sends one request to a function URL of the simulated cloud. */
async function call(
  url: string,
  path: string,
  init: { method: string; body?: object | string; headers?: object },
) {
  const { host } = new URL(url);
  const outgoing = request(cloud.url + path, {
    method: init.method,
    headers: { host, 'content-type': 'application/json', ...init.headers },
  });
  const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
  });
  outgoing.end(typeof init.body === 'object' ? JSON.stringify(init.body) : init.body);
  return answered;
}

/** Finds the function URL that `sls` printed below the name of a function. */
function urlIn(output: string, key: string): string {
  return new RegExp(`^${key}: .*\\n +http url: (\\S+)`, 'm').exec(output)?.[1] ?? '';
}

/** Follows docs/add-a-function.md in a copy of the project that consists of links. */
function addFunctionsOfTheDocument(): string {
  const copy = join(folder, 'project');
  mkdirSync(join(copy, 'functions'), { recursive: true });
  const own = ['functions', 'serverless.yml', 'dist', '.build', '.git'];
  for (const name of readdirSync('.').filter((entry) => !own.includes(entry) && !entry.startsWith('.env'))) {
    symlinkSync(resolve(name), join(copy, name));
  }
  for (const name of readdirSync('functions')) {
    symlinkSync(resolve('functions', name), join(copy, 'functions', name));
  }
  let manifest = readFileSync('serverless.yml', 'utf8');
  for (const name of ['hello', 'notify']) {
    mkdirSync(join(copy, 'functions', name));
    writeFileSync(join(copy, 'functions', name, 'index.ts'), exampleSource(name));
    manifest = manifestWithExample(manifest, name);
  }
  writeFileSync(join(copy, 'serverless.yml'), manifest);
  return copy;
}

const Login = z.object({
  session_token: z.string(),
  role: z.string(),
  member: z.object({ userid: z.string() }),
});
const Outcome = z.looseObject({ companies: z.number() });
function uploads(): number {
  return cloud.calls.filter(({ action }) => /^(CreateFunction|UpdateFunctionCode)$/.test(action)).length;
}
function gettokens(): number {
  return wecom.counts().gettoken;
}

async function rehearse(): Promise<void> {
  step('Deploy to an empty account');
  const output = await sls('deploy');
  const url = urlIn(output, 'login');
  check(url !== '', `login has a function URL: ${url}`);
  const zips = uploads();
  check(
    zips === Object.keys(cloud.state.functions).length,
    `one zip was uploaded for each of ${zips} functions`,
  );

  step('A member logs in through the function URL');
  const jsCode = wecom.createJsCode({ corpid, userid: 'ZhangSan' });
  const answer = await call(url, '/login', { method: 'POST', body: { js_code: jsCode } });
  say(
    `  POST ${url}/login → ${answer.status} ${answer.body.replace(/"session_token":"[^"]+"/, '"session_token":"…"')}`,
  );
  check(answer.status === 200, 'the uploaded zip answered 200');
  const login = Login.parse(JSON.parse(answer.body));
  check(login.member.userid === 'ZhangSan', 'the member is ZhangSan');
  const askSession = () =>
    call(url, '/session', { method: 'GET', headers: { authorization: `Bearer ${login.session_token}` } });
  check((await askSession()).status === 200, 'GET /session knows the session');
  check(gettokens() === 1, 'one gettoken so far');

  step('The timer runs');
  wecom.set({ tokenLifeSeconds: 7200 });
  const timer = await cloud.fireTimer(`wecom-login-${stage}-refresh`, 'every-5-minutes');
  say(`  refresh → ${timer.result ?? timer.error}`);
  check(
    timer.error === undefined && Outcome.parse(JSON.parse(timer.result ?? '{}')).companies === 1,
    'refresh ran',
  );
  check(gettokens() === 2, 'the access_token, which was about to expire, was renewed: two gettoken in total');
  const again = await call(url, '/login', {
    method: 'POST',
    body: { js_code: wecom.createJsCode({ corpid, userid: 'ZhangSan' }) },
  });
  check(again.status === 200 && gettokens() === 2, 'the next login uses the renewed token');

  step('An operator lists sessions, and WeCom reports that the member has left');
  const person = { corpid, userid: 'ZhangSan' };
  const list = await sls('invoke', '-f', 'admin', '-d', JSON.stringify({ action: 'list', ...person }));
  check(
    list.includes('started_at') && !list.includes(login.session_token),
    'admin lists the sessions, without tokens',
  );
  const callback = { corpid, token: callbackToken, encodingAESKey };
  const left = signedCallback(callback, unsubscribeMessage(person));
  const told = await call(urlIn(output, 'callback'), left.path, {
    method: 'POST',
    body: left.body,
    headers: { 'content-type': 'text/xml' },
  });
  check(told.status === 200 && told.body === 'success', 'callback accepted the message');
  check((await askSession()).status === 401, 'the session has ended');

  step('Deploy again without a change');
  await sls('deploy');
  check(uploads() === zips, 'nothing was uploaded');
  check((await call(url, '/health', { method: 'GET' })).status === 200, 'the function URL is the same');

  step('Your own functions: those of docs/add-a-function.md');
  project = addFunctionsOfTheDocument();
  const deployed = await sls('deploy');
  const more = urlIn(deployed, 'hello');
  const fresh = await call(url, '/login', {
    method: 'POST',
    body: { js_code: wecom.createJsCode({ corpid, userid: 'ZhangSan' }) },
  });
  const { session_token } = Login.parse(JSON.parse(fresh.body));
  const bearer = { authorization: `Bearer ${session_token}` };
  const hello = await call(more, '/hello', { method: 'GET', headers: bearer });
  check(hello.body === '{"hello":"ZhangSan"}', `it knows who is calling: ${hello.body}`);
  check(
    (await call(more, '/hello', { method: 'GET' })).status === 401,
    'it refuses a caller who is not logged in',
  );
  check(
    (await call(more, '/payroll', { method: 'GET', headers: bearer })).status === 403,
    'it refuses a caller whose role may not use it',
  );
  const ofFinance = await call(url, '/login', {
    method: 'POST',
    body: { js_code: wecom.createJsCode({ corpid, userid: 'LiSi' }) },
  });
  const notified = await call(urlIn(deployed, 'notify'), '/notify', {
    method: 'POST',
    headers: { authorization: `Bearer ${Login.parse(JSON.parse(ofFinance.body)).session_token}` },
    body: { userid: 'ZhangSan', room: '402' },
  });
  check(
    notified.body === '{"sent":true}',
    'a member of a department below the finance department sends a notice',
  );
  const [message] = wecom.messages;
  check(message?.userids[0] === 'zhangsan', `WeCom delivers it: ${JSON.stringify(message?.content)}`);
  check(gettokens() === 2, 'with the access_token of the login: still two gettoken');

  step('Remove everything');
  await sls('remove', '--yes');
  check(Object.keys(cloud.state.functions).length === 0, 'all functions are removed');
  const logged = cloud.logs.map(({ message }) => message).join('\n');
  check(!logged.includes(corpsecret) && !logged.includes(login.session_token), 'no secret is in the log');
}

try {
  await rehearse();
  say('\nThe rehearsal passed.');
} catch (error) {
  say(`\n✗ ${error instanceof Error ? error.message : String(error)}`);
  for (const { functionName, message } of cloud.logs.slice(-20)) say(`  [${functionName}] ${message}`);
  process.exitCode = 1;
} finally {
  await cloud.stop();
  await wecom.close();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}

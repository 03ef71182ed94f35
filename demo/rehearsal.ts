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
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { startRedis } from '../simulator/redis.ts';
import { startTencentCloud } from '../simulator/tencent-cloud/index.ts';
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { startWecom } from '../simulator/wecom/server.ts';
import { Exit } from '../scripts/command.ts';
import { type Bilingual, languageIn } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import { wordsOf } from '../scripts/trouble.ts';
import { exampleSource, manifestWithExample } from './own-function.ts';
import { rehearsalTexts as texts } from './rehearsal-texts.ts';

const stage = 'rehearsal';
const corpid = 'wwrehearsal000001';
/** Less than the 20 minutes before expiry at which the timer renews. */
const shortTokenLifeSeconds = 900;

const language = languageOrEnd();

function languageOrEnd() {
  const args = process.argv.slice(2);
  try {
    const asked = languageIn(args, process.env);
    try {
      parseArgs({ args, options: { lang: { type: 'string' } } });
      return asked;
    } catch (error) {
      console.error(`${optionProblem(error)[asked]}\n${texts.usage[asked]}`);
    }
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    console.error(error.message);
  }
  return process.exit(2);
}

function say(line: string): void {
  return console.log(line);
}
function step(title: Bilingual): void {
  say(`\n── ${title[language]}`);
}
function check(isTrue: boolean, what: Bilingual): void {
  if (!isTrue) throw new Error(texts.expected(what)[language]);
  say(`✓ ${what[language]}`);
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
  WECOM_LOGIN_LANG: language,
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
  check((await closed) === 0, texts.exited(args[0] ?? ''));
  check(!output.includes(corpsecret) && !output.includes(secretKey), texts.noSecretPrinted);
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
  return new RegExp(`^${key}[:：].*\\n +(?:http url: |函数 URL：)(\\S+)`, 'm').exec(output)?.[1] ?? '';
}

/** Follows docs/add-a-function.md in a copy of the project that consists of links. */
function addFunctionsOfTheDocument(): string {
  const copy = join(folder, 'project');
  mkdirSync(join(copy, 'functions'), { recursive: true });
  const notLinked = ['functions', 'serverless.yml', 'dist', '.build', '.git'];
  for (const name of readdirSync('.').filter(
    (entry) => !notLinked.includes(entry) && !entry.startsWith('.env'),
  )) {
    symlinkSync(resolve(name), join(copy, name));
  }
  const examples = ['hello', 'notify'];
  // Whoever has followed the document has functions of these names.
  for (const name of readdirSync('functions').filter((entry) => !examples.includes(entry))) {
    symlinkSync(resolve('functions', name), join(copy, 'functions', name));
  }
  let manifest = readFileSync('serverless.yml', 'utf8');
  for (const name of examples) {
    mkdirSync(join(copy, 'functions', name));
    writeFileSync(join(copy, 'functions', name, 'index.ts'), exampleSource(name));
    const own = new RegExp(`^ {2}${name}:\\n(?: {4}.*(?:\\n|$))+`, 'm');
    manifest = manifestWithExample(manifest.replace(own, ''), name);
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
  step(texts.deploy);
  const output = await sls('deploy');
  const url = urlIn(output, 'login');
  check(url !== '', texts.url(url));
  const zips = uploads();
  check(zips === Object.keys(cloud.state.functions).length, texts.zips(zips));

  step(texts.login);
  const jsCode = wecom.createJsCode({ corpid, userid: 'ZhangSan' });
  const answer = await call(url, '/login', { method: 'POST', body: { js_code: jsCode } });
  say(
    `  POST ${url}/login → ${answer.status} ${answer.body.replace(/"session_token":"[^"]+"/, '"session_token":"…"')}`,
  );
  check(answer.status === 200, texts.answered);
  const login = Login.parse(JSON.parse(answer.body));
  check(login.member.userid === 'ZhangSan', texts.isMember);
  const askSession = () =>
    call(url, '/session', { method: 'GET', headers: { authorization: `Bearer ${login.session_token}` } });
  check((await askSession()).status === 200, texts.knowsSession);
  check(gettokens() === 1, texts.oneGettoken);

  step(texts.timer);
  wecom.set({ tokenLifeSeconds: 7200 });
  const timer = await cloud.fireTimer(`wecom-login-${stage}-refresh`, 'every-5-minutes');
  say(`  refresh → ${timer.result ?? timer.error}`);
  check(
    timer.error === undefined && Outcome.parse(JSON.parse(timer.result ?? '{}')).companies === 1,
    texts.refreshRan,
  );
  check(gettokens() === 2, texts.renewed);
  const again = await call(url, '/login', {
    method: 'POST',
    body: { js_code: wecom.createJsCode({ corpid, userid: 'ZhangSan' }) },
  });
  check(again.status === 200 && gettokens() === 2, texts.usesRenewed);

  step(texts.operator);
  const person = { corpid, userid: 'ZhangSan' };
  const list = await sls('invoke', '-f', 'admin', '-d', JSON.stringify({ action: 'list', ...person }));
  check(list.includes('started_at') && !list.includes(login.session_token), texts.lists);
  const callback = { corpid, token: callbackToken, encodingAESKey };
  const left = signedCallback(callback, unsubscribeMessage(person));
  const told = await call(urlIn(output, 'callback'), left.path, {
    method: 'POST',
    body: left.body,
    headers: { 'content-type': 'text/xml' },
  });
  check(told.status === 200 && told.body === 'success', texts.callback);
  check((await askSession()).status === 401, texts.ended);

  step(texts.again);
  await sls('deploy');
  check(uploads() === zips, texts.nothingUploaded);
  check((await call(url, '/health', { method: 'GET' })).status === 200, texts.sameUrl);

  step(texts.own);
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
  check(hello.body === '{"hello":"ZhangSan"}', texts.knowsCaller(hello.body));
  check((await call(more, '/hello', { method: 'GET' })).status === 401, texts.refusesStranger);
  check((await call(more, '/payroll', { method: 'GET', headers: bearer })).status === 403, texts.refusesRole);
  const ofFinance = await call(url, '/login', {
    method: 'POST',
    body: { js_code: wecom.createJsCode({ corpid, userid: 'LiSi' }) },
  });
  const notified = await call(urlIn(deployed, 'notify'), '/notify', {
    method: 'POST',
    headers: { authorization: `Bearer ${Login.parse(JSON.parse(ofFinance.body)).session_token}` },
    body: { userid: 'ZhangSan', room: '402' },
  });
  check(notified.body === '{"sent":true}', texts.sendsNotice);
  const [message] = wecom.messages;
  check(message?.userids[0] === 'zhangsan', texts.delivers(JSON.stringify(message?.content)));
  check(gettokens() === 2, texts.stillTwo);

  step(texts.removal);
  await sls('remove', '--yes');
  check(Object.keys(cloud.state.functions).length === 0, texts.removed);
  const logged = cloud.logs.map(({ message }) => message).join('\n');
  check(!logged.includes(corpsecret) && !logged.includes(login.session_token), texts.noSecretLogged);
}

try {
  await rehearse();
  say(texts.passed[language]);
} catch (error) {
  say(`\n✗ ${wordsOf(error)[language]}`);
  for (const { functionName, message } of cloud.logs.slice(-20)) say(`  [${functionName}] ${message}`);
  process.exitCode = 1;
} finally {
  await cloud.stop();
  await wecom.close();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}

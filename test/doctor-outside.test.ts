// What the doctor finds out from a computer about a deployment: one thing is broken at a time, its diagnosis is read.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { expectedFromHere } from '../scripts/doctor/inside.ts';
import { askCloud } from '../scripts/doctor/look.ts';
import {
  diagnoses,
  type FindingInWords,
  inWords,
  type OutsideId,
  type SeenFinding,
} from '../scripts/doctor/finding.ts';
import { outsideWords } from '../scripts/doctor/table.ts';
import { readCredentials } from '../deploy/cloud.ts';
import type { ServiceSettings } from '../deploy/settings.ts';
import type { Clock } from '../lib/clock.ts';
import { inside } from '../lib/doctor/finding.ts';
import type { Certificate, CloudState, StoredFunction } from '../simulator/tencent-cloud/state.ts';
import {
  certificateId,
  certificateUntil,
  domain,
  type DoctorWorld,
  runProgram,
  secretId,
  service,
  startDoctorWorld,
  stillClock,
} from './doctor-world.ts';
import { runSls } from './framework.ts';
import { passTo, portOf, startReverseProxy } from './reverse-proxy.ts';
import { corpid, keepOutput, realRedis, secret } from './world.ts';

type Environment = Record<string, string | undefined>;

let world: DoctorWorld;
let settings: ServiceSettings;
let pristine: CloudState;

beforeAll(async () => {
  world = await startDoctorWorld();
  // Variables whose values are in serverless.yml, or come by another name: the doctor compares none of them.
  const own = [
    'LITERAL: one',
    'TZ: Asia/Shanghai',
    'COPY: ${env:WECOM_BASE_URL}',
    "FALLBACK: ${env:NONE, 'two'}",
  ];
  const path = join(world.folder, 'serverless.yml');
  const manifest = readFileSync(path, 'utf8')
    .replace(/^provider:\n/m, 'provider:\n  environment:\n    OF_ALL: three\n')
    .replace(/^( +)WECOM_APPID: .*\n/m, (line, indent: string) =>
      [line, ...own.map((text) => `${indent}${text}\n`)].join(''),
    );
  writeFileSync(path, manifest);
  const environment = { TENCENT_CLOUD_ENDPOINT: world.cloud.url };
  const deployed = await runSls({ args: ['deploy'], cwd: world.folder, environment });
  keepOutput(deployed.output);
  expect(deployed).toEqual({ exitCode: 0, output: expect.stringContaining('is live') });
  await world.cloud.fireTimer(`${service}-refresh`, 'every-5-minutes');
  settings = await world.readService();
  pristine = structuredClone(world.cloud.state);
});
afterAll(() => world.stop());

const functionNamed = (key: string): StoredFunction => {
  const found = world.cloud.state.functions[`${service}-${key}`];
  if (!found) throw new Error(`no function ${key}`);
  return found;
};
const live = (key: string) => {
  const fn = functionNamed(key);
  const found = fn.versions.find(({ Version }) => Version === fn.aliases['$DEFAULT']);
  if (!found) throw new Error(`${key} has no live version`);
  return found;
};
const timer = () => functionNamed('refresh').triggers[0] ?? expect.fail('no timer');

/** Undoes what a test did to the cloud. */
function restore(): void {
  Object.assign(world.cloud.state, structuredClone(pristine));
  world.cloud.clearFaults();
}

/** Looks at the deployment with the doctor's code. */
async function look(
  overrides: Environment = {},
  wanted = settings,
  usable = true,
  clock: Clock = stillClock(),
): Promise<FindingInWords[]> {
  const environment = { ...world.variables, TENCENT_CLOUD_ENDPOINT: world.cloud.url, ...overrides };
  const findings: SeenFinding[] = [];
  const screen = {
    report: (finding: SeenFinding) => void findings.push(finding),
    heading: () => undefined,
    progress: () => undefined,
  };
  const credentials = readCredentials(environment);
  if (!credentials) throw new Error('the test has no key');
  await askCloud({ environment, credentials, usable, file: '.env', settings: wanted }, screen, clock);
  const printed = JSON.stringify(findings);
  for (const value of world.secrets) expect(printed).not.toContain(value);
  // Every finding of every test has Chinese words too, with all its values.
  for (const finding of findings) {
    const { found, advice = '' } = inWords(finding, 'zh');
    expect(`${found} ${advice}`).not.toMatch(/\{\w+\}|undefined|\[object| \? /);
  }
  return findings.map((finding) => inWords(finding, 'en'));
}

const problemsIn = (findings: FindingInWords[]) =>
  findings.filter(({ diagnosis }) => diagnosis !== undefined);

/** What it finds wrong. */
async function problems(
  overrides: Environment = {},
  change: (given: ServiceSettings) => void = () => undefined,
): Promise<FindingInWords[]> {
  const wanted = structuredClone(settings);
  change(wanted);
  return problemsIn(await look(overrides, wanted));
}

/** Passes requests on to the local cloud; `change` may answer instead, or let time pass. */
async function before(change: (url: string) => Promise<{ status: number; body: string } | undefined>) {
  const server = createServer((incoming, response) => {
    void (async () => {
      const own = await change(`${incoming.headers.host}${incoming.url}`);
      if (own) {
        response.writeHead(own.status).end(own.body);
        return;
      }
      passTo(world.cloud.url, incoming, response);
    })();
  });
  const TENCENT_CLOUD_ENDPOINT = `http://127.0.0.1:${await portOf(server)}`;
  return { TENCENT_CLOUD_ENDPOINT };
}

/** The log service answers what nobody expects. */
function strangeLog() {
  const body = JSON.stringify({ Response: { RequestId: 'r', Results: 'of another shape' } });
  return before((url) => Promise.resolve(url.startsWith('cls.') ? { status: 200, body } : undefined));
}

const noDomain = (given: ServiceSettings) => {
  given.customDomain = undefined;
};

/** Breaks exactly one thing; answers what was found wrong. */
const breaks: Partial<Record<OutsideId, () => Promise<FindingInWords[]>>> = {
  'doctor.step.failed': async () => problems(await strangeLog()),
  'cloud.api.no_answer': () => problems({ TENCENT_CLOUD_ENDPOINT: 'http://127.0.0.1:1' }),
  'cloud.api.failed'() {
    world.cloud.inject({ action: 'GetAlias', kind: 'FailedOperation.Alias', times: 1 });
    return problems();
  },
  'cloud.key.refused': () => problems({ TENCENT_SECRET_KEY: secret('not-the-secret-key-of-it') }),
  'cloud.key.clock'() {
    world.cloud.inject({ action: 'GetFunction', kind: 'AuthFailure.SignatureExpire' });
    return problems();
  },
  'cloud.key.rights'() {
    world.cloud.inject({ action: 'SearchLog', kind: 'UnauthorizedOperation' });
    return problems();
  },
  'cloud.region.unknown': () =>
    problems({}, (given) => {
      given.region = 'ap-nowhere';
    }),
  'cloud.functions.missing'() {
    delete world.cloud.state.functions[`${service}-login`];
    // Only the function is gone, not the domain in front of it.
    return problems({ WECOM_CALLBACKS: '' }, noDomain);
  },
  'cloud.functions.not_active'() {
    functionNamed('login').Status = 'UpdateFailed';
    return problems();
  },
  'cloud.functions.stopped'() {
    world.cloud.switches.balance = 'in arrears';
    onTestFinished(() => {
      world.cloud.switches.balance = 'paid';
    });
    return problems({ WECOM_CALLBACKS: '' }, noDomain).then((found) =>
      found.filter(({ check }) => check === 'cloud.functions'),
    );
  },
  'cloud.settings.differ'() {
    live('login').InstanceConcurrencyConfig = null;
    live('login').Timeout = 3;
    return problems();
  },
  'cloud.settings.environment_differs': () =>
    problems({}, (given) => {
      const login = given.functions.find(({ key }) => key === 'login');
      if (login) login.environment['SESSION_IDLE_SECONDS'] = '600';
    }),
  'cloud.url.missing'() {
    functionNamed('login').triggers = [];
    return problems();
  },
  'cloud.url.no_answer': () => loginAnswers({ status: 502, body: '' }),
  async 'cloud.url.refused_by_scf'() {
    const outOfMemory = await loginAnswers({ status: 434, body: '' });
    expect(outOfMemory[0]?.found).toContain('434, the function needed more memory than it has');
    return loginAnswers({ status: 500, body: '{"errorCode":-1,"errorMessage":"…","statusCode":500}' });
  },
  'cloud.timer.missing'() {
    functionNamed('refresh').triggers = [];
    return problems();
  },
  'cloud.timer.off'() {
    timer().Enable = 0;
    return problems();
  },
  'cloud.timer.never_ran': () => withLogs((log) => !log.functionName.endsWith('refresh')),
  'cloud.timer.silent': () =>
    withLogs((log) => {
      if (log.functionName.endsWith('refresh')) log.timeMs -= 3_600_000;
      return true;
    }),
  'cloud.timer.failing': () =>
    withLogs((log) => {
      if (log.functionName.endsWith('refresh')) log.message = log.message.replace('"failed":0', '"failed":1');
      return true;
    }),
  'cloud.egress_ip.none'() {
    for (const key of ['login', 'refresh', 'callback', 'admin'])
      live(key).PublicNetConfig.EipConfig.EipAddress = [];
    return problems();
  },
  'cloud.egress_ip.several'() {
    live('refresh').PublicNetConfig.EipConfig.EipAddress = ['198.51.100.9'];
    return problems();
  },
  'cloud.admin.failed'() {
    // As deployed before the doctor was known, or with a mistake in its environment.
    live('admin').Handler = 'index.another_handler';
    return problems();
  },
  'domain.binding.missing'() {
    delete world.cloud.state.domains[domain];
    return problems({ WECOM_CALLBACKS: '' });
  },
  'domain.binding.differs'() {
    const bound = world.cloud.state.domains[domain];
    if (bound) bound.Protocol = 'HTTP&HTTPS';
    return problems();
  },
  async 'domain.answer.missing'() {
    const notFound = { status: 404, body: '' };
    const intercepted = await before((url) =>
      Promise.resolve(url === `${domain}/health` ? notFound : undefined),
    );
    return problems(intercepted);
  },
  'domain.certificate.not_issued': () => withCertificate({ ...certificateUntil(200), CertEndTime: null }),
  'domain.certificate.expired': () => withCertificate(certificateUntil(-1)),
  'domain.certificate.ends_soon': () => withCertificate(certificateUntil(20)),
  'domain.certificate.missing'() {
    delete world.cloud.state.certificates[certificateId];
    return problems();
  },
  'domain.certificate.of_another_name': () =>
    withCertificate({
      ...certificateUntil(200),
      Domain: 'www.example.com',
      SubjectAltName: ['*.a.example.com'],
    }),
  'domain.verify_file.not_served': () => problems({ WECOM_DOMAIN_VERIFY: 'AnotherCode12345' }),
  async 'callback.url.no_answer'() {
    const failed = { status: 502, body: '' };
    return problems(await before((url) => Promise.resolve(url.includes('/callback/') ? failed : undefined)));
  },
  'callback.url.not_verifying'() {
    const key = world.variables['WECOM_CALLBACKS']?.split(':')[2] ?? '';
    return problems({ WECOM_CALLBACKS: `${corpid}:${secret('AnotherToken')}:${key}` });
  },
  async 'callback.url.slow'() {
    const clock = stillClock();
    const slow = (url: string) => {
      if (url.includes('/callback/')) clock.passes(1100);
      return Promise.resolve(undefined);
    };
    return problemsIn(await look(await before(slow), settings, true, clock));
  },
  'callback.domain.function_url': () => problems({}, noDomain),
};

/** What is wrong when the function URL of `login` answers this. */
async function loginAnswers(answer: { status: number; body: string }): Promise<FindingInWords[]> {
  const { NetConfig } = JSON.parse(functionNamed('login').triggers[0]?.TriggerDesc ?? '{}') as {
    NetConfig: { ExtranetUrl: string };
  };
  const { host } = new URL(NetConfig.ExtranetUrl);
  return problems(await before((url) => Promise.resolve(url.startsWith(host) ? answer : undefined)));
}

async function withLogs(
  keep: (log: (typeof world.cloud.logs)[number]) => boolean,
): Promise<FindingInWords[]> {
  const saved = structuredClone(world.cloud.logs);
  world.cloud.logs.splice(0, Infinity, ...world.cloud.logs.filter(keep));
  const found = await problems();
  world.cloud.logs.splice(0, Infinity, ...saved);
  return found;
}

function withCertificate(certificate: Certificate): Promise<FindingInWords[]> {
  world.cloud.state.certificates[certificateId] = certificate;
  return problems();
}

/** Broken before anything is asked of the cloud: seen at the command. Returns its options; to read serverless.yml takes seconds. */
const commandBreaks: Partial<Record<OutsideId, () => string[]>> = {
  'environment.file.missing'() {
    rmSync(join(world.folder, '.env'));
    return [];
  },
  'miniprogram.sharing.enabled'() {
    const pages = join(world.folder, 'miniprogram');
    rmSync(pages);
    mkdirSync(join(pages, 'pages/order'), { recursive: true });
    const handlers = ['onShareAppMessage', 'onShareTimeline', 'onAddToFavorites'];
    const source = handlers.map((name) => `  ${name}: () => ({}),\n`).join('');
    writeFileSync(join(pages, 'pages/order/order.ts'), `Page({\n${source}});\n`);
    writeFileSync(join(pages, 'pages/order/order.wxml'), '<button open-type="share">转发</button>\n');
    onTestFinished(() => {
      rmSync(pages, { recursive: true });
      symlinkSync(resolve('miniprogram'), pages);
    });
    return ['--local'];
  },
  'environment.file.of_another_stage': () => ['--stage', 'prod', '--local'],
  'environment.file.readable_by_others'() {
    chmodSync(join(world.folder, '.env'), 0o644);
    return [];
  },
  'environment.variables.unusable'() {
    world.writeEnv({ ENCRYPTION_KEY: 'short', TENCENT_VPC_ID: '', REDIS_URL: undefined });
    return ['--local'];
  },
  'environment.variables.unknown'() {
    world.writeEnv({ WECOM_CORP: 'ww1:secret', WECOM_LOGIN_LANG: 'en', REDIS_ULR: 'redis://127.0.0.1:1' });
    return ['--local'];
  },
  'cloud.manifest.unreadable'() {
    const path = join(world.folder, 'serverless.yml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('memorySize: 256', 'memorySise: 256'));
    return [];
  },
};

/** What the advice must say for an operator to find the place. */
const places: Partial<Record<OutsideId, string[]>> = {
  'cloud.key.refused': ['API 密钥', 'TENCENT_SECRET_KEY'],
  'cloud.key.rights': ['按策略语法创建', 'docs/deploy.md'],
  'environment.variables.unknown': ['WECOM_CORP (WECOM_CORPS?), REDIS_ULR (REDIS_URL?)', 'serverless.yml'],
  'cloud.timer.off': ['触发管理', `${service}-refresh`],
  'cloud.url.missing': ['函数 URL'],
  'domain.answer.missing': ['CNAME', 'DNSPod'],
  'miniprogram.sharing.enabled': [
    'order.ts:2 onShareAppMessage',
    'order.ts:3 onShareTimeline',
    'order.ts:4 onAddToFavorites',
    'order.wxml:1 open-type="share"',
  ],
  'domain.certificate.ends_soon': ['我的证书', 'TENCENT_CERTIFICATE_ID'],
  'callback.url.not_verifying': ['设置API接收'],
  'callback.domain.function_url': ['备案主体'],
};

describe.skipIf(!realRedis)('npm run doctor', () => {
  test('doctor › has a way to break everything that it knows', () => {
    const broken = [...Object.keys(breaks), ...Object.keys(commandBreaks)];
    const known = Object.keys(outsideWords).filter((id) => Object.hasOwn(diagnoses, id));
    expect(broken.toSorted()).toEqual(known.toSorted());
  });

  test('doctor › finds nothing wrong with a deployment that works', async () => {
    expect(await problems()).toEqual([]);
  });

  test.each(Object.keys(breaks) as OutsideId[])('doctor › finds %s', async (diagnosis) => {
    onTestFinished(restore);
    const found = (await breaks[diagnosis]?.()) ?? [];
    expect([...new Set(found.map((finding) => finding.diagnosis))]).toEqual([diagnosis]);
    expect(found[0]?.status).toBe(outsideWords[diagnosis].status);
    expect(`${found[0]?.found} ${found[0]?.advice}`).not.toMatch(/[{}]|undefined| \? /);
    for (const text of places[diagnosis] ?? []) expect(found[0]?.advice).toContain(text);
  });

  test('doctor › goes on after a step that failed, and names no more than the step and the kind of error', async () => {
    const found = await look(await strangeLog());
    const step = 'the doctor itself failed while reading the log of the timer';
    expect(problemsIn(found)).toMatchObject([
      { check: 'doctor.step', found: expect.stringMatching(`^${step} \\(\\$?\\w*Error\\):`) },
    ]);
    expect(found.map(({ check }) => check)).toContain('wecom.linked');
  });

  test('doctor › tells of a TENCENT_CLOUD_ENDPOINT that it does not take', async () => {
    expect(await problems({ TENCENT_CLOUD_ENDPOINT: 'https://tencent.example' })).toMatchObject([
      { diagnosis: 'doctor.step.failed', found: expect.stringContaining('TENCENT_CLOUD_ENDPOINT must be') },
    ]);
  });

  test('doctor › does not call a certificate good whose end it cannot read', async () => {
    onTestFinished(restore);
    world.cloud.state.certificates[certificateId] = { ...certificateUntil(200), CertEndTime: 'next year' };
    const found = (await look()).filter(({ check }) => check === 'domain.certificate');
    expect(found).toMatchObject([{ status: 'skipped', found: expect.stringContaining('next year') }]);
  });

  test('doctor › does not call WECOM_CALLBACKS empty while it cannot use the variables', async () => {
    const found = (await look({}, settings, false)).filter(({ check }) => check === 'callback.url');
    expect(found).toEqual([
      {
        check: 'callback.url',
        status: 'skipped',
        found: 'not checked while the variables cannot be used',
      },
    ]);
  });

  test.each(Object.keys(commandBreaks) as OutsideId[])('npm run doctor › finds %s', async (diagnosis) => {
    copyFileSync(join(world.folder, 'serverless.yml'), join(world.folder, '.cloud/serverless.yml'));
    onTestFinished(() => {
      world.writeEnv();
      chmodSync(join(world.folder, '.env'), 0o600);
      copyFileSync(join(world.folder, '.cloud/serverless.yml'), join(world.folder, 'serverless.yml'));
    });
    const { code, out } = await world.doctor(...(commandBreaks[diagnosis]?.() ?? []));
    expect(out).toContain(`[${diagnosis}]`);
    expect(out.match(/\[[a-z_]+\.[a-z_.]+\]/g)).toHaveLength(1);
    expect(code).toBe(outsideWords[diagnosis].status === 'failed' ? 1 : 3);
    for (const value of world.secrets) expect(out).not.toContain(value);
    expect(out).not.toContain('short');
    for (const text of places[diagnosis] ?? []) expect(out.replaceAll(/\s+/g, ' ')).toContain(text);
  });

  test('npm run doctor › tells of a deployment that works, line by line, and ends with 0', async () => {
    const { code, out, err } = await world.runProgram('scripts/run.mjs', 'scripts/doctor.ts');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(
      '\n  ✓ 企业可信IP (trusted IP), wwcorpa0000000001: WeCom accepts calls from this address\n',
    );
    expect(out).toMatch(/\n0 failed, 0 warnings, \d+ ok, 1 not checked\.\n$/);
    for (const value of [...world.secrets, world.variables['REDIS_URL'] ?? ''])
      expect(out).not.toContain(value);
  });

  test('npm run doctor --json › is one document with stable names, and ends with 1 when something is wrong', async () => {
    world.wecom.updateCompany(corpid, { ipTrusted: false });
    onTestFinished(() => world.wecom.updateCompany(corpid, { ipTrusted: true }));
    const { code, out } = await world.doctor('--json');
    const report = JSON.parse(out) as { findings: FindingInWords[] };
    expect(report).toMatchObject({ stage: 'dev', file: '.env', seen_from: 'cloud', failed: 1, warnings: 0 });
    expect(report.findings.find(({ status }) => status === 'failed')).toEqual({
      check: 'wecom.trusted_ip',
      status: 'failed',
      diagnosis: 'wecom.trusted_ip.not_trusted',
      about: corpid,
      found: expect.stringContaining('203.0.113.7'),
      advice: expect.stringContaining('企业可信IP'),
    });
    expect(code).toBe(1);
  });

  test('npm run doctor --json › says when nothing was seen from inside', async () => {
    onTestFinished(restore);
    live('admin').Handler = 'index.another_handler';
    const { code, out } = await world.doctor('--json');
    expect(JSON.parse(out)).toMatchObject({ seen_from: 'nowhere', failed: 1 });
    expect(code).toBe(1);
  });

  test('npm run doctor › tells of a file that is of another stage and readable by others, both', async () => {
    chmodSync(join(world.folder, '.env'), 0o644);
    onTestFinished(() => chmodSync(join(world.folder, '.env'), 0o600));
    const { out } = await world.doctor('--stage', 'prod', '--local');
    expect(out).toContain('[environment.file.of_another_stage]');
    expect(out).toContain('[environment.file.readable_by_others]');
  });

  test('npm run doctor --local › asks from here, without a word to Tencent Cloud', async () => {
    const calls = world.cloud.calls.length;
    const { code, out } = await world.doctor('--local');
    expect(out).toContain('Redis and WeCom, as this computer sees them');
    expect([code, world.cloud.calls.length]).toEqual([0, calls]);
  });

  test('npm run sessions › asks the deployed admin function, and says what its answer means', async () => {
    const args = ['scripts/run.mjs', 'scripts/sessions.ts', 'end', corpid, 'LiSi'];
    const { code, out, err } = await world.runProgram(...args);
    expect([code, JSON.parse(out)]).toEqual([0, { ended: 0 }]);
    expect(err).toContain('No session of "LiSi"');
    expect(world.cloud.calls.at(-1)?.action).toBe('InvokeFunction');
  });

  test.each([
    ['10.0.0.5', 'skipped'],
    ['172.31.0.5', 'skipped'],
    ['192.168.1.5', 'skipped'],
    ['172.32.0.5', 'failed'],
    ['127.0.0.1', 'failed'],
  ])('doctor › a Redis at %s that does not answer this computer is %s', (host, status) => {
    expect(expectedFromHere(inside('redis.reachable.no_answer'), host).status).toBe(status);
  });

  test.each([[['--stage', 'a b']], [['--jason']], [['prod']]])(
    'npm run doctor %j › says how it is used and ends with 2',
    async (args) => {
      const { code, out, err } = await world.doctor(...args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain('npm run doctor   what is wrong');
    },
  );

  test('npm run doctor › knows a reverse proxy of one’s own, and asks WeCom only through it', async () => {
    const proxy = await startReverseProxy(world.wecom.url);
    world.writeEnv({ WECOM_BASE_URL: proxy.url });
    onTestFinished(() => world.writeEnv());
    const { code, out } = await runProgram(
      ['scripts/run.mjs', 'scripts/doctor.ts', '--local', '--lang', 'zh'],
      {
        cwd: world.folder,
        env: { NODE_EXTRA_CA_CERTS: resolve('test/faults/tls/valid.pem') },
      },
    );
    const { host } = new URL(proxy.url);
    expect(out).toContain(`\n  ✓ 企业微信：经由 ${host} 调用：“企业可信IP”应填它的公网 IP`);
    expect(out).toContain(`✓ 企业可信IP，${corpid}：企业微信接受来自该 IP 的调用`);
    expect(out).not.toContain('WECOM_BASE_URL 留空');
    expect(code).toBe(0);
    expect(new Set(proxy.passed)).toContain('/cgi-bin/miniprogram/jscode2session');
  });

  test('doctor › with a reverse proxy, the address of the functions is not the one to trust', async () => {
    const through = structuredClone(settings);
    for (const fn of through.functions) fn.environment['WECOM_BASE_URL'] = 'https://wecom.example.com';
    const found = await look({}, through);
    expect(found.find(({ check }) => check === 'cloud.egress_ip')).toEqual({
      check: 'cloud.egress_ip',
      status: 'skipped',
      found: 'WeCom sees the address of wecom.example.com (WECOM_BASE_URL), not that of the functions',
    });
  });

  test('npm run doctor --help › ends with 0', async () => {
    expect((await world.doctor('--help')).code).toBe(0);
  });

  test('npm run doctor › changes nothing in the cloud', () => {
    const allowed = /^(Get|List|Describe|Search|Invoke)/;
    const from = world.cloud.calls.findIndex(({ action }) => action === 'DescribeCertificate');
    const calls = world.cloud.calls.slice(from).map(({ action }) => action);
    expect(calls.filter((action) => !allowed.test(action))).toEqual([]);
    expect(calls.length).toBeGreaterThan(100);
    expect(secretId).not.toBe('');
  });

  test('doctor › reads serverless.yml with a robot for alarms, whose address sls print does not show', async () => {
    const ALARM_WEBHOOK = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=robot-key';
    world.writeEnv({ ALARM_WEBHOOK });
    const read = await world.readService({ ...world.variables, ALARM_WEBHOOK });
    world.writeEnv();
    expect(read.alarms).toEqual({ webhook: ALARM_WEBHOOK, uins: [] });
  });

  test('doctor › compares no variable whose value stands in serverless.yml, or comes by another name', async () => {
    const variables = live('login').Environment.Variables.map(({ Key, Value }) => `${Key}=${Value}`);
    const own = ['LITERAL=one', 'TZ=Asia/Shanghai', 'FALLBACK=two', 'OF_ALL=three'];
    expect(variables).toEqual(expect.arrayContaining(own));
    const changed = { ...world.variables, TZ: 'UTC', WECOM_DOMAIN_VERIFY: 'AnotherCode12345' };
    expect(problemsIn(await look({}, await world.readService(changed)))).toMatchObject([
      { about: 'login', found: 'deployed with other values than .env has: WECOM_DOMAIN_VERIFY' },
    ]);
  });
});

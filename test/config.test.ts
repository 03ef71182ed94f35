import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { readLoginConfig, readRefreshConfig } from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { invokeFunction, startFunction } from '../simulator/functions.ts';
import { secret, startWorld } from './world.ts';

type Overrides = Record<string, string | undefined>;

const newKey = () => secret(randomBytes(32).toString('base64url'));
const good: Record<string, string> = {
  WECOM_CORPS: `wwcorpa0000000001:${secret('corpsecret-of-a')},wwcorpb0000000002:${secret('corpsecret-of-b')}`,
  REDIS_URL: `redis://:${secret('redis-password')}@127.0.0.1:6379`,
  ENCRYPTION_KEY: newKey(),
};

const directory = mkdtempSync(join(tmpdir(), 'wecom-login-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const pem = join(directory, 'ca.pem');
writeFileSync(pem, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
const notPem = join(directory, 'not.pem');
writeFileSync(notPem, 'a private note');
const withKey = join(directory, 'with-key.pem');
writeFileSync(withKey, `${readFileSync(pem, 'utf8')}${readFileSync('test/faults/tls/key.pem', 'utf8')}`);

function problemsOf(overrides: Overrides): readonly string[] {
  try {
    readLoginConfig({ ...good, ...overrides });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Starts login, which must end; answers its exit code and what it wrote. */
async function refusal(environment: Record<string, string>): Promise<{ code: number; lines: string[] }> {
  const failure = await startFunction('login', environment).then(
    async (running) => `started ${await running.stop()}`,
    (error: Error) => error.message,
  );
  const [, code, text = ''] = /^login ended with code (\d+): ([^]*)$/.exec(failure) ?? [];
  return { code: Number(code), lines: text.split('\n') };
}

describe('the start of a function', () => {
  test('a function that never listens › is given up, with what it wrote', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'silent-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'silent'));
    writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
    writeFileSync(join(folder, 'silent/index.js'), 'setInterval(() => undefined, 1000);');
    await expect(startFunction('silent', {}, { folder, startMsMax: 300 })).rejects.toMatchObject({
      words: {
        en: expect.stringMatching(/^silent listened on no port within 0.3 s: /),
        zh: expect.stringMatching(/^silent 启动失败，0.3 秒内没有监听任何端口：/),
      },
    });
  });

  const wrong = {
    WECOM_CORPS: secret('wwcorpa0000000001:wrong-corpsecret:more'),
    ALLOW_TEST_CORP: 'yes-please',
    REDIS_URL: `http://:${secret('wrong-redis-password')}@redis.example`,
    REDIS_CA: '/nowhere/ca-file.pem',
    ENCRYPTION_KEY: secret('wrong-encryption-key'),
    WECOM_BASE_URL: 'http://wrong.example/path',
    WECOM_DOMAIN_VERIFY: '../wrong-code',
    SESSION_IDLE_SECONDS: '59',
    SESSION_MAX_SECONDS: '1e9',
    PORT: '65536',
  };

  test('login › names all missing variables in one line and ends with code 1', async () => {
    const { code, lines } = await refusal({});
    expect(code).toBe(1);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      {
        time: expect.any(String),
        level: 'error',
        event: 'config_invalid',
        problems: ['REDIS_URL: is missing', 'WECOM_CORPS: is missing', 'ENCRYPTION_KEY: is missing'],
      },
    ]);
  });

  test('[A33 A35] login › names all wrong variables in one line, shows no value, and ends with code 1', async () => {
    const { code, lines } = await refusal(wrong);
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    const { event, problems } = JSON.parse(lines[0] ?? '') as { event: string; problems: string[] };
    expect(event).toBe('config_invalid');
    expect(new Set(problems.map((problem) => problem.split(':')[0]))).toEqual(new Set(Object.keys(wrong)));
    for (const value of Object.values(wrong)) {
      if (value.length > 5) expect(lines[0]).not.toContain(value);
    }
    for (const part of [
      'corpsecret',
      'redis-password',
      'wrong.example',
      'nowhere',
      'wrong-code',
      'yes-please',
    ]) {
      expect(lines[0]?.replace('corpid:corpsecret', '')).not.toContain(part);
    }
  });

  test('refresh › fails every call after naming all problems in one line', async () => {
    const { error, result, lines } = await invokeFunction('refresh', {});
    expect(result).toBeUndefined();
    expect(error).toBe('the configuration is not usable; see the log line config_invalid');
    // The runtime adds the stack, as in SCF.
    const own = lines.filter((line) => line.startsWith('{'));
    expect(own.map((line): unknown => JSON.parse(line))).toMatchObject([
      { event: 'config_invalid', problems: { length: 3 } },
    ]);
  });

  test('refresh › does not read what only login needs', async () => {
    const world = await startWorld();
    const { result } = await world.refresh({
      PORT: 'x',
      SESSION_IDLE_SECONDS: 'x',
      WECOM_DOMAIN_VERIFY: '/',
    });
    expect(result).toMatchObject({ companies: 2, renewed: 2 });
    expect(() => readRefreshConfig({ ...good, PORT: 'x' })).not.toThrow();
  });

  test('login › ends with code 1 and one line when its port is taken', async () => {
    const world = await startWorld();
    const { port } = new URL((await world.startLogin()).url);
    const { code, lines } = await refusal(world.environment({ PORT: port }));
    expect(code).toBe(1);
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { level: 'error', event: 'crashed' },
    ]);
  });
});

describe('the environment', () => {
  test('listens on the machine itself, and elsewhere only when told, as serverless.yml does', async () => {
    const world = await startWorld();
    // Of the same machine, but none that 127.0.0.1 stands for.
    const reached = async (login: { url: string }) =>
      fetch(`${login.url.replace('127.0.0.1', '127.0.0.2')}/health`).then(
        ({ status }) => status,
        () => 'refused',
      );
    expect(await reached(await world.startLogin())).toBe('refused');
    expect(await reached(await world.startLogin({ LISTEN_HOST: '0.0.0.0' }))).toBe(200);
  });

  test('needs three variables and has defaults for the rest', () => {
    expect(readLoginConfig(good)).toMatchObject({
      corps: [
        { corpid: 'wwcorpa0000000001', corpsecret: 'corpsecret-of-a' },
        { corpid: 'wwcorpb0000000002', corpsecret: 'corpsecret-of-b' },
      ],
      redis: { host: '127.0.0.1', port: 6379, db: 0, password: 'redis-password' },
      wecomBaseUrl: 'https://qyapi.weixin.qq.com',
      domainVerify: [],
      session: { idleSeconds: 1800, maxSeconds: 28_800 },
      port: 9000,
    });
  });

  test.each<[string, Overrides, object]>([
    ['blanks around values', { PORT: ' 0 ', WECOM_CORPS: ' a:b , c:d ' }, { port: 0 }],
    [
      'a password of TencentDB',
      { REDIS_URL: 'redis://:user%40pa%24s@h' },
      { redis: { password: 'user@pa$s' } },
    ],
    ['a database', { REDIS_URL: 'redis://h:7000/3' }, { redis: { host: 'h', port: 7000, db: 3 } }],
    ['an IPv6 address', { REDIS_URL: 'redis://[::1]:7000' }, { redis: { host: '::1', port: 7000 } }],
    ['TLS with a public authority', { REDIS_URL: 'rediss://h' }, { redis: { tls: {} } }],
    [
      'TLS with a CA',
      { REDIS_URL: 'rediss://h', REDIS_CA: pem },
      { redis: { tls: { ca: expect.any(String) } } },
    ],
    ['WeCom on loopback', { WECOM_BASE_URL: 'http://127.0.0.1:1/' }, { wecomBaseUrl: 'http://127.0.0.1:1' }],
    ['WeCom on [::1]', { WECOM_BASE_URL: 'http://[::1]:1' }, { wecomBaseUrl: 'http://[::1]:1' }],
    [
      'a proxy of WeCom',
      { WECOM_BASE_URL: 'https://Proxy.example' },
      { wecomBaseUrl: 'https://proxy.example' },
    ],
    ['a leap day', { REVIEWERS_UNTIL: '2028-02-29' }, { reviewersUntil: Date.UTC(2028, 1, 29, 16) }],
    [
      'the last day of a year',
      { REVIEWERS_UNTIL: '2026-12-31' },
      { reviewersUntil: Date.UTC(2026, 11, 31, 16) },
    ],
    ['a stage', { STAGE: 'prod-2' }, { redis: { keyPrefix: 'prod-2:' } }],
    [
      'roles',
      { ROLES: 'finance:dept:7|8, admin:user:ZhangSan|Li Si:wwcorpb0000000002' },
      {
        roles: [
          { role: 'finance', kind: 'dept', ids: ['7', '8'], corpid: 'wwcorpa0000000001' },
          { role: 'admin', kind: 'user', ids: ['ZhangSan', 'Li Si'], corpid: 'wwcorpb0000000002' },
        ],
      },
    ],
    [
      'further fields',
      { MEMBER_FIELDS: 'alias, extattr.工号,alias' },
      { memberFields: ['alias', 'extattr.工号'] },
    ],
    ['two domain codes', { WECOM_DOMAIN_VERIFY: 'a, B2' }, { domainVerify: ['a', 'B2'] }],
    ['the test company', { WECOM_CORPS: 'ww17f8d10783494584:x', ALLOW_TEST_CORP: 'true' }, {}],
    ['the least times', { SESSION_IDLE_SECONDS: '60', SESSION_MAX_SECONDS: '300' }, {}],
    ['the longest times', { SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '2592000' }, {}],
  ])('may hold %s', (_, overrides, expected) => {
    expect(readLoginConfig({ ...good, ...overrides })).toMatchObject(expected);
  });

  test('may hold two encryption keys while rotating', () => {
    const keys = [newKey(), newKey()];
    const { encryptionKeys } = readLoginConfig({ ...good, ENCRYPTION_KEY: keys.join(', ') });
    expect(encryptionKeys.map((key) => key.toString('base64url'))).toEqual(keys);
  });

  test.each<[string, Overrides]>([
    ['WECOM_CORPS', { WECOM_CORPS: undefined }],
    ['WECOM_CORPS', { WECOM_CORPS: '  ' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'corpid' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'corpid:' }],
    ['WECOM_CORPS', { WECOM_CORPS: ':corpsecret' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b:c' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b,' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b,,c:d' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b c' }],
    ['WECOM_CORPS', { WECOM_CORPS: '公司:b' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:密码' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b,a:c' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'ww17f8d10783494584:x' }],
    ['WECOM_CORPS', { WECOM_CORPS: 'a:b,ww17f8d10783494584:x', ALLOW_TEST_CORP: 'false' }],
    ['ALLOW_TEST_CORP', { ALLOW_TEST_CORP: 'TRUE' }],
    ['ALLOW_TEST_CORP', { ALLOW_TEST_CORP: '1' }],
    ['REDIS_URL', { REDIS_URL: undefined }],
    ['REDIS_URL', { REDIS_URL: 'localhost:6379' }],
    ['REDIS_URL', { REDIS_URL: 'redis://' }],
    ['REDIS_URL', { REDIS_URL: 'http://h' }],
    ['REDIS_URL', { REDIS_URL: 'redis://user:pass@h' }],
    ['REDIS_URL', { REDIS_URL: 'redis://:%zz@h' }],
    ['REDIS_URL', { REDIS_URL: 'redis://h:99999' }],
    ['REDIS_URL', { REDIS_URL: 'redis://h/x' }],
    ['REDIS_URL', { REDIS_URL: 'redis://h/0/1' }],
    ['REDIS_URL', { REDIS_URL: 'redis://h?db' }],
    ['REDIS_CA', { REDIS_CA: pem }],
    ['REDIS_CA', { REDIS_URL: 'rediss://h', REDIS_CA: notPem }],
    ['REDIS_CA', { REDIS_URL: 'rediss://h', REDIS_CA: directory }],
    ['REDIS_CA', { REDIS_URL: 'rediss://h', REDIS_CA: withKey }],
    ['REDIS_CA', { REDIS_URL: 'rediss://h', REDIS_CA: 'test/faults/tls/key.pem' }],
    ['REDIS_TLS_NAME', { REDIS_TLS_NAME: 'redis.example' }],
    ['REDIS_TLS_NAME', { REDIS_URL: 'rediss://h', REDIS_TLS_NAME: '10.0.0.5' }],
    ['REDIS_TLS_NAME', { REDIS_URL: 'rediss://h', REDIS_TLS_NAME: '*.example' }],
    ['STAGE', { STAGE: 'prod:1' }],
    ['STAGE', { STAGE: '{x}' }],
    ['STAGE', { STAGE: 'a'.repeat(33) }],
    ['LISTEN_HOST', { LISTEN_HOST: 'localhost' }],
    ['REVIEWERS_UNTIL', { REVIEWERS_UNTIL: '2026-02-30' }],
    ['REVIEWERS_UNTIL', { REVIEWERS_UNTIL: '2027-02-29' }],
    ['REVIEWERS_UNTIL', { REVIEWERS_UNTIL: '2026-04-31' }],
    ['REVIEWERS_UNTIL', { REVIEWERS_UNTIL: '2026-13-01' }],
    ['REDIS_CA', { REDIS_URL: 'rediss://h', REDIS_CA: join(directory, 'missing.pem') }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: undefined }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: 'change-me' }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: 'A'.repeat(43) }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: Buffer.alloc(32, 'abcdefg').toString('base64url') }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: randomBytes(31).toString('base64url') }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: randomBytes(33).toString('base64url') }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: randomBytes(32).toString('hex') }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: `${Buffer.alloc(32, 251).fill('xyz').toString('base64url')}+` }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: `${newKey()},` }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: [newKey(), newKey(), newKey()].join(',') }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'qyapi.weixin.qq.com' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'http://qyapi.weixin.qq.com' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'http://127.0.0.1.evil.example' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'https://u:p@h' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'https://h/cgi-bin' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'https://h?x' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'https://h?' }],
    ['WECOM_BASE_URL', { WECOM_BASE_URL: 'file:///etc/passwd' }],
    ['ROLES', { ROLES: 'finance' }],
    ['ROLES', { ROLES: 'finance:dept:0' }],
    ['ROLES', { ROLES: 'finance:dept:x' }],
    ['ROLES', { ROLES: 'finance:dept:' }],
    ['ROLES', { ROLES: 'finance:group:7' }],
    ['ROLES', { ROLES: 'member:dept:7' }],
    ['ROLES', { ROLES: 'reviewer:user:ZhangSan' }],
    ['ROLES', { ROLES: '7:dept:7' }],
    ['ROLES', { ROLES: 'finance:dept:7:wwnobody' }],
    ['ROLES', { ROLES: 'finance:dept:7:wwcorpa0000000001:more' }],
    ['ROLES', { ROLES: 'finance:dept=7' }],
    ['ROLES', { ROLES: Array.from({ length: 21 }, (_, i) => `r:tag:${i + 1}`).join(',') }],
    ['ROLES', { ROLES: Array.from({ length: 101 }, (_, i) => `r:dept:${i + 1}`).join(',') }],
    ['MEMBER_FIELDS', { MEMBER_FIELDS: 'mobile' }],
    ['MEMBER_FIELDS', { MEMBER_FIELDS: 'extattr.' }],
    ['MEMBER_FIELDS', { MEMBER_FIELDS: 'alias,,order' }],
    ['MEMBER_FIELDS', { MEMBER_FIELDS: Array.from({ length: 21 }, (_, i) => `extattr.${i}`).join(',') }],
    ['WECOM_DOMAIN_VERIFY', { WECOM_DOMAIN_VERIFY: 'a.b' }],
    ['WECOM_DOMAIN_VERIFY', { WECOM_DOMAIN_VERIFY: 'a,' }],
    ['WECOM_DOMAIN_VERIFY', { WECOM_DOMAIN_VERIFY: ':code' }],
    ['SESSION_IDLE_SECONDS', { SESSION_IDLE_SECONDS: '59' }],
    ['SESSION_IDLE_SECONDS', { SESSION_IDLE_SECONDS: '86401' }],
    ['SESSION_IDLE_SECONDS', { SESSION_IDLE_SECONDS: '30m' }],
    ['SESSION_MAX_SECONDS', { SESSION_MAX_SECONDS: '299' }],
    ['SESSION_MAX_SECONDS', { SESSION_MAX_SECONDS: '2592001' }],
    ['SESSION_MAX_SECONDS', { SESSION_MAX_SECONDS: '-300' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '0x10' }],
    ['PORT', { PORT: '80.5' }],
  ])('[A35] is refused because of %s in case %#', (name, overrides) => {
    const problems = problemsOf(overrides);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(new RegExp(`^${name}: `));
  });

  const names = ['WECOM_CORPS', 'REDIS_URL', 'REDIS_CA', 'ENCRYPTION_KEY', 'WECOM_BASE_URL', 'PORT'];
  test.each(['$', '#', ';', '='].flatMap((character) => names.map((name) => [name, character] as const)))(
    'is refused when %s holds a %s, which deploying would damage',
    (name, character) => {
      const expected = `${name}: must not contain $, #, ; or = (percent-encode them in REDIS_URL)`;
      expect(problemsOf({ [name]: `${good[name] ?? ''}${character}x` })).toContain(expected);
    },
  );
});

// `npm run setup`: what it writes, what it refuses, and that nothing else changes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readCallbackConfig, readLoginConfig } from '../lib/config.ts';
import { parsedEnvironment } from '../scripts/environment.ts';
import { setup as setupCommand } from '../scripts/setup/command.ts';
import { type RunningRedis, startRedis } from '../simulator/redis.ts';
import { startTencentCloud, type TencentCloud } from '../simulator/tencent-cloud/index.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { projectFolder, type Run, runInFolder, runProgram } from './doctor-world.ts';
import { corpid, realRedis, secret } from './world.ts';

const redisPassword = secret("it's$a#long;pass=word@/+%");
const corpsecret = secret('corpsecret-of-the-setup-tests');
const reviewerPassword = secret('sechs sieben acht neun zehn');
const secretId = 'AKIDsetup';
const temporaryId = 'AKIDtemporary';
const temporaryToken = secret('token-of-the-temporary-key');
const secretKey = secret('secret-key-of-the-setup-tests');

let folder: string;
let redis: RunningRedis;
let wecom: Wecom;
let cloud: TencentCloud;

beforeAll(async () => {
  folder = projectFolder();
  redis = await startRedis({ kind: 'server', args: ['--requirepass', redisPassword] });
  wecom = await startWecom({ onSecret: secret });
  wecom.addCompany({ corpid, corpsecret });
  wecom.addMember({ corpid, userid: 'ZhangSan', name: '张三' });
  cloud = await startTencentCloud({
    stateFolder: join(folder, '.cloud'),
    secretKeys: { [secretId]: secretKey, [temporaryId]: secretKey },
    tokens: { [temporaryId]: temporaryToken },
  });
});
afterAll(async () => {
  await cloud.stop();
  await Promise.all([wecom.close(), redis.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  wecom.reset();
  for (const name of readdirSync(folder)) {
    if (/^\.env(?!\.example$)|^answers/.test(name)) rmSync(join(folder, name));
  }
});

/** As `npm run setup` starts it. */
const program = ['scripts/run.mjs', 'scripts/setup.ts'];
const path = (name: string) => join(folder, name);
const read = (name = '.env') => readFileSync(path(name), 'utf8');
const values = (name = '.env') => parsedEnvironment(read(name));
const lines = (answers: object) =>
  Object.entries(answers)
    .map(([name, value]) => `${name}=${String(value)}\n`)
    .join('');

async function setup(args: string[], typed = ''): Promise<Run> {
  const environment = { TENCENT_CLOUD_ENDPOINT: cloud.url };
  const run = await runInFolder(setupCommand, args, folder, { environment, typed });
  for (const value of [redisPassword, corpsecret, reviewerPassword, secretKey, temporaryToken]) {
    expect(run.out + run.err).not.toContain(value);
  }
  expect(readdirSync(folder).filter((name) => name.includes('.setup-'))).toEqual([]);
  return run;
}

const complete = () => ({
  WECOM_CORPID: corpid,
  WECOM_CORPSECRET: corpsecret,
  WECOM_BASE_URL: wecom.url,
  CALLBACKS: 'yes',
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: new URL(redis.url).port,
  REDIS_PASSWORD: redisPassword,
  TENCENT_SECRET_ID: secretId,
  TENCENT_SECRET_KEY: secretKey,
});

describe.skipIf(!realRedis)('npm run setup', () => {
  test('npm run setup --answers › writes a .env that works, readable only by its owner, and looks once', async () => {
    writeFileSync(path('answers.json'), JSON.stringify(complete()));
    const { code, out, err } = await setup(['--answers', 'answers.json']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('✓ app linked with the mini-program');
    expect(wecom.counts()).toMatchObject({ gettoken: 1, jscode2session: 1 });
    expect(statSync(path('.env')).mode & 0o777).toBe(0o600);
    const config = readLoginConfig(values());
    expect(config.corps).toEqual([{ corpid, corpsecret }]);
    expect(config.redis).toEqual({
      host: '127.0.0.1',
      port: Number(new URL(redis.url).port),
      db: 0,
      password: redisPassword,
    });
    const { callbacks } = readCallbackConfig(values());
    expect(callbacks).toMatchObject([{ corpid, token: expect.any(String) }]);
    expect(out).not.toContain(callbacks[0]?.token);
    expect(out).not.toContain(values()['ENCRYPTION_KEY']);
    // Everything else is as in the example, comments and order included.
    expect(read().replaceAll(/^([A-Z_]+)=.+$/gm, '$1=')).toBe(readFileSync('.env.example', 'utf8'));
  });

  test('npm run setup < lines › takes KEY=value from standard input, blank lines and comments aside', async () => {
    const { code } = await setup(
      ['--no-check', 'SESSION_IDLE_SECONDS=600'],
      `# mine\n\n${lines(complete())}`,
    );
    expect(code).toBe(0);
    expect(values()).toMatchObject({ SESSION_IDLE_SECONDS: '600', WECOM_CORPS: `${corpid}:${corpsecret}` });
    expect(wecom.counts().gettoken).toBe(0);
  });

  test('npm run setup › keeps the comments, unknown lines and values of a .env that is there', async () => {
    const key = secret(Buffer.from(Array.from({ length: 32 }, (_, i) => i * 3)).toString('base64url'));
    const before = `# ours\nOWN_SETTING='a b'\nexport REDIS_URL=redis://old\nENCRYPTION_KEY=${key}\n\n# end`;
    writeFileSync(path('.env'), before);
    chmodSync(path('.env'), 0o644);
    const refused = await setup(['--no-check'], lines(complete()));
    expect([refused.code, read()]).toEqual([3, before]);
    expect(refused.err).toBe('.env has other values for REDIS_URL; --replace replaces them\n');
    expect((await setup(['--no-check', '--replace'], lines(complete()))).code).toBe(0);
    expect(read()).toMatch(
      /^# ours\nOWN_SETTING='a b'\nREDIS_URL=redis:\/\/:\S+\nENCRYPTION_KEY=\S+\n\n# end\n# Companies that/,
    );
    expect(values()['ENCRYPTION_KEY']).toBe(key);
    expect(statSync(path('.env')).mode & 0o777).toBe(0o600);
    const again = await setup(['--no-check'], lines({ ...complete(), CALLBACKS: 'no' }));
    expect([again.code, again.out]).toEqual([0, '\n.env already has these values.\n']);
  });

  test('npm run setup › keeps the token and key that WeCom knows, and draws some for a company more', async () => {
    await setup(['--no-check'], lines(complete()));
    const before = values()['WECOM_CALLBACKS'] ?? '';
    const corps = `${corpid}:${corpsecret},wwother0000000002:${secret('another-company-s-secret')}`;
    const { code } = await setup(['--no-check', '--replace', 'CALLBACKS=yes'], lines({ WECOM_CORPS: corps }));
    expect(code).toBe(0);
    expect(values()['WECOM_CALLBACKS']).toMatch(
      new RegExp(`^${before},wwother0000000002:[0-9a-f]{32}:[A-Za-z0-9]{43}$`),
    );
  });

  test('npm run setup › forgets the authority of a Redis with TLS when the new one has none', async () => {
    writeFileSync(path('.env'), 'REDIS_URL=rediss://old\nREDIS_CA=ca.pem\n');
    const { code, err } = await setup(['--no-check', '--replace'], lines(complete()));
    expect([code, err, values()['REDIS_CA']]).toEqual([0, '', '']);
    const named = await setup(['--replace'], lines({ ...complete(), REDIS_CA: 'ca.pem' }));
    expect([named.code, named.err]).toEqual([1, expect.stringContaining('REDIS_CA: ')]);
  });

  test('npm run setup › writes through no link that somebody has laid where it writes aside', async () => {
    const victim = path('victim');
    writeFileSync(victim, 'untouched');
    // The processes that may come next.
    const { pid } = spawnSync('true');
    const laid = Array.from({ length: 300 }, (_, i) => path(`.env.setup-${pid + i}`));
    for (const link of laid) symlinkSync(victim, link);
    const run = await runProgram([...program, '--no-check'], {
      cwd: folder,
      typed: lines(complete()),
    });
    expect([run.code, run.err]).toEqual([0, '']);
    expect([readFileSync(victim, 'utf8'), lstatSync(path('.env')).isFile()]).toEqual(['untouched', true]);
    for (const link of laid) rmSync(link);
  });

  test('npm run setup --stage prod › writes .env.prod and leaves .env alone', async () => {
    writeFileSync(path('.env'), 'A=1\n');
    const { code, out } = await setup(['--stage', 'prod'], lines(complete()));
    expect(code).toBe(0);
    expect(out).toContain('Next:\n  npm run deploy -- --stage prod\n  npm run doctor -- --stage prod,');
    expect([read(), existsSync(path('.env.prod'))]).toEqual(['A=1\n', true]);
  });

  test('npm run setup › writes through a link', async () => {
    writeFileSync(path('answers-target'), '');
    symlinkSync(path('answers-target'), path('.env'));
    expect((await setup(['--no-check'], lines(complete()))).code).toBe(0);
    expect(read('answers-target')).toContain('WECOM_CORPS=');
  });

  test('npm run setup › makes the entry of a reviewer, and refuses a weak password', async () => {
    const reviewer = { REVIEWER_ACCOUNT: 'appstore', REVIEWERS_UNTIL: '2099-12-31' };
    const weak = await setup(
      [],
      lines({ ...complete(), ...reviewer, REVIEWER_PASSWORD: 'my Password for today' }),
    );
    expect([weak.code, weak.err]).toEqual([
      1,
      'REVIEWER_PASSWORD: too weak: it contains one of the first guesses.\n',
    ]);
    const good = await setup(
      ['--no-check'],
      lines({ ...complete(), ...reviewer, REVIEWER_PASSWORD: reviewerPassword }),
    );
    expect(good.code).toBe(0);
    expect(readLoginConfig(values()).reviewers).toMatchObject([{ account: 'appstore' }]);
  });

  test.each([
    [
      'a character that would be cut off',
      { WECOM_CORPSECRET: 'half$and#half' },
      'WECOM_CORPSECRET: expected no blanks and none of $ # ; =',
    ],
    [
      'one in a variable without a question',
      { WECOM_DOMAIN_VERIFY: 'Code1;2' },
      'WECOM_DOMAIN_VERIFY: must not contain $, #, ; or =',
    ],
    [
      'a corpid of another form',
      { WECOM_CORPID: 'mycompany' },
      'WECOM_CORPID: expected ww and letters and digits',
    ],
    [
      'a secret without its company',
      { WECOM_CORPID: undefined },
      'WECOM_CORPID and WECOM_CORPSECRET go together',
    ],
    [
      'no Redis',
      { REDIS_HOST: undefined, REDIS_PORT: undefined, REDIS_PASSWORD: undefined },
      'REDIS_URL: is missing',
    ],
    ['a password without its Redis', { REDIS_HOST: undefined }, 'REDIS_HOST is missing'],
    ['both a whole and its part', { REDIS_URL: 'redis://h' }, 'REDIS_HOST is a part of REDIS_URL'],
    ['a VPC without a subnet', { TENCENT_VPC_ID: 'vpc-1' }, 'TENCENT_SUBNET_ID: is missing'],
    [
      'a number out of range',
      { SESSION_IDLE_SECONDS: '5' },
      'SESSION_IDLE_SECONDS: must be a whole number from 60',
    ],
    ['a name nobody knows', { WECOM_CORP: 'x' }, 'WECOM_CORP: there is no such answer'],
    ['neither yes nor no', { CALLBACKS: 'maybe' }, 'CALLBACKS must be yes or no'],
    ['the public test company', { WECOM_CORPID: 'ww17f8d10783494584' }, 'ALLOW_TEST_CORP'],
  ])('npm run setup › refuses %s, says which, and writes nothing', async (_, change, message) => {
    const answers = Object.entries({ ...complete(), ...change }).filter(([, value]) => value !== undefined);
    const { code, err } = await setup([], lines(Object.fromEntries(answers)));
    expect([code, existsSync(path('.env'))]).toEqual([1, false]);
    expect(err).toContain(message);
    expect(err).not.toContain('half');
  });

  test('npm run setup › changes nothing that a .env file would not give back', async () => {
    const multiline = 'WECOM_CORPS="a\nb"\n';
    writeFileSync(path('.env'), multiline);
    const { code, err } = await setup(['--replace'], lines(complete()));
    expect([code, err, read()]).toEqual([
      1,
      'WECOM_CORPS is written over several lines: change it by hand\n',
      multiline,
    ]);
    const quoted = await setup(
      ['--stage', 'prod'],
      lines({
        ...complete(),
        WECOM_CORPSECRET: undefined,
        WECOM_CORPID: undefined,
        WECOM_CORPS: `'a:b'`,
      }).replaceAll(/^.*=undefined\n/gm, ''),
    );
    expect([quoted.code, existsSync(path('.env.prod'))]).toEqual([1, false]);
  });

  test('npm run setup › ends with 4 when what it wrote is refused, and says where to look', async () => {
    const wrong = secret('the-secret-of-another-app');
    const { code, out } = await setup([], lines({ ...complete(), WECOM_CORPSECRET: wrong }));
    expect(code).toBe(4);
    expect(out).toContain('[wecom.gettoken.wrong_secret]');
    expect(out).not.toContain(wrong);
    expect(wecom.counts().gettoken).toBe(1);
    expect(existsSync(path('.env'))).toBe(true);
  });

  test.each([[['--stage', 'a/b']], [['--nonsense']], [['not a pair']], [['--answers', 'nowhere.json']]])(
    'npm run setup %j › ends with 2',
    async (args) => {
      const { code, err } = await setup(args);
      expect(code).toBe(2);
      expect(err).not.toBe('');
      expect(existsSync(path('.env'))).toBe(false);
    },
  );

  test('npm run setup --help › ends with 0 and names the parts', async () => {
    const { code, out } = await setup(['--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('REDIS_PASSWORD')]);
  });

  describe('--ask', () => {
    const port = () => new URL(redis.url).port;
    const tencent = [secretId, secretKey];
    const appid = 'wx0123456789abcdef';

    test('npm run setup --ask › asks again for what does not fit and for what is refused, then writes', async () => {
      const typed = [
        'mycompany', corpid, corpsecret, 'n', // the corpid of another form is asked for again
        'wx12', appid,
        '', // callback: yes
        '127.0.0.1', port(), '', 'not-the-password', 'n', '', '', '', redisPassword, // Enter: as typed before
        '', secretId, 'notthekey', 'n', '', '', tencent[1],
        '', '', 'vpc-1', 'subnet-1',
        'n', // no domain
        'n', // no reviewer
        '', // write
      ]; // prettier-ignore
      const { code, out } = await setup(['--ask', `WECOM_BASE_URL=${wecom.url}`], `${typed.join('\n')}\n`);
      expect(out).toContain('That does not fit. Expected: ww and letters and digits.');
      for (const diagnosis of ['redis.auth.refused', 'cloud.key.refused'])
        expect(out).toContain(`[${diagnosis}]`);
      expect(out).toContain('✓ API key: of the account with APPID 1250000000');
      expect(code).toBe(0);
      expect(values()).toMatchObject({
        WECOM_CORPS: `${corpid}:${corpsecret}`,
        WECOM_APPID: appid,
        TENCENT_REGION: 'ap-guangzhou',
        TENCENT_VPC_ID: 'vpc-1',
        TENCENT_SECRET_KEY: secretKey,
      });
      expect(wecom.counts().gettoken).toBeLessThanOrEqual(1);
    });

    test('npm run setup --ask › asks before it changes what is there, and says what it would replace', async () => {
      await setup(['--no-check'], lines(complete()));
      const before = read();
      const kept = ['n', '', 'n', 'n', 'n', 'n', 'n', 'n'];
      const unchanged = await setup(['--ask', '--no-check'], `${kept.join('\n')}\n`);
      expect([unchanged.code, read()]).toEqual([0, before]);
      expect(unchanged.out).toContain('WECOM_CORPS: already set. Change it? [y/N]');
      const other = ['y', 'wwother0000000002', secret('secret-of-the-other'), 'n', ...kept.slice(1), 'n'];
      const refused = await setup(['--ask', '--no-check'], `${other.join('\n')}\n`);
      expect(refused.out).toContain('Write .env: WECOM_CORPS (replaced)?');
      expect([refused.code, read()]).toEqual([130, before]);
    });

    test('npm run setup --ask › clears with Enter what may be empty', async () => {
      await setup(['--no-check'], lines(complete()));
      writeFileSync(path('.env'), `${read()}\nREDIS_CA=ca.pem\n`.replace('=redis://', '=rediss://'));
      const typed = ['n', '', 'n', 'y', 'redis.example', '', 'yes', '', '', 'y', 'n', 'n', 'n', 'n', 'y'];
      const { code, out } = await setup(['--ask', '--no-check'], `${typed.join('\n')}\n`);
      expect(out).toContain('REDIS_CA (replaced)');
      expect(code).toBe(0);
      expect(values()).toMatchObject({ REDIS_URL: 'rediss://redis.example:6379', REDIS_CA: '' });
    });

    test('npm run setup --ask › tries a temporary key with its TENCENT_TOKEN', async () => {
      const given = ['WECOM_CORPS', 'REDIS_URL', 'CALLBACKS', 'TENCENT_TOKEN'];
      const answers = [`${corpid}:${corpsecret}`, 'redis://redis.example', 'no', temporaryToken];
      const typed = ['', '', temporaryId, secretKey, 'n', 'n', 'n', ''];
      const args = given.map((name, i) => `${name}=${answers[i]}`);
      const { code, out } = await setup(['--ask', '--no-check', ...args], `${typed.join('\n')}\n`);
      expect(out).toContain('✓ API key: of the account with APPID 1250000000');
      expect(code).toBe(0);
    });

    test('npm run setup --ask › takes several companies', async () => {
      const second = secret('secret-of-the-second');
      const typed = [
        corpid,
        corpsecret,
        'y',
        'wwother0000000002',
        second,
        'n',
        '',
        'n',
        'redis.example',
        '',
        '',
        '',
      ];
      const rest = ['y', 'n', 'n', 'n', 'n', 'y'];
      const { code } = await setup(['--ask', '--no-check'], `${[...typed, ...rest].join('\n')}\n`);
      expect(code).toBe(0);
      expect(values()['WECOM_CORPS']).toBe(`${corpid}:${corpsecret},wwother0000000002:${second}`);
    });

    test('npm run setup --ask › leaves everything as it is at Ctrl-C and at the end of the input', async () => {
      writeFileSync(path('.env'), 'A=1\n');
      const ended = await setup(['--ask'], `${corpid}\n`);
      expect([ended.code, read()]).toEqual([130, 'A=1\n']);
      const child = spawn(process.execPath, [...program, '--ask'], {
        cwd: folder,
        env: { PATH: process.env['PATH'] ?? '' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let out = '';
      for await (const chunk of child.stdout) {
        out += String(chunk);
        if (out.includes('WECOM_CORPID:')) break;
      }
      child.kill('SIGINT');
      const [code]: unknown[] = await once(child, 'close');
      expect([code, read(), readdirSync(folder).filter((name) => name.startsWith('.env.setup'))]).toEqual([
        130,
        'A=1\n',
        [],
      ]);
    });
  });
});

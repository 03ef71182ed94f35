import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { scryptSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { reviewer } from '../scripts/reviewer/command.ts';
import { sessions } from '../scripts/sessions/command.ts';
import { runInFolder } from './doctor-world.ts';
import { expectError } from './expect-answer.ts';
import { corpid, otherCorpid, secret, startWorld, worldForAll } from './world.ts';

const password = secret('sechs sieben acht neun zehn');
const salt = Buffer.alloc(16, 3);
const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
const all = worldForAll({
  REVIEWERS: `appstore:14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`,
  REVIEWERS_UNTIL: '2099-12-31',
});

async function newSession(userid: string, id = corpid): Promise<unknown> {
  const { body } = await all.login.login({ js_code: all.world.jsCode(userid, id), corpid: id });
  return body['session_token'];
}
const get = (token: unknown) => all.login.withSession('GET', '/session', token);

const summary = {
  role: 'member',
  started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  seen_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  expires_in: expect.any(Number),
  device: expect.any(String),
};

describe('functions/admin', () => {
  test('admin list › answers the sessions of a person, and nothing that could be used as one', async () => {
    const userid = all.world.addMember();
    const tokens = [await newSession(userid), await newSession(userid)].map(String);
    const { result, lines } = await all.world.admin({ action: 'list', corpid, userid: userid.toUpperCase() });
    expect(result).toEqual({ sessions: [summary, summary] });
    const written = JSON.stringify(result) + lines.join('\n');
    for (const token of tokens) {
      for (const part of token.split('.').slice(1)) expect(written).not.toContain(part);
    }
    for (const { key } of await all.world.redisContents()) expect(written).not.toContain(key);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({
        event: 'invoked',
        request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        redis_calls: 1,
      }),
    ]);
    expect((await get(tokens[0])).status).toBe(200);
  });

  test('admin end › ends all sessions of a person and of nobody else, and logs it', async () => {
    const userid = all.world.addMember();
    all.world.addMember({ corpid: otherCorpid, userid });
    const tokens = [await newSession(userid), await newSession(userid)];
    const namesake = await newSession(userid, otherCorpid);
    const { result, lines } = await all.world.admin({ action: 'end', corpid, userid });
    expect(result).toEqual({ ended: 2 });
    expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        event: 'session_ended',
        level: 'warn',
        corpid,
        userid,
        reason: 'operator',
        sessions: 2,
      }),
    );
    for (const token of tokens) expectError(await get(token), 'invalid_session');
    expect((await get(namesake)).status).toBe(200);
    expect((await all.world.admin({ action: 'list', corpid, userid })).result).toEqual({ sessions: [] });
  });

  test('admin › knows a reviewer by the corpid ""', async () => {
    const body = JSON.stringify({ account: 'appstore', password });
    const headers = { 'content-type': 'application/json' };
    const reviewer = await all.login.send('POST', '/login/reviewer', { headers, body });
    const who = { corpid: '', userid: 'appstore' };
    const { result } = await all.world.admin({ action: 'list', ...who });
    expect(result).toEqual({ sessions: [{ ...summary, role: 'reviewer', device: '' }] });
    expect((await all.world.admin({ action: 'end', ...who })).result).toEqual({ ended: 1 });
    expectError(await get(reviewer.body['session_token']), 'invalid_session');
  });

  test('admin › answers 0 and an empty list for somebody nobody knows', async () => {
    const nobody = { corpid: 'wwnobody000000000', userid: 'nobody' };
    expect((await all.world.admin({ action: 'list', ...nobody })).result).toEqual({ sessions: [] });
    expect((await all.world.admin({ action: 'end', ...nobody })).result).toEqual({ ended: 0 });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'list'],
    ['another action', { action: 'flush', corpid, userid: 'ZhangSan' }],
    ['no userid', { action: 'end', corpid }],
    ['an empty userid', { action: 'end', corpid, userid: '' }],
    ['a pattern in a list', { action: 'end', corpid, userid: ['*'] }],
    ['one field more', { action: 'end', corpid, userid: 'ZhangSan', all: true }],
    ['a long userid', { action: 'end', corpid, userid: 'x'.repeat(65) }],
    ['the event of the timer', { Type: 'Timer', TriggerName: 'refresh', Message: '' }],
  ])('admin › fails with invalid_request on %s', async (_, event) => {
    const { result, error } = await all.world.admin(event);
    expect([result, error]).toEqual([undefined, 'invalid_request']);
  });

  test.each([{ httpMethod: 'POST' }, { headers: {} }])(
    'admin › refuses the HTTP-shaped event %j',
    async (shape) => {
      const { error, lines } = await all.world.admin({
        action: 'list',
        corpid,
        userid: 'ZhangSan',
        ...shape,
      });
      expect(error).toBe('this function answers no HTTP');
      expect(lines.join()).toContain('"unexpected_event"');
    },
  );

  test('admin › fails with temporarily_unavailable when Redis is down', async () => {
    const question = { action: 'end', corpid, userid: 'ZhangSan' };
    const { error } = await all.world.admin(question, { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(error).toBe('temporarily_unavailable');
  });
});

describe('npm run reviewer', () => {
  const run = (args: string[], typed = '') => runInFolder(reviewer, args, '.', { typed });

  test('npm run reviewer › prints a line that works, and never the password', async () => {
    const chosen = secret('一个 很长的 Kennwort ohne 数字 x');
    const { code, out, err } = await run(['app.store'], `${chosen}\n`);
    expect([code, out]).toEqual([0, expect.stringMatching(/^REVIEWERS=app\.store:14\.8\.5\.[\w.-]+\n$/)]);
    expect(out + err).not.toContain(chosen);
    expect(err).toContain('REVIEWERS_UNTIL');
    const world = await startWorld();
    const REVIEWERS = out.trim().slice('REVIEWERS='.length);
    const login = await world.startLogin({ REVIEWERS, REVIEWERS_UNTIL: '2099-12-31' });
    const headers = { 'content-type': 'application/json' };
    for (const [typed, status] of [
      [chosen, 200],
      [password, 401],
    ]) {
      const body = JSON.stringify({ account: 'app.store', password: typed });
      expect((await login.send('POST', '/login/reviewer', { headers, body })).status).toBe(status);
    }
  });

  test.each([
    ['short', 'kurz', 'fewer than 15'],
    ['129 characters long', 'abcdefghij'.repeat(13), 'more than 128'],
    ['of a few characters', 'abcab'.repeat(4), 'repeats'],
    ['the account', 'this is appstore indeed', 'contains the account'],
    ['a first guess', 'my Password for today', 'first guesses'],
    ['empty', '', 'fewer than 15'],
  ])('npm run reviewer › refuses a password that is %s', async (_, weak, reason) => {
    const { code, out, err } = await run(['AppStore'], `${weak}\n`);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(reason);
    if (weak !== '') expect(err).not.toContain(weak);
  });

  test.each([[[]], [['two words']], [['a:b']], [['x'.repeat(65)]]])(
    'npm run reviewer › says how it is used instead of taking the name %j',
    async (args) => {
      const { code, out, err } = await run(args);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain('usage: npm run reviewer -- NAME');
    },
  );
});

describe('npm run sessions', () => {
  /** A folder of its own, with these files. */
  function folderWith(files: Record<string, Record<string, string>>): string {
    const folder = mkdtempSync(join(tmpdir(), 'wecom-login-sessions-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [file, variables] of Object.entries(files)) {
      const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
      writeFileSync(join(folder, file), lines.join(''));
    }
    return folder;
  }

  test('npm run sessions --local › lists and ends with the Redis of .env.STAGE, else of .env', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ STAGE: 'test' });
    const { body } = await login.login({ js_code: world.jsCode() });
    const folder = folderWith({
      '.env': world.environment({ REDIS_URL: 'redis://127.0.0.1:1' }),
      '.env.test': world.environment(),
    });
    const there = (...args: string[]) => runInFolder(sessions, [...args, '--local'], folder);

    const listed = await there('list', corpid, 'zhangsan', '--stage', 'test');
    expect([listed.code, JSON.parse(listed.out)]).toEqual([0, { sessions: [summary] }]);
    expect(listed.err).not.toContain('No session');
    const down = await there('end', corpid, 'ZhangSan');
    expect([down.code, down.out]).toEqual([1, '']);
    expect(down.err).toContain('temporarily_unavailable');
    expect((await login.withSession('GET', '/session', body['session_token'])).status).toBe(200);
    const ended = await there('end', corpid, 'ZhangSan', '--stage=test');
    expect([ended.code, JSON.parse(ended.out)]).toEqual([0, { ended: 1 }]);
    expect(ended.err).toContain('remove or disable them in WeCom too');
    expectError(await login.withSession('GET', '/session', body['session_token']), 'invalid_session');
    for (const hidden of [...world.secrets, String(body['session_token'])]) {
      expect(listed.out + listed.err + ended.out + ended.err + down.err).not.toContain(hidden);
    }
  });

  test.each(['张三', 'lisi'])(
    'npm run sessions › says what a userid is when %s has no session',
    async (userid) => {
      const folder = folderWith({ '.env': all.world.environment() });
      const { code, out, err } = await runInFolder(sessions, ['list', corpid, userid, '--local'], folder);
      expect([code, JSON.parse(out)]).toEqual([0, { sessions: [] }]);
      expect(err).toContain(`No session of "${userid}"`);
      expect(err).toContain('账号');
    },
  );

  test.each([
    ['another company', ['end', 'ww-does-not-exist', 'ZhangSan']],
    ['swapped arguments', ['list', 'ZhangSan', corpid]],
  ])('npm run sessions › refuses %s, since nobody would be out', async (_, args) => {
    const folder = folderWith({ '.env': all.world.environment() });
    for (const where of [[], ['--local']]) {
      const { code, out, err } = await runInFolder(sessions, [...args, ...where], folder);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain(`${args[1]}: not a company of WECOM_CORPS (${corpid}`);
    }
  });

  test('npm run sessions --local › names what the environment lacks', async () => {
    const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
    const args = ['list', corpid, 'ZhangSan', '--local', '--stage', 'none'];
    const { code, out, err } = await runInFolder(sessions, args, folderWith({}), { environment });
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('WECOM_CORPS: is missing');
  });

  test.each([
    [[]],
    [['list']],
    [['list', corpid]],
    [['drop', corpid, 'ZhangSan']],
    [['end', corpid, 'ZhangSan', 'LiSi']],
    [['list', corpid, 'ZhangSan', '--force']],
  ])('npm run sessions %j › says how it is used and exits with 2', async (args) => {
    const { code, out, err } = await runInFolder(sessions, args, '.');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('npm run sessions -- end  CORPID USERID');
  });

  test('npm run sessions --help › exits with 0', async () => {
    expect((await runInFolder(sessions, ['--help'], '.')).code).toBe(0);
  });
});

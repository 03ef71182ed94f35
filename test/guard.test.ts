import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { scryptSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleSource, manifestWithExample } from '../demo/own-function.ts';
import { createGuard, type Rule } from '../lib/guard.ts';
import type { Permission } from '../lib/permission.ts';
import type { Session, Sessions } from '../lib/session.ts';
import { expectError } from './expect-answer.ts';
import { buildOwnFunction, type OwnFunction } from './own-function.ts';
import { corpid, type Login, otherCorpid, secret, startWorld, type World } from './world.ts';

describe('the function of docs/add-a-function.md', () => {
  const password = secret('eins zwei drei vier fünf');
  let own: OwnFunction;
  let world: World;
  let login: Login;
  let hello: Login;

  beforeAll(async () => {
    own = await buildOwnFunction('hello', exampleSource('hello'));
    world = await startWorld({ lifetime: 'suite' });
    world.wecom.setDepartment({ corpid, id: 7, parentid: 1, name: '财务部' });
    world.wecom.setDepartment({ corpid, id: 8, parentid: 7, name: '出纳组' });
    const salt = Buffer.alloc(16, 7);
    const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
    login = await world.startLogin({
      REVIEWERS: `appstore:14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`,
      REVIEWERS_UNTIL: '2099-12-31',
    });
    hello = await world.startWeb(own.name, world.environment({ PORT: '0', ROLES: 'finance:dept:7' }));
  });
  afterAll(async () => {
    await world.stop();
    own.remove();
  });

  async function member(changes: object = {}, id = corpid): Promise<{ userid: string; token: unknown }> {
    const userid = world.addMember({ corpid: id, ...changes });
    const { body } = await login.login({ js_code: world.jsCode(userid, id), corpid: id });
    return { userid, token: body['session_token'] };
  }

  test('docs/add-a-function.md › has an example without a type error', () => {
    const args = ['node_modules/typescript/bin/tsc', '--noEmit', '-p', own.folder];
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' })).toMatchObject({ stdout: '', status: 0 });
  });

  test('[A39] GET /hello › greets a member by the userid of their session, whatever the request says', async () => {
    const { userid, token } = await member();
    const answer = await hello.withSession('GET', '/hello?userid=ZhangSan', token);
    expect([answer.status, answer.body]).toEqual([200, { hello: userid }]);
  });

  test('[A21] GET /hello › answers 403 role_not_allowed to a reviewer', async () => {
    const body = JSON.stringify({ account: 'appstore', password });
    const headers = { 'content-type': 'application/json' };
    const reviewer = await login.send('POST', '/login/reviewer', { headers, body });
    for (const path of ['/hello', '/payroll']) {
      const answer = await hello.withSession('GET', path, reviewer.body['session_token']);
      expectError(answer, 'role_not_allowed');
      expect(await hello.logOf(answer)).toEqual([
        expect.objectContaining({
          event: 'access_denied',
          level: 'warn',
          role: 'reviewer',
          userid: 'appstore',
        }),
        expect.objectContaining({ event: 'request', route: path, status: 403 }),
      ]);
    }
  });

  test('GET /payroll › is for department 7 of the first company and those below it only', async () => {
    const [inside, outside] = [await member({ department: [3, 8] }), await member({ department: [1] })];
    const elsewhere = await member({ department: [7] }, otherCorpid);
    const allowed = await hello.withSession('GET', '/payroll', inside.token);
    expect([allowed.status, allowed.body]).toEqual([200, { payroll_of: inside.userid }]);
    for (const { token } of [outside, elsewhere]) {
      expectError(await hello.withSession('GET', '/payroll', token), 'role_not_allowed');
      expect((await hello.withSession('GET', '/hello', token)).status).toBe(200);
    }
  });

  test('docs/add-a-function.md › has an example that answers where its block of serverless.yml is asked for its health', async () => {
    const manifest = manifestWithExample(readFileSync('serverless.yml', 'utf8'), 'hello');
    const [block = ''] = /^ {2}hello:\n.*$/ms.exec(manifest) ?? [];
    const [, healthPath = ''] = /^ {4}healthPath: (\S+)$/m.exec(block) ?? [];
    expect(block).toContain('\n    src: dist/hello\n');
    expect((await hello.send('GET', healthPath)).status).toBe(200);
  });

  test('GET /hello › answers 401 invalid_session without a session, and after it ended', async () => {
    const { token } = await member();
    expectError(await hello.send('GET', '/hello'), 'invalid_session');
    expect((await login.withSession('DELETE', '/session', token)).status).toBe(204);
    expectError(await hello.withSession('GET', '/hello', token), 'invalid_session');
  });
});

describe('the function of docs/add-a-function.md that keeps two companies apart', () => {
  let own: OwnFunction;
  let world: World;
  let orders: Login;
  /** The session_token of a member of each company. They have the same userid. */
  const tokens = new Map<string, unknown>();

  beforeAll(async () => {
    own = await buildOwnFunction('orders', exampleSource('orders'));
    world = await startWorld({ lifetime: 'suite' });
    const login = await world.startLogin();
    for (const company of [corpid, otherCorpid]) {
      world.addMember({ corpid: company, userid: 'LiLei' });
      const { body } = await login.login({ js_code: world.jsCode('LiLei', company), corpid: company });
      tokens.set(company, body['session_token']);
    }
    orders = await world.startWeb(own.name, world.environment({ PORT: '0' }));
  });
  afterAll(async () => {
    await world.stop();
    own.remove();
  });

  const order = (company: string, body: object) =>
    orders.send('POST', '/orders', {
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${String(tokens.get(company))}`,
      },
      body: JSON.stringify(body),
    });
  const get = (company: string, path: string) => orders.withSession('GET', path, tokens.get(company));

  test('GET /orders › shows a member the orders of their own company only, whatever the request says', async () => {
    const rooms = new Map([
      [corpid, '402'],
      [otherCorpid, '507'],
    ]);
    for (const [company, room] of rooms) expect((await order(company, { room })).status).toBe(200);
    for (const [company, room] of rooms) {
      for (const path of ['/orders', `/orders?corpid=${otherCorpid}`, `/orders?corpid=${corpid}`]) {
        const { body } = await get(company, path);
        expect(body['orders']).toEqual([expect.objectContaining({ corpid: company, room })]);
      }
    }
  });

  test('GET /orders/:id › answers 404 not_found for the order of another company, as for none', async () => {
    const { body } = await order(corpid, { room: '402' });
    const path = `/orders/${String(body['id'])}`;
    expect((await get(corpid, path)).body).toMatchObject({ order: { corpid, ordered_by: 'LiLei' } });
    const [foreign, none] = [await get(otherCorpid, path), await get(otherCorpid, '/orders/none')];
    expectError(foreign, 'not_found');
    expectError(none, 'not_found');
    expect(foreign.body['message']).toBe(none.body['message']);
  });

  test('POST /orders › answers 400 to a body that names a company', async () => {
    expectError(await order(corpid, { room: '402', corpid: otherCorpid }), 'invalid_request');
  });
});

describe('lib/guard.ts', () => {
  const session: Session = {
    role: 'member',
    person: { corpid, userid: 'ZhangSan' },
    member: { corpid, userid: 'ZhangSan', name: '', department: [], position: '' },
    expiresInSeconds: 60,
    sessionKey: '',
    checkedAt: 0,
  };
  const sessions = { find: async () => session } as unknown as Sessions;
  const permission = { recheck: async () => session } as unknown as Permission;
  const guard = createGuard(
    sessions,
    permission,
    async () => [],
    () => undefined,
  );

  test('guard › lets a member in where their role is named', async () => {
    await expect(guard({ bearer: '' }, { roles: ['reviewer', 'member'] })).resolves.toMatchObject(session);
    await expect(guard({ bearer: '' }, { roles: ['member'], when: () => true })).resolves.toMatchObject(
      session,
    );
  });

  test.each<[string, unknown]>([
    ['no role is named', { roles: [] }],
    ['another role is named', { roles: ['reviewer'] }],
    ['another role is named and the condition is met', { roles: ['reviewer'], when: () => true }],
    ['the condition is not met', { roles: ['member'], when: () => false }],
    ['the condition forgets to answer', { roles: ['member'], when: () => undefined }],
    ['the condition answers a promise', { roles: ['member'], when: async () => false }],
    ['the condition answers 1', { roles: ['member'], when: () => 1 }],
  ])('[A21] guard › rejects with role_not_allowed when %s', async (_, rule) => {
    await expect(guard({ bearer: '' }, rule as Rule)).rejects.toThrow('role_not_allowed');
  });
});

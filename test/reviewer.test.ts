import { randomBytes, scryptSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { movableClock } from './clock.ts';
import { expectError } from './expect-answer.ts';
import {
  type Answer,
  corpid,
  from,
  type Login,
  secret,
  startWorld,
  type World,
  worldForAll,
} from './world.ts';

const password = secret('korrekt Pferd  Ångström 7');
const wrong = secret('falsch Pferd  Ångström 8');

/** As `npm run reviewer` makes one, but of the least cost that is accepted. */
function hashOf(text: string): string {
  const salt = randomBytes(16);
  const key = scryptSync(text.normalize('NFKC'), salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return `14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`;
}

const on = { REVIEWERS: `appstore:${hashOf(password)}`, REVIEWERS_UNTIL: '2099-12-31' };

/** Preloaded: writes a line for each scrypt; with HOLD_SCRYPT none begins before a SIGUSR2. */
const shim = `import crypto from 'node:crypto';
const { scrypt } = crypto;
const go = process.env.HOLD_SCRYPT ? new Promise((resolve) => process.once('SIGUSR2', resolve)) : Promise.resolve();
crypto.scrypt = (...args) => {
  process.stdout.write('{"event":"scrypt"}\\n');
  go.then(() => scrypt(...args));
};`;
const counted = { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(shim)}`] };

function attempt(login: Login, account: unknown, typed: unknown, headers = from()): Promise<Answer> {
  return login.send('POST', '/login/reviewer', {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ account, password: typed }),
  });
}

/** How often scrypt ran while `work` was done. */
async function scrypts(login: Login, work: () => Promise<unknown>): Promise<number> {
  const before = login.logged('scrypt').length;
  await work();
  return login.logged('scrypt').length - before;
}

describe('while no reviewer may log in', () => {
  const yesterday = new Date(Date.now() - 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10);
  test.each([
    ['without REVIEWERS', { ...on, REVIEWERS: '' }],
    ['without REVIEWERS_UNTIL', { ...on, REVIEWERS_UNTIL: '' }],
    ['after REVIEWERS_UNTIL', { ...on, REVIEWERS_UNTIL: yesterday }],
  ])('[A20] ANY /login/reviewer › answers 404 like any unknown path %s', async (_, environment) => {
    const login = await (await startWorld()).startLogin(environment, counted);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
      const [here, nowhere] = await Promise.all(
        ['/login/reviewer', '/login/nowhere'].map(async (path) => {
          const body =
            method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify({ account: 'appstore' }) };
          const answer = await login.send(method, path, body);
          const headers = [...answer.headers].filter(([name]) => !['date', 'content-length'].includes(name));
          const { request_id: _id, ...rest } = answer.body;
          return { status: answer.status, headers, rest };
        }),
      );
      expect(here).toEqual(nowhere);
      expect(here?.status).toBe(404);
    }
    expect(login.logged('scrypt')).toEqual([]);
  });

  test('[A20] POST /login/reviewer › ends with the day of REVIEWERS_UNTIL in China, and so do the sessions', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const tomorrow = new Date(Date.now() + 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10);
    const login = await clock.startLogin({ ...on, REVIEWERS_UNTIL: tomorrow });
    const secondsLeft = Math.floor((Date.parse(`${tomorrow}T24:00:00+08:00`) - Date.now()) / 1000);
    clock.advanceSeconds(secondsLeft - 100);
    const { body } = await attempt(login, 'appstore', password);
    expect(Number(body['expires_in'])).toSatisfy((seconds: number) => seconds > 0 && seconds <= 101);
    clock.advanceSeconds(101);
    expectError(await attempt(login, 'appstore', password), 'not_found');
    expectError(await login.withSession('GET', '/session', body['session_token']), 'invalid_session');
  });
});

describe('a reviewer', () => {
  const accounts = Array.from({ length: 20 }, (_, i) => `reviewer${i}`);
  const spaced = secret('  leading and trailing  ');
  const all = worldForAll(
    {
      REVIEWERS: [
        ...accounts.map((account) => `${account}:${hashOf(password)}`),
        `ZhangSan:${hashOf(password)}`,
        `spaced:${hashOf(spaced)}`,
      ].join(','),
      REVIEWERS_UNTIL: '2099-12-31',
    },
    counted,
  );
  const next = () => accounts.shift() ?? '';
  let login: Login;
  beforeAll(() => {
    login = all.login;
  });

  test('[A21] POST /login/reviewer › opens a session of the role reviewer', async () => {
    const account = next();
    const answer = await attempt(login, account, password, from('81.255.0.1'));
    expect(answer.body).toEqual({
      session_token: expect.stringMatching(/^s1\.[\w-]{22}\.[\w-]{43}$/),
      expires_in: 1800,
      role: 'reviewer',
    });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await login.logOf(answer)).toEqual([
      expect.objectContaining({
        event: 'login_ok',
        role: 'reviewer',
        userid: account,
        client_address: '81.255.0.1',
      }),
      expect.objectContaining({ event: 'request', route: '/login/reviewer', status: 200, wecom: [] }),
    ]);
    const session = await login.withSession('GET', '/session', answer.body['session_token']);
    expect(session.body).toEqual({ role: 'reviewer', expires_in: expect.any(Number) });
    const data = await login.withSession('POST', '/userdata', answer.body['session_token']);
    expectError(data, 'role_not_allowed');
    expect(await login.logOf(data)).toContainEqual(
      expect.objectContaining({ event: 'access_denied', role: 'reviewer', userid: account }),
    );
    expect((await login.withSession('DELETE', '/session', answer.body['session_token'])).status).toBe(204);
    expectError(await login.withSession('GET', '/session', answer.body['session_token']), 'invalid_session');
    expect((await all.world.redisContents()).filter(({ key }) => key.startsWith('wxl1:reviewer:'))).toEqual(
      [],
    );
  });

  test('[A17] POST /login/reviewer › answers the same to a wrong password and to an unknown account, for the same work', async () => {
    const account = next();
    for (const name of [account, 'nobody', account.toUpperCase(), 'constructor', '*', '欧阳']) {
      const work = await scrypts(login, async () => {
        const answer = await attempt(login, name, wrong);
        expectError(answer, 'invalid_credentials');
        expect(await login.logOf(answer)).toEqual([
          expect.objectContaining({ event: 'login_refused', role: 'reviewer' }),
          expect.objectContaining({ event: 'request', error: 'invalid_credentials' }),
        ]);
      });
      expect(work).toBe(1);
    }
  });

  test('[A19] POST /login/reviewer › takes full-width letters and composed accents for what they look like', async () => {
    const account = next();
    const wide = account.replaceAll(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
    expect((await attempt(login, wide, secret(password.normalize('NFD')))).status).toBe(200);
    const widePassword = secret(password.replace('Pferd', 'Ｐｆｅｒｄ').replace(' ', '\u3000'));
    expect((await attempt(login, account, widePassword)).status).toBe(200);
  });

  test('[A19] POST /login/reviewer › keeps every blank of a password', async () => {
    expect((await attempt(login, 'spaced', spaced)).status).toBe(200);
    expectError(await attempt(login, 'spaced', secret(spaced.trim())), 'invalid_credentials');
    expectError(await attempt(login, ' spaced', spaced), 'invalid_credentials');
  });

  test.each<[string, unknown, unknown]>([
    ['a NUL in the password', 'appstore', 'a\0b'],
    ['a NUL in the account', 'app\0store', 'ab'],
    ['129 characters', 'appstore', 'x'.repeat(129)],
    ['characters that become more than 128', 'appstore', '\ufdfa'.repeat(8)],
    ['no password', 'appstore', ''],
    ['no account', '', 'ab'],
    ['a list', ['appstore'], 'ab'],
    ['a number', 'appstore', 7],
    ['null', 'appstore', null],
  ])(
    '[A19] POST /login/reviewer › answers 400 invalid_request to %s, without work',
    async (_, account, typed) => {
      const work = await scrypts(login, async () =>
        expectError(await attempt(login, account, typed), 'invalid_request'),
      );
      expect(work).toBe(0);
    },
  );

  test('POST /login/reviewer › counts 128 characters as they are compared', async () => {
    const typed = secret('e\u0301'.repeat(128));
    expectError(await attempt(login, next(), typed), 'invalid_credentials');
  });

  test('[A21] POST /login/reviewer › never makes a member of anybody, nor a reviewer of a member', async () => {
    const member = await login.login({ js_code: all.world.jsCode() });
    const headers = { ...from(), authorization: `Bearer ${String(member.body['session_token'])}` };
    const reviewer = await attempt(login, 'zhangsan', password, headers);
    expectError(reviewer, 'invalid_credentials');
    const namesake = await attempt(login, 'ZhangSan', password, headers);
    expect(namesake.body['role']).toBe('reviewer');
    // He came with a session and has another now.
    expectError(await login.withSession('GET', '/session', member.body['session_token']), 'invalid_session');
    const again = await login.login(
      { js_code: all.world.jsCode() },
      { authorization: `Bearer ${String(namesake.body['session_token'])}` },
    );
    expect(again.body['member']).toMatchObject({ corpid, userid: 'ZhangSan' });
    expectError(
      await login.withSession('GET', '/session', namesake.body['session_token']),
      'invalid_session',
    );
  });

  test('[A18] POST /login/reviewer › allows one address 10 tries in 15 minutes, on whatever accounts', async () => {
    const address = from('82.1.2.3');
    const mine = [next(), next(), next(), next()];
    for (let i = 0; i < 10; i += 1) {
      expectError(await attempt(login, mine[i % 4], wrong, address), 'invalid_credentials');
    }
    const work = await scrypts(login, async () => {
      const answer = await attempt(login, next(), password, from('82.1.2.3, 10.0.0.1'));
      expectError(answer, 'rate_limited', { retryAfterMax: 900 });
      expect((await login.logOf(answer)).at(-1)).toMatchObject({ reason: 'too_many_tries' });
    });
    expect(work).toBe(0);
    expect((await attempt(login, next(), password)).status).toBe(200);
    // All clients that hide behind the platform's address.
    const others = [next(), next(), next(), next()];
    for (let i = 0; i < 11; i += 1) {
      expectError(await attempt(login, others[i % 4], wrong, from('10.0.0.1')), 'invalid_credentials');
    }
  });

  test('[A18] POST /login/reviewer › lets no tries slip through at the same moment', async () => {
    const account = next();
    const answers: Answer[] = [];
    const work = await scrypts(login, async () => {
      answers.push(...(await Promise.all(Array.from({ length: 30 }, () => attempt(login, account, wrong)))));
    });
    // Five free ones and the one that begins the waiting.
    expect(work).toBeLessThanOrEqual(6);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(work);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30 - work);
  });
});

test('[A18] POST /login/reviewer › makes whoever is wrong wait longer and longer, and locks the account after 100 in a row', async () => {
  const world = await startWorld();
  const login = await world.startLogin(on, counted);
  const keyOf = async (kind: string) =>
    (await world.redisContents()).find(({ key }) => key.startsWith(`wxl1:${kind}:`));
  const waited = async () => world.redisCommand('DEL', (await keyOf('reviewer-wait'))?.key ?? '');

  for (let i = 0; i < 5; i += 1) expectError(await attempt(login, 'appstore', wrong), 'invalid_credentials');
  expect(await keyOf('reviewer-wait')).toBeUndefined();
  for (const seconds of [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]) {
    expectError(await attempt(login, 'appstore', wrong), 'invalid_credentials');
    const { ttlMs = 0 } = (await keyOf('reviewer-wait')) ?? {};
    expect(ttlMs / 1000).toSatisfy((left: number) => left <= seconds && left > seconds * 0.5);
    const work = await scrypts(login, async () =>
      expectError(await attempt(login, 'appstore', password), 'rate_limited', { retryAfterMax: seconds }),
    );
    expect(work).toBe(0);
    await waited();
  }

  // A good password ends the row.
  expect((await attempt(login, 'appstore', password)).status).toBe(200);
  expect(await keyOf('reviewer')).toBeUndefined();

  for (let i = 0; i < 5; i += 1) await attempt(login, 'appstore', wrong);
  await world.redisCommand('INCRBY', (await keyOf('reviewer'))?.key ?? '', 94);
  expectError(await attempt(login, 'appstore', wrong), 'invalid_credentials');
  expect(login.logged('reviewer_locked')).toEqual([]);
  await waited();
  const work = await scrypts(login, async () => {
    expectError(await attempt(login, 'appstore', password), 'rate_limited', { retryAfter: '86400' });
  });
  expect(work).toBe(0);
  expect(login.logged('reviewer_locked')).toEqual([
    expect.objectContaining({ level: 'error', tries_max: 100 }),
  ]);

  const renewed = await world.startLogin({ ...on, REVIEWERS: `appstore:${hashOf(password)}` });
  expect((await attempt(renewed, 'appstore', password)).status).toBe(200);
});

test('[A18] POST /login/reviewer › answers 429 when four passwords are being checked already', async () => {
  const world = await startWorld();
  const login = await world.startLogin({ ...on, HOLD_SCRYPT: '1' }, counted);
  const answers: Answer[] = [];
  let sixAnswered = () => {};
  const refused = new Promise<void>((resolve) => {
    sixAnswered = resolve;
  });
  const all = Array.from({ length: 10 }, async (_, i) => {
    if (answers.push(await attempt(login, `nobody${i}`, wrong)) === 6) sixAnswered();
  });
  await refused;
  for (const answer of answers) {
    expectError(answer, 'rate_limited', { retryAfterMax: 2 });
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ reason: 'reviewer_queue' });
  }
  // What is refused for the queue does not count: no password was looked at.
  const counts = async () =>
    (await world.redisContents()).filter(({ key }) => key.startsWith('wxl1:')).map(({ fields }) => fields);
  const before = await counts();
  const late = await attempt(login, 'appstore', password);
  expectError(late, 'rate_limited', { retryAfterMax: 2 });
  expect(await counts()).toEqual(before);
  process.kill(login.pid, 'SIGUSR2');
  await Promise.all(all);
  expect(answers.slice(6).map(({ status }) => status)).toEqual([401, 401, 401, 401]);
});

describe('the 8 s of a login', () => {
  const sessionsIn = async (world: World) =>
    (await world.redisContents()).flatMap(({ key, fields }) => (key.startsWith('wxs1:') ? [fields] : []));
  /** So many passwords were counted, which is before they are looked at. */
  async function triesCounted(world: World, tries: number): Promise<void> {
    const count = async () =>
      (await world.redisContents()).find(({ key }) => key.startsWith('wxl1:reviewer-fleet:'))?.fields[''];
    while (Number(await count()) < tries);
  }

  test('[A18] POST /login/reviewer › answers 503 when they are over, and nothing is computed or stored any more', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin({
      ...on,
      HOLD_SCRYPT: '1',
      NODE_OPTIONS: counted.nodeArgs.join('='),
    });
    const member = await login.login({ js_code: world.jsCode() });
    const came = { ...from(), authorization: `Bearer ${String(member.body['session_token'])}` };
    const before = await sessionsIn(world);
    // One is at it, one waits for its turn.
    const attempts = [attempt(login, 'appstore', password, came), attempt(login, 'appstore', password)];
    await triesCounted(world, 2);
    await login.firstLogged('scrypt');
    clock.advanceSeconds(8);
    process.kill(login.pid, 'SIGUSR2');
    for (const answer of await Promise.all(attempts)) {
      expectError(answer, 'temporarily_unavailable', { retryAfter: '2' });
      expect((await login.logOf(answer)).map(({ event, reason }) => [event, reason])).toEqual([
        ['login_refused', 'temporarily_unavailable'],
        ['request', 'login_deadline'],
      ]);
    }
    expect(login.logged('scrypt')).toHaveLength(1);
    expect(login.logged('login_ok').filter(({ role }) => role === 'reviewer')).toEqual([]);
    expect(await sessionsIn(world)).toEqual(before);
    expect((await login.withSession('GET', '/session', member.body['session_token'])).status).toBe(200);
  });

  test('[A18] POST /login/reviewer › answers 503 while a password is still being hashed', async () => {
    // They pass as eight timers of a second: with this, in no time.
    const hurry = `const wait = globalThis.setTimeout;
globalThis.setTimeout = (run, ms, ...args) => wait(run, ms === 1000 ? 1 : ms, ...args);`;
    const world = await startWorld();
    const login = await world.startLogin(
      { ...on, HOLD_SCRYPT: '1' },
      { nodeArgs: [...counted.nodeArgs, '--import', `data:text/javascript,${encodeURIComponent(hurry)}`] },
    );
    const answer = await attempt(login, 'appstore', password);
    expectError(answer, 'temporarily_unavailable', { retryAfter: '2' });
    expect((await login.logOf(answer)).at(-1)).toMatchObject({ reason: 'login_deadline' });
    expect(await sessionsIn(world)).toEqual([]);
  });
});

test('[A18] POST /login/reviewer › answers 503 without looking at the password when Redis is down', async () => {
  const login = await (await startWorld()).startLogin({ ...on, REDIS_URL: 'redis://127.0.0.1:1' }, counted);
  expectError(await attempt(login, 'appstore', password), 'temporarily_unavailable');
  expect(login.logged('scrypt')).toEqual([]);
});

test('GET /session › ends a reviewer after 2 hours however much they do, and never asks WeCom', async () => {
  const world = await startWorld();
  const clock = movableClock(world);
  const login = await clock.startLogin({ ...on, SESSION_MAX_SECONDS: '2592000' });
  const { body } = await attempt(login, 'appstore', password);
  for (let i = 0; i < 4; i += 1) {
    clock.advanceSeconds(1750);
    expect((await login.withSession('GET', '/session', body['session_token'])).status).toBe(200);
  }
  clock.advanceSeconds(201);
  expectError(await login.withSession('GET', '/session', body['session_token']), 'invalid_session');
  expect(world.wecom.counts()).toEqual({ gettoken: 0, jscode2session: 0, 'user/get': 0 });
});

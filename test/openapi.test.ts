// docs/openapi.json against the built functions: every answer it promises is produced here, and fits it.
import { randomBytes, scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorTable } from '../lib/errors.ts';
import {
  components,
  expectFits,
  expectPromised,
  fits,
  operations,
  paths,
  promises,
} from './openapi-document.ts';
import { tellUnsubscribe, verifyCallback } from './wecom-callback.ts';
import {
  type Answer,
  corpid,
  from,
  type Login,
  otherCorpid,
  secret,
  startWorld,
  type World,
} from './world.ts';

const password = secret('korrekt Pferd 9');
const salt = randomBytes(16);
const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
const configured = {
  REVIEWERS: `appstore:14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`,
  REVIEWERS_UNTIL: '2099-12-31',
  WECOM_DOMAIN_VERIFY: 'abc123',
};

/** Preloaded: from its first request on, whatever hashes meets a bug. */
const bug = `import crypto from 'node:crypto';
import http from 'node:http';
const { createHash, hash } = crypto;
const { emit } = http.Server.prototype;
let armed = false;
http.Server.prototype.emit = function (name, ...args) {
  armed ||= name === 'request';
  return emit.call(this, name, ...args);
};
crypto.createHash = (...args) => {
  if (armed) throw new TypeError('a bug');
  return createHash(...args);
};
crypto.hash = (...args) => {
  if (armed) throw new TypeError('a bug');
  return hash(...args);
};`;
const withBug = { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(bug)}`] };

let world: World;
let login: Login;
let callback: Login;
const without = {} as Record<'login' | 'callback', Login>;
const buggy = {} as Record<'login' | 'callback', Login>;
let userid: string;
let member: unknown;
let reviewer: unknown;

beforeAll(async () => {
  world = await startWorld({ lifetime: 'suite' });
  const noRedis = 'redis://127.0.0.1:1';
  [login, callback, without.login, without.callback, buggy.login, buggy.callback] = await Promise.all([
    world.startLogin(configured),
    world.startCallback(),
    world.startLogin({ ...configured, REDIS_URL: noRedis }),
    world.startCallback({ REDIS_URL: noRedis }),
    world.startLogin(configured, withBug),
    world.startCallback({}, withBug),
  ]);
  userid = world.addMember();
  member = (await post('/login', codeOf(userid))).body['session_token'];
  reviewer = (await postReviewer(right)).body['session_token'];
});
afterAll(() => world.stop());

const right = { account: 'appstore', password };
const someData = { encrypted_data: 'q83vEjRWeJC8Zg==', iv: 'EjRWeJCrze8SNFZ4kKvN7w==' };
const tooLarge = JSON.stringify({ js_code: 'x'.repeat(5000) });
const plain = { 'content-type': 'text/plain' };
const codeOf = (of = 'ZhangSan', id?: string) => ({ js_code: world.jsCode(of, id) });
const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });

function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  to = login,
): Promise<Answer> {
  return to.send('POST', path, {
    headers: { 'content-type': 'application/json', ...from(), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}
const postReviewer = (body: unknown, to?: Login) => post('/login/reviewer', body, {}, to);
const postUserdata = (body: unknown, token = member, to?: Login) =>
  post('/userdata', body, bearer(token), to);
const session = (method: string, token: unknown, to = login, query = '') =>
  to.withSession(method, `/session${query}`, token);
const newSession = async () => (await post('/login', codeOf(world.addMember()))).body['session_token'];

const verify = (to: Login) => verifyCallback(world, to);
const tell = (to: Login, changes?: { path?: string; body?: string }) =>
  tellUnsubscribe(world, to, 'WangWu', changes);

/** Asks until a limit is reached, 40 times at most. */
async function untilLimited(ask: () => Promise<Answer>, asks = 40): Promise<Answer> {
  const answer = await ask();
  return answer.status === 429 || asks <= 1 ? answer : untilLimited(ask, asks - 1);
}

const produced: Record<string, () => Promise<Answer>> = {
  'POST /login 200': () => post('/login', codeOf()),
  'POST /login 400 invalid_request': () => post('/login', 'no JSON'),
  'POST /login 400 invalid_js_code': () => post('/login', { js_code: 'unknown' }),
  'POST /login 403 corp_not_allowed': () => post('/login', codeOf('Anna', 'wwstranger0000001')),
  'POST /login 403 member_not_allowed': () => post('/login', codeOf(world.addMember({ visible: false }))),
  'POST /login 409 login_again': () => post('/login', codeOf('ZhangSan', otherCorpid)),
  'POST /login 413 too_large': () => post('/login', tooLarge),
  'POST /login 415 unsupported_media_type': () => post('/login', '{}', plain),
  'POST /login 429 rate_limited': () =>
    untilLimited(() => post('/login', { js_code: 'no' }, from('82.1.1.1'))),
  'POST /login 500 internal_error': () => post('/login', codeOf(), {}, buggy.login),
  'POST /login 503 temporarily_unavailable': () => post('/login', codeOf(), {}, without.login),
  'POST /login/reviewer 200': () => postReviewer(right),
  'POST /login/reviewer 400 invalid_request': () => postReviewer({ account: 'appstore' }),
  'POST /login/reviewer 401 invalid_credentials': () => postReviewer({ ...right, password: 'wrong' }),
  'POST /login/reviewer 404 not_found': async () => postReviewer('{}', await world.startLogin()),
  'POST /login/reviewer 413 too_large': () => postReviewer(tooLarge),
  'POST /login/reviewer 415 unsupported_media_type': () => post('/login/reviewer', '{}', plain),
  'POST /login/reviewer 429 rate_limited': () =>
    untilLimited(() => post('/login/reviewer', { account: 'x', password: 'x' }, from('82.1.1.2'))),
  'POST /login/reviewer 500 internal_error': () => postReviewer(right, buggy.login),
  'POST /login/reviewer 503 temporarily_unavailable': () => postReviewer(right, without.login),
  'GET /session 200': () => session('GET', member),
  'GET /session 401 invalid_session': () => login.send('GET', '/session'),
  'GET /session 500 internal_error': () => session('GET', member, buggy.login),
  'GET /session 503 temporarily_unavailable': () => session('GET', member, without.login),
  'DELETE /session 204': async () => session('DELETE', await newSession()),
  'DELETE /session 400 invalid_request': () => session('DELETE', member, login, '?all=1'),
  'DELETE /session 401 invalid_session': () => session('DELETE', 'none'),
  'DELETE /session 500 internal_error': () => session('DELETE', member, buggy.login),
  'DELETE /session 503 temporarily_unavailable': () => session('DELETE', member, without.login),
  'POST /userdata 200': () =>
    postUserdata(world.wecom.encryptUserData({ corpid, userid }, { mobile: secret('13800138000') })),
  'POST /userdata 400 invalid_request': () => postUserdata({ iv: someData.iv }),
  'POST /userdata 400 invalid_encrypted_data': () => postUserdata(someData),
  'POST /userdata 401 invalid_session': () => postUserdata(someData, 'none'),
  'POST /userdata 403 role_not_allowed': () => postUserdata(someData, reviewer),
  'POST /userdata 413 too_large': () => postUserdata(tooLarge),
  'POST /userdata 415 unsupported_media_type': () => post('/userdata', '{}', { ...bearer(member), ...plain }),
  'POST /userdata 500 internal_error': () => postUserdata(someData, member, buggy.login),
  'POST /userdata 503 temporarily_unavailable': () => postUserdata(someData, member, without.login),
  'GET /health 200': () => login.send('GET', '/health'),
  'GET /WW_verify_{code}.txt 200': () => login.send('GET', '/WW_verify_abc123.txt'),
  'GET /WW_verify_{code}.txt 404 not_found': () => login.send('GET', '/WW_verify_abc124.txt'),
  'GET /callback/{corpid} 200': () => verify(callback),
  'GET /callback/{corpid} 400 invalid_request': () => callback.send('GET', `/callback/${corpid}`),
  'GET /callback/{corpid} 404 not_found': () => callback.send('GET', '/callback/wwelse'),
  'GET /callback/{corpid} 500 internal_error': () => verify(buggy.callback),
  'POST /callback/{corpid} 200': () => tell(callback),
  'POST /callback/{corpid} 400 invalid_request': () => tell(callback, { body: '<xml/>' }),
  'POST /callback/{corpid} 404 not_found': () => tell(callback, { path: '/callback/wwelse' }),
  'POST /callback/{corpid} 413 too_large': () => tell(callback, { body: 'x'.repeat(17_000) }),
  'POST /callback/{corpid} 500 internal_error': () => tell(buggy.callback),
  'POST /callback/{corpid} 503 temporarily_unavailable': () => tell(without.callback),
};

describe('docs/openapi.json', () => {
  test.each(Object.entries(produced))('%s › is answered as documented', async (promise, ask) => {
    expectPromised(promise, await ask());
  });

  test('docs/openapi.json › promises exactly the answers that are produced here', () => {
    expect(promises.toSorted()).toEqual(Object.keys(produced).toSorted());
  });

  test('docs/openapi.json › requires in its objects only what they have', () => {
    // The check of an answer does not miss what no property describes.
    const objects: { required?: string[]; properties: object }[] = [];
    JSON.parse(readFileSync('docs/openapi.json', 'utf8'), (_, value) => {
      if (value?.type === 'object') objects.push(value);
      return value as unknown;
    });
    const undescribed = objects.flatMap(({ required = [], properties }) =>
      required.filter((name) => !(name in properties)),
    );
    expect(undescribed).toEqual([]);
    expect(objects.length).toBeGreaterThan(20);
  });

  test('GET /session, DELETE /session?all=true, GET /health › answer as documented to reviewers, all, and of callback', async () => {
    expectPromised('GET /session 200', await session('GET', reviewer));
    expectPromised('DELETE /session 204', await session('DELETE', await newSession(), login, '?all=true'));
    expectPromised('GET /health 200', await callback.send('GET', '/health'));
  });

  test('docs/openapi.json › has every route of login and callback, and no other', () => {
    // A function of your own may document itself elsewhere.
    const described = new Set(Object.values(operations).flatMap(({ tags }) => tags));
    expect([...described].toSorted()).toEqual(['callback', 'login']);
    const routes = [...described].flatMap((name) => {
      const source = readFileSync(`functions/${name}/index.ts`, 'utf8');
      if (!source.includes('startWebFunction(')) return [];
      const shared = /^const path = '([^']+)';$/m.exec(source)?.[1];
      const found = [...source.matchAll(/method: '([A-Z]+)',\s+path(?:: ['`]([^'`]+)['`])?,/g)];
      // No route is written in a way that this does not see.
      expect(found.length, name).toBe(source.match(/\bmethod: /g)?.length);
      const own = found.map(([, method, path]) => {
        const template = (path ?? shared ?? '').replaceAll(/:(\w+)|\$\{(\w+)\}/g, '{$1$2}');
        return `${name} ${method} ${template}`;
      });
      // lib/http.ts has it for all.
      return [...own, `${name} GET /health`];
    });
    const documented = Object.entries(operations).flatMap(([name, { tags }]) =>
      tags.map((tag) => `${tag} ${name}`),
    );
    expect(documented.toSorted()).toEqual(routes.toSorted());
    expect(routes.length).toBeGreaterThanOrEqual(10);
  });

  test.each(Object.entries(paths))('ANY %s › answers 405 to every other method', async (path, methods) => {
    const to = path.startsWith('/callback') ? callback : login;
    const url = path.replace('{corpid}', corpid).replace('{code}', 'abc123');
    const allowed = Object.keys(methods).map((method) => method.toUpperCase());
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS']) {
      if (allowed.includes(method)) continue;
      const answer = await to.send(method, url);
      expect([method, answer.status]).toEqual([method, 405]);
      expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(allowed.toSorted());
      if (method !== 'HEAD') expectFits(components.responses['method_not_allowed'] ?? {}, answer);
    }
  });

  test.each(['/', '/login/', '/Session', '/callback', '/callback/a/b', '/openapi.json'])(
    'GET %s › answers 404 as documented',
    async (path) => {
      for (const to of [login, callback]) {
        const answer = await to.send('GET', path);
        expect(answer.status).toBe(404);
        expectFits(components.responses['not_found'] ?? {}, answer);
      }
    },
  );

  test('docs/openapi.json › has every error of lib/errors.ts, word for word, with its status', () => {
    const statuses = new Map([['method_not_allowed', 405]]);
    for (const promise of promises) {
      const [status, code] = promise.split(' ').slice(2);
      if (code !== undefined) statuses.set(code, Number(status));
    }
    const errors = Object.entries(errorTable);
    expect(Object.fromEntries(statuses)).toEqual(
      Object.fromEntries(errors.map(([code, { status }]) => [code, status])),
    );
    expect(Object.keys(components.responses).toSorted()).toEqual(Object.keys(errorTable).toSorted());
    for (const [code, { message, client }] of errors) {
      expect(components.schemas[code]).toMatchObject({
        description: client,
        properties: { error: { const: code }, message: { const: message } },
      });
      expect(components.responses[code]?.description).toBe(client);
    }
  });

  test.each<[string, unknown[]]>([
    [
      'POST /login',
      [
        { js_code: 'a.b_c~d-9', corpid: 'ww_-9' },
        ...['x'.repeat(512), 'x'.repeat(513), '', 'a b', 'ä', 7].map((js_code) => ({ js_code })),
        ...['', 'ww.', 'w'.repeat(64), 'w'.repeat(65), null].map((hint) => ({ js_code: 'a', corpid: hint })),
        { js_code: 'a', more: true },
        { corpid: 'wwcorpa0000000001' },
        [],
        'text',
      ],
    ],
    [
      'POST /login/reviewer',
      [
        ...['x y', '', 'x\0', 1].map((typed) => ({ account: 'ä', password: typed })),
        { account: '', password: 'x' },
        { account: 'a' },
        { account: 'a', password: 'x', js_code: 'a' },
      ],
    ],
    [
      'POST /userdata',
      [
        ...['AAAA', 'A-_A', '', 'AA===', 'AA='].map((data) => ({ encrypted_data: data, iv: 'AA==' })),
        { encrypted_data: 'AAAA' },
        { encrypted_data: 'AAAA', iv: 'AA==', more: 1 },
      ],
    ],
  ])('%s › refuses exactly the bodies that the document refuses', async (name, bodies) => {
    const [, path = ''] = name.split(' ');
    const { schema, example } = operations[name]?.requestBody?.content['application/json'] ?? {};
    if (schema === undefined) throw new Error(`${name} has no body in docs/openapi.json`);
    expect(fits(schema, example)).toBe(true);
    for (const body of [example, ...bodies]) {
      const answer = await post(path, JSON.stringify(body), bearer(member));
      const taken = answer.body['error'] !== 'invalid_request';
      expect({ body, taken }).toEqual({ body, taken: fits(schema, body) });
    }
  });
});

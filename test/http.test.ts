import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { functionBundle } from '../scripts/function-bundle.ts';
import { expectError, expectHeaders } from './expect-answer.ts';
import { rawRequest, writeAndHangUp } from './raw-request.ts';
import { startWorld, type World, worldForAll } from './world.ts';

const domainVerify = { WECOM_DOMAIN_VERIFY: 'AbC123, xyz789' };
const json = { 'content-type': 'application/json' };

describe('methods and paths', () => {
  const all = worldForAll(domainVerify);

  const routes = [
    { path: '/login', allow: ['POST'] },
    { path: '/session', allow: ['GET', 'DELETE'] },
    { path: '/health', allow: ['GET'] },
    { path: '/WW_verify_AbC123.txt', allow: ['GET'] },
  ];
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];
  const refused = routes.flatMap(({ path, allow }) =>
    methods
      .filter((method) => !allow.includes(method))
      .map((method) => [method, path, allow.join(', ')] as const),
  );

  test.each(refused)(
    '[A27 A29] %s %s › answers 405 method_not_allowed with Allow: %s',
    async (method, path, allow) => {
      const answer = await rawRequest(all.login.url, {
        method,
        path,
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      });
      if (method === 'HEAD') {
        expect(answer.text).toBe('');
        expect(answer.status).toBe(405);
        expectHeaders(answer, 'application/json');
        expect(answer.headers.get('allow')).toBe(allow);
      } else {
        expectError(answer, 'method_not_allowed', { allow });
      }
      expect(await all.login.logOf(answer)).toEqual([
        expect.objectContaining({ event: 'request', method, route: path, status: 405 }),
      ]);
    },
  );

  test('[A27] POST /session › cannot be turned into another method by a header or a parameter', async () => {
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-http-method': 'DELETE',
      'x-method-override': 'GET',
    };
    const answer = await rawRequest(all.login.url, { method: 'POST', path: '/session?_method=GET', headers });
    expectError(answer, 'method_not_allowed', { allow: 'GET, DELETE' });
  });

  test.each([
    '/',
    '//login',
    '//any/health',
    '/login/',
    '/LOGIN',
    '/login.json',
    '/login%00',
    '/login%2f',
    '/login;x=1',
    '/login/..;/session',
    '/login/reviewer',
    '/session/',
    '/session/all',
    '/health/x',
    '/%zz',
    '/%',
    '/favicon.ico',
    '/.env',
    '/index.js',
    '/scf_bootstrap',
    '/*',
    '/:path',
    '/WW_verify_.txt',
    '/WW_verify_other.txt',
    '/WW_verify_abc123.txt',
    '/WW_verify_AbC123xtxt',
    '/WW_verify_AbC123.txt/',
    '/WW_verify_AbC123',
    '/WW_verify_xyz789,AbC123.txt',
    '/__proto__',
    '/constructor',
  ])('[A28] %s › answers 404 not_found to every method', async (path) => {
    for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'TRACE']) {
      const answer = await rawRequest(all.login.url, { method, path });
      if (method === 'HEAD') expect(answer.status).toBe(404);
      else expectError(answer, 'not_found');
      const lines = await all.login.logOf(answer);
      expect(lines).toEqual([expect.objectContaining({ event: 'request', route: '', error: 'not_found' })]);
    }
  });

  test('[A28] GET › answers 404 not_found to a path of 8,000 characters', async () => {
    expectError(await all.login.send('GET', `/${'a'.repeat(8000)}`), 'not_found');
  });

  test('GET /WW_verify_<code>.txt › answers the code as plain text', async () => {
    for (const code of ['AbC123', 'xyz789']) {
      const answer = await all.login.send('GET', `/WW_verify_${code}.txt`);
      expect([answer.status, answer.text]).toEqual([200, code]);
      expectHeaders(answer, 'text/plain; charset=UTF-8');
    }
  });
});

describe('bodies', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  /** A valid login of exactly so many bytes; blanks around JSON mean nothing. */
  const bodyOf = (bytes: number) => JSON.stringify({ js_code: all.world.jsCode() }).padEnd(bytes);

  test('POST /login › takes a body of exactly 4,096 bytes', async () => {
    const whole = await all.login.send('POST', '/login', { headers: json, body: bodyOf(4096) });
    expect(whole.status).toBe(200);
    const body = bodyOf(4096);
    const chunks = [body.slice(0, 10), body.slice(10, 4095), body.slice(4095)];
    const chunked = await rawRequest(all.login.url, {
      method: 'POST',
      path: '/login',
      headers: json,
      chunks,
    });
    expect(chunked.status).toBe(200);
  });

  test.each([
    ['of 4,097 bytes', () => [bodyOf(4097)], true],
    ['of 4,097 bytes in chunks', () => [bodyOf(4096), ' '], false],
    ['of 64 KB', () => [bodyOf(65_536)], true],
    ['of 64 KB in chunks', () => [bodyOf(32_768), ' '.repeat(32_768)], false],
    ['of 4,098 bytes in 1,366 characters', () => [`"${'汉'.repeat(1366)}"`], true],
  ])(
    '[A1] POST /login › answers 413 too_large to a body %s, and asks nobody',
    async (_, chunksOf, withLength) => {
      const chunks = chunksOf();
      const length = Buffer.byteLength(chunks.join(''));
      const headers = { ...json, ...(withLength && { 'content-length': `${length}` }) };
      const answer = await rawRequest(all.login.url, { method: 'POST', path: '/login', headers, chunks });
      expectError(answer, 'too_large');
      expect(all.world.wecom.counts().jscode2session).toBe(0);
      expect((await all.login.send('GET', '/health')).status).toBe(200);
    },
  );

  test.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('POST /login › takes Content-Type: %s', async (type) => {
    const body = JSON.stringify({ js_code: all.world.jsCode() });
    const answer = await all.login.send('POST', '/login', { headers: { 'content-type': type }, body });
    expect(answer.status).toBe(200);
  });

  test.each([
    undefined,
    '',
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/json5',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/vnd.api+json',
    'application/json; charset=utf-16',
    'application/json; charset=gbk',
    'application/json; charset=utf-8; x=y',
    'application/json, text/plain',
    'text/plain; application/json',
  ])('[A2] POST /login › answers 415 unsupported_media_type to Content-Type: %s', async (type) => {
    const body = JSON.stringify({ js_code: all.world.jsCode() });
    const headers = {
      ...(type !== undefined && { 'content-type': type }),
      'content-length': `${body.length}`,
    };
    const answer = await rawRequest(all.login.url, {
      method: 'POST',
      path: '/login',
      headers,
      chunks: [body],
    });
    expectError(answer, 'unsupported_media_type');
    expect(all.world.wecom.counts().jscode2session).toBe(0);
  });

  test('[A1] POST /login › takes a client that hangs up in the middle of its body for no fault of ours', async () => {
    const { login } = all;
    const request = (id: string, framing: string) =>
      `POST /login HTTP/1.1\r\nHost: x\r\nX-Scf-Request-Id: ${id}\r\nContent-Type: application/json\r\n${framing}`;
    await writeAndHangUp(login.url, request('gone-1', 'Content-Length: 100\r\n\r\n{"js_code":'));
    await writeAndHangUp(login.url, request('gone-2', 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"js_\r\n'));
    for (const scfRequestId of ['gone-1', 'gone-2']) {
      const answer = { scfRequestId, status: 0, headers: new Headers(), body: {}, text: '' };
      const lines = await login.logOf(answer);
      expect(lines).toMatchObject([{ level: 'info', error: 'invalid_request', reason: 'broken_off' }]);
    }
    expect((await login.send('GET', '/health')).status).toBe(200);
  });

  test.each(['GET', 'DELETE'])('%s /session › does not mind a small body', async (method) => {
    const { login, world } = all;
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) });
    const answer = await rawRequest(login.url, {
      method,
      path: '/session',
      headers: { authorization: `Bearer ${String(body['session_token'])}`, 'content-length': '2' },
      chunks: ['{}'],
    });
    expect(answer.status).toBe(method === 'GET' ? 200 : 204);
  });
});

describe('requests that take long', () => {
  const folder = `.build/waiting-${process.pid}`;
  /** Answers GET /wait when it gets SIGUSR2, everything else at once. */
  const source = `
    import { systemClock as clock } from './lib/clock.ts';
    import { createApp, serve } from './lib/http.ts';
    import { startWebFunction } from './lib/scf.ts';
    const listening = { secrets: [], host: '127.0.0.1', port: 0 };
    startWebFunction(() => listening, (config, log) => {
      const wait = () => new Promise((resolve) => process.once('SIGUSR2', () => resolve({})));
      process.setMaxListeners(0);
      const routes = [
        { method: 'GET', path: '/wait', answer: wait },
        { method: 'GET', path: '/health', answer: () => ({}) },
      ];
      serve(createApp(routes, clock, log), config, log);
    });`;
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ lifetime: 'suite' });
    const stdin = { contents: source, resolveDir: '.', loader: 'ts' } as const;
    await build({ ...functionBundle, stdin, outfile: `${folder}/index.js` });
    writeFileSync(`${folder}/package.json`, '{"type":"commonjs"}');
  });
  afterAll(async () => {
    await world.stop();
    rmSync(folder, { recursive: true });
  });
  /** A function to which so many have sent GET /wait, each on a connection of its own. */
  async function waitedFor(count: number) {
    const running = await world.startWeb(`../${folder}`, {});
    const { port } = new URL(running.url);
    const sockets = Array.from({ length: count }, () => {
      const socket = connect({ port: Number(port), host: '127.0.0.1' }).on('error', () => {});
      socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    });
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    // The first is answered, so the second has come.
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    return running;
  }

  test('GET › is told to come again while 1,000 others are under way, and then answered', async () => {
    const running = await waitedFor(1000);
    const refused = await running.send('GET', '/health');
    expectError(refused, 'temporarily_unavailable', { retryAfter: '1' });
    expect(await running.logOf(refused)).toMatchObject([{ reason: 'busy', redis_calls: 0 }]);
    running.process.kill('SIGUSR2');
    while ((await running.send('GET', '/health')).status !== 200);
  });

  test('[S20] SIGTERM › ends the process within 9 s, whatever is still under way', async () => {
    const running = await waitedFor(1);
    const start = performance.now();
    const ended = once(running.process, 'close');
    running.process.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    const ms = performance.now() - start;
    expect(ms).toBeGreaterThan(8000);
  });
});

describe('the connections of the platform', () => {
  const all = worldForAll();

  test('GET /health › is not the one who hangs up, for a day', async () => {
    const { headers } = await rawRequest(all.login.url, { method: 'GET', path: '/health' });
    expect(headers.get('keep-alive')).toBe('timeout=86400');
  });
});

describe('GET /health', () => {
  test('GET /health › answers 200 and touches nothing, even while everything else is down', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    await Promise.all([world.redis.stop(), world.wecom.close()]);
    const answer = await login.send('GET', '/health');
    expect([answer.status, answer.body]).toEqual([200, { status: 'ok' }]);
    expectHeaders(answer, 'application/json');
    expect(await login.logOf(answer)).toEqual([
      expect.objectContaining({ event: 'request', status: 200, redis_calls: 0, redis_ms: 0, wecom: [] }),
    ]);
    expect(world.wecom.counts()).toEqual({ gettoken: 0, jscode2session: 0, 'user/get': 0 });
  });

  test('a Web function › logs with `listening` its port and the version of package.json', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ WECOM_DOMAIN_VERIFY: '' });
    const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await login.firstLogged('listening')).toMatchObject({
      port: Number(new URL(login.url).port),
      version,
    });
  });

  test('GET /WW_verify_<code>.txt › answers 404 when no code is configured', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ WECOM_DOMAIN_VERIFY: '' });
    for (const path of ['/WW_verify_.txt', '/WW_verify_undefined.txt', '/WW_verify_AbC123.txt']) {
      expectError(await login.send('GET', path), 'not_found');
    }
  });
});

describe('routes of a function of one’s own', () => {
  const source = `
    import { systemClock as clock } from './lib/clock.ts';
    import { createApp, serve } from './lib/http.ts';
    import { startWebFunction } from './lib/scf.ts';
    const listening = { secrets: [], host: '127.0.0.1', port: 0 };
    startWebFunction(() => listening, (config, log) => {
      const answer = async (request) => {
        const bytes = await request.bytes();
        return { id: request.param('id'), sum: bytes.reduce((sum, byte) => sum + byte, 0), bytes: bytes.length };
      };
      const routes = [
        { method: 'PUT', path: '/photos/:id', bodyBytesMax: 10_000, answer },
        { method: 'PATCH', path: '/photos/:id', answer },
        { method: 'DELETE', path: '/photos/:id', answer },
        { method: 'POST', path: '/photos', bodyBytesMax: 2, answer },
        { method: 'POST', path: '/photos/export', answer },
        { method: 'PUT', path: '/photos/mine', answer: () => ({ mine: true }) },
      ];
      serve(createApp(routes, clock, log, 100), config, log);
    });`;
  const folder = '.build/own-routes';
  let world: World;
  let own: Awaited<ReturnType<World['startWeb']>>;
  beforeAll(async () => {
    world = await startWorld({ lifetime: 'suite' });
    const stdin = { contents: source, resolveDir: '.', loader: 'ts' } as const;
    await build({ ...functionBundle, stdin, outfile: `${folder}/index.js` });
    writeFileSync(`${folder}/package.json`, '{"type":"commonjs"}');
    own = await world.startWeb(`../${folder}`, {});
  });
  afterAll(async () => {
    await world.stop();
    rmSync(folder, { recursive: true });
  });

  test('PUT, PATCH › have a body: the bytes as they came, whatever their type', async () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const headers = { 'content-type': 'image/jpeg' };
    const put = await own.send('PUT', '/photos/a%2Fb', { headers, body });
    expect([put.status, put.body]).toEqual([200, { id: 'a%2Fb', sum: 32_640, bytes: 256 }]);
    expect((await own.send('PATCH', '/photos/7', { body: 'ab' })).body).toEqual({
      id: '7',
      sum: 195,
      bytes: 2,
    });
  });

  test('PUT, PATCH, POST › have the limit of the route, else that of the app', async () => {
    const of = (bytes: number) => ({ body: 'x'.repeat(bytes) });
    expect((await own.send('PUT', '/photos/7', of(10_000))).status).toBe(200);
    expectError(await own.send('PUT', '/photos/7', of(10_001)), 'too_large');
    expect((await own.send('PATCH', '/photos/7', of(100))).status).toBe(200);
    expectError(await own.send('PATCH', '/photos/7', of(101)), 'too_large');
    expectError(await own.send('POST', '/photos', of(3)), 'too_large');
  });

  test('DELETE › has no body, and other methods are named in Allow', async () => {
    expect((await own.send('DELETE', '/photos/7')).body).toEqual({ id: '7', sum: 0, bytes: 0 });
    const allow = 'PUT, PATCH, DELETE';
    expectError(await own.send('POST', '/photos/7', { body: 'x' }), 'method_not_allowed', { allow });
  });

  test('a path with :name › hides no more exact path, wherever it is in the list', async () => {
    expect((await own.send('POST', '/photos/export')).body).toEqual({ id: '', sum: 0, bytes: 0 });
    expect((await own.send('PUT', '/photos/mine')).body).toEqual({ mine: true });
    expect((await own.send('PUT', '/photos/export')).body).toMatchObject({ id: 'export' });
    const allow = 'PUT, PATCH, DELETE';
    expectError(await own.send('GET', '/photos/mine'), 'method_not_allowed', { allow });
    expectError(await own.send('GET', '/photos/export'), 'method_not_allowed', { allow: `POST, ${allow}` });
  });
});

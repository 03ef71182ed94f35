import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createLog } from '../lib/log.ts';
import { runProgram } from './doctor-world.ts';
import { expectError } from './expect-answer.ts';
import { rawRequest } from './raw-request.ts';
import { secret, startWorld, worldForAll } from './world.ts';

describe('the log of login', () => {
  const all = worldForAll();

  test('POST /login › leaves one request line with ids, outcome and the time spent in Redis and each WeCom call', async () => {
    const { world, login } = all;
    world.wecom.fault({ endpoint: 'user/get', kind: 'errcode', errcode: -1, times: 1 });
    const answer = await login.login({ js_code: world.jsCode(world.addMember()) });
    const lines = await login.logOf(answer);
    expect(lines.filter(({ event }) => event === 'request')).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        level: 'info',
        event: 'request',
        request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        scf_request_id: answer.scfRequestId,
        method: 'POST',
        route: '/login',
        status: 200,
        ms: expect.any(Number),
        redis_ms: expect.any(Number),
        redis_calls: expect.any(Number),
        wecom: [
          { api: 'gettoken', ms: expect.any(Number) },
          { api: 'miniprogram/jscode2session', ms: expect.any(Number) },
          { api: 'user/get', ms: expect.any(Number), errcode: -1 },
          { api: 'user/get', ms: expect.any(Number) },
        ],
      },
    ]);
    expect(new Set(lines.map((line) => line['request_id'])).size).toBe(1);
  });

  test('GET /health › gives every request an id of its own, beside the one of SCF', async () => {
    const { login } = all;
    const answers = await Promise.all(['1', '2', '3'].map(() => login.send('GET', '/health')));
    const lines = (await Promise.all(answers.map((answer) => login.logOf(answer)))).flat();
    expect(lines).toHaveLength(3);
    expect(new Set(lines.map((line) => line['request_id'])).size).toBe(3);
  });

  test.each(['', 'a b', 'x'.repeat(65), '","level":"error', '\u00e9', '$(id)'])(
    '[A32] GET /health › does not log an X-Scf-Request-Id of another shape: %j',
    async (id) => {
      const { login } = all;
      const from = login.lines.length;
      await rawRequest(login.url, { path: '/health', headers: { 'x-scf-request-id': id } });
      const last = await login.logOf(await login.send('GET', '/health'));
      const lines = login.lines.slice(from).map((line): unknown => JSON.parse(line));
      expect(lines).toEqual([expect.objectContaining({ event: 'request', route: '/health' }), ...last]);
      expect(lines[0]).not.toHaveProperty('scf_request_id');
    },
  );

  const canary = secret('canary-1f0c9d');
  test('[A32 A45] POST /login › logs nothing of what a stranger writes into headers, path, query and body', async () => {
    const { login } = all;
    const headers = {
      'x-scf-secret-id': canary,
      'x-scf-secret-key': canary,
      'x-scf-session-token': canary,
      'x-scf-remote-addr': canary,
      'x-real-ip': canary,
      'x-forwarded-for': canary,
      'x-request-id': canary,
      'user-agent': `${canary}","level":"error","event":"forged`,
      referer: `https://${canary}/`,
      cookie: canary,
      authorization: `Bearer ${canary}`,
      'content-type': 'application/json',
    };
    const bodies = [`{"js_code":"${canary} "}`, `{"${canary}":1}`, canary, `{"js_code":"${canary}"}`];
    for (const body of bodies) await login.send('POST', `/login?${canary}=${canary}`, { headers, body });
    await login.send('GET', `/${canary}`, { headers });
    await login.send('GET', '/session', { headers });
    await login.logOf(await login.send('DELETE', '/session', { headers }));
    expect(login.lines.filter((line) => line.includes(canary) || line.includes('forged'))).toEqual([]);
  });

  test('login › writes nothing but JSON lines, whatever happens', async () => {
    const { login, world } = all;
    world.wecom.fault({ endpoint: 'user/get', kind: 'html', status: 502, times: 1 });
    await login.login({ js_code: world.jsCode() });
    const gone = new AbortController();
    const gate = world.wecom.hold({ endpoint: 'jscode2session' });
    const pending = fetch(`${login.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ js_code: world.jsCode() }),
      signal: gone.signal,
    });
    await gate.arrived(1);
    gone.abort();
    await expect(pending).rejects.toThrow();
    gate.release();
    await login.logOf(await login.login({ js_code: world.jsCode() }));
    for (const line of login.lines) expect(JSON.parse(line)).toMatchObject({ event: expect.any(String) });
  });

  test.each([
    [
      'the real chain of a function URL',
      '1.1.1.1, 140.248.50.98, 11.163.17.81, 10.132.167.112',
      '140.248.50.98',
    ],
    ['the real chain of a custom domain', '140.248.50.15, 11.163.15.87, 10.132.167.71', '140.248.50.15'],
    [
      'every private network',
      '8.8.8.8,9.1.2.3,10.1,100.64.0.1,127.0.0.1,172.31.0.1,192.168.1.1,169.254.1.1',
      '8.8.8.8',
    ],
    ['neighbours of private networks', '8.8.8.8, 100.128.0.1, 11.0.0.1', '100.128.0.1'],
    ['IPv6', '1.1.1.1, 2001:db8::7, fd00::1, fe80::1, ::1', '2001:db8::7'],
    ['IPv6 with a port', '1.1.1.1, [2001:db8::7]:443', '2001:db8::7'],
    ['IPv4 with a port', '1.1.1.1, 140.248.50.98:4711', '140.248.50.98'],
    ['IPv4 in IPv6', '1.1.1.1, ::ffff:140.248.50.98, ::FFFF:10.0.0.1', '140.248.50.98'],
    ['garbage', '140.248.50.98, unknown, , _hidden, 999.1.1.1, "><script>', '140.248.50.98'],
    ['only private addresses', '10.0.0.1, 192.168.0.1', '127.0.0.1'],
    ['nothing', '', '127.0.0.1'],
    ['10 KB', `6.6.6.6${', 10.0.0.1'.repeat(1000)}`, '127.0.0.1'],
    ['a zone', '140.248.50.98, fe80::1%eth0', '140.248.50.98'],
  ])(
    '[A16] POST /login › takes the first address from the right that is not the platform: %s',
    async (_, chain, client) => {
      const { login, world } = all;
      const headers = {
        'content-type': 'application/json',
        'x-forwarded-for': chain,
        'x-real-ip': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-scf-remote-addr': '6.6.6.6',
      };
      const body = JSON.stringify({ js_code: world.jsCode(world.addMember()) });
      const answer = await login.send('POST', '/login', { headers, body });
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'login_ok', client_address: client }),
      );
    },
  );
});

describe('a bare function URL, which may send no X-Forwarded-For', () => {
  const all = worldForAll();
  const post = (login: typeof all.login, jsCode: string, remote: string | undefined) => {
    const headers = {
      'content-type': 'application/json',
      'x-real-ip': '6.6.6.6',
      ...(remote !== undefined && { 'x-scf-remote-addr': remote }),
    };
    return login.send('POST', '/login', { headers, body: JSON.stringify({ js_code: jsCode }) });
  };

  test.each([
    ['an address', '140.248.50.98', '140.248.50.98'],
    ['IPv6', '2001:db8::7', '2001:db8::7'],
    ['an address of the platform', '11.163.17.81', '127.0.0.1'],
    ['a list', '140.248.50.98, 6.6.6.6', '127.0.0.1'],
    ['garbage', '"><script>', '127.0.0.1'],
    ['nothing', undefined, '127.0.0.1'],
  ])('[A16] POST /login › takes X-Scf-Remote-Addr when it is an address: %s', async (_, remote, client) => {
    const { login, world } = all;
    const answer = await post(login, world.jsCode(world.addMember()), remote);
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'login_ok', client_address: client }),
    );
  });

  test('[A16] POST /login › one client’s failing codes are not counted against the others', async () => {
    const { login, world } = all;
    const statuses = new Set<number>();
    for (let codes = 0; codes < 31; codes++)
      statuses.add((await post(login, 'no-code-of-anybody', '140.248.60.1')).status);
    expect([...statuses]).toEqual([400, 429]);
    expect((await post(login, world.jsCode(world.addMember()), '140.248.61.1')).status).toBe(200);
  });
});

describe('a bug', () => {
  test('[A33] POST /login › answers 500 internal_error to a bug, and logs where it is without what it held', async () => {
    const world = await startWorld();
    const overrides = { CANARY: secret('canary-of-the-bug') };
    const login = await world.startLogin(overrides, { nodeArgs: ['--require', './test/bug-shim.cjs'] });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'internal_error');
    const line = (await login.logOf(answer)).at(-1);
    expect(line).toMatchObject({
      level: 'error',
      event: 'request',
      status: 500,
      error: 'internal_error',
      request_id: answer.body['request_id'],
      thrown: {
        name: 'TypeError',
        stack: expect.stringMatching(/corpsecret=\[redacted\]&x=1\n +at .*randomBytes/),
      },
    });
    expect((await login.send('GET', '/health')).status).toBe(200);

    // The line of the source that asks for a new session_token.
    const sourceLine =
      1 +
      readFileSync('lib/session.ts', 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('randomBytes(32)'));
    const typed = `2026-11-26T00:00:00Z ${JSON.stringify(line)}\n`;
    const shown = await runProgram(['scripts/run.mjs', 'scripts/stack.ts', 'login'], { cwd: '.', typed });
    expect([shown.code, shown.err]).toEqual([0, '']);
    expect(shown.out).toMatch(new RegExp(String.raw`\n +at .*\(?lib/session\.ts:${sourceLine}:\d+`));
    expect(shown.out).not.toContain('app.js');
  });

  test.each([
    [[], 2],
    [['../login'], 2],
    [['no-function'], 1],
  ])('npm run stack %j › ends with %i', async (args, code) => {
    const run = await runProgram(['scripts/run.mjs', 'scripts/stack.ts', ...args], { cwd: '.' });
    expect([run.code, run.out]).toEqual([code, '']);
    expect(run.err).toContain(code === 2 ? 'npm run stack -- FUNCTION' : 'npm run build');
  });
});

describe('refresh', () => {
  test('refresh › leaves one line with the id of SCF and the time spent in Redis and each WeCom call', async () => {
    const world = await startWorld();
    const { lines } = await world.refresh();
    const events = lines.map((line): Record<string, unknown> => JSON.parse(line));
    expect(events.at(-1)).toMatchObject({
      event: 'invoked',
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      redis_calls: expect.any(Number),
      wecom: [
        { api: 'gettoken', ms: expect.any(Number) },
        { api: 'gettoken', ms: expect.any(Number) },
      ],
    });
  });
});

describe('createLog', () => {
  /** What a log that knows `secrets` writes. */
  function written(secrets: string[], fields: Record<string, unknown>): string {
    let line = '';
    createLog(secrets, (text) => {
      line = text;
    })('info', 'request', fields);
    return line;
  }

  test('[A33] log › replaces configured secrets wherever they stand, percent-encoded ones and those in stacks too', () => {
    const password = 'p@ss/w"rd\\1';
    const line = written([password, 'tiny'], {
      text: `a ${password} b ${encodeURIComponent(password)}`,
      nested: { list: [password] },
      thrown: new Error(`at ${password}`),
      short: 'tiny',
    });
    expect(line).not.toMatch(/w.{0,3}rd/);
    expect(JSON.parse(line)).toMatchObject({ text: 'a [redacted] b [redacted]', short: 'tiny' });
  });

  test('[A33] log › replaces secrets in URLs whoever they belong to', () => {
    const url = 'https://x/?corpid=ww1&corpsecret=AAA&access_token=BBB&js_code=CCC&session_key=DDD&userid=u';
    expect(JSON.parse(written([], { url }))).toMatchObject({
      url: 'https://x/?corpid=ww1&corpsecret=[redacted]&access_token=[redacted]&js_code=[redacted]&session_key=[redacted]&userid=u',
    });
  });

  test('[A33] log › shows neither the cause nor the fields of an error', () => {
    const thrown = Object.assign(new Error('x', { cause: 'hidden-1' }), { config: { url: 'hidden-2' } });
    expect(written([], { thrown })).not.toContain('hidden');
  });

  test('[A32] log › keeps control and bidirectional characters out of its line', () => {
    const nasty =
      '\r\n\u0000\u001b[31m\u007f\u0085\u061c\u200e\u200f\u2028\u2029\u202e\u2066\u2069","event":"forged';
    const line = written([], { nasty });
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).toMatchObject({ event: 'request', nasty });
  });

  test('[A32] log › cuts what is long, so that SCF does not drop the line', () => {
    const thrown = new Error('y'.repeat(5000));
    const line = written([], { text: 'x'.repeat(10_000), thrown });
    expect(line.length).toBeLessThan(3000);
    expect(() => JSON.parse(line)).not.toThrow();
  });
});

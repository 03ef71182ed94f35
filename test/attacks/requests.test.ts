import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { expectError } from '../expect-answer.ts';
import { rawRequest } from '../raw-request.ts';
import { corpid, startWorld, worldForAll } from '../world.ts';
import { type Connection, openConnection } from './connection.ts';

const all = worldForAll();

const health = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const postJson = 'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const chunkOf = (bytes: number) => `${bytes.toString(16)}\r\n${'a'.repeat(bytes)}\r\n`;

async function onOneConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = openConnection(all.login.url);
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

describe('bodies and their lengths', () => {
  test.each([
    ['a Content-Length', `${postJson}Content-Length: 65536\r\n\r\n${'a'.repeat(65_536)}`],
    ['chunks', `${postJson}Transfer-Encoding: chunked\r\n\r\n${chunkOf(4096).repeat(16)}0\r\n\r\n`],
  ])(
    '[A1] POST /login › leaves the connection fit for the next request, or closes it, after a body too large with %s',
    (_, bytes) =>
      onOneConnection(async (connection) => {
        const [refused] = await connection.exchange(bytes, ['POST']);
        expect(refused?.status).toBe(413);
        if (refused?.last) return;
        expect(await connection.exchange(health, ['GET'])).toMatchObject([{ status: 200 }]);
      }),
  );

  test('[A1] POST /login › does not unpack a body, so that no small one becomes a large one', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    // gzip of a valid body.
    const body = Buffer.from('H4sIAAAAAAACA6tWyiqOT85PSVWyUkpMSlaqBQCl4V1MEQAAAA==', 'base64');
    expectError(await all.login.send('POST', '/login', { headers, body }), 'invalid_request');
  });

  test.each([
    ['a Content-Length beside chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 40\r\n\r\n'],
    ['a length that is none', 'Content-Length: 0x2\r\n\r\n{}'],
    ['a coding that is none', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a blank before the colon', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])(
    '[A1] POST /login › answers once and hangs up on %s, so that no second request hides in a first',
    (_, framing) =>
      onOneConnection(async (connection) => {
        const answers = await connection.leave(`${postJson}${framing}${health}`);
        expect(answers).toEqual([expect.objectContaining({ status: 400, body: '', last: true })]);
      }),
  );

  test('[A2] POST /login › goes by the first of two Content-Types', async () => {
    for (const [types, error] of [
      [['text/plain', 'application/json'], 'unsupported_media_type'],
      [['application/json', 'text/plain'], 'invalid_request'],
    ] as const) {
      const headers = { 'content-type': [...types], 'content-length': '2' };
      const answer = await rawRequest(all.login.url, {
        method: 'POST',
        path: '/login',
        headers,
        chunks: ['{}'],
      });
      expectError(answer, error);
    }
  });
});

describe('headers and queries', () => {
  test('[A5] GET /session › takes nothing from keys that every object has', async () => {
    const query = '__proto__=x&__proto__[all]=true&constructor=x&constructor.prototype.all=true&toString=1';
    const headers = { ['__proto__']: 'x', constructor: 'x', prototype: 'x' };
    const { login, world } = all;
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) });
    const authorization = `Bearer ${String(body['session_token'])}`;
    const answer = await login.send('DELETE', `/session?${query}`, {
      headers: { ...headers, authorization },
    });
    expect(answer.status).toBe(204);
    expect(await login.logOf(answer)).toMatchObject([{ reason: 'logout', sessions: 1 }, { status: 204 }]);
  });

  test('[A8] ANY › answers with the same headers whatever the request holds', async () => {
    const odd = [
      'x-request-id',
      'x-scf-request-id',
      'origin',
      'accept',
      'accept-encoding',
      'range',
      'if-none-match',
    ];
    const headers = Object.fromEntries(odd.map((name) => [name, 'bytes=0-1, x\u00e9"%0d%0aX-Injected: 1']));
    for (const path of ['/health', '/nowhere', '/session', '/health?x=%0d%0aX-Injected:%201']) {
      const answer = await rawRequest(all.login.url, { path, headers });
      expect([...answer.headers.keys()].toSorted()).toEqual([
        'cache-control',
        'connection',
        'content-length',
        'content-type',
        'date',
        'keep-alive',
        'x-content-type-options',
      ]);
    }
  });

  test('[A45] GET /session › goes by the first of two Authorization headers', async () => {
    const { login, world } = all;
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) });
    const mine = `Bearer ${String(body['session_token'])}`;
    const none = `Bearer s1.${'a'.repeat(22)}.${'b'.repeat(43)}`;
    const headers = { authorization: [none, mine] };
    expectError(await rawRequest(login.url, { path: '/session', headers }), 'invalid_session');
    const other = await rawRequest(login.url, { path: '/session', headers: { authorization: [mine, none] } });
    expect(other.status).toBe(200);
  });

  test('[A45] GET /health › answers 431 to more than 16 KB of headers, and logs nothing of them', () =>
    onOneConnection(async (connection) => {
      const from = all.login.lines.length;
      const answers = await connection.leave(
        `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'evil'.repeat(5000)}\r\n\r\n`,
      );
      expect(answers).toEqual([expect.objectContaining({ status: 431, body: '', last: true })]);
      expect(all.login.lines.slice(from).filter((line) => line.includes('evil'))).toEqual([]);
    }));
});

describe('time and connections', () => {
  /** V8 says so when an expression goes back more than this often, which none may that takes linear time. */
  const backtracksMax = 100_000;
  const watched = [
    '--enable-experimental-regexp-engine-on-excessive-backtracks',
    `--regexp-backtracks-before-fallback=${backtracksMax}`,
    '--trace-experimental-regexp-engine',
    '--import',
    `data:text/javascript,${encodeURIComponent(`/^(a+)+$/.test('${'a'.repeat(30)}!')`)}`,
  ];
  const units = [
    'a',
    ' ',
    '\t',
    '=',
    '/',
    ':',
    '.',
    ',',
    ';',
    '[',
    '"',
    '1.',
    '1:',
    '::',
    '%',
    '..',
    'charset=',
  ];
  const xmlUnits = [
    '<',
    '<a',
    '<a>',
    '<a ',
    '<a b="',
    '<!--',
    '<![CDATA[',
    ']]>',
    '<?',
    '&',
    '&a;',
    '</',
    '<!',
    '\n',
  ];

  test('[A36] ANY › finds no text that makes a regular expression go back and forth for long', async () => {
    const world = await startWorld();
    const login = await world.startLogin({}, { nodeArgs: watched });
    const callback = await world.startCallback({}, { nodeArgs: watched });
    const found = (lines: readonly string[]) =>
      lines.filter((line) => line.includes('Experimental execution'));
    for (const unit of units) {
      const long = unit.repeat(Math.floor(3900 / unit.length));
      const header = `${long}\u00e9`.replaceAll('\n', '');
      for (const start of ['', 'Bearer ', 'application/json;', '1.1.1.1, ']) {
        const headers = { 'content-type': start + header, authorization: start + header };
        const forwarded = { 'x-forwarded-for': start + header, 'x-scf-request-id': start + header };
        await rawRequest(login.url, { path: '/session', headers });
        await rawRequest(login.url, { method: 'POST', path: '/login', headers });
        await rawRequest(login.url, { path: `/session?${encodeURI(long)}`, headers: forwarded });
      }
      const body = (fields: object) =>
        login.send('POST', '/login', {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(fields).slice(0, 4096),
        });
      expect((await body({ js_code: `${long}!` })).status).toBe(400);
      expect((await body({ js_code: 'x', corpid: `${long}!` })).status).toBe(400);
    }
    for (const unit of [...units, ...xmlUnits]) {
      const long = unit.repeat(Math.floor(16_000 / unit.length));
      for (const body of [
        long,
        `<xml>${long}`,
        `<xml><Encrypt>${long}</Encrypt></xml>`,
        `<xml ${long}></xml>`,
      ]) {
        const answer = await callback.send('POST', `/callback/${corpid}`, { body });
        expectError(answer, 'invalid_request');
      }
    }
    // Only the one that was put in to see that it would be found.
    for (const { lines } of [login, callback])
      expect(found(lines)).toEqual([expect.stringContaining('(a+)+')]);
  });

  test('[A37] POST /login › lets members in while 500 connections hold half a request each', async () => {
    const { login, world } = all;
    const halves = [postJson, `${postJson}Content-Length: 20\r\n\r\n{"js_`, 'GET /hea', ''];
    const held = Array.from({ length: 500 }, (_, i) => {
      const connection = openConnection(login.url);
      // Never answered: it is still waiting when the test has ended.
      void connection.exchange(halves[i % halves.length] ?? '', ['GET']).catch(() => undefined);
      return connection;
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => login.login({ js_code: world.jsCode(world.addMember()) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(held.filter((connection) => connection.closed())).toEqual([]);
    for (const connection of held) connection.destroy();
  });

  const halfBody = `${postJson}Content-Length: 20\r\n\r\n{"js_`;
  const wholeLogin = (address: string) =>
    `${postJson}X-Forwarded-For: ${address}\r\nContent-Length: 18\r\n\r\n{"js_code":"junk"}`;

  test('[A37] POST /login › lets members in while 1,050 connections have sent half a body each', async () => {
    const { login, world } = all;
    const held = Array.from({ length: 1050 }, () => openConnection(login.url));
    // What comes in one piece with a request that is answered has arrived.
    const arrived = await Promise.all(
      held.map((connection) => connection.exchange(health + halfBody, ['GET'])),
    );
    expect(arrived.filter(([answer]) => answer?.status !== 200)).toEqual([]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => login.login({ js_code: world.jsCode(world.addMember()) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const connection of held) connection.destroy();
  });

  test('[A37] POST /login › takes the requests of one connection one after the other, and hangs up at more than 50', () =>
    onOneConnection(async (connection) => {
      const asked = () => all.world.wecom.counts().jscode2session;
      const before = asked();
      const many = (count: number, address: string) =>
        [wholeLogin(address).repeat(count), Array.from({ length: count }, () => 'POST')] as const;
      const statuses = (await connection.exchange(...many(40, '81.7.1.1'))).map(({ status }) => status);
      // All at once, none would have been counted before the last was sent to WeCom.
      expect(statuses).toEqual([
        ...statuses.slice(0, 30).map(() => 400),
        ...statuses.slice(30).map(() => 429),
      ]);
      expect(asked() - before).toBe(30);
      await connection.exchange(...many(1200, '81.7.2.1'));
      expect(connection.closed()).toBe(true);
      expect(asked() - before).toBeLessThanOrEqual(30 + 30);
      const { login, world } = all;
      expect((await login.login({ js_code: world.jsCode(world.addMember()) })).status).toBe(200);
    }));

  test('[A37] POST /login › hangs up within seconds on whoever sends half a request', async () => {
    const halves = [halfBody, 'POST /log', `${postJson}Transfer-Encoding: chunked\r\n\r\n${chunkOf(10)}`];
    const left = halves.map((half) =>
      onOneConnection((connection) => connection.exchange(half, ['POST', 'POST'])),
    );
    for (const answers of await Promise.all(left)) {
      expect(answers).toMatchObject([{ status: 408, last: true }]);
    }
  });
});

describe('SIGTERM', () => {
  test('[S20] POST /login › is answered when the process is told to end, which then does not wait for open connections', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const halves = [postJson, `${postJson}Content-Length: 20\r\n\r\n{"js_`, 'GET /hea', ''];
    const held = halves.map((half) => {
      const connection = openConnection(login.url);
      return connection.exchange(health + half, ['GET']).then(() => connection);
    });
    await Promise.all(held);
    const gate = world.wecom.hold({ endpoint: 'jscode2session', corpid });
    const answer = login.login({ js_code: world.jsCode() });
    await gate.arrived(1);
    const ended = once(login.process, 'close');
    login.process.kill('SIGTERM');
    gate.release();
    expect((await answer).status).toBe(200);
    expect(await ended).toEqual([0, null]);
    for (const connection of await Promise.all(held)) connection.destroy();
  });

  test('[S20] POST /login › that is still being sent does not keep the process, nor does one that never ends', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    world.wecom.fault({ endpoint: 'jscode2session', kind: 'hang' });
    const answer = login.login({ js_code: world.jsCode() });
    const [connection, ended] = [openConnection(login.url), once(login.process, 'close')];
    await connection.exchange(health + postJson, ['GET']);
    login.process.kill('SIGTERM');
    // Its own deadline.
    expect((await answer).status).toBe(503);
    expect(await ended).toEqual([0, null]);
    connection.destroy();
  });
});

// Files, sockets and whole responses with the session: what own backends need beside a JSON request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWecomLogin, type Session, type SocketTask } from '../miniprogram/wecom-login.ts';
import { endSession, errorOf, openPhone, serve } from './mini-program-phone.ts';
import { corpid, worldForAll } from './world.ts';

const all = worldForAll();

/** A backend as docs/verify-a-session.md describes it: it asks GET /session who is calling. */
async function startBackend(
  answer: (request: IncomingMessage & { body: string }) => [number, string] = () => [200, '{}'],
) {
  const seen: { url: string; body: string }[] = [];
  const url = await serve((request, response) => void check(request, response));
  return { url, seen };

  async function check(request: IncomingMessage & { body: string }, response: ServerResponse) {
    seen.push({ url: request.url ?? '', body: request.body });
    const { authorization = '' } = request.headers;
    const session = await all.login.send('GET', '/session', { headers: { authorization } });
    const [status, text] = session.status === 200 ? answer(request) : [401, '{"error":"invalid_session"}'];
    response.writeHead(status, { 'X-Page': '7' }).end(text);
  }
}

function openMember(backend: string) {
  const phone = openPhone(all.world, { userid: all.world.addMember() });
  phone.files.set('wxfile://photo', 'a photo');
  const client = phone.client(all.login, { otherBackends: [backend] });
  return { phone, client };
}
const photo = (url: string) => ({ url: `${url}/photos`, filePath: 'wxfile://photo', name: 'photo' });

describe('uploadFile()', () => {
  test('uploadFile() › sends the file with the session, tells how far it is, and resolves with the JSON', async () => {
    const { url, seen } = await startBackend(() => [201, '{"id":7}']);
    const { client } = openMember(url);
    const progress: number[] = [];
    const sending = client.uploadFile<{ id: number }>({
      ...photo(url),
      formData: { order: '12' },
      onProgress: (percent) => void progress.push(percent),
    });
    expect(await sending).toEqual({ id: 7 });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.body).toMatch(/name="order"\s+12\s[^]*name="photo"; filename[^]*a photo/);
    expect(progress).toEqual([50]);
  });

  test('uploadFile() › through an ended session: one new login for all that wait, and each file once more', async () => {
    const { url, seen } = await startBackend();
    const { phone, client } = openMember(url);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    await Promise.all([
      client.uploadFile(photo(url)),
      client.uploadFile(photo(url)),
      client.request({ url: '/session' }),
    ]);
    expect([phone.to('/login').length, seen.length]).toEqual([2, 4]);
  });

  test.each([
    ['503 and asks to wait', 503, '{"error":"temporarily_unavailable"}', 'temporarily_unavailable'],
    ['432 of SCF, when nothing ran', 432, '{"errorCode":432,"errorMessage":"busy"}', 'server_failed'],
    ['403', 403, '{"error":"role_not_allowed"}', 'role_not_allowed'],
    ['something else than JSON', 200, 'stored', 'bad_server_answer'],
  ] as const)('uploadFile() › is sent once when the server answers %s', async (_, status, text, code) => {
    const { url, seen } = await startBackend(() => [status, text]);
    const { client } = openMember(url);
    expect(await errorOf(client.uploadFile(photo(url)))).toMatchObject({ code, status });
    expect(seen).toHaveLength(1);
  });

  test.each([
    'uploadFile:fail file not found',
    'uploadFile:fail createUploadTask:fail file not found',
    'uploadFile:fail Error: ENOENT: no such file or directory, open',
  ])('uploadFile() › “%s” is a mistake of the page, not the network', async (errMsg) => {
    const { phone, client } = openMember('https://unused.test');
    await client.login();
    phone.nextRequest.push(errMsg);
    expect(await errorOf(client.uploadFile({ ...photo(''), url: '/photos' }))).toMatchObject({
      code: 'unexpected',
      detail: errMsg,
    });
  });

  test('uploadFile() › that was interrupted in the background, or is sent elsewhere, is not sent again', async () => {
    const { url, seen } = await startBackend();
    const { phone, client } = openMember(url);
    await client.login();
    phone.nextRequest.push('uploadFile:fail interrupted');
    expect(await errorOf(client.uploadFile(photo(url)))).toMatchObject({ code: 'interrupted' });
    expect(await errorOf(client.uploadFile(photo('https://evil.test')))).toMatchObject({
      code: 'url_not_trusted',
    });
    expect(seen).toEqual([]);
  });
});

describe('downloadFile()', () => {
  test('downloadFile() › stores the file, where it is told if it is told', async () => {
    const { url } = await startBackend(() => [200, 'a report']);
    const { phone, client } = openMember(url);
    const { filePath } = await client.downloadFile({ url: `${url}/report` });
    await client.downloadFile({ url: `${url}/report`, filePath: 'wxfile://usr/report' });
    expect([phone.files.get(filePath), phone.files.get('wxfile://usr/report')]).toEqual([
      'a report',
      'a report',
    ]);
  });

  test('downloadFile() › through an ended session, named or not, is sent once more', async () => {
    const { url, seen } = await startBackend(() => [200, 'a report']);
    const { phone, client } = openMember(url);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    const { filePath } = await client.downloadFile({ url: `${url}/report` });
    expect([phone.files.get(filePath), phone.to('/login').length, seen.length]).toEqual(['a report', 2, 2]);
  });

  test('downloadFile() › says what the server said, and leaves no file that holds an error', async () => {
    const { url } = await startBackend(() => [403, '{"error":"role_not_allowed","request_id":"r-1"}']);
    const { phone, client } = openMember(url);
    const before = [...phone.files.keys()];
    const expected = { code: 'role_not_allowed', status: 403, requestId: 'r-1' };
    expect(await errorOf(client.downloadFile({ url }))).toMatchObject(expected);
    expect(await errorOf(client.downloadFile({ url, filePath: 'wxfile://usr/x' }))).toMatchObject(expected);
    expect([...phone.files.keys()]).toEqual(before);
  });

  test.each([
    ['in the answer', true],
    ['at the task only', false],
  ])(
    'downloadFile() › does not take a 200 with SCF’s error for the file: headers %s',
    async (_, answersHaveHeaders) => {
      const answers = ['{"errorCode":-1,"errorMessage":"busy"}', '{"orders":[]}'];
      let calls = 0;
      const url = await serve((_request, response) => {
        response.setHeader('Content-Type', 'application/json; charset=utf-8');
        response.end(answers[calls]);
        calls += 1;
      });
      const phone = openPhone(all.world, { userid: all.world.addMember() });
      phone.answersHaveHeaders = answersHaveHeaders;
      const client = phone.quickClient(all.login.url, { fromMs: 1000, toMs: 1200 }, { otherBackends: [url] });
      // Like any GET, it is sent once more; a JSON of one's own is a file.
      const { filePath } = await client.downloadFile({ url: `${url}/orders` });
      expect([calls, [...phone.files]]).toEqual([2, [[filePath, answers[1]]]]);
      answers.push(...Array.from({ length: 2 }, () => answers[0] ?? ''));
      expect(await errorOf(client.downloadFile({ url, filePath: 'wxfile://usr/x' }))).toMatchObject({
        code: 'server_failed',
        status: 200,
        detail: 'busy',
      });
      expect([calls, [...phone.files.keys()]]).toEqual([4, [filePath]]);
    },
  );
});

describe('connectSocket()', () => {
  /** Only opens: what travels through a socket is not the client's matter. */
  async function startSockets(held?: Promise<void>) {
    const sockets: Duplex[] = [];
    const seen: IncomingMessage[] = [];
    const server = createServer();
    async function accept(request: IncomingMessage, socket: Duplex) {
      seen.push(request);
      if (held) {
        sockets.push(socket);
        await held;
        if (socket.readableEnded) return;
      }
      const { authorization = '' } = request.headers;
      const { status } = await all.login.send('GET', '/session', { headers: { authorization } });
      if (status !== 200 || request.url === '/none') {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
        return;
      }
      sockets.push(socket);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    }
    server.on('upgrade', (request: IncomingMessage, socket: Duplex) => void accept(request, socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sockets };
  }

  test('connectSocket() › opens with the session and hands over what comes at once', async () => {
    const { url, seen } = await startSockets();
    const { client } = openMember(url);
    let heard: ((data: unknown) => void) | undefined;
    const message = new Promise((resolve) => (heard = resolve));
    await client.connectSocket({
      url: `${url}/live`,
      protocols: ['v1'],
      listen: (task) => task.onMessage(({ data }) => heard?.(data)),
    });
    expect(await message).toBe('hi');
    expect(seen[0]?.headers).toMatchObject({
      authorization: expect.stringMatching(/^Bearer s1\./) as string,
      'sec-websocket-protocol': 'v1',
    });
  });

  test('connectSocket() › through an ended session: wx does not say why, the client finds out and logs in once', async () => {
    const { url, seen } = await startSockets();
    const { phone, client } = openMember(url);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    await client.connectSocket({ url: `${url}/live` });
    expect([phone.to('/login').length, seen.length]).toEqual([2, 2]);
  });

  test('connectSocket() › that is refused for another reason is tried once, and only where it may go', async () => {
    const { url, seen } = await startSockets();
    const { phone, client } = openMember(url);
    expect(await errorOf(client.connectSocket({ url: `${url}/none` }))).toMatchObject({ code: 'offline' });
    expect([phone.to('/login').length, seen.length]).toEqual([1, 1]);
    expect(await errorOf(client.connectSocket({ url: 'wss://evil.test/' }))).toMatchObject({
      code: 'url_not_trusted',
    });
  });

  test('connectSocket() › that is still opening at a logout is not left to whoever logs in next', async () => {
    let release = (): void => {};
    const { url, sockets, seen } = await startSockets(new Promise((resolve) => (release = resolve)));
    const { client } = openMember(url);
    const heard: unknown[] = [];
    const listen = (task: SocketTask) => task.onMessage(({ data }) => void heard.push(data));
    const opening = errorOf(client.connectSocket({ url: `${url}/slow`, listen }));
    await vi.waitFor(() => expect(seen).toHaveLength(1), { timeout: 60_000 });
    const closed = new Promise((resolve) => sockets[0]?.resume().once('end', resolve));
    await client.logout();
    await client.login();
    expect(await opening).toMatchObject({ code: 'logged_out' });
    await closed;
    release();
    expect(heard).toEqual([]);
  });

  test('connectSocket() › is closed when what should listen to it throws', async () => {
    const { url } = await startSockets();
    const { client } = openMember(url);
    let opened: SocketTask | undefined;
    const listen = (task: SocketTask) => {
      opened = task;
      vi.spyOn(task, 'close');
      throw new Error('a bug of the page');
    };
    expect(await errorOf(client.connectSocket({ url: `${url}/live`, listen }))).toMatchObject({
      detail: 'a bug of the page',
    });
    expect(opened?.close).toHaveBeenCalledTimes(1);
  });

  test('connectSocket() › is closed by logout(), also while it opens', async () => {
    const { url, sockets } = await startSockets();
    const { client } = openMember(url);
    await client.connectSocket({ url: `${url}/live` });
    const [socket] = sockets;
    const closed = new Promise((resolve) => socket?.resume().once('end', resolve));
    const opening = errorOf(client.connectSocket({ url: `${url}/live` }));
    expect(await client.logout()).toBe(true);
    await closed;
    expect(await opening).toMatchObject({ code: 'logged_out' });
  });
});

describe('abort()', () => {
  test('abort() › rejects at once with aborted, ends what was sent, and the client goes on', async () => {
    const ended: string[] = [];
    const silent = await serve(({ url = '' }, response) => {
      response.on('close', () => ended.push(url));
      asked();
    });
    const { client } = openMember(silent);
    await client.login();
    let asked = () => {};
    for (const start of [
      () => client.request({ url: `${silent}/request` }),
      () => client.uploadFile({ ...photo(silent), url: `${silent}/upload` }),
      () => client.downloadFile({ url: `${silent}/download` }),
    ]) {
      const arrived = new Promise<void>((resolve) => (asked = resolve));
      const task = start();
      await arrived;
      task.abort();
      expect(await errorOf(task)).toMatchObject({ code: 'aborted' });
      task.abort();
    }
    await expect.poll(() => ended).toEqual(['/request', '/upload', '/download']);
    expect((await client.login()).role).toBe('member');
  });

  test('abort() › before the login has ended: the login goes on for the others, nothing is sent for this one', async () => {
    const { url, seen } = await startBackend();
    const { client } = openMember(url);
    const task = client.request({ url });
    const other = client.request({ url: '/session' });
    task.abort();
    expect(await errorOf(task)).toMatchObject({ code: 'aborted' });
    expect(await other).toMatchObject({ role: 'member' });
    expect(seen).toEqual([]);
  });

  test('abort() › while it waits for another try: there is none', async () => {
    let calls = 0;
    const busy = await serve((_, response) => {
      calls += 1;
      response.writeHead(503, { 'retry-after': '1' }).end('{"error":"temporarily_unavailable"}');
    });
    const phone = openPhone(all.world);
    const skip = (goOn: () => void) => (task.abort(), goOn());
    const client = phone.quickClient(
      all.login.url,
      { fromMs: 1000, toMs: 1300, skip },
      { otherBackends: [busy] },
    );
    const task = client.request({ url: busy });
    expect(await errorOf(task)).toMatchObject({ code: 'aborted' });
    await client.logout();
    expect(calls).toBe(1);
  });
});

describe('request({ full: true })', () => {
  test.each([
    [201, '{"id":7}', { id: 7 }],
    [200, 'plain text', 'plain text'],
    [200, '', ''],
    [200, '7', 7],
    [204, '', undefined],
  ])('request({ full: true }) › %i %j is there as it came, with its headers', async (status, text, data) => {
    const { url } = await startBackend(() => [status, text]);
    const response = await openMember(url).client.request({ url, full: true });
    expect(response).toMatchObject({ status, header: { 'x-page': '7' } });
    expect(response.data).toEqual(data);
  });

  test('request({ full: true }) › rejects for any other status, as without it', async () => {
    const { url } = await startBackend(() => [404, '{"error":"no_such_order"}']);
    const expected = { code: 'no_such_order', status: 404 };
    expect(await errorOf(openMember(url).client.request({ url, full: true }))).toMatchObject(expected);
  });
});

describe('serverUrl', () => {
  const urls = () => ({ develop: 'http://127.0.0.1:1', trial: 'http://127.0.0.1:2', release: all.login.url });

  test.each([
    ['release', { miniProgram: { envVersion: 'release' } }],
    ['a version that does not exist', { miniProgram: { envVersion: 'gray' } }],
    ['nothing, as reported of WeCom', { miniProgram: {} }],
    ['nothing at all', {}],
  ])('serverUrl › is that of the release when wx says %s', async (_, info) => {
    const phone = openPhone(all.world);
    phone.accountInfo = () => info;
    expect((await phone.client(all.login, { serverUrl: urls() }).login()).role).toBe('member');
  });

  test('serverUrl › is that of the release when wx throws, and where a version has none of its own', async () => {
    const phone = openPhone(all.world);
    phone.accountInfo = () => {
      throw new Error('getAccountInfoSync is not supported');
    };
    expect((await phone.client(all.login, { serverUrl: urls() }).login()).role).toBe('member');
    phone.accountInfo = () => ({ miniProgram: { envVersion: 'trial' } });
    const { trial: _, ...two } = urls();
    expect((await phone.client(all.login, { serverUrl: two }).login()).role).toBe('member');
  });

  test.each(['develop', 'trial'] as const)('serverUrl › is that of the version: %s', async (envVersion) => {
    const phone = openPhone(all.world);
    phone.accountInfo = () => ({ miniProgram: { envVersion } });
    const serverUrl = { ...urls(), release: 'http://127.0.0.1:3', [envVersion]: all.login.url };
    expect((await phone.client(all.login, { serverUrl }).login()).role).toBe('member');
  });
});

describe('the wx option', () => {
  test('wx › is used in place of the global one, which a framework replaced by a copy without qy', async () => {
    const phone = openPhone(all.world);
    const { wx } = globalThis as unknown as { wx: NonNullable<Parameters<typeof createWecomLogin>[0]['wx']> };
    const { qy: _, ...copy } = wx;
    Object.assign(globalThis, { wx: copy });
    const client = createWecomLogin({ serverUrl: all.login.url, wx });
    expect((await client.login()).role).toBe('member');
    phone.hide();
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
  });
});

describe('onSessionChange(), onRefused()', () => {
  test('onSessionChange() › tells of each login and each end, until it is stopped', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const told: (Session | undefined)[] = [];
    const stop = client.onSessionChange((session) => void told.push(session));
    const first = await client.login();
    await client.login();
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    await client.request({ url: '/session' });
    const second = client.session();
    await client.logout();
    stop();
    await client.login();
    expect(told).toEqual([first, second, undefined]);
    expect(second).not.toBe(first);
  });

  test('onRefused() › tells once that nobody may stay, however many calls wait; again after the next login', async () => {
    const userid = all.world.addMember();
    const phone = openPhone(all.world, { userid });
    const client = phone.client(all.login);
    const told: string[] = [];
    client.onRefused(({ code }) => void told.push(code));
    await client.request({ url: '/session' });
    expect(await errorOf(client.request({ url: '/none' }))).toMatchObject({ code: 'not_found' });
    expect(told).toEqual([]);
    await endSession(all.login, phone);
    all.world.wecom.updateMember(corpid, userid, { visible: false });
    const calls = [1, 2].map(() => errorOf(client.request({ url: '/session' })));
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'member_not_allowed' });
    expect(told).toEqual(['member_not_allowed']);

    // Whoever calls login() shows its error.
    expect(await errorOf(client.login())).toMatchObject({ code: 'member_not_allowed' });
    expect(told).toEqual(['member_not_allowed']);
    all.world.wecom.updateMember(corpid, userid, { visible: true });
    await client.login();
    await client.logout();
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'logged_out' });
    expect(told).toEqual(['member_not_allowed', 'logged_out']);
  });

  test('onRefused() › tells nothing of a call from before a logout to whoever has logged in since', async () => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    let arrived = (): void => {};
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const slow = await serve((_, response) => {
      arrived();
      void held.then(() =>
        response.writeHead(403).end('{"error":"member_not_allowed","message":"","request_id":""}'),
      );
    });
    const { client } = openMember(slow);
    const told: string[] = [];
    client.onRefused(({ code }) => void told.push(code));
    const late = errorOf(client.request({ url: `${slow}/slow` }));
    await asked;
    await client.logout();
    const session = await client.login();
    answer();
    expect(await late).toMatchObject({ name: 'WecomLoginError' });
    expect([told, client.session()]).toEqual([[], session]);
  });

  test('a listener that throws › disturbs neither the client nor the other listeners', async () => {
    const phone = openPhone(all.world);
    const skip = (run: () => void) => expect(run).toThrow('a bug of the page');
    const client = phone.quickClient(all.login.url, { fromMs: 0, toMs: 0, skip });
    const told: unknown[] = [];
    client.onSessionChange(() => {
      throw new Error('a bug of the page');
    });
    client.onSessionChange((session) => void told.push(session?.role));
    expect((await client.login()).role).toBe('member');
    expect(told).toEqual(['member']);
    expect(phone.skippedMs).toEqual([0]);
  });
});

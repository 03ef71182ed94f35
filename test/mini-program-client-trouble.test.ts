import { randomBytes, scryptSync } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { endSession, errorOf, openPhone, serve } from './mini-program-phone.ts';
import { type Login, otherCorpid, secret, startWorld, worldForAll } from './world.ts';

const all = worldForAll();

describe('a server that is not ours', () => {
  test.each<[string, number, string, string]>([
    ['an HTML page', 200, 'text/html', '<!doctype html><title>Hotel WiFi</title>'],
    ['an HTML page with 403', 403, 'text/html', '<html>Forbidden</html>'],
    ['a network that wants a login', 511, 'text/html', '<html>Log in to the network</html>'],
    ['nothing', 200, 'application/json', ''],
    ['204', 204, 'application/json', ''],
    ['JSON without a session', 200, 'application/json', '{"ok":true}'],
    [
      'a member without a token',
      200,
      'application/json',
      '{"expires_in":9,"role":"member","member":{"corpid":"ww1","userid":"x","name":"","department":[],"position":""}}',
    ],
    [
      'a session without a member',
      200,
      'application/json',
      '{"session_token":"s","expires_in":9,"role":"member"}',
    ],
    ['a list', 200, 'application/json', '[]'],
    ['a number', 200, 'application/json', '7'],
    ['an error of another shape', 400, 'application/json', '{"error":{"code":1}}'],
  ])(
    'login() › is bad_server_answer when the answer is %s, and comes once',
    async (_, status, type, body) => {
      let requests = 0;
      const url = await serve((_, response) => {
        requests += 1;
        response.writeHead(status, { 'content-type': type }).end(body);
      });
      const client = openPhone(all.world).client(url);
      expect(await errorOf(client.login())).toMatchObject({ code: 'bad_server_answer' });
      expect([requests, client.session()]).toEqual([1, undefined]);
    },
  );

  test.each([
    '',
    'login.mycompany.cn',
    'https://',
    'https://login.example.com',
    'https://example.com:444/x',
    'ftp://a.cn',
    'https://a.cn?b',
  ])(
    'login() › is server_url_missing while the address is “%s”, without a code or a request',
    async (serverUrl) => {
      const phone = openPhone(all.world);
      const client = phone.client(serverUrl);
      expect(await errorOf(client.login())).toMatchObject({ code: 'server_url_missing' });
      expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({
        code: 'server_url_missing',
      });
      expect(await errorOf(client.reviewerLogin('a', 'b'))).toMatchObject({ code: 'server_url_missing' });
      expect([phone.asked.login, phone.sent.length]).toEqual([0, 0]);
    },
  );

  test('login() › takes an address with a slash at its end', async () => {
    const client = openPhone(all.world).client(` ${all.login.url}/`);
    expect((await client.login()).role).toBe('member');
  });
});

describe('a network that fails', () => {
  test.each([
    ['request:fail ', 'offline'],
    ['request:fail errcode:-105 cronet_error_code:-105 error_msg:net::ERR_NAME_NOT_RESOLVED', 'offline'],
    ['request:fail 似乎已断开与互联网的连接。', 'offline'],
    ['request:fail 网络连接已中断。', 'offline'],
    ['request:fail 域名解析失败', 'offline'],
    ['request:fail certainly not', 'offline'],
    ['request:fail timeout', 'server_timeout'],
    [
      'request:fail errcode:-118 cronet_error_code:-118 error_msg:net::ERR_CONNECTION_TIMED_OUT',
      'server_timeout',
    ],
    ['request:fail The request timed out.', 'server_timeout'],
    ['request:fail 请求超时。', 'server_timeout'],
    ['request:fail 要求逾時。', 'server_timeout'],
    ['request:fail url not in domain list', 'server_url_refused'],
    ['request:fail -202:net::ERR_CERT_AUTHORITY_INVALID', 'server_url_refused'],
    ['request:fail ssl hand shake error', 'server_url_refused'],
    ['request:fail 发生了SSL错误，无法建立与该服务器的安全连接。', 'server_url_refused'],
    ['request:fail 此服务器的证书无效。', 'server_url_refused'],
    ['request:fail 此伺服器的憑證無效。', 'server_url_refused'],
    ['request:fail 小程序要求的 TLS 版本必须大于等于 1.2', 'server_url_refused'],
    ['request:fail 未备案域名', 'server_url_refused'],
    ['request:fail 请求的域名不合法', 'server_url_refused'],
    ['request:fail the domain name is not a legal domain', 'server_url_refused'],
  ])('login() › “%s” is %s, and the next login works', async (errMsg, code) => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    phone.nextRequest.push(errMsg);
    expect(await errorOf(client.login())).toMatchObject({ code, detail: errMsg });
    expect(phone.asked.login).toBe(1);
    expect((await client.login()).role).toBe('member');
  });

  test('login() › is offline when nobody listens', async () => {
    expect(await errorOf(openPhone(all.world).client('http://127.0.0.1:1').login())).toMatchObject({
      code: 'offline',
    });
  });

  test('login() › does not wait for ever for a server that is silent, nor for a request that never ends', async () => {
    const silent = await serve(() => {});
    const phone = openPhone(all.world);
    const client = phone.client(silent, { requestTimeoutMs: 50 });
    expect(await errorOf(client.login())).toMatchObject({ code: 'server_timeout' });
    phone.nextRequest.push(() => {});
    expect(await errorOf(client.login())).toMatchObject({ code: 'server_timeout' });
    expect(phone.asked.login).toBe(2);
  });
});

describe('the app in the background', () => {
  const interrupted = 'request:fail interrupted';
  const aMoment = () => new Promise((resolve) => setTimeout(resolve, 20));

  test('login() › begins again with a fresh code when it was interrupted, as soon as it is seen again', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const failed = new Promise<void>((resolve) => {
      phone.nextRequest.push((_, fail) => {
        phone.hide();
        fail(interrupted);
        resolve();
      });
    });
    const entering = client.login();
    await failed;
    await aMoment();
    expect([phone.asked.login, phone.sent.length]).toEqual([1, 0]);
    phone.show();
    expect((await entering).role).toBe('member');
    expect([phone.asked.login, phone.sent.length]).toEqual([2, 1]);
  });

  test('login() › goes on when it hears of the interruption only after it is seen again', async () => {
    const phone = openPhone(all.world);
    phone.nextRequest.push((_, fail) => {
      phone.hide();
      phone.show();
      fail(interrupted);
    });
    expect((await phone.client(all.login).login()).role).toBe('member');
    expect(phone.asked.login).toBe(2);
  });

  test('login() › begins again when wx.qy.login fails because nobody sees it, but not otherwise', async () => {
    const phone = openPhone(all.world);
    phone.nextQy.push({ fail: 'qy.login:fail' });
    const entering = phone.client(all.login).login();
    phone.hide();
    await aMoment();
    expect(phone.asked.login).toBe(1);
    phone.show();
    expect((await entering).role).toBe('member');
    expect(phone.asked.login).toBe(2);
  });

  test('request() › repeated after half an hour in the background replaces the session without a word', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.request({ url: '/session' });
    const failed = new Promise<void>((resolve) => {
      phone.nextRequest.push((_, fail) => {
        phone.hide();
        fail(interrupted);
        resolve();
      });
    });
    const asking = client.request({ url: '/session' });
    await failed;
    await endSession(all.login, phone);
    vi.setSystemTime(Date.now() + 31 * 60_000);
    phone.show();
    expect(await asking).toMatchObject({ role: 'member' });
    expect([phone.asked.login, phone.to('/session').length]).toEqual([2, 3]);
  });

  /** The clock of the phone is set; timers go on as they are. */
  function clockJumps(phone: ReturnType<typeof openPhone>, ms: number): void {
    phone.nextRequest.push((reach) => {
      vi.setSystemTime(Date.now() + ms);
      reach();
    });
  }

  test('request() › waits for no server any more after 30 s in the foreground', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    let asked = 0;
    const busy = await serve((_, response) => {
      asked += 1;
      response.writeHead(503, { 'retry-after': '1' }).end('{"error":"temporarily_unavailable"}');
    });
    const phone = openPhone(all.world);
    const client = phone.client(all.login, { otherBackends: [busy] });
    await client.login();
    clockJumps(phone, 31_000);
    expect(await errorOf(client.request({ url: `${busy}/` }))).toMatchObject({
      code: 'temporarily_unavailable',
      retryAfterSeconds: 1,
    });
    expect(asked).toBe(1);
  });

  test('login() › of the second company’s member, and a session that ended, are not lost to a clock that jumps', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const phone = openPhone(all.world, { corpid: otherCorpid });
    const client = phone.client(all.login);
    clockJumps(phone, 3_600_000);
    expect((await client.login()).member?.corpid).toBe(otherCorpid);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    clockJumps(phone, 3_600_000);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
  });

  test('login() › gives up when it is interrupted again and again', async () => {
    const phone = openPhone(all.world);
    phone.nextRequest.push(interrupted, interrupted, interrupted);
    expect(await errorOf(phone.client(all.login).login())).toMatchObject({ code: 'interrupted' });
    expect([phone.asked.login, phone.sent.length]).toEqual([3, 0]);
  });

  test('request() › repeats what only reads; what writes may have arrived, so the page decides', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    phone.nextRequest.push(interrupted);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
    phone.nextRequest.push(interrupted);
    expect(await errorOf(client.request({ url: '/userdata', method: 'POST', data: {} }))).toMatchObject({
      code: 'interrupted',
    });
    expect(phone.sent.length).toBe(2);
  });

  test('userdata() › only reads, so it is repeated although it is a POST', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const client = phone.client(all.login);
    await client.login();
    phone.nextRequest.push(interrupted);
    expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
    expect([phone.asked.getMobile, phone.to('/userdata').length]).toEqual([1, 1]);
  });
});

describe('an answer of the platform, or a gateway, in place of the function', () => {
  const json = (errorCode: number) =>
    JSON.stringify({ errorCode, errorMessage: 'it did not run', requestId: 'scf-7', statusCode: errorCode });
  /** Between the two tries. */
  const wait = { fromMs: 1000, toMs: 2000 };
  const html = '<html><title>Bad Gateway</title></html>';

  /** Gives these answers one after the other, then what the function answers. */
  async function inFrontOf(login: Login, ...answers: [status: number, body: string][]) {
    const requests: string[] = [];
    const url = await serve((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      const [status, body] = answers.shift() ?? [];
      if (status !== undefined)
        return void response.writeHead(status, { 'X-Scf-Request-Id': 'scf-7' }).end(body);
      const { 'content-type': type = '', authorization = '' } = request.headers;
      void login
        .send(request.method ?? '', request.url ?? '', {
          headers: { 'content-type': type, ...(authorization !== '' && { authorization }) },
          ...(request.body !== '' && { body: request.body }),
        })
        .then(({ status, text }) => response.writeHead(status).end(text));
    });
    return { url, requests, thenAnswers: (...more: typeof answers) => void answers.push(...more) };
  }

  test.each<[string, number, string]>([
    ['432, no instance is free', 432, json(432)],
    ['429, too many at once', 429, json(429)],
    ['433, it took too long', 433, json(433)],
    ['443, it threw', 443, json(443)],
    ['200 with errorCode', 200, json(-1)],
    ['502 as HTML', 502, html],
    ['504 as HTML', 504, html],
    ['500 of a framework', 500, '{"message":"boom"}'],
  ])(
    '[P5] login() › tries once more with a fresh code after %s; then it is the server’s trouble',
    async (_, ...answer) => {
      const phone = openPhone(all.world);
      const once = await inFrontOf(all.login, answer);
      expect((await phone.quickClient(once.url, wait).login()).role).toBe('member');
      expect([phone.asked.login, once.requests]).toEqual([2, ['POST /login', 'POST /login']]);
      const twice = await inFrontOf(all.login, answer, answer);
      expect(await errorOf(phone.quickClient(twice.url, wait).login())).toMatchObject({
        code: 'server_failed',
        status: answer[0],
        requestId: 'scf-7',
      });
      expect(twice.requests.length).toBe(2);
    },
  );

  test('[P5] request() › tries a GET once more; a POST only after what nobody has processed', async () => {
    const phone = openPhone(all.world);
    const { url, requests, thenAnswers } = await inFrontOf(all.login);
    const client = phone.quickClient(url, wait);
    await client.login();
    thenAnswers([502, html]);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
    expect(requests.splice(0).length).toBe(3);
    const post = () => errorOf(client.request({ url: '/mine', method: 'POST', data: {} }));
    for (const answer of [
      [502, html],
      [433, json(433)],
      [200, json(-1)],
    ] as const) {
      thenAnswers([...answer]);
      expect(await post()).toMatchObject({ code: 'server_failed' });
    }
    expect(requests.splice(0).length).toBe(3);
    thenAnswers([432, json(432)]);
    expect(await post()).toMatchObject({ code: 'not_found' });
    expect(requests.length).toBe(2);
  });

  test('[P5] userdata(), reviewerLoginOffered() and logout() › try once more, reviewerLogin() does not', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const { url, requests, thenAnswers } = await inFrontOf(all.login);
    const client = phone.quickClient(url, wait);
    await client.login();
    thenAnswers([502, html]);
    expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
    thenAnswers([432, json(432)]);
    expect(await client.reviewerLoginOffered()).toBe(false);
    thenAnswers([504, html]);
    expect(await client.logout()).toBe(true);
    expect(requests.splice(0)).toEqual([
      'POST /login',
      'POST /userdata',
      'POST /userdata',
      'GET /login/reviewer',
      'GET /login/reviewer',
      'DELETE /session',
      'DELETE /session',
    ]);
    thenAnswers([502, html]);
    expect(await errorOf(client.reviewerLogin('a', 'b'))).toMatchObject({ code: 'server_failed' });
    expect(requests).toEqual(['POST /login/reviewer']);
  });

  test('request() › takes errorCode beside anything else for the answer of a function', async () => {
    const answer = { errorCode: 7, errorMessage: 'sold out', data: null };
    const shop = await serve((_, response) => response.end(JSON.stringify(answer)));
    const client = openPhone(all.world).client(all.login, { otherBackends: [shop] });
    expect(await client.request({ url: `${shop}/buy`, method: 'POST' })).toEqual(answer);
  });
});

describe('reviewers', () => {
  const password = secret('richtig Pferd Batterie 7');
  const salt = randomBytes(16);
  const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  const hash = `14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`;
  const on = { REVIEWERS: `appstore:${hash}`, REVIEWERS_UNTIL: '2099-12-31' };

  /** Ordinary WeChat, and a function that admits reviewers. */
  async function review() {
    const world = await startWorld();
    const login = await world.startLogin(on);
    const phone = openPhone(world, { qy: false });
    return { world, login, phone, client: phone.client(login) };
  }

  test('reviewerLoginOffered() › knows it without a try being counted', async () => {
    const { world, login, phone, client } = await review();
    expect(await client.reviewerLoginOffered()).toBe(true);
    expect(await phone.client(all.login).reviewerLoginOffered()).toBe(false);
    expect(phone.sent.map(({ method, path }) => [method, path])).toEqual([
      ['GET', '/login/reviewer'],
      ['GET', '/login/reviewer'],
    ]);
    expect(await world.redisContents()).toEqual([]);
    expect(login.logged('login_refused')).toEqual([]);
  });

  test('reviewerLoginOffered() › does not take another server’s answer for a no', async () => {
    const phone = openPhone(all.world, { qy: false });
    const html = await serve((_, response) => response.writeHead(404).end('<html>Not Found</html>'));
    const any = await serve((_, response) => response.end('{}'));
    for (const url of [html, any]) {
      expect(await errorOf(phone.client(url).reviewerLoginOffered())).toMatchObject({
        code: 'bad_server_answer',
      });
    }
    expect(await errorOf(phone.client('http://127.0.0.1:1').reviewerLoginOffered())).toMatchObject({
      code: 'offline',
    });
  });

  test('reviewerLogin() › is one request for a double tap, and its session works', async () => {
    const { phone, client } = await review();
    const [first, second] = await Promise.all([
      client.reviewerLogin('appstore', password),
      client.reviewerLogin('appstore', password),
    ]);
    expect([first.role, second]).toEqual(['reviewer', first]);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'reviewer' });
    expect(phone.sent.map(({ path }) => path)).toEqual(['/login/reviewer', '/session']);
  });

  test('reviewerLogin() › during a login of the member sends what was typed, and its session is the one that stays', async () => {
    const { world, login } = await review();
    const phone = openPhone(world);
    const client = phone.client(login);
    const [member, entered] = await Promise.all([client.login(), client.reviewerLogin('appstore', password)]);
    expect([member.role, entered.role, client.session()?.role]).toEqual(['member', 'reviewer', 'reviewer']);
    expect(phone.sent.map(({ path }) => path)).toEqual(['/login', '/login/reviewer']);
  });

  test('login() › during a login of the reviewer does not get the answer to their password', async () => {
    const { world, login, client } = await review();
    const wrong = errorOf(client.reviewerLogin('appstore', 'wrong'));
    expect(await errorOf(client.login())).toMatchObject({ code: 'not_in_wecom' });
    expect(await wrong).toMatchObject({ code: 'invalid_credentials' });
    const phone = openPhone(world);
    const inWecom = phone.client(login);
    const wrongAgain = errorOf(inWecom.reviewerLogin('appstore', 'wrong'));
    const [session, asked] = await Promise.all([inWecom.login(), inWecom.request({ url: '/session' })]);
    expect([session.role, asked, phone.asked.login]).toMatchObject(['member', { role: 'member' }, 1]);
    expect(await wrongAgain).toMatchObject({ code: 'invalid_credentials' });
    await endSession(login, phone);
    const replaced = inWecom.request({ url: '/session' });
    const wrongMeanwhile = errorOf(inWecom.reviewerLogin('appstore', 'wrong'));
    expect(await replaced).toMatchObject({ role: 'member' });
    expect(await wrongMeanwhile).toMatchObject({ code: 'invalid_credentials' });
  });

  test('login() › during a login of the reviewer takes their session when it succeeds', async () => {
    const { phone, client } = await review();
    const [reviewer, session] = await Promise.all([
      client.reviewerLogin('appstore', password),
      client.login(),
    ]);
    expect([session, phone.sent.length]).toEqual([reviewer, 1]);
  });

  test('reviewerLogin() › with the right password does not get the answer to the wrong one before it', async () => {
    const { phone, client } = await review();
    const wrong = errorOf(client.reviewerLogin('appstore', 'wrong'));
    const right = client.reviewerLogin('appstore', password);
    expect(await wrong).toMatchObject({ code: 'invalid_credentials' });
    expect((await right).role).toBe('reviewer');
    expect(phone.sent.length).toBe(2);
  });

  test('reviewerLogin() › sends nothing any more when somebody logs out while it waits', async () => {
    const { world, login } = await review();
    const phone = openPhone(world);
    const client = phone.client(login);
    const entering = client.login();
    const waiting = errorOf(client.reviewerLogin('appstore', password));
    const leaving = client.logout();
    expect((await entering).role).toBe('member');
    expect(await waiting).toMatchObject({ code: 'logged_out' });
    expect([await leaving, client.session()]).toEqual([true, undefined]);
    expect(phone.to('/login/reviewer')).toEqual([]);
  });

  test('reviewerLogin() › sends every try once, and says how long to wait', async () => {
    const { phone, client } = await review();
    const codes: string[] = [];
    for (let tries = 1; tries <= 7; tries += 1) {
      const error = await errorOf(client.reviewerLogin('appstore', `wrong ${tries}`));
      codes.push(error.code);
      expect(error.retryAfterSeconds === undefined).toBe(error.code === 'invalid_credentials');
    }
    expect(codes).toEqual([...Array.from({ length: 6 }, () => 'invalid_credentials'), 'rate_limited']);
    expect(phone.sent.length).toBe(7);
  });

  test('userdata() › keeps the session of a reviewer in WeCom, whom no code logged in', async () => {
    const { world, login } = await review();
    const phone = openPhone(world, { checkSession: true });
    const client = phone.client(login);
    await client.reviewerLogin('appstore', password);
    phone.nextQy.push({ fail: 'getMobile:fail', errCode: 42013 });
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'invalid_encrypted_data' });
    expect([client.session()?.role, phone.asked]).toMatchObject(['reviewer', { login: 0, checkSession: 0 }]);
  });

  test('request() › cannot replace a reviewer’s session, and says that they must log in again', async () => {
    const { login, phone, client } = await review();
    await client.reviewerLogin('appstore', password);
    await client.request({ url: '/session' });
    await endSession(login, phone);
    expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({
      code: 'reviewer_session_ended',
    });
    expect([client.session(), phone.to('/login').length]).toEqual([undefined, 0]);
    expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({ code: 'not_in_wecom' });
    expect((await client.reviewerLogin('appstore', password)).role).toBe('reviewer');
  });
});

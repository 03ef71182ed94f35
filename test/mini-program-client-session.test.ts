import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import { endSession, errorOf, openPhone, serve } from './mini-program-phone.ts';
import { corpid, otherCorpid, secret, worldForAll } from './world.ts';

const all = worldForAll();

describe('request()', () => {
  test('request() › logs in first if nobody is, and asks as that member', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const [first, second] = await Promise.all([
      client.request({ url: '/session' }),
      client.request<{ role: string }>({ url: `${all.login.url}/session` }),
    ]);
    expect(first).toMatchObject({ role: 'member', member: { corpid, userid: 'ZhangSan' } });
    expect(second.role).toBe('member');
    expect([phone.asked.login, phone.to('/login').length, phone.to('/session').length]).toEqual([1, 1, 2]);
    expect(phone.to('/session').map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(/^Bearer s1\./) as string),
    );
  });

  test('request() › replaces an ended session once for all that wait, and nobody notices', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    const answers = await Promise.all([1, 2, 3, 4].map(() => client.request({ url: '/session' })));
    expect(answers).toEqual(answers.map(() => expect.objectContaining({ role: 'member' }) as object));
    expect([phone.asked.login, phone.to('/login').length]).toEqual([2, 2]);
    expect(phone.to('/session').length).toBe(1 + 4 + 4);
  });

  test('request() › gives up when the new session is refused as well', async () => {
    const paths: string[] = [];
    const url = await serve(({ url = '' }, response) => {
      paths.push(url);
      const session = { session_token: `s${paths.length}`, expires_in: 9, role: 'reviewer' };
      const member = { ...session, role: 'member', member: { userid: 'x' } };
      response.writeHead(url === '/login' ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(url === '/login' ? member : { error: 'invalid_session', request_id: 'r-1' }),
      );
    });
    const phone = openPhone(all.world);
    expect(await errorOf(phone.client(url).request({ url: '/mine' }))).toMatchObject({
      code: 'invalid_session',
      requestId: 'r-1',
    });
    expect(paths).toEqual(['/login', '/mine', '/login', '/mine']);
  });

  test.each(['request', 'userdata'] as const)(
    '%s() › is not repeated with the session of another person, who logged in on the same phone since',
    async (call) => {
      const phone = openPhone(all.world, { userid: all.world.addMember() });
      const client = phone.client(all.login);
      await client.request({ url: '/session' });
      await endSession(all.login, phone);
      const data = all.world.wecom.encryptUserData(phone.person, { mobile: secret('13900002222') });
      if (call === 'userdata')
        phone.nextQy.push({ answer: { encryptedData: data.encrypted_data, iv: data.iv } });
      Object.assign(phone.person, { userid: all.world.addMember() });
      const ask = () =>
        call === 'request' ? client.request({ url: '/session' }) : client.userdata('getMobile');
      expect(await errorOf(ask())).toMatchObject({ code: 'login_again' });
      expect([phone.to('/session').length, phone.to('/userdata').length]).toEqual(
        call === 'request' ? [2, 0] : [1, 1],
      );
      expect(client.session()?.member?.userid).toBe(phone.person.userid);
      await ask();
    },
  );

  test('request() › takes a member who may not enter any more out of their session', async () => {
    const userid = all.world.addMember();
    const phone = openPhone(all.world, { userid });
    const client = phone.client(all.login);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    all.world.wecom.updateMember(corpid, userid, { visible: false });
    expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({ code: 'member_not_allowed' });
    expect(client.session()).toBe(undefined);
  });

  test('request() › sends the session_token to this server and the backends named, nowhere else', async () => {
    const seen: (string | undefined)[] = [];
    const backend = await serve(({ headers }, response) => {
      seen.push(headers.authorization);
      response.writeHead(204).end();
    });
    const phone = openPhone(all.world);
    const client = phone.client(all.login, { otherBackends: [`${backend}/api/`] });
    expect(await client.request({ url: `${backend}/api/things`, method: 'POST', data: { a: 1 } })).toBe(
      undefined,
    );
    expect(seen).toEqual([expect.stringMatching(/^Bearer s1\./)]);
    for (const url of [
      `${backend}/apiary`,
      `${all.login.url}.evil.test/session`,
      `${all.login.url}@evil.test/`,
      'https://evil.test/',
      'session',
      '//evil.test/session',
      `${backend}/api/../other`,
      `${backend}/api/%2E%2e/other`,
      `${backend}/api/..%2fother`,
      `${backend}/api%2f..%2fother`,
      `${backend}/api/..?a=1`,
      `${backend}\\@evil.test/api/`,
      `${backend}?to=/api/`,
      '/\\evil.test',
    ]) {
      expect(await errorOf(client.request({ url }))).toMatchObject({ code: 'url_not_trusted', detail: url });
    }
    expect([seen.length, phone.sent.length]).toEqual([1, 2]);
  });

  test('request() › looks only at what decides where it goes: not at the query, nor at the letters of the host', async () => {
    const seen: (string | undefined)[] = [];
    const backend = await serve(({ url }, response) => {
      seen.push(url);
      response.writeHead(204).end();
    });
    const client = openPhone(all.world).client(all.login, { otherBackends: [backend] });
    const spelled = backend.replace('http:', 'HTTP:').replace('127.0.0.1', 'LOCALHOST');
    const other = openPhone(all.world).client(all.login, {
      otherBackends: [backend.replace('127.0.0.1', 'localhost')],
    });
    await client.request({ url: backend });
    await client.request({ url: `${backend}?a=1` });
    await client.request({ url: `${backend}/files?path=/..hidden&back=a\\b` });
    await other.request({ url: `${spelled}/x` });
    expect(seen.map((url) => decodeURIComponent(url ?? ''))).toEqual([
      '/',
      '/?a=1',
      '/files?path=/..hidden&back=a\\b',
      '/x',
    ]);
  });

  test('request() › sends each header once, in whatever letters, and Authorization is its own', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const backend = await serve(({ headers }, response) => {
      seen.push(headers);
      response.writeHead(204).end();
    });
    const client = openPhone(all.world).client(all.login, { otherBackends: [backend] });
    const header = { 'content-type': 'text/plain', authorization: 'x', AUTHORIZATION: 'y', 'X-Trace': 't' };
    await client.request({ url: `${backend}/`, method: 'POST', header });
    await client.request({ url: `${backend}/`, method: 'POST' });
    expect(seen).toMatchObject([
      { 'content-type': 'text/plain', 'x-trace': 't' },
      { 'content-type': 'application/json' },
    ]);
    for (const { authorization } of seen) expect(authorization).toMatch(/^Bearer s1\.\S+$/);
  });

  test.each([
    ['POST', 401, '{"error":"wrong_pin"}', 'wrong_pin'],
    ['GET', 401, '{"error":"wrong_pin"}', 'wrong_pin'],
    ['POST', 401, '', 'bad_server_answer'],
    ['POST', 401, '{"message":"wrong PIN"}', 'bad_server_answer'],
  ] as const)(
    '[P6] request() › %s: an own function’s %i %s is its answer; nothing logs in again, nothing is sent twice',
    async (method, status, body, code) => {
      let calls = 0;
      const backend = await serve((_, response) => {
        calls += 1;
        response.writeHead(status).end(body);
      });
      const phone = openPhone(all.world);
      const client = phone.client(all.login, { otherBackends: [backend] });
      expect(await errorOf(client.request({ url: `${backend}/pin`, method }))).toMatchObject({
        code,
        status,
      });
      expect([calls, phone.to('/login').length]).toEqual([1, 1]);
    },
  );

  test('[P6] request() › a 401 that says nothing, of a backend that asked GET /session, replaces the session for what only reads', async () => {
    let calls = 0;
    const backend = await serve((_, response) => {
      calls += 1;
      response.writeHead(calls === 1 ? 401 : 204).end();
    });
    const phone = openPhone(all.world);
    const client = phone.client(all.login, { otherBackends: [backend] });
    expect(await client.request({ url: `${backend}/` })).toBe(undefined);
    expect([calls, phone.to('/login').length]).toEqual([2, 2]);
  });

  test('request() › waits when a function of yours says so, and reads headers in any letters', async () => {
    let calls = 0;
    const backend = await serve((_, response) => {
      calls += 1;
      if (calls === 1) response.writeHead(429, { 'rEtRy-AfTeR': '1' }).end('{"error":"rate_limited"}');
      else if (calls === 2) response.end('{"done":true}');
      else response.writeHead(429, { 'retry-after': '77' }).end('{"error":"rate_limited"}');
    });
    const client = openPhone(all.world).client(all.login, { otherBackends: [backend] });
    expect(await client.request({ url: `${backend}/`, method: 'POST' })).toEqual({ done: true });
    expect(await errorOf(client.request({ url: `${backend}/` }))).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 77,
    });
    expect(calls).toBe(3);
  });
});

describe('logout()', () => {
  test('logout() › ends the session on the server, and nothing logs in by itself afterwards', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.request({ url: '/session' });
    const authorization = phone.to('/session')[0]?.authorization ?? '';
    expect(await client.logout()).toBe(true);
    expect(client.session()).toBe(undefined);
    expect((await all.login.send('GET', '/session', { headers: { authorization } })).status).toBe(401);
    expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({ code: 'logged_out' });
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'logged_out' });
    expect(await client.logout()).toBe(true);
    expect([phone.asked.login, phone.sent.length]).toEqual([1, 3]);
    expect((await client.login()).role).toBe('member');
  });

  test('logout() › ends all sessions of the person if asked, and the one of a login under way', async () => {
    const userid = all.world.addMember();
    const phone = openPhone(all.world, { userid });
    const [here, there] = [phone.client(all.login), phone.client(all.login)];
    await there.login();
    const entering = here.login();
    expect(await here.logout({ everywhere: true })).toBe(true);
    await entering;
    expect(here.session()).toBe(undefined);
    await there.request({ url: '/session' });
    expect(phone.to('/login').length).toBe(3);
  });

  test('logout() › does not let a request that was under way log in again', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    const held = new Promise<() => void>((resolve) => phone.nextRequest.push(resolve));
    const asked = errorOf(client.request({ url: '/session' }));
    const reach = await held;
    await client.logout();
    reach();
    expect(await asked).toMatchObject({ code: 'logged_out' });
    expect([phone.asked.login, client.session()]).toEqual([1, undefined]);
  });

  test.each(['GET', 'POST'] as const)(
    '[P7] logout() › is the last that is sent: a %s that waited is over, also for whoever logs in next',
    async (method) => {
      const seen: (string | undefined)[] = [];
      const busy = await serve(({ method }, response) => {
        seen.push(method);
        response.writeHead(503, { 'retry-after': '1' }).end('{"error":"temporarily_unavailable"}');
        if (seen.length === 1) answered();
      });
      let answered = () => {};
      const refused = new Promise<void>((resolve) => (answered = resolve));
      const phone = openPhone(all.world);
      const client = phone.client(all.login, { otherBackends: [busy] });
      const asked = errorOf(client.request({ url: `${busy}/`, method }));
      await refused;
      expect(await client.logout()).toBe(true);
      await client.login();
      expect(await asked).toMatchObject({ code: 'logged_out' });
      expect(seen).toEqual([method]);
    },
  );

  test('[P7] login() › during logout() is a login of its own; one that another logout() overtakes is over', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const entering = client.login();
    const leaving = client.logout();
    const back = client.login();
    await entering;
    expect([await leaving, (await back).role]).toEqual([true, 'member']);
    expect(client.session()).toBe(await back);
    expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
    expect(phone.to('/login').length).toBe(2);

    await client.logout();
    const again = client.login();
    const first = client.logout();
    const overtaken = errorOf(client.login());
    const second = client.logout();
    expect(await overtaken).toMatchObject({ code: 'logged_out' });
    await again;
    expect([await first, await second, client.session()]).toEqual([true, true, undefined]);
  });

  test('logout() › does not mind what it is called with, as a handler of a tap is', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    for (const event of [{ type: 'tap', everywhere: 'yes' }, null, 'tap']) {
      await client.login();
      expect(await client.logout(event as never)).toBe(true);
    }
    expect(phone.to('/session').map(({ method }) => method)).toEqual(['DELETE', 'DELETE', 'DELETE']);
  });

  test('logout({ everywhere: true }) › is false when no session was there to confirm it, or it had ended', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const [here, there] = [phone.client(all.login), phone.client(all.login)];
    await there.login();
    expect(await here.logout({ everywhere: true })).toBe(false);
    await here.login();
    await here.request({ url: '/session' });
    await endSession(all.login, phone);
    expect(await here.logout({ everywhere: true })).toBe(false);
    await there.request({ url: '/session' });
    expect(phone.to('/login').length).toBe(2);
  });

  test('logout() › says when the server could not be told', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    phone.nextRequest.push('request:fail ');
    expect(await client.logout()).toBe(false);
    expect(client.session()).toBe(undefined);
  });
});

describe('userdata()', () => {
  test('userdata() › answers what the server decrypted', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const data = await phone.client(all.login).userdata('getMobile');
    expect(data).toEqual({ corpid, userid: phone.person.userid, mobile: '13900001111' });
    expect(phone.asked).toMatchObject({ login: 1, getMobile: 1, getEnterpriseUserInfo: 0 });
  });

  test('userdata() › logs in anew and fetches again when the session_key has changed since', async () => {
    const { world, login } = all;
    const userid = world.addMember();
    const phone = openPhone(world, { userid });
    const client = phone.client(login);
    await client.login();
    await login.login({ js_code: world.jsCode(userid) });
    expect(await client.userdata('getEnterpriseUserInfo')).toMatchObject({ userid });
    expect(phone.asked).toMatchObject({ login: 2, getEnterpriseUserInfo: 2 });
    expect(phone.to('/userdata').length).toBe(2);
    // The old session is not left behind.
    expect(phone.to('/login')[1]?.authorization).toBe(phone.to('/userdata')[0]?.authorization);
  });

  test.each([
    ['', { fail: 'getMobile:fail 42013: 小程序未登陆或登录态已经过期' }],
    [' named by errCode', { fail: 'getMobile:fail', errCode: 42013 }],
  ])(
    'userdata() › logs in anew and asks again when WeCom’s own login has ended: 42013%s',
    async (_, ended) => {
      const phone = openPhone(all.world, { userid: all.world.addMember() });
      const client = phone.client(all.login);
      await client.login();
      phone.nextQy.push(ended);
      expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
      expect(phone.asked).toMatchObject({ login: 2, getMobile: 2 });
      const again = { answer: { code: all.world.jsCode(phone.person.userid) } };
      phone.nextQy.push(ended, again, ended);
      expect((await errorOf(client.userdata('getMobile'))).detail).toContain('42013');
      expect(phone.asked).toMatchObject({ login: 3, getMobile: 4 });
      expect(phone.to('/userdata').length).toBe(1);
    },
  );

  test('userdata() › does not ask the member before WeCom’s own login is good, where WeCom tells', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember(), checkSession: true });
    const client = phone.client(all.login);
    await client.userdata('getMobile');
    expect(phone.asked).toMatchObject({ login: 1, checkSession: 1, getMobile: 1 });
    phone.nextQy.push({ fail: 'checkSession:fail' });
    expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
    expect(phone.asked).toMatchObject({ login: 2, checkSession: 2, getMobile: 2 });
  });

  test('userdata() › fetches again, but logs in only once, when the session had ended', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const client = phone.client(all.login);
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
    expect(phone.asked).toMatchObject({ login: 2, getMobile: 2 });
  });

  test('userdata() › gives up after the second time', async () => {
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    const client = phone.client(all.login);
    await client.login();
    const encryptedData = Buffer.alloc(48).toString('base64');
    const garbage = { answer: { encryptedData, iv: Buffer.alloc(16).toString('base64') } };
    // The login between the two asks wx.qy as well, and is answered as usual.
    const code = { answer: { code: all.world.jsCode(phone.person.userid) } };
    phone.nextQy.push(garbage, code, garbage);
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'invalid_encrypted_data' });
    expect(phone.asked).toMatchObject({ login: 2, getMobile: 2 });
    expect(phone.to('/userdata').length).toBe(2);
  });

  test('userdata() › says when the member does not agree, or WeCom cannot, and sends nothing', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    phone.nextQy.push({ fail: 'getMobile:fail auth deny' }, { answer: { iv: 'AAAA' } });
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({
      code: 'userdata_not_given',
      detail: 'getMobile:fail auth deny',
    });
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'userdata_not_given' });
    expect(await errorOf(client.userdata('getQrCode'))).toMatchObject({ code: 'wecom_too_old' });
    expect(phone.to('/userdata')).toEqual([]);
  });

  test('userdata() › sends nothing of a member who logged out meanwhile, also when somebody else has logged in', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    await client.login();
    phone.nextQy.push('hang');
    const asked = errorOf(client.userdata('getMobile'));
    const success = await phone.hung();
    await client.logout();
    await client.login();
    success({ encryptedData: 'AAAA', iv: 'AAAA' });
    expect(await asked).toMatchObject({ code: 'logged_out' });
    expect([phone.to('/userdata').length, phone.asked.getMobile]).toEqual([0, 1]);
  });

  test('userdata() › of the second company’s member is their own', async () => {
    const phone = openPhone(all.world, { corpid: otherCorpid });
    expect(await phone.client(all.login).userdata('getMobile')).toMatchObject({ corpid: otherCorpid });
  });
});

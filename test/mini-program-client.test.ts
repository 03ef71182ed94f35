import { describe, expect, test } from 'vitest';
import { errorOf, openPhone } from './mini-program-phone.ts';
import { corpid, otherCorpid, startWorld, worldForAll } from './world.ts';

declare const wx: object;

const all = worldForAll();
const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
const codesOf = (phone: ReturnType<typeof openPhone>) =>
  phone.to('/login').map(({ body }) => body['js_code']);

describe('login()', () => {
  test('login() › logs in with one code and one request, and keeps nothing outside of memory', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    expect(client.session()).toBe(undefined);
    const beforeMs = Date.now();
    const session = await client.login();
    expect(session).toEqual({
      role: 'member',
      endsAtMs: expect.any(Number) as number,
      member: { corpid, userid: 'ZhangSan', name: '张三', department: [1, 7], position: '工程师' },
    });
    expect(session.endsAtMs - beforeMs).toBeGreaterThanOrEqual(1800 * 1000);
    expect(client.session()).toBe(session);
    expect([phone.asked.login, phone.sent.length]).toEqual([1, 1]);
    expect(phone.to('/login')[0]).toMatchObject({ method: 'POST', authorization: undefined });
    expect(Object.keys(phone.to('/login')[0]?.body ?? {})).toEqual(['js_code']);
    expect([...phone.storage]).toEqual([]);
  });

  test('login() › is one login for two pages and double taps, and none when there is a session', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const sessions = await Promise.all([client.login(), client.login(), client.login()]);
    expect(new Set(sessions).size).toBe(1);
    expect(await client.login()).toBe(sessions[0]);
    expect([phone.asked.login, phone.sent.length]).toEqual([1, 1]);
  });

  test('login() › asks nobody in ordinary WeChat', async () => {
    const phone = openPhone(all.world, { qy: false });
    expect(await errorOf(phone.client(all.login).login())).toMatchObject({ code: 'not_in_wecom' });
    phone.nextSystemInfo.push({ answer: { environment: 'wxwork' } });
    expect(await errorOf(phone.client(all.login).login())).toMatchObject({ code: 'wecom_api_missing' });
    expect(phone.sent).toEqual([]);
  });

  test('login() › tells a wx without qy, which a framework copied, from a WeCom that is too old', async () => {
    const copied = openPhone(all.world, { qy: false });
    const inWecom = { answer: { environment: 'wxwork' } };
    copied.nextSystemInfo.push(inWecom, inWecom);
    expect(await errorOf(copied.client(all.login).userdata('getMobile'))).toMatchObject({
      code: 'wecom_api_missing',
    });
    const old = openPhone(all.world);
    Object.assign(wx, { qy: {} });
    expect(await errorOf(old.client(all.login).login())).toMatchObject({ code: 'wecom_too_old' });
    const refusing = openPhone(all.world);
    Object.defineProperty(wx, 'qy', {
      get() {
        throw new Error('wx.qy is not supported');
      },
    });
    expect(await errorOf(refusing.client(all.login).login())).toMatchObject({ code: 'not_in_wecom' });
  });

  test.each<[string, Parameters<ReturnType<typeof openPhone>['nextQy']['push']>[0], object]>([
    [
      'fails',
      { fail: 'qy.login:fail system error' },
      { code: 'wecom_login_failed', detail: 'qy.login:fail system error' },
    ],
    [
      'gives no code',
      { answer: { errMsg: 'login:fail' } },
      { code: 'wecom_login_failed', detail: 'login:fail' },
    ],
    ['never answers', 'hang', { code: 'wecom_timeout' }],
  ])(
    'login() › says so when wx.qy.login %s, sends nothing, and works on the next try',
    async (_, instead, error) => {
      const phone = openPhone(all.world);
      const client = phone.client(all.login, { wecomTimeoutMs: 50 });
      phone.nextQy.push(instead);
      expect(await errorOf(client.login())).toMatchObject(error);
      expect([phone.asked.login, phone.sent.length]).toEqual([1, 0]);
      expect((await client.login()).role).toBe('member');
    },
  );

  test('login() › takes one fresh code when the first was no good, and no third', async () => {
    const phone = openPhone(all.world);
    const client = phone.client(all.login);
    const bad = { answer: { code: 'never-given-out' } };
    phone.nextQy.push(bad);
    await client.login();
    expect([phone.asked.login, new Set(codesOf(phone)).size]).toEqual([2, 2]);

    const unlucky = openPhone(all.world);
    unlucky.nextQy.push(bad, bad, bad);
    expect(await errorOf(unlucky.client(all.login).login())).toMatchObject({
      code: 'invalid_js_code',
      status: 400,
      requestId,
    });
    expect([unlucky.asked.login, unlucky.sent.length]).toEqual([2, 2]);
  });

  test('login() › repeats with the other company’s corpid, and begins with it next time', async () => {
    const phone = openPhone(all.world, { corpid: otherCorpid });
    const { member } = await phone.client(all.login).login();
    expect(member?.corpid).toBe(otherCorpid);
    expect(phone.to('/login').map(({ body }) => body['corpid'])).toEqual([undefined, otherCorpid]);
    expect([phone.asked.login, new Set(codesOf(phone)).size]).toEqual([2, 2]);
    expect([...phone.storage.values()]).toEqual([otherCorpid]);

    await phone.client(all.login).login();
    expect(phone.to('/login').map(({ body }) => body['corpid'])).toEqual([
      undefined,
      otherCorpid,
      otherCorpid,
    ]);
  });

  test('login() › is not led astray by a hint that is outdated or no corpid at all', async () => {
    const outdated = openPhone(all.world);
    outdated.storage.set('wecom-login-corpid', otherCorpid);
    expect((await outdated.client(all.login).login()).member?.corpid).toBe(corpid);
    expect(outdated.to('/login').map(({ body }) => body['corpid'])).toEqual([otherCorpid, corpid]);

    const phone = openPhone(all.world);
    for (const junk of [7, {}, 'a b', 'x'.repeat(65)]) {
      phone.storage.set('wecom-login-corpid', junk);
      await phone.client(all.login).login();
    }
    expect(phone.sent.map(({ body }) => Object.keys(body))).toEqual([1, 2, 3, 4].map(() => ['js_code']));
  });

  test('login() › says who is refused, with the request id, and forgets the session', async () => {
    const userid = all.world.addMember({ visible: false });
    const outside = openPhone(all.world, { userid });
    expect(await errorOf(outside.client(all.login).login())).toMatchObject({
      code: 'member_not_allowed',
      userid,
      status: 403,
      requestId,
    });
    const stranger = openPhone(all.world, { corpid: 'wwstranger000001', userid: 'Who' });
    expect(await errorOf(stranger.client(all.login).login())).toMatchObject({
      code: 'corp_not_allowed',
      userid: undefined,
    });
    expect([outside.sent.length, stranger.sent.length]).toEqual([1, 1]);
  });

  test('login() › waits as long as the server says and takes a fresh code', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const phone = openPhone(world);
    world.wecom.fault({ endpoint: 'jscode2session', kind: 'html', status: 502, times: 1 });
    const client = phone.quickClient(login.url, { fromMs: 2000, toMs: 2400 });
    expect((await client.login()).role).toBe('member');
    expect(phone.skippedMs).toHaveLength(1);
    expect([phone.asked.login, phone.sent.length, new Set(codesOf(phone)).size]).toEqual([2, 2, 2]);
  });

  test('login() › does not wait longer than it may, but says how long it would have been', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const phone = openPhone(world);
    world.wecom.fault({ endpoint: 'jscode2session', kind: 'errcode', errcode: 45009 });
    expect(await errorOf(phone.client(login).login())).toMatchObject({
      code: 'temporarily_unavailable',
      status: 503,
      retryAfterSeconds: 60,
      requestId,
    });
    expect([phone.asked.login, phone.sent.length]).toEqual([1, 1]);
  });
});

describe('environment()', () => {
  test('environment() › is WeCom where wx.qy.login is, without another question', async () => {
    const phone = openPhone(all.world);
    expect(await phone.client(all.login).environment()).toBe('wecom');
    expect(phone.asked).toMatchObject({ getSystemInfo: 0, login: 0 });
  });

  test('environment() › believes an answer of getSystemInfo for good, but no empty one', async () => {
    const phone = openPhone(all.world, { qy: false });
    const client = phone.client(all.login);
    phone.nextSystemInfo.push({ answer: {} }, { fail: 'getSystemInfo:fail' }, 'hang');
    for (let tries = 0; tries < 4; tries += 1) expect(await client.environment()).toBe('wechat');
    expect(await client.environment()).toBe('wechat');
    expect(phone.asked.getSystemInfo).toBe(4);

    Object.assign((globalThis as unknown as { wx: object }).wx, { qy: { login: () => undefined } });
    expect(await client.environment()).toBe('wecom');

    const inWecom = openPhone(all.world, { qy: false });
    const other = inWecom.client(all.login);
    inWecom.nextSystemInfo.push({ answer: { environment: 'wxwork' } });
    expect([await other.environment(), await other.environment()]).toEqual(['wecom', 'wecom']);
    expect(inWecom.asked.getSystemInfo).toBe(1);
  });
});

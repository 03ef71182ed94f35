import { beforeEach, describe, expect, test } from 'vitest';
import { expectError, expectHeaders } from './expect-answer.ts';
import { corpid, otherCorpid, quickRedis, secret, startWorld, worldForAll } from './world.ts';

describe('POST /login', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  const counts = () => all.world.wecom.counts();

  test('POST /login › gives a member a session that GET /session knows', async () => {
    const { world, login } = all;
    const userid = world.addMember({ userid: 'LiSi', name: '李四', department: [1, 7], position: '工程师' });

    const answer = await login.login({ js_code: world.jsCode('lisi') });
    expect(answer.status).toBe(200);
    expectHeaders(answer, 'application/json');
    expect(answer.body).toEqual({
      session_token: expect.stringMatching(/^s1\.[\w-]{22}\.[\w-]{43}$/),
      expires_in: 1800,
      role: 'member',
      member: { corpid, userid, name: '李四', department: [1, 7], position: '工程师' },
    });

    const session = await login.withSession('GET', '/session', answer.body['session_token']);
    expect(session.status).toBe(200);
    expectHeaders(session, 'application/json');
    expect(session.body).toEqual({
      role: 'member',
      expires_in: expect.toSatisfy((seconds: number) => seconds > 1780 && seconds <= 1800),
      member: answer.body['member'],
    });
    expect(counts()).toMatchObject({ jscode2session: 1, 'user/get': 1 });
    expect(world.wecom.violations).toEqual([]);
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'login_ok', corpid, userid, client_address: '127.0.0.1', device: '' }),
    );
  });

  test('POST /login › names the device in the log by a keyed hash only', async () => {
    const { world, login } = all;
    world.wecom.set({ deviceid: 'ABCDEF-device-0001' });
    const answers = [
      await login.login({ js_code: world.jsCode(world.addMember()) }),
      await login.login({ js_code: world.jsCode(world.addMember()) }),
    ];
    const lines = (await Promise.all(answers.map((answer) => login.logOf(answer)))).flat();
    const devices = lines.filter(({ event }) => event === 'login_ok').map(({ device }) => device);
    expect(devices).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), devices[0]]);
    expect(JSON.stringify(lines)).not.toContain('ABCDEF');
  });

  test('POST /login › lets a member in who is in no department the app may see', async () => {
    const { world, login } = all;
    const userid = world.addMember({ department: [] });
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expect(answer.body).toMatchObject({ member: { userid, department: [], position: '' } });
  });

  test('POST /login › lets a member in whose name, position, department and status WeCom leaves out', async () => {
    const { world, login } = all;
    const userid = world.addMember({ position: 'x' });
    const fields = { name: undefined, position: undefined, department: undefined, status: undefined };
    world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { ...fields, enable: undefined } });
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expect(answer.status).toBe(200);
    expect(answer.body['member']).toEqual({ corpid, userid, name: '', department: [], position: '' });
  });

  test('POST /login › asks the hinted company and believes only what WeCom answers', async () => {
    const { world, login } = all;
    const answer = await login.login({ js_code: world.jsCode('ZhangSan', otherCorpid), corpid: otherCorpid });
    expect(answer.body).toMatchObject({ member: { corpid: otherCorpid, userid: 'ZhangSan' } });
    expect(world.wecom.counts(corpid)).toMatchObject({ jscode2session: 0, 'user/get': 0 });
  });

  test('POST /login › asks the default company when the hint is none of ours', async () => {
    const { world, login } = all;
    const answer = await login.login({ js_code: world.jsCode(), corpid: 'wwnobodyknows' });
    expect(answer.body).toMatchObject({ member: { corpid, userid: 'ZhangSan' } });
    expect(world.wecom.counts(corpid)).toMatchObject({ jscode2session: 1 });
  });

  test.each([
    ['without a hint', {}],
    ['with the hint of the wrong company', { corpid }],
    ['with an unknown hint', { corpid: 'wwnobodyknows' }],
  ])(
    'POST /login › answers 409 login_again with the corpid when the code was of our other company, %s',
    async (_, hint) => {
      const { world, login } = all;
      const answer = await login.login({ js_code: world.jsCode('ZhangSan', otherCorpid), ...hint });
      expectError(answer, 'login_again', { corpid: otherCorpid });
      expect(counts()['user/get']).toBe(0);
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'login_refused', reason: 'login_again', corpid: otherCorpid }),
      );
    },
  );

  test('POST /login › lets members of one company in while the secret of the other is wrong', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin();
    world.wecom.updateCompany(corpid, { corpsecret: secret('a-secret-nobody-told-us') });
    const of = (company: string, hint?: string) =>
      login.login({ js_code: world.jsCode('ZhangSan', company), ...(hint && { corpid: hint }) });

    for (const hint of [undefined, corpid, otherCorpid, 'wwnobodyknows']) {
      expect((await of(otherCorpid, hint)).body).toMatchObject({ member: { corpid: otherCorpid } });
    }
    // Not 409: to log in again would change nothing.
    const broken = await of(corpid);
    expectError(broken, 'temporarily_unavailable');
    expect((await login.logOf(broken)).at(-1)).toMatchObject({ reason: 'gettoken_paused_operator_40001' });
    expectError(await of(corpid, otherCorpid), 'login_again', { corpid });
    expectError(await of('wwstranger000001'), 'corp_not_allowed');
    expectError(await login.login({ js_code: 'junk' }), 'invalid_js_code');
    expect(world.wecom.counts().gettoken).toBe(2);

    world.wecom.updateCompany(otherCorpid, { corpsecret: secret('nor-this-one') });
    world.wecom.dropTokens(otherCorpid);
    for (const company of [corpid, otherCorpid]) {
      expectError(await of(company), 'temporarily_unavailable');
    }
  });

  test("POST /login › answers 403 corp_not_allowed to a stranger's company and does not look their name up", async () => {
    const { world, login } = all;
    const js_code = world.jsCode('Stranger', 'wwstranger000001');
    const answer = await login.login({ js_code });
    expectError(answer, 'corp_not_allowed');
    expect(counts()).toMatchObject({ jscode2session: 1, 'user/get': 0 });
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({
        event: 'login_refused',
        reason: 'corp_not_allowed',
        corpid: 'wwstranger000001',
        client_address: '127.0.0.1',
      }),
    );
    expectError(await login.login({ js_code }), 'invalid_js_code');
  });

  test.each([
    ['out of the visible range', { visible: false }, {}, 'errcode_60011'],
    ['out of range, said as 60111', { visible: false }, { outOfRangeErrcode: 60111 }, 'errcode_60111'],
    ['deleted', { deleted: true }, {}, 'errcode_60111'],
    ['deleted, said as 40003', { deleted: true }, { deletedErrcode: 40003 }, 'errcode_40003'],
    ['disabled (status 2)', { status: 2 }, {}, 'status_2'],
    ['not activated (status 4)', { status: 4 }, {}, 'status_4'],
    ['gone from the company (status 5)', { status: 5 }, {}, 'status_5'],
  ] as const)(
    'POST /login › answers 403 member_not_allowed to a member who is %s, and ends their sessions',
    async (_, changes, settings, reason) => {
      const { world, login } = all;
      const userid = world.addMember();
      const bystander = await login.login({ js_code: world.jsCode(world.addMember()) });
      const before = await login.login({ js_code: world.jsCode(userid) });

      world.wecom.set(settings);
      world.wecom.updateMember(corpid, userid, changes);
      const answer = await login.login({ js_code: world.jsCode(userid) });
      expectError(answer, 'member_not_allowed', { userid });
      expect(await login.logOf(answer)).toEqual([
        expect.objectContaining({
          event: 'login_refused',
          reason,
          corpid,
          userid,
          client_address: '127.0.0.1',
        }),
        expect.objectContaining({ event: 'session_ended', reason, corpid, userid, sessions: 1 }),
        expect.objectContaining({ event: 'request', status: 403, error: 'member_not_allowed', reason }),
      ]);

      const old = await login.withSession('GET', '/session', before.body['session_token']);
      expectError(old, 'invalid_session');
      const others = await login.withSession('GET', '/session', bystander.body['session_token']);
      expect(others.status).toBe(200);
    },
  );

  test.each([60021, 46004, 50002])(
    'POST /login › answers 403 member_not_allowed when user/get answers %d',
    async (errcode) => {
      const { world, login } = all;
      world.wecom.fault({ endpoint: 'user/get', kind: 'errcode', errcode, times: 1 });
      const userid = world.addMember();
      const answer = await login.login({ js_code: world.jsCode(userid) });
      expectError(answer, 'member_not_allowed', { userid });
    },
  );

  test('POST /login › refuses a member whom enable=0 disables though their status is missing', async () => {
    const { world, login } = all;
    world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { status: undefined, enable: 0 } });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'member_not_allowed', { userid: 'ZhangSan' });
  });

  test('POST /login › answers 503 when user/get speaks of somebody else', async () => {
    const { world, login } = all;
    world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { userid: 'SomebodyElse' } });
    expectError(await login.login({ js_code: world.jsCode() }), 'temporarily_unavailable');
  });

  test('POST /login › tells people of the same userid in two companies apart', async () => {
    const { world, login } = all;
    const userid = world.addMember({ name: '甲' });
    world.addMember({ corpid: otherCorpid, userid, name: '乙' });
    const first = await login.login({ js_code: world.jsCode(userid) });
    const second = await login.login({ js_code: world.jsCode(userid, otherCorpid), corpid: otherCorpid });
    expect(second.body).toMatchObject({ member: { corpid: otherCorpid, userid, name: '乙' } });

    await login.withSession('DELETE', '/session?all=true', first.body['session_token']);
    const left = await login.withSession('GET', '/session', second.body['session_token']);
    expect(left.body).toMatchObject({ member: { corpid: otherCorpid, userid, name: '乙' } });
  });

  test('POST /login › takes a userid in another case for the same person', async () => {
    const { world, login } = all;
    const userid = world.addMember();
    const answers = [];
    for (const spelling of [userid, userid.toLowerCase(), userid.toUpperCase()]) {
      const fields = { userid: spelling };
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields, times: 1 });
      world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields, times: 1 });
      answers.push(await login.login({ js_code: world.jsCode(userid) }));
    }
    const [first, ...others] = answers.map(({ body }) => body['session_token']);
    expect((await login.withSession('DELETE', '/session?all=true', first)).status).toBe(204);
    for (const other of others) {
      expectError(await login.withSession('GET', '/session', other), 'invalid_session');
    }
  });
});

describe('POST /login with a js_code WeCom refuses', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  async function expectRefused(js_code: string, errcode: number): Promise<void> {
    const { world, login } = all;
    const answer = await login.login({ js_code });
    expectError(answer, 'invalid_js_code');
    expect(world.wecom.counts()['user/get']).toBe(0);
    expect(world.wecom.violations).toEqual([]);
    expect((await login.logOf(answer)).at(-1)).toMatchObject({
      error: 'invalid_js_code',
      reason: `errcode_${errcode}`,
      wecom: expect.arrayContaining([
        expect.objectContaining({ api: 'miniprogram/jscode2session', errcode }),
      ]),
    });
  }

  test('POST /login › answers 400 invalid_js_code when the js_code is unknown', () =>
    expectRefused('nobody-issued-this-code', 40029));

  test.each([40029, 42022] as const)(
    'POST /login › answers 400 invalid_js_code when the js_code was used before, said as %d',
    async (usedCodeErrcode) => {
      const { world, login } = all;
      const js_code = world.jsCode();
      expect((await login.login({ js_code })).status).toBe(200);
      world.wecom.reset();
      world.wecom.set({ usedCodeErrcode });
      await expectRefused(js_code, usedCodeErrcode);
    },
  );

  test.each([40029, 42003] as const)(
    'POST /login › answers 400 invalid_js_code when the js_code has expired, said as %d',
    async (expiredCodeErrcode) => {
      const { world } = all;
      world.wecom.set({ expiredCodeErrcode });
      const js_code = world.jsCode();
      world.wecom.advanceMs(300_001);
      await expectRefused(js_code, expiredCodeErrcode);
    },
  );

  test('POST /login › gives exactly one session to two posts with one js_code at the same moment', async () => {
    const { world, login } = all;
    for (let round = 0; round < 5; round += 1) {
      const js_code = world.jsCode(world.addMember());
      const answers = await Promise.all([login.login({ js_code }), login.login({ js_code })]);
      const [good, bad] = answers.toSorted((a, b) => a.status - b.status);
      expect(good?.status).toBe(200);
      if (bad) expectError(bad, 'invalid_js_code');
    }
  });
});

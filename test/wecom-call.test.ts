// `wecom.call`, through the function of docs/add-a-function.md that sends a member a notice.
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { exampleSource } from '../demo/own-function.ts';
import type { FaultKind } from '../simulator/wecom/faults.ts';
import { expectError } from './expect-answer.ts';
import { buildOwnFunction, type OwnFunction } from './own-function.ts';
import { type Answer, corpid, type Login, otherCorpid, quickRedis, startWorld, type World } from './world.ts';

const api = 'message/send';

describe('POST /notify of docs/add-a-function.md', () => {
  let own: OwnFunction;
  let world: World;
  let login: Login;
  let notify: Login;
  let token: unknown;

  beforeAll(async () => {
    own = await buildOwnFunction('notify', exampleSource('notify'));
    world = await startWorld({ lifetime: 'suite', ...quickRedis });
    world.wecom.setDepartment({ corpid, id: 7, parentid: 1, name: '财务部' });
    login = await world.startLogin();
    token = (await login.login({ js_code: world.jsCode() })).body['session_token'];
    notify = await start();
  });
  afterAll(async () => {
    await world.stop();
    own.remove();
  });
  beforeEach(() => world.wecom.reset());

  const start = () => world.startWeb(own.name, world.environment({ PORT: '0', ROLES: 'finance:dept:7' }));

  const send = (body: object, sessionToken = token): Promise<Answer> =>
    notify.send('POST', '/notify', {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${String(sessionToken)}` },
      body: JSON.stringify(body),
    });
  const sendTo = (userid: string) => send({ userid, room: '402' });
  const calls = () => world.wecom.counts()[api] ?? 0;

  test('POST /notify › sends the notice with the access_token of the login, and notes the call in its log line', async () => {
    const userid = world.addMember();
    const answer = await sendTo(userid);
    expect([answer.status, answer.body]).toEqual([200, { sent: true }]);
    expect(world.wecom.messages).toEqual([
      {
        corpid,
        userids: [userid.toLowerCase()],
        msgtype: 'miniprogram_notice',
        content: {
          appid: world.wecom.appid,
          page: 'pages/home/home',
          title: '会议室预订成功',
          content_item: [{ key: '会议室', value: '402' }],
        },
      },
    ]);
    expect(world.wecom.counts()).toMatchObject({ gettoken: 0, jscode2session: 0, 'user/get': 0, [api]: 1 });
    expect(world.wecom.violations).toEqual([]);
    expect((await notify.logOf(answer)).at(-1)).toMatchObject({
      route: '/notify',
      wecom: expect.arrayContaining([{ api, ms: expect.any(Number) }]),
    });
  });

  test('POST /notify › sends nothing for a caller outside of the department, or several recipients', async () => {
    const outside = await login.login({ js_code: world.jsCode(world.addMember()) });
    expectError(
      await send({ userid: 'ZhangSan', room: '402' }, outside.body['session_token']),
      'role_not_allowed',
    );
    for (const userid of ['ZhangSan|LiSi', '@all']) expectError(await sendTo(userid), 'invalid_request');
    expect(calls()).toBe(0);
  });

  test('POST /notify › sends to members of the caller’s company only', async () => {
    const userid = world.addMember({ corpid: otherCorpid });
    expect((await sendTo(userid)).body).toEqual({ sent: false });
    expect(world.wecom.messages).toEqual([]);
  });

  test('POST /notify › takes the errcode that it names in `fine` as an answer', async () => {
    const answer = await sendTo(world.addMember({ visible: false }));
    expect([answer.status, answer.body]).toEqual([200, { sent: false }]);
    expect((await notify.logOf(answer)).at(-1)).toMatchObject({ status: 200, wecom: [{ api }] });
  });

  test('POST /notify › replaces an access_token that WeCom has dropped, and sends once', async () => {
    world.wecom.dropTokens(corpid);
    expect((await sendTo('ZhangSan')).body).toEqual({ sent: true });
    expect(world.wecom.counts()).toMatchObject({ gettoken: 1, [api]: 2 });
    expect(world.wecom.messages).toHaveLength(1);
  });

  test('POST /notify › a copy of the company’s object uses the same access_token of this process', async () => {
    const source = exampleSource('notify').replace('wecom.call(corp,', 'wecom.call({ ...corp },');
    const copying = await buildOwnFunction('copying', source);
    onTestFinished(copying.remove);
    notify = await world.startWeb(copying.name, world.environment({ PORT: '0', ROLES: 'finance:dept:7' }));
    await sendTo('ZhangSan');
    // The session and nothing else: the token is not read again.
    expect((await notify.logOf(await sendTo('ZhangSan'))).at(-1)).toMatchObject({ redis_calls: 1 });
    notify = await start();
  });

  test('POST /notify › nothing in the question replaces the API and the company that were named', async () => {
    const more = "...{ api: 'user/get', corp: { corpid: 'ww', corpsecret: 'x' } }, method: 'POST',";
    const mixing = await buildOwnFunction(
      'mixing',
      exampleSource('notify').replace(/(wecom\.call\([^]*?)method: 'POST',/, `$1${more}`),
    );
    onTestFinished(mixing.remove);
    notify = await world.startWeb(mixing.name, world.environment({ PORT: '0', ROLES: 'finance:dept:7' }));
    expect((await sendTo('ZhangSan')).body).toEqual({ sent: true });
    expect(world.wecom.messages).toHaveLength(1);
    notify = await start();
  });

  test('POST /notify › asks again when WeCom says that it is busy', async () => {
    world.wecom.fault({ endpoint: api, kind: 'errcode', errcode: -1, times: 2 });
    expect((await sendTo('ZhangSan')).body).toEqual({ sent: true });
    expect([calls(), world.wecom.messages.length]).toEqual([3, 1]);
  });

  test.each<[string, FaultKind, string, object]>([
    ['48002', { kind: 'errcode', errcode: 48_002 }, 'wecom_misconfigured', { errcode: 48_002 }],
    ['60020', { kind: 'errcode', errcode: 60_020 }, 'wecom_ip_not_trusted', { ip: '203.0.113.7' }],
    ['an errcode that nobody knows', { kind: 'errcode', errcode: 99_999 }, 'wecom_misconfigured', {}],
  ])('POST /notify › answers 503 to %s, asks once, and the log says why', async (_, kind, event, fields) => {
    // WeCom's refusals of another test are forgotten.
    notify = await start();
    world.wecom.fault({ endpoint: api, ...kind });
    const answer = await sendTo('ZhangSan');
    expectError(answer, 'temporarily_unavailable');
    expect(answer.text).not.toContain('203.0.113.7');
    expect(await notify.logOf(answer)).toContainEqual(
      expect.objectContaining({ level: 'error', event, api, ...fields }),
    );
    expect(calls()).toBe(1);
  });

  test.each<[string, FaultKind, object]>([
    ['a gateway’s HTML', { kind: 'html', status: 502 }, { reason: 'http_502' }],
    ['HTML with status 200', { kind: 'html', status: 200 }, { reason: 'not_json' }],
    ['no errcode where one is read', { kind: 'fields', fields: { errcode: 'x' } }, { field: 'errcode' }],
  ])(
    'POST /notify › answers 500, which no client repeats, to %s, since WeCom may have sent it',
    async (_, kind, fields) => {
      world.wecom.fault({ endpoint: api, ...kind });
      const answer = await sendTo('ZhangSan');
      expectError(answer, 'internal_error');
      const lines = await notify.logOf(answer);
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', event: 'wecom_failed', api, ...fields }),
      );
      expect(lines.at(-1)).toMatchObject({ event: 'request', status: 500, reason: 'wecom_outcome_unknown' });
      expect(calls()).toBe(1);
    },
  );

  test('POST /notify › answers 503 when it is certain that nothing was sent', async () => {
    const unreachable = { PORT: '0', ROLES: 'finance:dept:7', WECOM_BASE_URL: 'http://127.0.0.1:1' };
    // The roles are in Redis already.
    await sendTo('ZhangSan');
    notify = await world.startWeb(own.name, world.environment(unreachable));
    expectError(await sendTo('ZhangSan'), 'temporarily_unavailable');
  });

  test('POST /notify › answers 503 while nobody knows who has the role', async () => {
    notify = await world.startWeb(
      own.name,
      world.environment({ PORT: '0', ROLES: 'finance:dept:7,finance:tag:9' }),
    );
    world.wecom.fault({ endpoint: 'tag/get', kind: 'html', status: 502 });
    expectError(await sendTo('ZhangSan'), 'temporarily_unavailable');
    // At once: the request before has found out.
    expectError(await sendTo('ZhangSan'), 'temporarily_unavailable');
    expect([world.wecom.counts()['tag/get'], calls()]).toEqual([1, 0]);
  });

  test('POST /notify › leaves the API alone for a while after 45009', async () => {
    notify = await start();
    world.wecom.fault({ endpoint: api, kind: 'errcode', errcode: 45_009, times: 1 });
    for (let tries = 0; tries < 3; tries += 1) {
      expectError(await sendTo('ZhangSan'), 'temporarily_unavailable', { retryAfter: '60' });
    }
    expect(calls()).toBe(1);
  });

  test.each<[string, FaultKind]>([
    ['breaks after WeCom carried it out', { kind: 'cut', at: 'before', effect: true }],
    ['breaks in the middle of the answer', { kind: 'cut', at: 'mid_body' }],
  ])('POST /notify › does not send again when the connection %s', async (_, kind) => {
    notify = await start();
    // First a good call, so that the connection has served before.
    await sendTo('ZhangSan');
    world.wecom.fault({ endpoint: api, ...kind, times: 1 });
    expectError(await sendTo('ZhangSan'), 'internal_error');
    expect([calls(), world.wecom.messages.length]).toEqual([2, 2]);
    expect((await sendTo('ZhangSan')).body).toEqual({ sent: true });
  });

  test('POST /notify › does not send again on a connection that died unnoticed', async () => {
    notify = await start();
    await sendTo('ZhangSan');
    expect(world.wecom.closeIdleSockets('rst')).toBeGreaterThan(0);
    expectError(await sendTo('ZhangSan'), 'internal_error');
    expect(
      world.wecom.calls.filter(({ endpoint }) => endpoint === api).map(({ outcome }) => outcome),
    ).toEqual(['answered', 'dead_socket']);
  });
});

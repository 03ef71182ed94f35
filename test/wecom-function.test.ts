// functions/wecom: other systems call WeCom through it.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readWecomConfig } from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { expectError } from './expect-answer.ts';
import {
  type Answer,
  corpid,
  type Login,
  otherCorpid,
  quickRedis,
  secret,
  startWorld,
  type World,
} from './world.ts';

const newKey = () => secret(randomBytes(32).toString('base64url'));
const [erp, hr] = [newKey(), newKey()];
const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const callers = {
  WECOM_CALLERS: `erp:${hashOf(erp)},hr:${hashOf(hr)}:${otherCorpid}`,
  WECOM_APIS: 'message/send,user/get',
};
const message = {
  touser: 'ZhangSan',
  msgtype: 'text',
  agentid: 1_000_002,
  text: { content: '你好' },
};

describe('POST /wecom/<api>', () => {
  let world: World;
  let wecom: Login;

  beforeAll(async () => {
    world = await startWorld({ lifetime: 'suite', ...quickRedis });
    wecom = await start();
  });
  afterAll(() => world.stop());
  beforeEach(() => world.wecom.reset());

  const start = () => world.startWeb('wecom', world.environment({ PORT: '0', ...callers }));

  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const post = (
    path: string,
    body: object | string,
    headers: Record<string, string> = bearer(erp),
  ): Promise<Answer> =>
    wecom.send('POST', path, { headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const calls = () => world.wecom.calls.filter(({ endpoint }) => endpoint !== 'gettoken').length;

  test('POST /wecom/message/send › passes WeCom’s answer on, never the access_token, and writes one audit line', async () => {
    const answer = await post('/wecom/message/send', message);
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        errcode: 0,
        errmsg: 'ok',
        invaliduser: '',
        invalidparty: '',
        invalidtag: '',
        unlicenseduser: '',
        msgid: expect.any(String),
      },
    ]);
    expect(world.wecom.messages).toMatchObject([{ corpid, userids: ['zhangsan'], msgtype: 'text' }]);
    expect(await wecom.logOf(answer)).toContainEqual({
      time: expect.any(String),
      level: 'info',
      event: 'wecom_called',
      request_id: expect.any(String),
      scf_request_id: answer.scfRequestId,
      caller: 'erp',
      corpid,
      api: 'message/send',
      errcode: 0,
      client_address: expect.any(String),
    });
    const written = wecom.lines.join('\n');
    for (const value of [...world.secrets, erp, '你好', 'ZhangSan']) expect(written).not.toContain(value);
    expect(world.wecom.violations).toEqual([]);
  });

  test('GET /cgi-bin/… › serves an SDK that has another base URL, and its key as the corpsecret', async () => {
    const { body } = await wecom.send('GET', `/cgi-bin/gettoken?corpid=${corpid}&corpsecret=${erp}`);
    expect(body).toEqual({ errcode: 0, errmsg: 'ok', access_token: erp, expires_in: 7200 });
    expect(world.wecom.counts().gettoken).toBe(0);
    const member = await wecom.send('GET', `/cgi-bin/user/get?access_token=${erp}&userid=ZhangSan`);
    expect(member.body).toMatchObject({ errcode: 0, userid: 'ZhangSan', name: '张三' });
    const sent = await post(`/cgi-bin/message/send?access_token=${erp}`, message, {
      'content-type': 'text/plain; charset=UTF-8',
    });
    expect(sent.body).toMatchObject({ errcode: 0 });
    expect(world.wecom.counts().gettoken).toBeLessThanOrEqual(1);
  });

  test('POST /wecom/message/send › calls in the name of the caller’s company, and refuses another corpid', async () => {
    expect((await post('/wecom/message/send', message, bearer(hr))).body).toMatchObject({ errcode: 0 });
    expect(world.wecom.messages).toMatchObject([{ corpid: otherCorpid }]);
    for (const id of [otherCorpid, 'wwnobody']) {
      const answer = await post(`/wecom/message/send?corpid=${id}`, message);
      expectError(answer, 'corp_not_allowed');
      expect((await wecom.logOf(answer))[0]).toMatchObject({
        level: 'warn',
        event: 'wecom_call_refused',
        caller: 'erp',
        reason: 'corp_not_allowed',
      });
    }
    expect(world.wecom.messages).toHaveLength(1);
  });

  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: `Bearer ${'x'.repeat(43)}` }],
    ['the hash of a key', { authorization: `Bearer ${hashOf(erp)}` }],
  ])('POST /wecom/message/send › refuses %s', async (_, headers) => {
    const answer = await post('/wecom/message/send', message, headers);
    expectError(answer, 'invalid_credentials');
    expect((await wecom.logOf(answer))[0]).toMatchObject({
      event: 'wecom_call_refused',
      reason: 'wrong_key',
    });
    expectError(await wecom.send('GET', '/cgi-bin/gettoken?corpsecret='), 'invalid_credentials');
    expect(calls()).toBe(0);
  });

  test.each([
    '/wecom/agent/get',
    '/wecom/gettoken',
    '/wecom/message/send/../../agent/get',
    '/wecom/message/send/%2e%2e/%2E%2E/agent/get',
    '/wecom/message%2fsend/..%2f..%2fagent/get',
    '/wecom//message/send',
    '/wecom/message/send/',
    '/wecom/Message/Send',
    '/wecom',
  ])('POST %s › is refused, and nothing reaches WeCom', async (path) => {
    expectError(await post(path, message), 'not_found');
    expect(calls()).toBe(0);
  });

  test('POST /wecom/… › with dots that end at an allowed API is that API, and needs the key', async () => {
    expectError(await post('/wecom/user/../message/send', message, {}), 'invalid_credentials');
  });

  test('POST /wecom/message/send › passes on errcodes about the question, without our address', async () => {
    const answer = await post('/wecom/message/send', { ...message, touser: 'Nobody' });
    expect([answer.status, answer.body['errcode']]).toEqual([200, 81_013]);
    expect(answer.text).not.toContain('203.0.113.7');
    expect(await wecom.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'wecom_called', errcode: 81_013 }),
    );
  });

  test.each([
    ['no errcode and no errmsg', { errcode: undefined, errmsg: undefined }, ''],
    ['an errmsg that is null', { errmsg: null }, ''],
  ])('POST /wecom/message/send › takes %s for a good answer', async (_, fields, errmsg) => {
    world.wecom.fault({ endpoint: 'message/send', kind: 'fields', fields });
    const answer = await post('/wecom/message/send', message);
    expect([answer.status, answer.body]).toMatchObject([200, { errcode: 0, errmsg, invaliduser: '' }]);
  });

  test('POST /wecom/message/send › does not pass on debug, which WeCom takes five times a minute', async () => {
    const answer = await post('/wecom/message/send?debug=1', message);
    expect([answer.status, world.wecom.violations]).toEqual([200, []]);
  });

  test.each<[number, string]>([
    [48_002, 'wecom_misconfigured'],
    [60_020, 'wecom_ip_not_trusted'],
    [45_009, 'wecom_rate_limited'],
  ])('POST /wecom/message/send › answers 503 to %d, which is the operator’s', async (errcode, event) => {
    // Its own process: it leaves WeCom alone for a while.
    const resting = await start();
    world.wecom.fault({ endpoint: 'message/send', kind: 'errcode', errcode });
    const body = JSON.stringify(message);
    const answer = await resting.send('POST', '/wecom/message/send', { headers: bearer(erp), body });
    expectError(answer, 'temporarily_unavailable');
    const events = (await resting.logOf(answer)).map((line) => line['event']);
    expect(events).toEqual(expect.arrayContaining([event, 'wecom_called']));
  });

  test('POST /wecom/message/send › refuses a body that is no JSON object, or over 1 MB', async () => {
    for (const body of ['', 'text', '[]']) {
      expectError(await post('/wecom/message/send', body), 'invalid_request');
    }
    expectError(await post('/wecom/message/send', 'x'.repeat(1_048_577)), 'too_large');
    expect(calls()).toBe(0);
  });
});

describe('WECOM_CALLERS, WECOM_APIS', () => {
  const good = {
    WECOM_CORPS: `${corpid}:${secret('a-corpsecret')}`,
    REDIS_URL: 'redis://h',
    ENCRYPTION_KEY: newKey(),
    WECOM_CALLERS: `erp:${hashOf(erp)}`,
    WECOM_APIS: 'message/send',
  };

  test('the configuration › takes callers and APIs', () => {
    expect(readWecomConfig(good)).toMatchObject({ callers: [{ name: 'erp' }], apis: ['message/send'] });
  });

  test.each<[string, object]>([
    ['WECOM_CALLERS', { WECOM_CALLERS: '' }],
    ['WECOM_CALLERS', { WECOM_CALLERS: `erp:${erp}` }],
    ['WECOM_CALLERS', { WECOM_CALLERS: `erp:${hashOf(erp)}:wwnobody` }],
    ['WECOM_CALLERS', { WECOM_CALLERS: `erp:${hashOf(erp)},erp:${hashOf(hr)}` }],
    ['WECOM_CALLERS', { WECOM_CALLERS: `erp:${hashOf(erp)},hr:${hashOf(erp)}` }],
    ['WECOM_APIS', { WECOM_APIS: '' }],
    ['WECOM_APIS', { WECOM_APIS: '../gettoken' }],
    ['WECOM_APIS', { WECOM_APIS: 'message/send,' }],
    ['WECOM_APIS', { WECOM_APIS: 'gettoken' }],
    ['WECOM_APIS', { WECOM_APIS: 'miniprogram/jscode2session' }],
    ['WECOM_APIS', { WECOM_APIS: 'corpgroup/corp/gettoken' }],
    ['WECOM_APIS', { WECOM_APIS: 'get_jsapi_ticket' }],
    ['WECOM_APIS', { WECOM_APIS: 'ticket/get' }],
  ])('the configuration › refuses %s: %o', (name, overrides) => {
    const problems = () => {
      try {
        readWecomConfig({ ...good, ...overrides });
      } catch (error) {
        return error instanceof ConfigError ? error.problems : [];
      }
      return [];
    };
    expect(problems().map((problem) => problem.split(':')[0])).toContain(name);
  });
});

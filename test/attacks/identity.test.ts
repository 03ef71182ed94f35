import { beforeEach, describe, expect, test } from 'vitest';
import { expectError } from '../expect-answer.ts';
import {
  type Answer,
  corpid,
  from,
  type Login,
  otherCorpid,
  startWorld,
  type World,
  worldForAll,
} from '../world.ts';

const stranger = { corpid: 'wwstranger0000001', userid: 'ZhangSan' };

/** The whole answer but for what differs from request to request. */
function shown({ status, headers, body, text }: Answer) {
  const { request_id: requestId, ...rest } = body;
  const { date: _date, ...named } = Object.fromEntries(headers);
  return { status, headers: named, body: rest, length: text.length - String(requestId).length };
}

async function sessionsIn(world: World): Promise<string[]> {
  return (await world.redisContents()).map(({ key }) => key).filter((key) => key.startsWith('wxs1:'));
}

describe('a js_code', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  test('[A10 A11] POST /login › makes one session of 20 posts with one code on two instances, and looks like a made-up code to all others', async () => {
    const { world, login } = all;
    const instances: [Login, Login] = [login, await world.startLogin()];
    const js_code = world.jsCode(world.addMember());
    const before = await sessionsIn(world);
    const come = (code: string, instance: Login) => instance.login({ js_code: code }, from('81.2.3.4'));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => come(js_code, instances[i % 2 === 0 ? 0 : 1])),
    );
    const late = await come(js_code, instances[1]);
    const madeUp = await come('nobody-issued-this', instances[0]);
    const refused = [...answers, late].filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(20);
    for (const answer of refused) expect(shown(answer)).toEqual(shown(madeUp));
    expect((await sessionsIn(world)).length).toBe(before.length + 1);
  });

  test('[A13] POST /login › answers 403 to a stranger whose code WeCom takes, and asks and stores nothing about them', async () => {
    const { world, login } = all;
    const before = await sessionsIn(world);
    for (const hint of [undefined, corpid, stranger.corpid]) {
      const js_code = world.wecom.createJsCode(stranger);
      const answer = await login.login({ js_code, ...(hint !== undefined && { corpid: hint }) });
      expectError(answer, 'corp_not_allowed');
    }
    expect(world.wecom.counts()).toMatchObject({ jscode2session: 3, 'user/get': 0 });
    expect(await sessionsIn(world)).toEqual(before);
  });

  /** What may be a userid, WeCom does not know here; all others are refused before it is asked. */
  const possible = ['a:b', 'a{b}', 'a b', '欧阳', '../ZhangSan', '*', '__proto__'];
  test.each([...possible, 'a\r\nFLUSHALL', 'a\0b', '', 'x'.repeat(200)])(
    '[A15 A43] POST /login › opens no session and no other key for the userid %j, should WeCom ever answer it',
    async (userid) => {
      const { world, login } = all;
      const before = await sessionsIn(world);
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { userid } });
      const answer = await login.login({ js_code: world.jsCode() });
      expectError(answer, 'member_not_allowed', { ...(possible.includes(userid) && { userid }) });
      expect(await sessionsIn(world)).toEqual(before);
      expect(world.wecom.violations).toEqual([]);
    },
  );

  test('[A49] POST /login › names nobody to whoever is refused, but a refused member of ours to themselves', async () => {
    const { world, login } = all;
    const userid = world.addMember({ visible: false });
    const own = await login.login({ js_code: world.jsCode(userid) }, from());
    expectError(own, 'member_not_allowed', { userid });
    // The code is spent: whoever finds it later learns nothing.
    const spent = world.jsCode(userid);
    await login.login({ js_code: spent }, from());
    const refusals: [Promise<Answer>, Parameters<typeof expectError>[1], { corpid?: string }?][] = [
      [login.login({ js_code: spent }, from()), 'invalid_js_code'],
      [login.login({ js_code: userid }, from()), 'invalid_js_code'],
      [login.login({ js_code: 'any', userid }, from()), 'invalid_request'],
      [login.login({ js_code: world.wecom.createJsCode(stranger) }, from()), 'corp_not_allowed'],
      [
        login.login({ js_code: world.jsCode('ZhangSan', otherCorpid), corpid }, from()),
        'login_again',
        { corpid: otherCorpid },
      ],
    ];
    for (const [asked, error, expected] of refusals) expectError(await asked, error, expected);
    const request = (await login.logOf(own)).at(-1);
    expect(JSON.stringify(request)).not.toContain(userid);
  });
});

describe('a session_token', () => {
  const all = worldForAll();

  test('[A24] GET /session › works for whoever holds it, from anywhere, until it ends: nothing in a request proves a device', async () => {
    const { world, login } = all;
    const { body } = await login.login({ js_code: world.jsCode(world.addMember()) }, from('81.1.1.1'));
    const authorization = `Bearer ${String(body['session_token'])}`;
    const elsewhere = { authorization, 'user-agent': 'another device', ...from('203.0.113.99') };
    expect((await login.send('GET', '/session', { headers: elsewhere })).status).toBe(200);
    expect((await login.withSession('DELETE', '/session', body['session_token'])).status).toBe(204);
    expectError(await login.send('GET', '/session', { headers: elsewhere }), 'invalid_session');
  });
});

test('[A34 A44] POST /login › answers the same whatever is broken behind it, and nothing of what WeCom said', async () => {
  const world = await startWorld();
  const broken: [string, (login: Login) => Promise<void> | void, Record<string, string>?][] = [
    ['an untrusted address', () => world.wecom.updateCompany(corpid, { ipTrusted: false })],
    ['a wrong secret', () => undefined, { WECOM_CORPS: `${corpid}:not-the-secret` }],
    [
      'an unknown errcode',
      () => world.wecom.fault({ endpoint: 'jscode2session', kind: 'errcode', errcode: 301002 }),
    ],
    [
      'a page of a gateway',
      () => world.wecom.fault({ endpoint: 'jscode2session', kind: 'html', status: 502 }),
    ],
    [
      'WeCom that hangs up',
      () => world.wecom.fault({ endpoint: 'jscode2session', kind: 'cut', at: 'before' }),
    ],
    ['no Redis', () => undefined, { REDIS_URL: 'redis://127.0.0.1:1' }],
  ];
  const answers = [];
  for (const [, breakIt, overrides] of broken) {
    const login = await world.startLogin(overrides);
    await breakIt(login);
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable');
    expect(answer.text + JSON.stringify([...answer.headers])).not.toMatch(
      /203\.0\.113|hint|errcode|redis|wecom/i,
    );
    answers.push(answer);
    world.wecom.reset();
    world.wecom.liftBan();
    world.wecom.updateCompany(corpid, { ipTrusted: true });
  }
  const kinds = answers.map((answer) => {
    const { 'retry-after': _retryAfter, ...headers } = shown(answer).headers;
    return { ...shown(answer), headers };
  });
  for (const kind of kinds) expect(kind).toEqual(kinds[0]);
});

// Answers of WeCom as the field knows them: odd, but they say who may enter. What decides is strict, what is only
// shown is lenient.
import { beforeEach, describe, expect, test } from 'vitest';
import { movableClock } from './clock.ts';
import { expectError } from './expect-answer.ts';
import { corpid, from, startWorld, type World, worldForAll } from './world.ts';

/** user/get says this of the member, instead of what the simulator would say; `text` is JSON, or nearly. */
function answerOfUserGet(world: World, userid: string, text: string, start = '{'): void {
  const body = `${start}"errcode":0,"errmsg":"ok","userid":"${userid}",${text}}`;
  world.wecom.fault({ endpoint: 'user/get', kind: 'body', body });
}

const nothing = { name: '', department: [], position: '' };

describe('what is only shown', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  test.each<[string, string, Partial<typeof nothing> | Record<string, unknown>]>([
    ['a tab in the name', '"name":"张\t三"', { name: '张 三' }],
    ['a line break in the position', '"position":"工程师\r\n二组"', { position: '工程师  二组' }],
    ['ESC and NUL in the name', '"name":"\u001b张三\u0000"', { name: ' 张三 ' }],
    ['a control character that is escaped', String.raw`"name":"张\u0014三\n"`, { name: '张 三 ' }],
    ['characters that C1 and Unicode break lines with', '"name":"a\u0085b\u2028c"', { name: 'a b c' }],
    [
      'a quote before a control character',
      String.raw`"name":"a\"	b\\","position":"x	"`,
      { name: 'a" b\\', position: 'x ' },
    ],
    ['an alias with a line break, which nobody reads', '"alias":"a\nb","name":"x"', { name: 'x' }],
    ['no position', '"position":null', {}],
    ['a name that is a number', '"name":7', {}],
    ['a name that is an object, a position that is a list', '"name":{"zh":"张三"},"position":["x"]', {}],
    ['departments as text', '"department":"1,7"', { department: [1, 7] }],
    ['departments as text with blanks', '"department":" 1, 7 "', { department: [1, 7] }],
    ['one department as a number', '"department":7', { department: [7] }],
    ['departments as a list of text', '"department":["1","7"]', { department: [1, 7] }],
    ['departments of which some are none', '"department":[1,null,"x",2.5,"7",{}]', { department: [1, 7] }],
    ['departments that are none', '"department":{"id":1}', {}],
    ['no departments', '"department":null', {}],
    ['a department beyond 32 bits', '"department":[4294967297]', { department: [4_294_967_297] }],
    ['a status that is text', '"status":"1","enable":"1","name":"x"', { name: 'x' }],
    ['a userid that is spelled UserId', '"name":"x"', { name: 'x' }],
  ])('[W22] POST /login › lets a member in of whom WeCom says %s', async (what, text, member) => {
    const { world, login } = all;
    const userid = world.addMember();
    answerOfUserGet(world, userid, text);
    if (what.endsWith('UserId')) {
      world.wecom.clearFaults();
      const fields = { userid: undefined, UserId: userid, name: 'x', department: [] };
      world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields });
      world.wecom.fault({
        endpoint: 'jscode2session',
        kind: 'fields',
        fields: { userid: undefined, UserId: userid },
      });
    }
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expect(answer.body).toMatchObject({ member: { corpid, userid, ...nothing, ...member } });
    const session = await login.withSession('GET', '/session', answer.body['session_token']);
    expect([session.status, session.body['member']]).toEqual([200, answer.body['member']]);
  });

  test('POST /login › lets a member in whose answer begins with a byte order mark', async () => {
    const { world, login } = all;
    const userid = world.addMember();
    answerOfUserGet(world, userid, '"name":"x"', '\ufeff{');
    expect((await login.login({ js_code: world.jsCode(userid) })).body).toMatchObject({
      member: { name: 'x' },
    });
  });

  test('[W22] POST /login › cuts a name of 5,000 characters, and no character in two', async () => {
    const { world, login } = all;
    const userid = world.addMember();
    answerOfUserGet(world, userid, `"name":"${'𠮷'.repeat(5000)}"`);
    const { body, status } = await login.login({ js_code: world.jsCode(userid) });
    expect([status, (body['member'] as { name: string }).name]).toEqual([200, '𠮷'.repeat(1024)]);
  });

  test.each([null, 7, {}, 'a\nb'])(
    'POST /login › lets a member in whose device is called %j',
    async (deviceid) => {
      const { world, login } = all;
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { deviceid } });
      const answer = await login.login({ js_code: world.jsCode(world.addMember()) });
      expect(answer.status).toBe(200);
      const device = typeof deviceid === 'string' ? expect.stringMatching(/^[0-9a-f]{16}$/) : '';
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'login_ok', device }),
      );
    },
  );

  test('[W22] GET /session › goes on after the grace when user/get says odd things of the member', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const login = await clock.startLogin({ SESSION_IDLE_SECONDS: '86400' });
    const userid = world.addMember();
    const { body } = await login.login({ js_code: world.jsCode(userid) });
    answerOfUserGet(world, userid, '"name":"张\t三","position":null,"department":"1,7","status":"1"');
    for (let i = 0; i < 4; i += 1) {
      clock.advanceSeconds(601);
      const { status, body: session } = await login.withSession('GET', '/session', body['session_token']);
      expect([status, session['member']]).toMatchObject([200, { name: '张 三', department: [1, 7] }]);
    }
    expect(login.logged('recheck_failed')).toEqual([]);
  });
});

describe('what decides', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  test.each([
    ['"status":"2"', 'status_2'],
    ['"status":"5","enable":"1"', 'status_5'],
    ['"enable":"0"', 'disabled'],
    ['"status":4,"name":"a\tb"', 'status_4'],
  ])('POST /login › refuses a member of whom user/get says %s', async (text, reason) => {
    const { world, login } = all;
    const userid = world.addMember();
    answerOfUserGet(world, userid, text);
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expectError(answer, 'member_not_allowed', { userid });
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'login_refused', reason }),
    );
  });

  test.each([
    ['user/get', 'status', {}],
    ['user/get', 'status', null],
    ['user/get', 'status', 'active'],
    ['user/get', 'status', 1.5],
    ['user/get', 'enable', true],
    ['user/get', 'enable', ''],
    ['user/get', 'userid', 7],
    ['user/get', 'errcode', {}],
    ['user/get', 'errcode', 'ok'],
    ['user/get', 'errcode', null],
    ['jscode2session', 'corpid', ['wwcorpa0000000001']],
    ['jscode2session', 'session_key', 7],
    ['jscode2session', 'errcode', false],
  ] as const)(
    '[W22] POST /login › answers 503, and the log names the field, when %s answers a %s of %j',
    async (endpoint, field, value) => {
      const { world, login } = all;
      world.wecom.fault({ endpoint, kind: 'fields', fields: { [field]: value } });
      const answer = await login.login({ js_code: world.jsCode() });
      expectError(answer, 'temporarily_unavailable');
      expect(await login.logOf(answer)).toContainEqual(
        expect.objectContaining({ event: 'wecom_failed', level: 'error', reason: 'unexpected_shape', field }),
      );
    },
  );

  test('POST /login › takes the errcode 0 as text, and every refusal too', async () => {
    const { world, login } = all;
    world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { errcode: '0' } });
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { errcode: '60011' } });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'member_not_allowed', { userid: 'ZhangSan' });
  });

  test.each([
    '{"errcode":0,"name":"a\u0001"',
    '{"errcode":0\u0001}',
    '{"errcode":0,"name":"a\\\u0001"}',
    '\ufeff',
    '"\u0001"',
  ])('POST /login › answers 503 to %j, which no reading makes JSON of an object', async (body) => {
    const { world, login } = all;
    world.wecom.fault({ endpoint: 'user/get', kind: 'body', body });
    const answer = await login.login({ js_code: world.jsCode() });
    expectError(answer, 'temporarily_unavailable');
    expect(await login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'wecom_failed', reason: 'not_json' }),
    );
  });
});

describe('who is refused, at whichever endpoint', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());
  const refusals = [60_011, 60_111, 50_002, 46_004, 40_003, 60_021, 92_000, 660_003];

  test.each(
    refusals.flatMap(
      (errcode) =>
        [
          ['jscode2session', errcode],
          ['user/get', errcode],
        ] as const,
    ),
  )(
    '[W13] POST /login › answers 403 member_not_allowed, with a line for the audit, when %s answers %d',
    async (endpoint, errcode) => {
      const { world, login } = all;
      world.wecom.fault({ endpoint, kind: 'errcode', errcode });
      const answer = await login.login({ js_code: world.jsCode() }, from('81.77.0.1'));
      // jscode2session has not said who it is.
      const known = endpoint === 'user/get' && { userid: 'ZhangSan' };
      expectError(answer, 'member_not_allowed', { ...known });
      const reason = `errcode_${errcode}`;
      const lines = await login.logOf(answer);
      expect(lines.filter(({ event }) => event !== 'token_stored')).toEqual([
        expect.objectContaining({
          event: 'login_refused',
          level: 'warn',
          corpid,
          reason,
          client_address: '81.77.0.1',
        }),
        expect.objectContaining({ event: 'request', status: 403, reason }),
      ]);
    },
  );
});

describe('a userid of another shape', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  test.each(['张三', 'a b', '+86 138&x=1#?%', 'ü@例子', '三'.repeat(21)])(
    'POST /login › lets the member %s in, and ends their sessions together',
    async (userid) => {
      const { world, login } = all;
      world.addMember({ userid });
      const logins = [1, 2].map(() => login.login({ js_code: world.jsCode(userid) }));
      const [first, second] = await Promise.all(logins);
      expect(first?.body).toMatchObject({ member: { corpid, userid } });
      expect(world.wecom.violations).toEqual([]);
      expect(
        (await login.withSession('DELETE', '/session?all=true', first?.body['session_token'])).status,
      ).toBe(204);
      expectError(
        await login.withSession('GET', '/session', second?.body['session_token']),
        'invalid_session',
      );
    },
  );

  test('POST /login › takes letters for the same in either case only when they are ASCII', async () => {
    const { world, login } = all;
    // U+212A is lower-cased to k.
    for (const userid of ['Kim', '\u212aim']) world.addMember({ userid, name: userid });
    world.wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { userid: 'kIM' }, times: 1 });
    const kim = await login.login({ js_code: world.jsCode('Kim') });
    const other = await login.login({ js_code: world.jsCode('\u212aim') });
    expect([kim.status, other.status]).toEqual([200, 200]);
    await login.withSession('DELETE', '/session?all=true', other.body['session_token']);
    expect((await login.withSession('GET', '/session', kim.body['session_token'])).status).toBe(200);
  });

  test.each<[string, unknown]>([
    ['no userid', undefined],
    ['an empty userid', ''],
    ['a userid of 65 bytes', '三'.repeat(21) + 'ab'],
    ['a userid with a line break', 'a\nb'],
    ['a userid with NUL', 'a\u0000'],
    ['a userid with DEL', 'a\u007f'],
    ['a userid that is a number', 7],
    ['a userid that is null', null],
  ])(
    '[A15] POST /login › answers 403 member_not_allowed to %s, and the log has an event of its own for it',
    async (_, userid) => {
      const { world, login } = all;
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { userid } });
      const answer = await login.login({ js_code: world.jsCode() });
      expectError(answer, 'member_not_allowed');
      expect(await login.logOf(answer)).toEqual([
        expect.objectContaining({ event: 'userid_not_usable', level: 'error', corpid }),
        expect.objectContaining({
          event: 'login_refused',
          level: 'warn',
          corpid,
          reason: 'userid_not_usable',
        }),
        expect.objectContaining({ event: 'request', status: 403, reason: 'userid_not_usable' }),
      ]);
      expect(world.wecom.counts()['user/get']).toBe(0);
    },
  );

  test('POST /login › says corp_not_allowed to a stranger, whatever their userid is', async () => {
    const { world, login } = all;
    for (const userid of [undefined, 7, 'a\nb', 'x'.repeat(3000)]) {
      world.wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { userid }, times: 1 });
      const js_code = world.jsCode('x', 'wwstranger0000001');
      expectError(await login.login({ js_code }, from()), 'corp_not_allowed');
    }
  });
});

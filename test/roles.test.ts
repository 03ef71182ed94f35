// ROLES and MEMBER_FIELDS, through the built login function.
import { beforeEach, describe, expect, test } from 'vitest';
import type { AnyEndpoint } from '../simulator/wecom/answer.ts';
import { movableClock } from './clock.ts';
import { startRedisGate } from './redis-gate.ts';
import { corpid, type Login, otherCorpid, realRedis, startWorld, type World, worldForAll } from './world.ts';

const roles = {
  ROLES: `finance:dept:7,admin:user:LaoBan|LiSi,auditor:tag:3,auditor:dept:40,elsewhere:dept:7:${otherCorpid}`,
};

/** 7 › 8 › 9, 20 › 21, 40; the tag 3 has a member and the department 20. */
function addDepartments(world: World): void {
  const tree: [id: number, parentid: number, name: string][] = [
    [7, 1, '财务部'],
    [8, 7, '出纳组'],
    [9, 8, '现金组'],
    [20, 1, '内审部'],
    [21, 20, '内审一组'],
    [40, 1, '监事会'],
  ];
  for (const company of [corpid, otherCorpid]) {
    for (const [id, parentid, name] of tree)
      world.wecom.setDepartment({ corpid: company, id, parentid, name });
  }
  world.addMember({ userid: 'Tagged' });
  world.wecom.setTag({ corpid, tagid: 3, userids: ['Tagged'], departments: [20] });
}

async function sessionOf(world: World, login: Login, userid: string, id = corpid): Promise<unknown> {
  const { status, body } = await login.login({ js_code: world.jsCode(userid, id), corpid: id });
  expect([status, body['error']]).toEqual([200, undefined]);
  return body['session_token'];
}

async function rolesOf(world: World, login: Login, userid: string, id = corpid): Promise<unknown> {
  const answer = await login.withSession('GET', '/session', await sessionOf(world, login, userid, id));
  expect(answer.status).toBe(200);
  return answer.body['roles'];
}

const questions = (world: World) => {
  const counts = world.wecom.counts();
  return [counts['department/simplelist'] ?? 0, counts['tag/get'] ?? 0];
};

describe('GET /session with ROLES', () => {
  const all = worldForAll(roles);
  beforeEach(() => {
    all.world.wecom.reset();
    if (!all.world.wecom.state().tags.length) addDepartments(all.world);
  });

  test.each<[string, object, string[]]>([
    ['the department itself', { department: [7] }, ['finance']],
    ['a department two levels below it', { department: [1, 9] }, ['finance']],
    ['a department beside it', { department: [1] }, []],
    ['no department that the app may see', { department: [] }, []],
    ['a department that the tag has', { department: [20] }, ['auditor']],
    ['a department below one that the tag has', { department: [21] }, ['auditor']],
    ['two departments with roles', { department: [8, 40] }, ['finance', 'auditor']],
  ])('GET /session › tells the roles of a member in %s', async (_, changes, expected) => {
    const { world, login } = all;
    expect(await rolesOf(world, login, world.addMember(changes))).toEqual(expected);
  });

  test('GET /session › tells the roles of named users, in any case, and of those with the tag', async () => {
    const { world, login } = all;
    world.addMember({ userid: 'laoban' });
    expect(await rolesOf(world, login, 'laoban')).toEqual(['admin']);
    expect(await rolesOf(world, login, 'Tagged')).toEqual(['auditor']);
  });

  test('GET /session › gives no role for a department or userid of the same number or name in another company', async () => {
    const { world, login } = all;
    world.addMember({ corpid: otherCorpid, userid: 'LaoBan', department: [7] });
    expect(await rolesOf(world, login, 'LaoBan', otherCorpid)).toEqual(['elsewhere']);
  });

  test('GET /session › adds the names of departments when it is asked for them', async () => {
    const { world, login } = all;
    const token = await sessionOf(world, login, world.addMember({ department: [9, 7, 99] }));
    const answer = await login.withSession('GET', '/session?department_names=true', token);
    expect(answer.body).toMatchObject({
      roles: ['finance'],
      member: { department: [9, 7, 99], department_names: ['现金组', '财务部', ''] },
    });
    expect(Object.keys((await login.withSession('GET', '/session', token)).body)).toEqual([
      'role',
      'roles',
      'expires_in',
      'member',
    ]);
    expect(world.wecom.violations).toEqual([]);
  });

  test('GET /session › answers with empty names when WeCom does not give them', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    world.wecom.fault({ endpoint: 'department/list', kind: 'html', status: 502 });
    const token = await sessionOf(world, login, 'ZhangSan');
    const answer = await login.withSession('GET', '/session?department_names=true', token);
    expect(answer.body).toMatchObject({ member: { department: [1, 7], department_names: ['', ''] } });
  });
});

describe('the questions that ROLES needs', () => {
  const idle = { SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '172800' };

  test('GET /session › has no roles and asks nothing without ROLES', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    const answer = await login.withSession('GET', '/session', await sessionOf(world, login, 'ZhangSan'));
    expect(Object.keys(answer.body)).toEqual(['role', 'expires_in', 'member']);
    expect(Object.keys(world.wecom.counts())).toEqual(['gettoken', 'jscode2session', 'user/get']);
  });

  test('GET /session › asks WeCom once for all instances, and again after the time of a re-check', async () => {
    const world = await startWorld();
    addDepartments(world);
    const clock = movableClock(world);
    const logins = [
      await clock.startLogin({ ...roles, ...idle }),
      await clock.startLogin({ ...roles, ...idle }),
    ];
    const userid = world.addMember({ department: [9] });
    const token = await sessionOf(world, logins[0] as Login, userid);
    const ask = (times: number) =>
      Promise.all(
        Array.from({ length: times }, async (_, i) => {
          const answer = await logins[i % 2]?.withSession('GET', '/session', token);
          return answer?.body['roles'];
        }),
      );
    expect(await ask(40)).toEqual(Array.from({ length: 40 }, () => ['finance']));
    expect(questions(world)).toEqual([1, 1]);

    world.wecom.setDepartment({ corpid, id: 9, parentid: 1, name: '现金组' });
    clock.advanceSeconds(590);
    expect(new Set((await ask(4)).flat())).toEqual(new Set(['finance']));
    expect(questions(world)).toEqual([1, 1]);
    clock.advanceSeconds(20);
    await ask(10);
    expect(questions(world)).toEqual([2, 2]);
    expect(await ask(4)).toEqual([[], [], [], []]);
    const dump = JSON.stringify(await world.redisContents());
    for (const readable of ['finance', 'Tagged', 'tagged']) expect(dump).not.toContain(readable);
  });

  test('[R4] GET /session › asks WeCom once although the connection to Redis breaks in the middle of any one reply', async () => {
    const world = await startWorld();
    const clock = movableClock(world);
    const gate = await startRedisGate(world.redis.url);
    const login = await clock.startLogin({ ROLES: 'auditor:tag:3', ...idle, REDIS_URL: gate.url });
    addDepartments(world);
    const token = await sessionOf(world, login, 'Tagged');
    const ask = () => login.withSession('GET', '/session', token);
    expect((await ask()).body).toMatchObject({ roles: ['auditor'] });
    for (let after = 0; after < 12; after += 1) {
      const [, before = 0] = questions(world);
      clock.advanceSeconds(601);
      await gate.set({ kind: 'reset', after });
      expect((await ask()).body).toMatchObject({ roles: ['auditor'] });
      expect(questions(world)[1], `after ${after} replies`).toBe(before + 1);
    }
  });

  test('GET /session › uses the old answer while WeCom is away, within the grace period, and says so in the log', async () => {
    const world = await startWorld();
    addDepartments(world);
    const clock = movableClock(world);
    const login = await clock.startLogin({ ...roles, ...idle, MEMBER_RECHECK_GRACE_SECONDS: '3600' });
    const token = await sessionOf(world, login, world.addMember({ department: [8] }));
    const ask = () => login.withSession('GET', '/session', token);
    expect((await ask()).body['roles']).toEqual(['finance']);
    world.wecom.fault({ endpoint: 'tag/get', kind: 'html', status: 502 });
    clock.advanceSeconds(700);
    const later = await ask();
    expect(later.body['roles']).toEqual(['finance']);
    expect(await login.logOf(later)).toContainEqual(
      expect.objectContaining({
        level: 'error',
        event: 'directory_not_read',
        corpid,
        what: 'roles',
        reason: 'wecom_failed',
        age_seconds: expect.any(Number),
      }),
    );
    // Nobody asks again at once.
    const asked = questions(world);
    expect((await ask()).body['roles']).toEqual(['finance']);
    expect(questions(world)).toEqual(asked);

    // What is older than the grace period says nothing. The member is asked about again meanwhile.
    clock.advanceSeconds(3000);
    for (const key of (await world.redisContents()).map((entry) => entry.key)) {
      if (key.endsWith(':check')) await world.redisCommand('DEL', key);
    }
    const without = await ask();
    // Not []: that would say that they have none.
    expect([without.status, without.body]).toEqual([
      200,
      expect.not.objectContaining({ roles: expect.anything() }),
    ]);
    world.wecom.clearFaults();
    for (const key of (await world.redisContents()).map((entry) => entry.key)) {
      if (key.endsWith(':check')) await world.redisCommand('DEL', key);
    }
    // It is not asked for again at once.
    clock.advanceSeconds(5);
    expect((await ask()).body['roles']).toEqual(['finance']);
  });

  test('GET /session › gives nobody a role of a department or tag that WeCom does not know, and the log names it', async () => {
    const world = await startWorld();
    addDepartments(world);
    const login = await world.startLogin({ ROLES: 'finance:dept:7,lost:dept:70|8,lost:tag:30' });
    expect(await rolesOf(world, login, world.addMember({ department: [9, 70] }))).toEqual([
      'finance',
      'lost',
    ]);
    expect(await rolesOf(world, login, world.addMember({ department: [70] }))).toEqual([]);
    expect(login.logged('role_unknown')).toEqual([
      expect.objectContaining({ corpid, role: 'lost', place: 'dept:70' }),
      expect.objectContaining({ corpid, role: 'lost', place: 'tag:30', errcode: 40_068 }),
    ]);
  });

  test('GET /session › understands lists of departments and tags without an errcode', async () => {
    const world = await startWorld();
    addDepartments(world);
    for (const endpoint of ['department/simplelist', 'tag/get'] as const) {
      world.wecom.fault({ endpoint, kind: 'fields', fields: { errcode: undefined, errmsg: undefined } });
    }
    const login = await world.startLogin(roles);
    expect(await rolesOf(world, login, world.addMember({ department: [7, 20] }))).toEqual([
      'finance',
      'auditor',
    ]);
  });

  test('GET /session › uses the old answer, within the grace period, while Redis gives none', async () => {
    const world = await startWorld();
    addDepartments(world);
    const clock = movableClock(world);
    const login = await clock.startLogin({ ...roles, ...idle, MEMBER_RECHECK_GRACE_SECONDS: '3600' });
    const token = await sessionOf(world, login, world.addMember({ department: [8] }));
    const ask = async () => (await login.withSession('GET', '/session', token)).body['roles'];
    expect(await ask()).toEqual(['finance']);
    const key = (await world.redisContents())
      .map((entry) => entry.key)
      .find((one) => /wxd1:\{[^}]*\}$/.test(one));
    await world.redisCommand('DEL', key ?? '');
    await world.redisCommand('HSET', key ?? '', 'not', 'an answer');
    clock.advanceSeconds(700);
    expect([await ask(), await ask()]).toEqual([['finance'], ['finance']]);
  });

  test('GET /session › gives nobody a role by department when the app may not read them, and the others theirs', async () => {
    const world = await startWorld();
    addDepartments(world);
    world.wecom.fault({ endpoint: 'department/simplelist', kind: 'errcode', errcode: 48_002 });
    const login = await world.startLogin({ ROLES: 'finance:dept:7,admin:user:ZhangSan' });
    expect(await rolesOf(world, login, 'ZhangSan')).toEqual(['admin']);
  });

  test.each<[string, AnyEndpoint, Record<string, unknown>]>([
    [
      'a list of departments of another shape',
      'department/simplelist',
      { department_id: [{ id: 'x', parentid: 1 }] },
    ],
    ['no list of departments', 'department/simplelist', { department_id: undefined }],
    [
      'a tag without name and lists',
      'tag/get',
      { tagname: undefined, userlist: undefined, partylist: undefined },
    ],
  ])('GET /session › does not take %s for an empty one', async (_, endpoint, fields) => {
    const world = await startWorld();
    addDepartments(world);
    const clock = movableClock(world);
    const login = await clock.startLogin({ ...roles, ...idle });
    const token = await sessionOf(world, login, world.addMember({ department: [7, 20] }));
    const ask = async () => (await login.withSession('GET', '/session', token)).body['roles'];
    expect(await ask()).toEqual(['finance', 'auditor']);
    world.wecom.fault({ endpoint, kind: 'fields', fields });
    clock.advanceSeconds(700);
    expect(await ask()).toEqual(['finance', 'auditor']);
    expect(login.logged('directory_not_read')).toMatchObject([{ reason: 'wecom_failed' }]);
  });

  test.skipIf(!realRedis)(
    'GET /session › keeps roles while Redis can be read but not written to',
    async () => {
      const world = await startWorld({ redis: 'server' });
      addDepartments(world);
      const clock = movableClock(world);
      const old = await clock.startLogin({ ...roles, ...idle });
      const token = await sessionOf(world, old, world.addMember({ department: [7] }));
      const asked = (login: Login) => login.withSession('GET', '/session', token);
      expect((await asked(old)).body['roles']).toEqual(['finance']);
      clock.advanceSeconds(700);
      // The member's own re-check.
      await asked(old);
      const fresh = await clock.startLogin({ ...roles, ...idle });
      clock.advanceSeconds(550);
      await world.redisCommand('CONFIG', 'SET', 'min-replicas-to-write', '1');
      // An instance that knows the answer, and one that has to read it.
      for (const login of [old, fresh]) expect((await asked(login)).body['roles']).toEqual(['finance']);
    },
  );

  test('GET /session › gives roles whose names are those of inherited properties', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ ROLES: 'constructor:user:ZhangSan,toString:user:ZhangSan' });
    expect(await rolesOf(world, login, 'ZhangSan')).toEqual(['constructor', 'toString']);
  });

  test.each([
    ['that could not be re-checked within the grace period', 1900],
    ['whose check is from the future', -3600],
  ])('GET /session › believes no department of a session %s', async (_, seconds) => {
    const world = await startWorld();
    addDepartments(world);
    const clock = movableClock(world);
    const login = await clock.startLogin({ ...roles, ...idle, ROLES: `${roles.ROLES},boss:user:Moved` });
    const token = await sessionOf(world, login, world.addMember({ userid: 'Moved', department: [7] }));
    const ask = async () => (await login.withSession('GET', '/session', token)).body['roles'];
    expect(await ask()).toEqual(['finance', 'boss']);
    const another = await sessionOf(world, login, world.addMember());
    clock.advanceSeconds(seconds);
    // One re-check of another member; those of the rest of the hour are used up.
    expect((await login.withSession('GET', '/session', another)).status).toBe(200);
    const [budget] = (await world.redisContents()).filter(({ key }) => key.startsWith('wxl1:recheck:'));
    await world.redisCommand('INCRBY', budget?.key ?? '', 30_000);
    expect(await ask()).toEqual(['boss']);
    expect(login.logged('recheck_skipped')).toHaveLength(1);
  });
});

describe('MEMBER_FIELDS', () => {
  const MEMBER_FIELDS = 'main_department,is_leader_in_dept,direct_leader,alias,extattr.工号';

  test('POST /login, GET /session › have the further fields, sealed in Redis, and no others', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ MEMBER_FIELDS });
    const further = {
      alias: 'San\nZhang',
      direct_leader: ['LaoBan'],
      is_leader_in_dept: [1],
      main_department: 7,
      mobile: '13900000000',
      extattr: {
        attrs: [
          { type: 0, name: '爱好', text: { value: '旅游' } },
          { type: 0, name: '工号', text: { value: 'A17' } },
        ],
      },
    };
    const userid = world.addMember({ department: [7], further });
    const fields = {
      main_department: 7,
      is_leader_in_dept: [1],
      direct_leader: ['LaoBan'],
      alias: 'San Zhang',
      'extattr.工号': 'A17',
    };
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expect(answer.body['member']).toMatchObject({ userid, department: [7], fields });
    const session = await login.withSession('GET', '/session', answer.body['session_token']);
    expect(session.body['member']).toEqual(answer.body['member']);
    const written = JSON.stringify(await world.redisContents()) + login.lines.join('\n');
    for (const readable of ['A17', 'LaoBan', 'San Zhang', '13900000000'])
      expect(written).not.toContain(readable);
    expect(answer.text + session.text).not.toMatch(/13900000000|旅游/);
  });

  test('POST /login › lets a member in whose further fields are odd', async () => {
    const world = await startWorld();
    const login = await world.startLogin({ MEMBER_FIELDS });
    const further = {
      alias: null,
      direct_leader: { x: 1 },
      is_leader_in_dept: [1, null, [2]],
      extattr: 'none',
    };
    const userid = world.addMember({ further });
    const answer = await login.login({ js_code: world.jsCode(userid) });
    expect(answer.body['member']).toMatchObject({ fields: { main_department: 1, is_leader_in_dept: [1] } });
    expect(answer.status).toBe(200);
  });
});

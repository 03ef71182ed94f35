import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { expectError, expectHeaders } from './expect-answer.ts';
import { rawRequest } from './raw-request.ts';
import { corpid, otherCorpid, secret, type World, worldForAll } from './world.ts';

const all = worldForAll();

/** A new session of this member. */
async function newSession(userid: string, headers?: Record<string, string>): Promise<string> {
  const answer = await all.login.login({ js_code: all.world.jsCode(userid) }, headers);
  expect(answer.status).toBe(200);
  return String(answer.body['session_token']);
}

const get = (sessionToken: string) => all.login.withSession('GET', '/session', sessionToken);
const statusOf = async (sessionToken: string) => (await get(sessionToken)).status;
const keysOf = async (world: World) =>
  (await world.redisContents()).filter(({ key }) => key.startsWith('wxs1:'));

describe('GET /session and DELETE /session with a session_token that is none', () => {
  const person = randomBytes(16).toString('base64url');
  const sessionSecret = randomBytes(32).toString('base64url');
  const wellFormed = secret(`s1.${person}.${sessionSecret}`);

  test.each<[string, Record<string, string | string[]>]>([
    ['no Authorization', {}],
    ['an empty Authorization', { authorization: '' }],
    ['a bare token', { authorization: wellFormed }],
    ['Basic', { authorization: `Basic ${wellFormed}` }],
    ['Token', { authorization: `Token ${wellFormed}` }],
    ['Bearer alone', { authorization: 'Bearer' }],
    ['Bearer and a blank', { authorization: 'Bearer ' }],
    ['Bearer twice', { authorization: `Bearer Bearer ${wellFormed}` }],
    ['two tokens', { authorization: `Bearer ${wellFormed}, Bearer ${wellFormed}` }],
    ['a token with a blank in it', { authorization: `Bearer s1 .${person}.${sessionSecret}` }],
    ['a tab for the blank', { authorization: `Bearer\t${wellFormed}` }],
    ['one character less', { authorization: `Bearer ${wellFormed.slice(0, -1)}` }],
    ['one character more', { authorization: `Bearer ${wellFormed}A` }],
    ['the prefix in capitals', { authorization: `Bearer S1.${person}.${sessionSecret}` }],
    ['another format', { authorization: `Bearer s2.${person}.${sessionSecret}` }],
    ['no person', { authorization: `Bearer s1..${sessionSecret}` }],
    ['no secret', { authorization: `Bearer s1.${person}.` }],
    ['a Redis pattern for a person', { authorization: `Bearer s1.${'*'.repeat(22)}.${sessionSecret}` }],
    ['a brace for a person', { authorization: `Bearer s1.${'}'.repeat(22)}.${sessionSecret}` }],
    ['an unsigned JWT', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoibWVtYmVyIn0.' }],
    ['300 characters', { authorization: `Bearer ${'a'.repeat(300)}` }],
    ['8,000 characters', { authorization: `Bearer ${'a'.repeat(8000)}` }],
    ['the token in a cookie', { cookie: `session_token=${wellFormed}` }],
    [
      'the token in other headers',
      { 'x-session-token': wellFormed, 'proxy-authorization': `Bearer ${wellFormed}` },
    ],
  ])(
    '[A22 A26 A43 A45] GET /session › answers 401 invalid_session to %s, without asking Redis',
    async (_, headers) => {
      for (const method of ['GET', 'DELETE']) {
        const answer = await rawRequest(all.login.url, { method, path: '/session?all=true', headers });
        expectError(answer, 'invalid_session');
        expect(await all.login.logOf(answer)).toEqual([
          expect.objectContaining({
            error: 'invalid_session',
            reason: 'malformed',
            redis_calls: 0,
            wecom: [],
          }),
        ]);
      }
    },
  );

  test('[A22] GET /session › answers 401 invalid_session to a token nobody issued', async () => {
    expectError(await get(wellFormed), 'invalid_session');
    expectError(await all.login.withSession('DELETE', '/session', wellFormed), 'invalid_session');
  });

  test("[A22] GET /session › answers 401 invalid_session to one member's secret under another member's name", async () => {
    const mine = await newSession(all.world.addMember());
    const theirs = await newSession(all.world.addMember());
    const mixed = secret(`${theirs.slice(0, 25)}.${mine.slice(26)}`);
    expect(mixed).toHaveLength(mine.length);
    expectError(await get(mixed), 'invalid_session');
    expect([await statusOf(mine), await statusOf(theirs)]).toEqual([200, 200]);
  });

  test('[A22] GET /session › takes a session_token from the Authorization header only', async () => {
    const token = await newSession(all.world.addMember());
    const query = `session_token=${token}&token=${token}&access_token=${token}&authorization=Bearer%20${token}`;
    expectError(await all.login.send('GET', `/session?${query}`), 'invalid_session');
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const answer = await all.login.send('GET', '/session', {
        headers: { authorization: `${scheme} ${token}` },
      });
      expect(answer.status).toBe(200);
    }
  });
});

describe('DELETE /session', () => {
  test('DELETE /session › ends this session with 204 and leaves the others of the member', async () => {
    const userid = all.world.addMember();
    const [first, second] = [await newSession(userid), await newSession(userid)];
    const answer = await all.login.withSession('DELETE', '/session', first);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expectHeaders(answer, null);
    expect(await all.login.logOf(answer)).toEqual([
      expect.objectContaining({
        event: 'session_ended',
        reason: 'logout',
        corpid,
        userid,
        sessions: 1,
        client_address: '127.0.0.1',
      }),
      expect.objectContaining({ event: 'request', method: 'DELETE', route: '/session', status: 204 }),
    ]);
    expectError(await get(first), 'invalid_session');
    expectError(await all.login.withSession('DELETE', '/session', first), 'invalid_session');
    expect(await statusOf(second)).toBe(200);
  });

  test('[A14] DELETE /session?all=true › ends all sessions of the person and of nobody else', async () => {
    const userid = all.world.addMember();
    all.world.addMember({ corpid: otherCorpid, userid });
    const tokens = [await newSession(userid), await newSession(userid), await newSession(userid)];
    const namesake = await all.login.login({
      js_code: all.world.jsCode(userid, otherCorpid),
      corpid: otherCorpid,
    });
    const before = await keysOf(all.world);

    const answer = await all.login.withSession('DELETE', '/session?all=true', tokens[1]);
    expect(answer.status).toBe(204);
    expect(await all.login.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'session_ended', reason: 'logout_all', corpid, userid, sessions: 3 }),
    );
    for (const token of tokens) expectError(await get(token), 'invalid_session');
    expect(await statusOf(String(namesake.body['session_token']))).toBe(200);
    expect(await keysOf(all.world)).toHaveLength(before.length - 1);
  });

  test.each(['', '?All=true', '?x=all=true'])('DELETE /session%s › ends one session only', async (query) => {
    const userid = all.world.addMember();
    const [first, second] = [await newSession(userid), await newSession(userid)];
    expect((await all.login.withSession('DELETE', `/session${query}`, first)).status).toBe(204);
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200]);
  });

  test.each(['?all=', '?all=false', '?all=TRUE', '?all=1', '?all=true1'])(
    'DELETE /session%s › answers 400 invalid_request and ends nothing',
    async (query) => {
      const token = await newSession(all.world.addMember());
      expectError(await all.login.withSession('DELETE', `/session${query}`, token), 'invalid_request');
      expect(await statusOf(token)).toBe(200);
    },
  );

  test('DELETE /session › answers 204 to exactly one of two at the same moment, and 401 ever after', async () => {
    for (let round = 0; round < 5; round += 1) {
      const token = await newSession(all.world.addMember());
      const answers = await Promise.all([1, 2].map(() => all.login.withSession('DELETE', '/session', token)));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 401]);
      expectError(await get(token), 'invalid_session');
    }
  });
});

describe('several sessions of one person', () => {
  test('POST /login › ends the oldest session when a person opens a sixth', async () => {
    const userid = all.world.addMember();
    const tokens: string[] = [];
    for (let i = 0; i < 6; i += 1) tokens.push(await newSession(userid));
    expect(await Promise.all(tokens.map(statusOf))).toEqual([401, 200, 200, 200, 200, 200]);
    tokens.push(await newSession(userid));
    expect(await Promise.all(tokens.map(statusOf))).toEqual([401, 401, 200, 200, 200, 200, 200]);
  });

  test('POST /login › leaves 5 sessions of a person who logs in 20 times at once', async () => {
    const userid = all.world.addMember();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => newSession(userid)));
    const statuses = await Promise.all(tokens.map(statusOf));
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
  });

  test('[A23] POST /login › ends the session the member came with', async () => {
    const userid = all.world.addMember();
    const [old, other] = [await newSession(userid), await newSession(userid)];
    const fresh = await newSession(userid, { authorization: `Bearer ${old}` });
    expect([await statusOf(old), await statusOf(other), await statusOf(fresh)]).toEqual([401, 200, 200]);
    await all.login.logOf(await get(fresh));
    expect(all.login.logged('session_ended')).toContainEqual(
      expect.objectContaining({ reason: 'replaced', client_address: '127.0.0.1' }),
    );
  });

  test('[A23] POST /login › keeps the session the member came with when the login fails', async () => {
    const old = await newSession(all.world.addMember());
    const headers = { authorization: `Bearer ${old}` };
    expectError(await all.login.login({ js_code: 'unknown' }, headers), 'invalid_js_code');
    expectError(await all.login.login({}, headers), 'invalid_request');
    expect(await statusOf(old)).toBe(200);
  });

  test.each(['Bearer x', `Bearer s1.${'a'.repeat(22)}.${'b'.repeat(43)}`, 'Basic x'])(
    'POST /login › does not mind a session_token that is none (%#)',
    async (authorization) => {
      expect(await statusOf(await newSession(all.world.addMember(), { authorization }))).toBe(200);
    },
  );
});

// What changes while members are working: the release, the encryption key, the secret of the app.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { figure } from './reliability/figure.ts';
import { corpid, type Login, allLetIn, quickRedis, secret, startWorld, type World } from './world.ts';

const previous = '.build/previous-release';

beforeAll(() => {
  mkdirSync(previous, { recursive: true });
  writeFileSync(`${previous}/package.json`, '{"type":"commonjs"}');
  writeFileSync(`${previous}/index.js`, gunzipSync(readFileSync('test/previous-release/login.js.gz')));
});

function startPrevious(world: World): Promise<Login> {
  return world.startWeb(`../${previous}`, world.environment({ PORT: '0' }));
}

/** Logs a member of its own in. */
async function loggedIn(world: World, login: Login): Promise<unknown> {
  const { status, body } = await login.login({ js_code: world.jsCode(world.addMember()) });
  expect(status).toBe(200);
  return body['session_token'];
}

/** Each of these sessions is good at each of these functions. */
async function expectGoodEverywhere(sessions: readonly unknown[], functions: readonly Login[]) {
  for (const login of functions) {
    for (const session of sessions) {
      expect((await login.withSession('GET', '/session', session)).status).toBe(200);
    }
  }
}

describe('the release before and this one on one Redis', () => {
  test('[G10] POST /login › shares one gettoken between both, from empty and when WeCom drops the token', async () => {
    const world = await startWorld(quickRedis);
    const both = await Promise.all([
      startPrevious(world),
      world.startLogin(),
      startPrevious(world),
      world.startLogin(),
    ]);
    await allLetIn(world, both, 120);
    expect(world.wecom.counts(corpid).gettoken).toBe(1);

    world.wecom.dropTokens(corpid);
    await allLetIn(world, both, 120);
    expect(world.wecom.counts(corpid).gettoken).toBe(2);
    expect((await world.refresh()).result).toMatchObject({ fresh: 1, renewed: 1 });
    expect(world.wecom.violations).toEqual([]);
    figure('G10', 'two releases, 240 logins, the token dropped: 1 gettoken and 1 more');
  });

  test('[G10] GET, DELETE /session › know the sessions that the other release made', async () => {
    const world = await startWorld(quickRedis);
    const [before, now] = [await startPrevious(world), await world.startLogin()];
    const sessions = [await loggedIn(world, before), await loggedIn(world, now)];
    await expectGoodEverywhere(sessions, [before, now]);

    expect((await now.withSession('DELETE', '/session', sessions[0])).status).toBe(204);
    expect((await before.withSession('DELETE', '/session', sessions[1])).status).toBe(204);
    for (const [login, session] of [
      [before, sessions[0]],
      [now, sessions[1]],
    ] as const) {
      expect((await login.withSession('GET', '/session', session)).status).toBe(401);
    }
  });
});

/** The values of ENCRYPTION_KEY that docs/operations.md has deployed, one after the other. */
function documentedSteps(): string[] {
  const document = readFileSync('docs/operations.md', 'utf8');
  const section = /### Changing ENCRYPTION_KEY\n(.*?)\n### /s.exec(document)?.[1] ?? '';
  return [...section.matchAll(/^\d\. .*`ENCRYPTION_KEY=([a-z,]+)`(?:,| and) deploy/gm)].map(
    ([, keys = '']) => keys,
  );
}

test('[G10] ENCRYPTION_KEY › is replaced under running functions as docs/operations.md says: no session is lost, one gettoken more', async () => {
  const world = await startWorld(quickRedis);
  const [old = '', fresh = ''] = [1, 2].map(() => secret(randomBytes(32).toString('base64url')));
  const startWith = (keys: string) =>
    world.startLogin({ ENCRYPTION_KEY: keys.replace('old', old).replace('new', fresh) });
  const steps = documentedSteps();
  const last = steps.pop() ?? '';
  const sessions: unknown[] = [];

  // During each deploy the functions of the step before still serve.
  let before = await startWith('old');
  const member = world.addMember();
  const again = async (login: Login) => {
    const { status, body } = await login.login({ js_code: world.jsCode(member) });
    expect(status).toBe(200);
    return body['session_token'];
  };
  sessions.push(await loggedIn(world, before), await again(before));
  for (const keys of steps) {
    const now = await startWith(keys);
    sessions.push(await loggedIn(world, now), await loggedIn(world, before));
    if (sessions.length < 6) sessions.push(await again(now));
    await expectGoodEverywhere(sessions, [before, now]);
    before = now;
  }
  expect(steps).toHaveLength(2);
  expect(world.wecom.counts(corpid).gettoken).toBe(2);

  // The old key may go when the last session under it has ended.
  const done = await startWith(last);
  expect((await done.withSession('GET', '/session', sessions.at(-2))).status).toBe(200);
  expect((await done.withSession('GET', '/session', sessions[0])).status).toBe(401);
  expect((await before.withSession('GET', '/session', sessions[0])).status).toBe(200);
  expect(world.wecom.counts(corpid).gettoken).toBe(2);
  figure('G10', 'a new ENCRYPTION_KEY in the documented steps: 1 gettoken more, no session lost');
});

test('[G10] WECOM_CORPS › gets a new corpsecret under running functions: nobody is refused, one gettoken more', async () => {
  const world = await startWorld(quickRedis);
  const before = await world.startLogin();
  const session = await loggedIn(world, before);

  const corpsecret = secret(randomBytes(24).toString('base64url'));
  world.wecom.updateCompany(corpid, { corpsecret });
  const now = await world.startLogin({ WECOM_CORPS: `${corpid}:${corpsecret}` });
  await allLetIn(world, [before, now], 100);
  await expectGoodEverywhere([session], [before, now]);
  expect(world.wecom.counts(corpid).gettoken).toBe(2);
  figure('G10', 'a new corpsecret under 100 logins: 1 gettoken more, nobody refused');
});

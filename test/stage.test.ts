// Two stages on one Redis, as serverless.yml sets them up: each has its own STAGE.
import { beforeAll, describe, expect, test } from 'vitest';
import { expectError } from './expect-answer.ts';
import { tellUnsubscribe } from './wecom-callback.ts';
import { corpid, from, type Login, type World, worldForAll } from './world.ts';

describe('STAGE', () => {
  const all = worldForAll({ STAGE: 'dev' });
  let world: World;
  let dev: Login;
  let prod: Login;
  let unnamed: Login;
  beforeAll(async () => {
    ({ world, login: dev } = all);
    [prod, unnamed] = await Promise.all([world.startLogin({ STAGE: 'prod' }), world.startLogin()]);
  });
  const newSession = async (login: Login, userid: string) =>
    (await login.login({ js_code: world.jsCode(userid) })).body['session_token'];

  test('[S19] GET, DELETE /session › knows and ends sessions of its own stage only', async () => {
    const userid = world.addMember();
    const functions = [dev, prod, unnamed];
    const sessions = await Promise.all(functions.map((login) => newSession(login, userid)));
    for (const [i, login] of functions.entries()) {
      for (const [j, session] of sessions.entries()) {
        const answer = await login.withSession('GET', '/session', session);
        if (i === j) expect(answer.status).toBe(200);
        else expectError(answer, 'invalid_session');
      }
    }
    const list = { action: 'list', corpid, userid };
    expect((await world.admin(list, { STAGE: 'prod' })).result).toMatchObject({ sessions: [{}] });
    expect((await prod.withSession('DELETE', '/session?all=true', sessions[1])).status).toBe(204);
    expect((await world.admin(list, { STAGE: 'prod' })).result).toMatchObject({ sessions: [] });
    expect((await dev.withSession('GET', '/session', sessions[0])).status).toBe(200);
    expect((await unnamed.withSession('GET', '/session', sessions[2])).status).toBe(200);
  });

  test('[S19] POST /callback/:corpid › ends the sessions of its own stage only', async () => {
    const userid = world.addMember();
    const [ofDev, ofProd] = await Promise.all([dev, prod].map((login) => newSession(login, userid)));
    const callback = await world.startCallback({ STAGE: 'prod' });
    expect((await tellUnsubscribe(world, callback, userid)).status).toBe(200);
    expectError(await prod.withSession('GET', '/session', ofProd), 'invalid_session');
    expect((await dev.withSession('GET', '/session', ofDev)).status).toBe(200);
  });

  test('[S19] POST /login › counts codes that fail for its own stage only', async () => {
    const fail = (login: Login) => login.login({ js_code: 'unknown' }, from('81.9.1.1'));
    for (let i = 0; i < 30; i += 1) expectError(await fail(dev), 'invalid_js_code');
    expectError(await fail(dev), 'rate_limited', { retryAfterMax: 60 });
    expectError(await fail(prod), 'invalid_js_code');
  });

  test('[S19] Redis › holds every key below the name of its stage', async () => {
    await world.redis.flush();
    await newSession(dev, world.addMember());
    await world.refresh({ STAGE: 'dev' });
    expectError(await dev.login({ js_code: 'unknown' }, from()), 'invalid_js_code');
    await world.admin({ action: 'diagnose' }, { STAGE: 'dev' });
    const keys = (await world.redisContents()).map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(key).toMatch(/^dev:wx[tsl]1:/);
  });
});

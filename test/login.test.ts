import { expect, test } from 'vitest';
import { corpid, otherCorpid, startWorld } from './world.ts';

test('POST /login › gives a member a session that GET /session knows', async () => {
  const world = await startWorld();
  const login = await world.startLogin();

  const answer = await login.login({ js_code: world.jsCode('zhangsan') });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    session_token: expect.stringMatching(/^s1\.[\w-]{22}\.[\w-]{43}$/),
    expires_in: 1800,
    role: 'member',
    member: { corpid, userid: 'ZhangSan', name: '张三', department: [1, 7], position: '工程师' },
  });

  const session = await login.withSession('GET', '/session', answer.body['session_token']);
  expect(session.status).toBe(200);
  expect(session.body).toEqual({
    role: 'member',
    expires_in: expect.toSatisfy((seconds: number) => seconds > 1780 && seconds <= 1800),
    member: answer.body['member'],
  });
  expect(world.wecom.violations).toEqual([]);
  expect(login.logged('login_ok')).toMatchObject([
    { corpid, userid: 'ZhangSan', client_address: '127.0.0.1' },
  ]);
});

test('POST /login › answers 409 login_again with the corpid when the code belongs to another of our companies', async () => {
  const world = await startWorld();
  const login = await world.startLogin();

  const wrong = await login.login({ js_code: world.jsCode('ZhangSan', otherCorpid) });
  expect(wrong.status).toBe(409);
  expect(wrong.body).toMatchObject({ error: 'login_again', corpid: otherCorpid });

  const right = await login.login({ js_code: world.jsCode('ZhangSan', otherCorpid), corpid: otherCorpid });
  expect(right.body).toMatchObject({ member: { corpid: otherCorpid, userid: 'ZhangSan' } });
});

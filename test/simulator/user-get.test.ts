import { describe, expect, test } from 'vitest';
import { exchange, expectErrcode, get, newCompany, set, userGet, wecom } from './client.ts';

describe('GET /cgi-bin/user/get', () => {
  test('› answers what an app made after 2022 gets, whatever the case of the userid', async () => {
    const { token } = newCompany({ department: [2, 7], position: '工程师' });
    const body = await userGet(await token(), 'ZHANGsan');
    expect(body).toEqual({
      errcode: 0,
      errmsg: 'ok',
      userid: 'ZhangSan',
      name: '张三',
      department: [2, 7],
      position: '工程师',
      status: 1,
      isleader: 0,
      extattr: { attrs: [] },
      telephone: '',
      enable: 1,
      hide_mobile: 0,
      order: [0, 0],
      main_department: 2,
      alias: '',
      is_leader_in_dept: [0, 0],
      direct_leader: [],
    });
  });

  test('› answers an allowed member without departments', async () => {
    const { token } = newCompany({ department: [] });
    expect(await userGet(await token())).toMatchObject({ errcode: 0, department: [] });
  });

  test.for([1, 2, 4, 5] as const)('› answers status %i as it is', async (status) => {
    const { corpid, token } = newCompany();
    wecom.updateMember(corpid, 'zhangsan', { status });
    expect(await userGet(await token())).toMatchObject({ errcode: 0, status, enable: status === 2 ? 0 : 1 });
  });

  test('› refuses a member outside the visible range: 60011, or 60111 when so set, with empty arrays', async () => {
    const { token } = newCompany({ visible: false });
    const accessToken = await token();
    const body = await expectErrcode(userGet(accessToken), 60011);
    expect(body).toEqual({
      errcode: 60011,
      errmsg: expect.stringMatching(/^no privilege .* , hint: \[\d{25}\], from ip: /),
      department: [],
      order: [],
      is_leader_in_dept: [],
    });
    set({ outOfRangeErrcode: 60111 });
    await expectErrcode(userGet(accessToken), 60111);
  });

  test('› refuses a deleted, an unknown and an encrypted userid: 60111, or 40003 when so set', async () => {
    const { corpid, token } = newCompany();
    const other = newCompany();
    const accessToken = await token();
    const { userid } = await exchange(accessToken, other.jsCode());
    wecom.updateMember(corpid, 'ZhangSan', { deleted: true });
    for (const gone of ['ZhangSan', 'nobody', String(userid)]) {
      await expectErrcode(userGet(accessToken, gone), 60111);
    }
    set({ deletedErrcode: 40003 });
    await expectErrcode(userGet(accessToken), 40003);
  });

  test('› answers a dead token barely, a missing one 41001, a missing userid 41009', async () => {
    const { token } = newCompany();
    expect(await userGet('never-issued')).toMatchObject({ errcode: 40014, errmsg: 'invalid access_token' });
    await expectErrcode(get('user/get', { userid: 'ZhangSan' }), 41001);
    await expectErrcode(get('user/get', { access_token: await token() }), 41009);
    wecom.reset();
  });

  test('› answers 60020 with the caller’s address while the egress IP is not trusted, which gettoken does not show', async () => {
    set({ egressIp: '198.51.100.9' });
    const { corpid, gettoken, token, jsCode } = newCompany();
    wecom.updateCompany(corpid, { ipTrusted: false });
    await expectErrcode(gettoken(), 0);
    const { errmsg } = await expectErrcode(userGet(await token()), 60020);
    expect(errmsg).toContain('from ip: 198.51.100.9,');
    await expectErrcode(exchange(await token(), jsCode()), 60020);
    const trusted = newCompany();
    await expectErrcode(userGet(await trusted.token()), 0);
  });

  test('› answers 50003 to a living token of a stopped app', async () => {
    const { corpid, token } = newCompany();
    const accessToken = await token();
    wecom.updateCompany(corpid, { stopped: true });
    await expectErrcode(userGet(accessToken), 50003);
  });
});

test('An unknown path › answers 404 without a body and counts as a violation', async () => {
  const response = await fetch(`${wecom.url}/cgi-bin/externalcontact/list`);
  expect([response.status, await response.text()]).toEqual([404, '']);
  expect(wecom.violations).toEqual(['unknown path /cgi-bin/externalcontact/list']);
  wecom.reset();
});

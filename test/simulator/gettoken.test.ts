import { describe, expect, test } from 'vitest';
import { bodyOf, expectErrcode, get, newCompany, set, userGet, wecom } from './client.ts';

describe('GET /cgi-bin/gettoken', () => {
  test('› answers a token of 214 characters and its life of 7200 s', async () => {
    const body = await newCompany().gettoken();
    expect(body).toEqual({ errcode: 0, errmsg: 'ok', access_token: expect.any(String), expires_in: 7200 });
    expect(body['access_token']).toMatch(/^[\w-]{214}$/);
  });

  test('› names the missing secret before the missing corpid', async () => {
    const { corpid } = newCompany();
    await expectErrcode(get('gettoken', {}), 41004);
    await expectErrcode(get('gettoken', { corpid }), 41004);
    await expectErrcode(get('gettoken', { corpsecret: 'x' }), 41002);
    expect(wecom.violations).toHaveLength(3);
    wecom.reset();
  });

  test('› answers 40013 for an unknown company, 40001 for a wrong secret, another company’s or a stopped app', async () => {
    const { corpid, corpsecret, gettoken } = newCompany();
    const other = newCompany();
    await expectErrcode(get('gettoken', { corpid: 'wwnobody', corpsecret }), 40013);
    await expectErrcode(get('gettoken', { corpid, corpsecret: 'wrong' }), 40001);
    await expectErrcode(get('gettoken', { corpid, corpsecret: other.corpsecret }), 40001);
    wecom.updateCompany(corpid, { stopped: true });
    await expectErrcode(gettoken(), 40001);
  });

  test('› words errors as WeCom does, with headers and without quoting the secret', async () => {
    const { corpid } = newCompany();
    const response = await fetch(`${wecom.url}/cgi-bin/gettoken?corpid=${corpid}&corpsecret=hunter2`);
    const { errmsg } = bodyOf(await response.json());
    expect(errmsg).toMatch(
      /^invalid credential, hint: \[\d{25}\], from ip: 203\.0\.113\.7, more info at https:\/\/open\.work\.weixin\.qq\.com\/devtool\/query\?e=40001$/,
    );
    expect(response.headers.get('error-code')).toBe('40001');
    expect(response.headers.get('error-msg')).toBe(errmsg);
    expect(JSON.stringify(wecom.state())).not.toContain('hunter2');
  });

  test('› answers the same token within its life in mode A, with what is left of it', async () => {
    const { gettoken } = newCompany();
    const first = await gettoken();
    wecom.advanceMs(7_000_000);
    const again = await gettoken();
    expect(again['access_token']).toBe(first['access_token']);
    expect(again['expires_in']).toBeGreaterThanOrEqual(198);
    expect(again['expires_in']).toBeLessThanOrEqual(200);
    wecom.advanceMs(200_000);
    expect((await gettoken())['access_token']).not.toBe(first['access_token']);
  });

  test('› answers the full life every time in mode A when expires_in does not count down', async () => {
    set({ expiresInCountsDown: false });
    const { gettoken } = newCompany();
    const first = await gettoken();
    wecom.advanceMs(7_000_000);
    expect(await gettoken()).toEqual(first);
  });

  test('› renews the life of the same token in mode B', async () => {
    set({ gettokenMode: 'B' });
    const { gettoken } = newCompany();
    const first = await gettoken();
    wecom.advanceMs(7_000_000);
    expect(await gettoken()).toEqual(first);
    wecom.advanceMs(7_000_000);
    await expectErrcode(userGet(String(first['access_token'])), 0);
  });

  test('› answers a new token and keeps the old alive in mode C', async () => {
    set({ gettokenMode: 'C' });
    const { token } = newCompany();
    const [old, young] = [await token(), await token()];
    expect(young).not.toBe(old);
    await expectErrcode(userGet(old), 0);
    await expectErrcode(userGet(young), 0);
  });

  test('› answers a new token and kills the old in mode D, for this app alone', async () => {
    set({ gettokenMode: 'D' });
    const { corpid, token } = newCompany();
    wecom.addApp({ corpid, corpsecret: 'second-app', linked: false });
    const other = String((await get('gettoken', { corpid, corpsecret: 'second-app' }))['access_token']);
    const [old, young] = [await token(), await token()];
    await expectErrcode(userGet(old), 40014);
    await expectErrcode(userGet(young), 0);
    await expectErrcode(userGet(other), 0);
  });

  test.for(['A', 'B', 'C', 'D'] as const)(
    '› answers a new token after WeCom invalidated the old one in mode %s',
    async (mode) => {
      set({ gettokenMode: mode });
      const { corpid, token } = newCompany();
      const dropped = await token();
      wecom.dropTokens(corpid);
      expect(await token()).not.toBe(dropped);
      await expectErrcode(userGet(dropped), 40014);
    },
  );

  test('› issues tokens with the life that is set', async () => {
    set({ tokenLifeSeconds: 60 });
    const { gettoken } = newCompany();
    const { access_token, expires_in } = await gettoken();
    expect(expires_in).toBe(60);
    wecom.advanceMs(60_000);
    await expectErrcode(userGet(String(access_token)), 42001);
  });

  test('› answers 45009 beyond the limit of successes per company and minute', async () => {
    set({ gettokenPerMinuteMax: 2 });
    const limited = newCompany();
    await expectErrcode(limited.gettoken(), 0);
    await expectErrcode(limited.gettoken(), 0);
    await expectErrcode(limited.gettoken(), 45009);
    await expectErrcode(newCompany().gettoken(), 0);
    wecom.advanceMs(60_001);
    await expectErrcode(limited.gettoken(), 0);
  });

  test('› answers 45009 to everybody after too many wrong secrets, until lifted or an hour later', async () => {
    set({ wrongSecretMax: 3 });
    const { corpid, gettoken } = newCompany();
    const wrong = () => get('gettoken', { corpid, corpsecret: 'wrong' });
    for (let calls = 0; calls < 3; calls += 1) await expectErrcode(wrong(), 40001);
    await expectErrcode(wrong(), 45009);
    await expectErrcode(newCompany().gettoken(), 45009);
    wecom.liftBan();
    await expectErrcode(gettoken(), 0);
    for (let calls = 0; calls < 3; calls += 1) await wrong();
    await expectErrcode(gettoken(), 45009);
    wecom.advanceMs(3_600_001);
    await expectErrcode(gettoken(), 0);
  });

  test('› refuses the old secret after it was reset', async () => {
    const { corpid, gettoken } = newCompany();
    wecom.updateCompany(corpid, { corpsecret: 'reset' });
    await expectErrcode(gettoken(), 40001);
    await expectErrcode(get('gettoken', { corpid, corpsecret: 'reset' }), 0);
  });
});

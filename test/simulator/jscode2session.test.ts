import { createDecipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Body, bodyOf, exchange, expectErrcode, get, newCompany, set, wecom } from './client.ts';

describe('GET /cgi-bin/miniprogram/jscode2session', () => {
  test('› answers the member plainly to the own company', async () => {
    const { corpid, token, jsCode } = newCompany();
    const code = jsCode();
    expect(code).toMatch(/^[\w-]{43}$/);
    const body = await exchange(await token(), code);
    const session_key: unknown = expect.stringMatching(/^[\w+/]{22}==$/);
    expect(body).toEqual({ errcode: 0, errmsg: 'ok', corpid, userid: 'ZhangSan', session_key, deviceid: '' });
  });

  test('› answers a stranger and a member of another company with the own corpid and an encrypted userid', async () => {
    const { token } = newCompany();
    const other = newCompany();
    const stranger = { corpid: 'wwstranger000001', userid: 'mallory' };
    const encrypted: unknown = expect.stringMatching(/^wo[\w-]{30}$/);
    const accessToken = await token();
    expect(await exchange(accessToken, wecom.createJsCode(stranger))).toMatchObject({
      corpid: stranger.corpid,
      userid: encrypted,
    });
    expect(await exchange(accessToken, other.jsCode())).toMatchObject({
      corpid: other.corpid,
      userid: encrypted,
    });
  });

  test('› answers the deviceid that is set', async () => {
    set({ deviceid: 'device-1' });
    const { token, jsCode } = newCompany();
    expect(await exchange(await token(), jsCode())).toMatchObject({ deviceid: 'device-1' });
  });

  test('› checks the token before the code, so that the code survives', async () => {
    const { corpid, token, jsCode } = newCompany();
    const code = jsCode();
    const dropped = await token();
    await expectErrcode(exchange('never-issued', code), 40014);
    wecom.dropTokens(corpid);
    await expectErrcode(exchange(dropped, code), 40014);
    set({ droppedTokenErrcode: 42001 });
    await expectErrcode(exchange(dropped, code), 42001);
    const old = await token();
    wecom.updateCompany(corpid, { ipTrusted: false });
    await expectErrcode(exchange(old, code), 60020);
    wecom.updateCompany(corpid, { ipTrusted: true });
    await expectErrcode(exchange(old, code), 0);
  });

  test('› answers 42001 to a token past its life, 40014 when so set', async () => {
    const { token, jsCode } = newCompany();
    const old = await token();
    wecom.advanceMs(7_200_000);
    await expectErrcode(exchange(old, jsCode()), 42001);
    set({ expiredTokenErrcode: 40014 });
    await expectErrcode(exchange(old, jsCode()), 40014);
  });

  test('› takes the token from the query alone', async () => {
    const { token, jsCode } = newCompany();
    const accessToken = await token();
    const params = { js_code: jsCode(), grant_type: 'authorization_code' };
    const headers = { Authorization: `Bearer ${accessToken}` };
    await expectErrcode(get('miniprogram/jscode2session', params, { headers }), 41001);
    const body = JSON.stringify({ access_token: accessToken });
    await expectErrcode(get('miniprogram/jscode2session', params, { method: 'POST', body }), 41001);
    expect(wecom.violations).toEqual([
      'jscode2session: query key access_token missing',
      'jscode2session: method POST, expected GET',
    ]);
    wecom.reset();
  });

  test('› answers 40014, or 48002 when so set, to an app that is not linked, and keeps the code', async () => {
    const unlinked = newCompany({}, false);
    const linked = newCompany();
    const code = linked.jsCode();
    await expectErrcode(exchange(await unlinked.token(), code), 40014);
    set({ unlinkedErrcode: 48002 });
    await expectErrcode(exchange(await unlinked.token(), code), 48002);
    await expectErrcode(exchange(await linked.token(), code), 0);
  });

  test('› takes a code once: 40029, or 42022 when so set', async () => {
    const { token, jsCode } = newCompany();
    const [accessToken, code] = [await token(), jsCode()];
    await expectErrcode(exchange(accessToken, code), 0);
    await expectErrcode(exchange(accessToken, code), 40029);
    set({ usedCodeErrcode: 42022 });
    await expectErrcode(exchange(accessToken, code), 42022);
    await expectErrcode(exchange(accessToken, 'never-given'), 40029);
  });

  test('› takes a code for five minutes: 40029, or 42003 when so set', async () => {
    const { token, jsCode } = newCompany();
    const [accessToken, early, late] = [await token(), jsCode(), jsCode()];
    wecom.advanceMs(299_000);
    await expectErrcode(exchange(accessToken, early), 0);
    wecom.advanceMs(1000);
    await expectErrcode(exchange(accessToken, late), 40029);
    set({ expiredCodeErrcode: 42003 });
    await expectErrcode(exchange(accessToken, late), 42003);
  });

  test('› insists on exactly three query keys, keeps the code and notes the violation', async () => {
    const { token, jsCode } = newCompany();
    const [accessToken, js_code] = [await token(), jsCode()];
    const grant_type = 'authorization_code';
    const call = (params: Record<string, string>) =>
      get('miniprogram/jscode2session', { access_token: accessToken, ...params });
    await expectErrcode(call({ grant_type }), 41008);
    await expectErrcode(call({ js_code }), 40058);
    await expectErrcode(call({ js_code, grant_type: 'code' }), 40058);
    await expectErrcode(call({ js_code, grant_type, debug: '1' }), 40058);
    const injected = `${wecom.url}/cgi-bin/miniprogram/jscode2session?access_token=${accessToken}&js_code=x&access_token=y&grant_type=${grant_type}`;
    expect(await (await fetch(injected)).json()).toMatchObject({ errcode: 40058 });
    expect(wecom.violations).toEqual([
      'jscode2session: query key js_code missing',
      'jscode2session: query key grant_type missing',
      'jscode2session: grant_type is not authorization_code',
      'jscode2session: unexpected query key "debug"',
      'jscode2session: query key access_token repeated',
    ]);
    wecom.reset();
    await expectErrcode(exchange(accessToken, js_code), 0);
    expect(wecom.violations).toEqual([]);
  });

  test('› gives no code to a member that nobody added', () => {
    const { corpid } = newCompany();
    expect(() => wecom.createJsCode({ corpid, userid: 'nobody' })).toThrow('no member nobody');
  });
});

function decrypt(sessionKey: string, { encrypted_data, iv }: { encrypted_data: string; iv: string }): Body {
  const key = Buffer.from(sessionKey, 'base64');
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.from(iv, 'base64'));
  return bodyOf(JSON.parse(decipher.update(encrypted_data, 'base64', 'utf8') + decipher.final('utf8')));
}

describe('encryptUserData', () => {
  test('› opens with the session_key of the last exchange', async () => {
    const { corpid, person, token, jsCode } = newCompany();
    expect(() => wecom.encryptUserData(person, {})).toThrow('no session_key');
    const accessToken = await token();
    const first = String((await exchange(accessToken, jsCode()))['session_key']);
    const last = String((await exchange(accessToken, jsCode()))['session_key']);
    const sealed = wecom.encryptUserData({ corpid, userid: 'zhangsan' }, { mobile: '13800000000' });
    expect(last).not.toBe(first);
    expect(decrypt(last, sealed)).toEqual({
      corpid,
      userid: 'ZhangSan',
      mobile: '13800000000',
      watermark: {
        appid: 'wxtest0000000001',
        timestamp: Math.floor(Date.parse(wecom.state().now) / 1000),
      },
    });
  });

  test('› lets the test say otherwise and names a stranger as WeCom does', async () => {
    const { token } = newCompany();
    const stranger = { corpid: 'wwstranger000002', userid: 'mallory' };
    const { session_key, userid } = await exchange(await token(), wecom.createJsCode(stranger));
    const watermark = { appid: 'wxother', timestamp: 1 };
    const plain = decrypt(String(session_key), wecom.encryptUserData(stranger, { watermark, x: undefined }));
    expect(plain).toEqual({ corpid: '', userid, watermark });
  });
});

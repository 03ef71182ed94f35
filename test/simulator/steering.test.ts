import { describe, expect, onTestFinished, test } from 'vitest';
import { rawRequest } from '../raw-request.ts';
import { type Body, bodyOf, expectErrcode, get, wecom } from './client.ts';

async function post(verb: string, body: unknown): Promise<{ status: number; body: Body }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${wecom.url}/_simulator/${verb}`, { method: 'POST', body: text });
  return { status: response.status, body: bodyOf(await response.json()) };
}

async function steer(verb: string, body: unknown): Promise<Body> {
  const answer = await post(verb, body);
  expect(answer, verb).toMatchObject({ status: 200 });
  return answer.body;
}

describe('/_simulator/', () => {
  test('› is not there for a web page, whether it asks from another site or under another name', async () => {
    const verb = '/_simulator/reset';
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: 'evil.example' },
      { host: `evil.example:${new URL(wecom.url).port}` },
    ] as Record<string, string>[]) {
      for (const [method, path] of [
        ['POST', verb],
        ['GET', '/cgi-bin/gettoken?corpid=x&corpsecret=y'],
      ] as const) {
        const answer = await rawRequest(wecom.url, { method, path, headers });
        expect([answer.status, answer.text]).toEqual([403, '']);
      }
    }
    const { port } = new URL(wecom.url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
      expect((await rawRequest(wecom.url, { method: 'POST', path: verb, headers: { host } })).status).toBe(
        200,
      );
    }
  });

  test('› steers everything that tests can', async () => {
    onTestFinished(() => wecom.reset());
    const corpid = 'wwadmin000000001';
    const person = { corpid, userid: 'Li' };
    await steer('addCompany', { corpid, corpsecret: 's1', name: '公司' });
    await steer('addApp', { corpid, corpsecret: 's2', linked: false });
    await steer('updateCompany', { corpid, corpsecret: 's3' });
    await steer('addMember', { ...person, name: '李' });
    await steer('updateMember', { ...person, status: 2 });
    await steer('set', { gettokenMode: 'D', gettokenPerMinuteMax: null });
    const { js_code } = await steer('createJsCode', person);
    const { access_token } = await get('gettoken', { corpid, corpsecret: 's3' });
    const params = {
      access_token: String(access_token),
      js_code: String(js_code),
      grant_type: 'authorization_code',
    };
    expect(await get('miniprogram/jscode2session', params)).toMatchObject({ corpid, userid: 'Li' });
    expect(await steer('encryptUserData', { ...person, fields: {} })).toHaveProperty('encrypted_data');
    const member = { access_token: params.access_token, userid: 'li' };
    expect(await get('user/get', member)).toMatchObject({ errcode: 0, status: 2 });
    await steer('fault', { endpoint: 'user/get', kind: 'errcode', errcode: -1 });
    await expectErrcode(get('user/get', member), -1);
    await steer('clearFaults', {});
    await steer('hold', { endpoint: 'user/get', position: 'before' });
    const held = get('user/get', member);
    await steer('release', '');
    await expectErrcode(held, 0);
    await steer('dropTokens', { corpid });
    await expectErrcode(get('user/get', member), 40014);
    await steer('advanceMs', { ms: 1 });
    await steer('liftBan', {});
    expect(await steer('closeIdleSockets', { how: 'fin' })).toEqual({ closed: expect.any(Number) });
    const state = bodyOf(await (await fetch(`${wecom.url}/_simulator/state`)).json());
    expect(state).toMatchObject({ settings: { gettokenMode: 'D' } });
    expect(state['companies']).toContainEqual(expect.objectContaining({ corpid, name: '公司' }));
    expect(JSON.stringify(state)).not.toMatch(/"s[123]"/);
    await steer('reset', {});
    expect(wecom.state().settings.gettokenMode).toBe('A');
  });

  test.for([
    ['createJsCode', { corpid: 'ww1' }, 'at userid'],
    ['createJsCode', '{', 'JSON'],
    ['set', { gettokenMode: 'E' }, 'gettokenMode'],
    ['set', { gettokenmode: 'A' }, 'gettokenmode'],
    ['fault', { endpoint: 'gettoken', kind: 'explode' }, 'kind'],
    ['fault', { endpoint: 'gettoken', kind: 'cut', at: 'mid_body', effect: true }, 'effect'],
    ['addMember', { corpid: 'wwnobody', userid: 'x', name: 'x' }, 'no company wwnobody'],
    ['updateMember', { corpid: 'wwnobody', userid: 'x' }, 'no member x'],
    ['advanceMs', { ms: -1 }, 'ms'],
    ['reset', 'x'.repeat(70_000), 'body over'],
  ] as const)('› answers 400 and says why: %s %j', async ([verb, body, why]) => {
    const answer = await post(verb, body);
    expect(answer.status).toBe(400);
    expect(answer.body['error']).toContain(why);
  });

  test('› names its verbs to who asks for another', async () => {
    expect(await post('explode', {})).toMatchObject({ status: 404, body: { error: /createJsCode/ } });
    expect((await fetch(`${wecom.url}/_simulator/reset`)).status).toBe(405);
  });
});

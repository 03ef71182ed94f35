import { spawn } from 'node:child_process';
import { createDecipheriv } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { redisServerInstalled, startRedis } from '../simulator/redis.ts';
import type { Endpoint } from '../simulator/wecom/answer.ts';
import type { Call } from '../simulator/wecom/calls.ts';
import type { MemberInput } from '../simulator/wecom/directory.ts';
import type { FaultKind } from '../simulator/wecom/faults.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';

let wecom: Wecom;
let companies = 0;
const clients: http.Agent[] = [];

beforeAll(async () => {
  wecom = await startWecom({ appid: 'wxtest0000000001' });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await wecom.close();
});

type Body = Record<string, unknown>;

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null;
}

function bodyOf(value: unknown): Body {
  if (!isBody(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value;
}

const urlOf = (path: string, params: Record<string, string>) =>
  `${wecom.url}/cgi-bin/${path}?${new URLSearchParams(params).toString()}`;

async function get(path: string, params: Record<string, string>, init?: RequestInit): Promise<Body> {
  const response = await fetch(urlOf(path, params), init);
  expect(response.status).toBe(200);
  return bodyOf(await response.json());
}

/** gettoken without a look at status or body. */
const rawGettoken = (corpid: string, corpsecret: string, init?: RequestInit) =>
  fetch(urlOf('gettoken', { corpid, corpsecret }), init);

const exchange = (access_token: string, js_code: string, init?: RequestInit) =>
  get('miniprogram/jscode2session', { access_token, js_code, grant_type: 'authorization_code' }, init);

const userGet = (access_token: string, userid = 'ZhangSan') => get('user/get', { access_token, userid });

/** A response by node:http, for what fetch hides: chunks and the connection it came on. */
function open(url: string, agent?: http.Agent): Promise<{ res: http.IncomingMessage; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const req = http.get(url, agent ? { agent } : {}, (res) => resolve({ res, reused: req.reusedSocket }));
    req.on('error', reject);
  });
}

async function chunksOf(res: http.IncomingMessage): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  res.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(res, 'end');
  return chunks;
}

/** A company of the test's own with one member. */
function newCompany(member: Partial<MemberInput> = {}, linked = true) {
  companies += 1;
  const corpid = `ww${String(companies).padStart(16, '0')}`;
  const corpsecret = `secret-${companies}`;
  const person = { corpid, userid: 'ZhangSan' };
  wecom.addCompany({ corpid, corpsecret, linked });
  wecom.addMember({ ...person, name: '张三', ...member });
  const gettoken = () => get('gettoken', { corpid, corpsecret });
  const token = async () => String((await gettoken())['access_token']);
  const jsCode = () => wecom.createJsCode(person);
  return { corpid, corpsecret, person, gettoken, token, jsCode };
}

/** Turns switches for one test; others of this file never see them. */
function set(settings: Parameters<Wecom['set']>[0]): void {
  wecom.set(settings);
  onTestFinished(() => wecom.reset());
}

function fault(corpid: string, kind: FaultKind, endpoint: Endpoint = 'gettoken', times = 1): void {
  wecom.fault({ endpoint, corpid, times, ...kind });
  onTestFinished(() => wecom.clearFaults());
}

/** Resolves with the next finished call of the company. */
function nextCall(corpid: string): Promise<Call> {
  return new Promise((resolve) => {
    const stop = wecom.onCall((call) => {
      if (call.corpid !== corpid) return;
      stop();
      resolve(call);
    });
  });
}

async function expectErrcode(answer: Promise<Body>, errcode: number): Promise<Body> {
  const body = await answer;
  expect(body).toMatchObject({ errcode });
  return body;
}

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
  const response = await fetch(`${wecom.url}/cgi-bin/message/send`);
  expect([response.status, await response.text()]).toEqual([404, '']);
  expect(wecom.violations).toEqual(['unknown path /cgi-bin/message/send']);
  wecom.reset();
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

describe('Counters and log', () => {
  test('› count per endpoint and company, and log every finished call without secrets', async () => {
    wecom.reset();
    const one = newCompany();
    const other = newCompany();
    const accessToken = await one.token();
    const code = one.jsCode();
    await exchange(accessToken, code);
    await exchange(accessToken, code);
    await userGet(accessToken);
    await other.token();
    await get('gettoken', { corpid: 'wwnobody', corpsecret: 'x' });
    expect(wecom.counts(one.corpid)).toEqual({ gettoken: 1, jscode2session: 2, 'user/get': 1 });
    expect(wecom.counts()).toEqual({ gettoken: 3, jscode2session: 2, 'user/get': 1 });
    expect(
      wecom.calls.map(({ endpoint, corpid, errcode, outcome }) => [endpoint, corpid, errcode, outcome]),
    ).toEqual([
      ['gettoken', one.corpid, 0, 'answered'],
      ['jscode2session', one.corpid, 0, 'answered'],
      ['jscode2session', one.corpid, 40029, 'answered'],
      ['user/get', one.corpid, 0, 'answered'],
      ['gettoken', other.corpid, 0, 'answered'],
      ['gettoken', null, 40013, 'answered'],
    ]);
    const told = JSON.stringify([wecom.calls, wecom.state()]);
    for (const secret of [accessToken, code, one.corpsecret, other.corpsecret])
      expect(told).not.toContain(secret);
    wecom.reset();
    expect([wecom.counts().gettoken, wecom.calls.length]).toEqual([0, 0]);
  });

  test('› log a client that hung up, and faults under their names', async () => {
    const { corpid } = newCompany();
    const gate = wecom.hold({ endpoint: 'gettoken', corpid });
    const client = new AbortController();
    const logged = nextCall(corpid);
    const gone = expect(rawGettoken(corpid, 'x', { signal: client.signal })).rejects.toThrow('aborted');
    await gate.arrived(1);
    client.abort();
    await gone;
    expect(await logged).toMatchObject({ endpoint: 'gettoken', errcode: null, outcome: 'client_gone' });
    gate.release();

    const other = newCompany();
    fault(other.corpid, { kind: 'cut', at: 'before' });
    const cut = nextCall(other.corpid);
    await expect(other.gettoken()).rejects.toThrow('fetch failed');
    expect(await cut).toMatchObject({ errcode: null, outcome: 'cut' });
  });
});

test('reset › takes back faults, gates, switches and violations, and keeps companies and tokens', async () => {
  const { corpid, gettoken, token } = newCompany();
  const accessToken = await token();
  wecom.fault({ endpoint: 'gettoken', kind: 'errcode', errcode: -1 });
  wecom.set({ gettokenMode: 'C', gettokenPerMinuteMax: 0 });
  await get('gettoken', { corpid, corpsecret: 'x', debug: '1' });
  const gate = wecom.hold({ endpoint: 'gettoken', corpid });
  const held = gettoken();
  await gate.arrived(1);
  wecom.reset();
  expect(await held).toMatchObject({ errcode: 0, access_token: accessToken });
  expect(await gettoken()).toMatchObject({ errcode: 0, access_token: accessToken });
  expect(wecom.violations).toEqual([]);
});

test('onSecret › is told every token, code and session_key', async () => {
  const secrets: string[] = [];
  const own = await startWecom({ onSecret: (secret) => secrets.push(secret) });
  onTestFinished(() => own.close());
  own.addCompany({ corpid: 'ww1', corpsecret: 's' });
  const call = async (path: string) => bodyOf(await (await fetch(`${own.url}/cgi-bin/${path}`)).json());
  const { access_token } = await call('gettoken?corpid=ww1&corpsecret=s');
  const code = own.createJsCode({ corpid: 'wwother', userid: 'x' });
  const query = `access_token=${String(access_token)}&js_code=${code}&grant_type=authorization_code`;
  const { session_key } = await call(`miniprogram/jscode2session?${query}`);
  expect(secrets).toEqual([access_token, code, session_key]);
});

describe('A gate', () => {
  test('› holds calls before their effect and lets them on in order', async () => {
    const { corpid, gettoken } = newCompany();
    const gate = wecom.hold({ endpoint: 'gettoken', corpid });
    onTestFinished(() => gate.release());
    const answers = [gettoken(), gettoken(), gettoken()];
    await gate.arrived(3);
    expect(gate.waiting()).toBe(3);
    expect(wecom.counts(corpid).gettoken).toBe(3);
    expect(wecom.state().companies.find((company) => company.corpid === corpid)?.liveTokens).toBe(0);
    gate.release(1);
    expect(await Promise.race(answers)).toMatchObject({ errcode: 0 });
    expect(gate.waiting()).toBe(2);
    await expectErrcode(newCompany().gettoken(), 0);
    wecom.release('gettoken');
    await Promise.all(answers);
    await expectErrcode(gettoken(), 0);
  });

  test('› holds an answer after its effect', async () => {
    const { corpid, token, jsCode } = newCompany();
    const [accessToken, code] = [await token(), jsCode()];
    const gate = wecom.hold({ endpoint: 'jscode2session', corpid }, 'after');
    onTestFinished(() => gate.release());
    const first = exchange(accessToken, code);
    await gate.arrived(1);
    const second = exchange(accessToken, code);
    await gate.arrived(2);
    gate.release();
    await expectErrcode(first, 0);
    await expectErrcode(second, 40029);
  });
});

describe('A fault', () => {
  test('› answers any errcode n times, of one company or of all', async () => {
    const { corpid, gettoken } = newCompany();
    fault(corpid, { kind: 'errcode', errcode: 45033 }, 'gettoken', 2);
    expect((await expectErrcode(gettoken(), 45033))['errmsg']).toMatch(
      /^api concurrent out of limit, hint: /,
    );
    await expectErrcode(newCompany().gettoken(), 0);
    await expectErrcode(gettoken(), 45033);
    await expectErrcode(gettoken(), 0);
    wecom.fault({ endpoint: 'gettoken', kind: 'errcode', errcode: -1 });
    await expectErrcode(gettoken(), -1);
    await expectErrcode(newCompany().gettoken(), -1);
    wecom.clearFaults('gettoken');
    await expectErrcode(gettoken(), 0);
  });

  test('› answers an HTML page with an HTTP status', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'html', status: 502 });
    const response = await rawGettoken(corpid, corpsecret);
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html']);
    expect(await response.text()).toContain('<html>');
  });

  test.for(['{}', 'null', '[]', ''])('› answers the body %j', async (body) => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'body', body });
    const response = await rawGettoken(corpid, corpsecret);
    expect([response.status, await response.text()]).toEqual([200, body]);
  });

  test('› claims an encoding that the body does not have', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'body', body: '{}', headers: { 'Content-Encoding': 'gzip' } });
    await expect((await rawGettoken(corpid, corpsecret)).text()).rejects.toThrow('terminated');
  });

  test('› cuts the JSON short', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'truncated' });
    const text = await (await rawGettoken(corpid, corpsecret)).text();
    expect(text).toMatch(/^\{"errcode":0,/);
    expect(() => bodyOf(JSON.parse(text))).toThrow(SyntaxError);
  });

  test.for([
    { expires_in: '7200' },
    { expires_in: 0 },
    { expires_in: -1 },
    { expires_in: 1e9 },
    { access_token: 'with blanks in it' },
    { access_token: 'x'.repeat(10_240) },
    { access_token: null },
  ])('› replaces fields of the real answer', async (fields) => {
    const { corpid, gettoken } = newCompany();
    fault(corpid, { kind: 'fields', fields });
    expect(await gettoken()).toEqual({
      errcode: 0,
      errmsg: 'ok',
      access_token: expect.anything(),
      expires_in: 7200,
      ...fields,
    });
  });

  test('› leaves out a field of the real answer', async () => {
    const { corpid, token } = newCompany();
    fault(corpid, { kind: 'fields', fields: { status: undefined } }, 'user/get');
    expect(await userGet(await token())).not.toHaveProperty('status');
  });

  test('› delays the answer, not the effect, by a number or a function', async () => {
    const { corpid, token, jsCode } = newCompany();
    const [accessToken, code] = [await token(), jsCode()];
    fault(corpid, { kind: 'latency', ms: 60_000 }, 'jscode2session');
    const logged = nextCall(corpid);
    const client = new AbortController();
    const effect = wecom.hold({ endpoint: 'jscode2session', corpid }, 'after');
    const slow = expect(exchange(accessToken, code, { signal: client.signal })).rejects.toThrow('aborted');
    await effect.arrived(1);
    effect.release();
    await expectErrcode(exchange(accessToken, code), 40029);
    client.abort();
    await slow;
    expect(await logged).toMatchObject({ errcode: 40029, outcome: 'answered' });

    let drawn = 0;
    fault(corpid, { kind: 'latency', ms: () => (drawn = 40) }, 'user/get');
    fault(corpid, { kind: 'errcode', errcode: -1 }, 'user/get');
    const startedMs = performance.now();
    await expectErrcode(get('user/get', { access_token: accessToken, userid: 'ZhangSan' }), -1);
    expect(drawn).toBe(40);
    expect(performance.now() - startedMs).toBeGreaterThan(38);
  });

  test.for([true, false])('› never answers; the code is spent: %s', async (effect) => {
    const { corpid, token, jsCode } = newCompany();
    const [accessToken, code] = [await token(), jsCode()];
    fault(corpid, { kind: 'hang', effect }, 'jscode2session');
    const logged = nextCall(corpid);
    const signal = AbortSignal.timeout(50);
    await expect(exchange(accessToken, code, { signal })).rejects.toThrow('timeout');
    expect(await logged).toMatchObject({ errcode: null, outcome: 'hang' });
    await expectErrcode(exchange(accessToken, code), effect ? 40029 : 0);
  });

  test('› stalls after the headers', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'stall' });
    const client = new AbortController();
    const response = await rawGettoken(corpid, corpsecret, { signal: client.signal });
    expect(response.headers.get('error-code')).toBe('0');
    const body = expect(response.text()).rejects.toThrow('aborted');
    client.abort();
    await body;
  });

  test('› drips one byte at a time', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'drip', ms: 1 });
    const { res } = await open(urlOf('gettoken', { corpid, corpsecret }));
    const chunks = await chunksOf(res);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ errcode: 0 });
    expect(chunks.length).toBeGreaterThan(20);
  });

  test.for(['rst', 'fin'] as const)('› breaks the connection before the answer by %s', async (how) => {
    const { corpid, gettoken } = newCompany();
    fault(corpid, { kind: 'cut', at: 'before', how });
    const code = how === 'rst' ? 'ECONNRESET' : 'UND_ERR_SOCKET';
    await expect(gettoken()).rejects.toMatchObject({ cause: { code } });
    expect(wecom.counts(corpid).gettoken).toBe(1);
  });

  test.for(['rst', 'fin'] as const)(
    '› breaks the connection in the middle of the body by %s',
    async (how) => {
      const { corpid, token, jsCode } = newCompany();
      const [accessToken, code] = [await token(), jsCode()];
      fault(corpid, { kind: 'cut', at: 'mid_body', how }, 'jscode2session');
      await expect(exchange(accessToken, code)).rejects.toThrow('terminated');
      await expectErrcode(exchange(accessToken, code), 40029);
    },
  );

  test('› sends a body without end', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'endless' });
    const logged = nextCall(corpid);
    const response = await rawGettoken(corpid, corpsecret);
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > 1_000_000) break;
    }
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(await logged).toMatchObject({ errcode: null, outcome: 'endless' });
  });

  test('› redirects, and notices who follows', async () => {
    const { corpid, corpsecret } = newCompany();
    fault(corpid, { kind: 'redirect' }, 'gettoken', 2);
    expect((await rawGettoken(corpid, corpsecret, { redirect: 'manual' })).status).toBe(302);
    expect(wecom.violations).toEqual([]);
    expect((await rawGettoken(corpid, corpsecret)).status).toBe(404);
    expect(wecom.violations).toEqual(['unknown path /redirected']);
    wecom.reset();
  });
});

/** A client with one keep-alive connection, idle after a first call; `call` tells whether it was reused. */
async function openIdle() {
  const own = await startWecom();
  onTestFinished(() => own.close());
  own.addCompany({ corpid: 'ww1', corpsecret: 's' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  clients.push(agent);
  async function call(): Promise<boolean> {
    const { res, reused } = await open(`${own.url}/cgi-bin/gettoken?corpid=ww1&corpsecret=s`, agent);
    await chunksOf(res);
    // The agent takes the connection back in the next turn.
    await new Promise(setImmediate);
    return reused;
  }
  await call();
  return { own, call };
}

describe('Idle keep-alive connections', () => {
  test('› are reused while nothing happens to them', async () => {
    const { call } = await openIdle();
    expect(await call()).toBe(true);
  });

  test.for(['fin', 'rst'] as const)(
    '› break the next reuse after %s, which then never arrives',
    async (how) => {
      const { own, call } = await openIdle();
      expect(own.closeIdleSockets(how)).toBe(1);
      // In the same turn: the client has had no chance to notice the FIN, like an instance that was frozen.
      await expect(call()).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(own.counts().gettoken).toBe(1);
      expect(own.calls.map(({ outcome }) => outcome)).toEqual(
        how === 'rst' ? ['answered', 'dead_socket'] : ['answered'],
      );
      expect(await call()).toBe(false);
      expect(own.counts().gettoken).toBe(2);
    },
  );
});

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

test('2,000 calls at once › are all answered, with one token in mode A', { timeout: 30_000 }, async () => {
  const { corpid, corpsecret } = newCompany();
  const gate = wecom.hold({ endpoint: 'gettoken', corpid });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2000 });
  clients.push(agent);
  const call = async () => {
    const { res } = await open(urlOf('gettoken', { corpid, corpsecret }), agent);
    return bodyOf(JSON.parse(Buffer.concat(await chunksOf(res)).toString()))['access_token'];
  };
  const answers = Array.from({ length: 2000 }, call);
  await gate.arrived(2000);
  gate.release();
  expect(new Set(await Promise.all(answers)).size).toBe(1);
  expect(wecom.counts(corpid).gettoken).toBe(2000);
});

test('close › ends calls in flight, frees the port and may be called twice', async () => {
  const short = await startWecom();
  short.addCompany({ corpid: 'ww1', corpsecret: 's' });
  const gate = short.hold({ endpoint: 'gettoken' });
  const held = expect(fetch(`${short.url}/cgi-bin/gettoken?corpid=ww1&corpsecret=s`)).rejects.toThrow(
    'fetch failed',
  );
  await gate.arrived(1);
  await short.close();
  await held;
  await short.close();
  const again = await startWecom({ port: Number(new URL(short.url).port) });
  await again.close();
});

test('npm run simulator › prints where it is and how to go on, and ends on SIGTERM', async () => {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'simulator/main.ts', '--port', '0']);
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  while (!printed.includes('Ctrl-C')) await once(child.stdout, 'data');
  const [, url = ''] = /^WeCom simulator: (\S+)$/m.exec(printed) ?? [];
  const [, corpid = '', corpsecret = ''] = /WECOM_CORPS=([^:]+):([^,]+),/.exec(printed) ?? [];
  const response = await fetch(`${url}/cgi-bin/gettoken?corpid=${corpid}&corpsecret=${corpsecret}`);
  expect(await response.json()).toMatchObject({ errcode: 0 });
  const [, body = '', verb = ''] = /curl -d '(.+)' (\S+)/.exec(printed) ?? [];
  expect(await (await fetch(verb, { method: 'POST', body })).json()).toHaveProperty('js_code');
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

describe('startRedis', () => {
  test.for(['embedded', 'server'] as const)(
    '› kind %s › answers, is emptied and ends',
    async (kind, { skip }) => {
      if (kind === 'server' && !redisServerInstalled()) skip('redis-server is not installed');
      const redis = await startRedis({ kind });
      expect(redis.kind).toBe(kind);
      const client = new Redis(redis.url, { retryStrategy: () => null });
      await client.set('k', 'v');
      expect(await client.dbsize()).toBe(1);
      await redis.flush();
      expect(await client.dbsize()).toBe(0);
      const ended = once(client, 'end');
      await redis.stop();
      await redis.stop();
      await ended;
      if (redis.pid !== undefined) {
        const { pid } = redis;
        expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      }
    },
  );

  test('› kind auto › uses REDIS_URL and never empties it', async () => {
    const before = process.env['REDIS_URL'];
    process.env['REDIS_URL'] = 'redis://127.0.0.1:1';
    onTestFinished(() => {
      if (before === undefined) delete process.env['REDIS_URL'];
      else process.env['REDIS_URL'] = before;
    });
    const redis = await startRedis();
    expect(redis).toMatchObject({ url: 'redis://127.0.0.1:1', kind: 'given' });
    await expect(redis.flush()).rejects.toThrow('not ours to empty');
    await redis.stop();
  });
});

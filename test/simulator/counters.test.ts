import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startWecom } from '../../simulator/wecom/server.ts';
import {
  bodyOf,
  chunksOf,
  exchange,
  expectErrcode,
  fault,
  get,
  newCompany,
  nextCall,
  open,
  rawGettoken,
  urlOf,
  userGet,
  wecom,
} from './client.ts';

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

test('2,000 calls at once › are all answered, with one token in mode A', async () => {
  const { corpid, corpsecret } = newCompany();
  const gate = wecom.hold({ endpoint: 'gettoken', corpid });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2000 });
  onTestFinished(() => agent.destroy());
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

test('npm run simulator, in Chinese › prints where it is and how to go on, and ends on SIGTERM', async () => {
  const child = spawn(process.execPath, [
    'scripts/run.mjs',
    'simulator/main.ts',
    '--port',
    '0',
    '--lang',
    'zh',
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  while (!printed.includes('Ctrl-C')) await once(child.stdout, 'data');
  const [, url = ''] = /^企业微信模拟器：(\S+)$/m.exec(printed) ?? [];
  const [, corpid = '', corpsecret = ''] = /WECOM_CORPS=([^:]+):([^,]+),/.exec(printed) ?? [];
  const response = await fetch(`${url}/cgi-bin/gettoken?corpid=${corpid}&corpsecret=${corpsecret}`);
  expect(await response.json()).toMatchObject({ errcode: 0 });
  const [, body = '', verb = ''] = /curl -d '(.+)' (\S+)/.exec(printed) ?? [];
  expect(await (await fetch(verb, { method: 'POST', body })).json()).toHaveProperty('js_code');
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

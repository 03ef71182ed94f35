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
  onTestFinished(() => agent.destroy());
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

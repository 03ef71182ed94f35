import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../simulator/redis.ts';
import type { Endpoint } from '../simulator/wecom/answer.ts';
import type { FaultKind } from '../simulator/wecom/faults.ts';
import {
  corpid,
  type Login,
  loginsAtOnce,
  quickRedis,
  realRedis,
  secret,
  startWorld,
  type World,
} from './world.ts';

/** The whole login may take 8 s, whatever is broken. */
const msMax = 8000 + 5000;

async function tokenRecord(world: World) {
  const entry = (await world.redisContents()).find(({ key }) => key.endsWith(':tok'));
  return entry ?? { key: '', fields: {} };
}

async function endPauses(world: World): Promise<void> {
  for (const { key } of await world.redisContents()) {
    if (key.endsWith(':neg')) await world.redisCommand('DEL', key);
  }
}

describe('WeCom in trouble', () => {
  const rst = { kind: 'cut', how: 'rst' } as const;
  const fin = { kind: 'cut', how: 'fin' } as const;
  const faults: Record<string, FaultKind> = {
    'no answer': { kind: 'hang', effect: true },
    'headers, then nothing': { kind: 'stall' },
    'one byte at a time': { kind: 'drip', ms: 200 },
    'RST before the answer': { ...rst, at: 'before' },
    'FIN before the answer': { ...fin, at: 'before' },
    'RST in the body': { ...rst, at: 'mid_body' },
    'FIN in the body': { ...fin, at: 'mid_body' },
    'half a JSON': { kind: 'truncated' },
    '502 in HTML': { kind: 'html', status: 502 },
    '200 in HTML': { kind: 'html', status: 200 },
    'an empty object': { kind: 'body', body: '{}' },
    null: { kind: 'body', body: 'null' },
    'a list': { kind: 'body', body: '[]' },
    'nothing at all': { kind: 'body', body: '' },
    'not gzip': { kind: 'body', body: 'x', headers: { 'Content-Encoding': 'gzip' } },
    'errcode as text': { kind: 'fields', fields: { errcode: '0' } },
    'an endless body': { kind: 'endless' },
    'a redirect': { kind: 'redirect' },
  };
  const fields = (changes: Record<string, unknown>): FaultKind => ({ kind: 'fields', fields: changes });
  const gettokenOnly: Record<string, FaultKind> = {
    'expires_in as text': fields({ expires_in: '7200' }),
    'expires_in 0': fields({ expires_in: 0 }),
    'expires_in -1': fields({ expires_in: -1 }),
    'expires_in 1e9': fields({ expires_in: 1e9 }),
    'no expires_in': fields({ expires_in: undefined }),
    'no token': fields({ access_token: undefined }),
    'a token of 10 KB': fields({ access_token: 'x'.repeat(10_240) }),
    'a token with a blank': fields({ access_token: 'x y' }),
  };
  const perEndpoint: Record<Endpoint, Record<string, FaultKind>> = {
    gettoken: { ...faults, ...gettokenOnly },
    jscode2session: faults,
    // Its fields are all optional, so an empty object is a member without a name.
    'user/get': Object.fromEntries(Object.entries(faults).filter(([name]) => name !== 'an empty object')),
  };

  test.each(Object.entries(perEndpoint) as [Endpoint, Record<string, FaultKind>][])(
    'POST /login › answers 503 in time for every broken answer of %s, and 200 when it is whole again',
    async (endpoint, kinds) => {
      const world = await startWorld(quickRedis);
      // A company for each fault, so that all can happen in one process at the same time.
      const companies = Object.entries(kinds).map(([name, kind], i) => {
        const id = `wwfault${i}`;
        const corpsecret = secret(`corpsecret-${id}-of-this-test`);
        world.wecom.addCompany({ corpid: id, corpsecret });
        world.wecom.addMember({ corpid: id, userid: 'ZhangSan', name: '张三' });
        world.wecom.fault({ endpoint, corpid: id, ...kind });
        return { id, corpsecret, name };
      });
      const corps = companies.map(({ id, corpsecret }) => `${id}:${corpsecret}`).join(',');
      const login = await world.startLogin({ WECOM_CORPS: corps });
      const start = performance.now();
      const outcomes = await Promise.all(
        companies.map(async ({ id, name }) => {
          const answer = await login.login({ js_code: world.jsCode('ZhangSan', id), corpid: id });
          const { jscode2session } = world.wecom.counts(id);
          return [name, answer.status, answer.body['error'], jscode2session];
        }),
      );
      expect(performance.now() - start).toBeLessThan(msMax);
      // A js_code that may be spent is not sent again; only a connection that had served before and breaks without
      // a byte of an answer is taken for one that died unnoticed.
      const sent = (name: string) => {
        if (endpoint === 'gettoken') return 0;
        return name.endsWith('before the answer')
          ? expect.toSatisfy((calls) => calls === 1 || calls === 2)
          : 1;
      };
      expect(outcomes).toEqual(
        companies.map(({ name }) => [name, 503, 'temporarily_unavailable', sent(name)]),
      );
      expect(world.wecom.violations).toEqual([]);

      world.wecom.clearFaults();
      await endPauses(world);
      const healed = companies.map(({ id }) => loginsAtOnce(world, [login], 1, id));
      expect(await Promise.all(healed)).toEqual(companies.map(() => ({ 200: 1 })));
      expect(login.logged('crashed')).toEqual([]);
    },
  );

  test.each(['fin', 'rst'] as const)(
    'POST /login › does not show members that idle connections had died (%s)',
    async (how) => {
      const world = await startWorld(quickRedis);
      const login = await world.startLogin();
      for (let i = 0; i < 3; i += 1) {
        expect(await loginsAtOnce(world, [login], 20)).toEqual({ 200: 20 });
        expect(world.wecom.closeIdleSockets(how)).toBeGreaterThan(0);
      }
      expect(await loginsAtOnce(world, [login], 20)).toEqual({ 200: 20 });
      expect(world.wecom.counts().gettoken).toBe(1);
    },
  );
});

describe('A process that holds the lease', () => {
  /** A process that has called gettoken and now waits for the answer; the others wait for it. */
  async function holder() {
    const world = await startWorld(quickRedis);
    world.wecom.set({ gettokenMode: 'C' });
    const first = await world.startLogin();
    const other = await world.startLogin();
    const gate = world.wecom.hold({ endpoint: 'gettoken' }, 'after');
    const itsAnswer = loginsAtOnce(world, [first], 1).catch(() => ({}));
    await gate.arrived(1);
    return { world, first, other, gate, itsAnswer };
  }

  test('and dies or freezes costs the others the lease and one gettoken, and cannot put its older token back', async () => {
    async function dies() {
      const { world, first, other, gate } = await holder();
      first.process.kill('SIGKILL');
      gate.release();
      expect(await loginsAtOnce(world, [other], 50)).toEqual({ 200: 50 });
      expect(world.wecom.counts().gettoken).toBe(2);
    }

    async function freezes() {
      const { world, first, other, gate, itsAnswer } = await holder();
      first.process.kill('SIGSTOP');
      gate.release();
      expect(await loginsAtOnce(world, [other], 50)).toEqual({ 200: 50 });
      const { fields } = await tokenRecord(world);
      first.process.kill('SIGCONT');
      expect(await first.firstLogged('token_lease_lost')).toMatchObject({ level: 'warn', corpid });
      await itsAnswer;
      expect((await tokenRecord(world)).fields).toEqual(fields);
      expect(world.wecom.counts().gettoken).toBe(2);
      expect(await loginsAtOnce(world, [first, other], 20)).toEqual({ 200: 20 });
      expect(world.wecom.counts().gettoken).toBe(2);
    }

    await Promise.all([dies(), freezes()]);
  });
});

describe('Redis in trouble', () => {
  const foreign = (fields: Record<string, string>) => async (world: World) => {
    const { key } = await tokenRecord(world);
    for (const [field, value] of Object.entries(fields)) await world.redisCommand('HSET', key, field, value);
  };
  const poisons: Record<string, (world: World) => Promise<unknown>> = {
    'a foreign type': async (world) => world.redisCommand('SET', (await tokenRecord(world)).key, 'x'),
    'a token that does not open': foreign({ c: 'Z2FyYmFnZQ' }),
    'a token sealed for another place': foreign({ c: 'x'.repeat(400) }),
    'a generation of another version': foreign({ g: 'v2' }),
    'no token at all': async (world) => world.redisCommand('HDEL', (await tokenRecord(world)).key, 'c'),
    'no end': async (world) => world.redisCommand('PERSIST', (await tokenRecord(world)).key),
  };

  test.each(Object.entries(poisons))('POST /login › mends a record that holds %s', async (what, poison) => {
    const world = await startWorld(quickRedis);
    expect(await loginsAtOnce(world, [await world.startLogin()], 1)).toEqual({ 200: 1 });
    await poison(world);
    const fresh = await Promise.all([world.startLogin(), world.startLogin()]);
    expect(await loginsAtOnce(world, fresh, 30)).toEqual({ 200: 30 });
    expect(world.wecom.counts().gettoken).toBe(what.includes('generation') ? 1 : 2);
    expect(await loginsAtOnce(world, [await world.startLogin()], 5)).toEqual({ 200: 5 });
    expect(world.wecom.counts().gettoken).toBe(what.includes('generation') ? 1 : 2);
  });

  test('POST /login › fetches one more after each loss of all records', async () => {
    const world = await startWorld(quickRedis);
    for (let flushes = 0; flushes < 4; flushes += 1) {
      await world.redis.flush();
      const fresh = await Promise.all([world.startLogin(), world.startLogin()]);
      expect(await loginsAtOnce(world, fresh, 20)).toEqual({ 200: 20 });
      expect(world.wecom.counts().gettoken).toBe(flushes + 1);
    }
  });

  test('POST /login › answers 503 when what answers at REDIS_URL is not Redis', async () => {
    const world = await startWorld(quickRedis);
    const login = await world.startLogin({ REDIS_URL: world.wecom.url.replace('http:', 'redis:') });
    expect(await loginsAtOnce(world, [login], 20)).toEqual({ 503: 20 });
    expect(world.wecom.counts().gettoken).toBe(0);
  });

  describe.skipIf(!realRedis)('on a redis-server', () => {
    /** A TCP relay, so that a Redis can be replaced behind its address. */
    async function relayTo(url: string) {
      let target = Number(new URL(url).port);
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        const onward = connect(target, '127.0.0.1');
        for (const [from, to] of [
          [socket, onward],
          [onward, socket],
        ] as const) {
          sockets.add(from);
          from
            .on('error', () => {})
            .on('close', () => {
              sockets.delete(from);
              to.destroy();
            });
          from.pipe(to);
        }
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : 0;
      return {
        url: `redis://127.0.0.1:${port}`,
        to: (next: string) => (target = Number(new URL(next).port)),
      };
    }

    /** A warm process, a fresh one without a token, and one member logged in. */
    async function running(redisUrl?: string) {
      const world = await startWorld({ redis: 'server' });
      const overrides = redisUrl === undefined ? {} : { REDIS_URL: redisUrl };
      const [warm, fresh] = await Promise.all([world.startLogin(overrides), world.startLogin(overrides)]);
      const { body } = await warm.login({ js_code: world.jsCode() });
      return { world, warm, fresh, sessionToken: body['session_token'] };
    }

    async function all503(world: World, functions: Login[]): Promise<void> {
      const before = world.wecom.counts().gettoken;
      const start = performance.now();
      for (let i = 0; i < 2; i += 1) expect(await loginsAtOnce(world, functions, 20)).toEqual({ 503: 20 });
      expect(performance.now() - start).toBeLessThan(2 * msMax);
      expect(world.wecom.counts().gettoken).toBe(before);
      for (const { process, logged } of functions) {
        expect(process.exitCode).toBeNull();
        expect(logged('crashed')).toEqual([]);
        expect(logged('redis_failed').length).toBeGreaterThan(0);
      }
    }

    /** Redis is whole again; a process notices within a second, so the first answers do not count. */
    async function recovers(world: World, functions: Login[]): Promise<void> {
      for (const login of functions) {
        while ((await login.login({ js_code: world.jsCode() })).status !== 200);
      }
      expect(await loginsAtOnce(world, functions, 20)).toEqual({ 200: 20 });
    }

    test('a killed one › 503, no gettoken, one more when an empty one stands in its place', async () => {
      const world = await startWorld({ redis: 'server' });
      const relay = await relayTo(world.redis.url);
      const functions = await Promise.all([1, 2].map(() => world.startLogin({ REDIS_URL: relay.url })));
      await loginsAtOnce(world, functions, 2);
      await world.redis.stop();
      await all503(world, functions);
      const next = await startRedis({ kind: 'server' });
      onTestFinished(() => next.stop());
      relay.to(next.url);
      await recovers(world, functions);
      // The two still had the token; a fresh process finds none.
      expect(world.wecom.counts().gettoken).toBe(1);
      await recovers(world, [await world.startLogin({ REDIS_URL: relay.url })]);
      expect(world.wecom.counts().gettoken).toBe(2);
    });

    test('a frozen one › 503, no gettoken, and all is well when it thaws', async () => {
      const { world, warm, fresh } = await running();
      await loginsAtOnce(world, [fresh], 1);
      const pid = world.redis.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      onTestFinished(() => void process.kill(pid, 'SIGCONT'));
      await all503(world, [warm, fresh, await world.startLogin()]);
      process.kill(pid, 'SIGCONT');
      await recovers(world, [warm, fresh]);
      expect(world.wecom.counts().gettoken).toBe(1);
    });

    const command = (world: World, text: string) => {
      const [name = '', ...args] = text.split(' ');
      return world.redisCommand(name, ...args);
    };

    test.each([
      ['full', 'out_of_memory', 'CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
      ['read-only', 'read_only', 'REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE'],
      ['paused', 'timeout', 'CLIENT PAUSE 600000 WRITE', 'CLIENT UNPAUSE'],
      ['script-less', 'no_permission', 'ACL SETUSER default -@scripting', 'ACL SETUSER default +@all'],
    ])('a %s one › 503 for logins (%s), sessions go on, no gettoken', async (_, reason, breakIt, mendIt) => {
      const { world, warm, fresh, sessionToken } = await running();
      await command(world, breakIt);
      await all503(world, [warm, fresh]);
      expect(warm.logged('redis_failed')[0]).toMatchObject({ level: 'error', reason });
      if (reason !== 'timeout') {
        const session = await warm.withSession('GET', '/session', sessionToken);
        expect(session.status).toBe(200);
      }
      await command(world, mendIt);
      await recovers(world, [warm, fresh]);
      expect(world.wecom.counts().gettoken).toBe(1);
    });

    test('one with another password › 503 with the reason auth, also when it was changed under us', async () => {
      const { world, warm, fresh } = await running();
      await world.redisCommand('CONFIG', 'SET', 'requirepass', secret('the-password-of-tomorrow'));
      const [, , port] = world.redis.url.split(':');
      const wrong = await world.startLogin({
        REDIS_URL: `redis://:${secret('the-wrong-password')}@127.0.0.1:${port}`,
      });
      await all503(world, [fresh, wrong]);
      for (const { logged } of [fresh, wrong]) {
        expect(logged('redis_failed')[0]).toMatchObject({ level: 'error', reason: 'auth' });
      }
      // The connection that was open before stays authenticated.
      expect(await loginsAtOnce(world, [warm], 5)).toEqual({ 200: 5 });
      const right = await world.startLogin({
        REDIS_URL: `redis://:the-password-of-tomorrow@127.0.0.1:${port}`,
      });
      await recovers(world, [right]);
      expect(world.wecom.counts().gettoken).toBe(1);
    });
  });
});

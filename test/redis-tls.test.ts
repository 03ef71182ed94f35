// rediss:// to a server whose certificate is of an authority of its own, as TencentDB's is.
import { describe, expect, test } from 'vitest';
import { expectError } from './expect-answer.ts';
import { behindTls, certificate } from './tls-front.ts';
import { quickRedis, startWorld } from './world.ts';

const REDIS_CA = certificate('valid');

/** The certificate names `localhost`, and it alone. */
async function worldBehindTls() {
  const world = await startWorld(quickRedis);
  return { world, port: await behindTls(world.redis.url, 'valid') };
}

describe('the name that Redis is asked by', () => {
  test.each<[string, Record<string, string>, unknown]>([
    ['localhost', { REDIS_CA }, 'localhost'],
    ['127.0.0.1', { REDIS_CA, REDIS_TLS_NAME: 'localhost' }, 'localhost'],
    ['127.0.0.1', { REDIS_CA }, false],
  ])('[R23] POST /login › is sent to a router of names, at %s with %j', async (host, variables, name) => {
    const world = await startWorld(quickRedis);
    const asked: unknown[] = [];
    const port = await behindTls(world.redis.url, 'valid', (given) => asked.push(given));
    const login = await world.startLogin({ REDIS_URL: `rediss://${host}:${port}`, ...variables });
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    expect(asked).toEqual([name]);
  });
});

describe('the certificate of Redis', () => {
  test.each<[string, Record<string, string>]>([
    ['127.0.0.1', { REDIS_CA }],
    ['127.0.0.1', { REDIS_CA, REDIS_TLS_NAME: 'localhost' }],
    ['[::ffff:127.0.0.1]', { REDIS_CA }],
    ['localhost', { REDIS_CA }],
    // Without REDIS_CA nothing is ever left unchecked: here the authority is one that everybody knows.
    ['127.0.0.1', { REDIS_TLS_NAME: 'localhost', NODE_EXTRA_CA_CERTS: REDIS_CA }],
  ])('[R23] POST /login › takes that of the authority at %s with %j', async (host, variables) => {
    const { world, port } = await worldBehindTls();
    const login = await world.startLogin({ REDIS_URL: `rediss://${host}:${port}`, ...variables });
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['127.0.0.1', {}, /self_signed/],
    ['127.0.0.1', { REDIS_CA: certificate('stranger') }, /self_signed|unable_to_verify/],
    ['127.0.0.1', { REDIS_CA, REDIS_TLS_NAME: 'redis.example' }, /altname_invalid/],
    ['127.0.0.1', { REDIS_TLS_NAME: 'localhost' }, /self_signed/],
    ['127.0.0.1', { NODE_EXTRA_CA_CERTS: REDIS_CA }, /altname_invalid/],
    ['localhost', { REDIS_CA, REDIS_TLS_NAME: 'redis.example' }, /altname_invalid/],
  ])('[R23] POST /login › answers 503 at %s with %j', async (host, variables, reason) => {
    const { world, port } = await worldBehindTls();
    const login = await world.startLogin({ REDIS_URL: `rediss://${host}:${port}`, ...variables });
    expectError(await login.login({ js_code: world.jsCode() }), 'temporarily_unavailable');
    expect(login.logged('redis_failed')[0]).toMatchObject({ reason: expect.stringMatching(reason) });
    expect(world.wecom.counts().gettoken).toBe(0);
  });
});

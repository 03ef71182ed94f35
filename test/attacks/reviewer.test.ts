import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { createRedis } from '../../lib/redis.ts';
import { createSeal } from '../../lib/seal.ts';
import { createSessions } from '../../lib/session.ts';
import { expectError } from '../expect-answer.ts';
import { type Answer, from, type Login, startWorld } from '../world.ts';
import { reviewersOn } from './reviewers.ts';

const password = 'eins zwei drei vier';

function attempt(login: Login, account: string, typed: string, address: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...from(address) };
  const body = JSON.stringify({ account, password: typed });
  return login.send('POST', '/login/reviewer', { headers, body });
}

test('[A18] POST /login/reviewer › allows all addresses of one IPv6 network 10 tries together', async () => {
  const world = await startWorld();
  const login = await world.startLogin(reviewersOn(password));
  expectError(await attempt(login, 'a', 'x', '2001:db8:1:1::1'), 'invalid_credentials');
  const counters = (await world.redisContents()).filter(({ key }) =>
    key.startsWith('wxl1:reviewer-address:'),
  );
  expect(counters).toHaveLength(1);
  await world.redisCommand('INCRBY', counters[0]?.key ?? '', 8);
  expectError(await attempt(login, 'b', 'x', '2001:db8:1:2::2'), 'invalid_credentials');
  const next = await attempt(login, 'appstore', password, '2001:db8:1:ffff::1');
  expectError(next, 'rate_limited', { retryAfterMax: 900 });
  expect((await attempt(login, 'appstore', password, '2001:db8:2::1')).status).toBe(200);
});

test('[A18] POST /login/reviewer › keeps at most 4,096 counters for all unknown accounts, and answers to each alike', async () => {
  const numberOf = (account: string) => createHash('sha256').update(account).digest().readUInt32BE() % 4096;
  const names = Array.from({ length: 50_000 }, (_, i) => `account-${i}`);
  const [first = ''] = names;
  const [, second = '', third = ''] = names.filter((name) => numberOf(name) === numberOf(first));
  const world = await startWorld();
  const login = await world.startLogin(reviewersOn(password));
  for (const [i, account] of [first, second, third, `${first}x`].entries()) {
    expectError(await attempt(login, account, 'x', `81.1.${i}.1`), 'invalid_credentials');
  }
  const counts = (await world.redisContents()).filter(({ key }) => key.startsWith('wxl1:reviewer:'));
  expect(new Set(counts.map(({ fields }) => fields['']))).toEqual(new Set(['1', '3']));
  expect(counts).toHaveLength(2);
});

test('[A18] POST /login/reviewer › stops for everyone at 1,000 wrong passwords in an hour, alarms once, and stores no more', async () => {
  const world = await startWorld();
  const login = await world.startLogin(reviewersOn(password));
  expectError(await attempt(login, 'a', 'x', '81.1.1.1'), 'invalid_credentials');
  // One that succeeds is not counted.
  expect((await attempt(login, 'appstore', password, '81.1.1.2')).status).toBe(200);
  const fleet = 'wxl1:reviewer-fleet:{all}';
  expect(await world.redisCommand('GET', fleet)).toBe('1');
  await world.redisCommand('INCRBY', fleet, 998);
  expectError(await attempt(login, 'b', 'x', '81.1.1.3'), 'invalid_credentials');
  expect(login.logged('reviewer_brake_on')).toEqual([]);
  const accounts = async () =>
    (await world.redisContents()).filter(({ key }) => key.startsWith('wxl1:reviewer:')).length;
  const before = await accounts();
  for (const [i, account] of ['c', 'd', 'appstore'].entries()) {
    const answer = await attempt(login, account, password, `82.1.1.${i}`);
    expectError(answer, 'rate_limited', { retryAfterMax: 3600 });
  }
  expect(await accounts()).toBe(before);
  expect(login.logged('reviewer_brake_on')).toEqual([
    expect.objectContaining({ level: 'error', tries_max: 1000, window_seconds: 3600 }),
  ]);
});

/** Preloaded: writes a line with the cost of each scrypt. */
const shim = `import crypto from 'node:crypto';
const { scrypt } = crypto;
crypto.scrypt = (password, salt, keyBytes, { N, r, p }, done) => {
  process.stdout.write(JSON.stringify({ event: 'scrypt', N, r, p }) + '\\n');
  scrypt(password, salt, keyBytes, { N, r, p, maxmem: 2 ** 27 }, done);
};`;

test('[A17] POST /login/reviewer › does exactly the work for an unknown account that it does for a known one', async () => {
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(shim)}`];
  const login = await (await startWorld()).startLogin(reviewersOn(password), { nodeArgs });
  for (const account of ['appstore', 'nobody', 'appstore', 'nobody']) {
    expectError(await attempt(login, account, 'x', '81.1.1.1'), 'invalid_credentials');
  }
  const costs = login.logged('scrypt').map(({ N, r, p }) => ({ N, r, p }));
  expect(costs).toEqual(Array.from({ length: 4 }, () => ({ N: 2 ** 14, r: 8, p: 1 })));
});

test('[A20] lib/session.ts › leaves no key for ever when the last day of reviewers ends during a login', async () => {
  const world = await startWorld();
  const { hostname: host, port } = new URL(world.redis.url);
  const log = () => undefined;
  const redis = createRedis({ host, port: Number(port), db: 0 }, clock, log);
  const seal = createSeal([randomBytes(32)], 'session');
  const sessions = createSessions({ redis, seal, limits: { idleSeconds: 60, maxSeconds: 300 }, clock, log });
  const { sessionToken } = await sessions.create({
    role: 'reviewer',
    account: 'x',
    endsAt: Date.now() - 500,
  });
  await expect(sessions.find(sessionToken)).rejects.toThrow('invalid_session');
  redis.close();
  expect((await world.redisContents()).filter(({ ttlMs }) => ttlMs < 0)).toEqual([]);
});

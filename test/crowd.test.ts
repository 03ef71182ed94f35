// A whole company at once: WeCom allows 10,000 calls a minute and 150,000 an hour per API and company, then it blocks.
// A minute passes here when the limiter's key of the minute is deleted.
import { describe, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { createRedis } from '../lib/redis.ts';
import { createSeal } from '../lib/seal.ts';
import { createSessions } from '../lib/session.ts';
import { figure } from './reliability/figure.ts';
import { corpid, type Login, realRedis, startWorld, type World } from './world.ts';

const wecomPerMinuteMax = 10_000;
const wecomPerHourMax = 150_000;
const rechecksPerMinute = 3000;
const rechecksPerHour = 30_000;
const recheckSeconds = 600;
/** `CROWD_MEMBERS=50000` plays it all and takes some minutes. */
const crowdMembers = process.env['CROWD_MEMBERS'];
const rushMembers = Number(crowdMembers ?? 1000);
const activeMembers = Number(crowdMembers ?? 800);
const minutes = activeMembers >= 35_000 ? 10 : 2;
/** What is left of the minute when the crowd comes: a smaller one finds most of it used up. */
const leftOfMinute = Math.min(rechecksPerMinute, activeMembers / minutes / 2);
/** Requests under way at once. libuv accepts one connection in a turn, and the turns of this process are long. */
const atOnce = 20;

async function inBatches<T>(
  all: readonly T[],
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < all.length) {
        const index = next;
        next += 1;
        await work(all[index] as T, index);
      }
    }),
  );
}

/** Sessions of members that WeCom was last asked about a little too long ago, written as the function writes them. */
async function sessionsOf(world: World, userids: readonly string[]): Promise<string[]> {
  const url = new URL(world.redis.url);
  const log = createLog([]);
  const redis = createRedis({ host: url.hostname, port: Number(url.port), db: 0 }, systemClock, log);
  const key = Buffer.from(world.environment()['ENCRYPTION_KEY'] ?? '', 'base64url');
  const clock = { ...systemClock, wallMs: () => Date.now() - (recheckSeconds + 60) * 1000 };
  const limits = { idleSeconds: 1800, maxSeconds: 28_800 };
  const sessions = createSessions({ redis, seal: createSeal([key], 'session'), limits, clock, log });
  const tokens: string[] = [];
  await inBatches(userids, async (userid, index) => {
    const member = { corpid, userid, name: '成员', department: [1], position: '' };
    const kept = { sessionKey: 'c2Vzc2lvbl9rZXk=', deviceHash: '' };
    const start = { role: 'member', member, checkedAt: clock.wallMs(), ...kept } as const;
    tokens[index] = (await sessions.create(start)).sessionToken;
  });
  redis.close();
  return tokens;
}

async function askAll(login: Login, tokens: readonly string[]): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  await inBatches(tokens, async (token) => {
    const { status } = await login.withSession('GET', '/session', token);
    statuses[status] = (statuses[status] ?? 0) + 1;
  });
  return statuses;
}

/** One command on the counter of the minute or of the hour. */
async function onCounter(
  world: World,
  name: 'recheck-minute' | 'recheck',
  command: string,
  ...args: number[]
) {
  const [key = ''] = (await world.redisCommand('KEYS', `wxl1:${name}:*`)) as string[];
  await world.redisCommand(command, key, ...args);
}

describe.runIf(realRedis)('a whole company', () => {
  test(
    '[G9] GET /session › asks WeCom again about a crowd of members within 3,000 calls a minute and 30,000 an hour',
    { timeout: 300_000 },
    async () => {
      const world = await startWorld({ redis: 'server' });
      const login = await world.startLogin();
      const tokens = await sessionsOf(
        world,
        Array.from({ length: activeMembers }, () => world.addMember()),
      );
      const asked = () => world.wecom.counts(corpid)['user/get'];
      const perMinute = activeMembers / minutes;

      for (let minute = 0; minute < minutes; minute += 1) {
        const before = asked();
        const slice = tokens.slice(minute * perMinute, (minute + 1) * perMinute);
        expect(await askAll(login, slice.slice(0, 1))).toEqual({ 200: 1 });
        // On a busy machine the crowd may need longer than a minute.
        await onCounter(world, 'recheck-minute', 'PEXPIRE', 3_600_000);
        await onCounter(world, 'recheck-minute', 'INCRBY', rechecksPerMinute - leftOfMinute);
        expect(await askAll(login, slice.slice(1))).toEqual({ 200: slice.length - 1 });
        expect(asked() - before).toBe(leftOfMinute);
        await onCounter(world, 'recheck-minute', 'DEL');
        // What a smaller crowd leaves of the hour was used up before it came.
        if (minute === 0) {
          await onCounter(world, 'recheck', 'INCRBY', rechecksPerHour - minutes * leftOfMinute);
        }
      }
      const before = asked();
      // The hour is used up: nobody is refused for it, nobody is asked about, and logins go on.
      const some = tokens.slice(0, 1000);
      expect(await askAll(login, some)).toEqual({ 200: some.length });
      expect(asked()).toBe(before);
      expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
      expect(login.logged('recheck_skipped').length).toBeGreaterThan(0);
      expect(login.logged('recheck_skipped').length).toBeLessThan(20);
      figure(
        'G9',
        `${activeMembers} active members: re-checks stop at ${rechecksPerMinute} a minute and ${rechecksPerHour} an hour, nobody refused`,
      );
    },
  );

  test(
    '[G9] POST /login › calls each API once per login when everybody comes within ten minutes at nine',
    { timeout: 900_000 },
    async () => {
      const world = await startWorld({ redis: 'server' });
      const logins = [await world.startLogin(), await world.startLogin()];
      const userids = Array.from({ length: rushMembers }, () => world.addMember());
      const statuses: Record<number, number> = {};
      await inBatches(userids, async (userid, index) => {
        const answer = await logins[index % 2]?.login({ js_code: world.jsCode(userid) });
        statuses[answer?.status ?? 0] = (statuses[answer?.status ?? 0] ?? 0) + 1;
      });
      expect(statuses).toEqual({ 200: rushMembers });
      const { gettoken, jscode2session, 'user/get': userGet } = world.wecom.counts(corpid);
      expect([gettoken, jscode2session, userGet]).toEqual([1, rushMembers, rushMembers]);

      // So what a company of 50,000 needs can be counted, re-checks at their most included.
      const perMinute = 50_000 / 10 + rechecksPerMinute;
      const perHour = 50_000 + rechecksPerHour;
      expect(perMinute).toBeLessThanOrEqual(wecomPerMinuteMax);
      expect(perHour).toBeLessThanOrEqual(wecomPerHourMax);
      const counted = `50,000 members in ten minutes: ${perMinute} calls a minute of ${wecomPerMinuteMax}, ${perHour} an hour of ${wecomPerHourMax}`;
      figure('G9', `${rushMembers} logins: 1 gettoken, one jscode2session and one user/get each; ${counted}`);
    },
  );
});

// What happens to many real processes on one real Redis. Counts are asserted; times depend on the machine.
import { describe, expect, test } from 'vitest';
import { figure } from './reliability/figure.ts';
import { gettokens } from './token-state.ts';
import { allLetIn, corpid, type Login, loginsAtOnce, realRedis, startWorld, type World } from './world.ts';

/** `STORM_PROCESSES=50` on a machine that has the cores for them. */
const processes = Number(process.env['STORM_PROCESSES'] ?? 8);
/** All at once they would only starve each other of two cores; in the cloud each has a CPU of its own. */
const startedTogether = 4;

/** Starts `count` processes, a few at a time, and tells `onStarted` of each as it listens. */
async function startLogins(
  world: World,
  count: number,
  onStarted: (login: Login) => Promise<void> = () => Promise.resolve(),
): Promise<Login[]> {
  const logins: Login[] = [];
  let begun = 0;
  await Promise.all(
    Array.from({ length: startedTogether }, async () => {
      while (begun < count) {
        begun += 1;
        const login = await world.startLogin();
        logins.push(login);
        await onStarted(login);
      }
    }),
  );
  return logins;
}

/** WeCom takes its time, so that whoever would call gettoken too has the time to do it. */
function slowWecom(world: World): void {
  world.wecom.fault({ endpoint: 'gettoken', kind: 'latency', ms: 100 });
  world.wecom.fault({ endpoint: 'jscode2session', kind: 'latency', ms: 60 });
  world.wecom.fault({ endpoint: 'user/get', kind: 'latency', ms: 40 });
}

describe.skipIf(!realRedis)('POST /login › a storm on redis-server', () => {
  test(`[G1 G2 S1] ${processes} processes: one gettoken at an empty start, after a flush, and when WeCom drops the token, of 20 a minute`, async () => {
    const world = await startWorld({ redis: 'server' });
    slowWecom(world);
    world.wecom.set({ gettokenPerMinuteMax: 20 });
    const logins = await startLogins(world, processes);
    await allLetIn(world, logins, 100);
    expect(gettokens(world, corpid)).toBe(1);
    figure('G1', `${processes} real processes, 100 logins: 1 gettoken, 0 failed`);

    // In the middle of logins: those on their way still hold a token, so nobody needs another one yet.
    const gate = world.wecom.hold({ endpoint: 'jscode2session' });
    const flushed = allLetIn(world, logins, 50);
    await gate.arrived(25);
    await world.redis.flush();
    gate.release();
    await flushed;
    expect(gettokens(world, corpid)).toBe(1);

    const secondGate = world.wecom.hold({ endpoint: 'jscode2session' });
    const dropped = allLetIn(world, logins, 100);
    await secondGate.arrived(25);
    world.wecom.dropTokens(corpid);
    secondGate.release();
    await dropped;
    expect(gettokens(world, corpid)).toBe(2);
    figure('G2', `${processes} real processes, 100 logins on the way: 1 gettoken more, 0 failed`);
    expect(world.wecom.calls.filter(({ errcode }) => errcode === 45009)).toEqual([]);
    expect(world.wecom.violations).toEqual([]);
  });

  test(`[S1] ${processes} processes that start one after the other, each with a login at once: one gettoken`, async () => {
    const world = await startWorld({ redis: 'server' });
    slowWecom(world);
    await startLogins(world, processes, async (login) => void (await allLetIn(world, [login], 2)));
    expect(gettokens(world, corpid)).toBe(1);
  });

  test('[S2] 5 processes, the one that fetches is killed before WeCom looks at it: one more, all others are let in', async () => {
    const world = await startWorld({ redis: 'server' });
    const [holder, ...others] = await startLogins(world, 5);
    if (!holder) throw new Error('no process was started');
    const gate = world.wecom.hold({ endpoint: 'gettoken' });
    const itsAnswer = loginsAtOnce(world, [holder], 1).catch(() => 'gone');
    await gate.arrived(1);
    const answers = allLetIn(world, others, 20);
    holder.process.kill('SIGKILL');
    gate.release();
    await answers;
    expect(await itsAnswer).toBe('gone');
    expect(gettokens(world, corpid)).toBe(2);
  });

  test('[S2] 5 processes, the one that has fetched is killed right after: nobody fetches again', async () => {
    const world = await startWorld({ redis: 'server' });
    const [holder, ...others] = await startLogins(world, 5);
    if (!holder) throw new Error('no process was started');
    // Its token is stored before it goes on to the js_code.
    const gate = world.wecom.hold({ endpoint: 'jscode2session' });
    const itsAnswer = loginsAtOnce(world, [holder], 1).catch(() => 'gone');
    await gate.arrived(1);
    holder.process.kill('SIGKILL');
    expect(await itsAnswer).toBe('gone');
    gate.release();
    await allLetIn(world, others, 20);
    expect(gettokens(world, corpid)).toBe(1);
  });
});

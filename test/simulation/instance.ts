import { type Clock, withTimeout } from '../../lib/clock.ts';
import type { AccessTokens } from '../../lib/access-token.ts';
import type { Log } from '../../lib/log.ts';
import type { RenewOutcome } from '../../lib/token-source.ts';
import { type Corp, type GettokenAnswer } from '../../lib/wecom.ts';
import type * as Heart from './heart.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import { createRedisNetwork } from './redis-network.ts';
import type { RedisServer } from './redis-server.ts';
import type { Scheduler } from './scheduler.ts';
import type { Troubles } from './troubles.ts';
import type { App, Failure } from './upstream.ts';
import type { StoreWatch } from './watch-store.ts';
import type { UseWatch } from './watch-use.ts';

/** What all instances of a simulation share. */
export interface World {
  heart: typeof Heart;
  scheduler: Scheduler;
  random: Random;
  redis: RedisServer;
  apps: readonly App[];
  troubles: Troubles;
  journal: Journal;
  storeWatch: StoreWatch;
  useWatch: UseWatch;
  encryptionKeys: readonly Buffer[];
  /** Called when an instance has got the lease: the worst moment for a fault. */
  onLease?: ((instance: Instance) => void) | undefined;
  /** Called when an instance starts a request. */
  onRequest?: ((instance: Instance) => void) | undefined;
}

/** One process of a function: it may crash at any await, freeze and thaw, and its clock may jump. */
export interface Instance {
  name: string;
  state(): 'running' | 'frozen' | 'crashed';
  /** A login: one API call with the token. Settles when it is done, never after a crash; never rejects. */
  request(app: App, msMax: number): Promise<'ok' | 'failed'>;
  /** A timer event. */
  renew(app: App): Promise<RenewOutcome>;
  crash(): void;
  /** @param monotonicStops a snapshot of the machine, as opposed to a stopped process */
  freeze(monotonicStops: boolean): void;
  /** @param isCutOff its connections are dead; by default in half of the cases after a long sleep */
  thaw(isCutOff?: boolean): void;
  jumpWallClock(ms: number): void;
}

const gettokenMsMax = 3000;
const apiMsMax = 2500;
/** After a longer sleep the peer may have closed the connection. */
const connectionMsMax = 10_000;
const epochMs = 1_767_225_600_000;

interface Timer {
  dueMonotonicMs: number;
  action: () => void;
}

export function createInstance(world: World, name: string): Instance {
  const { scheduler, journal, troubles, heart } = world;
  const random = world.random.fork();
  let state: 'running' | 'frozen' | 'crashed' = 'running';
  let frozenAtMs = 0;
  let frozenMs = 0;
  let stoodStillMs = 0;
  let monotonicStops = false;
  let wallOffsetMs = 0;
  let disturbedAtMs = -1;
  let endFreeze = (): void => {};
  let late: { action: () => void; atMs: number }[] = [];
  let lateTimers: Timer[] = [];

  const monotonicMs = (): number => scheduler.nowMs() - stoodStillMs;

  function arm(timer: Timer): () => void {
    return scheduler.after(timer.dueMonotonicMs - monotonicMs(), () => {
      if (state === 'crashed') return;
      if (state === 'frozen') lateTimers.push(timer);
      else if (timer.dueMonotonicMs > monotonicMs() + 0.001) cancels.set(timer, arm(timer));
      else timer.action();
    });
  }

  const cancels = new Map<Timer, () => void>();
  const clock: Clock = {
    wallMs: () => epochMs + scheduler.nowMs() + wallOffsetMs,
    monotonicMs,
    after(ms, action) {
      const timer: Timer = { dueMonotonicMs: monotonicMs() + Math.max(0, ms), action };
      timer.action = () => {
        cancels.delete(timer);
        action();
      };
      cancels.set(timer, arm(timer));
      return () => {
        cancels.get(timer)?.();
        cancels.delete(timer);
        timer.action = () => {};
      };
    },
  };

  function deliver(action: () => void): void {
    if (state === 'crashed') return;
    if (state === 'frozen') late.push({ action, atMs: scheduler.nowMs() });
    else action();
  }

  const identity = {
    name,
    disturbedAtMs: () => disturbedAtMs,
    runningMs: () => scheduler.nowMs() - frozenMs - (state === 'frozen' ? scheduler.nowMs() - frozenAtMs : 0),
  };

  const network = createRedisNetwork({
    scheduler,
    random,
    server: world.redis,
    heart,
    deliver,
    onReply(args, reply) {
      journal.note(name, 'redis', Array.isArray(reply) ? reply.slice(0, 3) : reply, 'for', args[0] ?? '');
      world.storeWatch.onReply(identity, args, reply);
      if (Array.isArray(reply) && reply[0] === 'lease') world.onLease?.(instance);
    },
  });

  const log: Log = (level, event, fields) => {
    journal.note(name, level, event, fields);
    if (JSON.stringify(fields ?? {}).includes('access-token-'))
      journal.violate('Secrets', `${event} shows a token`);
  };

  const accessTokens: AccessTokens = heart.createAccessTokens({
    redis: heart.createRedis({ host: 'simulated', port: 0, db: 0 }, clock, log, network.createConnection),
    gettoken: (corp) => gettoken(appOf(corp)),
    encryptionKeys: world.encryptionKeys,
    clock,
    log,
    random: random.next,
  });

  function appOf(corp: Corp): App {
    const app = world.apps.find((candidate) => candidate.corp === corp);
    if (!app) throw new Error(`no app ${corp.corpid}`);
    return app;
  }

  /** One call to WeCom through the network; `answer` runs there, on arrival. */
  function call<T>(app: App, api: string, msMax: number, answer: () => T | Failure): Promise<T> {
    const { WecomError } = heart;
    const latencyMs = () => random.between(...app.latencyMs);
    const work = new Promise<T>((resolve, reject) => {
      scheduler.after(latencyMs(), () => {
        const result = answer();
        if (result === 'hang') return;
        scheduler.after(latencyMs(), () =>
          deliver(() => {
            if (typeof result === 'number')
              reject(new WecomError({ api, corpid: 'wwsimulated', errcode: result }));
            else if (result === 'http_500')
              reject(new WecomError({ api, corpid: 'wwsimulated', reason: 'http_500' }));
            else resolve(result);
          }),
        );
      });
    });
    return withTimeout(
      clock,
      msMax,
      work,
      () => new WecomError({ api, corpid: 'wwsimulated', reason: 'timeout' }),
    );
  }

  async function gettoken(app: App): Promise<GettokenAnswer> {
    const settle = world.storeWatch.onGettoken(identity, app);
    journal.note(name, 'gettoken');
    try {
      const answer = await call<GettokenAnswer>(app, 'gettoken', gettokenMsMax, () =>
        app.gettoken(scheduler.nowMs()),
      );
      journal.note(name, 'gettoken answered', answer.access_token, `${answer.expires_in} s`);
      settle('answered');
      return answer;
    } catch (error) {
      journal.note(name, 'gettoken failed', error instanceof Error ? error.message : '');
      settle('failed');
      throw error;
    }
  }

  async function request(app: App, msMax: number): Promise<'ok' | 'failed'> {
    const use = world.useWatch.begin(identity, app, msMax);
    world.onRequest?.(instance);
    try {
      await accessTokens.use(app.corp, msMax, async (accessToken) => {
        const over = use.onCall(accessToken);
        let ok = false;
        try {
          await call(app, 'user/get', apiMsMax, () => {
            if (app.apiFailure !== undefined) return app.apiFailure;
            if (app.isRefusedByMistake(name)) {
              troubles.happen('mistake');
              return app.refuseByMistake(accessToken);
            }
            return app.check(accessToken, scheduler.nowMs()) || {};
          });
          ok = true;
        } finally {
          journal.note(name, 'called with', accessToken, ok ? 'ok' : 'refused');
          over(ok);
        }
      });
      use.end();
      return 'ok';
    } catch (error) {
      journal.note(name, 'request failed', describe(error));
      use.end(error);
      return 'failed';
    }
  }

  function describe(error: unknown): string {
    if (error instanceof heart.AppError) return error.options.reason ?? error.code;
    return error instanceof Error ? error.message : String(error);
  }

  const instance: Instance = {
    name,
    state: () => state,
    request,
    renew: (app) =>
      accessTokens.renew(app.corp).then((outcome) => {
        journal.note(name, 'renew', outcome);
        return outcome;
      }),
    crash() {
      journal.note(name, 'crashes');
      endFreeze();
      troubles.happen('crash');
      disturbedAtMs = scheduler.nowMs();
      state = 'crashed';
    },
    freeze(stops) {
      if (state !== 'running') return;
      journal.note(name, stops ? 'freezes with its clock' : 'freezes');
      const ends = [troubles.begin('freeze'), ...(stops ? [troubles.begin('stop_of_time')] : [])];
      endFreeze = () => ends.forEach((end) => end());
      disturbedAtMs = frozenAtMs = scheduler.nowMs();
      monotonicStops = stops;
      state = 'frozen';
    },
    thaw(isCutOff) {
      if (state !== 'frozen') return;
      const asleepMs = scheduler.nowMs() - frozenAtMs;
      const isCut = isCutOff ?? (asleepMs > connectionMsMax && random.chance(0.5));
      journal.note(name, 'thaws after', Math.round(asleepMs));
      endFreeze();
      frozenMs += asleepMs;
      disturbedAtMs = scheduler.nowMs();
      state = 'running';
      if (monotonicStops) stoodStillMs += asleepMs;
      // As in libuv: timers that are due first, then what the sockets hold, in the same turn.
      const timers = lateTimers.toSorted((a, b) => a.dueMonotonicMs - b.dueMonotonicMs);
      if (isCut) network.goSilent();
      const messages = isCut ? [] : late;
      lateTimers = [];
      late = [];
      for (const timer of timers) {
        if (timer.dueMonotonicMs > monotonicMs() + 0.001) cancels.set(timer, arm(timer));
        else timer.action();
      }
      for (const { action } of messages) action();
    },
    jumpWallClock(ms) {
      journal.note(name, 'wall clock jumps', ms);
      troubles.happen('wall_clock');
      wallOffsetMs += ms;
    },
  };
  return instance;
}

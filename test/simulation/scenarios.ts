import {
  everyInstance,
  failsForAnHour,
  finished,
  hourMs,
  minuteMs,
  requestEvery,
  type Scenario,
  timerEvery5Minutes,
  warmUp,
} from './scenario.ts';
import { createInstance } from './instance.ts';
import { races } from './races.ts';
import { redisLatencyMs } from './redis-server.ts';
import { tokenLifeMs } from './simulation.ts';
import { wecomLatencyMs } from './upstream.ts';

/** The situations that somebody has met or feared, with the most they may cost. */
export const scenarios: readonly Scenario[] = [
  {
    name: '6 calm hours, 50 instances, a timer every 5 minutes',
    instances: 50,
    async run(simulation) {
      requestEvery(simulation, 20_000);
      timerEvery5Minutes(simulation);
      await simulation.runUntil(6 * hourMs);
    },
    // A: per life one early try; and in the last second, which WeCom rounds away, the same token once more.
    gettokensMax: [8, 4, 4, 4],
    failedMax: 0,
  },
  {
    name: '500 cold starts at once',
    instances: 500,
    async run(simulation) {
      everyInstance(simulation, 5);
      await simulation.runUntil(minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: '500 instances at the end of a token that no timer renewed',
    instances: 500,
    async run(simulation) {
      await warmUp(simulation);
      await simulation.runUntil(tokenLifeMs - 1000);
      everyInstance(simulation, 4000);
      await simulation.runUntil(tokenLifeMs + minuteMs);
    },
    gettokensMax: [4, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'a token ends early under 500 requests',
    instances: 50,
    async run(simulation, app) {
      await warmUp(simulation);
      everyInstance(simulation, 1000);
      simulation.burst(500, 1000);
      simulation.scheduler.after(500, () => {
        simulation.troubles.happen('invalidation');
        app.invalidate();
      });
      await simulation.runUntil(minuteMs);
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'the holder of the lease crashes',
    instances: 100,
    async run(simulation) {
      simulation.onLease = (holder) => {
        simulation.onLease = undefined;
        holder.crash();
      };
      everyInstance(simulation, 5);
      await simulation.runUntil(7000);
      const { failed } = simulation.requests;
      if (failed > 0) simulation.journal.violate('P8 error', `${failed} requests failed`);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'the holder of the lease freezes for 30 s while it fetches',
    instances: 100,
    async run(simulation) {
      simulation.onLease = (holder) => {
        simulation.onLease = undefined;
        simulation.scheduler.after(20, () => holder.freeze(false));
        simulation.scheduler.after(30_000, () => holder.thaw(false));
      };
      everyInstance(simulation, 5);
      await simulation.runUntil(minuteMs);
      requestEvery(simulation, 1000);
      await simulation.runUntil(2 * minuteMs);
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'Redis is flushed 20 times',
    instances: 20,
    async run(simulation) {
      requestEvery(simulation, 1000);
      await warmUp(simulation);
      simulation.every(
        () => 6 * minuteMs,
        () => {
          simulation.troubles.happen('loss');
          simulation.redis.flush();
        },
      );
      await simulation.runUntil(123 * minuteMs);
    },
    // A: the token is the same one all the time, and ends once.
    gettokensMax: [24, 21, 21, 21],
    failedMax: 0,
  },
  {
    name: 'another program calls gettoken 30 times in an hour',
    instances: 20,
    async run(simulation, app) {
      requestEvery(simulation, 1000);
      await warmUp(simulation);
      simulation.every(
        () => 2 * minuteMs,
        () => {
          if (app.mode === 'new_old_dies') simulation.troubles.happen('invalidation');
          app.outsider(simulation.scheduler.nowMs());
        },
      );
      await simulation.runUntil(61 * minuteMs);
    },
    gettokensMax: [1, 1, 1, 31],
    failedMax: 0,
  },
  {
    name: 'wrong secret for one hour',
    instances: 20,
    run: failsForAnHour(40_001),
    modes: ['new_old_dies'],
    gettokensMax: [14, 14, 14, 14],
    failedMax: 0,
  },
  {
    name: 'gettoken limited (45009) for one hour',
    instances: 20,
    run: failsForAnHour(45_009),
    modes: ['new_old_dies'],
    gettokensMax: [14, 14, 14, 14],
    failedMax: 0,
  },
  {
    name: 'gettoken fails once, 100 cold instances',
    instances: 100,
    async run(simulation, app) {
      simulation.troubles.begin('gettoken');
      app.gettokenFailure = 'http_500';
      simulation.every(
        () => 10,
        () => {
          if (app.gettokens > 0) app.gettokenFailure = undefined;
        },
      );
      simulation.burst(300, 500);
      await simulation.runUntil(minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'gettoken hangs for 5 minutes over the end of a token',
    instances: 20,
    async run(simulation, app) {
      await warmUp(simulation);
      requestEvery(simulation, 1000);
      await simulation.runUntil(tokenLifeMs - 2 * minuteMs);
      const over = simulation.troubles.begin('gettoken');
      app.gettokenFailure = 'hang';
      await simulation.runUntil(tokenLifeMs + 3 * minuteMs);
      app.gettokenFailure = undefined;
      over();
      await simulation.runUntil(tokenLifeMs + 3 * minuteMs + 40_000);
      simulation.requests.failed = 0;
      await simulation.runUntil(tokenLifeMs + 10 * minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [17, 17, 17, 17],
    failedMax: 0,
  },
  {
    name: 'Redis is away for 10 minutes, 50 warm instances',
    instances: 50,
    async run(simulation) {
      await warmUp(simulation);
      everyInstance(simulation, 5000);
      await simulation.runUntil(10_000);
      requestEvery(simulation, 500);
      const over = simulation.troubles.begin('redis');
      simulation.redis.setMode('refused');
      await simulation.runUntil(10_000 + 10 * minuteMs);
      simulation.redis.setMode('up');
      over();
      await simulation.runUntil(15 * minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'Redis is away for 10 minutes, 50 cold instances',
    instances: 50,
    async run(simulation) {
      const over = simulation.troubles.begin('redis');
      simulation.redis.setMode('refused');
      requestEvery(simulation, 500);
      await simulation.runUntil(10 * minuteMs);
      const [app] = simulation.apps;
      if (app && app.gettokens > 0)
        simulation.journal.violate('Count', 'somebody called gettoken without Redis');
      simulation.redis.setMode('up');
      over();
      await simulation.runUntil(10 * minuteMs + 2000);
      simulation.requests.failed = 0;
      await simulation.runUntil(15 * minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'an app that is not linked, every token refused, for one hour',
    instances: 20,
    async run(simulation, app) {
      const over = simulation.troubles.begin('unlinked');
      app.unlinked = true;
      requestEvery(simulation, 6000);
      timerEvery5Minutes(simulation);
      await simulation.runUntil(hourMs);
      over();
    },
    gettokensMax: [20, 20, 20, 20],
    failedMax: Infinity,
  },
  {
    name: 'a warm instance asks Redis once in 5 minutes',
    instances: 1,
    async run(simulation) {
      await warmUp(simulation);
      simulation.redis.arrived = 0;
      requestEvery(simulation, 100);
      await simulation.runUntil(4.9 * minuteMs);
      const { arrived } = simulation.redis;
      if (arrived > 0)
        simulation.journal.violate('Count: warm', `${arrived} messages to Redis within 5 minutes`);
      await simulation.runUntil(9.9 * minuteMs);
      if (simulation.redis.arrived > 1) simulation.journal.violate('Count: warm', 'more than one round trip');
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'a full Redis at the end of a token',
    instances: 20,
    async run(simulation) {
      await warmUp(simulation);
      requestEvery(simulation, 2000);
      await simulation.runUntil(tokenLifeMs - 2 * minuteMs);
      // Nothing new can be stored, but what is there can be replaced.
      simulation.redis.setMode('full');
      await simulation.runUntil(tokenLifeMs + 5 * minuteMs);
    },
    gettokensMax: [4, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'gettoken takes 2.4 s, 100 cold instances',
    instances: 100,
    async run(simulation, app) {
      app.latencyMs = [1190, 1210];
      everyInstance(simulation, 5);
      await simulation.runUntil(2500);
      app.latencyMs = wecomLatencyMs;
      await simulation.runUntil(minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'Redis is flushed while a refused token is fetched again',
    instances: 2,
    async run(simulation, app) {
      await warmUp(simulation);
      simulation.troubles.begin('unlinked');
      app.unlinked = true;
      simulation.onLease = () => {
        simulation.onLease = undefined;
        simulation.troubles.happen('loss');
        simulation.redis.flush();
      };
      simulation.request();
      await simulation.runUntil(minuteMs);
    },
    // A, B: gettoken returns the refused token. C, D: a third token, since the second one may have been refused by mistake.
    gettokensMax: [2, 2, 3, 3],
    failedMax: 1,
  },
  {
    name: 'a lagging replica answers reads after a renewal',
    instances: 3,
    async run(simulation) {
      await warmUp(simulation);
      requestEvery(simulation, 2000);
      timerEvery5Minutes(simulation);
      await simulation.runUntil(tokenLifeMs - 13 * minuteMs);
      simulation.redis.readLagMs = 15 * minuteMs;
      await simulation.runUntil(tokenLifeMs - 3 * minuteMs);
      simulation.redis.readLagMs = 0;
      await simulation.runUntil(tokenLifeMs + 5 * minuteMs);
    },
    gettokensMax: [4, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'two instances, two early invalidations, one instance two tokens behind',
    instances: 2,
    async run(simulation, app) {
      const [a, b] = simulation.instances;
      if (!a || !b) throw new Error('two instances');
      for (const instance of [a, b, a]) {
        const outcome = await finished(simulation, instance.request(app, 8000));
        if (outcome !== 'ok') simulation.journal.violate('Count', 'a login failed');
        simulation.troubles.happen('invalidation');
        app.invalidate();
      }
    },
    gettokensMax: [3, 3, 3, 3],
    failedMax: 0,
  },
  {
    name: 'a token ends early every 20 s, before most instances have seen it',
    instances: 30,
    async run(simulation, app) {
      everyInstance(simulation, 5000);
      requestEvery(simulation, 700);
      let invalidations = 0;
      simulation.every(
        () => 20_000,
        () => {
          invalidations += 1;
          simulation.troubles.happen('invalidation');
          app.invalidate();
        },
      );
      await simulation.runUntil(30 * minuteMs);
      const { journal } = simulation;
      if (app.gettokens > invalidations + 1)
        journal.violate('Count', `${app.gettokens} gettoken for ${invalidations} invalidations`);
    },
    gettokensMax: [91, 91, 91, 91],
    failedMax: 0,
  },
  {
    name: 'a token is refused by mistake to 20 instances at once, one time each',
    instances: 20,
    async run(simulation, app) {
      await warmUp(simulation);
      everyInstance(simulation, 1000);
      await simulation.runUntil(simulation.scheduler.nowMs() + 10_000);
      const refused = new Set<string>();
      app.isRefusedByMistake = (caller) => !refused.has(caller) && Boolean(refused.add(caller));
      everyInstance(simulation, 1);
      await simulation.runUntil(simulation.scheduler.nowMs() + minuteMs);
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'every 20th call is refused by mistake for an hour',
    instances: 10,
    async run(simulation, app) {
      requestEvery(simulation, 2000);
      await warmUp(simulation);
      let calls = 0;
      app.isRefusedByMistake = () => (calls += 1) % 20 === 0;
      await simulation.runUntil(hourMs);
      const mistakes = Math.floor(calls / 20);
      if (app.gettokens > mistakes + 1)
        simulation.journal.violate('Count', `${app.gettokens} gettoken for ${mistakes} mistakes`);
    },
    gettokensMax: [130, 130, 130, 130],
    failedMax: 0,
  },
  {
    name: 'one caller is always refused by mistake, and a token ends early every 5 minutes',
    instances: 20,
    async run(simulation, app) {
      await warmUp(simulation);
      requestEvery(simulation, 1000);
      // Not one of those that the requests above go to.
      const poisoned = createInstance(simulation, 'poisoned');
      app.isRefusedByMistake = (caller) => caller === 'poisoned';
      for (let minute = 1; minute <= 60; minute += 1) {
        await simulation.runUntil(minute * minuteMs);
        await finished(simulation, poisoned.request(app, 8000));
        if (minute % 5 === 0) {
          simulation.troubles.happen('invalidation');
          app.invalidate();
        }
      }
    },
    // Two for each of its calls, one for each invalidation.
    gettokensMax: [140, 140, 140, 140],
    // C: the others use an older token, so nothing speaks for the last one when it is refused to them, too.
    failedMax: 20,
  },
  {
    name: 'another program calls gettoken every minute',
    instances: 20,
    async run(simulation, app) {
      requestEvery(simulation, 1000);
      await warmUp(simulation);
      simulation.every(
        () => minuteMs,
        () => {
          if (app.mode === 'new_old_dies') simulation.troubles.happen('invalidation');
          app.outsider(simulation.scheduler.nowMs());
        },
      );
      await simulation.runUntil(61 * minuteMs);
    },
    gettokensMax: [1, 1, 1, 61],
    failedMax: 0,
  },
  {
    name: 'the holder of the lease freezes for 30 s before it fetches',
    instances: 100,
    async run(simulation) {
      simulation.onLease = (holder) => {
        simulation.onLease = undefined;
        holder.freeze(false);
        simulation.scheduler.after(30_000, () => holder.thaw(false));
      };
      everyInstance(simulation, 5);
      await simulation.runUntil(minuteMs);
      requestEvery(simulation, 1000);
      await simulation.runUntil(2 * minuteMs);
    },
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'tokens live for 6 s',
    instances: 10,
    lifeMs: 6000,
    async run(simulation) {
      requestEvery(simulation, 500);
      await simulation.runUntil(10 * minuteMs);
    },
    gettokensMax: [101, 101, 101, 101],
    failedMax: 0,
  },
  {
    name: 'tokens live for 2 s',
    instances: 10,
    lifeMs: 2000,
    async run(simulation) {
      requestEvery(simulation, 500);
      await simulation.runUntil(10 * minuteMs);
    },
    gettokensMax: [121, 121, 121, 121],
    failedMax: Infinity,
  },
  {
    name: 'Redis refuses every commit for an hour, 8 instances',
    instances: 8,
    async run(simulation) {
      simulation.troubles.begin('redis');
      simulation.redis.setMode('no_hset');
      everyInstance(simulation, 10_000);
      await simulation.runUntil(minuteMs);
      requestEvery(simulation, 1000);
      await simulation.runUntil(hourMs);
    },
    // Not D, where each token that an instance fetches ends those of the others.
    modes: ['same', 'renewed', 'new'],
    gettokensMax: [8, 8, 8, 8],
    failedMax: 0,
  },
  {
    name: 'Redis pauses writes while cold instances renew and read',
    instances: 1,
    async run(simulation, app) {
      await warmUp(simulation);
      await simulation.runUntil(tokenLifeMs - 10 * minuteMs);
      const over = simulation.troubles.begin('redis');
      simulation.redis.setMode('writes_paused');
      for (let i = 0; i < 20; i += 1) {
        const instance = simulation.coldStart();
        // The script of the timer holds the read up, which waits behind it on the same connection.
        void instance.renew(app);
        const outcome = await finished(simulation, instance.request(app, 8000));
        if (outcome === 'failed') simulation.journal.violate('Count', 'a read waited for the writes');
      }
      simulation.redis.setMode('up');
      over();
      await simulation.runUntil(tokenLifeMs - 5 * minuteMs);
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'behind a proxy that takes no EVALSHA, 50 cold instances',
    instances: 50,
    async run(simulation) {
      simulation.redis.setMode('no_evalsha');
      everyInstance(simulation, 500);
      await simulation.runUntil(minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'requests that may wait 2.5 s, beside a holder that crashed',
    instances: 10,
    async run(simulation, app) {
      simulation.onLease = (holder) => {
        simulation.onLease = undefined;
        holder.crash();
      };
      for (const instance of simulation.instances) void instance.request(app, 2500);
      await simulation.runUntil(minuteMs);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: 0,
  },
  {
    name: 'an instance freezes while it asks Redis, a minute before the token ends',
    instances: 1,
    async run(simulation, app) {
      await warmUp(simulation);
      await simulation.runUntil(tokenLifeMs - 62_000);
      const frozen = simulation.coldStart();
      // It connects within 2 ms, asks, and is frozen before the reply.
      simulation.redis.latencyMs = [1, 1];
      void frozen.request(app, 8000);
      await simulation.runUntil(tokenLifeMs - 62_000 + 3.5);
      frozen.freeze(false);
      simulation.redis.latencyMs = redisLatencyMs;
      await simulation.runUntil(tokenLifeMs - 53_000);
      frozen.thaw();
      await simulation.runUntil(tokenLifeMs + 5000);
      void frozen.request(app, 8000);
      await simulation.runUntil(tokenLifeMs + minuteMs);
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  ...races,
];

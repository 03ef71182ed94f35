import {
  everyInstance,
  failsForAnHour,
  hourMs,
  minuteMs,
  requestEvery,
  type Scenario,
  timerEvery5Minutes,
  warmUp,
} from './scenario.ts';
import { tokenLifeMs } from './simulation.ts';
import { wecomLatencyMs } from './upstream.ts';

/** The situations that somebody has met or feared, with the most they may cost. */
export const scenarios: readonly Scenario[] = [
  {
    name: '6 calm hours, 50 instances, a timer every 5 minutes',
    instances: 50,
    async run(simulation) {
      requestEvery(simulation, 5000);
      timerEvery5Minutes(simulation);
      await simulation.runUntil(6 * hourMs);
    },
    // A: per life one early try; and in the last second, which WeCom rounds away, the same token once more.
    gettokensMax: [7, 4, 4, 4],
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
        simulation.scheduler.after(30_000, () => holder.thaw());
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
      requestEvery(simulation, 2000);
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
    gettokensMax: [2, 2, 2, 2],
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
];

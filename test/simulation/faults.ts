import type { Instance } from './instance.ts';
import { redisLatencyMs, type RedisMode } from './redis-server.ts';
import type { Simulation } from './simulation.ts';
import { type App, type Failure, wecomLatencyMs } from './upstream.ts';

/** Something that goes wrong, and how it ends. Durations in milliseconds. */
export interface Fault {
  name: string;
  /** How long it lasts; 0 for what happens at once. */
  ms: [min: number, max: number];
  /** Starts it. Returns a function that ends it. */
  start: (simulation: Simulation) => () => void;
}

const nothing = (): void => {};

function redisMode(name: string, mode: RedisMode, ms: [number, number]): Fault {
  return {
    name,
    ms,
    start({ redis, troubles }) {
      const over = troubles.begin('redis');
      redis.setMode(mode);
      return () => {
        redis.setMode('up');
        over();
      };
    },
  };
}

function redisNetwork(name: string, latencyMs: [number, number], lossChance: number): Fault {
  return {
    name,
    ms: [5000, 300_000],
    start({ redis, troubles }) {
      const over = troubles.begin('redis');
      Object.assign(redis, { latencyMs, lossChance });
      return () => {
        Object.assign(redis, { latencyMs: redisLatencyMs, lossChance: 0 });
        over();
      };
    },
  };
}

function gettokenFails(name: string, failure: Failure, ms: [number, number]): Fault {
  return {
    name,
    ms,
    start({ random, apps, troubles }) {
      const app = random.pick(apps);
      const over = troubles.begin('gettoken');
      app.gettokenFailure = failure;
      return () => {
        app.gettokenFailure = undefined;
        over();
      };
    },
  };
}

function once(name: string, happen: (simulation: Simulation, app: App) => void): Fault {
  return {
    name,
    ms: [0, 0],
    start(simulation) {
      happen(simulation, simulation.random.pick(simulation.apps));
      return nothing;
    },
  };
}

/** For some time, hits each instance that has just got the lease, or just started a request. */
function on(
  moment: 'onLease' | 'onRequest',
  name: string,
  chance: number,
  hit: (simulation: Simulation, instance: Instance) => void,
): Fault {
  return {
    name,
    ms: [60_000, 1_800_000],
    start(simulation) {
      const { random, scheduler } = simulation;
      simulation[moment] = (instance) => {
        if (!random.chance(chance)) return;
        scheduler.after(random.chance(0.5) ? random.between(0, 6) : random.between(0, 300), () =>
          hit(simulation, instance),
        );
      };
      return () => {
        simulation[moment] = undefined;
      };
    },
  };
}

function freezeFor(simulation: Simulation, instance: Instance): void {
  const { random, scheduler } = simulation;
  instance.freeze(random.chance(0.3));
  const ms = random.pick([
    random.between(100, 4000),
    random.between(4000, 40_000),
    random.between(40_000, 900_000),
  ]);
  scheduler.after(ms, () => instance.thaw());
}

function invalidate({ troubles, journal, random, burst }: Simulation, app: App): void {
  journal.note('wecom', 'ends the token early');
  troubles.happen('invalidation');
  app.invalidate();
  if (random.chance(0.5)) burst(random.integer(2, 40), 1500, app);
}

function outsider({ troubles, journal, scheduler }: Simulation, app: App): void {
  journal.note('wecom', 'an outsider calls gettoken');
  if (app.mode === 'new_old_dies') troubles.happen('invalidation');
  app.outsider(scheduler.nowMs());
}

function flush({ redis, troubles, journal }: Simulation): void {
  journal.note('redis', 'is flushed');
  troubles.happen('loss');
  redis.flush();
}

function failOver({ redis, troubles, journal, random, scheduler }: Simulation): void {
  const lagMs = random.pick([0, random.between(0, 3000), random.between(0, 60_000)]);
  journal.note('redis', 'fails over, losing', Math.round(lagMs));
  troubles.happen('failover');
  redis.failOver(lagMs);
  if (random.chance(0.2)) jumpRedisClock({ redis, troubles, random });
  const over = troubles.begin('redis');
  redis.setMode('refused');
  scheduler.after(random.between(50, 20_000), () => {
    redis.setMode('up');
    over();
  });
}

function jumpRedisClock({
  redis,
  troubles,
  random,
}: Pick<Simulation, 'redis' | 'troubles' | 'random'>): void {
  troubles.happen('redis_clock');
  redis.jumpClock(random.pick([-3_600_000, -30_000, -500, 500, 30_000, 3_600_000]));
}

/** Somebody writes other data under our keys. */
function poison({ redis, troubles, journal, random }: Simulation): void {
  troubles.happen('loss');
  for (const [key, entry] of redis.data) {
    if (!random.chance(0.5)) continue;
    journal.note('redis', key, 'is spoilt');
    if (typeof entry.value === 'string' || random.chance(0.3)) {
      redis.data.set(key, { value: typeof entry.value === 'string' ? new Map([['x', 'y']]) : 'spoilt' });
    } else {
      const field = random.pick(['c', 'g']);
      const spoilt = field === 'g' ? '1' : 'spoilt';
      redis.data.set(key, { ...entry, value: new Map(entry.value).set(field, spoilt) });
    }
  }
}

/** All faults of a random schedule. */
export const faults: readonly Fault[] = [
  redisMode('redis refuses', 'refused', [1000, 900_000]),
  redisMode('redis unreachable', 'unreachable', [1000, 600_000]),
  redisMode('redis hangs', 'hung', [200, 60_000]),
  redisMode('redis pauses writes', 'writes_paused', [500, 60_000]),
  redisMode('redis read-only', 'read_only', [5000, 900_000]),
  redisMode('redis full', 'full', [5000, 900_000]),
  redisMode('redis without scripts', 'no_scripts', [5000, 600_000]),
  redisMode('redis stores no token', 'no_hset', [5000, 900_000]),
  {
    name: 'proxy without EVALSHA',
    ms: [5000, 900_000],
    // This is no excuse for a failure: everything must work.
    start({ redis }) {
      redis.setMode('no_evalsha');
      return () => redis.setMode('up');
    },
  },
  redisNetwork('redis slow', [100, 450], 0),
  redisNetwork('redis loses messages', [0.2, 30], 0.15),
  {
    name: 'reads from a replica that lags',
    ms: [60_000, 1_800_000],
    start({ redis, random, troubles }) {
      const over = troubles.begin('redis');
      redis.readLagMs = random.pick([1000, 60_000, 900_000]);
      return () => {
        redis.readLagMs = 0;
        over();
      };
    },
  },
  gettokenFails('wrong secret', 40_001, [10_000, 3_600_000]),
  gettokenFails('gettoken limited', 45_009, [60_000, 3_600_000]),
  gettokenFails('gettoken concurrency', 45_033, [1000, 60_000]),
  gettokenFails('wecom busy', -1, [1000, 300_000]),
  gettokenFails('gettoken hangs', 'hang', [3000, 600_000]),
  gettokenFails('gettoken answers 500', 'http_500', [1000, 600_000]),
  {
    name: 'wecom slow',
    ms: [10_000, 900_000],
    start({ random, apps, troubles }) {
      const app = random.pick(apps);
      const ends = [troubles.begin('gettoken'), troubles.begin('api')];
      app.latencyMs = random.pick([
        [500, 1400],
        [1000, 2500],
      ]);
      return () => {
        app.latencyMs = wecomLatencyMs;
        ends.forEach((end) => end());
      };
    },
  },
  {
    name: 'other endpoints fail',
    ms: [1000, 300_000],
    start({ random, apps, troubles }) {
      const app = random.pick(apps);
      const over = troubles.begin('api');
      app.apiFailure = random.pick<Failure>([-1, 'hang', 'http_500', 60_020, 45_009]);
      return () => {
        app.apiFailure = undefined;
        over();
      };
    },
  },
  {
    name: 'app not linked',
    ms: [10_000, 1_800_000],
    start({ random, apps, troubles }) {
      const app = random.pick(apps);
      const over = troubles.begin('unlinked');
      app.unlinked = true;
      return () => {
        app.unlinked = false;
        over();
      };
    },
  },
  {
    name: 'refusals by mistake',
    ms: [10_000, 1_800_000],
    start({ random, apps }) {
      const app = random.pick(apps);
      const chance = random.pick([0.02, 0.2]);
      app.isRefusedByMistake = () => random.chance(chance);
      return () => {
        app.isRefusedByMistake = () => false;
      };
    },
  },
  once('token ended early', invalidate),
  once('outsider', outsider),
  once('flush', flush),
  once('failover', failOver),
  once('redis clock jumps', jumpRedisClock),
  once('poison', poison),
  once('crash', ({ random, instances }) => random.pick(instances).crash()),
  once('freeze', (simulation) => freezeFor(simulation, simulation.random.pick(simulation.instances))),
  once('many freeze', (simulation) =>
    simulation.instances.forEach((instance) => freezeFor(simulation, instance)),
  ),
  once('wall clock jumps', ({ random, instances }) => {
    random.pick(instances).jumpWallClock(random.pick([-3_600_000, -5000, 5000, 3_600_000]));
  }),
  on('onLease', 'holders crash', 0.5, (_, holder) => holder.crash()),
  on('onLease', 'holders freeze', 0.5, freezeFor),
  on('onLease', 'flush under a holder', 0.5, flush),
  on('onLease', 'failover under a holder', 0.5, failOver),
  on('onLease', 'token ended under a holder', 0.5, (simulation) =>
    invalidate(simulation, simulation.random.pick(simulation.apps)),
  ),
  on('onLease', 'outsider under a holder', 0.5, (simulation) =>
    outsider(simulation, simulation.random.pick(simulation.apps)),
  ),
  on('onRequest', 'requests crash', 0.2, (_, instance) => instance.crash()),
  on('onRequest', 'requests freeze', 0.2, freezeFor),
];

import type { RenewOutcome } from '../../lib/token-source.ts';
import { createInstance } from './instance.ts';
import { hashOf } from './redis-data.ts';
import { expectOk, finished, minuteMs, requestEvery, type Scenario, until } from './scenario.ts';
import { type Simulation, tokenLifeMs } from './simulation.ts';
import type { App } from './upstream.ts';

/** Situations in which several things happen within moments; random worlds seldom meet them. */
export const races: readonly Scenario[] = [
  {
    name: 'a lagging replica shows a record that does not open, and WeCom ends the token that replaced it',
    instances: 2,
    async run(simulation, app) {
      const { redis, scheduler, troubles } = simulation;
      const [first, second] = simulation.instances;
      await expectOk(simulation, first?.request(app, 8000));
      const tokKey = tokenKeyOf(simulation);
      const spoilt = new Map(hashOf(redis, tokKey)).set('c', 'spoilt');
      redis.data.set(tokKey, { ...redis.data.get(tokKey), value: spoilt });
      simulation.onLease = () => {
        simulation.onLease = undefined;
        const leasedAtMs = scheduler.nowMs();
        // From now on the replica stands still.
        simulation.every(
          () => 1,
          () => (redis.readLagMs = scheduler.nowMs() - leasedAtMs),
        );
      };
      await expectOk(simulation, second?.request(app, 8000));
      troubles.happen('invalidation');
      app.invalidate();
      await expectOk(simulation, second?.request(app, 8000));
    },
    gettokensMax: [3, 3, 3, 3],
    failedMax: 0,
  },
  {
    name: 'gettoken fails for a moment, and Redis does not store that',
    instances: 1,
    async run(simulation, app) {
      const { redis, scheduler, troubles } = simulation;
      const [instance] = simulation.instances;
      redis.latencyMs = [1, 1];
      app.latencyMs = [50, 50];
      app.gettokenFailure = 'http_500';
      troubles.begin('gettoken');
      void instance?.request(app, 8000);
      await until(simulation, () => app.gettokens > 0);
      app.gettokenFailure = undefined;
      scheduler.after(40, () => redis.setMode('no_scripts'));
      // By then the failure was sent twice; the next script asks for the lease.
      scheduler.after(55.5, () => redis.setMode('up'));
      await simulation.runUntil(minuteMs);
      await expectOk(simulation, instance?.request(app, 8000));
    },
    modes: ['new_old_dies'],
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'a holder of the lease is frozen twice before it fetches, and tokens live for 2 s',
    instances: 3,
    lifeMs: 2000,
    async run(simulation, app) {
      const late = createInstance(simulation, 'late');
      const freezes = [4800, 1400];
      simulation.onLease = (holder) => {
        const ms = freezes.shift();
        if (ms === undefined) return;
        holder.freeze(false);
        simulation.scheduler.after(ms, () => holder.thaw(false));
      };
      void late.request(app, 8000);
      await until(simulation, () => app.gettokens > 0);
      requestEvery(simulation, 300);
      await simulation.runUntil(2 * minuteMs);
    },
    gettokensMax: [25, 25, 25, 25],
    failedMax: Infinity,
  },
  {
    name: 'a commit fails while a newer token has come from Redis',
    instances: 2,
    async run(simulation, app) {
      const { redis, scheduler } = simulation;
      const [first, second] = simulation.instances;
      redis.latencyMs = [1, 1];
      app.latencyMs = [50, 50];
      void first?.request(app, 8000);
      await until(simulation, () => app.gettokens > 0);
      // Just after it sent the commit.
      await simulation.runUntil(scheduler.nowMs() + 50.5);
      first?.freeze(false);
      redis.data.delete(tokenKeyOf(simulation));
      await expectOk(simulation, second?.request(app, 8000));
      await simulation.runUntil(10_000);
      first?.thaw(true);
      // The commit, sent again, waits until it fails. Meanwhile another request reads the newer token.
      redis.setMode('writes_paused');
      void first?.request(app, 8000);
      await simulation.runUntil(12_000);
      redis.setMode('up');
      await expectOk(simulation, first?.request(app, 8000));
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'a token is refused by mistake three times, and was issued again before the second time',
    instances: 1,
    async run(simulation, app) {
      const { scheduler, troubles } = simulation;
      const [instance] = simulation.instances;
      await expectOk(simulation, instance?.request(app, 8000));
      troubles.happen('invalidation');
      app.invalidate();
      let calls = 0;
      app.isRefusedByMistake = () => [2, 4, 5].includes((calls += 1));
      app.latencyMs = [10, 10];
      // Call 1 carries the old token; the one with the new token is slow, so that it becomes call 4.
      const slow = instance?.request(app, 8000);
      await until(simulation, () => app.gettokens === 2);
      scheduler.after(11, () => (app.latencyMs = [1000, 1000]));
      await simulation.runUntil(scheduler.nowMs() + 100);
      app.latencyMs = [10, 10];
      // Calls 2 and 3: refused, then accepted with the token issued again.
      await expectOk(simulation, instance?.request(app, 8000));
      // Calls 5 and 6: the token issued again, then that of its own gettoken.
      await expectOk(simulation, slow);
    },
    modes: ['same'],
    gettokensMax: [4, 4, 4, 4],
    failedMax: 0,
  },
  {
    name: 'a lease is 1.99 s old before its holder calls gettoken, which hangs',
    instances: 10,
    async run(simulation, app) {
      const { redis, scheduler, troubles } = simulation;
      troubles.begin('gettoken');
      app.gettokenFailure = 'hang';
      redis.latencyMs = [1, 1];
      simulation.onLease = (holder) => {
        simulation.onLease = undefined;
        holder.freeze(false);
        scheduler.after(1990, () => {
          redis.latencyMs = [20, 20];
          holder.thaw(false);
        });
      };
      for (const instance of simulation.instances) void instance.request(app, 8000);
      await until(simulation, () => app.gettokens > 0);
      // The failure is stored for all: nobody calls gettoken for a second.
      await simulation.runUntil(scheduler.nowMs() + 3500);
    },
    modes: ['new_old_dies'],
    gettokensMax: [1, 1, 1, 1],
    failedMax: Infinity,
  },
  {
    name: 'Redis does not store a token, and WeCom refuses it by mistake',
    instances: 1,
    async run(simulation, app) {
      const { redis, troubles } = simulation;
      const [instance] = simulation.instances;
      await expectOk(simulation, instance?.request(app, 8000));
      troubles.happen('invalidation');
      app.invalidate();
      troubles.begin('redis');
      redis.setMode('no_hset');
      let calls = 0;
      // Call 1 carries the old token, which is still in Redis when the new one is refused.
      app.isRefusedByMistake = () => (calls += 1) === 2;
      await expectOk(simulation, instance?.request(app, 8000));
      if (calls !== 3) simulation.journal.violate('Count', `${calls} calls with 3 tokens`);
    },
    gettokensMax: [3, 3, 3, 3],
    failedMax: 0,
  },
  {
    name: 'a call gives up while another one waits for the same lookup',
    instances: 2,
    async run(simulation, app) {
      const { redis, scheduler, troubles } = simulation;
      const [first, second] = simulation.instances;
      await expectOk(simulation, first?.request(app, 8000));
      await expectOk(simulation, second?.request(app, 8000));
      troubles.happen('invalidation');
      redis.latencyMs = [1, 1];
      app.latencyMs = [10, 10];
      let calls = 0;
      // One of the holder of the lease, two of the call that gives up, one of the call that waits.
      app.isRefusedByMistake = () => (calls += 1) <= 4;
      simulation.onLease = () => {
        simulation.onLease = undefined;
        app.latencyMs = [2000, 2000];
      };
      const holder = second?.request(app, 8000);
      await until(simulation, () => !simulation.onLease);
      await simulation.runUntil(scheduler.nowMs() + 5);
      app.latencyMs = [10, 10];
      void first?.request(app, 1000);
      // What gettoken returned again was refused to this call once.
      await expectOk(simulation, first?.request(app, 8000));
      await expectOk(simulation, holder);
    },
    modes: ['same'],
    gettokensMax: [2, 2, 2, 2],
    failedMax: 1,
  },
  {
    name: 'a timer is frozen past its lease',
    instances: 1,
    // The old token is still there, so the timer must call again.
    run: (simulation, app) => renewPastLease(simulation, app, 'failed_transient'),
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'a timer is frozen past its lease, and another instance renews the token',
    instances: 2,
    run: (simulation, app) => renewPastLease(simulation, app, 'fresh'),
    modes: ['new_old_dies'],
    gettokensMax: [3, 3, 3, 3],
    failedMax: 0,
  },
  {
    name: 'a timer finds an older token in Redis than the one that was not stored',
    instances: 1,
    async run(simulation, app) {
      const { redis, troubles } = simulation;
      const [instance] = simulation.instances;
      await expectOk(simulation, instance?.request(app, 8000));
      troubles.happen('invalidation');
      app.invalidate();
      troubles.begin('redis');
      redis.setMode('no_hset');
      await expectOk(simulation, instance?.request(app, 8000));
      if (instance) await finished(simulation, instance.renew(app));
      await expectOk(simulation, instance?.request(app, 8000));
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
  {
    name: 'WeCom refuses a token when no time is left for another one',
    instances: 1,
    async run(simulation, app) {
      const [instance] = simulation.instances;
      await expectOk(simulation, instance?.request(app, 8000));
      simulation.troubles.happen('invalidation');
      app.invalidate();
      app.latencyMs = [600, 600];
      void instance?.request(app, 1000);
      await simulation.runUntil(minuteMs);
    },
    gettokensMax: [1, 1, 1, 1],
    failedMax: 1,
  },
  {
    name: 'a token is accepted after a rest, then an earlier question is answered, then WeCom ends the token',
    instances: 1,
    async run(simulation, app) {
      const { redis, scheduler, troubles } = simulation;
      const [instance] = simulation.instances;
      await expectOk(simulation, instance?.request(app, 8000));
      app.latencyMs = [1000, 1000];
      const slow = instance?.request(app, 8000);
      await simulation.runUntil(scheduler.nowMs() + 100);
      // Others were refused the token, and gettoken has rested and returned it again.
      const tokKey = tokenKeyOf(simulation);
      const onProbation = new Map(hashOf(redis, tokKey)).set('p', `${redis.nowMs() * 1000}`);
      redis.data.set(tokKey, { ...redis.data.get(tokKey), value: onProbation });
      redis.data.set(tokKey.replace(/tok$/, 'rejects'), { value: '1' });
      await simulation.runUntil(scheduler.nowMs() + 100);
      app.latencyMs = [10, 10];
      await expectOk(simulation, instance?.request(app, 8000));
      await expectOk(simulation, slow);
      troubles.happen('invalidation');
      app.invalidate();
      await expectOk(simulation, instance?.request(app, 8000));
    },
    gettokensMax: [2, 2, 2, 2],
    failedMax: 0,
  },
];

/** The first instance is frozen for 30 s while it renews; the second one, if there is one, renews meanwhile. */
async function renewPastLease(simulation: Simulation, app: App, expected: RenewOutcome): Promise<void> {
  const { scheduler, journal } = simulation;
  const [instance, other] = simulation.instances;
  await expectOk(simulation, instance?.request(app, 8000));
  await simulation.runUntil(tokenLifeMs - 10 * minuteMs);
  simulation.onLease = (holder) => {
    simulation.onLease = undefined;
    scheduler.after(20, () => holder.freeze(false));
    scheduler.after(10_000, () => void other?.renew(app));
    scheduler.after(30_000, () => holder.thaw(false));
  };
  const outcome = instance && (await finished(simulation, instance.renew(app)));
  if (outcome !== expected) journal.violate('Count', `the timer says ${outcome}`);
}

/** Returns the key of the first app's token. */
function tokenKeyOf({ heart, apps, encryptionKeys }: Simulation): string {
  const [app] = apps;
  if (!app) throw new Error('no app');
  return heart.tokenStoreKeys(heart.tokenKeyId(app.corp, encryptionKeys)).tok;
}

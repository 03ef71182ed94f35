import type { Journal } from './journal.ts';
import { hashOf, type RedisData, stringOf, ttlOf } from './redis-data.ts';
import type { ScriptWatcher } from './redis-server.ts';
import type { Trouble, Troubles } from './troubles.ts';
import type { App, IssuedToken } from './upstream.ts';

/** The process behind a lease, as far as the checks need it. */
export interface Holder {
  name: string;
  /** When it last crashed, froze or thawed; -1 = never. */
  disturbedAtMs(): number;
}

/**
 * Checks each change of the record in Redis and each gettoken from outside: by the keys before and after a script, by
 * what WeCom knows about a token, and by what went wrong in the world.
 */
export interface StoreWatch {
  onScript: ScriptWatcher;
  /** The reply to a script reached its sender. */
  onReply(holder: Holder, args: readonly string[], reply: unknown): void;
  /** An instance calls gettoken. Returns a function to call with the result for the instance. */
  onGettoken(holder: Holder, app: App): (outcome: 'answered' | 'failed') => void;
  /** Returns whether this holder has just got the reply to its commit: its token serves that one request. */
  hasJustCommitted(holder: Holder): boolean;
  /** Returns whether the gettoken calls of the last minute have reached the limit. */
  hasUsedUpTheMinute(app: App): boolean;
  /** Returns the usable record of an app that Redis has now. */
  stored(app: App): { token: IssuedToken | undefined; ttlMs: number } | undefined;
}

interface Grant {
  owner: string;
  app: App;
  atMs: number;
  holder?: Holder;
  state: 'given' | 'asking' | 'answered' | 'failed' | 'over';
}

interface Record {
  generation: number;
  fingerprint: string;
  sealed: string;
  ttlMs: number;
  noEarlyRenewal: boolean;
}

/** A timer may renew this long before expiry, and nobody earlier. */
const aheadMsMax = 1_200_000;
/** A renewal that gains less is useless. */
const gainMsMin = 60_000;
const gettokensPerMinuteMax = 12;
const leaseMs = 5000;
/** One that is longer comes from a clock that was set back. */
const pauseMsMax = 600_000;
/** From the lease to the moment at which WeCom is called: a round trip. */
const onTheWayMsMax = leaseMs;
/** A lease counts for a minute and as long as it lasts; then its call is on the way. */
const countedMs = 60_000 + 2 * onTheWayMsMax;
const dataTroubles: Trouble[] = ['redis', 'loss', 'failover', 'redis_clock'];
/** Troubles that delete the times of the last calls. */
const excusesForMoreCalls: Trouble[] = ['loss', 'failover', 'redis_clock'];

interface Options {
  nowMs: () => number;
  redis: () => RedisData;
  journal: Journal;
  troubles: Troubles;
  /** The apps by the key of their record. */
  apps: ReadonlyMap<string, App>;
}

export function createStoreWatch({ nowMs, redis, journal, troubles, apps }: Options): StoreWatch {
  const grants = new Map<string, Grant>();
  const latest = new Map<App, Grant>();
  const sealedKnown = new Set<string>();
  const generationMax = new Map<App, number>();
  const numberMax = new Map<App, number>();
  const earlyTries = new Map<string, number>();
  const calls = new Map<App, number[]>();
  const storedAtMs = new Map<App, number>();
  const committedAtMs = new Map<Holder, number>();

  function judgeGrant(
    app: App,
    owner: string,
    before: RedisData,
    after: RedisData,
    keys: readonly string[],
  ): void {
    const [tokKey = '', leaseKey = '', negKey = ''] = keys;
    // A script that knows better may end the pause.
    const pauseMs = ttlOf(after, negKey);
    if (pauseMs > 0 && pauseMs <= pauseMsMax) {
      journal.violate('P9 pause', `${owner} got the lease although gettoken is paused for ${pauseMs} ms`);
    }
    const holder = stringOf(before, leaseKey);
    // One that lasts longer than a lease can comes from a clock that was set back.
    if (holder !== undefined && holder !== owner && ttlOf(before, leaseKey) <= leaseMs) {
      journal.violate('P4 one holder', `${owner} got the lease that ${holder} still held`);
    }
    const record = recordOf(before, tokKey);
    if (record && !mayReplace(app, record)) {
      journal.violate('P1 needless fetch', `${owner} may fetch although ${describe(app, record)} is good`);
    }
    const previous = latest.get(app);
    if (previous) judgePrevious(previous, owner);
    const grant: Grant = { owner, app, atMs: nowMs(), state: 'given' };
    grants.set(owner, grant);
    latest.set(app, grant);
  }

  function mayReplace(app: App, record: Record): boolean {
    const token = app.byFingerprint(record.fingerprint);
    if (!token || !sealedKnown.has(record.sealed)) return true;
    if (token.dead || token.refused || app.unlinked) return true;
    return record.ttlMs <= aheadMsMax && !record.noEarlyRenewal;
  }

  /** A token fetched by a running holder with a working Redis must be stored before its lease expires. */
  function judgePrevious(grant: Grant, next: string): void {
    const { holder, state, owner, atMs } = grant;
    if (!holder || (state !== 'asking' && state !== 'answered')) return;
    if (holder.disturbedAtMs() >= atMs || troubles.since(atMs - 1000, ...dataTroubles)) return;
    const what = state === 'asking' ? 'is still asking' : 'never stored its answer';
    journal.violate('P1 one fetch', `${next} got the lease while ${owner} (${holder.name}) ${what}`);
  }

  function judgeStored(
    app: App,
    owner: string,
    before: RedisData,
    after: Record,
    keys: readonly string[],
    isAfterRefusal: boolean,
  ): void {
    const [tokKey = '', leaseKey = ''] = keys;
    const holder = stringOf(before, leaseKey);
    if (holder !== owner) {
      journal.violate(
        'P4 holder commits',
        `${owner} stored a token, the lease belongs to ${holder ?? 'nobody'}`,
      );
    }
    const token = app.byFingerprint(after.fingerprint);
    if (!token) {
      journal.violate('P4 known token', `${owner} stored a token that WeCom never issued`);
      return;
    }
    const record = recordOf(before, tokKey);
    const known = troubles.count(0, 'redis_clock') > 0 ? record?.generation : generationMax.get(app);
    if (known !== undefined && after.generation <= known) {
      journal.violate('P3 generation', `${owner} stored generation ${after.generation} after ${known}`);
    }
    generationMax.set(app, Math.max(after.generation, generationMax.get(app) ?? 0));

    const lost = troubles.since(storedAtMs.get(app) ?? 0, 'loss', 'failover', 'redis_clock', 'unlinked');
    if (lost) earlyTries.clear();
    const newest = lost ? record && app.byFingerprint(record.fingerprint)?.number : numberMax.get(app);
    if (newest !== undefined && token.number < newest) {
      journal.violate('P4 order', `${owner} stored token ${token.number} over token ${newest}`);
    }
    numberMax.set(app, token.number);

    const same = record?.fingerprint === after.fingerprint && !isAfterRefusal;
    if (same && after.ttlMs <= record.ttlMs + gainMsMin && !lost && sealedKnown.has(record.sealed)) {
      const life = `${after.fingerprint} until ${token.endsAtMs}`;
      const tries = (earlyTries.get(life) ?? 0) + 1;
      earlyTries.set(life, tries);
      if (tries > 1) {
        journal.violate(
          'P1 early tries',
          `token ${token.number} was fetched early ${tries} times for nothing`,
        );
      }
    }
    sealedKnown.add(after.sealed);
    storedAtMs.set(app, nowMs());
    const grant = grants.get(owner);
    if (grant) grant.state = 'over';
  }

  function judgeRate(app: App): void {
    calls.set(app, [...callsWithin(app, countedMs), nowMs()]);
    const recent = callsWithin(app, 60_000);
    const allowed = gettokensPerMinuteMax;
    const excused = troubles.since(nowMs() - 60_000 - onTheWayMsMax, ...excusesForMoreCalls);
    if (recent.length > allowed && !excused) {
      journal.violate('P7 rate', `${recent.length} gettoken calls within a minute, ${allowed} allowed`);
    }
  }

  function callsWithin(app: App, ms: number): number[] {
    return (calls.get(app) ?? []).filter((atMs) => atMs > nowMs() - ms);
  }

  function holdsLease({ app, owner }: Grant): boolean {
    const tokKey = [...apps].find(([, candidate]) => candidate === app)?.[0] ?? '';
    return stringOf(redis(), tokKey.replace(/tok$/, 'lease')) === owner;
  }

  function describe(app: App, record: Record): string {
    const number = app.byFingerprint(record.fingerprint)?.number ?? '?';
    return `token ${number} with ${record.ttlMs} ms left${record.noEarlyRenewal ? ', not to be renewed early' : ''}`;
  }

  return {
    onScript({ keys, args, before, after }) {
      const [tokKey = '', leaseKey = ''] = keys;
      const [owner = ''] = args;
      const app = apps.get(tokKey);
      if (!app) return;
      const lease = stringOf(after, leaseKey);
      if (lease === owner && stringOf(before, leaseKey) !== owner)
        judgeGrant(app, owner, before, after, keys);
      const was = hashOf(before, tokKey);
      const is = recordOf(after, tokKey);
      if (is && was?.get('g') !== `${is.generation}`) {
        judgeStored(app, owner, before, is, keys, args[4] === '1');
      }
    },

    onReply(holder, args, reply) {
      const grant = grants.get(args[0] ?? '');
      const state: unknown = Array.isArray(reply) ? reply[0] : undefined;
      if (!grant) return;
      if (state === 'stored' || state === 'lost') committedAtMs.set(holder, nowMs());
      if (state === 'lease') grant.holder ??= holder;
      if (state !== 'lost' || grant.state === 'over') return;
      grant.state = 'over';
      if (holder.disturbedAtMs() >= grant.atMs || troubles.since(grant.atMs - 1000, ...dataTroubles)) return;
      journal.violate(
        'P4 living holder',
        `${grant.owner} (${holder.name}) lost its lease though nothing went wrong`,
      );
    },

    onGettoken(holder, app) {
      judgeRate(app);
      const grant = [...grants.values()].findLast(
        (candidate) => candidate.app === app && candidate.holder === holder && candidate.state === 'given',
      );
      if (!grant) {
        journal.violate('No lease, no gettoken', `${holder.name} called gettoken without a lease of its own`);
        return () => {};
      }
      if (
        !holdsLease(grant) &&
        !troubles.since(grant.atMs, 'loss', 'failover', 'redis_clock', 'wall_clock')
      ) {
        journal.violate('P4 late gettoken', `${holder.name} called gettoken after its lease had ended`);
      }
      grant.state = 'asking';
      return (outcome) => {
        if (grant.state === 'asking') grant.state = outcome;
      };
    },

    hasUsedUpTheMinute: (app) => callsWithin(app, countedMs).length >= gettokensPerMinuteMax,

    hasJustCommitted: (holder) => committedAtMs.get(holder) === nowMs(),

    stored(app) {
      const tokKey = [...apps].find(([, candidate]) => candidate === app)?.[0] ?? '';
      const record = recordOf(redis(), tokKey);
      if (!record || !sealedKnown.has(record.sealed)) return undefined;
      return { token: app.byFingerprint(record.fingerprint), ttlMs: record.ttlMs };
    },
  };
}

function recordOf(redis: RedisData, tokKey: string): Record | undefined {
  const hash = hashOf(redis, tokKey);
  const ttlMs = ttlOf(redis, tokKey);
  const [generation, fingerprint, sealed] = ['g', 'h', 'c'].map((field) => hash?.get(field));
  if (ttlMs <= 0 || generation === undefined || fingerprint === undefined || sealed === undefined)
    return undefined;
  return {
    generation: Number(generation),
    fingerprint,
    sealed,
    ttlMs,
    noEarlyRenewal: hash?.get('n') === '1',
  };
}

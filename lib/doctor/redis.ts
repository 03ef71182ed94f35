// What can be wrong with Redis, asked as the login asks it.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { type Clock, elapsedMs, moment } from '../clock.ts';
import type { Log } from '../log.ts';
import { createRedis, type Redis, RedisError } from '../redis.ts';
import type { RedisAddress } from '../redis-address.ts';
import { createTokenStore, tokenStoreKeys } from '../token-store.ts';
import { type Finding, inside, type InsideId, type Report } from './finding.ts';

const pings = 5;
/** Half of an operation's first deadline would leave nothing for a busy moment; a VPC needs about 1 ms. */
const latencyMsMax = 50;
const memoryPercentMax = 85;
const connectMsMax = 500;

/** A replica that lags less than these round trips is no problem. */
const splitTries = 5;
/** In place of a company's `kid`, which is 16 hex digits. */
const probeKid = 'doctor';
const probeKey = `wxt1:{${probeKid}}:split`;
const probeMs = 1000;

/** Reports on Redis; returns whether the rest of the project can work with it. Rejects only because of a bug. */
export async function diagnoseRedis(
  redis: Redis,
  address: RedisAddress,
  clock: Clock,
  report: Report,
): Promise<boolean> {
  const ms: number[] = [];
  try {
    for (let i = 0; i < pings; i += 1) {
      const start = moment(clock);
      await redis.pipeline([['ping']]);
      ms.push(elapsedMs(clock, start));
    }
    report(inside('redis.reachable.ok'));
    reportServer(await info(address, clock, 'server'), report);
    await tryScripts(redis);
    report(inside('redis.scripts.ok'));
    report(inside((await readsAreOld(redis)) ? 'redis.reads.old' : 'redis.reads.ok'));
  } catch (error) {
    if (!(error instanceof RedisError)) throw error;
    report(await failureOf(error.reason, address, clock));
    return false;
  }
  reportMemory(await info(address, clock, 'memory'), report);
  const median = Math.round(ms.toSorted((a, b) => a - b)[Math.floor(pings / 2)] ?? 0);
  report(inside(median > latencyMsMax ? 'redis.latency.slow' : 'redis.latency.ok', { ms: median }));
  return true;
}

type Info = Record<string, string>;

/**
 * The fields of a section of INFO; empty if the server does not show it, which logins do not need. Asked on a connection
 * of its own, since some proxies close it.
 */
async function info(address: RedisAddress, clock: Clock, section: string): Promise<Info> {
  const redis = createRedis(address, clock, () => undefined);
  try {
    const [text] = await redis.pipeline([['info', section]]);
    return Object.fromEntries(
      [...String(text).matchAll(/^(\w+):(.*)$/gm)].map(([, name = '', value = '']) => [name, value.trim()]),
    );
  } catch (error) {
    if (error instanceof RedisError) return {};
    throw error;
  } finally {
    redis.close();
  }
}

/** Logs a line when a full Redis would delete entries. Rejects only because of a bug. */
export async function warnOfEviction(address: RedisAddress, clock: Clock, log: Log): Promise<void> {
  const { maxmemory_policy: policy = 'noeviction' } = await info(address, clock, 'memory');
  if (policy !== 'noeviction') log('warn', 'redis_evicts', { policy });
}

/** Stores a fake token as a login does, and deletes it. Rejects with RedisError. */
async function tryScripts(redis: Redis): Promise<void> {
  const store = createTokenStore(redis, probeKid);
  const owner = randomUUID();
  await store.begin(owner, '', 0);
  await store.commit(owner, { fingerprint: owner, sealed: 'none', ttlMs: probeMs }, false);
  await store.fail(owner, 'none', { baseMs: 1, capMs: 1 });
  await redis.pipeline(Object.values(tokenStoreKeys(probeKid)).map((key) => ['del', key]));
}

/** Whether a plain read does not show what was written just before. Rejects with RedisError. */
async function readsAreOld(redis: Redis): Promise<boolean> {
  for (let i = 0; i < splitTries; i += 1) {
    const value = randomUUID();
    const [, read] = await redis.pipeline([
      ['set', probeKey, value, 'PX', probeMs],
      ['get', probeKey],
    ]);
    if (read !== value) return true;
  }
  await redis.pipeline([['del', probeKey]]);
  return false;
}

function reportServer({ redis_version: version = '' }: Info, report: Report): void {
  const major = Number(/^\d+/.exec(version)?.[0]);
  if (version === '') report(inside('redis.version.hidden'));
  else report(inside(major < 4 ? 'redis.version.too_old' : 'redis.version.ok', { version }));
}

function reportMemory(memory: Info, report: Report): void {
  const { maxmemory_policy: policy } = memory;
  if (policy === undefined) report(inside('redis.eviction.hidden'));
  else if (policy === 'noeviction') report(inside('redis.eviction.ok'));
  else report(inside('redis.eviction.evicts', { policy }));
  const [used, max] = [Number(memory['used_memory']), Number(memory['maxmemory'])];
  const percent = Math.round((used / max) * 100);
  if (!(max > 0)) report(inside('redis.memory.no_limit'));
  else
    report(inside(percent < memoryPercentMax ? 'redis.memory.ok' : 'redis.memory.nearly_full', { percent }));
}

const idOf: Record<string, InsideId> = {
  auth: 'redis.auth.refused',
  not_redis: 'redis.reachable.not_redis',
  max_clients: 'redis.reachable.too_many_connections',
  no_database: 'redis.reachable.no_database',
  loading: 'redis.reachable.not_ready',
  master_down: 'redis.reachable.not_ready',
  cluster_down: 'redis.reachable.not_ready',
  no_permission: 'redis.scripts.disabled',
  unknown_command: 'redis.scripts.disabled',
  read_only: 'redis.writes.read_only',
  out_of_memory: 'redis.writes.full',
  busy_script: 'redis.scripts.refused',
  no_replicas: 'redis.scripts.refused',
  misconfigured: 'redis.scripts.refused',
  cross_slot: 'redis.scripts.refused',
  cluster_without_proxy: 'redis.scripts.bare_cluster',
  keys_not_seen: 'redis.scripts.keys_not_seen',
  writes_after_time: 'redis.scripts.older_server',
  err_tls_cert_altname_invalid: 'redis.tls.other_name',
  error_answer: 'redis.scripts.refused',
};

/** The finding for the reason of a `RedisError`. */
export function redisFinding(reason: string, about?: string): Finding {
  return inside(idOf[reason] ?? 'redis.reachable.no_answer', { reason }, about);
}

/** Node's codes for everything that can be wrong with a certificate or a handshake. */
const tlsFailure = /cert|ssl|tls|signature|issuer|eproto|altname/;
/** How a TLS handshake fails when the server does not speak TLS. A closed port or a wrong host fails differently. */
const silence = ['connect_timeout', 'timeout', 'closed', 'econnreset'];

async function failureOf(reason: string, address: RedisAddress, clock: Clock): Promise<Finding> {
  if (idOf[reason]) return redisFinding(reason);
  const speaksNoTls =
    address.tls !== undefined && silence.includes(reason) && (await acceptsConnections(address, clock));
  const tls = speaksNoTls || tlsFailure.test(reason);
  return tls ? inside('redis.tls.refused', { reason }) : redisFinding(reason);
}

/** Whether anything listens there at all. */
function acceptsConnections({ host, port }: RedisAddress, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const cancel = clock.after(connectMsMax, () => socket.destroy());
    let connected = false;
    socket.once('connect', () => {
      connected = true;
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => {
      cancel();
      resolve(connected);
    });
  });
}

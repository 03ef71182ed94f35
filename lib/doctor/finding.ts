/**
 * What the doctor finds from where the functions run, as ids and values. What they mean, and where to fix it, is said at
 * the terminal: scripts/doctor/table.ts has words for each id.
 */
export interface Finding {
  /** What was checked, then what was seen: `redis.memory.nearly_full`. Stable. */
  id: string;
  status: Status;
  values?: Values;
  /** Of several companies or functions: which. */
  about?: string;
}

/**
 * - `failed`: logins fail or soon will
 * - `warning`: everything works, but look at it
 * - `skipped`: could not be checked, or does not apply
 */
export type Status = 'ok' | 'warning' | 'failed' | 'skipped';

/** Never a secret: SCF logs them. */
export type Values = Record<string, string | number>;

export type Report = (finding: Finding) => void;

export const insideStatuses = {
  'redis.reachable.ok': 'ok',
  'redis.reachable.no_answer': 'failed',
  'redis.reachable.not_redis': 'failed',
  'redis.reachable.too_many_connections': 'failed',
  'redis.reachable.no_database': 'failed',
  'redis.reachable.not_ready': 'failed',
  'redis.scripts.ok': 'ok',
  'redis.scripts.bare_cluster': 'failed',
  'redis.scripts.disabled': 'failed',
  'redis.scripts.older_server': 'failed',
  'redis.scripts.keys_not_seen': 'failed',
  'redis.scripts.refused': 'failed',
  'redis.tls.refused': 'failed',
  'redis.tls.other_name': 'failed',
  'redis.auth.refused': 'failed',
  'redis.version.ok': 'ok',
  'redis.version.hidden': 'skipped',
  'redis.version.too_old': 'failed',
  'redis.reads.ok': 'ok',
  'redis.reads.old': 'warning',
  'redis.writes.read_only': 'failed',
  'redis.writes.full': 'failed',
  'redis.memory.ok': 'ok',
  'redis.memory.no_limit': 'skipped',
  'redis.memory.nearly_full': 'warning',
  'redis.eviction.ok': 'ok',
  'redis.eviction.hidden': 'skipped',
  'redis.eviction.evicts': 'warning',
  'redis.latency.ok': 'ok',
  'redis.latency.slow': 'warning',
  'wecom.reachable.proxy': 'ok',
  'wecom.reachable.proxy_no_answer': 'failed',
  'wecom.reachable.proxy_not_wecom': 'failed',
  'wecom.reachable.no_answer': 'failed',
  'wecom.reachable.not_wecom': 'failed',
  'wecom.reachable.busy': 'warning',
  'wecom.gettoken.fetched': 'ok',
  'wecom.gettoken.stored': 'ok',
  'wecom.gettoken.not_asked': 'skipped',
  'wecom.gettoken.wrong_secret': 'failed',
  'wecom.gettoken.wrong_corpid': 'failed',
  'wecom.gettoken.banned': 'failed',
  'wecom.gettoken.paused': 'failed',
  'wecom.gettoken.waiting': 'warning',
  'wecom.gettoken.refused': 'failed',
  'wecom.trusted_ip.ok': 'ok',
  'wecom.trusted_ip.not_trusted': 'failed',
  'wecom.app.stopped': 'failed',
  'wecom.app.refused': 'failed',
  'wecom.linked.ok': 'ok',
  'wecom.linked.not_linked': 'failed',
  'wecom.visible_range.ok': 'ok',
  'wecom.visible_range.not_listed': 'skipped',
  'wecom.visible_range.hidden': 'skipped',
  'wecom.visible_range.empty': 'failed',
  'wecom.roles.ok': 'ok',
  'wecom.roles.unknown': 'warning',
  'wecom.roles.refused': 'warning',
} as const satisfies Record<string, Status>;

export type InsideId = keyof typeof insideStatuses;

export function inside(id: InsideId, values: Values = {}, about?: string): Finding {
  return {
    id,
    status: insideStatuses[id],
    ...(Object.keys(values).length > 0 && { values }),
    ...(about !== undefined && { about }),
  };
}

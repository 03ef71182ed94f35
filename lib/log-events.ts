/** Fields of a failed call to WeCom: `WecomFailure` in wecom-error.ts, without the company. */
const wecomFailure = ['api', 'errcode', 'reason', 'field', 'hint', 'ip', 'enter_at'] as const;
/** Whose login or session it was, and from where. */
const audit = ['corpid', 'userid', 'client_address', 'device'] as const;
/** What took the time. */
const spent = ['ms', 'redis_ms', 'redis_calls', 'wecom'] as const;

/**
 * All events of the log, with their levels and fields. A call with any other event, level or field does not compile.
 * `docs/operations.md` explains each event, and a test compares the two. The built functions contain only its types.
 */
export const logEvents = {
  request: {
    levels: ['info', 'error'],
    fields: ['method', 'route', 'status', ...spent, 'error', 'reason', 'thrown'],
  },
  login_ok: { levels: ['info'], fields: [...audit, 'role'] },
  login_refused: { levels: ['info', 'warn'], fields: [...audit, 'role', 'reason'] },
  userid_not_usable: { levels: ['error'], fields: audit },
  session_ended: { levels: ['info', 'warn'], fields: [...audit, 'reason', 'sessions'] },
  session_not_ended: { levels: ['error'], fields: ['corpid', 'userid', 'reason', 'failure'] },
  access_denied: { levels: ['warn'], fields: ['corpid', 'userid', 'role'] },
  recheck_failed: { levels: ['error'], fields: ['corpid', 'userid', ...wecomFailure, 'age_seconds'] },
  recheck_skipped: { levels: ['warn'], fields: ['corpid', 'max', 'window_seconds'] },
  directory_not_read: { levels: ['error'], fields: ['corpid', 'what', 'reason', 'age_seconds'] },
  role_unknown: { levels: ['error'], fields: ['corpid', 'role', 'place', 'errcode'] },
  session_not_touched: { levels: ['warn'], fields: ['reason'] },
  token_stored: { levels: ['info'], fields: ['corpid', 'generation', 'unchanged', 'ttl_ms', 'by'] },
  gettoken_failed: { levels: ['error'], fields: ['corpid', ...wecomFailure, 'failure', 'pause_ms', 'by'] },
  token_refused: { levels: ['warn'], fields: ['corpid', 'api', 'errcode', 'hint', 'fingerprint'] },
  token_refused_again: { levels: ['error'], fields: ['corpid', 'api', 'errcode', 'hint', 'tokens'] },
  gettoken_rests: { levels: ['error'], fields: ['corpid', 'pause_ms'] },
  gettoken_too_often: { levels: ['error'], fields: ['corpid', 'pause_ms'] },
  token_life_short: { levels: ['warn'], fields: ['corpid', 'expires_in', 'by'] },
  token_not_stored: { levels: ['warn'], fields: ['corpid', 'reason', 'by'] },
  token_same_again: { levels: ['warn'], fields: ['corpid', 'by'] },
  token_lease_lost: { levels: ['warn'], fields: ['corpid'] },
  wecom_ip_not_trusted: { levels: ['error'], fields: ['corpid', 'api', 'errcode', 'hint', 'ip', 'enter_at'] },
  wecom_misconfigured: { levels: ['error'], fields: ['corpid', 'api', 'errcode', 'hint'] },
  wecom_rate_limited: { levels: ['error'], fields: ['corpid', 'api', 'errcode', 'hint'] },
  wecom_failed: { levels: ['error'], fields: ['corpid', 'api', 'errcode', 'reason', 'field', 'hint'] },
  wecom_called: {
    levels: ['info'],
    fields: ['caller', 'corpid', 'api', 'errcode', 'reason', 'client_address'],
  },
  wecom_call_refused: { levels: ['warn'], fields: ['caller', 'client_address', 'reason'] },
  login_brake_on: { levels: ['error'], fields: ['failures', 'window_seconds'] },
  reviewer_brake_on: { levels: ['error'], fields: ['tries_max', 'window_seconds'] },
  reviewer_locked: { levels: ['error'], fields: ['tries_max'] },
  redis_evicts: { levels: ['warn'], fields: ['policy'] },
  redis_failed: { levels: ['error'], fields: ['reason'] },
  refresh: {
    levels: ['info', 'error'],
    fields: ['companies', 'fresh', 'renewed', 'busy', 'paused', 'failed', 'failed_transient'],
  },
  invoked: { levels: ['info'], fields: spent },
  callback_verified: { levels: ['info'], fields: ['corpid'] },
  callback: { levels: ['info'], fields: ['corpid', 'type', 'event_name', 'change'] },
  listening: { levels: ['info'], fields: ['port', 'version'] },
  config_invalid: { levels: ['error'], fields: ['problems'] },
  crashed: { levels: ['error'], fields: ['thrown'] },
  unexpected_event: { levels: ['error'], fields: [] },
} as const satisfies Record<string, { levels: readonly Level[]; fields: readonly string[] }>;

export type Level = 'info' | 'warn' | 'error';
export type LogEvent = keyof typeof logEvents;

/** Writes one line. It also has the time, and the ids of the current request. */
export type Log = <Event extends LogEvent>(
  level: (typeof logEvents)[Event]['levels'][number],
  event: Event,
  fields?: Partial<Record<(typeof logEvents)[Event]['fields'][number], unknown>>,
) => void;

// Converts errors of Redis and of the way there into reasons for the log. Never keeps the text of an error.

/** An error of Redis with a reason for the log: `timeout`, `refused`, `closed`, `auth`, … */
export class RedisError extends Error {
  override readonly name = 'RedisError';
  readonly reason: string;
  /** A script failed while it ran. What it had already written stays. */
  readonly inScript: boolean;

  constructor(reason: string, inScript = false) {
    super(`redis: ${reason}`);
    this.reason = reason;
    this.inScript = inScript;
  }
}

/**
 * The reason for each error reply of Redis, by its first word. TencentDB replies `ERR unknown command` for a disabled
 * command. The rest of a reply is never kept, because it may contain the arguments of the command.
 */
const reasonOfAnswer: Record<string, string> = {
  NOAUTH: 'auth',
  WRONGPASS: 'auth',
  NOPERM: 'no_permission',
  OOM: 'out_of_memory',
  READONLY: 'read_only',
  LOADING: 'loading',
  BUSY: 'busy_script',
  MASTERDOWN: 'master_down',
  CLUSTERDOWN: 'cluster_down',
  NOREPLICAS: 'no_replicas',
  MISCONF: 'misconfigured',
  WRONGTYPE: 'wrong_type',
  CROSSSLOT: 'cross_slot',
  MOVED: 'cluster_without_proxy',
  ASK: 'cluster_without_proxy',
  NOSCRIPT: 'no_script',
};

/**
 * Errors on a healthy connection. After any other error, it makes sense to connect again; after `read_only` too, because
 * another connection may lead to the server that takes writes.
 */
export const answersOfAHealthyConnection: ReadonlySet<string> = new Set([
  'no_permission',
  'out_of_memory',
  'busy_script',
  'no_replicas',
  'misconfigured',
  'wrong_type',
  'cross_slot',
  'cluster_without_proxy',
  'no_script',
  'unknown_command',
  'keys_not_seen',
  'writes_after_time',
  'error_answer',
]);

/** Replies of proxies that do not support EVALSHA. */
const refusalsOfEvalsha: ReadonlySet<string> = new Set([
  'error_answer',
  'unknown_command',
  'no_permission',
  'keys_not_seen',
]);

/** Returns whether EVALSHA itself was refused, so that no part of the script has run. */
export function isEvalshaRefused({ reason, inScript }: RedisError): boolean {
  return refusalsOfEvalsha.has(reason) && !inScript;
}

/** Up to 6.2, an error inside a script: `ERR Error running script (call to f_…): @user_script:9: @user_script: 9: -OOM …`. */
const oldScriptError = /@user_script: ?\d+: -([A-Z]+)\b/;

/** Since 7.0: `OOM … script: …, on @user_script:9.` */
const scriptError = /@user_script:/;

/**
 * Returns the error with its reason; `undefined` if the error is neither from Redis nor from the connection.
 *
 * @param isReply Redis sent the error, as opposed to an error of the connection
 */
export function redisErrorOf(error: Error, isReply: boolean): RedisError | undefined {
  const reason = reasonOf(error, isReply);
  return reason === undefined ? undefined : new RedisError(reason, scriptError.test(error.message));
}

function reasonOf(error: Error, isReply: boolean): string | undefined {
  const { message } = error;
  const known = reasonOfAnswer[oldScriptError.exec(message)?.[1] ?? message.split(' ')[0] ?? ''];
  if (known) return known;
  if (/max number of clients/.test(message)) return 'max_clients';
  if (/DB index|SELECT is not allowed/i.test(message)) return 'no_database';
  if (/invalid password|AUTH/.test(message)) return 'auth';
  if (/unknown command/i.test(message)) return 'unknown_command';
  // Cluster proxies look for the keys in the text of a script.
  if (/KEYS array|bad lua script/i.test(message)) return 'keys_not_seen';
  // Servers older than Redis 4, which cannot replicate the writes of such a script.
  if (/after non deterministic commands/i.test(message)) return 'writes_after_time';
  const code = (error as NodeJS.ErrnoException).code;
  if (code) return code === 'ECONNREFUSED' ? 'refused' : code.toLowerCase();
  if (message.startsWith('Protocol error')) return 'not_redis';
  if (isReply) return 'error_answer';
  return /closed|connection close|writeable|max retries/i.test(message) ? 'closed' : undefined;
}

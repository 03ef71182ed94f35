/**
 * What each answer of Redis means to an operator, by its first word; TencentDB answers `ERR unknown command`
 * for a disabled one. The rest of an answer is never kept: it may quote the arguments of the command.
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
};

/** Answers of a healthy connection; all others mean that it is worth connecting anew. */
export const answersOfAHealthyConnection: ReadonlySet<string> = new Set([
  'no_permission',
  'out_of_memory',
  'busy_script',
  'no_replicas',
  'misconfigured',
  'wrong_type',
  'cross_slot',
  'cluster_without_proxy',
  'unknown_command',
  'keys_not_seen',
  'writes_after_time',
  'error_answer',
]);

/** What a proxy that takes no EVALSHA may answer to it; a script that fails gets some of these answers too. */
export const perhapsOfEvalsha: ReadonlySet<string> = new Set([
  'error_answer',
  'unknown_command',
  'no_permission',
  'keys_not_seen',
]);

/** Until 6.2, an error inside a script: `ERR Error running script (call to f_…): @user_script:9: @user_script: 9: -OOM …`. */
const inScript = /@user_script: ?\d+: -([A-Z]+)\b/;

/**
 * The reason for the log; `undefined` for an error that is none of Redis or the way there.
 *
 * @param answered Redis sent it, as against an error of the connection
 */
export function reasonOf(error: Error, answered: boolean): string | undefined {
  const { message } = error;
  const known = reasonOfAnswer[inScript.exec(message)?.[1] ?? message.split(' ')[0] ?? ''];
  if (known) return known;
  if (/max number of clients/.test(message)) return 'max_clients';
  if (/invalid password|AUTH/.test(message)) return 'auth';
  if (/unknown command/i.test(message)) return 'unknown_command';
  // Cluster proxies look for the keys in the text of a script.
  if (/KEYS array|bad lua script/i.test(message)) return 'keys_not_seen';
  // Servers older than Redis 4, which cannot replicate what such a script writes.
  if (/after non deterministic commands/i.test(message)) return 'writes_after_time';
  const code = (error as NodeJS.ErrnoException).code;
  if (code) return code === 'ECONNREFUSED' ? 'refused' : code.toLowerCase();
  if (message.startsWith('Protocol error')) return 'not_redis';
  if (answered) return 'error_answer';
  return /closed|connection close|writeable|max retries/i.test(message) ? 'closed' : undefined;
}

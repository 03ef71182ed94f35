// Where Redis is: REDIS_URL and REDIS_CA, REDIS_TLS_NAME and STAGE beside it, and how the certificate is checked.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Problem, Variables } from './environment.ts';

export interface RedisAddress {
  host: string;
  port: number;
  db: number;
  /** The whole AUTH string; TencentDB wants `account@password` in it and never a username. */
  password?: string;
  /**
   * With TLS; `ca` in PEM when the server's authority is not a public one, `name` when the certificate names another
   * host. At an IP address with a `ca` and without a `name`, the certificate may name anybody: only who signed it counts.
   */
  tls?: { ca?: string; name?: string };
  /** Stands before every key; `<stage>:`, so that two stages may share a Redis. */
  keyPrefix?: string;
}

/** Reads the address. Problems are recorded; a file that `REDIS_CA` names is read. */
export function readRedisAddress(variables: Variables): RedisAddress {
  const problem = (what: Problem) => variables.problem('REDIS_URL', what);
  const unusable = { host: '', port: 6379, db: 0 };
  const value = variables.required('REDIS_URL');
  const caFile = variables.text('REDIS_CA');
  if (value === '') return unusable;
  let url: URL;
  let password: string;
  try {
    url = new URL(value);
    password = decodeURIComponent(url.password);
  } catch {
    problem('must be redis://:password@host:port, the password percent-encoded');
    return unusable;
  }
  if (!['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    problem('must begin with redis:// or rediss:// and name a host');
  }
  if (url.username !== '' && url.username !== 'default') {
    problem('must not have a username; TencentDB wants account@password as the password');
  }
  if (url.port === '0') problem('must not name port 0');
  if (!/^(\/\d{0,3})?$/.test(url.pathname) || url.search !== '') {
    problem('may end with /0 to /999, nothing else');
  }
  const stage = variables.text('STAGE');
  if (!/^[A-Za-z0-9-]{0,32}$/.test(stage)) {
    variables.problem('STAGE', 'must be letters, digits and -, 32 at most');
  }
  const hasTls = url.protocol === 'rediss:';
  const ca = caFile === '' ? undefined : certificatesIn(caFile);
  if (caFile !== '' && ca === undefined) {
    variables.problem('REDIS_CA', 'must be a readable PEM file of certificates alone');
  } else if (ca !== undefined && !hasTls) variables.problem('REDIS_CA', 'is only for a rediss:// REDIS_URL');
  const name = variables.text('REDIS_TLS_NAME');
  if (name !== '' && (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || isIP(name) !== 0)) {
    variables.problem(
      'REDIS_TLS_NAME',
      'must be a name as it is in the certificate, without * and no address',
    );
  }
  if (name !== '' && !hasTls) variables.problem('REDIS_TLS_NAME', 'is only for a rediss:// REDIS_URL');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1)),
    ...(password !== '' && { password }),
    ...(hasTls && { tls: { ...(ca !== undefined && { ca }), ...(name !== '' && { name }) } }),
    ...(stage !== '' && { keyPrefix: `${stage}:` }),
  };
}

/** Returns the text of a PEM file that contains only certificates. No key, because the file is packed with the function. */
function certificatesIn(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const labels = [...text.matchAll(/-----BEGIN ([^-]*)-----/g)].map(([, label]) => label);
    return labels.length > 0 && labels.every((label) => label === 'CERTIFICATE') ? text : undefined;
  } catch {
    return undefined;
  }
}

/** How the certificate of the server is checked. */
export function tlsOptions(host: string, { ca, name }: NonNullable<RedisAddress['tls']>): ConnectionOptions {
  const isAddress = isIP(host) !== 0;
  return {
    ...(ca !== undefined && { ca }),
    // Node sends no name to the server unless it is told one.
    ...((name !== undefined || !isAddress) && { servername: name ?? host }),
    // TencentDB is reached at a private address, which its certificate does not name.
    ...(ca !== undefined && name === undefined && isAddress && { checkServerIdentity: () => undefined }),
  };
}

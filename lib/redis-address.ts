// REDIS_URL as parts, and how the certificate of the server is checked.
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

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

/** How the certificate of the server is checked. */
export function tlsOptions(host: string, { ca, name }: NonNullable<RedisAddress['tls']>): ConnectionOptions {
  if (ca === undefined) return name === undefined ? {} : { servername: name };
  if (name !== undefined) return { ca, servername: name };
  // TencentDB is reached at a private address, which its certificate does not name.
  return isIP(host) === 0 ? { ca } : { ca, checkServerIdentity: () => undefined };
}

import { createHash } from 'node:crypto';

/** Where a session lies in Redis. */
export interface Place {
  key: string;
  field: string;
  /** A sealed record opens only where it was put. */
  boundTo: string;
}

const tokenPattern = /^s1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export function placeOf(key: string, secret: string): Place {
  const field = createHash('sha256').update(secret).digest('base64url');
  return { key, field, boundTo: `${key} ${field}` };
}

/** `undefined` for what is no session_token. */
export function placeOfToken(sessionToken: string): Place | undefined {
  const [, id, secret] = tokenPattern.exec(sessionToken) ?? [];
  return id === undefined || secret === undefined ? undefined : placeOf(`wxs1:{${id}}`, secret);
}

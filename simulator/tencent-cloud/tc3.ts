// TC3-HMAC-SHA256, the signature of each Tencent Cloud API call. It trusts nothing in the request: key, scope, time,
// signed headers and body are all checked.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error.ts';

const clockSkewSecondsMax = 300;

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

export interface SignedCall {
  method: string;
  service: string;
  headers: IncomingHttpHeaders;
  query: string;
  body: Buffer;
}

export interface Keys {
  /** By secret id. */
  secretKeys: Record<string, string>;
  /** Tokens of temporary keys, by secret id. */
  tokens?: Record<string, string>;
}

/**
 * Throws the documented `AuthFailure.*` unless the call is signed with one of the keys and carries its token.
 * @see https://cloud.tencent.com/document/api/583/33846
 */
export function verifyTc3(call: SignedCall, { secretKeys, tokens = {} }: Keys, nowMs: number): void {
  const { headers } = call;
  const parsed =
    /^TC3-HMAC-SHA256 Credential=([^/]+)\/([^/]+)\/([^/]+)\/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (!parsed) {
    throw new ApiError('AuthFailure.InvalidAuthorization', 'Authorization is not a TC3-HMAC-SHA256 header.');
  }
  const [, secretId = '', date = '', service = '', signedHeaders = '', signature = ''] = parsed;
  const secretKey = secretKeys[secretId];
  if (secretKey === undefined) {
    throw new ApiError('AuthFailure.SecretIdNotFound', 'The SecretId is not found.');
  }
  if (tokens[secretId] !== undefined && headers['x-tc-token'] !== tokens[secretId]) {
    throw new ApiError('AuthFailure.TokenFailure', 'The token of the temporary key is missing or wrong.');
  }
  const timestamp = Number(headers['x-tc-timestamp']);
  if (!(Math.abs(nowMs / 1000 - timestamp) <= clockSkewSecondsMax)) {
    throw new ApiError(
      'AuthFailure.SignatureExpire',
      'Signature expired: the clock differs by over 5 minutes.',
    );
  }
  const names = signedHeaders.split(';');
  const scopeIsRight =
    service === call.service && date === new Date(timestamp * 1000).toISOString().slice(0, 10);
  if (!scopeIsRight || !names.includes('host') || !names.includes('content-type')) {
    throw new ApiError(
      'AuthFailure.SignatureFailure',
      'The credential scope or the signed headers are wrong.',
    );
  }
  // The SDK signs the host without a port; the real host has none.
  const value = (name: string): string =>
    String(headers[name] ?? '').replace(name === 'host' ? /:\d+$/ : '', '');
  const canonicalHeaders = names.map((name) => `${name}:${value(name).trim().toLowerCase()}\n`).join('');
  const canonicalRequest = [
    call.method,
    '/',
    call.query,
    canonicalHeaders,
    signedHeaders,
    sha256(call.body),
  ].join('\n');
  const stringToSign = [
    'TC3-HMAC-SHA256',
    timestamp,
    `${date}/${service}/tc3_request`,
    sha256(canonicalRequest),
  ].join('\n');
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), 'tc3_request');
  if (!timingSafeEqual(hmac(key, stringToSign), Buffer.from(signature, 'hex'))) {
    throw new ApiError(
      'AuthFailure.SignatureFailure',
      'The provided credentials could not be validated. Please check your signature is correct.',
    );
  }
}

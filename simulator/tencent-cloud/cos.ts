// COS, Tencent's object storage, as far as a code upload needs it: buckets, their lifecycle, objects in one request.
// It trusts no request: the whole signature is checked.
import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApiError } from './api-error.ts';
import type { StateFile } from './state.ts';

export interface CosRequest {
  method: string;
  url: URL;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}
export interface CosAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

const bucketHost = /^([a-z0-9-]+-\d+)\.cos\.([a-z0-9-]+)\.myqcloud\.com$/;

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
function hmacSha1(key: string, text: string): string {
  return createHmac('sha1', key).update(text).digest('hex');
}

/** @see https://cloud.tencent.com/document/product/436/7778 */
function verifyCosSignature(request: CosRequest, secretKeys: Record<string, string>, nowMs: number): void {
  const given = new URLSearchParams(String(request.headers.authorization ?? ''));
  const field = (name: string): string => given.get(name) ?? '';
  const secretKey = secretKeys[field('q-ak')];
  if (secretKey === undefined) throw new ApiError('InvalidAccessKeyId', 'The access key Id does not exist.');
  const [start, end] = field('q-sign-time').split(';').map(Number);
  if (start === undefined || end === undefined || !(nowMs / 1000 >= start - 300 && nowMs / 1000 <= end)) {
    throw new ApiError('RequestTimeTooSkewed', 'The signature is not valid now.');
  }
  const list = (name: string): string[] => field(name).split(';').filter(Boolean);
  const pairs = (names: string[], value: (name: string) => string): string =>
    names.map((name) => `${encode(name)}=${encode(value(name))}`).join('&');
  const query = new Map([...request.url.searchParams].map(([key, value]) => [key.toLowerCase(), value]));
  const unsigned = [...query.keys()].filter((key) => !list('q-url-param-list').includes(key));
  if (unsigned.length > 0 || (request.url.host.includes('-') && !list('q-header-list').includes('host'))) {
    throw new ApiError('SignatureDoesNotMatch', 'Every query parameter and the Host header must be signed.');
  }
  const httpString = [
    request.method.toLowerCase(),
    decodeURIComponent(request.url.pathname),
    pairs(list('q-url-param-list'), (name) => query.get(name) ?? ''),
    pairs(list('q-header-list'), (name) => String(request.headers[name] ?? '')),
    '',
  ].join('\n');
  const signKey = hmacSha1(secretKey, field('q-key-time'));
  const stringToSign = ['sha1', field('q-sign-time'), sha1(httpString), ''].join('\n');
  if (field('q-sign-algorithm') !== 'sha1' || hmacSha1(signKey, stringToSign) !== field('q-signature')) {
    throw new ApiError('SignatureDoesNotMatch', 'The request signature we calculated does not match.');
  }
}

function xml(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`;
}

/** Returns the action of a request, named as in CAM policies. */
export function cosAction(method: string, url: URL): string {
  if (url.searchParams.has('lifecycle')) return `${method === 'PUT' ? 'Put' : 'Get'}BucketLifecycle`;
  const hasBucket = bucketHost.test(url.hostname);
  if (url.pathname !== '/') return `${method === 'PUT' ? 'Put' : 'Get'}Object`;
  return hasBucket ? (method === 'PUT' ? 'PutBucket' : 'GetBucket') : 'GetService';
}

/** Returns the path of an object on disk. Its key becomes one file name, so it cannot leave the folder. */
export function objectPath(state: StateFile, bucket: string, key: string): string {
  return join(state.objectsFolder, bucket, encodeURIComponent(key));
}

/** Returns the answer to one COS request; a refusal is COS' XML error. `before` may throw an injected fault. */
export function answerCos(
  request: CosRequest,
  state: StateFile,
  secretKeys: Record<string, string>,
  nowMs: number,
  before: () => void,
): CosAnswer {
  try {
    verifyCosSignature(request, secretKeys, nowMs);
    before();
    return handle(request, state);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const status = { NoSuchBucket: 404, NoSuchLifecycleConfiguration: 404, BucketAlreadyOwnedByYou: 409 }[
      error.code
    ];
    return {
      status: status ?? (error.code === 'NotImplemented' ? 501 : 403),
      headers: { 'content-type': 'application/xml' },
      body: xml('Error', `<Code>${error.code}</Code><Message>${error.message}</Message>`),
    };
  }
}

function handle({ method, url, body }: CosRequest, state: StateFile): CosAnswer {
  const buckets = state.data.buckets;
  const named = bucketHost.exec(url.hostname);
  if (!named) {
    const entries = Object.entries(buckets).map(
      ([name, { region }]) => `<Bucket><Name>${name}</Name><Location>${region}</Location></Bucket>`,
    );
    return { status: 200, body: xml('ListAllMyBucketsResult', `<Buckets>${entries.join('')}</Buckets>`) };
  }
  const [, bucketName = '', region = ''] = named;
  const key = decodeURIComponent(url.pathname.slice(1));
  if (method === 'PUT' && key === '' && !url.searchParams.has('lifecycle')) {
    if (buckets[bucketName]) throw new ApiError('BucketAlreadyOwnedByYou', 'The bucket already exists.');
    buckets[bucketName] = { region };
    state.save();
    return { status: 200 };
  }
  const bucket = buckets[bucketName];
  if (!bucket || bucket.region !== region) throw new ApiError('NoSuchBucket', 'The bucket does not exist.');
  if (url.searchParams.has('lifecycle')) {
    if (method === 'PUT') {
      bucket.lifecycle = body.toString('utf8');
      state.save();
      return { status: 200 };
    }
    if (bucket.lifecycle === undefined) {
      throw new ApiError('NoSuchLifecycleConfiguration', 'The bucket has no lifecycle configuration.');
    }
    return { status: 200, body: bucket.lifecycle };
  }
  if (method === 'PUT' && url.search === '') {
    const path = objectPath(state, bucketName, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, body);
    return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` } };
  }
  throw new ApiError('NotImplemented', `${method} ${url.search} is not part of the local cloud.`);
}

import { createRandom, type Random } from '../simulation/random.ts';
import { anyJson, anyText, latin1, mutated, plainText } from './fuzz-text.ts';

/** A request that needs knowledge of the world; mixed with the others. */
export interface OwnRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** The expected result; if missing, any documented response is allowed. */
  status?: number;
}

export interface FuzzTarget {
  paths: readonly string[];
  /** Valid bodies, which are then damaged. */
  bodies: readonly string[];
  headers: Record<string, string>;
  own: readonly ((random: Random) => OwnRequest)[];
  /** Share of `own` requests, from 0 to 1. */
  ownShare: number;
}

export interface FuzzRequest {
  method: string;
  /** latin1: one character per byte. */
  bytes: string;
  /** A text in the request that must not appear in the response or the log. */
  marker: string;
  status?: number;
  /** Its end is unclear, so it is the last one on its connection. */
  unframed: boolean;
}

export const markerPattern = /zq\d+qz/;

const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'POST',
  'DELETE',
  'PUT',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
];
const headerNames = [
  'accept',
  'authorization',
  'content-encoding',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'if-none-match',
  'origin',
  'proxy-authorization',
  'range',
  'te',
  'trailer',
  'upgrade',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-http-method-override',
  'x-original-url',
  'x-real-ip',
  'x-scf-remote-addr',
  '__proto__',
  'constructor',
];
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'text/plain',
  'text/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
];

/** Returns the request of each number; always the same for one seed. */
export function createFuzzRequests(seed: number, target: FuzzTarget): (index: number) => FuzzRequest {
  return (index) => {
    const random = createRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    // The first numbers of neighbouring seeds are similar.
    random.next();
    const marker = `zq${index}qz`;
    if (random.chance(target.ownShare)) return ownRequest(random.pick(target.own)(random), marker);
    if (random.chance(0.9)) return framedRequest(random, target, marker);
    return unframedRequest(random, target, marker);
  };
}

function ownRequest({ method, path, headers = {}, body, status }: OwnRequest, marker: string): FuzzRequest {
  const lines = Object.entries({ 'x-marker': marker, ...headers });
  const bytes = assemble(method, path, lines, body === undefined ? undefined : latin1(body));
  return { method, bytes, marker, ...(status !== undefined && { status }), unframed: false };
}

/** Odd in every way, but with a clear end. Its head stays below Node's 16 KB, because Node's 431 overtakes others. */
function framedRequest(random: Random, target: FuzzTarget, marker: string): FuzzRequest {
  const method = random.pick(methods);
  const headers = Object.entries(target.headers).filter(() => random.chance(0.7));
  if (random.chance(0.7)) headers.push(['content-type', random.pick(contentTypes)]);
  for (let i = random.integer(0, 3); i > 0; i -= 1) headers.push(anyHeader(random));
  if (random.chance(0.5)) headers.push(['cookie', marker]);
  const body = random.chance(0.7) ? anyBody(random, target, marker) : undefined;
  const bytes = assemble(method, anyPath(random, target, marker), headers, body, random);
  return { method, bytes, marker, unframed: false };
}

function anyPath(random: Random, target: FuzzTarget, marker: string): string {
  let path = random.pick(target.paths);
  if (random.chance(0.3)) path = mutated(random, path);
  if (random.chance(0.1)) path = `/${anyText(random)}${path}`;
  if (random.chance(0.1)) path = path.replaceAll(/[a-z]/g, percentEncoded);
  if (random.chance(0.4)) path += `${path.includes('?') ? '&' : '?'}${anyText(random)}=${marker}`;
  // No space and no control character: these end a request line.
  path = path.replaceAll(/[^\x21-\x7e]/gu, percentEncoded).slice(0, 4000);
  if (!path.startsWith('/')) path = `/${path}`;
  return random.chance(0.02) ? `http://x.example${path}` : path;
}

function percentEncoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').replaceAll(/../g, '%$&');
}

function anyHeader(random: Random): [string, string] {
  const name = random.pick(headerNames);
  const value = random.chance(0.2) ? addresses(random) : anyText(random);
  // The characters that Node accepts in a header's value.
  return [
    name,
    latin1(value)
      .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
      .slice(0, 2000),
  ];
}

function addresses(random: Random): string {
  const one = () => random.pick(['unknown', '::1', '10.0.0.1', '81.9.9.9', '[2001:db8::1]:443', '999.1.1.1']);
  return Array.from({ length: random.integer(1, 5) }, one).join(', ');
}

function anyBody(random: Random, { bodies }: FuzzTarget, marker: string): string {
  const kind = random.integer(0, 9);
  if (kind <= 4) return mutated(random, latin1(random.pick(bodies).replace('MARKER', marker)));
  if (kind <= 7) return latin1(JSON.stringify(anyJson(random)));
  if (kind === 8) return latin1(anyText(random));
  return random.chance(0.05) ? plainText(random, 100).repeat(random.integer(30, 700)) : bytesOf(random, 64);
}

function bytesOf(random: Random, lengthMax: number): string {
  const codes = Array.from({ length: random.integer(0, lengthMax) }, () => random.integer(0, 255));
  return String.fromCharCode(...codes);
}

/** Adds a body with a Content-Length, or sometimes in chunks if there is a `random`. */
function assemble(
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[],
  body?: string,
  random?: Random,
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const start = `${method} ${path} HTTP/1.1\r\nhost: x\r\n${lines}`;
  if (body === undefined) return `${start}\r\n`;
  if (!random?.chance(0.3)) return `${start}content-length: ${body.length}\r\n\r\n${body}`;
  let chunks = '';
  for (let at = 0; at < body.length;) {
    const chunk = body.slice(at, at + random.integer(1, 1 + (body.length >> 1)));
    const extension = random.chance(0.1) ? `;${plainText(random, 5).replaceAll(/[^a-z]/g, 'x')}=1` : '';
    chunks += `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  const trailer = random.chance(0.1) ? 'x-trailer: 1\r\n' : '';
  return `${start}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n${trailer}\r\n`;
}

function unframedRequest(random: Random, target: FuzzTarget, marker: string): FuzzRequest {
  const body = latin1(random.pick(target.bodies).replace('MARKER', marker));
  const path = random.pick(target.paths);
  const json = 'content-type: application/json\r\n';
  const start = `POST ${path} HTTP/1.1\r\nhost: x\r\nx-marker: ${marker}\r\n${json}`;
  const whole = `${start}content-length: ${body.length}\r\n\r\n${body}`;
  const chunked = `${start}transfer-encoding: chunked\r\n`;
  const bytes = random.pick([
    () => mutated(random, whole),
    () => whole.slice(0, random.integer(1, whole.length - 1)),
    () => bytesOf(random, 200),
    () => `${anyText(random)} ${path} HTTP/1.1\r\n\r\n`,
    () => `CONNECT ${path} HTTP/1.1\r\nhost: x\r\n\r\n`,
    () => `GET ${path} HTTP/${random.pick(['0.9', '1.0', '1.2', '2.0', '9', ''])}\r\n\r\n`,
    () => `GET ${path}\r\n`,
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    () => `GET ${path} HTTP/1.1\r\n\r\n`,
    () => `${start}content-length: ${body.length + random.integer(1, 5000)}\r\n\r\n${body}`,
    () => `${start}content-length: ${random.integer(0, body.length - 1)}\r\n\r\n${body}`,
    () =>
      `${start}content-length: ${random.pick(['-1', '1e3', '0x10', '+5', '9'.repeat(30), ''])}\r\n\r\n${body}`,
    () => `${start}content-length: 5\r\ncontent-length: 6\r\n\r\n${body}`,
    () => `${chunked}content-length: ${body.length}\r\n\r\n0\r\n\r\n${body}`,
    () =>
      `${chunked}\r\n${random.pick(['zz', '-1', '0x5', 'fffffffffffffffff', ''])}\r\n${body}\r\n0\r\n\r\n`,
    () => `${chunked}\r\n5;${'x'.repeat(random.integer(1, 20_000))}\r\nhello\r\n0\r\n\r\n`,
    () =>
      `${start}transfer-encoding: ${random.pick(['gzip', 'identity', 'chunked, chunked', ' chunked'])}\r\n\r\n${body}`,
    () => `${start}x: ${'y'.repeat(random.integer(8000, 40_000))}\r\n\r\n`,
    () => `${start}${'a: b\r\n'.repeat(random.integer(100, 3000))}\r\n`,
    () => `${start}x: a\r\n b: folded\r\n\r\n`,
    () => `${start}x\0y: a\r\n\r\n`,
    () => `${start}: nameless\r\n\r\n`,
    () => `${start}x : blank\r\n\r\n`,
    () => `${start}x: a\rb\nc\r\n\r\n`,
    () => whole.replaceAll('\r\n', '\n'),
    () => `GET /${plainText(random, 100).repeat(random.integer(100, 500))} HTTP/1.1\r\nhost: x\r\n\r\n`,
  ])();
  return { method: 'GET', bytes: latin1Only(bytes), marker, unframed: true };
}

function latin1Only(text: string): string {
  return text.replaceAll(/[^\0-\xff]/g, latin1);
}

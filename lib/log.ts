// The log: JSON lines on stdout, which SCF parses into fields; the only place that writes output. Secrets of the
// configuration are replaced, strings are cut. Trusts no value: what members and strangers send may end up here.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from './log-events.ts';

export type { Log } from './log-events.ts';

/** One request: its ids, and what it spent where. `redis.ts` and `wecom.ts` add to that. */
export interface RequestRecord {
  ids: { request_id: string; scf_request_id?: string | undefined };
  spent: {
    redis_ms: number;
    redis_calls: number;
    wecom: { api: string; ms: number; errcode?: number; failure?: string }[];
  };
}

export function openRecord(request_id: string, scf_request_id?: string): RequestRecord {
  return { ids: { request_id, scf_request_id }, spent: { redis_ms: 0, redis_calls: 0, wecom: [] } };
}

/** The request being answered, wherever in the call tree we are; empty outside of one. */
export const requestRecord = new AsyncLocalStorage<RequestRecord>();

/** Longer strings are cut: SCF drops what is over 8 KB in a line. */
const stringCharsMax = 300;
const stackCharsMax = 2000;
const secretInUrl = /\b(corpsecret|access_token|js_code|session_key|password)=[^&\s"']*/gi;
// Control and bidirectional characters that JSON leaves alone could forge or reorder a line in a viewer.
const unsafeCharacters = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Creates a log that never writes any of `secrets`.
 *
 * @param secrets configured values (corpsecrets, Redis password, keys); shorter than 6 characters are
 *   ignored, since replacing them would only mangle the log
 * @param write where a line goes, without its newline; stdout if not given
 */
export function createLog(secrets: readonly string[], write: (line: string) => void = writeStdout): Log {
  const hidden = [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret.length >= 6)
    .toSorted((a, b) => b.length - a.length);

  function clean(text: string, charsMax: number): string {
    let cleaned = text.replace(secretInUrl, '$1=[redacted]');
    for (const secret of hidden) cleaned = cleaned.replaceAll(secret, '[redacted]');
    return cleaned.length > charsMax ? `${cleaned.slice(0, charsMax)}…` : cleaned;
  }

  function cleanValue(key: string, value: unknown): unknown {
    if (typeof value === 'string') return clean(value, key === 'stack' ? stackCharsMax : stringCharsMax);
    // An error's own fields may hold anything (axios: the whole URL); its name and stack are enough.
    // The strings of this object come here, too.
    if (value instanceof Error) return { name: value.name, stack: value.stack ?? '' };
    return value;
  }

  return (level, event, fields = {}) => {
    const line = {
      time: new Date().toISOString(),
      level,
      event,
      ...requestRecord.getStore()?.ids,
      ...fields,
    };
    write(
      JSON.stringify(line, cleanValue).replace(
        unsafeCharacters,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
    );
  };
}

function writeStdout(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Writes to stdout what is logged in one turn of the event loop together, before the next turn begins; at the end of the
 * process at once. Lines stay in order.
 */
export function writeInTurns(): (line: string) => void {
  let lines = '';
  const flush = () => {
    if (lines !== '') process.stdout.write(lines);
    lines = '';
  };
  process.on('exit', flush);
  return (line) => {
    // At the end of the turn: by then, every socket that had something to read was served.
    if (lines === '') setImmediate(flush);
    lines += `${line}\n`;
  };
}

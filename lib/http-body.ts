// The body of a request, read up to a limit. Trusts nothing: it may be of any length, never end, or be no text.
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { AppError } from './errors.ts';

/** The whole body, or what is wrong with it: `too_large` as soon as it is, `invalid_request` when it breaks off. */
export function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer | AppError> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () => {
      // Read to its end, unseen: otherwise the next request on this connection would never be answered.
      incoming.removeAllListeners('data').resume();
      resolve(new AppError('too_large'));
    };
    // A client that hangs up, in the middle of its body or before it was looked at, is no bug of ours.
    const brokenOff = () => {
      if (!incoming.readableEnded) resolve(new AppError('invalid_request', { reason: 'broken_off' }));
    };
    if (incoming.destroyed) return brokenOff();
    if (Number(incoming.headers['content-length']) > bytesMax) return tooLarge();
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) tooLarge();
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', brokenOff);
    incoming.on('close', brokenOff);
  });
}

/** Throws `invalid_request` on what is not UTF-8. Keeps a byte order mark. */
export function textIn(body: Buffer): string {
  if (!isUtf8(body)) throw new AppError('invalid_request', { reason: 'not_utf8' });
  return body.toString();
}

/** Throws `invalid_request` on what is not JSON. The parser's own errors are dropped: they quote the body. */
export function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(textIn(body));
  } catch {
    throw new AppError('invalid_request', { reason: 'not_json' });
  }
}

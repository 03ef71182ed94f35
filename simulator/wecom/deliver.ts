// Writes an answer to the socket, whole or as a fault changes it.
import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { FaultKind } from './faults.ts';

/** Waits `ms`, or less when the simulator closes. */
export type Pause = (ms: number) => Promise<void>;

/** Bytes of an endless body per write; small enough to keep the process responsive. */
const endlessChunk = Buffer.alloc(16_384, 'x');

/** Pause before a cut after the first half: the client reads the half before the RST discards it. */
const cutMs = 20;

/** Fault kinds after which the client has a complete WeCom answer. */
export const wholeAnswer: ReadonlySet<FaultKind['kind'] | undefined> = new Set([
  undefined,
  'errcode',
  'fields',
  'drip',
]);

/** Writes `answer` to the socket, changed by `fault`. Resolves when nothing is left to write. */
export async function deliver(
  res: ServerResponse,
  answer: Answer,
  fault: FaultKind | undefined,
  pause: Pause,
): Promise<void> {
  const body = Buffer.from(
    JSON.stringify(fault?.kind === 'fields' ? { ...answer, ...fault.fields } : answer),
  );
  switch (fault?.kind) {
    case undefined:
    case 'latency':
    case 'errcode':
    case 'fields':
      answerHead(res, answer, body.length).end(body);
      return;
    case 'truncated': {
      const half = body.subarray(0, body.length >> 1);
      answerHead(res, answer, half.length).end(half);
      return;
    }
    case 'html': {
      const html = `<html><head><title>${fault.status}</title></head><body>${fault.status}</body></html>\r\n`;
      res.writeHead(fault.status, { 'Content-Type': 'text/html', 'Content-Length': html.length }).end(html);
      return;
    }
    case 'body': {
      const headers = { 'Content-Type': 'application/json; charset=UTF-8', ...fault.headers };
      res.writeHead(fault.status ?? 200, headers).end(fault.body);
      return;
    }
    case 'redirect':
      res.writeHead(302, { Location: fault.location ?? '/redirected', 'Content-Length': 0 }).end();
      return;
    case 'hang':
      return;
    case 'stall':
      answerHead(res, answer, body.length).flushHeaders();
      return;
    case 'drip':
      answerHead(res, answer, body.length).flushHeaders();
      for (const byte of body) {
        if (res.destroyed) return;
        res.write(Buffer.of(byte));
        await pause(fault.ms);
      }
      res.end();
      return;
    case 'cut':
      if (fault.at === 'mid_body') {
        answerHead(res, answer, body.length).write(body.subarray(0, body.length >> 1));
        await pause(cutMs);
      }
      if (fault.how === 'fin') res.socket?.destroy();
      else res.socket?.resetAndDestroy();
      return;
    case 'endless':
      res.writeHead(200, { 'Content-Type': 'application/json; charset=UTF-8' });
      res.write('{"errcode":0,"errmsg":"');
      while (!res.destroyed) {
        if (!res.write(endlessChunk)) await drained(res);
        await new Promise(setImmediate);
      }
      return;
  }
}

function answerHead(res: ServerResponse, answer: Answer, length: number): ServerResponse {
  return res.writeHead(200, {
    'Content-Type': 'application/json; charset=UTF-8',
    'Content-Length': length,
    'Error-Code': String(answer.errcode),
    'Error-Msg': answer.errmsg.replaceAll(/[^\x20-\x7e]/g, '?'),
  });
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

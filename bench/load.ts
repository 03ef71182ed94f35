// Sends logins over plain sockets, one after the other on each. This client costs a tenth of what it measures.
import { connect, type Socket } from 'node:net';

/** The result of a run of logins. */
export interface Load {
  logins: number;
  failed: number;
  /** Time from the first login to the last. */
  ms: number;
  /** Latency of each login, ascending. */
  loginMs: number[];
  /** Latency of each login without the time it waited for WeCom or Redis, ascending; only for one login at a time. */
  ownMs: number[];
}

let logins = 0;

/** Keeps `concurrent` logins running until `count` are answered or `ms` have passed. */
export async function load(
  port: number,
  concurrent: number,
  limits: { count?: number; ms?: number },
  waitedMs: () => number,
): Promise<Load> {
  const { count = Infinity, ms = Infinity } = limits;
  const result: Load = { logins: 0, failed: 0, ms: 0, loginMs: [], ownMs: [] };
  const startMs = performance.now();
  let begun = 0;
  await Promise.all(
    Array.from({ length: concurrent }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      try {
        while (begun < count && performance.now() - startMs < ms) {
          begun += 1;
          const sentMs = performance.now();
          const waitedBefore = waitedMs();
          const status = await login(socket);
          const tookMs = performance.now() - sentMs;
          result.loginMs.push(tookMs);
          result.ownMs.push(tookMs - (waitedMs() - waitedBefore));
          result.logins += 1;
          if (status !== '200') result.failed += 1;
        }
      } finally {
        socket.destroy();
      }
    }),
  );
  result.ms = performance.now() - startMs;
  for (const times of [result.loginMs, result.ownMs]) times.sort((a, b) => a - b);
  return result;
}

/** Logs in one of 2,000 members. Resolves with the status. */
function login(socket: Socket): Promise<string> {
  logins += 1;
  const body = `{"js_code":"Member${logins % 2000}"}`;
  return new Promise((resolve, reject) => {
    let received = '';
    const onData = (chunk: Buffer) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
      const whole =
        length === undefined
          ? received.endsWith('\r\n0\r\n\r\n')
          : received.length >= end + 4 + Number(length);
      if (!whole) return;
      socket.off('data', onData).off('error', reject).off('close', closed);
      resolve(received.slice(9, 12));
    };
    const closed = () => reject(new Error('the connection was closed in the middle of a login'));
    socket.on('data', onData).on('error', reject).on('close', closed);
    socket.write(
      `POST /login HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

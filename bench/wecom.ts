// A WeCom that costs almost nothing. It checks nothing and only responds, so that it never limits the throughput. The
// storms use the strict simulator instead.
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { listen } from '../simulator/listen.ts';
import type { Waits } from './waits.ts';

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: ';

/** For localhost. */
export const certificateFile = 'test/faults/tls/valid.pem';

/** Responds to each call after `latencyMs()`. Resolves with its port. */
export function startFastWecom(
  corpid: string,
  latencyMs: () => number,
  waits: Waits,
  over: 'tcp' | 'tls' = 'tcp',
): Promise<number> {
  const serve = (socket: Socket) => {
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (chunk: string) => {
      received += chunk;
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const request = received.slice(0, end);
        received = received.slice(end + 4);
        const body = answerTo(request.slice(4, request.indexOf(' ', 4)), corpid);
        const close = /\r\nconnection: close/i.test(request);
        const answer = `${head}${Buffer.byteLength(body)}\r\nConnection: ${close ? 'close' : 'keep-alive'}\r\n\r\n${body}`;
        const send = () => (close ? socket.end(answer) : socket.write(answer));
        const ms = latencyMs();
        if (ms === 0) send();
        else waits.during(ms, send);
      }
    });
  };
  if (over === 'tcp') return listen(createServer({ noDelay: true }, serve));
  const certificate = { key: readFileSync('test/faults/tls/key.pem'), cert: readFileSync(certificateFile) };
  return listen(createTlsServer({ noDelay: true, ...certificate }, serve));
}

function answerTo(url: string, corpid: string): string {
  if (url.startsWith('/cgi-bin/miniprogram/jscode2session')) {
    return JSON.stringify({
      errcode: 0,
      errmsg: 'ok',
      corpid,
      userid: /[?&]js_code=(\w+)/.exec(url)?.[1],
      session_key: 'c2Vzc2lvbl9rZXlfMTZfYg==',
      deviceid: '',
    });
  }
  if (url.startsWith('/cgi-bin/user/get')) {
    return JSON.stringify({
      errcode: 0,
      errmsg: 'ok',
      userid: /[?&]userid=(\w+)/.exec(url)?.[1],
      name: '张三',
      department: [1, 7],
      position: '工程师',
      status: 1,
      isleader: 0,
      extattr: { attrs: [] },
      telephone: '',
      enable: 1,
      hide_mobile: 0,
      order: [0, 0],
      main_department: 1,
      alias: '',
      is_leader_in_dept: [0, 0],
      direct_leader: [],
    });
  }
  return JSON.stringify({ errcode: 0, errmsg: 'ok', access_token: 't'.repeat(200), expires_in: 7200 });
}

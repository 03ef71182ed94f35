import { connect } from 'node:net';

/** One raw response, with everything that fetch and node:http would clean up or hide. */
export interface RawAnswer {
  status: number;
  /** Status line and headers. */
  head: string;
  body: string;
  /** The server closes the connection after this response. */
  last: boolean;
}

/** One TCP connection that sends requests as bytes, many at a time. */
export interface Connection {
  closed(): boolean;
  /** Sends one request per method, all at once. Resolves with the responses; fewer if the server closed the connection. */
  exchange(bytes: string, methods: readonly string[]): Promise<RawAnswer[]>;
  /** Sends these bytes and closes. Resolves with everything received until the server closed too. */
  leave(bytes: string): Promise<RawAnswer[]>;
  destroy(): void;
}

/** The deadline of a request (8 s), plus 5 s for a busy machine. */
const answerMsMax = 13_000;
const emptyChunks = '0\r\n\r\n';

/** Bytes are latin1 strings. Methods reject if nothing arrives for `msMax`, or if it is not HTTP. */
export function openConnection(url: string, msMax = answerMsMax): Connection {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let received = '';
  let over = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    over = true;
    wake();
  });

  async function more(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      wake = resolve;
      timer = setTimeout(() => reject(new Error(`no answer for ${msMax} ms`)), msMax);
    });
    clearTimeout(timer);
  }

  /** Returns the next response, or `undefined` if there is no more. */
  async function next(method: string): Promise<RawAnswer | undefined> {
    for (;;) {
      const taken = takeAnswer(received, method);
      if (taken) {
        received = received.slice(taken.length);
        if (taken.answer.status >= 200) return taken.answer;
      } else if (over) {
        if (received !== '') throw new Error(`half an answer: ${JSON.stringify(received.slice(0, 200))}`);
        return undefined;
      } else {
        await more();
      }
    }
  }

  return {
    closed: () => over,
    async exchange(bytes, methods) {
      socket.write(bytes, 'latin1');
      const answers: RawAnswer[] = [];
      for (const method of methods) {
        const answer = await next(method);
        if (!answer) break;
        answers.push(answer);
        if (answer.last) break;
      }
      return answers;
    },
    async leave(bytes) {
      socket.end(bytes, 'latin1');
      const answers: RawAnswer[] = [];
      for (;;) {
        const answer = await next('GET');
        if (!answer) return answers;
        answers.push(answer);
      }
    },
    destroy: () => socket.destroy(),
  };
}

/** Removes and returns the first response in `received`, if it is complete. */
function takeAnswer(received: string, method: string): { answer: RawAnswer; length: number } | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.slice(0, end);
  const [, code] = /^HTTP\/1\.1 (\d{3}) [ -~]*(?:\r\n|$)/.exec(head) ?? [];
  if (code === undefined) throw new Error(`no HTTP: ${JSON.stringify(head.slice(0, 200))}`);
  const status = Number(code);
  const bodyless = method === 'HEAD' || status < 200 || status === 204;
  const bytes = bodyless ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  // Only Node's own 417 is chunked, and it is empty.
  const chunked = /\r\ntransfer-encoding: chunked/i.test(head) && !bodyless;
  const length = end + 4 + (chunked ? emptyChunks.length : bytes);
  if (received.length < length) return undefined;
  const rest = received.slice(end + 4, length);
  if (chunked && rest !== emptyChunks) throw new Error('an answer in chunks');
  const body = chunked ? '' : Buffer.from(rest, 'latin1').toString('utf8');
  return { answer: { status, head, body, last: /\r\nconnection: close/i.test(head) }, length };
}

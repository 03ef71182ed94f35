import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** How a cloud's proxy in front of Redis, or an old server, differs from a current Redis. */
export type Manner =
  /** 副本只读: plain reads go to the replica, everything else to the master. */
  | { kind: 'split'; replicaUrl: string }
  /** Refuses scripts in which a key of `redis.call` is not written `KEYS[n]`, as cluster proxies do. */
  | { kind: 'literal_keys' }
  /** Sends this reply to EVALSHA, although it supports EVAL. */
  | { kind: 'no_evalsha'; answer: string }
  /** Sends this reply to every script. */
  | { kind: 'no_scripts'; answer: string }
  /** Closes the connection on INFO, as twemproxy does. */
  | { kind: 'no_info' }
  /** Refuses scripts that write after TIME without calling replicate_commands before the first write. */
  | { kind: 'redis_4' }
  /** Formats errors inside a script as servers up to 6.2 do: the code comes last. */
  | { kind: 'redis_6' };

/** A relay to Redis that behaves in such a way. */
export interface RedisProxy {
  url: string;
  /** Brings the replica up to date; until then it shows the old data. */
  catchUp(): Promise<void>;
  /** Counts the commands of this name. */
  seen(name: string): number;
}

const reads = new Set(['GET', 'HGET', 'HMGET', 'HGETALL', 'PTTL']);
const writes = /redis\.p?call\('(SET|DEL|HSET|HDEL|INCRBY|PEXPIRE)'/;

export async function startRedisProxy(redisUrl: string, manner: Manner): Promise<RedisProxy> {
  const commands: string[] = [];
  /** Commands that the replica has not received yet. */
  let behind: Buffer[] = [];
  const open = new Set<Socket>();

  function connectTo(url: string): Upstream {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    open.add(socket.on('error', () => undefined));
    return upstream(socket);
  }

  /** Returns the proxy's own reply, `hang_up`, or `undefined` if the command is forwarded. */
  function ownAnswer(command: readonly string[]): string | undefined {
    const [name = '', script = ''] = command;
    const isEval = name.toUpperCase() === 'EVAL';
    if (manner.kind === 'no_info' && name.toUpperCase() === 'INFO') return 'hang_up';
    if (manner.kind === 'no_evalsha' && name.toUpperCase() === 'EVALSHA') return `-${manner.answer}\r\n`;
    if (manner.kind === 'no_scripts' && name.toUpperCase().startsWith('EVAL')) {
      return `-${manner.answer}\r\n`;
    }
    if (manner.kind === 'literal_keys' && isEval && !keysAreLiteral(script)) {
      return '-ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array\r\n';
    }
    if (manner.kind === 'redis_4' && isEval && writesAfterTime(script)) {
      return '-ERR Error running script: Write commands not allowed after non deterministic commands. Call redis.replicate_commands() at the start of your script in order to switch to single commands replication mode.\r\n';
    }
    return undefined;
  }

  const server = createServer({ noDelay: true }, (client) => {
    open.add(client.on('error', () => undefined));
    const master = connectTo(redisUrl);
    const replica = manner.kind === 'split' ? connectTo(manner.replicaUrl) : undefined;
    client.on('close', () => {
      master.close();
      replica?.close();
    });

    let received = Buffer.alloc(0);
    let replies: Promise<unknown> = Promise.resolve();
    client.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let length = valueLength(received, 0); length !== undefined; length = valueLength(received, 0)) {
        const bytes = received.subarray(0, length);
        received = received.subarray(length);
        const command = wordsOf(bytes);
        const name = command[0]?.toUpperCase() ?? '';
        commands.push(name);
        const own = ownAnswer(command);
        if (own === 'hang_up') {
          client.destroy();
          return;
        }
        const toReplica = replica !== undefined && reads.has(name);
        if (replica !== undefined && !toReplica) behind.push(bytes);
        const asked = own === undefined ? (toReplica ? replica : master).ask(bytes) : Buffer.from(own);
        const isScript = manner.kind === 'redis_6' && name.startsWith('EVAL');
        const reply = isScript ? Promise.resolve(asked).then(asBefore7) : asked;
        replies = replies.then(async () => client.write(await reply)).catch(() => client.destroy());
      }
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });

  return {
    url: `redis://127.0.0.1:${address.port}`,
    async catchUp() {
      if (manner.kind !== 'split') throw new Error('there is no replica');
      const replica = connectTo(manner.replicaUrl);
      const missed = behind;
      behind = [];
      for (const bytes of missed) await replica.ask(bytes);
      replica.close();
    },
    seen: (name) => commands.filter((one) => one === name).length,
  };
}

/** @see https://github.com/StackExchange/StackExchange.Redis/issues/2074 */
function asBefore7(reply: Buffer): Buffer {
  const [, code, text] = /^-(READONLY|OOM) (.*)\r\n$/.exec(reply.toString()) ?? [];
  if (code === undefined) return reply;
  const place = '@user_script:9: @user_script: 9:';
  return Buffer.from(
    `-ERR Error running script (call to f_6b1bf486c81ceb7edf3c): ${place} -${code} ${text}\r\n`,
  );
}

interface Upstream {
  /** Sends a command. Resolves with its raw reply. */
  ask(bytes: Buffer): Promise<Buffer>;
  close(): void;
}

function upstream(socket: Socket): Upstream {
  const waiting: ((reply: Buffer) => void)[] = [];
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let length = valueLength(received, 0); length !== undefined; length = valueLength(received, 0)) {
      waiting.shift()?.(received.subarray(0, length));
      received = received.subarray(length);
    }
  });
  return {
    ask: (bytes) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

/** Returns the length in bytes of the RESP value at `start`; `undefined` if it is incomplete. */
function valueLength(bytes: Buffer, start: number): number | undefined {
  const line = bytes.indexOf('\r\n', start);
  if (line < 0) return undefined;
  const type = String.fromCharCode(bytes[start] ?? 0);
  const count = Number(bytes.toString('latin1', start + 1, line));
  let end = line + 2;
  if (type === '$' && count >= 0) end += count + 2;
  if (type === '*') {
    for (let i = 0; i < count; i += 1) {
      const length = valueLength(bytes, end);
      if (length === undefined) return undefined;
      end += length;
    }
  }
  return end <= bytes.length ? end - start : undefined;
}

/** Returns the words of a command, which is an array of bulk strings. */
function wordsOf(bytes: Buffer): string[] {
  const words: string[] = [];
  let at = bytes.indexOf('\r\n') + 2;
  while (at < bytes.length) {
    const line = bytes.indexOf('\r\n', at);
    const length = Number(bytes.toString('latin1', at + 1, line));
    words.push(bytes.toString('utf8', line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return words;
}

function keysAreLiteral(lua: string): boolean {
  const calls = [...lua.matchAll(/redis\.p?call\('(\w+)'(?:,\s*([^,)]*))?/g)];
  return calls.every(([, name, key = '']) => name === 'TIME' || /^KEYS\[\d+\]$/.test(key.trim()));
}

function writesAfterTime(lua: string): boolean {
  if (!lua.includes("redis.call('TIME')")) return false;
  const first = lua.search(writes);
  const switched = lua.indexOf('redis.replicate_commands()');
  return first >= 0 && (switched < 0 || switched > first);
}

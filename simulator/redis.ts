// A Redis for tests and the demo: a given one, an embedded one, or a real redis-server started here.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { freePort } from './listen.ts';

/** A running Redis. */
export interface RunningRedis {
  url: string;
  kind: 'given' | 'embedded' | 'server';
  /** Deletes all keys. Throws for a given Redis, which may hold other data. */
  flush: () => Promise<void>;
  /** Ends it and removes its files; does nothing to a given Redis. A second call does nothing. */
  stop: () => Promise<void>;
  /** Only of kind `server`: for SIGSTOP, SIGCONT and SIGKILL. */
  pid?: number;
}

/** Options of {@link startRedis}. */
export interface RedisOptions {
  /** `auto` (default): `REDIS_URL` of the environment if it is set, else embedded. */
  kind?: 'embedded' | 'server' | 'auto';
  /** More arguments for kind `server`, for example `['--maxmemory', '2mb']`. */
  args?: readonly string[];
}

const readyMs = 5000;
const startTries = 3;

/**
 * Starts a Redis on a free port of 127.0.0.1 and resolves when it responds. A redis-server started here ends when this
 * process ends, in any way.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/config/
 */
export async function startRedis({ kind = 'auto', args = [] }: RedisOptions = {}): Promise<RunningRedis> {
  const givenUrl = process.env['REDIS_URL'];
  if (kind === 'auto' && givenUrl) return givenRedis(givenUrl);
  return kind === 'server' ? serverRedis(args) : embeddedRedis();
}

/** Returns whether kind `server` is possible on this machine. */
export function redisServerInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

function givenRedis(url: string): RunningRedis {
  return {
    url,
    kind: 'given',
    flush: () => Promise.reject(new Error('REDIS_URL names a Redis that is not ours to empty')),
    stop: () => Promise.resolve(),
  };
}

async function embeddedRedis(): Promise<RunningRedis> {
  const worker = new Worker('./simulator/embedded-redis.mjs');
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', (message: { port: number }) => resolve(message.port));
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the embedded Redis ended with code ${code}`)));
  });
  // Must not keep a finished program running.
  worker.unref();
  return {
    url: `redis://127.0.0.1:${port}`,
    kind: 'embedded',
    async flush() {
      const flushed = once(worker, 'message');
      worker.postMessage('flush');
      await flushed;
    },
    async stop() {
      await worker.terminate();
    },
  };
}

async function serverRedis(args: readonly string[]): Promise<RunningRedis> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryServerRedis(await freePort(), args);
    } catch (error) {
      // Another program may have taken the port between the check and the start.
      if (tries === startTries) throw error;
    }
  }
}

async function tryServerRedis(port: number, args: readonly string[]): Promise<RunningRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'wecom-login-redis-'));
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const debug = ['--enable-debug-command', 'local', '--daemonize', 'no'];
  // Detached, so that Ctrl-C does not reach it directly.
  const child = spawn('redis-server', [...own, ...debug, ...args], { stdio: 'ignore', detached: true });
  try {
    await once(child, 'spawn');
  } catch (error) {
    await rm(dir, { recursive: true });
    throw error;
  }
  const pid = child.pid;
  if (pid === undefined) throw new Error('redis-server did not start');

  // Its stdin closes when this process ends, even by SIGKILL. A line means that the server has already ended.
  const script = 'read -r gone || kill -9 "$1"; rm -rf "$2"';
  const watchdog = spawn('sh', ['-c', script, 'sh', `${pid}`, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const exited = once(child, 'exit').then(() => watchdog.stdin.end('gone\n'));
  child.unref();
  watchdog.unref();

  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      child.ref();
    }
    await exited;
    await rm(dir, { recursive: true, force: true });
  }

  const running = () => child.exitCode === null && child.signalCode === null;
  const readyUntilMs = performance.now() + readyMs;
  while (!(await command(port, 'PING').catch(() => undefined))) {
    if (!running() || performance.now() > readyUntilMs) {
      await stop();
      throw new Error(`redis-server on port ${port} did not answer`);
    }
    await sleep(10);
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    kind: 'server',
    pid,
    async flush() {
      const reply = await command(port, 'FLUSHALL');
      if (!reply.startsWith('+OK')) throw new Error(`FLUSHALL: ${reply.trim()}`);
    },
    stop: () => (stopped ??= stop()),
  };
}

/** Sends one inline command on a new connection. Resolves with the first bytes of the reply. */
async function command(port: number, line: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(readyMs, () => socket.destroy(new Error(`${line}: no reply within ${readyMs} ms`)));
  try {
    socket.write(`${line}\r\n`);
    const [reply]: unknown[] = await once(socket, 'data');
    return String(reply);
  } finally {
    socket.destroy();
  }
}

// Runs the built functions of dist/ as SCF does, each in its own process: a Web function as a server, an event function
// by a call of its main_handler.
import { type ChildProcess, spawn } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

export type Environment = Record<string, string>;

/** A running Web function. */
export interface RunningFunction {
  url: string;
  pid: number;
  process: ChildProcess;
  /** Everything it has written to stdout and stderr so far, line by line. */
  lines: string[];
  /** Sends SIGTERM, then SIGKILL if needed. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  /** Another Node to run it with. */
  node?: string;
  /** Called with each line it writes. */
  onLine?: (line: string) => void;
  /** More arguments for Node, before the file. */
  nodeArgs?: string[];
}

/**
 * In the cloud each instance has its own CPU. Here they share it with WeCom and Redis, which must not look slow when twenty
 * instances start at once: those of a crowd give way. A few of them do not, or they would get nothing on a busy machine.
 */
const niceness = 10;
const crowdMin = 5;
let runningCount = 0;

/**
 * Starts `dist/<name>` on a free port with this environment only. Resolves when it listens; rejects with its output if
 * it ends before.
 */
export async function startFunction(
  name: string,
  environment: Environment,
  options: StartOptions = {},
): Promise<RunningFunction> {
  const child = spawn(
    options.node ?? process.execPath,
    [...(options.nodeArgs ?? []), `dist/${name}/index.js`],
    {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  runningCount += 1;
  child.once('close', () => {
    runningCount -= 1;
  });
  if (child.pid !== undefined && runningCount >= crowdMin) {
    setPriority(child.pid, Math.min(19, getPriority() + niceness));
  }
  const lines: string[] = [];
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const onLine = (line: string) => {
      lines.push(line);
      options.onLine?.(line);
      const started = /"event":"listening","port":(\d+)/.exec(line);
      if (started) resolve(Number(started[1]));
    };
    createInterface(child.stdout).on('line', onLine);
    createInterface(child.stderr).on('line', onLine);
    child.once('error', reject);
    void exited.then((code) => reject(new Error(`${name} ended with code ${code}: ${lines.join('\n')}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    process: child,
    lines,
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 2000);
      const code = await exited;
      clearTimeout(killer);
      return code;
    },
  };
}

export interface Invocation {
  /** What main_handler returned. */
  result?: unknown;
  /** The message of what it threw. */
  error?: string;
  lines: string[];
}

const invoker = `
  const handler = require(process.argv[1]).main_handler;
  const event = JSON.parse(process.argv[2]);
  handler(event, { request_id: 'local-invocation' }).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: error.message }),
  );`;

/** Calls `main_handler` of `dist/<name>` once, by default with SCF's Timer event. */
export async function invokeFunction(
  name: string,
  environment: Environment,
  event: unknown = timerEvent(),
): Promise<Invocation> {
  const args = ['-e', invoker, `${process.cwd()}/dist/${name}/index.js`, JSON.stringify(event)];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const invocation: Invocation = { lines: [] };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => invocation.lines.push(line));
  }
  child.on('message', (message) => Object.assign(invocation, message));
  await new Promise((resolve) => {
    child.once('close', resolve);
  });
  return invocation;
}

/** @see https://cloud.tencent.com/document/product/583/9708 */
export function timerEvent(): object {
  return { Type: 'Timer', TriggerName: 'refresh', Time: new Date().toISOString(), Message: '' };
}

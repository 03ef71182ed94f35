// Runs built functions as SCF does, each in its own process: a Web function as a server, an event function by a call of its
// main_handler. They end when this process ends, in any way.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { both } from '../scripts/language.ts';
import { Trouble } from '../scripts/trouble.ts';
import { eventRuntimePath, followFunction } from './event-function.ts';
import { startTexts } from './texts.ts';

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
  /** Where the built functions are. Default: `dist`. */
  folder?: string;
  /** If it is not ready within this time, it is killed, and the start rejects. Default: no limit. */
  startMsMax?: number;
}

/** In the child: see the file. */
const endsWithParent = ['--require', './simulator/ends-with-parent.cjs'];

/**
 * In the cloud each instance has its own CPU. Here they share it with WeCom and Redis, which must not look slow when twenty
 * instances start at once: those of a crowd give way. A few of them do not, or they would get nothing on a busy machine.
 */
const niceness = 10;
const crowdMin = 5;
let runningCount = 0;

/**
 * Starts `<folder>/<name>` on a free port with this environment only. Resolves when it listens; rejects with its output if
 * it ends before.
 */
export async function startFunction(
  name: string,
  environment: Environment,
  options: StartOptions = {},
): Promise<RunningFunction> {
  const { node = process.execPath, nodeArgs = [], folder = 'dist', startMsMax } = options;
  const child = spawn(node, [...endsWithParent, ...nodeArgs, `${folder}/${name}/index.js`], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
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
  let killer: NodeJS.Timeout | undefined;
  const port = await new Promise<number>((resolve, reject) => {
    const onLine = (line: string) => {
      lines.push(line);
      options.onLine?.(line);
      const started = /"event":"listening","port":(\d+)/.exec(line);
      if (started) resolve(Number(started[1]));
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', onLine);
    child.once('error', reject);
    void exited.then((code) => reject(new Trouble(startTexts.ended(name, String(code), lines.join('\n')))));
    if (startMsMax === undefined) return;
    killer = setTimeout(() => {
      reject(new Trouble(startTexts.silent(name, startMsMax / 1000, lines.join('\n'))));
      child.kill('SIGKILL');
    }, startMsMax);
  }).finally(() => clearTimeout(killer));
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

/** A running event function. */
export interface RunningEventFunction {
  process: ChildProcess;
  /** Calls its main_handler, by default with SCF's Timer event. Calls must not overlap. */
  invoke(event?: unknown): Promise<Omit<Invocation, 'lines'>>;
  stop(): Promise<void>;
}

/** Starts `<folder>/<name>`. Rejects with the reason if it cannot be loaded. */
export async function startEventFunction(
  name: string,
  environment: Environment,
  options: StartOptions = {},
): Promise<RunningEventFunction> {
  const { node = process.execPath, nodeArgs = [], folder = 'dist', startMsMax } = options;
  const lines: string[] = [];
  const child = spawn(node, [...nodeArgs, eventRuntimePath(process.cwd())], {
    cwd: join(folder, name),
    env: { PATH: process.env['PATH'] ?? '', _HANDLER: 'index.main_handler', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { invoke, closed } = followFunction(child, (line) => {
    lines.push(line);
    options.onLine?.(line);
  });
  const ready = once(child, 'message').then(([message]: { failure?: string }[]) => {
    const failure = message?.failure;
    return failure === undefined ? undefined : both(() => failure);
  });
  const killer = startMsMax === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), startMsMax);
  const failure = await Promise.race([ready, closed.then(() => startTexts.endedOrSlow(lines.join('\n')))]);
  clearTimeout(killer);
  const stop = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  if (failure !== undefined) {
    await stop();
    throw new Trouble(startTexts.notLoaded(name, failure));
  }
  return {
    process: child,
    stop,
    async invoke(event = timerEvent()) {
      const { result, error } = await invoke(event, { request_id: randomUUID(), function_name: name });
      return error === undefined ? { result: JSON.parse(result ?? 'null') } : { error };
    },
  };
}

/** Calls `main_handler` of `dist/<name>` once in a new process, by default with SCF's Timer event. */
export async function invokeFunction(
  name: string,
  environment: Environment,
  event: unknown = timerEvent(),
): Promise<Invocation> {
  const lines: string[] = [];
  const running = await startEventFunction(name, environment, { onLine: (line) => void lines.push(line) });
  const { result, error } = await running.invoke(event);
  await running.stop();
  return { lines, ...(error === undefined ? { result } : { error }) };
}

/** @see https://cloud.tencent.com/document/product/583/9708 */
export function timerEvent(): object {
  return { Type: 'Timer', TriggerName: 'refresh', Time: new Date().toISOString(), Message: '' };
}

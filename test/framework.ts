// The framework's commands, as an operator starts them.
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Run } from './deploy-in-process.ts';

export interface Command {
  args: string[];
  /** The folder of the service. */
  cwd: string;
  /** Added to the environment, or (undefined) removed from it. */
  environment?: Record<string, string | undefined>;
}

const root = process.cwd();
/** Another framework than the project's can be tried: docs/decisions.md, "The framework". */
const program = resolve(process.env['SLS_PROGRAM'] ?? 'node_modules/.bin/sls');

function environmentOf({ cwd, environment }: Command): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    HOME: cwd,
    // The framework compiles its schema once; a second time costs a second.
    SLS_SCHEMA_CACHE_BASE_DIR: join(root, '.build'),
    SLS_TELEMETRY_DISABLED: '1',
    // As in a service that has the framework in its own folder. Else it starts npm to find out where it is installed.
    SLS_DISABLE_AUTO_UPDATE: '1',
    ...environment,
  };
}

/** Runs a command in a process of its own, which takes seconds. Ctrl-C ends it at this text, or at this signal. */
export function runSlsAlone(command: Command, until?: string | AbortSignal): Promise<Run> {
  const env = environmentOf(command);
  const child = spawn(process.execPath, [program, ...command.args], { cwd: command.cwd, env });
  const ctrlC = () => void child.kill('SIGINT');
  if (typeof until === 'object') until.addEventListener('abort', ctrlC);
  return new Promise((done) => {
    let output = '';
    const take = (data: Buffer) => {
      output += data.toString();
      if (typeof until === 'string' && output.includes(until)) ctrlC();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('close', (exitCode) => done({ exitCode, output }));
  });
}

/** Processes that have the framework's packages loaded and wait for a command. They end with the worker. */
const idle: ChildProcess[] = [];

/** Runs a command in a process that has run others before. */
export async function runSls(command: Command): Promise<Run> {
  const child =
    idle.pop() ??
    spawn(process.execPath, ['test/framework-loaded.cjs'], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  return new Promise((done) => {
    let output = '';
    const end = (exitCode: number | null) => {
      child.removeAllListeners('close');
      for (const stream of [child.stdout, child.stderr]) stream?.removeAllListeners('data');
      done({ exitCode, output });
    };
    const take = (data: Buffer) => {
      output += data.toString();
      const last = /\[ended with (\d+)\]\n$/.exec(output);
      if (!last) return;
      output = output.slice(0, last.index);
      idle.push(child);
      end(Number(last[1]));
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('close', end);
    child.send({ program, args: command.args, cwd: command.cwd, env: environmentOf(command) });
  });
}

// One running instance of a function: a child process that sees only what it would see in SCF. Its code is read-only,
// only its temporary folder is writable, its memory is limited, and its environment is its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventContext, type EventResult, followFunction } from '../event-function.ts';
import { freePort } from '../listen.ts';
import type { Snapshot } from './state.ts';

const portPollMs = 20;

/** The function did not start. The text is what SCF's log would show. */
export class StartFailed extends Error {}

export interface Surroundings {
  functionName: string;
  region: string;
  appId: string;
  codeFolder: string;
  /** Path of event-runtime.cjs. */
  eventRuntime: string;
  onLog(line: string): void;
}

export interface Instance {
  /** Web functions: the port it listens on. */
  port: number;
  process: ChildProcess;
  /** Requests in progress. */
  busy: number;
  isGone(): boolean;
  /** Event functions: calls the handler. Resolves when it has answered and all output of the call is in the log. */
  invoke(event: unknown, context: EventContext): Promise<EventResult>;
  kill(): void;
}

/** Returns SCF's built-in variables and those of the function's configuration. */
function environment(
  snapshot: Snapshot,
  surroundings: Surroundings,
  temporary: string,
): Record<string, string> {
  const own = Object.fromEntries(snapshot.Environment.Variables.map(({ Key, Value }) => [Key, Value]));
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const network = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : [];
  return {
    LANG: 'en_US.UTF8',
    HOME: temporary,
    TMPDIR: temporary,
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_REGION: surroundings.region,
    TENCENTCLOUD_APPID: surroundings.appId,
    TENCENTCLOUD_UIN: '100000000001',
    TENCENTCLOUD_TZ: 'UTC',
    SCF_RUNTIME: snapshot.Runtime,
    SCF_FUNCTIONNAME: surroundings.functionName,
    SCF_FUNCTIONVERSION: snapshot.Version,
    SCF_NAMESPACE: 'default',
    _SCF_SERVER_PORT: '28902',
    USER_CODE_ROOT: surroundings.codeFolder,
    ...own,
    PATH: `${join(temporary, '.bin')}:/usr/local/bin:/usr/bin:/bin`,
    NODE_OPTIONS: [
      permission,
      '--allow-fs-read=*',
      `--allow-fs-write=${temporary}/*`,
      ...network,
      '--disable-warning=ExperimentalWarning',
      '--disable-warning=SecurityWarning',
      `--max-old-space-size=${snapshot.MemorySize}`,
    ].join(' '),
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Starts an instance and waits until it can take a request, at most `InitTimeout`. Throws StartFailed. */
export async function startInstance(snapshot: Snapshot, surroundings: Surroundings): Promise<Instance> {
  const temporary = mkdtempSync(join(tmpdir(), 'scf-instance-'));
  mkdirSync(join(temporary, '.bin'));
  symlinkSync(process.execPath, join(temporary, '.bin', 'node'));
  const isWeb = snapshot.Type === 'HTTP';
  const port = isWeb ? await freePort() : 0;
  const env = environment(snapshot, surroundings, temporary);
  if (isWeb) {
    try {
      accessSync(join(surroundings.codeFolder, 'scf_bootstrap'), constants.X_OK);
    } catch {
      throw new StartFailed('scf_bootstrap is missing at the root of the zip or is not executable');
    }
  }
  const child = isWeb
    ? spawn('./scf_bootstrap', {
        cwd: surroundings.codeFolder,
        env: { ...env, PORT: String(port) },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
    : spawn(process.execPath, [surroundings.eventRuntime], {
        cwd: surroundings.codeFolder,
        env: { ...env, _HANDLER: snapshot.Handler },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
      });
  let gone = false;
  const lines: string[] = [];
  const { invoke } = followFunction(child, (line) => {
    lines.push(line);
    surroundings.onLog(line);
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone = true;
      rmSync(temporary, { recursive: true, force: true });
      resolve();
    };
    child.once('exit', end).once('error', end);
  });
  const instance: Instance = {
    port,
    process: child,
    busy: 0,
    isGone: () => gone,
    invoke,
    kill() {
      if (gone || child.pid === undefined) return;
      gone = true;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended in the meantime.
      }
    },
  };
  const deadlineMs = Date.now() + snapshot.InitTimeout * 1000;
  if (isWeb) {
    while (!instance.isGone() && !(await listens(port))) {
      if (Date.now() > deadlineMs) {
        instance.kill();
        throw new StartFailed(`nothing listened on the port within ${snapshot.InitTimeout} s`);
      }
      await Promise.race([delay(portPollMs), ended]);
    }
    if (instance.isGone())
      throw new StartFailed(`the process ended at start: ${lines.slice(-3).join(' | ')}`);
    return instance;
  }
  const ready = new Promise<{ failure?: string }>((resolve) => child.once('message', resolve as () => void));
  const first = await Promise.race([
    ready,
    ended,
    delay(snapshot.InitTimeout * 1000, undefined, { ref: false }),
  ]);
  if (!first || first.failure !== undefined) {
    instance.kill();
    throw new StartFailed(first?.failure ?? `the function did not start: ${lines.slice(-3).join(' | ')}`);
  }
  return instance;
}

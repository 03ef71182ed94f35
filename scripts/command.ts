// How a command of scripts/ meets the process that it runs in. A test gives it another environment, folder and streams,
// and needs no process for it.
import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../lib/environment.ts';

export interface Surroundings {
  /** File names are relative to it. */
  folder: string;
  environment: Environment;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable;
}

/** Returns the exit code. */
export type Command = (args: string[], surroundings: Surroundings) => Promise<number>;

/** Ends the command with this exit code. The message goes to standard output with 0, else to standard error. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Runs a command to its end; returns the exit code. */
export async function runCommand(
  command: Command,
  args: string[],
  surroundings: Surroundings,
): Promise<number> {
  try {
    return await command(args, surroundings);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    (error.code === 0 ? surroundings.stdout : surroundings.stderr).write(`${error.message}\n`);
    return error.code;
  }
}

/** Runs a command as this process, and ends the process. */
export async function runAsProcess(command: Command): Promise<void> {
  const { env: environment, stdin, stdout, stderr } = process;
  const surroundings = { folder: process.cwd(), environment, stdin, stdout, stderr };
  const code = await runCommand(command, process.argv.slice(2), surroundings);
  // Connections that are kept alive would keep the process waiting.
  stdout.write('', () => process.exit(code));
}

// Runs the plugin in this process and in virtual time, as the framework runs it. A command then takes milliseconds; with
// `sls` it takes seconds to load, and minutes to wait for the cloud.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { createPlugin } from '../deploy/plugin.ts';
import type { ServerlessService } from '../deploy/manifest.ts';
import type { Serverless } from '../deploy/serverless.ts';
import { inVirtualTime } from './virtual-time.ts';

export interface Run {
  exitCode: number | null;
  /** stdout and stderr, as the operator sees them. */
  output: string;
}

/** The hooks of each command, in order. */
const hookNames: Record<string, string[]> = {
  deploy: ['package:cleanup', 'after:package:finalize', 'deploy:deploy', 'after:deploy:deploy'],
  'deploy function': ['deploy:function:packageFunction', 'deploy:function:deploy'],
  remove: ['remove:remove'],
  info: ['info:info'],
  rollback: ['rollback:rollback'],
  invoke: ['invoke:invoke'],
  logs: ['logs:logs'],
};
const short: Record<string, string> = { f: 'function', d: 'data' };
const flags = new Set(['yes', 'tail', 'raw', 'log', 'force', 'update-config']);

class Stopped extends Error {}

/** `environment` is the shell's; .env of the folder is added as by the framework. Ends when `until` is printed. */
export async function runInProcess(
  folder: string,
  args: string,
  shell: Record<string, string | undefined>,
  until?: string,
): Promise<Run & { error: unknown }> {
  const { commands, options } = parseArguments(args);
  const environment = { ...readDotenv(folder, options['stage']), ...shell };
  let output = '';
  const write = (text: string): void => {
    output += `${text}\n`;
    if (until !== undefined && text.includes(until)) throw new Stopped();
  };
  const terminal = {
    log: { notice: write, warning: (text: string) => write(`Warning: ${text}`), info() {} },
    progress: { get: () => ({ update() {}, remove() {} }) },
    writeText: write,
  };
  try {
    const serverless: Serverless = {
      processedInput: { commands },
      service: readService(folder, environment, options['stage'] ?? 'dev'),
      serviceDir: folder,
      configurationInput: {},
      configSchemaHandler: { defineProvider() {}, handleErrorMessages() {} },
      setProvider() {},
    };
    const { hooks } = createPlugin(serverless, options, terminal, environment);
    await inVirtualTime(async () => {
      for (const hook of hookNames[commands.join(' ')] ?? [])
        await (hooks as Record<string, () => unknown>)[hook]?.();
    });
    return { exitCode: 0, output, error: undefined };
  } catch (error) {
    if (error instanceof Stopped) return { exitCode: null, output, error: undefined };
    return { exitCode: 1, output: `${output}Error:\n${textOf(error)}\n`, error };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'not even an error';
}

function parseArguments(args: string): { commands: string[]; options: Record<string, string> } {
  const words = args.split(' ');
  const first = words.findIndex((word) => word.startsWith('-'));
  const commands = first === -1 ? words : words.slice(0, first);
  const given = first === -1 ? [] : words.slice(first);
  const options: Record<string, string | boolean> = {};
  while (given.length > 0) {
    const name = given.shift()?.replace(/^--?/, '') ?? '';
    options[short[name] ?? name] = flags.has(name) ? true : (given.shift() ?? '');
  }
  return { commands, options: options as Record<string, string> };
}

function readDotenv(folder: string, stage = 'dev'): Record<string, string> {
  for (const name of [`.env.${stage}`, '.env']) {
    try {
      return parse(readFileSync(join(folder, name)));
    } catch {
      // There is no .env.
    }
  }
  return {};
}

/** The fixture's serverless.yml (one JSON value per line) with its variables resolved. */
function readService(
  folder: string,
  environment: Record<string, string | undefined>,
  stage: string,
): ServerlessService {
  const text = readFileSync(join(folder, 'serverless.yml'), 'utf8')
    .replaceAll(/\$\{opt:stage, 'dev'\}/g, stage)
    .replaceAll(/\$\{env:(\w+), ''\}/g, (_, name: string) => environment[name] ?? '');
  const entries = text
    .trim()
    .split('\n')
    .map((line) => [
      line.slice(0, line.indexOf(':')),
      JSON.parse(line.slice(line.indexOf(':') + 1)) as unknown,
    ]);
  return Object.fromEntries(entries) as ServerlessService;
}

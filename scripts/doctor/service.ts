// serverless.yml as the framework resolves it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServerlessService } from '../../deploy/manifest.ts';
import { readSettings, type ServiceSettings } from '../../deploy/settings.ts';
import type { Environment } from '../../lib/environment.ts';

/** In place of a value that serverless.yml has itself, or builds from several: the framework does not print it. */
export const unknownValue = '***';

/**
 * serverless.yml as the deploy would take it, read by the framework itself (about two seconds). Of the functions'
 * variables those have their values that are taken from the environment under their own names. The robot's address is that of
 * ALARM_WEBHOOK.
 *
 * Rejects with what the framework, or the check of the settings, says is wrong with it.
 */
export async function readService(
  stage: string,
  environment: Environment,
  cwd = process.cwd(),
  run = runFramework,
): Promise<ServiceSettings> {
  const { code, stdout, stderr } = await run(['print', '--format', 'json', '--stage', stage], cwd);
  if (code !== 0) throw new Error(messageIn(stderr));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the framework has checked it against deploy/manifest.ts
  const service = JSON.parse(stdout) as ServerlessService;
  const manifest = readFileSync(join(cwd, 'serverless.yml'), 'utf8');
  const taken = new Set([...manifest.matchAll(/\$\{env:(\w+)/g)].map(([, name]) => name));
  for (const holder of [service.provider, ...Object.values(service.functions)]) {
    // Printed as stars: they are put back from where the framework took them.
    const pairs = Object.entries(holder.environment ?? {}).map(([name, printed]) => {
      const value = taken.has(name) ? environment[name] : undefined;
      return [name, printed === '' ? '' : value || unknownValue];
    });
    holder.environment = Object.fromEntries(pairs);
  }
  const { alarms } = service.provider;
  if (alarms?.webhook) alarms.webhook = (taken.has('ALARM_WEBHOOK') && environment['ALARM_WEBHOOK']) || '';
  return readSettings(service, environment);
}

async function runFramework(args: string[], cwd: string) {
  const child = spawn(process.execPath, ['deploy/sls.mjs', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await closed, stdout, stderr };
}

/** The one line that matters of the framework's report. */
function messageIn(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const start = lines.findIndex((line) => /^Error:?$/.test(line));
  return lines.slice(start + 1).find((line) => line !== '') ?? 'the framework gives no reason';
}

// A function's environment: what is unset is left out, what SCF or Serverless would damage is refused by name,
// files named by a variable travel in the zip. Values are never part of a message.
import { basename } from 'node:path';
import { damagingCharacters } from '../lib/environment.ts';
import { DeployError } from './errors.ts';
import type { ServerlessProvider, ServiceFunction } from './manifest.ts';
import type { Serverless } from './serverless.ts';
import { manifestTexts } from './texts.ts';

const environmentBytesMax = 4096;
/** Serverless expands `$` and cuts at `#`; SCF's runtime splits at `;` and `=`. */
const reservedName = /^(SCF_|QCLOUD_|TENCENTCLOUD_|TECENTCLOUD_)/;

export interface FunctionEnvironment {
  environment: Record<string, string>;
  extraFiles: Record<string, string>;
}

/** Throws DeployError naming the variable. */
export function environmentOf(
  key: string,
  fn: ServiceFunction,
  provider: ServerlessProvider,
): FunctionEnvironment {
  const environment: Record<string, string> = {};
  const extraFiles: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...provider.environment, ...fn.environment })) {
    if (value === '') continue;
    const at = `functions.${key}.environment.${name}`;
    if (reservedName.test(name)) throw new DeployError(manifestTexts.reservedName(at, name.split('_')[0]));
    const damaged = damagingCharacters.exec(value)?.[0];
    if (damaged !== undefined) throw new DeployError(manifestTexts.damaged(at, damaged));
    if (provider.environmentFiles?.includes(name)) {
      const inZip = basename(value);
      if ((extraFiles[inZip] ?? value) !== value) {
        throw new DeployError(manifestTexts.sameFileName(at, inZip));
      }
      extraFiles[inZip] = value;
      environment[name] = inZip;
    } else {
      environment[name] = value;
    }
  }
  const bytes = Object.entries(environment).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  if (bytes > environmentBytesMax)
    throw new DeployError(manifestTexts.tooLarge(key, bytes, environmentBytesMax));
  return { environment, extraFiles };
}

/** What a deploy cannot do without. Throws DeployError naming all that is missing, together with where to put it. */
export function requireEnvironment(provider: ServerlessProvider, variables: NodeJS.ProcessEnv): void {
  const stage = provider.stage ?? 'dev';
  const missing = (provider.requiredEnvironment ?? []).filter((name) => !variables[name]);
  if (missing.length === 0) return;
  throw new DeployError(manifestTexts.missing(missing.join(', '), stage, missing.length));
}

/** Replaces every environment value by stars, and the robot's address, which holds a key, for `sls print`. */
export function maskSecrets(configuration: Serverless['configurationInput']): void {
  const { alarms } = configuration.provider ?? {};
  if (alarms?.webhook) alarms.webhook = '***';
  const holders = [configuration.provider, ...Object.values(configuration.functions ?? {})];
  for (const holder of holders) {
    const environment = holder?.environment ?? {};
    for (const name of Object.keys(environment)) if (environment[name] !== '') environment[name] = '***';
  }
}

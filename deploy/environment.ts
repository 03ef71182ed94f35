// A function's environment: what is unset is left out, what SCF or Serverless would damage is refused by name,
// files named by a variable travel in the zip. Values are never part of a message.
import { basename } from 'node:path';
import { damagingCharacters } from '../lib/environment.ts';
import { DeployError } from './errors.ts';
import type { ServerlessProvider, ServiceFunction } from './manifest.ts';
import type { Serverless } from './serverless.ts';

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
    if (reservedName.test(name))
      throw new DeployError(`${at}: names beginning with ${name.split('_')[0]}_ belong to SCF.`);
    const damaged = damagingCharacters.exec(value)?.[0];
    if (damaged !== undefined) {
      throw new DeployError(
        `${at}: the value holds "${damaged}", which Serverless or SCF would damage. Use base64url for keys and percent-encode it in URLs.`,
      );
    }
    if (provider.environmentFiles?.includes(name)) {
      const inZip = basename(value);
      if ((extraFiles[inZip] ?? value) !== value) {
        throw new DeployError(`${at}: another file of this function is called ${inZip} too: rename one.`);
      }
      extraFiles[inZip] = value;
      environment[name] = inZip;
    } else {
      environment[name] = value;
    }
  }
  const bytes = Object.entries(environment).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  if (bytes > environmentBytesMax) {
    throw new DeployError(
      `functions.${key}.environment: ${bytes} bytes in all, SCF takes ${environmentBytesMax}.`,
    );
  }
  return { environment, extraFiles };
}

/** What a deploy cannot do without. Throws DeployError naming all that is missing, together with where to put it. */
export function requireEnvironment(provider: ServerlessProvider, variables: NodeJS.ProcessEnv): void {
  const stage = provider.stage ?? 'dev';
  const missing = (provider.requiredEnvironment ?? []).filter((name) => !variables[name]);
  if (missing.length === 0) return;
  const [are, them] = missing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  throw new DeployError(
    `${missing.join(', ')} ${are} not set: copy .env.example to .env.${stage} or .env and fill ${them} in.`,
  );
}

/** Replaces every environment value by stars, for `sls print`. */
export function maskEnvironment(configuration: Serverless['configurationInput']): void {
  const holders = [configuration.provider, ...Object.values(configuration.functions ?? {})];
  for (const holder of holders) {
    const environment = holder?.environment ?? {};
    for (const name of Object.keys(environment)) if (environment[name] !== '') environment[name] = '***';
  }
}

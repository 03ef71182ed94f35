// `runtime` in serverless.yml is the one setting: it decides what scf_bootstrap starts, what the bundles are built for
// and what the function is created with.
import { DeployError } from './errors.ts';
import { manifestTexts } from './texts.ts';

export const defaultRuntime = 'Nodejs20.19';
/** What SCF offered in 2026-11; a Node.js of another version is left to the cloud to know. */
const knownRuntimes = [
  'Nodejs20.19', 'Nodejs18.15', 'Nodejs16.13', 'Nodejs14.18', 'Nodejs12.16', 'Nodejs10.15',
  'Python3.10', 'Python3.9', 'Python3.7', 'Python3.6', 'Python2.7',
  'Php8.0', 'Php7.4', 'Php7', 'Go1', 'Java8', 'CustomRuntime',
]; // prettier-ignore
const nodeRuntime = /^Nodejs(\d+)\.\d+$/;

/** Major version of Node.js, e.g. 20 for `Nodejs20.19`; undefined for other languages. */
export function nodeMajorOf(runtime: string): number | undefined {
  const major = nodeRuntime.exec(runtime)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** The runtime of the provider as the text of serverless.yml has it. */
export function runtimeIn(manifest: string): string {
  return /^ {2}runtime: *['"]?([\w.]+)/m.exec(manifest)?.[1] ?? defaultRuntime;
}

/** Throws DeployError for what can only be a misspelling. */
export function checkRuntime(runtime: string, at: string): void {
  if (knownRuntimes.includes(runtime) || nodeRuntime.test(runtime)) return;
  throw new DeployError(manifestTexts.noRuntime(at, runtime, knownRuntimes.join(', ')));
}

/** Throws DeployError when `scf_bootstrap` starts another Node.js than the runtime has. */
export function checkBootstrap(bootstrap: string, runtime: string, at: string): void {
  const started = /\/var\/lang\/node(\d+)\//.exec(bootstrap)?.[1];
  const major = nodeMajorOf(runtime);
  if (started === undefined || major === undefined || Number(started) === major) return;
  throw new DeployError(manifestTexts.otherNode(at, started, runtime));
}

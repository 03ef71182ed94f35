// devtools/: a copy of the mini-program for WeChat DevTools, with one file more, which gives it the codes of the simulator.
// The mini-program itself is never changed, so nothing of it can get into a release.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const devtoolsFolder = 'devtools';
/** What DevTools itself writes there. */
const ofDevtools = new Set(['project.private.config.json']);
const shim = 'npm-run-dev.js';
/** An edit in the copy would be lost. */
const readOnly = 0o444;

export interface Addresses {
  serverUrl: string;
  pageUrl: string;
  /** Shows the page's server that a request comes from the copy. */
  key: string;
}

/** Makes the copy equal to `miniprogram`, apart from the address of the server and `wx.qy`. */
export function writeDevtools(miniprogram: string, addresses: Addresses): void {
  const files = new Map(filesOf(miniprogram).map((file) => [file, readFileSync(join(miniprogram, file))]));
  for (const [app, first] of [
    ['app.ts', `import './npm-run-dev';`],
    ['app.js', `require('./npm-run-dev');`],
  ] as const) {
    const source = files.get(app);
    if (source) files.set(app, Buffer.from(`${first}\n${source.toString('utf8')}`));
  }
  const config = files.get('project.config.json');
  if (config) files.set('project.config.json', Buffer.from(withoutDomainCheck(config.toString('utf8'))));
  const template = readFileSync('dev/devtools-wecom.js', 'utf8');
  files.set(shim, Buffer.from(template.replace(`'@addresses@'`, JSON.stringify(addresses))));

  for (const file of existsSync(devtoolsFolder) ? filesOf(devtoolsFolder) : []) {
    if (!files.has(file) && !ofDevtools.has(file)) rmSync(join(devtoolsFolder, file));
  }
  for (const [file, content] of files) {
    const target = join(devtoolsFolder, file);
    if (existsSync(target) && readFileSync(target).equals(content)) continue;
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { force: true });
    writeFileSync(target, content, { mode: readOnly });
  }
}

/** DevTools checks addresses against the list in the console, where this machine is not. */
function withoutDomainCheck(config: string): string {
  return config.replace(/"urlCheck": *true/, '"urlCheck": false');
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length))
    .filter((file) => !/(^|\/)(node_modules|\.git)\//.test(file));
}

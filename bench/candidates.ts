// Who is measured: the floor, ours, the peers. Each is one minified file, as it would be deployed, run as a process.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { plainBundle } from '../scripts/function-bundle.ts';

export interface Candidate {
  name: string;
  /** What is started. */
  file: string;
  bundleBytes: number;
}

export interface Running {
  port: number;
  pid: number;
  /** CPU microseconds and bytes so far; `collect` takes out the garbage first. */
  used(order?: 'collect'): Promise<Used>;
  stop(): Promise<void>;
}

export interface Used {
  cpuUs: number;
  rssBytes: number;
  /** On V8's heap and beside it. */
  liveBytes: number;
}

/** Whom a candidate talks to. */
export interface Upstreams {
  redisUrl: string;
  wecomUrl: string;
  corpid: string;
  corpsecret: string;
  /** A certificate that is trusted besides the usual authorities. */
  trustedFile?: string;
}

const peers = ['tnwx', 'wechat-work', 'wechat-enterprise-api', 'node-easywechat'];
const output = '.build/bench/candidates';

/** Bundles all that are installed; ours is `dist/login`, built before. */
export async function prepareCandidates(): Promise<{ candidates: Candidate[]; missing: string[] }> {
  const installed = peers.filter((peer) => existsSync(`bench/peers/node_modules/${peer}`));
  const sources = ['bench/floor.mjs', ...installed.map((peer) => `bench/peers/${peer}.mjs`)];
  await build({
    ...plainBundle,
    entryPoints: sources.map((source) => ({ in: source, out: nameOf(source) })),
    outdir: output,
    outExtension: { '.js': '.cjs' },
    logLevel: 'error',
    // urllib wants it only behind a proxy.
    external: ['proxy-agent'],
  });
  await mkdir(output, { recursive: true });
  // A copy: somebody may build while we measure.
  await cp('dist/login', `${output}/ours`, { recursive: true });
  await writeFile(`${output}/ours/package.json`, '{"type":"commonjs"}');
  const names = ['floor', 'ours', ...installed];
  const candidates = await Promise.all(
    names.map(async (name) => {
      const bundle = name === 'ours' ? `${output}/ours/app.js` : `${output}/${name}.cjs`;
      const file = name === 'ours' ? `${output}/ours/index.js` : bundle;
      return { name, file, bundleBytes: (await stat(bundle)).size };
    }),
  );
  return { candidates, missing: peers.filter((peer) => !installed.includes(peer)) };
}

/** How a candidate is run. */
export interface StartOptions {
  /** Costs some milliseconds at the start. */
  probe: boolean;
  /** Runs for 25 ms of every 100 ms only, as an instance with a quarter of a core does. */
  quarter?: boolean;
}

/** Starts one; resolves when it listens. */
export async function start(
  candidate: Candidate,
  upstreams: Upstreams,
  { probe, quarter = false }: StartOptions,
): Promise<Running> {
  const child = spawn(
    process.execPath,
    [...(probe ? ['--expose-gc', '--require', './bench/probe.cjs'] : []), candidate.file],
    {
      env: { PATH: process.env['PATH'], ...environment(upstreams) },
      stdio: ['ignore', 'pipe', 'inherit', ...(probe ? (['ipc'] as const) : [])],
    },
  );
  if (quarter) runInSlices(child);
  const port = await portOf(child);
  return {
    port,
    pid: child.pid ?? 0,
    async used(order) {
      child.send(order ?? 'look');
      const { cpu, ...bytes } = await message<Used & { cpu: NodeJS.CpuUsage }>(child);
      return { ...bytes, cpuUs: cpu.user + cpu.system };
    },
    async stop() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Stops it by signal after each slice, until it has exited: needs no rights, and no cgroup that could be written. */
function runInSlices(child: ChildProcess): void {
  const stop = () => child.kill('SIGSTOP') && setTimeout(go, 75);
  const go = () => child.kill('SIGCONT') && setTimeout(stop, 25);
  go();
}

/** The next message of a process. */
export function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('the process ended'));
    child.once('exit', ended);
    child.once('message', (value: T) => {
      child.off('exit', ended);
      resolve(value);
    });
  });
}

/** The same secret and company for all, under the names that each reads. */
function environment(upstreams: Upstreams): Record<string, string> {
  const { redisUrl, wecomUrl, corpid, corpsecret, trustedFile } = upstreams;
  return {
    ...(trustedFile && { NODE_EXTRA_CA_CERTS: trustedFile }),
    PORT: '0',
    REDIS_URL: redisUrl,
    WECOM_BASE_URL: wecomUrl,
    CORPID: corpid,
    CORPSECRET: corpsecret,
    WECOM_CORPS: `${corpid}:${corpsecret}`,
    ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)).toString('base64url'),
  };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a candidate ended with code ${code}`)));
    child.once('error', reject);
    if (!child.stdout) return;
    const lines = createInterface(child.stdout);
    lines.on('line', (line) => {
      const port = /"event":"listening","port":(\d+)/.exec(line)?.[1];
      if (port === undefined) return;
      resolve(Number(port));
      // From here on its log is read and dropped, as cheaply as can be.
      lines.close();
      child.stdout?.resume();
    });
  });
}

function nameOf(source: string): string {
  return source.slice(source.lastIndexOf('/') + 1).replace('.mjs', '');
}

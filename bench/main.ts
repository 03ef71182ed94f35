// `npm run bench [-- --quick] [-- --only NAME]`: compares the built login function with hand-written code and other SDKs.
// `npm run bench -- load [--quick]`: measures what one instance sustains, and what happens above that.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { redisServerInstalled, startRedis } from '../simulator/redis.ts';
import { createBench } from './bench.ts';
import { prepareCandidates } from './candidates.ts';
import { type Figure, figures } from './figures.ts';
import { comparison, type Conditions, markdown, type Report, svg } from './report.ts';
import { storms } from './storms.ts';
import { loadReport, sustainedLoad } from './sustained.ts';

const all = { ...figures, storms };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});
const [what = 'comparison', ...more] = positionals;
if (!['comparison', 'load'].includes(what) || more.length > 0)
  fail(`${positionals.join(' ')}: the only command is load`);
if (what === 'load' && values.only.length > 0) fail('--only is for the comparison, not for load');
const unknown = values.only.filter((name) => !(name in all));
if (unknown.length > 0) fail(`--only ${unknown.join(', ')}: choose from ${Object.keys(all).join(', ')}`);
if (!redisServerInstalled()) {
  fail(
    'redis-server is not installed: the embedded Redis would be what is measured. apt-get install redis-server',
  );
}

say('npm run build');
execFileSync(process.execPath, ['scripts/run.mjs', 'scripts/build.ts'], { stdio: 'ignore' });
const startedMs = performance.now();
function progress(text: string) {
  return say(`${Math.round((performance.now() - startedMs) / 1000)} s  ${text}`);
}
const redis = await startRedis({ kind: 'server' });
try {
  await (what === 'load' ? measureLoad() : compare());
} finally {
  await redis.stop();
}

async function compare(): Promise<void> {
  const { candidates, missing } = await prepareCandidates();
  if (missing.length > 0) say(`Without ${missing.join(', ')}: npm ci --prefix bench/peers installs them.`);
  const bench = await createBench(redis, candidates, values.quick, progress);
  const results = new Map<string, Figure>();
  try {
    for (const [name, measure] of Object.entries(all)) {
      if (values.only.length === 0 || values.only.includes(name)) results.set(name, await measure(bench));
    }
  } finally {
    await bench.stop();
  }
  const names = candidates.map(({ name }) => name);
  await write(comparison, { table: 'results.md', chart: 'chart.svg' }, names, results, missing);
}

async function measureLoad(): Promise<void> {
  const figure = await sustainedLoad(redis, values.quick ? 2 : 10, progress);
  const files = { table: 'load.md', chart: 'load.svg' };
  await write(loadReport, files, [...figure.keys()], new Map([['load', figure]]), []);
}

async function write(
  report: Report,
  files: { table: string; chart: string },
  names: readonly string[],
  results: Map<string, Figure>,
  missing: readonly string[],
): Promise<void> {
  const conditions: Conditions = {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    node: process.versions.node,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 1e9)} GB`,
    redis: /v=([\d.]+)/.exec(spawnSync('redis-server', ['--version']).stdout.toString())?.[1] ?? '',
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(
      ' ',
    ),
    missing,
  };
  const table = await format(markdown(report, names, results, conditions), {
    ...(await resolveConfig('docs/bench/results.md')),
    parser: 'markdown',
  });
  say(`\n${table}`);
  // Partial or quick figures must not replace those in README.
  const directory = values.quick || values.only.length > 0 ? '.build/bench/results' : 'docs/bench';
  await mkdir(directory, { recursive: true });
  await writeFile(`${directory}/${files.table}`, table);
  await writeFile(`${directory}/${files.chart}`, svg(report, names, results, conditions));
  say(`Written to ${directory}/${files.table} and ${directory}/${files.chart}`);
}

function commit(): string {
  const changed = git('status', '--porcelain', 'lib', 'functions') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`;
}

function git(...args: string[]): string {
  return spawnSync('git', args).stdout.toString().trim();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

// `npm test`: runs vitest, then searches all output of the run and all logs of the tested functions for the secrets used.
// A found secret fails the run and is not printed again. A whole run also writes docs/reliability.md, and fails if one of
// its rows is neither shown nor argued. `--quick` leaves out the long suites; all other arguments are vitest's. Ends with
// `N passed, N failed`. With CI=true a skipped test is a failure.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Faults, attacks, crowds, whole deploys and browsers: minutes. */
const longSuites = [
  'attacks/**',
  'faults/**',
  'simulator/**',
  '{access-token,admin,callback,crowd,demo,demo-page,limits,log,mutants,recheck,refresh,reviewer}.test.ts',
  '{session-life,simulation,storm,tencent-cloud,token-model,token-store,upgrade}.test.ts',
  '{deploy,doctor,mini-program-c,mini-program-pages,setup}*.test.ts',
];

const prefixChars = 8;

const directory = mkdtempSync(join(tmpdir(), 'wecom-login-test-'));
const files = {
  secrets: join(directory, 'secrets'),
  output: join(directory, 'output'),
  results: join(directory, 'results.json'),
  figures: join(directory, 'figures'),
};
for (const file of Object.values(files)) writeFileSync(file, '');

const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${files.results}`];
const given = process.argv.slice(2);
const quick = given.includes('--quick');
const excluded = quick ? longSuites.flatMap((glob) => ['--exclude', `test/${glob}`]) : [];
const chosen = [...excluded, ...given.filter((argument) => argument !== '--quick')];
const args = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...chosen];
const child = spawn(process.execPath, args, {
  stdio: ['ignore', 'pipe', 'pipe'],
  env: {
    ...process.env,
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
    SECRETS_FILE: files.secrets,
    OUTPUT_FILE: files.output,
    FIGURES_FILE: files.figures,
  },
});
const printed: string[] = [];
for (const [stream, target] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
] as const) {
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    printed.push(chunk);
    // Not vitest's line about the JSON report, which is deleted in a moment.
    target.write(chunk.replace(/^JSON report written to .*\n/m, ''));
  });
}
const code = await new Promise<number | null>((resolve) => {
  child.once('close', resolve);
});

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
}
const results: Partial<Results> = JSON.parse(readFileSync(files.results, 'utf8') || '{}');
const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests: skipped = 0 } = results;
let failed = numFailedTests;

const output = `${printed.join('')}\n${readFileSync(files.output, 'utf8')}`;
const secrets = new Set(readFileSync(files.secrets, 'utf8').split('\n').filter(Boolean));
const leaked = secretsIn(output, secrets);
if (chosen.length === 0) writeReliability();
rmSync(directory, { recursive: true });

if (leaked.length > 0) {
  failed += 1;
  say(`\n${leaked.length} of ${secrets.size} secrets of this run were printed or logged:`);
  for (const line of output.split('\n').filter((text) => leaked.some((value) => text.includes(value)))) {
    say(`  ${leaked.reduce((text, value) => text.replaceAll(value, '[secret]'), line).slice(0, 300)}`);
  }
} else {
  say(`\n${secrets.size} secrets used, none found in ${Math.round(output.length / 1024)} KB of output`);
}
if (skipped > 0 && process.env['CI'] === 'true') {
  failed += skipped;
  say(`${skipped} tests were skipped; in CI no test may be skipped`);
}
// vitest may fail without a failed test, for example when a file does not load.
if (code !== 0 && failed === 0) failed = 1;
say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** Searches the text only once: there are tens of thousands of secrets and megabytes of output. */
function secretsIn(text: string, values: ReadonlySet<string>): string[] {
  const short = [...values].filter((value) => value.length < prefixChars);
  const found = new Set(short.filter((value) => text.includes(value)));
  const byPrefix = new Map<string, string[]>();
  for (const value of values) {
    if (value.length < prefixChars) continue;
    const prefix = value.slice(0, prefixChars);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), value]);
  }
  for (let at = 0; at + prefixChars <= text.length; at += 1) {
    for (const value of byPrefix.get(text.slice(at, at + prefixChars)) ?? []) {
      if (text.startsWith(value, at)) found.add(value);
    }
  }
  return [...found];
}

function writeReliability(): void {
  const script = ['scripts/run.mjs', 'scripts/reliability.ts', files.results, files.figures];
  if (spawnSync(process.execPath, script, { stdio: 'inherit' }).status !== 0) failed += 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

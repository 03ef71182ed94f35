// `npm test`: runs vitest, then searches everything the run printed, and everything the functions under test
// wrote to their logs, for the secrets it used. A secret found fails the run without being printed again.
// Ends with `N passed, N failed`. With CI=true a skipped test is a failure.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'wecom-login-test-'));
const files = {
  secrets: join(directory, 'secrets'),
  output: join(directory, 'output'),
  results: join(directory, 'results.json'),
};
for (const file of Object.values(files)) writeFileSync(file, '');

const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${files.results}`];
const args = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...process.argv.slice(2)];
const child = spawn(process.execPath, args, {
  stdio: ['ignore', 'pipe', 'pipe'],
  env: {
    ...process.env,
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
    SECRETS_FILE: files.secrets,
    OUTPUT_FILE: files.output,
  },
});
const printed: Buffer[] = [];
for (const [stream, target] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
] as const) {
  stream.on('data', (chunk: Buffer) => {
    printed.push(chunk);
    // vitest names the JSON report, which is ours and gone in a moment.
    target.write(chunk.toString('utf8').replace(/^JSON report written to .*\n/m, ''));
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

const output = `${Buffer.concat(printed).toString('utf8')}\n${readFileSync(files.output, 'utf8')}`;
const secrets = new Set(readFileSync(files.secrets, 'utf8').split('\n').filter(Boolean));
const leaked = [...secrets].filter((value) => output.includes(value));
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
  say(`${skipped} tests were skipped; in CI none may be`);
}
// vitest may fail without a failed test, for example when a file does not load.
if (code !== 0 && failed === 0) failed = 1;
say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

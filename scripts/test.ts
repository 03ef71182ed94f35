// `npm test`: runs vitest, then searches everything the run printed, and everything the functions under test
// wrote to their logs, for the secrets it used. A secret found fails the run without being printed again.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join('.build', 'test-run');
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const files = { secrets: join(directory, 'secrets'), output: join(directory, 'output') };
for (const file of Object.values(files)) writeFileSync(file, '');

const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], {
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
    target.write(chunk);
  });
}
const code = await new Promise<number | null>((resolve) => {
  child.once('close', resolve);
});

const output = `${Buffer.concat(printed).toString('utf8')}\n${readFileSync(files.output, 'utf8')}`;
const secrets = new Set(readFileSync(files.secrets, 'utf8').split('\n').filter(Boolean));
const leaked = [...secrets].filter((value) => output.includes(value));
if (leaked.length > 0) {
  process.stderr.write(`\n${leaked.length} of ${secrets.size} secrets of this run were printed or logged:\n`);
  for (const line of output.split('\n').filter((text) => leaked.some((value) => text.includes(value)))) {
    process.stderr.write(
      `  ${leaked.reduce((text, value) => text.replaceAll(value, '[secret]'), line).slice(0, 300)}\n`,
    );
  }
} else {
  process.stdout.write(
    `\n${secrets.size} secrets used, none found in ${Math.round(output.length / 1024)} KB of output\n`,
  );
}
process.exitCode = code === 0 && leaked.length === 0 ? 0 : 1;

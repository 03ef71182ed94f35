// Writes docs/reliability.md from a whole run of the tests: `scripts/reliability.ts RESULTS.json FIGURES`, both written by
// that run. Exit code 1 if a row or a goal is neither shown by a passing test nor argued.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { type Figure, idsIn, type RanTest, reliabilityTables } from '../test/reliability/table.ts';

const document = 'docs/reliability.md';
const [resultsFile = '', figuresFile = ''] = process.argv.slice(2);

interface Results {
  testResults: {
    name: string;
    assertionResults: { ancestorTitles: string[]; title: string; status: string }[];
  }[];
}
const { testResults }: Results = JSON.parse(readFileSync(resultsFile, 'utf8'));
const tests = testResults.flatMap(({ name: path, assertionResults }) =>
  assertionResults.map(({ ancestorTitles, title, status }): RanTest => {
    const known = status === 'passed' || status === 'failed' ? status : 'skipped';
    return { file: relative('.', path), name: [...ancestorTitles, title].join(' › '), status: known };
  }),
);
const figures = readFileSync(figuresFile, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line): Figure => JSON.parse(line));

const { markdown, unproven } = reliabilityTables(tests, figures);
const skipped = tests.filter(({ name, status }) => status === 'skipped' && idsIn(name).length > 0);

if (skipped.length > 0 && process.env['CI'] !== 'true') {
  say(`${document} is not written: ${skipped.length} of its tests were skipped (is redis-server installed?)`);
} else {
  const today = new Date().toISOString().slice(0, 10);
  const before = existsSync(document) ? readFileSync(document, 'utf8') : '';
  const dateBefore = /^Run of (\d{4}-\d{2}-\d{2})/m.exec(before)?.[1] ?? today;
  // An unchanged page keeps its date, and its figures if only their digits differ.
  if (withoutDigits(await written(dateBefore)) !== withoutDigits(before)) {
    writeFileSync(document, await written(today));
  }
  if (unproven.length > 0) {
    say(`${document}: neither shown nor argued: ${unproven.join(', ')}`);
    process.exitCode = 1;
  }
}

async function written(date: string): Promise<string> {
  const redis = /v=([\d.]+)/.exec(
    spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[1];
  const text = `# Reliability

What can go wrong, what is promised in that case, and the test that shows it. The title of a test has the id of its row
in brackets. \`npm test\` writes this page from its results. A row without a test is argued in its last column; a row with
neither fails the run.

Run of ${date}, Node ${process.version}, redis-server ${redis ?? 'not installed'}. To repeat it: \`npm test\`; only the faults:
\`npm run test:faults\`; only the attacks: \`npm run test:attacks\`.

The faults are real: a redis-server that is stopped, killed, full, read-only or failing over; a proxy that delays, cuts
and loses data; a strict simulator of WeCom with every wrong answer; the built functions as processes that are frozen,
thawed and killed. Each response is checked completely and comes within its deadline, and afterwards everything works
again. "503" means \`temporarily_unavailable\` with Retry-After; "no gettoken" means no gettoken call by anybody.

## Goals

${asItIs(markdown.goals)}

## Faults

R: Redis. W: WeCom. S: instances, time, deployments. T: what other clients of WeCom got wrong. P: phones. C: deploys to
Tencent Cloud.

${asItIs(markdown.faults)}

## Attacks

${asItIs(markdown.attacks)}
`;
  return format(text, { ...(await resolveConfig(document)), parser: 'markdown' });
}

function withoutDigits(text: string): string {
  return text.replaceAll(/^\| G\d.*$/gm, (line) =>
    line
      .split(' | ')
      .map((cell, i) => (i === 2 ? cell.replaceAll(/\d+/g, '0') : cell))
      .join(' | '),
  );
}

/** Without this, prettier would pad each line of a table to its longest. */
function asItIs(table: string): string {
  return `<!-- prettier-ignore-start -->\n\n${table}\n\n<!-- prettier-ignore-end -->`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

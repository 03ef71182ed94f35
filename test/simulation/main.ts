// `npm run simulate`: random schedules of the shared access_token under virtual time.
//
//   npm run simulate -- --seeds 10000          many seeds, from 1 or from --from N
//   npm run simulate -- --seed 123 --trace     one seed again, with its last events
//   npm run simulate -- --scenarios            the known situations with their counts
//   npm run simulate -- --mutant no-lease      the same with a fault built in (test/simulation/mutants.ts)
//
// Ends with 1 when a promise was broken.
import { parseArgs } from 'node:util';
import * as heart from './heart.ts';
import { buildMutant } from './mutants.ts';
import { createLua } from './redis-data.ts';
import { runScenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { type Outcome, runSchedule } from './schedule.ts';
import { gettokenModes } from './upstream.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    lines: { type: 'string', default: '80' },
    mutant: { type: 'string' },
    scenarios: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
});

const lua = await createLua();
const tested = options.mutant === undefined ? heart : await buildMutant(options.mutant);
const first = Number(options.seed ?? options.from);
const count = options.seed === undefined ? Number(options.seeds) : 1;
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  throw new Error('--seed, --seeds and --from want whole numbers');
}

const startedAt = performance.now();
process.exitCode = (options.scenarios ? await knownSituations() : await randomWorlds()) ? 0 : 1;

async function knownSituations(): Promise<boolean> {
  let kept = true;
  for (const scenario of scenarios) {
    const counts: string[] = [];
    for (const mode of gettokenModes) {
      if (scenario.modes && !scenario.modes.includes(mode)) {
        counts.push('  -');
        continue;
      }
      const { gettokens, requests, violation } = await runScenario(tested, lua, scenario, mode);
      counts.push(`${gettokens}`.padStart(3));
      if (violation) say(`${mode} broke “${violation.invariant}”: ${violation.text}`);
      if (violation) kept = false;
      if (requests.failed > scenario.failedMax) kept = false;
    }
    say(`${counts.join(' ')} gettoken calls in modes A, B, C, D: ${scenario.name}`);
  }
  return kept;
}

async function randomWorlds(): Promise<boolean> {
  const total = { requests: 0, failed: 0, gettokens: 0, hours: 0, broken: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const outcome = await runSchedule(tested, lua, seed);
    total.requests += outcome.requests;
    total.failed += outcome.failed;
    total.gettokens += outcome.gettokens;
    total.hours += outcome.virtualMs / 3_600_000;
    if (outcome.violation) {
      total.broken += 1;
      report(outcome);
      if (!options['keep-going']) break;
    } else if (options.trace) {
      say(outcome.tail(Number(options.lines)).join('\n'));
    }
    if ((seed - first + 1) % 250 === 0) say(`${seed - first + 1} of ${count} seeds, ${seconds()} s`);
  }
  say(
    `${count} seeds in ${seconds()} s: ${total.requests} requests, ${total.failed} failed for a reason, ` +
      `${total.gettokens} gettoken calls, ${Math.round(total.hours)} virtual hours, ${total.broken} broken promises`,
  );
  return total.broken === 0;
}

function report({ seed, violation, faults, tail }: Outcome): void {
  if (!violation) return;
  say(
    `seed ${seed} broke “${violation.invariant}” at ${(violation.atMs / 1000).toFixed(3)} s: ${violation.text}`,
  );
  say(`  faults: ${faults.join(', ')}`);
  const mutant = options.mutant === undefined ? '' : ` --mutant ${options.mutant}`;
  say(`  again:  npm run simulate -- --seed ${seed} --trace${mutant}`);
  if (options.trace) say(tail(Number(options.lines)).join('\n'));
}

function seconds(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

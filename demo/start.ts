// `npm start`: builds, starts everything on this machine, plays the story, and keeps running so that you can try it.
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { buildFunctions } from './build.ts';
import { startDemoRedis } from './redis.ts';
import { createScreen, describeEntry, describeRefresh } from './screen.ts';
import { createExchange, type Step } from './exchange.ts';
import { createMoreSteps } from './story-more.ts';
import { createSteps } from './story.ts';
import { Trouble } from './trouble.ts';
import { showWhatToTry } from './try-it.ts';
import { compileFiles, type Page, startPage } from './page-server.ts';
import { createWorld, ourCompanies, refuseTakenPort, type World, wecomLatencyMs } from './world.ts';

const usage = `Usage: npm start -- [--once] [--port <number>]

The login of a WeCom mini-program on this machine: no account, no Docker, no network.

  --once           end after the story, without the page; the exit code is 0 only if every step
                   went as expected
  --port <number>  port of the page (default: any free one)
  --help           show this text

Environment:
  REDIS_URL        use this Redis instead of an embedded one
  NO_COLOR         no colours`;

const refreshEverySeconds = 10;
const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 };

const { once, port } = readOptions();
const screen = createScreen(process.stdout);
/** What must be ended at exit; set when it is started. */
let world: World | undefined;
let page: Page | undefined;
let ending = false;
let storyTold = false;

process.on('exit', () => world?.kill());
// The reader may end first: `npm start | head`.
process.stdout.on('error', () => void end(exitCodes.failed));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait.
    if (ending) process.exit(exitCodes.interrupted);
    void end(storyTold ? exitCodes.ok : exitCodes.interrupted);
  });
}

try {
  await main();
} catch (error) {
  // Ctrl-C also reaches the functions, and the story may fail before this process gets the signal.
  await new Promise((resolve) => setTimeout(resolve, 100));
  if (!ending) {
    screen.failure(`\n${error instanceof Trouble ? `npm start: ${error.message}` : describeBug(error)}`);
    await end(exitCodes.failed);
  }
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  const [loadBefore = 0] = loadavg();
  if (port > 0) await refuseTakenPort(port);
  screen.title('The login of a WeCom mini-program, complete on this machine');
  const { steps, wecom, files, loginOfStory } = await setUp();
  const failed = await play(steps);

  screen.print();
  for (const violation of wecom.violations) screen.failure(`WeCom received a malformed call: ${violation}`);
  if (failed.length > 0) {
    const numbers = failed.map((step) => steps.indexOf(step) + 1).join(' and ');
    screen.failure(`Of ${steps.length} steps, these did not go as expected: ${numbers}.`);
    if (loadBefore > availableParallelism()) {
      screen.print(
        `This machine was already busy: load ${loadBefore.toFixed(1)} on ${availableParallelism()} cores.`,
      );
    }
  } else {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    screen.success(`All ${steps.length} steps went as expected, in ${seconds} s.`);
  }
  if (once) await end(failed.length + wecom.violations.length === 0 ? exitCodes.ok : exitCodes.failed);
  if (ending || !world) return;
  await world.stopLogin(loginOfStory);
  page = await startPage(world, files, port);
  page.feed.follow((entry) => describeEntry(entry).forEach((line) => screen.aside(...line)));
  showWhatToTry(screen, page.url, wecom.url);
  storyTold = true;
}

async function setUp() {
  const build = screen.starting('build');
  build.update('the functions, into dist/');
  build.done(`dist/, the functions exactly as they are deployed: ${await buildFunctions()}`);

  const redisRow = screen.starting('Redis');
  const redis = await startDemoRedis(process.env['REDIS_URL']);
  redisRow.done(redis.description);

  const wecomRow = screen.starting('WeCom');
  world = await createWorld(redis);
  const { wecom } = world;
  wecomRow.done(`simulated, ${wecom.url}, answers after ${wecomLatencyMs.min}–${wecomLatencyMs.max} ms`);

  const pageRow = screen.starting('page');
  const files = once ? new Map() : await compileFiles();
  pageRow.done(
    once ? 'not with --once' : 'the mini-program, compiled for the browser; served after the story',
  );

  const loginRow = screen.starting('login');
  const login = await world.startLogin();
  loginRow.done(`${login.url}, the login function in its own process`);

  const refreshRow = screen.starting('refresh');
  const first = await world.refresh();
  if (first.counts['renewed'] !== ourCompanies.length)
    throw new Trouble(`the refresh function ${describeRefresh(first)}`);
  refreshRow.done(`a timer, every ${refreshEverySeconds} s; ${describeRefresh(first)}`);
  world.startTimer(refreshEverySeconds, (run) => {
    // After the story, show only changes.
    if (storyTold && run.counts['fresh'] === ourCompanies.length) return;
    if (page) page.feed.add({ kind: 'timer', run });
    else screen.aside('timer → refresh', describeRefresh(run));
  });
  const exchange = createExchange(world, login);
  return {
    steps: [...createSteps(world, exchange), ...createMoreSteps(world, exchange)],
    loginOfStory: login,
    wecom,
    files,
  };
}

/** Plays all steps, even after a failure. Returns those that did not go as expected. */
async function play(steps: readonly Step[]): Promise<Step[]> {
  const failed = new Set<Step>();
  for (const [index, step] of steps.entries()) {
    if (ending) break;
    screen.openStep(index + 1, step.title);
    const expect = (expected: string, kept: boolean, got?: string) => {
      if (!kept) failed.add(step);
      if (!ending) screen.check(kept, expected, got);
    };
    try {
      await step.play({ line: screen.line, lineUnderWay: screen.lineUnderWay, expect });
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect('the step runs to its end', false, error instanceof Error ? error.message : String(error));
    }
    screen.closeStep();
  }
  return [...failed];
}

async function end(code: number): Promise<void> {
  ending = true;
  await page?.stop();
  await world?.stop();
  process.exit(code);
}

function readOptions(): { once: boolean; port: number } {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string', default: '0' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${usage}\n`);
      process.exit(exitCodes.ok);
    }
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
      throw new Error(`--port ${values.port}: not a port number`);
    }
    return { once: values.once, port: Number(values.port) };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('. ');
    process.stderr.write(`npm start: ${reason}; see npm start -- --help\n`);
    return process.exit(exitCodes.usage);
  }
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// `npm start`: builds, starts everything on this machine, plays the story, and keeps running so that you can try it.
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { type Bilingual, type Language, languageIn } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import { buildFunctions } from './build.ts';
import { startDemoRedis } from './redis.ts';
import { createScreen, describeEntry, describeRefresh, type Words } from './screen.ts';
import { createExchange, type Step } from './exchange.ts';
import { createMoreSteps } from './story-more.ts';
import { createSteps } from './story.ts';
import { actors, startTexts, usage } from './texts.ts';
import { Trouble, wordsOf } from '../scripts/trouble.ts';
import { showWhatToTry } from './try-it.ts';
import { compileFiles, type Page, startPage } from './page-server.ts';
import { createWorld, ourCompanies, refuseTakenPort, type World, wecomLatencyMs } from './world.ts';

const refreshEverySeconds = 10;
const repeatsMax = 2;
/** Longer than gettoken is paused after such failures. */
const repeatAfterMs = 3000;
const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 };

const { once, port, language } = readOptions(process.argv.slice(2));
const screen = createScreen(process.stdout, language);
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
    const trouble = error instanceof Trouble ? startTexts.trouble('npm start', error.words) : undefined;
    screen.print();
    screen.failure(trouble ?? describeBug(error));
    await end(exitCodes.failed);
  }
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  const [loadBefore = 0] = loadavg();
  if (port > 0) await refuseTakenPort(port);
  screen.title(startTexts.title);
  const { steps, wecom, files, loginOfStory } = await setUp();
  const failed = await play(steps);

  screen.print();
  for (const violation of wecom.violations) screen.failure(startTexts.violation(violation));
  if (failed.length > 0) {
    const numbers = failed.map((step) => steps.indexOf(step) + 1);
    screen.failure(startTexts.failed(steps.length, numbers));
    if (loadBefore > availableParallelism()) {
      screen.print(startTexts.busy(loadBefore.toFixed(1), availableParallelism()));
    }
  } else {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    screen.success(startTexts.passed(steps.length, seconds));
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
  const build = screen.starting(startTexts.build);
  build.update(startTexts.building);
  build.done(startTexts.built(await buildFunctions()));

  const redisRow = screen.starting('Redis');
  const redis = await startDemoRedis(process.env['REDIS_URL']);
  redisRow.done(redis.description);

  const wecomRow = screen.starting(startTexts.wecom);
  world = await createWorld(redis);
  const { wecom } = world;
  wecomRow.done(startTexts.wecomSimulated(wecom.url, wecomLatencyMs.min, wecomLatencyMs.max));

  const pageRow = screen.starting(startTexts.page);
  const files = once ? new Map() : await compileFiles();
  pageRow.done(once ? startTexts.noPage : startTexts.pageCompiled);

  const loginRow = screen.starting('login');
  const login = await world.startLogin();
  loginRow.done(startTexts.loginRuns(login.url));

  const refreshRow = screen.starting('refresh');
  let first = await world.refresh();
  // As SCF does after a timer event that failed. A busy machine may miss a deadline.
  for (let repeats = 0; first.error !== undefined && repeats < repeatsMax; repeats += 1) {
    await delay(repeatAfterMs);
    first = await world.refresh();
  }
  const { renewed = 0, fresh = 0 } = first.counts;
  if (renewed + fresh !== ourCompanies.length)
    throw new Trouble(startTexts.refreshFailed(describeRefresh(first)));
  refreshRow.done(startTexts.timer(refreshEverySeconds, describeRefresh(first)));
  world.startTimer(refreshEverySeconds, (run) => {
    // After the story, show only changes.
    if (storyTold && run.counts['fresh'] === ourCompanies.length) return;
    if (page) page.feed.add({ kind: 'timer', run });
    else screen.aside(actors.timer, describeRefresh(run));
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
    const expect = (expected: Bilingual, kept: boolean, got?: Words) => {
      if (!kept) failed.add(step);
      if (!ending) screen.check(kept, expected, got);
    };
    try {
      await step.play({ line: screen.line, lineUnderWay: screen.lineUnderWay, expect });
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(startTexts.stepEnds, false, wordsOf(error));
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

function readOptions(args: string[]): { once: boolean; port: number; language: Language } {
  let language: Language = 'en';
  try {
    language = languageIn(args, process.env);
    const { values } = parseArgs({
      args,
      options: {
        lang: { type: 'string' },
        once: { type: 'boolean', default: false },
        port: { type: 'string', default: '0' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${usage[language]}\n`);
      process.exit(exitCodes.ok);
    }
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
      throw new Trouble(startTexts.notPort(values.port));
    }
    return { once: values.once, port: Number(values.port), language };
  } catch (error) {
    const reason = error instanceof Trouble ? error.words : optionProblem(error);
    process.stderr.write(`${startTexts.seeHelp('npm start', reason)[language]}\n`);
    return process.exit(exitCodes.usage);
  }
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

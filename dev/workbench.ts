// All of `npm run dev` but the terminal: functions behind one address, the page, the timers, and what happens at a change.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { networkInterfaces } from 'node:os';
import { resolve, sep } from 'node:path';
import { Cron } from 'croner';
import * as z from 'zod/mini';
import { listenOn } from '../demo/page-http.ts';
import { compileMiniProgram } from '../demo/phone/compile.ts';
import { startDemoRedis } from '../demo/redis.ts';
import { wordsOf } from '../scripts/trouble.ts';
import { type Bilingual, both } from '../scripts/language.ts';
import type { Environment } from '../simulator/functions.ts';
import { ownPeopleFile } from '../simulator/people.ts';
import { writeDevtools } from './devtools.ts';
import { createFunctions, type Functions } from './functions.ts';
import { createGateway } from './gateway.ts';
import { createLogReader, type LogLine, readable } from './log.ts';
import { type Manifest, readManifest } from './manifest.ts';
import type { Options } from './options.ts';
import { createPage, type Page, type Problem } from './page-server.ts';
import { watchSources } from './watch.ts';
import type { Holder } from './people.ts';
import { logTexts, startTexts } from './texts.ts';
import { createWorld } from './world.ts';

export type Workbench = Awaited<ReturnType<typeof startWorkbench>>;

const stage = 'dev';
/** In the cloud a function listens elsewhere. */
const ofThisMachine = { LISTEN_HOST: '127.0.0.1', PORT: '0' };
const environmentFiles = ['.env', `.env.${stage}`];
const manifestFile = 'serverless.yml';

const loginCode = z.object({ code: z.string() });
const loginAnswer = z.object({ session_token: z.optional(z.string()), error: z.optional(z.string()) });

/**
 * Starts everything. What is wrong with a function or a page is a problem to show, not an error.
 *
 * @param endings gets what ends each part, as soon as it is started
 * @throws Trouble if nothing can be started
 */
export async function startWorkbench(
  options: Options,
  show: (line: LogLine) => void,
  endings: (() => unknown)[],
) {
  const { port, host, miniprogram, language } = options;
  let manifest: Manifest = { functions: new Map(), off: new Set(), routes: [] };
  let functions: Functions | undefined;
  let page: Page | undefined;
  const crons: Cron[] = [];
  const problems = new Map<string, Problem>();
  const log = createLogReader(options.isVerbose, language, (line) => {
    show(line);
    page?.log(line);
  });

  const gateway = createGateway({
    addresses: () => addressesOf(host),
    functions: () => functions,
    routes: () => [...manifest.routes, ...ownRoutes(manifest, functions)],
    timeoutMs: (name) =>
      options.inspect === undefined ? (manifest.functions.get(name)?.timeoutSeconds ?? 15) * 1000 : undefined,
    onFailure: ({ method, path, name, status, reason }) =>
      log.said(
        name || logTexts.routes[language],
        `${method} ${path} → ${status}  ${reason[language]}`,
        'bad',
      ),
  });
  // Before anything else: a busy port is the most frequent problem.
  const functionsPort = await listenOn(gateway.server, port, host);
  endings.push(() => closeServer(gateway.server));

  const redis = await startDemoRedis(process.env['REDIS_URL']);
  endings.push(redis.stop);
  const world = await createWorld(options.wecom, redis.url, stage);
  endings.push(world.stop);
  takeWorld();

  const key = randomUUID();
  page = await createPage({
    key,
    hosts: () => addressesOf(host).map((address) => `${address}:${pagePort}`),
    holders: world.holders,
    reviewers: world.reviewers,
    problems: () => [...problems.values()],
    askWecomApp: world.askWecomApp,
    logIn,
    forward: gateway.forward,
  });
  const { server, showPhone, update } = page;
  const pagePort = await listenOn(server, port === 0 ? 0 : functionsPort + 1, host);
  endings.push(() => closeServer(server));

  [functions] = await Promise.all([
    createFunctions({
      folder: `.build/dev/${functionsPort}`,
      isOn: (name) => !manifest.off.has(name),
      environmentOf,
      onLine: log.read,
      ...(options.inspect !== undefined && { inspect: options.inspect }),
    }),
    takePhone(),
  ]);
  const { changed, moved, list, problems: problemsOfFunctions, invoke, stop, kill } = functions;
  endings.push(stop);
  startTimers();
  takeProblems();
  const stopWatching = await watchSources(
    { folders: ['functions', 'lib', miniprogram], files: [manifestFile, ownPeopleFile, ...environmentFiles] },
    take,
  );
  endings.push(stopWatching);

  function environmentOf(name: string): Environment {
    const known = manifest.functions.get(name)?.environment;
    // One that is not in serverless.yml yet gets what any of the others gets.
    const all = () => [...manifest.functions.values()].map(({ environment }) => environment);
    return { ...(known ?? Object.assign({}, ...all())), ...ofThisMachine };
  }

  function takeWorld(): void {
    manifest = readManifest(world.variables(), stage);
    const leftOut = world.leftOut().join(', ');
    if (leftOut !== '') log.said('dev', logTexts.leftOut(leftOut)[language], 'plain');
  }

  async function logIn(holder: Holder): Promise<string> {
    const { code } = loginCode.parse(world.askWecomApp(holder, 'login'));
    const response = await fetch(`http://127.0.0.1:${functionsPort}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ js_code: code }),
    });
    const { session_token, error } = loginAnswer.parse(await response.json());
    if (session_token === undefined) throw new Error(`${response.status} ${error}`);
    return session_token;
  }

  /** Takes over a change of files, and says how long that took. */
  async function take(files: ReadonlySet<string>, sinceMs: number): Promise<void> {
    const within = (folder: string) =>
      [...files].some((file) => file === resolve(folder) || file.startsWith(resolve(folder) + sep));
    const taken: string[] = [];
    const isMoved = [manifestFile, ownPeopleFile, ...environmentFiles].some(within);
    if (within(ownPeopleFile) && (await tried(ownPeopleFile, takePeople)))
      taken.push(logTexts.people[language]);
    if (isMoved && (await tried(manifestFile, takeWorld))) {
      if (within(manifestFile)) taken.push(manifestFile);
      startTimers();
      taken.push(...(await moved()));
    }
    if (within('functions') || within('lib')) taken.push(...(await changed(files)));
    if ((within(miniprogram) || within(ownPeopleFile)) && (await takePhone())) {
      if (within(miniprogram)) taken.push(logTexts.miniProgram[language]);
    }
    takeProblems();
    update();
    if (taken.length === 0) return;
    log.said(
      'dev',
      logTexts.taken([...new Set(taken)].join(', '), Math.round(performance.now() - sinceMs))[language],
      'good',
    );
  }

  async function takePeople(): Promise<void> {
    for (const { path, body } of await world.rereadPeople()) {
      await fetch(`http://127.0.0.1:${functionsPort}${path}`, { method: 'POST', body });
    }
  }

  /** Returns whether it succeeded; otherwise there is a problem with `what`. */
  async function tried(what: string, run: () => unknown): Promise<boolean> {
    try {
      await run();
      setProblem(what, undefined);
      return true;
    } catch (error) {
      setProblem(what, wordsOf(error)[language]);
      return false;
    }
  }

  function setProblem(of: string, text: string | undefined, goesOn = true): void {
    if (problems.get(of)?.text === text) return;
    if (text === undefined) {
      problems.delete(of);
      log.said('dev', logTexts.inOrder(of)[language], 'good');
    } else {
      problems.set(of, { of, text, goesOn });
      const words = (goesOn ? logTexts.notTakenGoesOn : logTexts.notTaken)(of);
      log.said('dev', words[language], 'bad', text.split('\n'));
    }
  }

  function takeProblems(): void {
    const found = problemsOfFunctions();
    const served = list().map(({ name, isRunning }) => ({ of: `functions/${name}`, name, isRunning }));
    for (const { of, name, isRunning } of served) {
      const text = found.get(name);
      setProblem(
        of,
        text === undefined ? undefined : readable(text[language], language).join('\n'),
        isRunning,
      );
    }
    for (const of of problems.keys()) {
      if (of.startsWith('functions/') && !served.some((each) => each.of === of)) problems.delete(of);
    }
  }

  function takePhone(): Promise<boolean> {
    const settings = { companyNames: world.companyNames() };
    return tried(miniprogram, async () => {
      showPhone(await compileMiniProgram(miniprogram, settings));
      if (!options.devtools) return;
      // The last address is the one that a phone reaches as well.
      const [serverUrl = '', pageUrl = ''] = [functionsPort, pagePort].map((each) => urlsAt(each).at(-1));
      writeDevtools(miniprogram, { serverUrl, pageUrl, key });
    });
  }

  function startTimers(): void {
    for (const cron of crons.splice(0)) cron.stop();
    for (const [name, { timers }] of manifest.functions) {
      for (const timer of timers) {
        const run = async () => {
          const event = {
            Type: 'Timer',
            TriggerName: timer.name,
            Time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
            Message: timer.argument,
          };
          const { error } = await invoke(name, event);
          if (error !== undefined) log.said(name, logTexts.timerFailed(timer.name, error)[language], 'bad');
        };
        crons.push(new Cron(timer.cron, { timezone: 'Asia/Shanghai', unref: true, catch: true }, run));
      }
    }
  }

  function urlsAt(ofPort: number): string[] {
    const shown = addressesOf(host).filter((address) => address !== 'localhost');
    return shown.map((address) => `http://${address}:${ofPort}`);
  }

  return {
    /** Of each function: where it is reached, or when it runs. */
    describe: () =>
      list().map(({ name, isWeb, inspectPort }) => ({
        name,
        at: isWeb
          ? [...manifest.routes, ...ownRoutes(manifest, functions)].flatMap(([path, to]) =>
              to === name ? [both(() => path)] : [],
            )
          : (manifest.functions.get(name)?.timers ?? []).map(({ cron }): Bilingual => startTexts.timer(cron)),
        isKnown: manifest.functions.has(name),
        inspectPort,
      })),
    urls: urlsAt(functionsPort),
    pageUrls: urlsAt(pagePort),
    wecom: world.wecom,
    needs: world.needs,
    redis: redis.description,
    kill,
  };
}

/** A web function without a route in serverless.yml has its name for one. */
function ownRoutes({ routes }: Manifest, functions: Functions | undefined): [path: string, name: string][] {
  const routed = new Set(routes.map(([, name]) => name));
  const others = (functions?.list() ?? []).filter(({ name, isWeb }) => isWeb && !routed.has(name));
  return others.flatMap(({ name }) => [
    [`/${name}`, name],
    [`/${name}/*`, name],
  ]);
}

/** Where this machine is reached; the first is for itself. */
function addressesOf(host: string): string[] {
  const own = ['127.0.0.1', 'localhost'];
  if (host === '127.0.0.1') return own;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const others = all.filter(({ family, internal }) => family === 'IPv4' && !internal);
  return [...own, ...others.map(({ address }) => address)];
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}

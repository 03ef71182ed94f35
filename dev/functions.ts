// The functions of `npm run dev`: each is built for itself, runs in its own process, and is replaced when its code or its
// environment has changed. A version that cannot be built or started is never used; the one before goes on.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type BuildContext, context, formatMessages } from 'esbuild';
import { packagesIn } from './packages.ts';
import { functionBundle, isWebFunction } from '../scripts/function-bundle.ts';
import { type Bilingual, both } from '../scripts/language.ts';
import { Trouble, wordsOf } from '../scripts/trouble.ts';
import {
  type Environment,
  type RunningEventFunction,
  type RunningFunction,
  startEventFunction,
  startFunction,
} from '../simulator/functions.ts';

/** A process of a function. */
export interface Instance {
  web?: RunningFunction;
  event?: RunningEventFunction;
  /** Requests that it is answering. */
  busy: number;
  /** Called when it has answered all of them. */
  onIdle?: () => void;
}

export interface FunctionsOptions {
  /** Where the built functions are put, for this run alone; the packages are beside it. */
  folder: string;
  /** Whether it would be deployed: `onlyWith` of serverless.yml. */
  isOn(name: string): boolean;
  /** A change of it starts a new instance. */
  environmentOf(name: string): Environment;
  onLine(name: string, line: string): void;
  /** The first debugger port; each function has one. Without it there is none. */
  inspect?: number;
}

interface Code {
  hash: string;
  /** By path. */
  files: Map<string, Uint8Array>;
}

interface Served {
  isWeb: boolean;
  context: BuildContext;
  inspectPort: number | undefined;
  /** Absolute paths. */
  inputs: Set<string>;
  /** Of the version that runs, or is started next. */
  code: Code;
  startedWith: string;
  instance: Instance | undefined;
  starting: Promise<Instance> | undefined;
  problem: Bilingual | undefined;
}

/** For a function that never starts or never ends. Longer than in the cloud: a developer's machine may be busy. */
const startMsMax = 30_000;
const drainMsMax = 20_000;

export type Functions = Awaited<ReturnType<typeof createFunctions>>;

/** Builds and starts every function in `functions/`. Problems do not make it fail; `problems()` has them. */
export async function createFunctions(options: FunctionsOptions) {
  const { folder, environmentOf, onLine, inspect } = options;
  const served = new Map<string, Served>();
  const invoking = new Map<string, Promise<unknown>>();
  let inspectPorts = 0;
  mkdirSync(folder, { recursive: true });
  // This project is ESM, what is built is CommonJS.
  writeFileSync(join(dirname(folder), 'package.json'), '{"type":"commonjs"}\n');
  const plugins = [packagesIn(dirname(folder))];

  async function add(name: string): Promise<void> {
    const entry = `functions/${name}/index.ts`;
    const made = await context({
      ...functionBundle,
      plugins,
      entryPoints: [entry],
      outfile: join(folder, name, 'index.js'),
      minify: false,
      sourcemap: true,
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    served.set(name, {
      isWeb: isWebFunction(await readFile(entry, 'utf8')),
      context: made,
      inspectPort: inspect === undefined ? undefined : inspect + inspectPorts,
      inputs: new Set(),
      code: { hash: '', files: new Map() },
      startedWith: '',
      instance: undefined,
      starting: undefined,
      problem: undefined,
    });
    inspectPorts += 1;
  }

  /** Builds it. Returns whether there is other code than before. */
  async function build(name: string, one: Served): Promise<boolean> {
    try {
      one.isWeb = isWebFunction(await readFile(`functions/${name}/index.ts`, 'utf8'));
      const { outputFiles = [], metafile } = await one.context.rebuild();
      one.inputs = new Set(Object.keys(metafile?.inputs ?? {}).map((file) => resolve(file)));
      one.problem = undefined;
      const hash = outputFiles.map((file) => file.hash).join();
      if (hash === one.code.hash) return false;
      one.code = { hash, files: new Map(outputFiles.map(({ path, contents }) => [path, contents])) };
      return true;
    } catch (error) {
      one.problem = await describeBuildError(error);
      // It must be built again, whatever is changed.
      one.inputs = new Set();
      return false;
    }
  }

  async function startInstance(name: string, one: Served): Promise<Instance> {
    const environment = environmentOf(name);
    for (const [path, contents] of one.code.files) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
    }
    const nodeArgs = ['--enable-source-maps'];
    if (one.inspectPort !== undefined) nodeArgs.push(`--inspect=127.0.0.1:${one.inspectPort}`);
    // What it writes before it is ready is in the error if it does not start.
    let early: string[] | undefined = [];
    const starting = {
      folder,
      nodeArgs,
      onLine(line: string) {
        if (early) early.push(line);
        else onLine(name, line);
      },
      startMsMax,
    };
    const instance: Instance = one.isWeb
      ? { web: await startFunction(name, environment, starting), busy: 0 }
      : { event: await startEventFunction(name, environment, starting), busy: 0 };
    for (const line of early) onLine(name, line);
    early = undefined;
    (instance.web ?? instance.event)?.process.once('exit', () => {
      // As in the cloud, the next request starts a new one.
      if (one.instance === instance) one.instance = undefined;
    });
    return instance;
  }

  /** Starts the newest code and lets the instance before finish its requests. */
  async function replace(name: string, one: Served, codeBefore: Code): Promise<boolean> {
    const before = one.instance;
    one.startedWith = JSON.stringify(environmentOf(name));
    if (one.inspectPort !== undefined && before) {
      // The new one needs its debugger port. Requests wait meanwhile.
      one.instance = undefined;
      await retire(before);
    }
    try {
      one.starting = startInstance(name, one);
      one.instance = await one.starting;
      if (before && one.inspectPort === undefined) void retire(before);
      return true;
    } catch (error) {
      one.problem = wordsOf(error);
      // For the next start, which may be that of the version before.
      one.code = codeBefore;
      if (one.instance === undefined && codeBefore.files.size > 0) {
        one.starting = startInstance(name, one);
        one.instance = await one.starting.catch(() => undefined);
      }
      return false;
    } finally {
      one.starting = undefined;
    }
  }

  /** Returns the names of those that were replaced. */
  async function update(names: readonly string[]): Promise<string[]> {
    const replaced = await Promise.all(
      names.map(async (name) => {
        const one = served.get(name);
        if (!one) return [];
        const codeBefore = one.code;
        const isNew = await build(name, one);
        if (one.code.files.size === 0) return [];
        const isMoved = one.startedWith !== JSON.stringify(environmentOf(name));
        if (!isNew && !isMoved) return [];
        return (await replace(name, one, codeBefore)) ? [name] : [];
      }),
    );
    return replaced.flat();
  }

  /** Returns a running instance; starts one if there is none. Rejects if it cannot be started. */
  async function instanceOf(name: string): Promise<Instance | undefined> {
    const one = served.get(name);
    if (!one) return undefined;
    if (one.instance) return one.instance;
    if (one.starting) return one.starting;
    if (one.code.files.size === 0) throw new Trouble(one.problem ?? `${name} is not built`);
    await replace(name, one, one.code);
    if (!one.instance) throw new Trouble(one.problem ?? `${name} does not run`);
    return one.instance;
  }

  /** Looks which functions there are. Returns the new ones. */
  async function scan(): Promise<string[]> {
    const entries = await readdir('functions', { withFileTypes: true });
    const found = await Promise.all(
      entries
        .filter((entry) => entry.isDirectory())
        .map(async ({ name }) => ((await readdir(`functions/${name}`)).includes('index.ts') ? [name] : [])),
    );
    const names = found.flat().filter(options.isOn).toSorted();
    for (const [name, one] of served) {
      if (names.includes(name)) continue;
      served.delete(name);
      if (one.instance) void retire(one.instance);
      await one.context.dispose();
    }
    const added = names.filter((name) => !served.has(name));
    for (const name of added) await add(name);
    return added;
  }

  await update(await scan());

  return {
    /** In alphabetical order. */
    list: () =>
      [...served]
        .map(([name, { isWeb, inspectPort, instance }]) => ({
          name,
          isWeb,
          inspectPort,
          isRunning: instance !== undefined,
        }))
        .toSorted((one, other) => one.name.localeCompare(other.name)),

    /** What is wrong, by name of the function. */
    problems: () =>
      new Map([...served].flatMap(([name, { problem }]) => (problem === undefined ? [] : [[name, problem]]))),

    /** Takes over changed files, new and removed functions. Returns the names of those that run with other code now. */
    async changed(files: ReadonlySet<string>): Promise<string[]> {
      const added = await scan();
      const concerned = [...served]
        .filter(([, { inputs }]) => inputs.size === 0 || [...files].some((file) => inputs.has(file)))
        .map(([name]) => name);
      return update([...new Set([...added, ...concerned])]);
    },

    /** Gives a new environment to those that are concerned. Returns their names. */
    moved: async () => update([...new Set([...(await scan()), ...served.keys()])]),

    instanceOf,

    /** Calls an event function; its calls do not overlap. */
    async invoke(name: string, event: unknown): Promise<{ result?: unknown; error?: string }> {
      const previous = invoking.get(name) ?? Promise.resolve();
      const run = previous.then(async () => {
        const instance = await instanceOf(name);
        if (!instance?.event) return { error: `${name} is no event function` };
        instance.busy += 1;
        const answer = await instance.event.invoke(event);
        release(instance);
        return answer;
      });
      const settled = run.catch((error: Error) => ({ error: error.message }));
      invoking.set(name, settled);
      return settled;
    },

    async stop(): Promise<void> {
      await Promise.all(
        [...served.values()].map(async ({ context: made, instance, starting }) => {
          const started = instance ?? (await starting?.catch(() => undefined));
          if (started) await stopInstance(started);
          await made.dispose();
        }),
      );
      rmSync(folder, { recursive: true, force: true });
    },

    /** Ends them without waiting: for the exit of this process. */
    kill(): void {
      for (const { instance } of served.values()) {
        instance?.web?.process.kill('SIGKILL');
        instance?.event?.process.kill('SIGKILL');
      }
    },
  };
}

/** Ends one of the requests of an instance. */
export function release(instance: Instance): void {
  instance.busy -= 1;
  if (instance.busy === 0) instance.onIdle?.();
}

/** Lets it finish its requests, and ends it. */
async function retire(instance: Instance): Promise<void> {
  await drained(instance);
  await stopInstance(instance);
}

async function stopInstance({ web, event }: Instance): Promise<void> {
  await web?.stop();
  await event?.stop();
}

/** Resolves when it answers no request any more. */
async function drained(instance: Instance): Promise<void> {
  if (instance.busy === 0) return;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resume) => {
    instance.onIdle = resume;
    timer = setTimeout(resume, drainMsMax);
  });
  clearTimeout(timer);
}

async function describeBuildError(error: unknown): Promise<Bilingual> {
  if (typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)) {
    const lines = await formatMessages(error.errors, { kind: 'error', terminalWidth: 100 });
    return both(() => lines.join('\n').trim());
  }
  return wordsOf(error);
}

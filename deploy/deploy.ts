// `sls deploy`, in an order that never leaves a half-made release in front of members:
// prepare every function (upload, publish, check) → move `$DEFAULT` → triggers → domain. A run that fails before the
// second step has changed nothing that serves requests, and the next run goes on from what it finds.
import { type Bilingual, both } from '../scripts/language.ts';
import type { Cloud } from './cloud.ts';
import { ensureAlarms } from './alarms.ts';
import { CloudError, DeployError, extended } from './errors.ts';
import { refuseDomainOfOthers, unbindFrom, writeDomain } from './domain.ts';
import {
  deleteFunction,
  fingerprintOf,
  isOwn,
  readSettled,
  refuseOvertaken,
  writeLatest,
  writeTags,
  type DeployedFunction,
} from './function.ts';
import { ensureIndex } from './log-index.ts';
import { ensureLogTopic, type LogTopic } from './log-topic.ts';
import type { FunctionPackage } from './package.ts';
import { checkVersion, findUnreleased, pruneVersions, publishVersion, releaseVersion } from './release.ts';
import type { Terminal } from './serverless.ts';
import type { FunctionSettings, ServiceSettings } from './settings.ts';
import { getFunction, isNone } from './state.ts';
import { deployTexts, progressTexts, refusalTexts, stateTexts } from './texts.ts';
import { writeTriggers } from './write-triggers.ts';

export interface DeployRequest {
  settings: ServiceSettings;
  packages: Map<string, FunctionPackage>;
  /** Only these keys; all when undefined. */
  only: string | undefined;
  /** `--yes`: may lose a fixed egress IP or a function URL, take a domain, and delete functions that left serverless.yml. */
  isConfirmed: boolean;
  deployId: string;
}

interface Step {
  fn: FunctionSettings;
  deployed: DeployedFunction | undefined;
  topic: LogTopic | undefined;
  fingerprint: string;
  isUnchanged: boolean;
}

export async function deploy(cloud: Cloud, request: DeployRequest, terminal: Terminal): Promise<void> {
  const { settings, packages, only, isConfirmed } = request;
  const { log } = terminal;
  const warn = (words: Bilingual): void => log.warning(words);
  const progress = createProgress(terminal);
  const chosen = settings.functions.filter((fn) => only === undefined || fn.key === only);
  const packageOf = (fn: FunctionSettings): FunctionPackage => {
    const found = packages.get(fn.key);
    if (!found) throw new DeployError(refusalTexts.notPackaged(fn.key));
    return found;
  };

  /** What members or operators already see; one line each. */
  const done: Bilingual[] = [];
  let isPreparing = true;
  try {
    const steps = await progress.during(progressTexts.reading, progressTexts.deployed, async () => {
      const found = new Map<string, DeployedFunction | undefined>();
      for (const fn of chosen) {
        const deployed = await readSettled(cloud, fn.name);
        refuseImpossible(fn, deployed, isConfirmed, log);
        found.set(fn.key, deployed);
      }
      if (only === undefined) await refuseDomainOfOthers(cloud, settings, isConfirmed, warn);
      const topic = await ensureLogTopic(cloud, settings);
      return chosen.map((fn) => {
        const deployed = found.get(fn.key);
        const fingerprint = fingerprintOf(fn, settings, topic, packageOf(fn));
        const live = deployed?.versions.find(({ version }) => version === deployed.liveVersion);
        return { fn, deployed, topic, fingerprint, isUnchanged: live?.fingerprint === fingerprint };
      });
    });

    // Side by side; one that fails lets the others end, so that no check is left half done.
    const outcomes = await Promise.allSettled(
      steps
        .filter(({ isUnchanged }) => !isUnchanged)
        .map(async (step) => ({
          step,
          release: {
            version: await prepare(cloud, request, step, packageOf(step.fn), progress, warn),
            deployId: request.deployId,
          },
        })),
    );
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failed.slice(1)) if (reason instanceof DeployError) warn(reason.words);
    if (failed[0]) throw failed[0].reason;
    const prepared = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));

    // The checks took their time, and unchanged functions are part of the release.
    if (prepared.length > 0)
      for (const { fn, deployed } of steps) await refuseOvertaken(cloud, fn.name, request.deployId, deployed);
    isPreparing = false;
    for (const { step, release } of prepared) {
      const { fn, deployed } = step;
      const { version } = release;
      const shares =
        deployed?.shares.map((share) => deployTexts.grayShare(share.weight, share.version)) ?? [];
      if (shares.length > 0) warn(deployTexts.grayEnds(fn.key, shares, version));
      await releaseVersion(cloud, fn.name, release, deployed);
      done.push((deployed ? deployTexts.updated : deployTexts.created)(fn.key, version));
    }
    for (const { fn, deployed } of steps) {
      await progress.during(ofFunction(fn), progressTexts.triggers, async () => {
        const report = (line: Bilingual) => done.push(deployTexts.ofFunction(fn.key, line));
        const unbind = () => unbindFrom(cloud, settings, fn.name, report);
        await writeTriggers(cloud, fn, { report, warn, isConfirmed, unbind });
        if (deployed) await writeTags(cloud, fn, settings.region, deployed, warn);
      });
    }
    for (const { step, release } of prepared)
      if (step.deployed) await pruneVersions(cloud, step.fn.name, release, step.deployed);
    if (only === undefined && steps[0]?.topic) {
      const { topic } = steps[0];
      await progress.during(progressTexts.logs, progressTexts.indexAndAlarms, () =>
        writeLogs(cloud, settings, topic, warn),
      );
    }
    const domain =
      only === undefined && settings.customDomain
        ? await progress.during(progressTexts.domain, progressTexts.binding, () =>
            writeDomain(cloud, settings),
          )
        : undefined;
    if (domain !== undefined) done.push(domain);
    for (const { fn, isUnchanged } of steps) if (isUnchanged) log.notice(deployTexts.unchanged(fn.key));
  } catch (error) {
    throw withState(error, done, isPreparing);
  } finally {
    progress.remove();
  }
  for (const line of done) log.notice(line);
  if (only === undefined) await treatOrphans(cloud, settings, isConfirmed, log);
  log.notice(progressTexts.took(progress.durations()));
  const { stage } = settings;
  const doctor = `npm run doctor${stage === 'dev' ? '' : ` -- --stage ${stage}`}`;
  log.notice(deployTexts.next(doctor));
}

/** Uploads, publishes and checks one function; returns its version. Nothing that serves requests changes. */
async function prepare(
  cloud: Cloud,
  { settings, deployId }: DeployRequest,
  { fn, deployed, topic, fingerprint }: Step,
  code: FunctionPackage,
  progress: Progress,
  warn: (words: Bilingual) => void,
): Promise<string> {
  let version = await findUnreleased(cloud, fn.name, deployed, fingerprint);
  if (version === undefined) {
    await progress.during(ofFunction(fn), progressTexts.uploading(Math.ceil(code.bytes / 1024)), () =>
      writeLatest(cloud, { fn, settings, topic, code, deployed, deployId, warn }),
    );
    version = await progress.during(ofFunction(fn), progressTexts.publishing, () =>
      publishVersion(cloud, fn.name, deployId, fingerprint, code.release),
    );
  }
  const published = version;
  const health =
    fn.healthPath === undefined
      ? 'not asked'
      : await progress.during(ofFunction(fn), progressTexts.checking, () =>
          checkVersion(cloud, fn, published, warn),
        );
  const { healthPath = '' } = fn;
  if (health === 'unreachable') warn(deployTexts.uncheckedRelease(fn.key, version, healthPath));
  if (health === 'not public') warn(deployTexts.closedRelease(fn.key, version, healthPath));
  return version;
}

/** What makes the log useful, and no release waits for: what fails is a warning with what to do by hand. */
async function writeLogs(
  cloud: Cloud,
  settings: ServiceSettings,
  topic: LogTopic,
  warn: (words: Bilingual) => void,
): Promise<void> {
  const attempt = async (work: Promise<void>, byHand: Bilingual): Promise<void> => {
    try {
      await work;
    } catch (error) {
      // Also an answer of a shape that nobody has seen must not fail a deploy that is done.
      warn(deployTexts.and(byHand, error instanceof CloudError ? error.words : deployTexts.notUnderstood));
    }
  };
  await attempt(ensureIndex(cloud, topic.topicId), deployTexts.notIndexed);
  await attempt(
    ensureAlarms(cloud, settings, topic),
    settings.alarms ? deployTexts.alarmsNotSet : deployTexts.alarmsNotSeen,
  );
}

function ofFunction({ key }: FunctionSettings): Bilingual {
  return both(() => key);
}

type Progress = ReturnType<typeof createProgress>;

/** One line for each function that is being worked on, and how long each took. */
function createProgress({ progress, log }: Terminal) {
  const spinners = new Map<string, ReturnType<Terminal['progress']['get']>>();
  const spent = new Map<string, { name: Bilingual; ms: number }>();
  return {
    async during<T>(name: Bilingual, what: Bilingual, work: () => Promise<T>): Promise<T> {
      const key = name.en;
      const spinner = spinners.get(key) ?? progress.get(key);
      spinners.set(key, spinner);
      spinner.update(progressTexts.line(name, what));
      // Without a terminal there is no spinner, and minutes of silence look like a hang.
      if (!process.stderr.isTTY) log.notice(progressTexts.line(name, what));
      const startMs = Date.now();
      try {
        return await work();
      } finally {
        spent.set(key, { name, ms: (spent.get(key)?.ms ?? 0) + Date.now() - startMs });
      }
    },
    durations: (): Bilingual[] =>
      [...spent.values()].map(({ name, ms }) => progressTexts.duration(name, (ms / 1000).toFixed(1))),
    remove(): void {
      for (const spinner of spinners.values()) spinner.remove();
    },
  };
}

/** Says what the failed run left behind; the message stays one line. */
function withState(error: unknown, done: Bilingual[], isPreparing: boolean): unknown {
  if (!(error instanceof DeployError)) return error;
  const isUnanswered = error instanceof CloudError && error.cloudCode === '';
  const states = done.length > 0 ? [stateTexts.doneSoFar(done)] : [];
  if (isUnanswered && !isPreparing) states.push(stateTexts.unclear);
  else if (states.length === 0) states.push(stateTexts.unchanged);
  return extended(error, (words) => states.reduce(deployTexts.and, words));
}

/** What an update cannot do, and what it may only do when told so. */
function refuseImpossible(
  fn: FunctionSettings,
  deployed: DeployedFunction | undefined,
  isConfirmed: boolean,
  log: Terminal['log'],
): void {
  if (!deployed) return;
  const { Runtime, Type, VpcConfig, PublicNetConfig } = deployed.configuration;
  if (Runtime !== fn.runtime) {
    throw new DeployError(refusalTexts.runtimeChanged(fn.key, String(Runtime), fn.runtime));
  }
  if ((Type === 'HTTP') !== (fn.type === 'web')) {
    throw new DeployError(refusalTexts.typeChanged(fn.key));
  }
  const ips = PublicNetConfig?.EipConfig?.EipAddress ?? [];
  const losesIp = ips.length > 0 && (!fn.eip || (VpcConfig?.SubnetId ?? '') !== (fn.vpc?.subnetId ?? ''));
  if (!losesIp) return;
  const loss = refusalTexts.ipLost(fn.key, ips.join(', '));
  if (!isConfirmed) throw new DeployError(refusalTexts.ipLostUnconfirmed(loss));
  log.warning(loss);
}

/** Functions of this service and stage in the cloud, by name and the mark in their description. */
export async function listOwnFunctions(
  cloud: Cloud,
  settings: ServiceSettings,
): Promise<{ name: string; key: string }[]> {
  const prefix = `${settings.service}-${settings.stage}-`;
  const own: { name: string; key: string }[] = [];
  for (let Offset = 0; ; Offset += 100) {
    const { Functions = [], TotalCount = 0 } = await listFunctions(cloud, prefix, Offset);
    for (const { FunctionName = '', Description = '' } of Functions) {
      const key = FunctionName.slice(prefix.length);
      if (FunctionName.startsWith(prefix) && isOwn(settings, key, Description))
        own.push({ name: FunctionName, key });
    }
    if (Offset + 100 >= TotalCount) break;
  }
  // A function with a name of its own is found by that name.
  for (const { name, key } of settings.functions) {
    if (name.startsWith(prefix)) continue;
    const found = await getFunction(cloud, name);
    if (isOwn(settings, key, found?.Description)) own.push({ name, key });
  }
  return own;
}

async function listFunctions(cloud: Cloud, SearchKey: string, Offset: number) {
  try {
    return await cloud.scf('ListFunctions', { SearchKey, Offset, Limit: 100 });
  } catch (error) {
    // Before SCF was used in a region it has not even the namespace.
    if (isNone(error)) return {};
    throw error;
  }
}

/** A function that was renamed or taken out of serverless.yml still runs: say so, delete it only with --yes. */
async function treatOrphans(
  cloud: Cloud,
  settings: ServiceSettings,
  isConfirmed: boolean,
  log: Terminal['log'],
): Promise<void> {
  const wanted = new Set(settings.functions.map((fn) => fn.name));
  for (const { name } of await listOwnFunctions(cloud, settings)) {
    if (wanted.has(name)) continue;
    if (isConfirmed) {
      await deleteFunction(cloud, name);
      log.notice(deployTexts.orphanRemoved(name));
    } else {
      log.warning(deployTexts.orphanRuns(name));
    }
  }
}

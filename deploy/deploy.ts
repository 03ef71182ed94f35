// `sls deploy`, in an order that never leaves a half-made release in front of members:
// prepare every function (upload, publish, check) → move `$DEFAULT` → triggers → domain. A run that fails before the
// second step has changed nothing that serves requests, and the next run goes on from what it finds.
import type { Cloud } from './cloud.ts';
import { ensureAlarms } from './alarms.ts';
import { CloudError, DeployError } from './errors.ts';
import { removeDomain, writeDomain } from './domain.ts';
import {
  deleteFunction,
  fingerprintOf,
  ownershipMark,
  readSettled,
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
import { writeTriggers } from './triggers.ts';

export interface DeployRequest {
  settings: ServiceSettings;
  packages: Map<string, FunctionPackage>;
  /** Only these keys; all when undefined. */
  only: string | undefined;
  /** `--yes`: may lose a fixed egress IP or a function URL, and delete functions that left serverless.yml. */
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
  const warn = (text: string): void => log.warning(text);
  const progress = createProgress(terminal);
  const chosen = settings.functions.filter((fn) => only === undefined || fn.key === only);
  const packageOf = (fn: FunctionSettings): FunctionPackage => {
    const found = packages.get(fn.key);
    if (!found) throw new DeployError(`functions.${fn.key} was not packaged.`);
    return found;
  };

  /** What members or operators already see; one line each. */
  const done: string[] = [];
  try {
    const steps = await progress.during('reading', 'what is deployed', async () => {
      const found = new Map<string, DeployedFunction | undefined>();
      for (const fn of chosen) {
        const deployed = await readSettled(cloud, fn.name);
        refuseImpossible(fn, deployed, isConfirmed, log);
        found.set(fn.key, deployed);
      }
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
          version: await prepare(cloud, request, step, packageOf(step.fn), progress, warn),
        })),
    );
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failed.slice(1)) if (reason instanceof DeployError) warn(reason.message);
    if (failed[0]) throw failed[0].reason;
    const prepared = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));

    for (const { step, version } of prepared) {
      const { fn, deployed } = step;
      const shares = deployed?.shares.map((share) => `${share.weight} of version ${share.version}`) ?? [];
      if (shares.length > 0)
        warn(
          `${fn.key}: a gray release (${shares.join(', ')}) ends: all traffic goes to version ${version}.`,
        );
      await releaseVersion(cloud, fn.name, version, deployed);
      done.push(`${fn.key}: ${deployed ? 'updated' : 'created'}, version ${version} is live`);
    }
    const unbind = () => removeDomain(cloud, settings);
    for (const { fn, deployed } of steps) {
      await progress.during(fn.key, 'triggers', async () => {
        const report = (line: string) => done.push(`${fn.key}: ${line}`);
        await writeTriggers(cloud, fn, { report, warn, isConfirmed, unbind });
        if (deployed) await writeTags(cloud, fn, settings.region, deployed, warn);
      });
    }
    for (const { step } of prepared)
      if (step.deployed) await pruneVersions(cloud, step.fn.name, step.deployed);
    if (only === undefined && steps[0]?.topic) {
      const { topic } = steps[0];
      await progress.during('logs', 'index and alarms', () => writeLogs(cloud, settings, topic, warn));
    }
    const domain =
      only === undefined && settings.customDomain
        ? await progress.during('domain', 'binding', () => writeDomain(cloud, settings))
        : undefined;
    if (domain !== undefined) done.push(domain);
    for (const { fn, isUnchanged } of steps)
      if (isUnchanged) log.notice(`${fn.key}: unchanged, nothing uploaded`);
  } catch (error) {
    throw withState(error, done);
  } finally {
    progress.remove();
  }
  for (const line of done) log.notice(line);
  if (only === undefined) await treatOrphans(cloud, settings, isConfirmed, log);
  log.notice(`took ${progress.durations()}`);
  const { stage } = settings;
  const doctor = `npm run doctor${stage === 'dev' ? '' : ` -- --stage ${stage}`}`;
  log.notice(`Next: ${doctor}. It says whether a member can log in, and a wrong secret shows only there.`);
}

/** Uploads, publishes and checks one function; returns its version. Nothing that serves requests changes. */
async function prepare(
  cloud: Cloud,
  { settings, deployId }: DeployRequest,
  { fn, deployed, topic, fingerprint }: Step,
  code: FunctionPackage,
  progress: Progress,
  warn: (text: string) => void,
): Promise<string> {
  let version = await findUnreleased(cloud, fn.name, deployed, fingerprint);
  if (version === undefined) {
    await progress.during(fn.key, `uploading ${Math.ceil(code.bytes / 1024)} KB`, () =>
      writeLatest(cloud, { fn, settings, topic, code, deployed, deployId, warn }),
    );
    version = await progress.during(fn.key, 'publishing', () =>
      publishVersion(cloud, fn.name, deployId, fingerprint, code.release),
    );
  }
  const published = version;
  const health =
    fn.healthPath === undefined
      ? 'not asked'
      : await progress.during(fn.key, 'asking for its health', () =>
          checkVersion(cloud, fn, published, warn),
        );
  if (health === 'unreachable') {
    warn(
      `${fn.key}: version ${version} could not be asked for ${fn.healthPath} from here; released unchecked.`,
    );
  }
  return version;
}

/** What makes the log useful, and no release waits for: what fails is a warning with what to do by hand. */
async function writeLogs(
  cloud: Cloud,
  settings: ServiceSettings,
  topic: LogTopic,
  warn: (text: string) => void,
): Promise<void> {
  const attempt = async (work: Promise<void>, byHand: string): Promise<void> => {
    try {
      await work;
    } catch (error) {
      // Also an answer of a shape that nobody has seen must not fail a deploy that is done.
      warn(
        `${byHand} ${error instanceof CloudError ? error.message : 'The cloud’s response is not understood.'}`,
      );
    }
  };
  await attempt(
    ensureIndex(cloud, topic.topicId),
    'The fields of the log are not indexed: add them by hand (docs/operations.md, 2), or deploy again.',
  );
  await attempt(
    ensureAlarms(cloud, settings, topic),
    settings.alarms
      ? 'Not all alarms are set: set them by hand (docs/operations.md, 2), or deploy again.'
      : 'Whether alarms of an earlier deploy are left was not seen: look in the CLS console (监控告警 → 告警策略).',
  );
}

type Progress = ReturnType<typeof createProgress>;

/** One line for each function that is being worked on, and how long each took. */
function createProgress({ progress, log }: Terminal) {
  const spinners = new Map<string, { update(text: string): void; remove(): void }>();
  const spentMs = new Map<string, number>();
  return {
    async during<T>(key: string, what: string, work: () => Promise<T>): Promise<T> {
      const spinner = spinners.get(key) ?? progress.get(key);
      spinners.set(key, spinner);
      spinner.update(`${key}: ${what}`);
      // Without a terminal there is no spinner, and minutes of silence look like a hang.
      if (!process.stderr.isTTY) log.notice(`${key}: ${what}`);
      const startMs = Date.now();
      try {
        return await work();
      } finally {
        spentMs.set(key, (spentMs.get(key) ?? 0) + Date.now() - startMs);
      }
    },
    durations: (): string => [...spentMs].map(([key, ms]) => `${key} ${(ms / 1000).toFixed(1)} s`).join(', '),
    remove(): void {
      for (const spinner of spinners.values()) spinner.remove();
    },
  };
}

/** Says what the failed run left behind; the message stays one line. */
function withState(error: unknown, done: string[]): unknown {
  if (!(error instanceof DeployError)) return error;
  const state =
    done.length === 0
      ? 'What serves requests is unchanged; the next sls deploy goes on from what it finds.'
      : `Done so far: ${done.join('; ')}. The next sls deploy finishes the rest.`;
  error.message = `${error.message} ${state}`;
  return error;
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
    throw new DeployError(
      `functions.${fn.key}: it was created with runtime ${Runtime}, and SCF cannot change that to ${fn.runtime}. Deploy another stage (sls deploy --stage NAME) and move over, or remove this one and deploy again (sls remove --yes; its URL and egress IP are lost).`,
    );
  }
  if ((Type === 'HTTP') !== (fn.type === 'web')) {
    throw new DeployError(
      `functions.${fn.key}: its type cannot be changed after creation; give it another name or remove it first.`,
    );
  }
  const ips = PublicNetConfig?.EipConfig?.EipAddress ?? [];
  const losesIp = ips.length > 0 && (!fn.eip || (VpcConfig?.SubnetId ?? '') !== (fn.vpc?.subnetId ?? ''));
  if (!losesIp) return;
  const loss = `functions.${fn.key}: the fixed egress IP ${ips.join(', ')} belongs to the old subnet and will change; WeCom refuses calls until the new one is entered as trusted IP.`;
  if (!isConfirmed) throw new DeployError(`${loss} Run sls deploy --yes to go ahead.`);
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
      if (FunctionName.startsWith(prefix) && Description.endsWith(ownershipMark(settings, key)))
        own.push({ name: FunctionName, key });
    }
    if (Offset + 100 >= TotalCount) break;
  }
  // A function with a name of its own is found by that name.
  for (const { name, key } of settings.functions) {
    if (name.startsWith(prefix)) continue;
    const found = await getFunction(cloud, name);
    if (found?.Description?.endsWith(ownershipMark(settings, key))) own.push({ name, key });
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
      log.notice(`${name}: removed, it is no longer in serverless.yml`);
    } else {
      log.warning(
        `${name} is no longer in serverless.yml but still runs; sls deploy --yes deletes it and its URL.`,
      );
    }
  }
}

// The state of a function decides what a refusal means. SCF has a dozen codes for "not now", and uses them also for changes
// that will never work. So the code alone is not trusted: every change of a function goes through `change`.
import { setTimeout as delay } from 'node:timers/promises';
import { knownAdvice, mentionsState } from './advice.ts';
import type { Cloud, ScfAction, ScfAnswer, ScfRequest } from './cloud.ts';
import { CloudError, DeployError } from './errors.ts';
import { refusalTexts } from './texts.ts';

const waitMsMax = 180_000;
/** What was just made may be unknown for a moment. */
const unknownMsMax = 30_000;
const firstPollMs = 100;
const pollMsMax = 2000;
const pauseMsMax = 4000;
/** Repeats of a write that was refused although the function is at rest: it may have come to rest in between. */
const repeatsAtRest = 2;
/** The same when the refusal speaks of a state: some 25 seconds. */
const repeatsByState = 9;
/** Repeats of a creation whose answer was lost; other calls are repeated by cloud.ts, or cannot be. */
const repeatsUnanswered = 2;

/** The alias that all traffic goes to. */
export const liveAlias = '$DEFAULT';
/** What is written before it is published. */
export const latestVersion = '$LATEST';
/** Codes that a function, version, trigger or domain does not exist. Only for calls where that is a valid result. */
const noSuchThing =
  /^(ResourceNotFound(\.|$)|InvalidParameterValue\.FunctionName$|FailedOperation\.Domain\.UnExist$)/;
const mayMeanNotNow =
  /^(FailedOperation(\.|$)|ResourceInUse(\.|$)|UnsupportedOperation(\.PublishVersion)?$|UnauthorizedOperation\.FunctionStatus)/;
const mayMeanNotYet = /^ResourceNotFound\.(FunctionVersion|Version|Qualifier)$/;

/** True when the cloud says that what was asked for does not exist. */
export function isNone(error: unknown): boolean {
  return error instanceof CloudError && noSuchThing.test(error.cloudCode);
}

/** Undefined when there is no such function, version or alias. Throws CloudError. */
export async function getFunction(cloud: Cloud, FunctionName: string, Qualifier = latestVersion) {
  try {
    return await cloud.scf('GetFunction', { FunctionName, Qualifier, ShowCode: 'FALSE' });
  } catch (error) {
    if (isNone(error)) return undefined;
    throw error;
  }
}
export type Configuration = NonNullable<Awaited<ReturnType<typeof getFunction>>>;

export function isChanging({ Status }: Configuration): boolean {
  return Status?.endsWith('ing') === true;
}

function reasonsOf({ StatusReasons, StatusDesc }: Configuration): string {
  return (
    StatusReasons?.map(({ ErrorCode, ErrorMessage }) => [ErrorCode, ErrorMessage].filter(Boolean).join(', '))
      .filter(Boolean)
      .join('; ') ||
    StatusDesc ||
    ''
  );
}

/** Asks until `isDone`; throws DeployError after `msMax`. */
async function poll(
  cloud: Cloud,
  name: string,
  qualifier: string,
  isDone: (found: Configuration | undefined) => boolean,
  msMax = waitMsMax,
): Promise<Configuration | undefined> {
  const deadlineMs = Date.now() + msMax;
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.5, pollMsMax)) {
    const found = await getFunction(cloud, name, qualifier);
    if (isDone(found)) return found;
    if (Date.now() > deadlineMs) {
      const minutes = msMax / 60_000;
      throw new DeployError(
        found
          ? refusalTexts.still(name, String(found.Status), minutes)
          : refusalTexts.notThere(name, minutes),
      );
    }
    await delay(pauseMs);
  }
}

/** Waits while the cloud creates, updates, publishes or deletes; undefined when nothing is left. */
export function waitWhileChanging(
  cloud: Cloud,
  name: string,
  qualifier = latestVersion,
): Promise<Configuration | undefined> {
  return poll(cloud, name, qualifier, (found) => found === undefined || !isChanging(found));
}

/** Waits for `Active`. Throws DeployError with the cloud's reasons when it failed, is gone, or takes over 3 minutes. */
export async function waitUntilActive(
  cloud: Cloud,
  name: string,
  qualifier = latestVersion,
): Promise<Configuration> {
  const unknownUntilMs = Date.now() + unknownMsMax;
  const found = await poll(cloud, name, qualifier, (now) =>
    now ? !isChanging(now) : Date.now() > unknownUntilMs,
  );
  if (!found) throw new DeployError(refusalTexts.disappeared(name));
  if (found.Status !== 'Active') throw failedState(name, found);
  return found;
}

/** An error with what the cloud says about a state that failed. */
export function failedState(name: string, found: Configuration): CloudError {
  const reasons = reasonsOf(found);
  const [{ ErrorCode = '' } = {}] = found.StatusReasons ?? [];
  const advice = knownAdvice(ErrorCode, reasons) ?? refusalTexts.correctThat;
  const state = `${found.Status}${reasons ? `, ${reasons}` : ''}`;
  return new CloudError(ErrorCode, refusalTexts.failedState(name, state, advice), reasons);
}

/** Waits until a function that is being deleted is gone. Throws DeployError when the cloud could not delete it. */
export async function waitUntilGone(cloud: Cloud, name: string): Promise<void> {
  const found = await poll(
    cloud,
    name,
    latestVersion,
    (now) => now === undefined || now.Status === 'DeleteFailed',
  );
  if (found) throw failedState(name, found);
}

/**
 * One call that changes a function. Refused because the function is changing, it waits and repeats, for up to 3 minutes;
 * refused because a new version is not known everywhere yet, for up to 30 seconds. A creation without an answer is
 * repeated too; the repeat may be refused because the first call has worked. Throws CloudError for all else.
 */
export async function change<A extends ScfAction>(
  cloud: Cloud,
  action: A,
  request: ScfRequest<A> & { FunctionName: string },
): Promise<ScfAnswer<A>> {
  const startMs = Date.now();
  let refusals = 0;
  let unanswered = 0;
  for (;;) {
    try {
      return await cloud.scf(action, request);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.cloudCode === '') {
        if (!action.startsWith('Create') || unanswered === repeatsUnanswered) throw error;
        unanswered += 1;
        continue;
      }
      const spentMs = Date.now() - startMs;
      const isNotYet =
        mayMeanNotYet.test(error.cloudCode) && !action.startsWith('Delete') && spentMs < unknownMsMax;
      if (!isNotYet) {
        if (!mayMeanNotNow.test(error.cloudCode) || spentMs > waitMsMax) throw error;
        const found = await getFunction(cloud, request.FunctionName);
        if (!found) throw error;
        if (isChanging(found)) {
          await waitWhileChanging(cloud, request.FunctionName);
          continue;
        }
        // There is a function of that name, and no waiting will change that.
        if (action === 'CreateFunction') throw error;
        // "In use" of what is there already means that somebody is at it.
        const speaks =
          mentionsState.test(`${error.cloudCode} ${error.cloudMessage}`) ||
          (error.cloudCode.startsWith('ResourceInUse') && !action.startsWith('Create'));
        if (refusals >= (speaks ? repeatsByState : repeatsAtRest)) throw error;
      }
      refusals += 1;
      await delay(Math.min(firstPollMs * 2 ** refusals, pauseMsMax));
    }
  }
}

/** `change` for what should be gone: that it is gone already is fine. Returns false then. */
export async function changeIfThere<A extends ScfAction>(
  cloud: Cloud,
  action: A,
  request: ScfRequest<A> & { FunctionName: string },
): Promise<boolean> {
  try {
    await change(cloud, action, request);
    return true;
  } catch (error) {
    if (isNone(error)) return false;
    throw error;
  }
}

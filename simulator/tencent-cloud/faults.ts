// Makes chosen calls fail as the cloud fails, so that tests see what the client does.
import { ApiError, ConnectionCut } from './api-error.ts';

export interface Fault {
  /** API action; for COS the name in CAM policies, such as `PutObject`. */
  action: string;
  /**
   * Tencent error code; `cut` for a broken connection; `gone` if all later connections break too, until `clear`; or the
   * state in which a change ends, such as `CreateFailed`.
   */
  kind: string;
  /** How many calls fail; default 1. */
  times?: number;
  /** How many calls succeed before that; default 0. */
  skip?: number;
  /** The call has its effect, only its answer is lost. */
  afterEffect?: boolean;
}

const failed = /^(Create|Update|Publish|Delete)Failed$/;

export function createFaults() {
  const pending: Required<Fault>[] = [];
  let isGone = false;
  const strike = (action: string, afterEffect: boolean): void => {
    if (isGone) throw new ConnectionCut();
    const fault = pending.find(
      (f) => f.action === action && f.afterEffect === afterEffect && f.times > 0 && !failed.test(f.kind),
    );
    if (!fault) return;
    if (fault.skip > 0) {
      fault.skip -= 1;
      return;
    }
    fault.times -= 1;
    isGone = fault.kind === 'gone';
    if (isGone || fault.kind === 'cut') throw new ConnectionCut();
    throw new ApiError(fault.kind, `Injected ${fault.kind}.`);
  };
  return {
    inject: (fault: Fault): void => {
      pending.push({ times: 1, skip: 0, afterEffect: false, ...fault });
    },
    clear: (): void => {
      pending.length = 0;
      isGone = false;
    },
    /** Removes and returns the failure that was set for a change such as `Creating`. */
    takeFailure(status: string): string | undefined {
      const kind = status.replace(/ing$/, 'eFailed').replace('Publishe', 'Publish');
      const fault = pending.find((f) => f.kind === kind && f.times > 0);
      if (fault) fault.times -= 1;
      return fault?.kind;
    },
    before: (action: string): void => strike(action, false),
    after: (action: string): void => strike(action, true),
  };
}

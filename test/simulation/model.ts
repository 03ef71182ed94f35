import type { Begun, Committed, TokenRecord } from '../../lib/token-store.ts';

/** One step of a history of a token record; owners, fingerprints and times come from small sets. */
export type Step =
  | { do: 'begin'; owner: string; failed: string; aheadMs: number }
  | { do: 'commit'; owner: string; fingerprint: string; ttlMs: number; failed: string }
  | { do: 'fail'; owner: string; baseMs: number; capMs: number }
  | { do: 'reject'; fingerprint: string }
  | { do: 'read' }
  | { do: 'pass'; ms: number }
  /** A key is lost, or holds what is not ours, which must be the same. */
  | { do: 'lose' | 'spoil'; key: KeyName };

export type KeyName = 'tok' | 'lease' | 'neg' | 'fails' | 'rejects';

/** What a step answers; generations are compared by their order alone. */
export type Answer =
  Begun | Committed | { record: TokenRecord | undefined } | { pauseMs: number } | undefined;

export interface Model {
  step(step: Step): Answer;
  /** The step depended on less than `closeMs`: against a Redis whose time passes, the answer proves nothing. */
  isClose(): boolean;
}

const leaseMs = 5000;
const memoryMs = 1_800_000;
const minuteMs = 60_000;
const closeMs = 1500;

interface Slot<T> {
  value: T;
  endsAtMs: number;
}

/** lib/token-store.ts in plain TypeScript: what the scripts must answer. */
export function createModel(): Model {
  const slots: { [key in KeyName]?: Slot<string> } = {};
  let stored: Omit<TokenRecord, 'ttlMs'> | undefined;
  let generation = 0;
  let now = 0;
  let close = false;

  function leftMs(key: KeyName): number {
    const left = (slots[key]?.endsAtMs ?? now) - now;
    if (slots[key] && Math.abs(left) < closeMs) close = true;
    return Math.max(0, left);
  }

  function isMore(a: number, b: number): boolean {
    if (Math.abs(a - b) < closeMs) close = true;
    return a > b;
  }

  const valueOf = (key: KeyName) => (leftMs(key) > 0 ? slots[key]?.value : undefined);

  function set(key: KeyName, value: string, ms: number): void {
    slots[key] = { value, endsAtMs: now + ms };
  }

  function present(): TokenRecord | undefined {
    const ttlMs = leftMs('tok');
    return stored && ttlMs > 0 ? { ...stored, ttlMs } : undefined;
  }

  function count(key: 'fails' | 'rejects'): number {
    const n = Number(valueOf(key) ?? 0) + 1;
    set(key, `${n}`, memoryMs);
    return n;
  }

  function pauseForRefused(why: string): number {
    const ms = Math.min(600_000, 2000 * 5 ** (count('rejects') - 1));
    set('neg', why, ms);
    return ms;
  }

  function begin({ owner, failed, aheadMs }: Extract<Step, { do: 'begin' }>): Begun {
    const record = present();
    const isRefused = failed !== '' && (record?.fingerprint === failed || record?.sealed === failed);
    const good = isRefused ? undefined : record;
    const withRecord = good && { record: good };
    if (good && (good.unchanged || isMore(good.ttlMs, aheadMs))) return { state: 'hit', record: good };
    const holder = valueOf('lease');
    if (holder === owner) return { state: 'lease', ...withRecord };
    const why = valueOf('neg');
    if (why !== undefined) return { state: 'paused', why, waitMs: leftMs('neg'), ...withRecord };
    if (holder !== undefined) return { state: 'busy', waitMs: leftMs('lease'), ...withRecord };
    set('lease', owner, leaseMs);
    return { state: 'lease', ...withRecord };
  }

  function commit({ owner, fingerprint, ttlMs, failed }: Extract<Step, { do: 'commit' }>): Committed {
    const record = present();
    if (valueOf('lease') !== owner) return { state: 'lost', ...(record && { record }) };
    delete slots.lease;
    if (failed !== '' && fingerprint === failed) {
      if (record?.fingerprint === failed) delete slots.tok;
      return { state: 'same', waitMs: pauseForRefused('same_token') };
    }
    const gainsNothing = record?.fingerprint === fingerprint && !isMore(ttlMs, record.ttlMs + minuteMs);
    const unchanged = gainsNothing || ttlMs <= minuteMs;
    generation += 1;
    stored = { generation, fingerprint, sealed: sealedOf(fingerprint), unchanged };
    set('tok', '', ttlMs);
    delete slots.fails;
    return { state: 'stored', generation, unchanged };
  }

  function fail({ owner, baseMs, capMs }: Extract<Step, { do: 'fail' }>): number {
    if (valueOf('lease') !== owner) return 0;
    delete slots.lease;
    const ms = Math.min(capMs, baseMs * 2 ** (count('fails') - 1));
    set('neg', 'because', ms);
    return ms;
  }

  function reject(fingerprint: string): number {
    if (present()?.fingerprint !== fingerprint) return 0;
    delete slots.tok;
    return pauseForRefused('token_rejected');
  }

  return {
    isClose: () => close,
    step(step) {
      switch (step.do) {
        case 'begin':
          return begin(step);
        case 'commit':
          return commit(step);
        case 'fail':
          return { pauseMs: fail(step) };
        case 'reject':
          return { pauseMs: reject(step.fingerprint) };
        case 'read':
          return { record: present() };
        case 'pass':
          now += step.ms;
          return undefined;
        case 'lose':
        case 'spoil':
          delete slots[step.key];
          return undefined;
      }
    },
  };
}

export function sealedOf(fingerprint: string): string {
  return `sealed-${fingerprint}`;
}

import type { Begun, Committed, TokenRecord } from '../../lib/token-store.ts';

/** One step of a history of a token record; owners, fingerprints and times come from small sets. */
export type Step =
  | { do: 'begin'; owner: string; unusable: string; aheadMs: number; acceptedMsAgo?: number }
  | { do: 'commit'; owner: string; fingerprint: string; copy: Copy; ttlMs: number; afterRefusal: boolean }
  | { do: 'fail'; owner: string; baseMs: number; capMs: number }
  | { do: 'giveUp'; owner: string; fingerprint: string }
  | { do: 'confirm'; fingerprint: string }
  | { do: 'read' }
  | { do: 'pass'; ms: number }
  /** A key is lost, or holds what is not ours, which must be the same. */
  | { do: 'lose' | 'spoil'; key: KeyName }
  /** A lease loses its end, or gets one that is an hour ahead. */
  | { do: 'unend'; ms: number };

/** A token that gettoken returned again is sealed again. */
export type Copy = 1 | 2;

export type KeyName = 'tok' | 'lease' | 'neg' | 'fails' | 'rejects' | 'calls';

/** What a step returns; generations are compared by their order alone. */
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
const earlyMs = 20 * minuteMs;
const pauseMsMax = 600_000;
const closeMs = 1500;

interface Slot<T> {
  value: T;
  endsAtMs: number;
}

/** lib/token-store.ts in plain TypeScript: what the scripts must answer. */
export function createModel(): Model {
  const slots: { [key in KeyName]?: Slot<string> } = {};
  let stored: Omit<TokenRecord, 'ttlMs'> | undefined;
  let givenUpBy = '';
  /** Since when the stored token is on probation. */
  let since = 0;
  let storedAt = 0;
  let calls: number[] = [];
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

  /** A longer pause stays. */
  function pause(why: string, ms: number): number {
    const present = valueOf('neg') === undefined ? 0 : leftMs('neg');
    if (present > 0 && !isMore(ms, present) && present <= pauseMsMax) return present;
    set('neg', why, ms);
    return ms;
  }

  function begin(step: Extract<Step, { do: 'begin' }>): Begun {
    const { owner, unusable, aheadMs, acceptedMsAgo } = step;
    const record = present();
    const isStored = record?.sealed === unusable;
    const good = isStored ? undefined : record;
    const withRecord = good && { record: good };
    if (good && (good.noEarlyRenewal || isMore(good.ttlMs, aheadMs))) return { state: 'hit', record: good };
    if (isStored && record.onProbation && acceptedMsAgo !== undefined && isMore(now - acceptedMsAgo, since)) {
      confirm(record.fingerprint);
    }
    const holder = leftMs('lease') > leaseMs ? undefined : valueOf('lease');
    if (leftMs('calls') === 0) calls = [];
    if (holder === owner) calls = calls.slice(0, -1);
    else {
      const obstacle = refusalOf(holder, isStored);
      if (obstacle) return { ...obstacle, ...withRecord };
    }
    calls = [...calls, now].slice(-12);
    set('calls', '', minuteMs + leaseMs);
    set('lease', owner, leaseMs);
    return { state: 'lease', ...withRecord };
  }

  /** Why nobody may fetch. */
  function refusalOf(holder: string | undefined, isStored: boolean) {
    const paused = (why: string, waitMs: number) => ({ state: 'paused', why, waitMs }) as const;
    const why = valueOf('neg');
    if (why !== undefined) return paused(why, leftMs('neg'));
    if (holder !== undefined) return { state: 'busy', waitMs: leftMs('lease') } as const;
    const rests = valueOf('rejects');
    const restMs = Math.min(600_000, 2000 * 5 ** Number(rests ?? 0));
    const isRefusedAfterRest =
      isStored && stored?.onProbation && givenUpBy !== 'rested' && rests !== undefined;
    if (isRefusedAfterRest && !isMore(now - storedAt, restMs)) return paused('token_refused', 1000);
    const [oldest = 0] = calls;
    if (calls.length === 12 && !isMore(now - oldest, minuteMs + leaseMs)) {
      return paused('too_often', minuteMs + leaseMs - (now - oldest));
    }
    return undefined;
  }

  function commit(step: Extract<Step, { do: 'commit' }>): Committed {
    const { owner, fingerprint, copy, ttlMs, afterRefusal } = step;
    const sealed = sealedOf(fingerprint, copy);
    const record = present();
    if (leftMs('lease') <= 0 || slots.lease?.value !== owner) {
      if (record?.sealed !== sealed) return { state: 'lost', ...(record && { record }) };
      return { state: 'stored', record };
    }
    delete slots.lease;
    const isEarly = record && !isMore(record.ttlMs, earlyMs);
    const gainsNothing =
      isEarly && record.fingerprint === fingerprint && !isMore(ttlMs, record.ttlMs + minuteMs);
    const noEarlyRenewal = gainsNothing === true || ttlMs <= minuteMs;
    const onProbation = afterRefusal || valueOf('rejects') !== undefined;
    if (onProbation && !(record?.fingerprint === fingerprint && stored?.onProbation)) since = now;
    if (!onProbation || !record || givenUpBy === 'rested') givenUpBy = '';
    generation += 1;
    stored = { generation, fingerprint, sealed, noEarlyRenewal, onProbation };
    storedAt = now;
    set('tok', '', ttlMs);
    delete slots.fails;
    return { state: 'stored', record: { ...stored, ttlMs } };
  }

  function fail({ owner, baseMs, capMs }: Extract<Step, { do: 'fail' }>): number {
    if (valueOf('lease') !== owner) return leftMs('neg');
    delete slots.lease;
    const ms = Math.min(capMs, baseMs * 2 ** (count('fails') - 1));
    return pause('because', ms);
  }

  function giveUp({ owner, fingerprint }: Extract<Step, { do: 'giveUp' }>): number {
    const record = present();
    if (record?.fingerprint !== fingerprint || !record.onProbation) return 0;
    if (givenUpBy === 'rested' || givenUpBy === owner) return 0;
    if (givenUpBy === '') {
      givenUpBy = owner;
      return 0;
    }
    givenUpBy = 'rested';
    const ms = Math.min(600_000, 2000 * 5 ** (count('rejects') - 1));
    return pause('token_refused', ms);
  }

  function confirm(fingerprint: string): void {
    if (!stored || present()?.fingerprint !== fingerprint) return;
    stored = { ...stored, onProbation: false };
    givenUpBy = '';
    delete slots.rejects;
    if (valueOf('neg') === 'token_refused') delete slots.neg;
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
        case 'giveUp':
          return { pauseMs: giveUp(step) };
        case 'confirm':
          confirm(step.fingerprint);
          return undefined;
        case 'read':
          return { record: present() };
        case 'pass':
          now += step.ms;
          return undefined;
        case 'lose':
        case 'spoil':
          delete slots[step.key];
          return undefined;
        case 'unend':
          if (leftMs('lease') > 0 && slots.lease) slots.lease.endsAtMs = now + (step.ms || Infinity);
          return undefined;
      }
    },
  };
}

export function sealedOf(fingerprint: string, copy: Copy): string {
  return `sealed-${fingerprint}-${copy}`;
}

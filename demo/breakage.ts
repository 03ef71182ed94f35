// The faults that the page can switch on. Each is real: a switch of the simulated WeCom, a cut connection, a phone
// without a network. The functions do not know about them.
import { setTimeout as sleep } from 'node:timers/promises';
import { ruleFor } from '../lib/wecom-error.ts';
import { endpoints } from '../simulator/wecom/answer.ts';
import type { FaultKind } from '../simulator/wecom/faults.ts';
import { type FaultName, faultNames, type FaultState } from './faults.ts';
import { company, member, newSecret, secondCompany } from './people.ts';
import { leaveCompany } from './leaver.ts';
import type { Feed } from './feed.ts';
import { wecomLatencyMs, type World } from './world.ts';

/** What {@link createBreakage} returns. */
export type Breakage = ReturnType<typeof createBreakage>;

/** Slow enough to notice, but within the login function's timeout for one answer. */
const slowMs = { min: 1500, max: 1900 };
/** After these the login function leaves WeCom alone for a while. */
const restsAfter: Partial<Record<FaultName, number>> = { rateLimited: 45009, ipNotTrusted: 60020 };
const corpids = [company.corpid, secondCompany.corpid];

/** @param restartLogin replaces the running login function by one with the companies' current secrets */
export function createBreakage(world: World, feed: Feed, restartLogin: () => Promise<void>) {
  const { wecom, relay } = world;
  const active = new Set<FaultName>();
  const resetSecrets = new Map<string, string>();
  let gettokenAtDrop = 0;
  /** A new login function knows nothing of what WeCom refused to the one before. */
  let restartedAt = 0;
  const gettokens = () => corpids.reduce((sum, corpid) => sum + wecom.counts(corpid).gettoken, 0);

  /** Sets all of WeCom's faults again, because the simulator can only clear all of them. */
  function applyToWecom(): void {
    const { min, max } = active.has('wecomSlow') ? slowMs : wecomLatencyMs;
    wecom.clearFaults();
    for (const endpoint of endpoints) {
      wecom.fault({ endpoint, kind: 'latency', ms: () => min + Math.random() * (max - min) });
      const fault = wecomFault(endpoint);
      if (fault) wecom.fault({ endpoint, ...fault });
    }
  }

  function wecomFault(endpoint: (typeof endpoints)[number]): FaultKind | undefined {
    if (active.has('wecomDown')) return { kind: 'cut', at: 'before' };
    // WeCom counts each API separately, and gettoken is far from its limit.
    const limited = active.has('rateLimited') && endpoint !== 'gettoken';
    return limited ? { kind: 'errcode', errcode: 45009 } : undefined;
  }

  function dropTokens(): void {
    for (const corpid of corpids) wecom.dropTokens(corpid);
    gettokenAtDrop = gettokens();
  }

  const breaking: Partial<Record<FaultName, (on: boolean) => Promise<void> | void>> = {
    tokenDropped: (on) => (on ? dropTokens() : undefined),
    ipNotTrusted(on) {
      for (const corpid of corpids) wecom.updateCompany(corpid, { ipTrusted: !on });
    },
    /** As if somebody reset the secret in WeCom's console; ends with a deploy of the new one. */
    async wrongSecret(on) {
      if (on) {
        for (const corpid of corpids) {
          const corpsecret = newSecret();
          resetSecrets.set(corpid, corpsecret);
          wecom.updateCompany(corpid, { corpsecret });
        }
        dropTokens();
        return;
      }
      for (const [corpid, corpsecret] of resetSecrets) world.corpsecrets.set(corpid, corpsecret);
      await restartLogin();
      restartedAt = Date.now();
    },
    wecomSlow: applyToWecom,
    wecomDown: applyToWecom,
    rateLimited: applyToWecom,
    redisDown: (on) => (on ? relay?.refuse() : relay?.accept()),
    async memberLeft(on) {
      if (on) await leaveCompany(world, feed, member);
      else wecom.updateMember(member.corpid, member.userid, { deleted: false });
    },
  };

  const isActive = (name: FaultName) =>
    name === 'tokenDropped' && active.has(name) ? gettokens() === gettokenAtDrop : active.has(name);

  async function set(name: FaultName, on: boolean): Promise<void> {
    if (isActive(name) === on || (name === 'redisDown' && !relay)) return;
    if (on) active.add(name);
    else active.delete(name);
    await breaking[name]?.(on);
    feed.add({ kind: 'world', fault: name, active: on, ...(!on && rest(name)) });
  }

  /** By what WeCom has answered; nothing if the login function has asked in vain too long ago. */
  function rest(name: FaultName): Pick<FaultState, 'restsUntil'> {
    const errcode = restsAfter[name] ?? 0;
    const refused = wecom.calls.filter(
      (call) => call.errcode === errcode && corpids.includes(call.corpid ?? '') && call.at > restartedAt,
    );
    const restsUntil = Math.max(...refused.map(({ at, ms }) => at + ms)) + (ruleFor(errcode).restMs ?? 0);
    return restsUntil > Date.now() ? { restsUntil } : {};
  }

  return {
    isActive,
    set,

    /** Returns them in the order of {@link faultNames}. */
    states: (): FaultState[] =>
      faultNames.map((fault) => ({
        fault,
        active: isActive(fault),
        available: fault !== 'redisDown' || relay !== undefined,
        ...(!isActive(fault) && rest(fault)),
      })),

    async healAll(): Promise<void> {
      for (const name of faultNames) await set(name, false);
    },

    /** Waits while `codeHangs` is on. Resolves with `false` if the phone gave up before. */
    async codeGiven(signal: AbortSignal): Promise<boolean> {
      while (isActive('codeHangs') && !signal.aborted) await sleep(100);
      return !signal.aborted;
    },
  };
}

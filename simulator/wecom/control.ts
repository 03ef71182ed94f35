// The steering of a running simulator. Tests, the demo and /_simulator/ use these functions.
import type { Call, Calls } from './calls.ts';
import type { Clock } from './clock.ts';
import type {
  CompanyChanges,
  CompanyInput,
  MemberChanges,
  MemberInput,
  Person,
  Places,
} from './directory.ts';
import type { AnyEndpoint } from './answer.ts';
import type { Message, World } from './endpoints.ts';
import type { Fault, Faults } from './faults.ts';
import type { GatePosition, Gates, Target } from './gates.ts';
import { defaultSettings, type Settings } from './settings.ts';
import type { Sockets } from './sockets.ts';
import { encryptUserData } from './userdata.ts';

/** What the simulator consists of. */
export interface Parts {
  world: World;
  clock: Clock;
  calls: Calls;
  gates: Gates;
  faults: Faults;
  sockets: Sockets;
  violations: string[];
}

/** Creates everything that tests, the demo and `/_simulator/` can do to a running simulator. */
export function createControl({ world, clock, calls, gates, faults, sockets, violations }: Parts) {
  const { settings, directory, tokens, codes, limits, appid } = world;

  return {
    appid,

    addCompany: (input: CompanyInput): void => directory.addCompany(input),
    /** Adds another app, with its own secret, to a company. */
    addApp: (input: CompanyInput): void => directory.addApp(input),
    updateCompany: (corpid: string, changes: CompanyChanges): void =>
      directory.updateCompany(corpid, changes),
    addMember: (input: MemberInput): void => directory.addMember(input),
    /** Adds or replaces a department; each company has the root 1. */
    setDepartment: (input: Parameters<typeof directory.setDepartment>[0]): void =>
      directory.setDepartment(input),
    /** Adds or replaces a tag. */
    setTag: (input: Parameters<typeof directory.setTag>[0]): void => directory.setTag(input),
    /** Makes these the departments and tags of a company, and no others. */
    setPlaces: (corpid: string, places: Places): void => directory.setPlaces(corpid, places),
    updateMember: (corpid: string, userid: string, changes: MemberChanges): void =>
      directory.updateMember(corpid, userid, changes),

    /** Creates a code as wx.qy.login does: single use, 5 minutes. A corpid that was not added is a stranger's company. */
    createJsCode(person: Person): string {
      if (directory.companies.has(person.corpid) && !directory.findMember(person)) {
        throw new Error(`no member ${person.userid} was added to company ${person.corpid}`);
      }
      return codes.create(person);
    },
    /** What wx.qy.getEnterpriseUserInfo and similar functions return, see {@link encryptUserData}. */
    encryptUserData: (person: Person, fields: Record<string, unknown>) =>
      encryptUserData({ clock, directory, codes, appid }, person, fields),

    /** Invalidates all tokens of a company early. */
    dropTokens: (corpid: string): void => tokens.dropOf(corpid),
    /** Ends the ban for wrong secrets, which otherwise lasts an hour by the simulator's clock. */
    liftBan: (): void => limits.liftBan(),
    /** Changes the given switches. */
    set(changes: Partial<Settings>): void {
      Object.assign(settings, changes);
    },
    /** Moves the simulator's clock forward. Tokens, codes and limits expire by it. */
    advanceMs: (ms: number): void => clock.advanceMs(ms),

    /** Adds a fault; see {@link Fault}. */
    fault: (fault: Fault): void => faults.add(fault),
    /** Removes all faults, or those of one endpoint. Calls that a fault already holds stay held. */
    clearFaults: (endpoint?: AnyEndpoint): void => faults.clear(endpoint),
    /** Closes a gate before (or, with `after`, after) an endpoint. */
    hold: (target: Target, position?: GatePosition) => gates.hold(target, position),
    /** Opens all gates, or those of one endpoint. */
    release: (endpoint?: AnyEndpoint): void => gates.releaseAll(endpoint),
    /**
     * Kills the idle keep-alive connections and returns how many. `fin`: closed now, as by a server's timeout. `rst`:
     * forgotten, as by a gateway: the client's next request gets an RST and never arrives.
     */
    closeIdleSockets: (how: 'fin' | 'rst'): number => sockets.killIdle(how),

    /** Calls that arrived, of one company or in total (unknown callers included). */
    counts: (corpid?: string) => calls.counts(corpid),
    /** The last 1,000 finished calls, oldest first. */
    calls: calls.log as readonly Readonly<Call>[],
    /** Calls `listener` when a call ends, however it ends. Returns a function that stops this. */
    onCall: (listener: (call: Call) => void): (() => void) => calls.onCall(listener),
    /** What message/send delivered, oldest first. */
    messages: world.messages as readonly Readonly<Message>[],
    /** Mistakes of the client. Tests assert that there are none. */
    violations: violations as readonly string[],

    /** The whole state without secrets, tokens and codes, ready for JSON. */
    state: () => ({
      now: new Date(clock.nowMs()).toISOString(),
      aheadMs: clock.aheadMs(),
      settings: { ...settings },
      banned: limits.banned(),
      openSockets: sockets.open(),
      companies: [...directory.companies.values()].map(({ corpid, name, apps }) => ({
        corpid,
        name,
        apps: apps.map(({ linked, stopped, ipTrusted }) => ({ linked, stopped, ipTrusted })),
        liveTokens: tokens.aliveOf(corpid),
        counts: calls.counts(corpid),
      })),
      members: [...directory.members.values()].map((member) => ({ ...member })),
      departments: [...directory.departments.values()],
      tags: [...directory.tags.values()],
      counts: calls.counts(),
      faults: faults.list(),
      gates: gates.list(),
      calls: calls.log.slice(-100),
      violations: [...violations],
    }),

    /**
     * Clears counters, calls, messages, violations, faults, gates and limits, and resets the switches. Companies, members, tokens,
     * codes and the clock stay.
     */
    reset(): void {
      Object.assign(settings, defaultSettings);
      faults.clear();
      gates.releaseAll();
      limits.reset();
      calls.reset();
      world.messages.length = 0;
      violations.length = 0;
    },
  };
}

/** What {@link createControl} returns. */
export type Control = ReturnType<typeof createControl>;

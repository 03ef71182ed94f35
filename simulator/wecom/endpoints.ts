// What WeCom answers if there is no fault: one function per endpoint, checks in WeCom's order.
import { createHash } from 'node:crypto';
import type { AccessTokens } from './access-token.ts';
import { type Answer, type AnyEndpoint, refuse, succeed } from './answer.ts';
import { type App, type Directory, type Person, personKey } from './directory.ts';
import type { GettokenLimits } from './gettoken-limits.ts';
import type { JsCodes } from './js-code.ts';
import type { Settings } from './settings.ts';

/** The state that endpoints read and change. */
export interface World {
  settings: Settings;
  directory: Directory;
  tokens: AccessTokens;
  codes: JsCodes;
  limits: GettokenLimits;
}

/** A request as an endpoint sees it; `problem` says what is wrong with its form. */
export interface Query {
  params: URLSearchParams;
  problem: string | undefined;
}

/**
 * Returns the answer to one valid or malformed request. Has WeCom's effects: a token is issued, a code is used up.
 * @see https://developer.work.weixin.qq.com/document/path/90664
 */
export const answer: Record<AnyEndpoint, (world: World, query: Query) => Answer> = {
  gettoken,
  jscode2session,
  'user/get': userGet,
  'agent/list': agentList,
  'agent/get': agentGet,
};

/** ban → secret and corpid present → shape → company → secret → limit → token */
function gettoken(world: World, { params, problem }: Query): Answer {
  const no = (errcode: number) => refuse('gettoken', errcode, world.settings.egressIp);
  const corpid = params.get('corpid');
  const corpsecret = params.get('corpsecret');
  if (world.limits.banned()) return no(45009);
  if (!corpsecret) return no(41004);
  if (!corpid) return no(41002);
  if (problem !== undefined) return no(40058);
  const company = world.directory.companies.get(corpid);
  if (!company) return no(40013);
  const app = company.apps.find((candidate) => candidate.corpsecret === corpsecret);
  if (!app || app.stopped) {
    world.limits.noteWrongSecret();
    return no(40001);
  }
  if (!world.limits.takeSuccess(corpid)) return no(45009);
  const { accessToken, expiresInSeconds } = world.tokens.issue(app);
  return succeed({ access_token: accessToken, expires_in: expiresInSeconds });
}

/** token → linked → app not stopped → trusted IP → code present → shape → code */
function jscode2session(world: World, { params, problem }: Query): Answer {
  const { settings, directory } = world;
  const no = (errcode: number) => refuse('jscode2session', errcode, settings.egressIp);
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return no(caller);
  if (!caller.linked) return no(settings.unlinkedErrcode);
  const refused = appRefusal(caller);
  if (refused !== undefined) return no(refused);
  const jsCode = params.get('js_code');
  if (!jsCode) return no(41008);
  if (problem !== undefined) return no(40058);
  const exchanged = world.codes.exchange(jsCode, caller.corpid);
  if (typeof exchanged === 'number') return no(exchanged);
  const { person, sessionKey } = exchanged;
  return succeed({
    corpid: person.corpid,
    userid: useridSeenBy(directory, caller.corpid, person),
    session_key: sessionKey,
    deviceid: settings.deviceid,
  });
}

/** token → app not stopped → trusted IP → userid present → shape → member exists → visible */
function userGet(world: World, { params, problem }: Query): Answer {
  const { settings, directory } = world;
  const no = (errcode: number) => refuse('user/get', errcode, settings.egressIp);
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return no(caller);
  const refused = appRefusal(caller);
  if (refused !== undefined) return no(refused);
  const userid = params.get('userid');
  if (!userid) return no(41009);
  if (problem !== undefined) return no(40058);
  const member = directory.findMember({ corpid: caller.corpid, userid });
  if (!member || member.deleted) return no(settings.deletedErrcode);
  if (!member.visible) return no(settings.outOfRangeErrcode);
  // As for apps created after 2022-06-20: no mobile, email, avatar, gender, address, qr_code. enable, isleader
  // and hide_mobile are still sent, but no longer documented.
  return succeed({
    userid: member.userid,
    name: member.name,
    department: member.department,
    position: member.position,
    status: member.status,
    isleader: 0,
    extattr: { attrs: [] },
    telephone: '',
    enable: member.status === 2 ? 0 : 1,
    hide_mobile: 0,
    order: member.department.map(() => 0),
    main_department: member.department[0] ?? 1,
    alias: '',
    is_leader_in_dept: member.department.map(() => 0),
    direct_leader: [],
  });
}

/** WeCom numbers self-built apps from 1000002. */
const firstAgentid = 1_000_002;

/** token → app not stopped → trusted IP; a token sees only its own app */
function agentList(world: World, { params }: Query): Answer {
  const caller = callerOf(world, params);
  const refused = typeof caller === 'number' ? caller : appRefusal(caller);
  if (typeof caller === 'number' || refused !== undefined) {
    return refuse('agent/list', refused ?? 40014, world.settings.egressIp);
  }
  return succeed({ agentlist: [{ agentid: agentidOf(world, caller), name: '小程序', square_logo_url: '' }] });
}

/** as agent/list, then: the agentid is the app's own */
function agentGet(world: World, { params }: Query): Answer {
  const no = (errcode: number) => refuse('agent/get', errcode, world.settings.egressIp);
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return no(caller);
  const refused = appRefusal(caller);
  if (refused !== undefined) return no(refused);
  const agentid = agentidOf(world, caller);
  if (params.get('agentid') !== String(agentid)) return no(40056);
  const visible = [...world.directory.members.values()].filter(
    (member) => member.corpid === caller.corpid && member.visible && !member.deleted,
  );
  return succeed({
    agentid,
    name: '小程序',
    square_logo_url: '',
    description: '',
    allow_userinfos: { user: visible.map(({ userid }) => ({ userid })) },
    allow_partys: { partyid: [] },
    allow_tags: { tagid: [] },
    close: 0,
    redirect_domain: '',
    report_location_flag: 0,
    isreportenter: 0,
    home_url: '',
  });
}

function agentidOf({ directory }: World, app: App): number {
  return firstAgentid + (directory.companies.get(app.corpid)?.apps.indexOf(app) ?? 0);
}

/** Returns the app whose valid token the query carries, or the errcode. */
function callerOf(world: World, params: URLSearchParams): App | number {
  const accessToken = params.get('access_token');
  if (!accessToken) return 41001;
  const errcode = world.tokens.check(accessToken);
  if (errcode !== 0) return errcode;
  return world.tokens.ownerOf(accessToken) ?? 40014;
}

function appRefusal(app: App): number | undefined {
  if (app.stopped) return 50003;
  return app.ipTrusted ? undefined : 60020;
}

/**
 * Returns the userid that jscode2session gives to the company that exchanged the code: the plain one to the person's
 * own company, an encrypted one to any other.
 */
export function useridSeenBy(directory: Directory, exchangedBy: string, person: Person): string {
  if (person.corpid === exchangedBy) return directory.findMember(person)?.userid ?? person.userid;
  return `wo${createHash('sha256').update(personKey(person)).digest('base64url').slice(0, 30)}`;
}

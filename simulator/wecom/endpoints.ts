// What WeCom answers if there is no fault: one function per endpoint, checks in WeCom's order.
import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { AccessTokens } from './access-token.ts';
import { type Answer, type AnyEndpoint, refuse, succeed } from './answer.ts';
import { type App, type Department, type Directory, type Person, personKey } from './directory.ts';
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
  /** The mini-program that the apps are linked with. */
  appid: string;
  /** What message/send delivered. */
  messages: Message[];
}

/** A delivered message. */
export interface Message {
  corpid: string;
  /** In lower case, as WeCom's answers have them. */
  userids: string[];
  msgtype: string;
  /** What the body holds under its msgtype. */
  content: unknown;
}

/** A request as an endpoint sees it; `problem` says what is wrong with its form. */
export interface Query {
  params: URLSearchParams;
  problem: string | undefined;
  /** The JSON of a POST; undefined if it is none. */
  body: unknown;
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
  'message/send': messageSend,
  'department/simplelist': departmentSimplelist,
  'department/list': departmentList,
  'tag/get': tagGet,
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
    ...member.further,
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

/**
 * Its appid, page and items have errcodes of their own. Lengths in characters.
 * @see https://developer.work.weixin.qq.com/document/path/90236
 */
const noticeSchema = z.strictObject({
  appid: z.optional(z.string()),
  page: z.optional(z.string()),
  title: z.string().check(z.minLength(4), z.maxLength(12)),
  description: z.optional(z.string().check(z.minLength(4), z.maxLength(12))),
  emphasis_first_item: z.optional(z.boolean()),
  content_item: z.optional(z.array(z.strictObject({ key: z.string(), value: z.string() }))),
});
const textSchema = z.strictObject({ content: z.string().check(z.minLength(1), z.maxLength(2048)) });
const messageSchema = z.strictObject({
  touser: z.optional(z.string()),
  toparty: z.optional(z.string()),
  totag: z.optional(z.string()),
  msgtype: z.string(),
  agentid: z.optional(z.int()),
  text: z.optional(textSchema),
  miniprogram_notice: z.optional(noticeSchema),
  safe: z.optional(z.literal([0, 1])),
  enable_id_trans: z.optional(z.literal([0, 1])),
  enable_duplicate_check: z.optional(z.literal([0, 1])),
  duplicate_check_interval: z.optional(z.int().check(z.gte(0), z.lte(14_400))),
});

/** Returns the errcode for a notice that `app` may not send, or undefined. */
function noticeRefusal(notice: z.infer<typeof noticeSchema>, app: App, linkedAppid: string) {
  const { appid, page = '', content_item: items = [] } = notice;
  if (appid === undefined) return 90200;
  if (!app.linked || appid !== linkedAppid) return 90208;
  if (items.length > 10) return 90201;
  if (items.some(({ key }) => key === '' || key.length > 10)) return 90202;
  if (items.some(({ value }) => value === '' || value.length > 30)) return 90203;
  return Buffer.byteLength(page) > 1024 ? 90204 : undefined;
}

/**
 * token → app not stopped → trusted IP → shape → message type → content → recipients given → recipients known. Unknown
 * fields are an error here, ignored by WeCom. Only touser is played; a department or tag is unknown.
 */
function messageSend(world: World, { params, problem, body }: Query): Answer {
  const no = (errcode: number) => refuse('message/send', errcode, world.settings.egressIp);
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return no(caller);
  const refused = appRefusal(caller);
  if (refused !== undefined) return no(refused);
  const parsed = messageSchema.safeParse(body);
  if (problem !== undefined || !parsed.success) return no(40058);
  const { touser = '', toparty = '', totag = '', msgtype, ...message } = parsed.data;
  const content = msgtype === 'miniprogram_notice' ? message.miniprogram_notice : message.text;
  if (msgtype !== 'text' && msgtype !== 'miniprogram_notice') return no(40008);
  if (content === undefined) return no(40058);
  if (msgtype === 'text' && message.agentid !== agentidOf(world, caller)) return no(40056);
  const notice = message.miniprogram_notice;
  const badNotice = notice && noticeRefusal(notice, caller, world.appid);
  if (badNotice !== undefined) return no(badNotice);
  const asked = touser.split('|').filter((userid) => userid !== '');
  if (asked.length + toparty.length + totag.length === 0) return no(82001);
  if (asked.length > 1000) return no(40032);
  const { corpid } = caller;
  const isReached = (userid: string) => {
    const member = world.directory.findMember({ corpid, userid });
    return member !== undefined && member.visible && !member.deleted;
  };
  const lower = asked.map((userid) => userid.toLowerCase());
  const userids = lower.filter(isReached);
  if (userids.length === 0) return no(81013);
  world.messages.push({ corpid, userids, msgtype, content });
  return succeed({
    invaliduser: lower.filter((userid) => !isReached(userid)).join('|'),
    invalidparty: toparty,
    invalidtag: totag,
    unlicenseduser: '',
    msgid: randomBytes(24).toString('base64url'),
  });
}

/** The departments of a company that its app may see; the `id` with all below it, else all; an errcode if there is none. */
function departmentsSeen(world: World, { params, problem }: Query): Department[] | number {
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return caller;
  const refused = appRefusal(caller);
  if (refused !== undefined) return refused;
  if (problem !== undefined) return 40058;
  const all = [...world.directory.departments.values()].filter(({ corpid }) => corpid === caller.corpid);
  const id = params.get('id');
  const top = all.find((department) => String(department.id) === id);
  if (id !== null && !top) return 60123;
  if (top && !top.visible) return 60011;
  const isBelow = (department: Department | undefined): boolean =>
    department !== undefined &&
    (department.id === top?.id || isBelow(all.find((parent) => parent.id === department.parentid)));
  return all.filter((department) => department.visible && (!top || isBelow(department)));
}

/** token → app not stopped → trusted IP → shape → department known → visible. @see https://developer.work.weixin.qq.com/document/path/95406 */
function departmentSimplelist(world: World, query: Query): Answer {
  const seen = departmentsSeen(world, query);
  if (typeof seen === 'number') return refuse('department/simplelist', seen, world.settings.egressIp);
  return succeed({ department_id: seen.map(({ id, parentid }) => ({ id, parentid, order: 100_000_000 })) });
}

/** As department/simplelist, with names. @see https://developer.work.weixin.qq.com/document/path/90208 */
function departmentList(world: World, query: Query): Answer {
  const seen = departmentsSeen(world, query);
  if (typeof seen === 'number') return refuse('department/list', seen, world.settings.egressIp);
  const department = seen.map(({ id, name, parentid }) => ({
    id,
    name,
    parentid,
    order: 100_000_000,
    department_leader: [],
  }));
  return succeed({ department });
}

/** token → app not stopped → trusted IP → shape → tag known; only visible members. @see https://developer.work.weixin.qq.com/document/path/90213 */
function tagGet(world: World, { params, problem }: Query): Answer {
  const no = (errcode: number) => refuse('tag/get', errcode, world.settings.egressIp);
  const caller = callerOf(world, params);
  if (typeof caller === 'number') return no(caller);
  const refused = appRefusal(caller);
  if (refused !== undefined) return no(refused);
  if (problem !== undefined) return no(40058);
  const { corpid } = caller;
  const tag = world.directory.tags.get(`${corpid}/${params.get('tagid')}`);
  if (!tag) return no(40068);
  const members = tag.userids.flatMap((userid) => world.directory.findMember({ corpid, userid }) ?? []);
  return succeed({
    tagname: tag.tagname,
    userlist: members
      .filter(({ visible, deleted }) => visible && !deleted)
      .map(({ userid, name }) => ({ userid, name })),
    partylist: tag.departments,
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

// The endpoints and the form of WeCom's answers.
import { randomInt } from 'node:crypto';

/** The simulator's endpoints, spelled as in WeCom's documentation. */
export const endpoints = [
  'gettoken',
  'jscode2session',
  'user/get',
  'agent/list',
  'agent/get',
  'message/send',
  'department/simplelist',
  'department/list',
  'tag/get',
] as const;

/** One of {@link endpoints}. */
export type AnyEndpoint = (typeof endpoints)[number];

/** The endpoints of a login; the others serve the operator's diagnosis, roles, and functions of one's own. */
export type Endpoint = 'gettoken' | 'jscode2session' | 'user/get';

/** The path of each endpoint. Any other path returns 404 with an empty body, as in WeCom. */
export const paths: Record<string, AnyEndpoint> = Object.fromEntries(
  endpoints.map((endpoint) => [
    endpoint === 'jscode2session' ? '/cgi-bin/miniprogram/jscode2session' : `/cgi-bin/${endpoint}`,
    endpoint,
  ]),
);

/** The JSON body of an answer. The HTTP status is 200 for every errcode. */
export type Answer = { errcode: number; errmsg: string } & Record<string, unknown>;

/** WeCom's texts of errors. A client must not depend on them: WeCom may change them at any time. */
const errmsgs: Record<number, string> = {
  [-1]: 'system busy',
  40001: 'invalid credential',
  40003: 'invalid userid',
  40008: 'invalid message type',
  40013: 'invalid corpid',
  40014: 'invalid access_token',
  40029: 'invalid code',
  40056: 'invalid agentid',
  40058: 'invalid request parameter',
  40068: 'invalid tagid',
  41001: 'access_token missing',
  41002: 'corpid missing',
  41004: 'corpsecret missing',
  41008: 'code missing',
  41009: 'userid missing',
  42001: 'access_token expired',
  42003: 'code expired',
  42022: 'code has been used',
  45009: 'api freq out of limit',
  45033: 'api concurrent out of limit',
  48002: 'api forbidden',
  50003: 'app is disabled',
  // WeCom's own text has this space before the comma.
  60011: 'no privilege to access/modify contact/party/agent ',
  60020: 'not allow to access from your ip',
  60111: 'userid not found',
  60123: 'invalid party id',
  81013: 'user & party & tag all invalid',
  82001: 'all user, party and tag are empty',
  90200: 'missing mini-program appid',
  90201: 'content_item too many',
  90202: 'invalid key length',
  90203: 'invalid value length',
  90204: 'invalid page',
  90208: 'mini-program appid not match',
};

/** Builds a success with `fields`. */
export function succeed(fields: Record<string, unknown>): Answer {
  return { errcode: 0, errmsg: 'ok', ...fields };
}

/**
 * Builds a refusal in the form of WeCom's messages: text, hint of 25 digits, the caller's egress IP, a help page.
 *
 * `user/get` has its empty arrays in errors too, and its 40014 has only the text.
 * @see https://developer.work.weixin.qq.com/document/path/90313
 */
export function refuse(endpoint: AnyEndpoint, errcode: number, egressIp: string, text?: string): Answer {
  const said = text ?? errmsgs[errcode] ?? 'error';
  const help = `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`;
  const isBare = endpoint === 'user/get' && errcode === 40014;
  const errmsg = isBare ? said : `${said}, hint: [${hint()}], from ip: ${egressIp}, more info at ${help}`;
  return { errcode, errmsg, ...(endpoint === 'user/get' ? emptyMemberArrays : {}) };
}

const emptyMemberArrays = { department: [], order: [], is_leader_in_dept: [] };

function hint(): string {
  return Array.from({ length: 25 }, (_, position) => randomInt(position === 0 ? 1 : 0, 10)).join('');
}

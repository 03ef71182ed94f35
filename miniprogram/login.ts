import { settings } from './settings';
import { createWecomLogin, type WecomLoginError } from './wecom-login';

/** The one client of this mini-program: pages share its session and never log in twice. */
export const wecomLogin = createWecomLogin({ serverUrl: settings.serverUrl });

const home = '/pages/home/home';
const detailCharactersMax = 200;

/** What a page has been opened with: WeChat hands it out as it is written, other runtimes hand it out decoded. */
export type Query = Record<string, string | undefined>;

/**
 * Leaves for the first page, which logs in and then comes back to `to`, an address as {@link addressOf} makes it. For pages
 * that were opened by their own address, before anybody logged in.
 */
export function enter(to = ''): void {
  void wx.reLaunch({ url: `/pages/entrance/entrance${queryOf({ to })}` });
}

/** Where whoever has just logged in wanted to go: `to`, or home if it is empty or not there. */
export function arrive(to: string): void {
  if (to === '') return void wx.reLaunch({ url: home });
  wx.reLaunch({ url: to, fail: () => void wx.reLaunch({ url: home }) });
}

/** The address of a page with the query it was opened with, written as it was. */
export function addressOf(page: string, query: Query): string {
  const pairs = Object.keys(query).map((name) => `${name}=${written(query[name] ?? '')}`);
  return pairs.length === 0 ? page : `${page}?${pairs.join('&')}`;
}

/** An address out of a query; empty if it is none, or that of the first page. Anybody can write a query. */
export function addressIn(value: string | undefined): string {
  const address = value?.startsWith('/') ? value : decoded(value);
  return /^\/(?!pages\/entrance\/)[\w/-]+(\?\S*)?$/.test(address) ? address : '';
}

/** A value of a query as it was before it was written there; empty if there is none. */
export function decoded(value = ''): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** A value as a query holds it, whether it was handed out as it is written or decoded. */
function written(value: string): string {
  try {
    decodeURIComponent(value);
    return value.replace(/[^\w.~!*'()%-]+/g, encodeURIComponent);
  } catch {
    return encodeURIComponent(value);
  }
}

/**
 * Leaves for the page that says why it does not go on, and how it may.
 *
 * @param from the address to come back to
 * @param userid who was logged in, for the administrator; whom the server refused at the login, the error says
 */
export function showRefusal(error: WecomLoginError, from = '', userid = error.userid): void {
  const { code, requestId, retryAfterSeconds, detail } = error;
  if (code === 'reviewer_session_ended') {
    void wx.reLaunch({ url: `/pages/reviewer/reviewer${queryOf({ code, to: from })}` });
    return;
  }
  if (code === 'not_in_wecom' || code === 'logged_out') {
    const stay = code === 'logged_out' ? 'left' : 'wechat';
    void wx.reLaunch({ url: `/pages/entrance/entrance${queryOf({ stay, to: from })}` });
    return;
  }
  const query = {
    code,
    request_id: requestId,
    wait: String(retryAfterSeconds ?? 0),
    at: String(Math.ceil(Date.now() / 1000)),
    detail: detail?.slice(0, detailCharactersMax),
    userid,
    to: from,
  };
  void wx.reLaunch({ url: `/pages/refused/refused${queryOf(query)}` });
}

/** `?name=value&…` of plain values, without what is empty. */
function queryOf(query: Query): string {
  const pairs = Object.keys(query)
    .filter((name) => query[name] !== undefined && query[name] !== '')
    .map((name) => `${name}=${encodeURIComponent(query[name] ?? '')}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

// What the pages share: the client, and the way from page to page. Trusts no query, because anybody can write one.
import { settings } from './settings';
import { createWecomLogin, type WecomLoginError } from './wecom-login';

/** The only client of this mini-program: all pages share its session. */
export const wecomLogin = createWecomLogin({ serverUrl: settings.serverUrl });

const home = '/pages/home/home';
/** These show errors themselves, and a login never leads back to them. */
const loginPages = ['pages/entrance/entrance', 'pages/refused/refused', 'pages/reviewer/reviewer'];
const detailCharactersMax = 200;

/** The only place that opens another page when a call finds that nobody may stay. */
wecomLogin.onRefused((error) => {
  const { route, options } = getCurrentPages().slice(-1)[0] ?? {};
  if (route === undefined || loginPages.includes(route)) return;
  showRefusal(error, addressOf(`/${route}`, options ?? {}));
});

/** The query a page was opened with. WeChat passes it encoded, other runtimes pass it decoded. */
export type Query = Record<string, string | undefined>;

/**
 * Opens the first page, which logs in and then opens `to`, an address made by {@link addressOf}. For pages that were
 * opened by their own address before the login.
 */
export function enter(to = ''): void {
  void wx.reLaunch({ url: `/pages/entrance/entrance${queryOf({ to })}` });
}

const pageHooks = ['onLoad', 'onShow', 'onReady', 'onHide', 'onUnload'] as const;

/**
 * For a page that needs a session: `Page(requireLogin({ … }))`. Opened without one, it runs none of its hooks, and comes
 * back to itself after the login, with its query.
 */
export function requireLogin<
  Data extends WechatMiniprogram.Page.DataOption,
  Custom extends WechatMiniprogram.Page.CustomOption,
>(page: WechatMiniprogram.Page.Options<Data, Custom>): WechatMiniprogram.Page.Options<Data, Custom> {
  const hooks = page as Record<string, unknown>;
  for (const name of pageHooks) {
    const hook = hooks[name];
    hooks[name] = function (this: { route: string; waitsForLogin?: boolean }, query?: Query) {
      if (name === 'onLoad' && !wecomLogin.session()) {
        this.waitsForLogin = true;
        enter(addressOf(`/${this.route}`, query ?? {}));
      }
      if (!this.waitsForLogin && typeof hook === 'function') hook.call(this, query);
    };
  }
  return page;
}

/** After a login, opens the page that was asked for: `to`, or home if that is empty or does not exist. */
export function arrive(to: string): void {
  if (to === '') return void wx.reLaunch({ url: home });
  wx.reLaunch({ url: to, fail: () => void wx.reLaunch({ url: home }) });
}

/** Returns the address of a page with the query it was opened with. */
export function addressOf(page: string, query: Query): string {
  const pairs = Object.keys(query).map((name) => `${name}=${encodeOnce(query[name] ?? '')}`);
  return pairs.length === 0 ? page : `${page}?${pairs.join('&')}`;
}

/**
 * Reads an address from a query, which anybody can write. Empty if it is not an address, or that of a login page. Whether
 * app.json lists the page, WeChat checks in {@link arrive}.
 */
export function addressIn(value: string | undefined): string {
  const address = value?.startsWith('/') ? value : decode(value);
  const page = /^\/([\w/-]+)(\?\S*)?$/.exec(address)?.[1];
  return page === undefined || loginPages.includes(page) ? '' : address;
}

/** Decodes a value of a query; empty if there is none. */
export function decode(value = ''): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Encodes a value of a query, unless the runtime passed it encoded. */
function encodeOnce(value: string): string {
  try {
    decodeURIComponent(value);
    return value.replace(/[^\w.~!*'()%-]+/g, encodeURIComponent);
  } catch {
    return encodeURIComponent(value);
  }
}

/**
 * Opens the page that shows the error and what the member can do.
 *
 * @param from the address to return to
 */
export function showRefusal(error: WecomLoginError, from = ''): void {
  const { code, requestId, retryAfterSeconds, detail, userid } = error;
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

/** Returns `?name=value&…` of decoded values; leaves out empty ones. */
function queryOf(query: Query): string {
  const pairs = Object.keys(query)
    .filter((name) => query[name] !== undefined && query[name] !== '')
    .map((name) => `${name}=${encodeURIComponent(query[name] ?? '')}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

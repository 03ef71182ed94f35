// miniprogram/login.ts: what pages get from it, with the wx that the client brings for unit tests.
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFakeWx, type FakeAnswer } from '../miniprogram/testing/fake-wx.ts';
import { createWecomLogin } from '../miniprogram/wecom-login.ts';

/** Loaded by its path: its types are those of miniprogram/tsconfig.json. */
const loginModule = new URL('../miniprogram/login.ts', import.meta.url).pathname;
interface LoginModule {
  wecomLogin: ReturnType<typeof createWecomLogin>;
  requireLogin(page: object): Hooks;
}
type Hooks = Record<'onLoad' | 'onShow' | 'onUnload', (this: object, query?: object) => void>;

beforeEach(() => vi.resetModules());

/** Loads login.ts on a phone of its own. */
async function open(page: { route: string; options: Record<string, string> }) {
  const refuse = (error: string) => () => ({ status: 403, data: { error } });
  const answers: Record<string, () => FakeAnswer> = {
    'GET /orders': () => ({ data: { orders: [] } }),
    'GET /member': refuse('member_not_allowed'),
    'GET /corp': refuse('corp_not_allowed'),
  };
  const fake = createFakeWx({ answers });
  const refuseLogin = () => void (answers['POST /login'] = refuse('member_not_allowed'));
  const opened: string[] = [];
  vi.stubGlobal('wx', { ...fake.wx, reLaunch: ({ url }: { url: string }) => void opened.push(url) });
  vi.stubGlobal('getCurrentPages', () => [page]);
  onTestFinished(() => void vi.unstubAllGlobals());
  const { settings } = await import('../miniprogram/settings.ts');
  settings.serverUrl = 'https://login.mycompany.cn';
  const login = (await import(loginModule)) as LoginModule;
  return { ...fake, ...login, opened, refuseLogin };
}

describe('requireLogin()', () => {
  const ran: string[] = [];
  const page = () => ({
    data: {},
    onLoad(query: object) {
      ran.push(`onLoad ${JSON.stringify(query)}`);
    },
    onShow() {
      ran.push('onShow');
    },
  });

  test('requireLogin() › without a session runs no hook of the page, and comes back with its query', async () => {
    const { requireLogin, opened } = await open({ route: 'pages/order/order', options: {} });
    const { onLoad, onShow, onUnload } = requireLogin(page());
    const instance = { route: 'pages/order/order' };
    onLoad.call(instance, { id: '7', note: '张& b' });
    onShow.call(instance);
    onUnload.call(instance);
    expect(ran).toEqual([]);
    const to = new URL(opened[0] ?? '', 'https://x').searchParams.get('to') ?? '';
    expect(new URL(to, 'https://x').pathname).toBe('/pages/order/order');
    expect([...new URL(to, 'https://x').searchParams]).toEqual([
      ['id', '7'],
      ['note', '张& b'],
    ]);
  });

  test('requireLogin() › with a session is out of the way', async () => {
    const { requireLogin, wecomLogin, opened } = await open({ route: 'pages/order/order', options: {} });
    await wecomLogin.login();
    const { onLoad, onShow } = requireLogin(page());
    const instance = { route: 'pages/order/order' };
    onLoad.call(instance, { id: '7' });
    onShow.call(instance);
    expect([ran.splice(0), opened]).toEqual([['onLoad {"id":"7"}', 'onShow'], []]);
  });
});

describe('a call that finds that nobody may stay', () => {
  test('leads to the page that says so, once, with who it was and the way back', async () => {
    const { wecomLogin, opened } = await open({ route: 'pages/order/order', options: { id: '7' } });
    await wecomLogin.login();
    await wecomLogin.logout();
    const calls = [1, 2, 3].map(() => wecomLogin.request({ url: '/orders' }));
    for (const { status } of await Promise.allSettled(calls)) expect(status).toBe('rejected');
    expect(opened).toEqual(['/pages/entrance/entrance?stay=left&to=%2Fpages%2Forder%2Forder%3Fid%3D7']);
  });

  test.each([
    ['/member', 'ZhangSan'],
    ['/corp', null],
  ])('names who was logged in only when the member is refused: GET %s', async (url, userid) => {
    const { wecomLogin, opened } = await open({ route: 'pages/order/order', options: {} });
    await wecomLogin.login();
    await Promise.allSettled([wecomLogin.request({ url })]);
    const query = new URL(opened[0] ?? '', 'https://x').searchParams;
    expect([query.get('code'), query.get('userid')]).toEqual([
      expect.stringMatching(/_not_allowed$/),
      userid,
    ]);
  });

  test('does not name who was logged in before when a login refuses, maybe another person', async () => {
    const { wecomLogin, opened, endSession, refuseLogin } = await open({
      route: 'pages/order/order',
      options: {},
    });
    await wecomLogin.login();
    endSession();
    refuseLogin();
    await Promise.allSettled([wecomLogin.request({ url: '/orders' })]);
    const query = new URL(opened[0] ?? '', 'https://x').searchParams;
    expect([query.get('code'), query.get('userid')]).toEqual(['member_not_allowed', null]);
  });

  test('leads nowhere from a page of the login, which shows errors itself', async () => {
    const { wecomLogin, opened } = await open({ route: 'pages/refused/refused', options: {} });
    await wecomLogin.logout();
    await Promise.allSettled([wecomLogin.request({ url: '/orders' })]);
    expect(opened).toEqual([]);
  });
});

describe('createFakeWx()', () => {
  test('createFakeWx() › takes an own answer to a login for the session: a reviewer’s too', async () => {
    const { wx, endSession } = createFakeWx({
      inWecom: false,
      answers: {
        'POST /login/reviewer': ({ data }) =>
          (data as { password: string }).password === 'right'
            ? { data: { session_token: 'own', role: 'reviewer', expires_in: 60 } }
            : { status: 401, data: { error: 'invalid_credentials' } },
        'GET /orders': () => ({ data: { orders: [] } }),
      },
    });
    const client = createWecomLogin({ serverUrl: 'https://login.mycompany.cn', wx });
    await expect(client.reviewerLogin('appstore', 'wrong')).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    expect((await client.reviewerLogin('appstore', 'right')).role).toBe('reviewer');
    expect(await client.request({ url: '/orders' })).toEqual({ orders: [] });
    expect(await client.request({ url: '/session' })).toEqual({ role: 'reviewer', expires_in: 60 });
    endSession();
    await expect(client.request({ url: '/orders' })).rejects.toMatchObject({
      code: 'reviewer_session_ended',
    });
  });
});

// A wx that calls back with anything, or not at all: one error with a code that fits, and the next call works.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWecomLogin, toLoginError, WecomLoginError } from '../miniprogram/wecom-login.ts';
import { endSession, errorOf, openPhone } from './mini-program-phone.ts';
import { worldForAll } from './world.ts';

const all = worldForAll();

interface Callbacks {
  success(result?: unknown): void;
  fail(error?: unknown): void;
}

const nothing: unknown = undefined;
/** What wx does in place of what is documented, and what is known of it afterwards. */
const oddities: [string, (callbacks: Callbacks) => unknown, detail?: string][] = [
  ['fail()', ({ fail }) => fail()],
  ['fail(null)', ({ fail }) => fail(null)],
  ['fail("text")', ({ fail }) => fail('system error'), 'system error'],
  ['fail(7)', ({ fail }) => fail(7), '7'],
  ['fail(an Error)', ({ fail }) => fail(new Error('system error')), 'system error'],
  ['fail with an errMsg that is no text', ({ fail }) => fail({ errMsg: { a: 1 } }), '{"a":1}'],
  ['fail with an errMsg that cannot be read', ({ fail }) => fail({ errMsg: Symbol('x') })],
  [
    'fail with what throws when it is looked at',
    ({ fail }) =>
      fail({
        get errMsg() {
          throw new Error('no');
        },
      }),
  ],
  ['success()', ({ success }) => success()],
  ['success(null)', ({ success }) => success(null)],
  ['success("text")', ({ success }) => success('ok')],
  [
    'success of other types',
    ({ success }) => success({ code: 7, encryptedData: 0, statusCode: 'x', data: 7 }),
  ],
  [
    'a throw in place of a call',
    () => {
      throw new Error('system error');
    },
    'system error',
  ],
  [
    'a throw of nothing',
    () => {
      throw nothing;
    },
  ],
  ['a promise that rejects', () => Promise.reject(new Error('system error')), 'system error'],
  [
    'fail, then success',
    ({ fail, success }) => (fail(), success({ code: 'late', statusCode: 200, data: {} })),
  ],
];

describe.each(oddities)('%s', (name, instead, detail) => {
  /** A phone of which one function can be broken. */
  function broken(path: 'login' | 'getMobile' | 'request' | 'getSystemInfo') {
    const phone = openPhone(all.world, { userid: all.world.addMember(), qy: path !== 'getSystemInfo' });
    const { wx } = globalThis as unknown as {
      wx: Record<string, unknown> & { qy?: Record<string, unknown> };
    };
    const owner = path === 'login' || path === 'getMobile' ? (wx.qy ?? {}) : wx;
    const healthy = owner[path];
    const breakIt = () => (owner[path] = instead);
    const heal = () => (owner[path] = healthy);
    return { phone, client: phone.client(all.login), breakIt, heal };
  }

  const withDetail = detail === undefined ? {} : { detail };

  test(`[P1] wx.qy.login › ${name} is one error, and the next login works`, async () => {
    const { phone, client, breakIt, heal } = broken('login');
    breakIt();
    const both = await Promise.all([errorOf(client.login()), errorOf(client.request({ url: '/session' }))]);
    for (const error of both) {
      expect(error).toMatchObject({ code: 'wecom_login_failed', ...withDetail });
    }
    expect(phone.sent).toEqual([]);
    heal();
    expect((await client.login()).role).toBe('member');
  });

  test(`[P1] wx.request › ${name} is one error, and the next request works`, async () => {
    const { client, breakIt, heal } = broken('request');
    await client.login();
    breakIt();
    const code = name.startsWith('success') ? 'bad_server_answer' : 'offline';
    expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({ code });
    expect(await client.logout()).toBe(false);
    heal();
    expect((await client.login()).role).toBe('member');
  });

  test(`[P1] wx.qy.getMobile › ${name} is one error, and the next question works`, async () => {
    const { client, breakIt, heal } = broken('getMobile');
    await client.login();
    breakIt();
    expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'userdata_not_given' });
    heal();
    expect(await client.userdata('getMobile')).toMatchObject({ mobile: '13900001111' });
  });

  test(`[P1] wx.getSystemInfo › ${name} is no WeCom, and is asked again`, async () => {
    const { client, breakIt, heal, phone } = broken('getSystemInfo');
    breakIt();
    expect(await client.environment()).toBe('wechat');
    heal();
    phone.nextSystemInfo.push({ answer: { environment: 'wxwork' } });
    const kept = name === 'success of other types';
    expect(await client.environment()).toBe(kept ? 'wechat' : 'wecom');
  });
});

test('[P1] wx › never calls back: each promise ends all the same', async () => {
  const phone = openPhone(all.world, { userid: all.world.addMember() });
  const quick = { fromMs: Infinity, toMs: Infinity };
  const client = phone.quickClient(all.login.url, quick);
  await client.login();
  quick.fromMs = 5000;
  phone.nextQy.push('hang');
  expect(await errorOf(client.userdata('getMobile'))).toMatchObject({ code: 'wecom_timeout' });
  phone.nextRequest.push(() => {});
  expect(await errorOf(client.request({ url: '/session' }))).toMatchObject({ code: 'server_timeout' });
  phone.nextRequest.push(() => {});
  expect(await client.logout()).toBe(false);
  phone.nextQy.push('hang');
  expect(await errorOf(client.login())).toMatchObject({ code: 'wecom_timeout' });
});

test('[P1] wx.request › says the status as text, and is understood', async () => {
  const phone = openPhone(all.world);
  const client = phone.client(all.login);
  const { wx } = globalThis as unknown as { wx: { request: (wanted: Callbacks) => unknown } };
  const { request } = wx;
  const asText = (answer: unknown) => {
    const { statusCode, ...rest } = answer as { statusCode: number };
    return { ...rest, statusCode: String(statusCode) };
  };
  wx.request = (wanted) => request({ ...wanted, success: (answer) => wanted.success(asText(answer)) });
  await client.login();
  await client.request({ url: '/session' });
  await endSession(all.login, phone);
  expect(await client.request({ url: '/session' })).toMatchObject({ role: 'member' });
  expect(phone.to('/login').length).toBe(2);
  expect(await errorOf(client.request({ url: '/none' }))).toMatchObject({ code: 'not_found', status: 404 });
  expect(await client.logout()).toBe(true);
});

describe('createWecomLogin()', () => {
  test.each([
    ['without an address', {}],
    ['with an address that is no text', { serverUrl: 7 }],
    ['with nothing', undefined],
  ])(
    'createWecomLogin() › %s throws nothing at import; each call says what is missing',
    async (_, options) => {
      const phone = openPhone(all.world);
      const client = createWecomLogin(options as never);
      for (const call of [
        client.login(),
        client.request({ url: '/session' }),
        client.reviewerLogin('a', 'b'),
        client.reviewerLoginOffered(),
      ]) {
        expect(await errorOf(call)).toMatchObject({ code: 'server_url_missing' });
      }
      expect([await client.environment(), await client.logout(), client.session()]).toEqual([
        'wecom',
        true,
        undefined,
      ]);
      expect([phone.asked.login, phone.sent]).toEqual([0, []]);
    },
  );

  test.each([
    ['where there is no wx', undefined],
    [
      'where wx refuses to tell of the background',
      {
        onAppHide() {
          throw new Error('onAppHide is not supported');
        },
      },
    ],
  ])('createWecomLogin() › %s throws nothing, and says that this is not WeCom', async (_, wx) => {
    vi.stubGlobal('wx', wx);
    onTestFinished(() => void vi.unstubAllGlobals());
    const client = createWecomLogin({ serverUrl: all.login.url });
    expect(await client.environment()).toBe('wechat');
    expect(await errorOf(client.login())).toMatchObject({ code: 'not_in_wecom' });
    expect(await client.logout()).toBe(true);
  });
});

describe('toLoginError()', () => {
  test('toLoginError() › makes a WecomLoginError of whatever was thrown, and throws nothing itself', () => {
    const own = new WecomLoginError('offline');
    expect(toLoginError(own)).toBe(own);
    const thrown: [unknown, string][] = [
      [new TypeError('x is undefined'), 'x is undefined'],
      ['text', 'text'],
      [{ errMsg: 'navigateTo:fail' }, 'navigateTo:fail'],
      [undefined, ''],
      [null, ''],
      [Object.create(null), '{}'],
      [Symbol('x'), ''],
      [10n, ''],
    ];
    for (const [value, detail] of thrown) {
      expect(toLoginError(value)).toMatchObject({ name: 'WecomLoginError', code: 'unexpected', detail });
    }
  });
});

// What stands behind the page of `npm start`: who may steer it, what it passes on, what it does when pressed.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { compileFiles } from '../demo/page-server.ts';
import { company, crowd, member, reviewer } from '../demo/people.ts';
import { type Demo, openInJsdom, startDemo } from './mini-program-pages.ts';
import { serve } from './mini-program-phone.ts';

describe('the page of npm start', () => {
  let demo: Demo;
  beforeAll(async () => {
    demo = await startDemo();
  });
  afterAll(() => demo.stop());

  /** With any headers, and the path as it stands here, which fetch would not send. */
  function ask(method: string, path: string, headers: Record<string, string> = {}, body = '') {
    return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
      (resolve, reject) => {
        const { hostname, port } = new URL(demo.page.url);
        const outgoing = request({ hostname, port, path, method, headers }, (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
          );
        });
        outgoing.on('error', reject).end(body);
      },
    );
  }
  const json = { 'Content-Type': 'application/json' };
  const slow = JSON.stringify({ fault: 'wecomSlow', active: true });

  test.each([
    '/',
    '/page.js',
    '/page.css',
    '/phone/?who=member',
    '/phone/phone.js',
    '/phone/pages/home/home.css',
  ])('GET %s › is served from here, under a policy that lets nothing else in', async (path) => {
    const { status, headers, text } = await ask('GET', path);
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test.each(['/server/health', '/server/nothing', '/server//health'])(
    'GET %s › comes back under the same policy, whatever the login function answers',
    async (path) => {
      const { headers } = await ask('GET', path);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers['x-content-type-options']).toBe('nosniff');
    },
  );

  test('POST /server/login › the limit of a body is the function’s own, up to that of SCF', async () => {
    const large = await ask('POST', '/server/login', json, 'x'.repeat(100_000));
    expect([large.status, JSON.parse(large.text)]).toMatchObject([413, { error: 'too_large' }]);
    const tooLarge = await ask('POST', '/server/login', json, 'x'.repeat(6 * 1024 * 1024 + 1));
    expect([tooLarge.status, tooLarge.text]).toMatchObject([406, expect.stringContaining('406')]);
    await demo.reset();
  });

  test.each(['//HERE/x.html', '/\\HERE/x.html', '//user@HERE/x.html'])(
    'GET /server%s › asks nobody but the login function',
    async (path) => {
      const asked: unknown[] = [];
      const elsewhere = await serve((incoming, outgoing) => {
        asked.push(incoming.url);
        outgoing.end('<script src="/x.js"></script>');
      });
      const { status, text } = await ask('GET', `/server${path.replace('HERE', new URL(elsewhere).host)}`);
      expect([status, asked]).toEqual([404, []]);
      expect(JSON.parse(text)).toMatchObject({ error: 'not_found' });
    },
  );

  test.each([
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another port of this machine', { 'Sec-Fetch-Site': 'same-site' }],
    ['another site with an origin', { Origin: 'https://attacker.example' }],
    ['a frame without an origin', { Origin: 'null' }],
  ])('GET › gives %s nothing but the page itself', async (_, headers) => {
    for (const path of ['/server/session', '/phone/?who=member', '/phone/phone.js', '/page.js', '/events']) {
      expect((await ask('GET', path, headers)).status, path).toBe(403);
    }
    expect((await ask('GET', '/', headers)).status).toBe(200);
    expect((await ask('POST', '/', headers)).status).toBe(403);
    for (const own of ['same-origin', 'none']) {
      expect((await ask('GET', '/page.js', { 'Sec-Fetch-Site': own })).status).toBe(200);
    }
  });

  test.each([
    ['another site', { Origin: 'https://attacker.example' }],
    ['another site, by what its browser says', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['a frame without an origin', { Origin: 'null' }],
    ['a name that was rebound to this machine', { Host: 'attacker.example' }],
  ])('POST /world/fault › refuses %s and changes nothing', async (_, headers) => {
    expect((await ask('POST', '/world/fault', { ...json, ...headers }, slow)).status).toBe(403);
    expect((await ask('POST', '/server/login', { ...json, ...headers }, '{}')).status).toBe(403);
    expect(demo.page.breakage.isActive('wecomSlow')).toBe(false);
    expect((await demo.sent()).filter((request) => request.startsWith('POST'))).toEqual([]);
  });

  test('GET /events › does not speak to a name that was rebound to this machine', async () => {
    expect((await ask('GET', '/events', { Host: 'attacker.example' })).status).toBe(403);
  });

  test('POST /world/fault › breaks and mends for the page itself; nonsense is refused', async () => {
    const own = { ...json, Origin: demo.page.url };
    expect((await ask('POST', '/world/fault', own, slow)).status).toBe(204);
    expect(demo.page.breakage.isActive('wecomSlow')).toBe(true);
    expect((await ask('POST', '/world/heal', own)).status).toBe(204);
    expect(demo.page.breakage.isActive('wecomSlow')).toBe(false);
    for (const body of ['{', '{}', '{"fault":"none","active":true}', '{"fault":"wecomSlow"}', '[]']) {
      expect((await ask('POST', '/world/fault', own, body)).status, body).toBe(400);
    }
    expect((await ask('POST', '/wecom-app/login', own, '{"who":"nobody"}')).status).toBe(400);
    expect((await ask('GET', '/../package.json')).status).toBe(404);
  });

  test('POST /world/fault › after a rate limit the page says until when the login function rests', async () => {
    const logIn = async () => {
      const body = JSON.stringify({ js_code: demo.world.wecom.createJsCode(member) });
      return (await ask('POST', '/server/login', json, body)).status;
    };
    const state = () => demo.page.breakage.states().find(({ fault }) => fault === 'rateLimited');
    const over = { fault: 'rateLimited', active: false };
    expect(state()).toEqual({ ...over, available: true });
    await demo.page.breakage.set('rateLimited', true);
    expect(await logIn()).toBe(503);
    expect(state()).toEqual({ fault: 'rateLimited', active: true, available: true });
    await demo.page.breakage.set('rateLimited', false);
    expect(await logIn()).toBe(503);
    const restsUntil = state()?.restsUntil ?? 0;
    expect(restsUntil - Date.now()).toBeLessThanOrEqual(60_000);
    expect(demo.entries()).toContainEqual(expect.objectContaining({ kind: 'world', ...over, restsUntil }));
    // A new login function knows nothing of it.
    await demo.page.breakage.set('wrongSecret', true);
    await demo.page.breakage.set('wrongSecret', false);
    expect(await logIn()).toBe(200);
    expect(state()).toEqual({ ...over, available: true });
    await demo.reset();
  });

  test('what the page sends › holds no corpsecret, access_token or session_token', async () => {
    const own = { ...json, Origin: demo.page.url };
    const { text } = await ask('POST', '/wecom-app/login', own, '{"who":"member"}');
    const { code } = JSON.parse(text) as { code: string };
    const login = await ask('POST', '/server/login', own, JSON.stringify({ js_code: code }));
    const { session_token: sessionToken } = JSON.parse(login.text) as { session_token: string };
    const { entries } = demo.page.feed;
    const id = entries.flatMap((entry) =>
      entry.kind === 'sent' && entry.path === '/login' ? [entry.id] : [],
    )[0];
    await expect.poll(() => entries).toContainEqual(expect.objectContaining({ kind: 'answered', id }));
    const shown = JSON.stringify([entries, demo.page.snapshot()]);
    for (const value of [code, sessionToken, company.corpsecret, reviewer.password])
      expect(shown).not.toContain(value);
    expect(shown).toContain('miniprogram/jscode2session');
  });

  test('a crowd on cold instances › all are let in with one gettoken, and the page is told', async () => {
    await ask('POST', '/world/rush', { ...json, Origin: demo.page.url });
    expect(demo.page.snapshot().rushRunning).toBe(true);
    await demo.page.rush.finished();
    const result = demo.page.feed.entries
      .flatMap((entry) => (entry.kind === 'rush' ? entry.result : []))
      .at(-1);
    expect(result).toMatchObject({
      requests: crowd.length,
      named: crowd.length,
      statuses: `${crowd.length} × 200`,
      counts: { gettoken: 1 },
    });
    // On a busy machine some came back.
    const { cameBack = 0, counts } = result ?? {};
    for (const endpoint of ['jscode2session', 'user/get'] as const) {
      expect(counts?.[endpoint]).toBeGreaterThanOrEqual(crowd.length);
      expect(counts?.[endpoint]).toBeLessThanOrEqual(crowd.length + cameBack);
    }
  });
});

describe('compiling the mini-program', () => {
  let demo: Demo;
  beforeAll(async () => {
    demo = await startDemo();
  });
  afterAll(() => demo.stop());

  /** A copy with one file changed. */
  function broken(file: string, change: (text: string) => string): string {
    const root = mkdtempSync(join(tmpdir(), 'mini-program-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    cpSync('miniprogram', root, { recursive: true });
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
    return root;
  }
  const home = 'pages/home/home';

  test.each([
    ['a tag that is not closed', `${home}.wxml`, '<view>\n  <text>x</view>\n', ':2:4: missing end tag'],
    ['a broken expression', `${home}.wxml`, '<view>{{ name }</view>', ':1:'],
    ['a slip in a style sheet', `${home}.wxss`, '.a { colour: red; }\n.b { color red }', ':'],
    ['a module that is missing', `${home}.ts`, "import './nowhere';", ':1:8: Could not resolve'],
    [
      'a page without its JSON',
      'app.json',
      '{ "pages": ["pages/none/none"] }',
      'none.json: there is no such file',
    ],
  ])('%s › fails, with file, line and column', async (_, file, text, complaint) => {
    const root = broken(file, () => text);
    await expect(compileFiles(root)).rejects.toThrow(complaint);
    await expect(compileFiles(root)).rejects.toThrow(file.split('/').at(-1) === 'app.json' ? 'none' : file);
  });

  test('a tag or a function of wx that the phone does not have › is a warning on its screen, not the end', async () => {
    const root = broken(`${home}.wxml`, () => '<view>\n\n  <picker mode="date">选择日期</picker></view>');
    const script = (await compileFiles(root)).get('/phone/phone.js')?.body ?? '';
    expect(script).toContain(`${home}.wxml:3:3`);
    const phone = await openInJsdom(demo.phoneUrl('member'), script);
    onTestFinished(() => phone.close());
    await phone.shows('选择日期', '演示不支持：<picker>', `${home}.wxml:3:3`);
    const failed = new Promise((resolve) => phone.wx['scanCode']?.({ fail: resolve }));
    expect(await failed).toEqual({ errMsg: 'scanCode:fail the demo has no wx.scanCode' });
    await phone.shows('wx.scanCode');
    const socket = phone.wx['connectSocket']?.({ url: 'wss://x' }) as {
      onError(listener: (error: unknown) => void): void;
    };
    expect(await new Promise((resolve) => socket.onError(resolve))).toEqual({
      errMsg: 'connectSocket:fail functions deployed here take no WebSocket',
    });
    await phone.shows('wx.connectSocket（此处部署的云函数不支持 WebSocket');
  });

  test('as it is › compiles without a warning and carries no secret and no address of WeCom', async () => {
    const files = await compileFiles();
    const all = [...files].filter(([path]) => path.startsWith('/phone/')).map(([, { body }]) => body);
    expect(all.join('\n')).not.toMatch(/qyapi|corpsecret|access_token=/);
    expect(all.join('\n')).not.toContain(company.corpsecret);
  });
});

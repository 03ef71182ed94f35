// The client as an npm package: packed by `npm run client`, installed from the tarball, used as a framework would.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endSession, openPhone, serve } from './mini-program-phone.ts';
import { openClient } from './mini-program-old-runtime.ts';
import { worldForAll } from './world.ts';

const all = worldForAll();
let project = '';
const installed = (path: string) => join(project, 'node_modules/wecom-login-client', path);
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'wecom-login-project-'));
  const script = ['scripts/run.mjs', 'scripts/client-package.ts', project];
  const tarball = execFileSync(process.execPath, script, { encoding: 'utf8' }).trim();
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  execFileSync('npm', ['install', ...options, tarball], { cwd: project });
});
afterAll(() => rmSync(project, { recursive: true }));

describe('the package', () => {
  test('the package › brings members the client and the texts, and nothing else', () => {
    expect(readdirSync(installed('miniprogram_dist')).toSorted()).toEqual(['index.js', 'texts.js']);
    expect(readdirSync(installed('.')).toSorted()).toEqual(
      ['LICENSE', 'es', 'miniprogram_dist', 'package.json', 'testing', 'types'].toSorted(),
    );
    const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ miniprogram: 'miniprogram_dist', sideEffects: false });
    expect(manifest['dependencies']).toBe(undefined);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(manifest['version']).toBe(version);
  });

  const use = `
    const { wx, endSession, sent } = createFakeWx({ answers: { 'POST /photos': () => ({ data: { id: 7 } }) } });
    const client = createWecomLogin({ serverUrl: 'https://login.mycompany.cn', wx });
    async function play() {
      const { member } = await client.login();
      endSession();
      const { id } = await client.uploadFile({ url: '/photos', filePath: 'a', name: 'a' });
      console.log(member.name, id, sent.map(({ path }) => path).join(' '), textOf('offline').title);
    }
    play();`;
  const played = '张三 7 /login /photos /login /photos 网络连接失败\n';

  test('the package › is required as CommonJS and imported as an ES module, each with its three entries', () => {
    const required = `
      const { createWecomLogin } = require('wecom-login-client');
      const { textOf } = require('wecom-login-client/texts');
      const { createFakeWx } = require('wecom-login-client/fake-wx');${use}`;
    const imported = `
      import { createWecomLogin } from 'wecom-login-client';
      import { textOf } from 'wecom-login-client/texts';
      import { createFakeWx } from 'wecom-login-client/fake-wx';${use}`;
    writeFileSync(join(project, 'a.cjs'), required);
    writeFileSync(join(project, 'a.mjs'), imported);
    expect([node('a.cjs'), node('a.mjs')]).toEqual([played, played]);
  });

  test('the package › has types for a strict project, also where wx is that of miniprogram-api-typings', () => {
    writeFileSync(
      join(project, 'typed.ts'),
      `import { createWecomLogin, type Session } from 'wecom-login-client';
       import { textOf } from 'wecom-login-client/texts';
       import { createFakeWx } from 'wecom-login-client/fake-wx';
       export const client = createWecomLogin({ serverUrl: { release: 'https://a.cn' }, wx });
       export const inTests = createWecomLogin({ serverUrl: 'https://a.cn', wx: createFakeWx().wx });
       export const title: string = textOf('offline').title;
       client.onSessionChange((session: Session | undefined) => session?.member?.name);
       export async function all(): Promise<[string | undefined, number, string]> {
         const { mobile } = await client.userdata('getMobile');
         const { status } = await client.request({ url: '/a', full: true });
         const task = client.uploadFile<{ id: string }>({ url: '/b', filePath: 'c', name: 'd' });
         task.abort();
         // @ts-expect-error of another kind
         (await client.userdata('getMobile')).avatar.length;
         return [mobile, status, (await task).id];
       }`,
    );
    cpSync('node_modules/miniprogram-api-typings', join(project, 'node_modules/miniprogram-api-typings'), {
      recursive: true,
    });
    const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const options = '--ignoreConfig --noEmit --strict --target es2017 --lib es2017 --module esnext';
    const more = '--moduleResolution bundler --types miniprogram-api-typings --skipLibCheck typed.ts';
    expect(node(tsc, ...options.split(' '), ...more.split(' '))).toBe('');
  });
});

describe('in a uni-app project', () => {
  /** What uni-app 3 keeps of wx: its functions and these. Until 3.6.17 without qy. */
  const kept = ['qy', 'env', 'error', 'version', 'lanDebug', 'cloud', 'serviceMarket', 'router', 'worklet'];
  const copyOf = (wx: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(wx).filter(([name, value]) => kept.includes(name) || typeof value === 'function'),
    );

  test('the package › logs in with the copied wx, and its upload goes through an ended session', async () => {
    const uploads: string[] = [];
    const backend = await serve(({ headers, body }, response) => {
      const authorization = headers.authorization ?? '';
      void all.login.send('GET', '/session', { headers: { authorization } }).then(({ status }) => {
        if (status === 200) uploads.push(body);
        return response.writeHead(status).end(status === 200 ? '{"id":7}' : '{"error":"invalid_session"}');
      });
    });
    const phone = openPhone(all.world, { userid: all.world.addMember() });
    phone.files.set('wxfile://photo', 'a photo');
    const { wx } = globalThis as unknown as { wx: Record<string, unknown> };
    const surroundings = { wx: copyOf(wx), setTimeout, clearTimeout, now: Date.now };
    const code = readFileSync(installed('miniprogram_dist/index.js'), 'utf8');
    const client = openClient(code, surroundings).createWecomLogin({
      serverUrl: all.login.url,
      otherBackends: [backend],
    });
    await client.request({ url: '/session' });
    await endSession(all.login, phone);
    const photo = { url: `${backend}/photos`, filePath: 'wxfile://photo', name: 'photo' };
    expect(await client.uploadFile(photo)).toEqual({ id: 7 });
    expect(uploads).toEqual([expect.stringContaining('a photo')]);
    expect(phone.to('/login').length).toBe(2);
  });
});

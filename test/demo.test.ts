import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { widthOf } from '../scripts/language.ts';
import { englishIn } from './bilingual.ts';

/** `npm start -- <args>` without npm; resolves when it has ended. */
async function start(args: string[], environment: Record<string, string> = {}) {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['scripts/run.mjs', 'demo/start.ts', ...args], {
    env: { ...inherited, NO_COLOR: '1', WECOM_LOGIN_LANG: 'en', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const [code]: unknown[] = await once(child, 'close');
  return { code, output };
}

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

test('npm start -- --once › tells the whole story and ends with 0', async () => {
  const { code, output } = await start(['--once']);
  expect(output).not.toContain('✗');
  expect(output.match(/^[ \d]\d  .+/gm)).toEqual([
    ' 1  A member logs in',
    ' 2  The mini-program asks who is logged in',
    ' 3  60 members log in at the same moment, on 4 fresh processes and an empty Redis',
    ' 4  WeCom drops the access_token while 60 log in',
    ' 5  A member of another company is refused',
    ' 6  A member outside the visible range is refused (李四)',
    ' 7  A code that was already used is refused',
    ' 8  The member logs out',
    ' 9  A member of a second company that shares the mini-program (王五)',
    '10  A reviewer of the app store, in ordinary WeChat',
    '11  A member leaves: WeCom is asked again every 3 s in this demo (赵六)',
    '12  A member leaves, and WeCom calls the callback function (钱七)',
  ]);
  expect(output).toContain('张三');
  // More when some came back, on a busy machine.
  const [, codes, members] = / 1 × gettoken, (\d+) × jscode2session, (\d+) × user\/get/.exec(output) ?? [];
  expect(Math.min(Number(codes), Number(members))).toBeGreaterThanOrEqual(60);
  expect(output.match(/ 1 × gettoken/g)).toHaveLength(2);
  expect(output).toMatch(/All 12 steps went as expected, in \d+ s\.\n$/);
  // No session_token, access_token or corpsecret, and nothing for a screen of 100 columns to fold.
  expect(output).not.toMatch(/[\w-]{40}/);
  expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  expect(code).toBe(0);
});

test('npm start -- --once › says in one line that the Redis of REDIS_URL is dead, and ends with 1', async () => {
  const port = await deadPort();
  const { code, output } = await start(['--once'], { REDIS_URL: `redis://:hunter2@127.0.0.1:${port}` });
  const complaint = `the Redis of REDIS_URL does not answer at 127.0.0.1:${port} (refused)`;
  expect(output.split('\n').filter((line) => line.includes(complaint))).toHaveLength(1);
  expect(output).not.toMatch(/hunter2|\n {4}at /);
  expect(code).toBe(1);
});

test('npm start, in Chinese › serves the page after the story, until Ctrl-C', async () => {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['scripts/run.mjs', 'demo/start.ts'], {
    env: { ...inherited, NO_COLOR: '1', WECOM_LOGIN_LANG: '', LC_ALL: 'zh_CN.UTF-8' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      const found = /请打开 (http:\S+)\s[^]*收到的请求会显示在这里：\n/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('close', () => reject(new Error(`it ended before: ${output}`)));
  });
  expect(output).not.toContain('✗');
  expect(englishIn(output)).toEqual([]);
  expect(output).toMatch(/全部 12 步都符合预期，用时 \d+ 秒。/);
  expect(Math.max(...output.slice(0, output.indexOf('请打开')).split('\n').map(widthOf))).toBeLessThanOrEqual(
    100,
  );
  // The columns begin at the same place, whatever the width of the letters before them.
  const columns = [...output.matchAll(/^( {4}(?:login|小程序) → \S+ +)\S/gm)].map(([, start = '']) =>
    widthOf(start),
  );
  expect(new Set(columns)).toEqual(new Set([28]));
  expect(await (await fetch(url)).text()).toContain('<iframe id="phone"');
  expect((await fetch(new URL('/server/health', url))).status).toBe(200);
  expect((await fetch(new URL('/phone/phone.js', url))).status).toBe(200);
  child.kill('SIGINT');
  const [code]: unknown[] = await once(child, 'close');
  expect(code).toBe(0);
  expect(output).not.toMatch(/[\w-]{40}/);
});

test.each([
  ['en', "npm start: Unknown option '--ones'; see npm start -- --help"],
  ['zh', 'npm start：没有选项 --ones；用法见 npm start -- --help'],
])('npm start, %s › refuses an option that it does not know with 2', async (language, says) => {
  const { code, output } = await start(['--ones', '--lang', language]);
  expect(output).toContain(says);
  expect(output.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(2);
});

test('npm start -- --help › names every option', async () => {
  const { code, output } = await start(['--help']);
  for (const name of ['--once', '--port', '--lang', '--help', 'REDIS_URL', 'WECOM_LOGIN_LANG', 'NO_COLOR'])
    expect(output).toContain(name);
  expect(code).toBe(0);
});

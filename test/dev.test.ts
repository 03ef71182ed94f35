// `npm run dev` as a developer has it: files are saved, and what is served afterwards is another.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { exampleSource } from '../demo/own-function.ts';
import { englishIn } from './bilingual.ts';
import { readable } from '../dev/log.ts';
import { serve } from './mini-program-phone.ts';
import { rawRequest, writeAndHangUp } from './raw-request.ts';
import { keepOutput, secret } from './world.ts';

const sources = [
  'demo',
  'deploy',
  'dev',
  'functions',
  'lib',
  'miniprogram',
  'package-lock.json',
  'package.json',
  'scripts',
  'serverless.yml',
  'simulator',
];

/** A copy of the project, to change files in. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wecom-login-dev-'));
  for (const source of sources) cpSync(source, join(folder, source), { recursive: true });
  rmSync(join(folder, 'dev/people.json'), { force: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

interface Running {
  process: ChildProcess;
  url: string;
  page: string;
  wecom: string;
  /** Resolves when it has written this, after what was found before. */
  says(pattern: RegExp): Promise<void>;
  output(): string;
}

/** Everything that the program writes, as it comes. */
function launch(folder: string, args: string[] = [], program = 'dev/main.ts') {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['scripts/run.mjs', program, ...args], {
    cwd: folder,
    env: { ...inherited, NO_COLOR: '1', WECOM_LOGIN_LANG: 'en' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let readTo = 0;
  child.setMaxListeners(0);
  const readers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      keepOutput(text);
      for (const reader of readers) reader();
    });
  }
  const says = (pattern: RegExp) =>
    new Promise<void>((found, lost) => {
      const look = () => {
        const match = pattern.exec(output.slice(readTo));
        if (!match) return;
        readTo += match.index + match[0].length;
        readers.delete(look);
        found();
      };
      readers.add(look);
      child.once('close', () => lost(new Error(`it ended before it said ${String(pattern)}: ${output}`)));
      look();
    });
  return { process: child, says, output: () => output };
}

async function start(folder: string, args: string[] = []): Promise<Running> {
  const launched = launch(folder, ['--port', '0', ...args]);
  await launched.says(/Ready in .* s\./);
  const found = (pattern: RegExp) => pattern.exec(launched.output())?.[1] ?? '';
  return {
    ...launched,
    url: found(/functions +(http:\S+)/),
    page: found(/page +(http:\S+)\//),
    wecom: found(/WeCom +simulated, (http:\S+)/),
  };
}

interface WxRequest {
  url: string;
  method: string;
  header: Record<string, string>;
  data: object;
  success(result: { statusCode: number; data: unknown }): void;
}

/** The processes that `pid` has started. */
function childrenOf(pid = 0): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A Web function of one's own, without the library: answers its version, after `?wait=URL` has answered. */
const ownFunction = (version: string) => `// startWebFunction(
import { createServer } from 'node:http';
const server = createServer(async (request, response) => {
  const wait = new URL(request.url ?? '', 'http://x').searchParams.get('wait');
  if (wait) await fetch(wait);
  response.end(${JSON.stringify(version)});
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  console.log(JSON.stringify({ event: 'listening', port: server.address().port }));
});
`;

describe('npm run dev', () => {
  const folder = project();
  let dev: Running;
  beforeAll(async () => {
    // As for a deploy: with companies of the real world, and what is not set.
    save(
      '.env',
      `ROLES=rd:dept:2,ops:tag:1,boss:user:ZhangSan:wwreal
WECOM_CALLERS=erp:${'0'.repeat(64)},crm:${'1'.repeat(64)}:wwreal
WECOM_APIS=user/get
MEMBER_RECHECK_SECONDS=
`,
    );
    dev = await start(folder, ['--devtools']);
  });
  afterAll(() => {
    dev.process.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  function save(file: string, content: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  const change = (file: string, from: string, to: string) => save(file, read(file).replace(from, to));
  const get = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${dev.url}${path}`, { headers })).text();

  async function logIn(userid: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const person = JSON.stringify({ corpid: 'wwdemo0000000001', userid });
    const code = await fetch(`${dev.wecom}/_simulator/createJsCode`, { method: 'POST', body: person });
    const response = await fetch(`${dev.url}/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: await code.text(),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** The problems that the page shows. */
  async function problems(): Promise<string> {
    const abort = new AbortController();
    const events = await fetch(`${dev.page}/events`, { signal: abort.signal });
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('\n\n')) text += (await reader?.read())?.value ?? '';
    abort.abort();
    const { problems: shown } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}') as { problems: unknown };
    return JSON.stringify(shown);
  }

  test('.env › what is empty or of a company that is not simulated does not count, and the latter is named', async () => {
    expect(dev.output()).toContain('the company is not simulated: ROLES boss, WECOM_CALLERS crm\n');
    save(
      'functions/own/index.ts',
      ownFunction('').replace('end("")', "end(process.env['MEMBER_RECHECK_SECONDS'])"),
    );
    await dev.says(/dev +own: new after/);
    expect(await get('/own')).toBe('3');
  });

  test('a function by the document › is there as soon as it is saved, behind the session of the login', async () => {
    // The command of the document: the person who is chosen on the page.
    const header = await (await fetch(`${dev.page}/session`, { method: 'POST' })).text();
    const session = { Authorization: header.replace('Authorization: ', '') };
    secret(session.Authorization.replace('Bearer ', ''));
    save('functions/hello/index.ts', exampleSource('hello'));
    await dev.says(/hello: new after \d+ ms/);
    expect(JSON.parse(await get('/hello', session))).toEqual({ hello: 'ZhangSan' });
    expect(JSON.parse(await get('/hello'))).toMatchObject({ error: 'invalid_session' });

    change('functions/hello/index.ts', '{ hello: session', '{ good_day: session');
    await dev.says(/dev +hello: new after/);
    expect(JSON.parse(await get('/hello', session))).toEqual({ good_day: 'ZhangSan' });
    expect(JSON.parse(await get('/session', session))).toMatchObject({ role: 'member' });
  });

  test('an error in a function › has a stack with the lines of its source', async () => {
    change(
      'functions/hello/index.ts',
      'const session =',
      "if (request.query['fail']) throw new Error('as asked');\nconst session =",
    );
    await dev.says(/dev +hello: new after/);
    const line =
      read('functions/hello/index.ts')
        .split('\n')
        .findIndex((text) => text.includes('as asked')) + 1;
    expect(JSON.parse(await get('/hello?fail=1'))).toMatchObject({ error: 'internal_error' });
    await dev.says(
      new RegExp(`GET /hello → 500 .*\\n +Error: as asked\\n +at .*functions/hello/index.ts:${line}:`),
    );
  });

  test('a function that cannot be used › is on the screen and on the page, and the version before goes on', async () => {
    save('functions/own/index.ts', ownFunction('first'));
    await dev.says(/dev +own: new after/);
    const broken: [string, RegExp][] = [
      ['const = 1;', /own\/index\.ts:1:6/],
      [`throw new Error('at load');`, /at load.*own\/index\.ts:1:/],
      ['process.exit(3);', /own ended with code 3/],
    ];
    for (const [source, complaint] of broken) {
      save('functions/own/index.ts', `${source}\n${ownFunction('broken')}`);
      await dev.says(/functions\/own: not taken, the version before goes on/);
      expect(await problems()).toMatch(complaint);
      expect(await get('/own')).toBe('first');
    }
    save('functions/own/index.ts', ownFunction('second'));
    await dev.says(/dev +own: new after/);
    expect(await problems()).toBe('[]');
    expect(await get('/own')).toBe('second');
  });

  test('an upload › arrives byte for byte; too large, cut off or after the session: a clear end each time', async () => {
    const route = `method: 'PUT',
        path: '/photos/:id',
        bodyBytesMax: 100_000,
        async answer(request) {
          await guard(request, { roles: ['member'] });
          const { createHash } = await import('node:crypto');
          return { sha256: createHash('sha256').update(await request.bytes()).digest('hex') };
        },`;
    save(
      'functions/photos/index.ts',
      exampleSource('hello').replace(/method: 'GET',\n\s+path: '\/hello',[^]*?\n {8}\},/, route),
    );
    await dev.says(/photos: new after \d+ ms/);
    const header = await (await fetch(`${dev.page}/session`, { method: 'POST' })).text();
    const session = { Authorization: header.replace('Authorization: ', '') };
    secret(session.Authorization.replace('Bearer ', ''));
    const bytes = Uint8Array.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 256));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    // As the phone sends it, and as any other client does.
    for (const base of [dev.url, `${dev.page}/server`]) {
      const put = async (body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
        (await fetch(`${base}/photos/1`, { method: 'PUT', headers, body })).json();
      expect(await put(bytes, session)).toEqual({ sha256 });
      expect(await put(new Uint8Array(5_000_000), session)).toMatchObject({ error: 'too_large' });
      expect(await put(new Uint8Array(6 * 1024 * 1024 + 1), session)).toEqual({
        errorMessage: 'SCF takes at most 6 MB of request',
      });
      expect(await put(bytes, { Authorization: `Bearer ${'A'.repeat(43)}` })).toMatchObject({
        error: 'invalid_session',
      });
    }
    const head = `PUT /photos/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\nAuthorization: ${session.Authorization}\r\n\r\n`;
    await writeAndHangUp(dev.url, `${head}half`);
    await dev.says(/photos +PUT \/photos\/:id → 400 invalid_request broken_off/);
    expect(JSON.parse(await get('/session', session))).toMatchObject({ role: 'member' });
  });

  test('a request under way › is answered by the version that took it', async () => {
    const waiting = new EventEmitter();
    const gate = await serve((_, outgoing) => void waiting.emit('held', outgoing));
    const arrived = once(waiting, 'held');
    const underWay = get(`/own?wait=${gate}`);
    const [held]: ServerResponse[] = await arrived;
    save('functions/own/index.ts', ownFunction('third'));
    await dev.says(/dev +own: new after/);
    expect(await get('/own')).toBe('third');
    held?.end();
    expect(await underWay).toBe('second');
  });

  test('serverless.yml › its routes are taken over; with a mistake the routes before go on', async () => {
    change('serverless.yml', '/*: login', '/elsewhere/*: hello\n      /*: login');
    change('serverless.yml', '\n  admin:\n', '\n  hello:\n    type: web\n    src: dist/hello\n\n  admin:\n');
    await dev.says(/dev +serverless\.yml.*: new after/);
    expect(JSON.parse(await get('/elsewhere/x'))).toMatchObject({ error: 'not_found' });
    await dev.says(/ hello +GET /);
    const good = read('serverless.yml');
    change('serverless.yml', '/*: login', '/elsewhere/*: login\n      /*: login');
    await dev.says(/serverless\.yml: not taken/);
    expect(await problems()).toMatch(/duplicated mapping key at line \d+/);
    expect(JSON.parse(await get('/session'))).toMatchObject({ error: 'invalid_session' });
    save('serverless.yml', good);
    await dev.says(/serverless\.yml: in order again/);
  });

  test('dev/people.json › who is new may enter, who is gone may not; a mistake changes nothing', async () => {
    const { body } = await logIn('ZhaoLiu');
    const session = { Authorization: `Bearer ${String(body['session_token'])}` };
    expect(JSON.parse(await get('/session', session))).toMatchObject({ role: 'member' });
    change('dev/people.json', '"ZhaoLiu"', '"XinRen"');
    await dev.says(/dev +people.*: new after/);
    expect((await logIn('XinRen')).status).toBe(200);
    // WeCom has called back.
    expect(JSON.parse(await get('/session', session))).toMatchObject({ error: 'invalid_session' });
    expect((await logIn('ZhaoLiu')).body).toMatchObject({ error: 'member_not_allowed' });
    const good = read('dev/people.json');
    save('dev/people.json', good.replace('"userid": "XinRen",', ''));
    await dev.says(/dev\/people\.json: not taken[^]*companies\[0\]\.people\[1\]\.userid/);
    expect((await logIn('XinRen')).status).toBe(200);
    save('dev/people.json', good);
    await dev.says(/dev\/people\.json: in order again/);
  });

  test('dev/people.json › GET /session has the roles and the names of departments as they are there now', async () => {
    change('dev/people.json', '"name": "后端组", "parentid": 2', '"name": "平台组", "parentid": 3');
    change('dev/people.json', '{ "id": 2, "name": "研发部" },', '{ "id": 2, "name": "产品部" },');
    change('dev/people.json', '"userids": ["QianQi"], ', '');
    change('dev/people.json', '"department": [3, 2]', '"department": [7, 2]');
    await dev.says(/dev +people.*: new after/);
    const { body } = await logIn('QianQi');
    const session = { Authorization: `Bearer ${String(body['session_token'])}` };
    expect(JSON.parse(await get('/session?department_names=true', session))).toMatchObject({
      roles: ['rd', 'ops'],
      member: { department: [7, 2], department_names: ['平台组', '产品部'] },
    });
    const good = read('dev/people.json');
    for (const [from, to, complaint] of [
      ['"parentid": 3', '"parentid": 7', /department 7 is below itself/],
      ['"parentid": 3', '"parentid": 8', /department 7: there is no department 8 above it/],
      ['[7, 2]', '[7, 9]', /QianQi: there is no department 9/],
      ['"departments": [7]', '"departments": [9]', /tag 1: there is no department 9/],
      ['"tagname": "值班"', '"tagname": "值班", "userids": ["Nobody"]', /nobody with the userid Nobody/],
      ['"id": 3', '"id": 2', /a department is there twice/],
    ] as const) {
      save('dev/people.json', good.replace(from, to));
      await dev.says(/dev\/people\.json: not taken/);
      await dev.says(complaint);
    }
    save(
      'dev/people.json',
      good
        .replace(/"departments": \[[^]*?\n {6}\],/, '')
        .replace(/"tags": .*/, '')
        .replaceAll(/, "department": \[.*?\]/g, ''),
    );
    await dev.says(/dev\/people\.json: in order again/);
    await dev.says(/dev +people.*: new after/);
    const { departments, tags } = (await (await fetch(`${dev.wecom}/_simulator/state`)).json()) as Record<
      string,
      { corpid: string; name: string }[]
    >;
    expect([departments?.map(({ name }) => name), tags]).toEqual([['示例公司', '示例子公司'], []]);
  });

  test('the mini-program › is compiled anew; a mistake is shown with its place', async () => {
    const phone = async () => (await fetch(`${dev.page}/phone/phone.js`)).text();
    expect((await phone()).includes('请随时打开')).toBe(false);
    change('miniprogram/pages/entrance/entrance.wxml', '请打开', '请随时打开');
    await dev.says(/dev +mini-program: new after/);
    expect((await phone()).includes('请随时打开')).toBe(true);
    const good = read('miniprogram/pages/home/home.ts');
    save('miniprogram/pages/home/home.ts', `const = 1;\n${good}`);
    await dev.says(/miniprogram: not taken/);
    expect(await problems()).toContain('home.ts:1:');
    save('miniprogram/pages/home/home.ts', good);
    await dev.says(/miniprogram: in order again/);
  });

  test('devtools/ › a mini-program there gets codes of the simulator; a released copy stops', async () => {
    const settings = { serverUrl: '' };
    const wx = (envVersion: string): Record<string, unknown> => ({
      getAccountInfoSync: () => ({ miniProgram: { envVersion } }),
      // As from DevTools: another origin.
      async request({ url, header, data, method, success }: WxRequest) {
        const headers = { ...header, Origin: 'https://servicewechat.com' };
        const response = await fetch(url, { method, headers, body: JSON.stringify(data) });
        success({ statusCode: response.status, data: await response.json() });
      },
    });
    const open = (phone: Record<string, unknown>) =>
      runInNewContext(read('devtools/npm-run-dev.js'), { wx: phone, require: () => ({ settings }) });
    const phone = wx('develop');
    open(phone);
    expect(read('devtools/app.ts')).toContain("import './npm-run-dev';");
    expect(settings.serverUrl).toBe(dev.url);
    const { login } = phone['qy'] as { login: () => Promise<{ code: string }> };
    const body = JSON.stringify({ js_code: (await login()).code });
    const headers = { 'Content-Type': 'application/json' };
    expect((await fetch(`${dev.url}/login`, { method: 'POST', headers, body })).status).toBe(200);
    expect(() => open(wx('release'))).toThrow('Upload the original');
  });

  test('the functions and the page › a Host that is not this machine (DNS rebinding) is refused, and a WebSocket', async () => {
    const statusOf = async (url: string, host: string) =>
      (await rawRequest(url, { path: '/session', headers: { Host: host } })).status;
    const { port } = new URL(dev.url);
    for (const host of ['attacker.example', `localhost.attacker.example:${port}`, '0.0.0.0']) {
      expect([host, await statusOf(dev.url, host), await statusOf(dev.page, host)]).toEqual([host, 403, 403]);
    }
    await dev.says(/routes +GET \/session → 403 +Host attacker\.example: only the names of this machine/);
    const upgrade = { Upgrade: 'websocket', Connection: 'Upgrade' };
    const { status, text } = await rawRequest(dev.url, { path: '/session', headers: upgrade });
    expect([status, text]).toEqual([501, expect.stringContaining('WebSocket: SCF takes one only')]);
    for (const host of [`127.0.0.1:${port}`, 'localhost', `login.localhost:${port}`, '[::1]']) {
      expect([host, await statusOf(dev.url, host)]).toEqual([host, 401]);
    }
  });

  test('the page › refuses other sites', async () => {
    const headers = { Origin: 'https://attacker.example' };
    expect((await fetch(`${dev.page}/wecom-app/login`, { method: 'POST', headers })).status).toBe(403);
    expect((await fetch(`${dev.page}/wecom-app/login`, { method: 'POST' })).status).toBe(200);
  });

  test('SIGKILL › ends the functions as well', () => leavesNothing(dev.process, 'SIGKILL'));
});

test('npm run dev -- --inspect › says why a function does not start, without the lines of the debugger', () => {
  const debug =
    'Debugger listening on ws://127.0.0.1:9230/x\nFor help, see: https://nodejs.org/en/docs/inspector';
  expect(readable(`own ended with code 3: ${debug}\nlast words`, 'en')).toEqual([
    'own ended with code 3',
    'last words',
  ]);
  expect(readable(debug, 'en')).toEqual([]);
});

test('npm run dev › leaves no process after SIGINT, also while it starts', async () => {
  const folder = project();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { process: child } = launch(folder, ['--port', '0']);
  await expect.poll(() => childrenOf(child.pid).length).toBeGreaterThan(1);
  await leavesNothing(child, 'SIGINT');
});

test('npm start › leaves no process after SIGKILL', async () => {
  const { process: child, says } = launch('.', ['--once'], 'demo/start.ts');
  await says(/login function in its own process/);
  await leavesNothing(child, 'SIGKILL');
});

test.each([
  [
    'dev/main.ts',
    'en',
    /\nnpm run dev: port \d+ cannot be used \(EADDRINUSE\); choose another with --port\n$/,
  ],
  ['demo/start.ts', 'zh', /\nnpm start：端口 \d+ 不可用（EADDRINUSE）；请用 --port 换一个\n$/],
])('%s, %s › says at once that its port is taken, and what to do', async (program, language, says) => {
  const taken = await serve(() => undefined);
  const args = ['--port', new URL(taken).port, '--lang', language];
  const { process: child, output } = launch('.', args, program);
  const [code]: unknown[] = await once(child, 'close');
  expect(output()).toMatch(says);
  expect(code).toBe(1);
});

test('npm run dev, in Chinese › says nothing in English, but for what a compiler says', async () => {
  const folder = project();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { process: child, says, output } = launch(folder, ['--port', '0', '--lang', 'zh']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await says(/已就绪，用时 [\d.]+ 秒。按 Ctrl-C 全部结束。\n/);
  const file = join(folder, 'functions/refresh/index.ts');
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, `${good}\nconst broken = ;`);
  await says(/functions\/refresh：有误，未更新，继续运行上一个版本\n[^]*Unexpected ";"[^]*\^\n/);
  writeFileSync(file, good);
  await says(/functions\/refresh：已恢复正常\n/);
  const [, url = ''] = /云函数 +(http:\S+)/.exec(output()) ?? [];
  await rawRequest(url, { path: '/health', headers: { Host: 'attacker.example' } });
  await says(/GET \/health → 403 {2}Host attacker\.example：只接受本机的名称/);
  await leavesNothing(child, 'SIGINT');
  const ours = output()
    .split('\n')
    // Lines of the compiler, and a function with its path.
    .filter((line) => !/^▲ |^( {4}| {6}| {12})\S|^ {14} |^ +\w+ +\/\S+$/.test(line));
  expect(englishIn(ours.join('\n'))).toEqual([]);
  expect(ours.length).toBeGreaterThan(8);
});

/** Resolves when none of the processes that `dev` had started runs any more. */
async function leavesNothing(dev: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const children = childrenOf(dev.pid);
  expect(children).not.toEqual([]);
  dev.kill(signal);
  await once(dev, 'close');
  await expect.poll(() => children.filter(runs)).toEqual([]);
}

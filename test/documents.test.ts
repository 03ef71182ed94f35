import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { corpid, startWorld } from './world.ts';

const documents = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const read = (path: string) => readFileSync(path, 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
const anchors = (text: string) =>
  all(text, /^#+ (.*)$/gm).map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(documents)('%s', (document) => {
  test(`${document} › links only to what is there`, () => {
    const links = all(read(document), /\]\(([^)\s]+)\)/g).filter((link) => !/^(https?|mailto):/.test(link));
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(dirname(document), decodeURI(path));
      return !existsSync(target) || (anchor !== undefined && !anchors(read(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test(`${document} › names only commands and files that exist`, () => {
    const text = read(document);
    const commands = all(text, /npm run (?:--silent )?([\w:-]+)/g);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
    const files = all(text, /`((?:lib|functions|scripts|docs|deploy|simulator|demo|test)\/[\w./-]+)`/g);
    // What the reader is told to create.
    const absent = files.filter((file) => !existsSync(file) && !file.startsWith('functions/hello'));
    expect(absent).toEqual([]);
  });
});

describe('docs/verify-a-session.md', () => {
  const document = read('docs/verify-a-session.md');
  const example = (language: string) =>
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(document)?.[1] ?? '';

  test.each([
    [
      'java',
      [
        'LOGIN_URL + "/session"',
        '"Authorization", authorizationOfTheCaller',
        'ofSeconds(5)',
        '== 401',
        '!= 200',
        '"member".equals',
        '/member/corpid',
        '/member/userid',
      ],
    ],
    [
      'go',
      [
        'http.MethodGet, loginURL+"/session"',
        'Set("Authorization", r.Header.Get("Authorization"))',
        '5 * time.Second',
        'StatusUnauthorized',
        'default:',
        'session.Role != "member"',
        'Corpid, Userid',
      ],
    ],
    [
      'python',
      [
        'login_url + "/session"',
        '"Authorization": authorization',
        'timeout=5',
        '== 401',
        '["role"] != "member"',
      ],
    ],
  ])(
    'docs/verify-a-session.md › asks the right question in %s and believes only a member’s 200',
    (language, parts) => {
      for (const part of parts) expect(example(language)).toContain(part);
    },
  );

  test.runIf(spawnSync('python3', ['--version']).status === 0)(
    'docs/verify-a-session.md › has a Python example that works',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'wecom-login-python-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const file = join(directory, 'example.py');
      const main = `
import sys
try:
    print(json.dumps(member_of(sys.argv[1], sys.stdin.read())))
except (PermissionError, ConnectionError) as error:
    print(type(error).__name__, error)
`;
      writeFileSync(file, example('python') + main);
      const world = await startWorld();
      const login = await world.startLogin();
      const broken = await world.startLogin({ REDIS_URL: 'redis://127.0.0.1:1' });
      const { body } = await login.login({ js_code: world.jsCode() });
      const ask = async (url: string, token: unknown) => {
        const child = spawn('python3', [file, url], { stdio: ['pipe', 'pipe', 'inherit'] });
        child.stdin.end(`Bearer ${String(token)}`);
        return (await text(child.stdout)).trim();
      };
      expect(JSON.parse(await ask(login.url, body['session_token']))).toEqual({
        corpid,
        userid: 'ZhangSan',
        name: '张三',
        department: [1, 7],
        position: '工程师',
      });
      expect(await ask(login.url, 'none')).toBe('PermissionError not logged in');
      expect(await ask(broken.url, body['session_token'])).toBe('ConnectionError try again later');
      await login.stop();
      expect(await ask(login.url, body['session_token'])).toBe('ConnectionError try again later');
    },
  );
});

// The examples of docs/verify-a-session.md: run where their language is installed, else looked at.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corpid, type Login, startWorld, type World } from './world.ts';

const document = readFileSync('docs/verify-a-session.md', 'utf8');
/** The blocks of a language, in their order. */
const examples = (language: string) =>
  [...document.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code = '']) => code);
const installed = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'wecom-login-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));
function write(name: string, content: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

describe('the examples of docs/verify-a-session.md', () => {
  let world: World;
  let login: Login;
  let broken: Login;
  let rolesUnknown: Login;
  let gone: string;
  let token = '';
  beforeAll(async () => {
    world = await startWorld({ lifetime: 'suite' });
    login = await world.startLogin({ ROLES: 'finance:user:Nobody' });
    broken = await world.startLogin({ REDIS_URL: 'redis://127.0.0.1:1' });
    rolesUnknown = await world.startLogin();
    const ended = await world.startLogin();
    gone = ended.url;
    await ended.stop();
    // On a busy machine, the first one may get no access_token in time.
    while (token === '') {
      const { status, body } = await login.login({ js_code: world.jsCode() });
      if (status === 200) token = String(body['session_token']);
    }
  });
  afterAll(() => world.stop());

  /**
   * Runs a program that reads lines of address, tab, header, and prints what came of each: try again later, twice; not
   * logged in; who it is. In this order, since an example may keep a good answer.
   */
  async function answersOf([program = '', ...args]: string[], url = login.url): Promise<string[]> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const asked: [string, string][] = [
      [gone, token],
      [broken.url, token],
      [url, 'none'],
      [url, token],
    ];
    child.stdin.end(asked.map(([at, sessionToken]) => `${at}\tBearer ${sessionToken}\n`).join(''));
    return (await text(child.stdout)).trim().split('\n');
  }
  const expected = ['503', '503', '401', `${corpid} ZhangSan`];

  test.runIf(installed('python3', '--version'))(
    'docs/verify-a-session.md › has a Python example that works',
    async () => {
      const main = `
import sys
for line in sys.stdin:
    try:
        member = member_of(*line.rstrip().split("\\t"))
        print(member["corpid"], member["userid"])
    except PermissionError as error:
        print(401 if str(error) == "not logged in" else 403)
    except ConnectionError:
        print(503)
`;
      const file = write('example.py', (examples('python')[0] ?? '') + main);
      expect(await answersOf(['python3', file])).toEqual(expected);
    },
  );

  test.runIf(installed('javac', '-version') && installed('java', '-version')).each([
    [17, '17'],
    [8, '8'],
  ])('docs/verify-a-session.md › has an example for Java %d that works', async (_, release) => {
    const [seventeen = '', eight = ''] = examples('java');
    const snippet = release === '17' ? seventeen : eight;
    // Enough of Jackson for the example.
    const jackson = (name: string, body: string) =>
      write(
        `java${release}/com/fasterxml/jackson/databind/${name}.java`,
        `package com.fasterxml.jackson.databind; public class ${name} { ${body} }`,
      );
    const node = jackson(
      'JsonNode',
      `final String text; JsonNode(String text) { this.text = text; }
       public JsonNode path(String name) {
         java.util.regex.Matcher found = java.util.regex.Pattern.compile("\\"" + name + "\\":\\"(.*?)\\"").matcher(text);
         return new JsonNode(found.find() ? found.group(1) : "");
       }
       public JsonNode at(String path) { return path(path.substring(path.lastIndexOf('/') + 1)); }
       public String asText() { return text; }`,
    );
    const mapper = jackson(
      'ObjectMapper',
      `public JsonNode readTree(String text) { return new JsonNode(text); }
       public JsonNode readTree(java.io.InputStream in) throws java.io.IOException {
         java.util.Scanner all = new java.util.Scanner(in, "UTF-8").useDelimiter("\\\\A");
         return new JsonNode(all.hasNext() ? all.next() : "");
       }`,
    );
    const imports =
      release === '17'
        ? 'import java.net.URI; import java.net.http.*; import java.time.Duration;'
        : 'import java.io.InputStream; import java.net.*;';
    const client = release === '17' ? 'static final HttpClient client = HttpClient.newHttpClient();' : '';
    const example = write(
      `java${release}/Example.java`,
      `import com.fasterxml.jackson.databind.*; import java.io.IOException; ${imports}
      public class Example {
        static class NotLoggedIn extends RuntimeException {}
        static class TryAgainLater extends RuntimeException {}
        static class NotForThisRole extends RuntimeException {}
        static final ObjectMapper json = new ObjectMapper();
        ${client}
        static String memberOf(String LOGIN_URL, String authorizationOfTheCaller) throws Exception {
          ${snippet}
          return corpid + " " + userid;
        }
        public static void main(String[] args) throws Exception {
          java.util.Scanner lines = new java.util.Scanner(System.in, "UTF-8");
          while (lines.hasNextLine()) {
            String[] line = lines.nextLine().split("\\t");
            try { System.out.println(memberOf(line[0], line[1])); }
            catch (NotLoggedIn error) { System.out.println(401); }
            catch (TryAgainLater error) { System.out.println(503); }
            catch (NotForThisRole error) { System.out.println(403); }
          }
        }
      }`,
    );
    const classes = join(folder, `java${release}`);
    // Short runs: no time for the second compiler or a collector with threads.
    const short = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const options = [
      ...short.map((option) => `-J${option}`),
      '--release',
      release,
      '-Xlint:-options',
      '-d',
      classes,
    ];
    const compiled = spawnSync('javac', [...options, node, mapper, example], { encoding: 'utf8' });
    expect(compiled.stderr).toBe('');
    expect(await answersOf(['java', ...short, '-cp', classes, 'Example'])).toEqual(expected);
  });

  test('docs/verify-a-session.md › has examples for Express and Koa that work, and ask once in 30 seconds', async () => {
    const [sessionOf = '', express = '', koa = ''] = examples('js');
    write('session-of.mjs', sessionOf);
    const [withExpress, withKoa] = [write('express.mjs', express), write('koa.mjs', koa)];
    // As much of both as a middleware sees. Each asks three times.
    const main = (file: string, ask: string) => `
      import { text } from 'node:stream/consumers';
      import { requireMember } from ${JSON.stringify(file)};
      const [role] = process.argv.slice(2);
      for (const line of (await text(process.stdin)).trim().split('\\n')) {
        const [url, authorization] = line.split('\\t');
        const middleware = requireMember(url, role);
        const ask = async () => { ${ask} };
        const said = [await ask(), await ask(), await ask()];
        console.log(new Set(said).size === 1 ? said[0] : said);
      }`;
    const asExpress = `
      const req = { headers: { authorization } };
      let status = 200;
      const res = { status(code) { status = code; return this; }, json(body) { this.body = body; } };
      let isNext = false;
      await middleware(req, res, () => { isNext = true; });
      const { corpid, userid } = req.wecomSession?.member ?? {};
      return isNext ? corpid + ' ' + userid : String(status);`;
    const asKoa = `
      const ctx = { headers: { authorization }, state: {}, status: 200 };
      let isNext = false;
      await middleware(ctx, async () => { isNext = true; });
      const { corpid, userid } = ctx.state.wecomSession?.member ?? {};
      return isNext ? corpid + ' ' + userid : String(ctx.status);`;
    for (const [file, how] of [
      [withExpress, asExpress],
      [withKoa, asKoa],
    ] as const) {
      const command = [process.execPath, write(`${how.length}.mjs`, main(file, how))];
      const before = login
        .logged('request')
        .filter(({ route, status }) => route === '/session' && status === 200);
      expect(await answersOf(command)).toEqual(expected);
      const after = login
        .logged('request')
        .filter(({ route, status }) => route === '/session' && status === 200);
      expect(after.length - before.length).toBe(1);
      expect(await answersOf([...command, 'finance'])).toEqual([...expected.slice(0, 3), '403']);
      // Without ROLES, nothing is known of them.
      expect(await answersOf([...command, 'finance'], rolesUnknown.url)).toEqual([
        ...expected.slice(0, 3),
        '503',
      ]);
    }
  });

  test('docs/verify-a-session.md › keeps a session for 30 seconds by the clock that goes further', () => {
    const [sessionOf = ''] = examples('js');
    const file = write('clocks/session-of.mjs', sessionOf);
    const main = `
      import { createServer } from 'node:http';
      let asked = 0;
      const server = createServer((_, response) => { asked += 1; response.end('{"role":"member"}'); });
      server.listen(0, '127.0.0.1', async () => {
        const url = 'http://127.0.0.1:' + server.address().port;
        const now = Date.now();
        const passed = process.argv.slice(2).map((pair) => pair.split(','));
        for (const [wallSeconds, monotonicSeconds] of passed) {
          const { sessionOf } = await import(${JSON.stringify(file)} + '?' + wallSeconds);
          asked = 0;
          Date.now = () => now;
          performance.now = () => 1000;
          await sessionOf(url, 'Bearer s1');
          Date.now = () => now + wallSeconds * 1000;
          performance.now = () => 1000 + monotonicSeconds * 1000;
          await sessionOf(url, 'Bearer s1');
          console.log(wallSeconds, monotonicSeconds, asked);
        }
        process.exit();
      });`;
    // Both clocks; the wall clock set back an hour; the other frozen.
    const passed = ['29,29', '31,32', '-3600,29', '-3570,31', '30,0'];
    const { stdout } = spawnSync(process.execPath, [write('clocks/main.mjs', main), ...passed], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n')).toEqual(['29 29 1', '31 32 2', '-3600 29 1', '-3570 31 2', '30 0 2']);
  });

  test('docs/verify-a-session.md › has an example for CloudBase that works', async () => {
    const [sessionOf = '', , , cloudbase = ''] = examples('js');
    write('cloudbase/session-of.mjs', sessionOf);
    const example = cloudbase.replace("const LOGIN_URL = 'https://app.example.com'", 'let LOGIN_URL');
    const file = write(
      'cloudbase/index.cjs',
      `${example}
      require('node:stream/consumers').text(process.stdin).then(async (lines) => {
        for (const line of lines.trim().split('\\n')) {
          const [url, authorization] = line.split('\\t');
          LOGIN_URL = url;
          const { statusCode, body } = await exports.main({ headers: { authorization } });
          console.log(statusCode === 200 ? JSON.parse(body).hello : statusCode);
        }
      });`,
    );
    expect(await answersOf([process.execPath, file])).toEqual(['503', '503', '401', 'ZhangSan']);
  });
});

describe('the examples whose languages may not be installed', () => {
  test.each([
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
      'php',
      [
        "$login_url . '/session'",
        "'Authorization: '",
        'CURLOPT_TIMEOUT => 5',
        '=== 401',
        '=== 200',
        "!== 'member'",
      ],
    ],
    [
      'csharp',
      [
        'loginUrl + "/session"',
        '"Authorization", authorizationOfTheCaller',
        'FromSeconds(5)',
        'HttpStatusCode.Unauthorized',
        '!= HttpStatusCode.OK',
        '!= "member"',
      ],
    ],
  ])(
    'docs/verify-a-session.md › asks the right question in %s and believes only a member’s 200',
    (language, parts) => {
      const [example = ''] = examples(language);
      for (const part of parts) expect(example).toContain(part);
    },
  );

  test.runIf(installed('php', '--version'))(
    'docs/verify-a-session.md › has PHP without a syntax error',
    () => {
      const file = write('example.php', `<?php\n${examples('php')[0]}`);
      expect(spawnSync('php', ['-l', file], { encoding: 'utf8' })).toMatchObject({ status: 0 });
    },
  );

  test.runIf(installed('gofmt', '-h'))('docs/verify-a-session.md › has Go without a syntax error', () => {
    const input = `package main\n\nfunc member() (any, error) {\n${examples('go')[0]}\n}\n`;
    expect(spawnSync('gofmt', ['-e'], { input, encoding: 'utf8' })).toMatchObject({ status: 0 });
  });
});

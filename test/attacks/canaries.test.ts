import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { signedCallback, unsubscribeMessage } from '../../simulator/wecom/callback.ts';
import { figure } from '../reliability/figure.ts';
import {
  type Answer,
  corpid,
  from,
  type Login,
  otherCorpid,
  quickRedis,
  secret,
  startWorld,
} from '../world.ts';
import { foundIn, formsOf } from './canary.ts';
import { reviewersOn } from './reviewers.ts';

/** Odd enough to look different in JSON, in a URL and in base64. */
const canary = (name: string) => secret(`canary-${name}/"\\ä+ ${randomBytes(9).toString('hex')}`);

/** A world whose every output is kept: what functions write, what they answer, what Redis holds. */
async function startLife() {
  const world = await startWorld(quickRedis);
  const written: string[] = [];
  const answers: string[] = [];
  const sessionTokens: string[] = [];
  const made = {
    redisPassword: canary('redis'),
    password: canary('password'),
    jsCode: secret(`canary-${randomBytes(16).toString('hex')}`),
  };
  const redisUrl = new URL(world.redis.url);
  redisUrl.password = encodeURIComponent(made.redisPassword);
  const locked = world.redis.kind === 'server';
  if (locked) await world.redisCommand('CONFIG', 'SET', 'requirepass', made.redisPassword);
  const settings = { REDIS_URL: locked ? redisUrl.href : world.redis.url, ...reviewersOn(made.password) };
  const onLine = (line: string) => void written.push(line);
  const options = { onLine, nodeArgs: ['--require', './test/attacks/crash-shim.cjs'] };

  function recorded(running: Login): Login {
    const { send } = running;
    return Object.assign(running, {
      async send(...request: Parameters<Login['send']>): Promise<Answer> {
        const answer = await send(...request);
        const { session_token: issued } = answer.body;
        if (typeof issued === 'string') sessionTokens.push(issued);
        // Where a session_token belongs: in the answer to the login that made it.
        answers.push(JSON.stringify([...answer.headers]) + answer.text.replace(String(issued), ''));
        return answer;
      },
    });
  }

  return {
    world,
    made,
    settings,
    written,
    answers,
    startLogin: async (overrides = {}) =>
      recorded(await world.startLogin({ ...settings, ...overrides }, options)),
    startCallback: async () =>
      recorded(await world.startCallback({ REDIS_URL: settings.REDIS_URL }, options)),
    /** An event function, with its answer among what was written: SCF writes it into its log. */
    async invoke(name: 'refresh' | 'admin', event?: unknown, overrides = {}) {
      const all = { ...settings, ...overrides };
      const invocation = name === 'admin' ? await world.admin(event, all) : await world.refresh(all, event);
      written.push(JSON.stringify(invocation));
      return invocation;
    },
    /** On a connection of its own: Redis with another password, so that those who know the old one are refused. */
    async lockRedisWith(password: string, current: string): Promise<void> {
      const { hostname: host, port } = redisUrl;
      const connection = new Redis({ host, port: Number(port), password: current, lazyConnect: true });
      await connection.connect();
      await connection.call('CONFIG', 'SET', 'requirepass', password);
      await connection.call('CLIENT', 'KILL', 'TYPE', 'normal');
      connection.disconnect();
    },
    secrets(): Map<string, string> {
      const all = new Map(world.secrets.map((value, i) => [value, `secret ${i} of the world`]));
      for (const [name, value] of Object.entries(made)) all.set(value, name);
      for (const token of sessionTokens) all.set(token, 'session_token').set(token.slice(26), 'its secret');
      all.set(settings.REVIEWERS.split('.').at(-1) ?? '', 'the hash of the password');
      return all;
    },
  };
}

type Life = Awaited<ReturnType<typeof startLife>>;

/** One of everything a member, a stranger and a reviewer can meet. */
async function live({ world, made }: Life, login: Login): Promise<void> {
  const statuses: number[] = [];
  const noted = async (work: Promise<Answer>) => {
    const answer = await work;
    statuses.push(answer.status);
    return answer;
  };
  const { body } = await noted(login.login({ js_code: world.jsCode() }, from()));
  const token = body['session_token'];
  await noted(login.login({ js_code: world.jsCode('ZhangSan', otherCorpid), corpid: otherCorpid }, from()));
  await noted(login.withSession('GET', '/session', token));
  const data = world.wecom.encryptUserData({ corpid, userid: 'ZhangSan' }, {});
  const headers = { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' };
  await noted(login.send('POST', '/userdata', { headers, body: JSON.stringify(data) }));
  await noted(login.send('POST', '/userdata', { headers, body: JSON.stringify({ ...data, iv: 'AAAA' }) }));
  await noted(login.login({ js_code: made.jsCode }, from()));
  await noted(login.login({ js_code: `${made.jsCode} ` }, from()));
  await noted(login.login(made.jsCode, from()));
  await noted(
    login.login({ js_code: world.wecom.createJsCode({ corpid: 'wwstranger', userid: 'x' }) }, from()),
  );
  await noted(login.login({ js_code: world.jsCode('ZhangSan', otherCorpid) }, from()));
  await noted(login.login({ js_code: world.jsCode(world.addMember({ visible: false })) }, from()));
  await noted(login.send('GET', `/session?session_token=${String(token)}`));
  await noted(login.send('GET', `/${String(token)}`));
  const reviewer = (account: string, password: string) =>
    noted(
      login.send('POST', '/login/reviewer', {
        headers: { 'content-type': 'application/json', ...from() },
        body: JSON.stringify({ account, password }),
      }),
    );
  await reviewer('appstore', made.password);
  await reviewer('nobody', made.password);
  await reviewer(made.password, `${made.password} `);
  await noted(login.withSession('DELETE', '/session', token));
  await noted(login.withSession('GET', '/session', token));
  expect(statuses).toEqual([
    200, 200, 200, 200, 400, 400, 400, 400, 403, 409, 403, 401, 404, 200, 401, 401, 204, 401,
  ]);
}

/** WeCom at its worst: it repeats every secret there is, in errors and in pages. */
async function breakWecom(life: Life, login: Login): Promise<void> {
  const { world } = life;
  const everything = [...life.secrets().keys()].join(' ');
  const { wecom } = world;
  for (const endpoint of ['gettoken', 'jscode2session', 'user/get'] as const) {
    for (const fault of [
      { kind: 'errcode', errcode: 50001, errmsg: `invalid, hint: [${everything}], from ip: ${everything}` },
      { kind: 'errcode', errcode: 60020, errmsg: `not allow, from ip: 203.0.113.7, ${everything}` },
      { kind: 'errcode', errcode: 40014, errmsg: everything },
      { kind: 'body', body: `{"errcode":0,"access_token":"${everything}` },
      { kind: 'body', body: JSON.stringify({ errcode: everything, session_key: everything }) },
      { kind: 'redirect', location: `http://127.0.0.1:1/?access_token=${encodeURIComponent(everything)}` },
      { kind: 'truncated' },
      { kind: 'cut', at: 'mid_body' },
    ] as const) {
      wecom.dropTokens(corpid);
      wecom.fault({ endpoint, times: 1, ...fault });
      await login.login({ js_code: world.jsCode() }, from());
    }
  }
  wecom.reset();
}

async function callBack(life: Life, callback: Login): Promise<void> {
  const { world } = life;
  const settings = { corpid, token: '', encodingAESKey: '', ...world.callbacks[corpid] };
  const message = unsubscribeMessage({ corpid, userid: 'ZhangSan' });
  const { path, body } = signedCallback(settings, message);
  const everything = [...life.secrets().keys()].join(' ');
  const told = signedCallback(settings, `<xml>${everything}</xml>`);
  const statuses = [];
  for (const [where, what] of [
    [path, body],
    [told.path, told.body],
    [path, `<xml>${everything}</xml>`],
    [
      `/callback/${corpid}?msg_signature=${settings.token}&timestamp=1&nonce=${settings.encodingAESKey}`,
      body,
    ],
  ] as const) {
    statuses.push((await callback.send('POST', where, { body: what })).status);
  }
  expect(statuses).toEqual([200, 400, 400, 400]);
}

/** Throws outside of any request, with all that could be told; the process must end. */
async function crash(running: Login): Promise<void> {
  const ended = once(running.process, 'close');
  process.kill(running.pid, 'SIGUSR2');
  expect((await ended)[0]).toBe(1);
}

test('[G8 A33] a whole life › leaves no secret in any output, in any answer, or readable in Redis', async () => {
  const life = await startLife();
  const { world, made, settings, written, answers } = life;
  const [login, callback] = [await life.startLogin(), await life.startCallback()];
  await live(life, login);
  await life.invoke('refresh');
  await life.invoke('admin', { action: 'list', corpid, userid: 'ZhangSan' });
  await life.invoke('admin', { action: 'end', corpid, userid: made.password });
  await breakWecom(life, login);
  await callBack(life, callback);

  const wrong = secret(`canary-${randomBytes(16).toString('hex')}`);
  const misled = { WECOM_CORPS: `${corpid}:${wrong}` };
  const mistaken = await life.startLogin(misled);
  expect((await mistaken.login({ js_code: world.jsCode() })).status).toBe(503);
  await life.invoke('refresh', undefined, misled);
  world.wecom.liftBan();

  // Every variable wrong at once: the functions name the variables only.
  const damaged = {
    ...world.environment(settings),
    REVIEWERS: made.password,
    REVIEWERS_UNTIL: made.password,
  };
  const all = Object.fromEntries(
    Object.entries(damaged).map(([name, value]) => [name, `${value};${made.password}`]),
  );
  await expect(life.startLogin(all)).rejects.toThrow('config_invalid');

  if (world.redis.kind === 'server') {
    const rotated = canary('rotated');
    await life.lockRedisWith(rotated, made.redisPassword);
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(503);
    await life.invoke('refresh');
    await life.lockRedisWith(made.redisPassword, rotated);
  }
  await crash(login);
  await crash(callback);
  const crashes = written.filter((line) => line.includes('"event":"crashed"'));
  expect(crashes).toHaveLength(2);
  for (const line of crashes) expect(line).toContain('[redacted]');

  // Opened again for the eyes of the test.
  if (world.redis.kind === 'server') await life.lockRedisWith('', made.redisPassword);
  const contents = await world.redisContents();
  expect(contents.length).toBeGreaterThan(8);
  const secrets = life.secrets().set(wrong, 'a wrong corpsecret');
  for (const [where, text] of Object.entries({
    output: written.join('\n'),
    answers: answers.join('\n'),
    redis: JSON.stringify(contents),
  })) {
    expect(foundIn(text, secrets), where).toEqual([]);
  }
  const forms = [...secrets.keys()].reduce((sum, value) => sum + formsOf(value).length, 0);
  const kilobytes = Math.round(written.join('\n').length / 1024);
  figure(
    'G8',
    `${secrets.size} secrets in ${forms} forms: none in ${kilobytes} KB of output, ${answers.length} answers, ${contents.length} Redis keys`,
  );
});

test('the search for secrets › finds each in every form, wherever it begins', () => {
  const value = 'canary/"\\ä+ 1';
  const secrets = new Map([[value, 'it']]);
  const around = (before: number) => Buffer.from(`${'x'.repeat(before)}${value}yyy`);
  for (const text of [
    `a ${value} b`,
    `?x=${encodeURIComponent(value)}&y`,
    JSON.stringify({ value }),
    Buffer.from(value).toString('hex').toUpperCase(),
    ...[0, 1, 2, 3].map((before) => around(before).toString('base64')),
    ...[0, 1, 2, 3].map((before) => around(before).toString('base64url')),
  ]) {
    expect(foundIn(text, secrets), text).not.toEqual([]);
  }
  expect(foundIn('canary/"\\ä+ 2', secrets)).toEqual([]);
});

// What functions/admin finds out about Redis and WeCom: one thing is broken at a time, its diagnosis is read.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../lib/clock.ts';
import { readServicesConfig } from '../lib/config.ts';
import { type Finding, insideStatuses } from '../lib/doctor/finding.ts';
import { diagnose as diagnoseWith } from '../lib/doctor/inside.ts';
import { createLog } from '../lib/log.ts';
import { type FindingInWords, inWords } from '../scripts/doctor/finding.ts';
import { linesOf } from '../scripts/doctor/print.ts';
import { type RunningRedis, startRedis } from '../simulator/redis.ts';
import { startRedisGate } from './redis-gate.ts';
import { type Manner, startRedisProxy } from './redis-proxy.ts';
import { startReverseProxy } from './reverse-proxy.ts';
import { behindTls, certificate } from './tls-front.ts';
import { corpid, keepOutput, otherCorpid, realRedis, secret, startWorld, type World } from './world.ts';

type Overrides = Record<string, string | undefined>;

type Statuses = typeof insideStatuses;
/** What can be wrong. */
type InsideDiagnosis = {
  [Id in keyof Statuses]: Statuses[Id] extends 'failed' | 'warning' ? Id : never;
}[keyof Statuses];

/** What functions/admin does, in this process, as the terminal shows it. */
async function diagnose(
  world: World,
  overrides?: Overrides,
  clock: Clock = countedClock(),
): Promise<FindingInWords[]> {
  const config = readServicesConfig(world.environment(overrides));
  const lines: string[] = [];
  const log = createLog(config.secrets, (line) => lines.push(line));
  const findings = await diagnoseWith(config, clock, log);
  // What is only `undefined` is not in the function's result.
  return withoutSecrets(world, JSON.parse(JSON.stringify(findings)) as Finding[], lines);
}

/** The same by the built function. */
async function diagnoseByFunction(world: World): Promise<FindingInWords[]> {
  const { result, error, lines } = await world.admin({ action: 'diagnose' });
  expect(error).toBe(undefined);
  return withoutSecrets(world, (result as { findings: Finding[] }).findings, lines);
}

function withoutSecrets(world: World, findings: Finding[], lines: string[]): FindingInWords[] {
  const written = JSON.stringify(findings) + lines.join('\n');
  keepOutput(written);
  for (const value of world.secrets) expect(written).not.toContain(value);
  return findings.map((finding) => inWords(finding, 'en'));
}

interface CountedClock extends Clock {
  passes(ms: number): void;
}

/** Counts what was waited for on purpose, and what `passes` says, so that nothing is slow because this machine is. */
function countedClock(): CountedClock {
  let nowMs = Date.now();
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(ms, action) {
      const endMs = nowMs + ms;
      return systemClock.after(ms, () => {
        nowMs = Math.max(nowMs, endMs);
        action();
      });
    },
    passes(ms) {
      nowMs += ms;
    },
  };
}

const problemsIn = (findings: FindingInWords[]) =>
  findings.filter(({ diagnosis }) => diagnosis !== undefined);

async function serverWith(...args: string[]): Promise<RunningRedis> {
  const redis = await startRedis({ kind: 'server', args });
  onTestFinished(() => redis.stop());
  return redis;
}

/** A way to Redis that changes what comes back. */
async function proxyTo(url: string, change: (text: string) => string): Promise<string> {
  const { hostname, port } = new URL(url);
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    client.on('error', () => redis.destroy()).on('close', () => redis.destroy());
    redis.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(redis);
    redis.on('data', (chunk: Buffer) => {
      client.write(change(chunk.toString('latin1')), 'latin1');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Breaks exactly one thing; answers the overrides under which the function then runs. */
type Break = (world: World, clock: CountedClock) => Promise<Overrides | void> | Overrides | void;

/** As after a gettoken that failed for this reason, with no token left. */
async function pauseGettoken(world: World, why: string): Promise<void> {
  await diagnose(world, { WECOM_CORPS: corps(world)[0] });
  const token = (await world.redisContents()).find(({ key }) => key.endsWith(':tok'))?.key ?? '';
  await world.redisCommand('DEL', token);
  await world.redisCommand('SET', token.replace(/tok$/, 'neg'), why, 'PX', 60_000);
}

const breaks: Record<InsideDiagnosis, Break> = {
  'redis.reachable.no_answer': () => ({ REDIS_URL: 'redis://127.0.0.1:1' }),
  'wecom.reachable.proxy_no_answer': () => ({ WECOM_BASE_URL: 'https://127.0.0.1:1' }),
  async 'wecom.reachable.proxy_not_wecom'() {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => void delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    const proxy = await startReverseProxy('http://127.0.0.1:1');
    return { WECOM_BASE_URL: proxy.url };
  },
  'redis.reachable.not_redis': ({ wecom }) => ({ REDIS_URL: wecom.url.replace('http', 'redis') }),
  async 'redis.reachable.too_many_connections'() {
    const redis = await serverWith('--maxclients', '1');
    const { hostname, port } = new URL(redis.url);
    const holder = connect(Number(port), hostname);
    onTestFinished(() => void holder.destroy());
    holder.write('PING\r\n');
    await once(holder, 'data');
    return { REDIS_URL: redis.url };
  },
  async 'redis.reachable.no_database'() {
    const redis = await serverWith('--databases', '2');
    return { REDIS_URL: `${redis.url}/2` };
  },
  async 'redis.reachable.not_ready'() {
    const redis = await serverWith('--replica-serve-stale-data', 'no', '--replicaof', '127.0.0.1 1');
    return { REDIS_URL: redis.url };
  },
  async 'redis.scripts.bare_cluster'({ redis }) {
    const elsewhere = (text: string) => text.replace(/^-NOSCRIPT[^\r]*/, '-MOVED 866 10.0.0.9:6379');
    return { REDIS_URL: await proxyTo(redis.url, elsewhere) };
  },
  async 'redis.reads.old'({ redis }) {
    const replica = await serverWith();
    return { REDIS_URL: (await startRedisProxy(redis.url, { kind: 'split', replicaUrl: replica.url })).url };
  },
  async 'redis.tls.other_name'({ redis }) {
    const port = await behindTls(redis.url, 'valid');
    const names = { REDIS_CA: certificate('valid'), REDIS_TLS_NAME: 'redis.example' };
    return { REDIS_URL: `rediss://127.0.0.1:${port}`, ...names };
  },
  'redis.tls.refused': ({ redis }) => ({ REDIS_URL: redis.url.replace('redis:', 'rediss:') }),
  async 'redis.auth.refused'() {
    const redis = await serverWith('--requirepass', 'right-password');
    return { REDIS_URL: redis.url.replace('//', `//:${secret('wrong-password')}@`) };
  },
  async 'redis.version.too_old'({ redis }) {
    return { REDIS_URL: await proxyTo(redis.url, (text) => text.replace(/(redis_version:)\d/, '$13')) };
  },
  async 'redis.scripts.disabled'() {
    const redis = await serverWith('--rename-command', 'EVALSHA', '', '--rename-command', 'EVAL', '');
    return { REDIS_URL: redis.url };
  },
  async 'redis.scripts.older_server'({ redis }) {
    // A server of that age says its version too, which is found before; this one hides it.
    const answer =
      'ERR Error running script (call to f_6b1b): @user_script:9: Write commands not allowed after non deterministic commands';
    const proxy = await startRedisProxy(redis.url, { kind: 'no_scripts', answer });
    return { REDIS_URL: proxy.url };
  },
  async 'redis.scripts.keys_not_seen'({ redis }) {
    const answer =
      'ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array';
    const proxy = await startRedisProxy(redis.url, { kind: 'no_scripts', answer });
    return { REDIS_URL: proxy.url };
  },
  async 'redis.scripts.refused'() {
    return { REDIS_URL: (await serverWith('--min-replicas-to-write', '1')).url };
  },
  async 'redis.writes.read_only'() {
    return { REDIS_URL: (await serverWith('--replicaof', '127.0.0.1 1')).url };
  },
  async 'redis.writes.full'() {
    return { REDIS_URL: (await serverWith('--maxmemory', '1')).url };
  },
  async 'redis.memory.nearly_full'({ redis }) {
    const almost = (text: string) =>
      text.replace(/(\r\nmaxmemory:)\d+/, '$11000').replace(/(\r\nused_memory:)\d+/, '$1900');
    // The length before a reply is that of the original.
    const padded = (text: string) => {
      const changed = almost(text);
      return changed.replace('# Memory', `# Memory${' '.repeat(text.length - changed.length)}`);
    };
    return { REDIS_URL: await proxyTo(redis.url, padded) };
  },
  async 'redis.eviction.evicts'() {
    return { REDIS_URL: (await serverWith('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')).url };
  },
  async 'redis.latency.slow'({ redis }, clock) {
    const slow = (text: string) => {
      clock.passes(120);
      return text;
    };
    return { REDIS_URL: await proxyTo(redis.url, slow) };
  },
  'wecom.reachable.no_answer': () => ({ WECOM_BASE_URL: 'http://127.0.0.1:1' }),
  'wecom.reachable.not_wecom'({ wecom }) {
    wecom.fault({ endpoint: 'gettoken', kind: 'html', status: 502 });
  },
  'wecom.reachable.busy'({ wecom }) {
    wecom.fault({ endpoint: 'jscode2session', corpid, kind: 'errcode', errcode: -1 });
  },
  'wecom.gettoken.wrong_secret'({ wecom }) {
    wecom.updateCompany(corpid, { corpsecret: secret('another-secret-of-this-test') });
  },
  'wecom.gettoken.wrong_corpid': (world) => ({
    WECOM_CORPS: `wwmistyped0000001:${secret('secret-of-a-mistyped-company')},${corps(world)[1]}`,
  }),
  'wecom.gettoken.banned'({ wecom }) {
    wecom.fault({ endpoint: 'gettoken', corpid, kind: 'errcode', errcode: 45009 });
  },
  async 'wecom.gettoken.paused'(world) {
    await pauseGettoken(world, 'transient');
  },
  async 'wecom.gettoken.waiting'(world) {
    const gate = world.wecom.hold({ endpoint: 'gettoken', corpid });
    const login = await world.startLogin();
    // Not its answer is waited for, but its question.
    login.login({ js_code: world.jsCode() }).catch(() => undefined);
    await gate.arrived(1);
    const lease = (await world.redisContents()).find(({ key }) => key.endsWith(':lease'));
    // As if one after another had taken over, all of them slow: the doctor may wait for longer than one lease.
    const takeOver = () => world.redisCommand('SET', lease?.key ?? '', 'another', 'PX', 5000);
    await takeOver();
    const others = setInterval(() => void takeOver().catch(() => undefined), 1000);
    onTestFinished(() => clearInterval(others));
  },
  'wecom.gettoken.refused'({ wecom }) {
    wecom.fault({ endpoint: 'gettoken', corpid, kind: 'errcode', errcode: 301_007 });
  },
  'wecom.trusted_ip.not_trusted'({ wecom }) {
    wecom.updateCompany(corpid, { ipTrusted: false });
  },
  async 'wecom.app.stopped'(world) {
    await diagnose(world);
    world.wecom.updateCompany(corpid, { stopped: true });
  },
  'wecom.app.refused'({ wecom }) {
    wecom.fault({ endpoint: 'jscode2session', corpid, kind: 'errcode', errcode: 48_006 });
  },
  'wecom.linked.not_linked'({ wecom }) {
    wecom.updateCompany(corpid, { linked: false });
  },
  'wecom.visible_range.empty'({ wecom }) {
    wecom.updateMember(corpid, 'ZhangSan', { visible: false });
  },
  'wecom.roles.unknown'({ wecom }) {
    wecom.setDepartment({ corpid, id: 7, parentid: 1, name: '财务部', visible: false });
    return { ROLES: 'boss:dept:1,finance:dept:7' };
  },
  'wecom.roles.refused': () => ({ ROLES: 'boss:dept:1,auditor:tag:3' }),
};

/** What the advice must say for an operator to find the place. */
const places: Partial<Record<InsideDiagnosis, string[]>> = {
  'redis.auth.refused': ['account@password', '重置密码'],
  'redis.eviction.evicts': ['参数设置', 'noeviction'],
  'redis.reachable.no_answer': ['安全组', 'TENCENT_VPC_ID'],
  'redis.reads.old': ['副本只读'],
  'redis.scripts.older_server': ['版本升级'],
  'redis.scripts.keys_not_seen': ['内网地址'],
  'redis.tls.other_name': ['REDIS_CA', 'REDIS_TLS_NAME'],
  'redis.tls.refused': ['SSL 加密', 'REDIS_CA'],
  'wecom.gettoken.banned': ['checkCorpSpamBlock'],
  'wecom.gettoken.wrong_corpid': ['我的企业', '企业ID'],
  'wecom.gettoken.wrong_secret': ['应用管理', 'Secret', '已启用'],
  'wecom.linked.not_linked': ['关联小程序'],
  'wecom.trusted_ip.not_trusted': ['企业可信IP', '203.0.113.7', '第三方服务商IP', 'NAT 网关'],
  'wecom.visible_range.empty': ['可见范围'],
  'wecom.roles.unknown': ['通讯录', '可见范围'],
  'wecom.roles.refused': ['标签', '40068'],
};

const corps = (world: World) => (world.environment()['WECOM_CORPS'] ?? '').split(',');

describe.skipIf(!realRedis)('functions/admin diagnose', () => {
  test.each(Object.keys(breaks) as InsideDiagnosis[])('diagnose › finds %s', async (diagnosis) => {
    const world = await startWorld({ redis: 'server' });
    const clock = countedClock();
    const findings = await diagnose(world, (await breaks[diagnosis](world, clock)) ?? {}, clock);
    const expected: Partial<FindingInWords> = { diagnosis, status: insideStatuses[diagnosis] };
    // One thing is broken, and nothing else is blamed for it.
    const blamed = new Set(problemsIn(findings).map((finding) => finding.diagnosis));
    expect([...blamed]).toEqual([diagnosis]);
    const [finding] = problemsIn(findings);
    expect(finding).toMatchObject(expected);
    expect(finding?.found).not.toMatch(/[{}?]/);
    expect(finding?.advice).not.toMatch(/[{}]/);
    for (const text of places[diagnosis] ?? []) expect(finding?.advice).toContain(text);
    const same = findings.filter(({ check, about }) => check === finding?.check && about === finding?.about);
    expect(same).toHaveLength(1);
    const { gettoken } = world.wecom.counts(corpid);
    expect(gettoken).toBeLessThanOrEqual(1);
    expect(world.wecom.violations).toEqual([]);
  });

  test.each([
    ['operator_40001', 'wecom.gettoken.wrong_secret'],
    ['operator_40013', 'wecom.gettoken.wrong_corpid'],
    ['operator_301007', 'wecom.gettoken.refused'],
    ['operator_50003', 'wecom.app.stopped'],
    // Of the release before.
    ['operator', 'wecom.gettoken.paused'],
  ])('diagnose › while gettoken rests with %s, finds %s without asking', async (why, diagnosis) => {
    const world = await startWorld({ redis: 'server' });
    await pauseGettoken(world, why);
    const { gettoken } = world.wecom.counts(corpid);
    expect(problemsIn(await diagnose(world))).toMatchObject([{ diagnosis, about: corpid }]);
    expect(world.wecom.counts(corpid).gettoken).toBe(gettoken);
  });

  test('diagnose › names a wrong secret that a login has just tried, and does not try it again', async () => {
    const world = await startWorld({ redis: 'server' });
    world.wecom.updateCompany(corpid, { corpsecret: secret('another-secret-of-this-test') });
    const login = await world.startLogin();
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(503);
    const [problem] = problemsIn(await diagnose(world));
    expect(problem).toMatchObject({ diagnosis: 'wecom.gettoken.wrong_secret', about: corpid });
    expect(problem?.found).toContain('40001');
    expect(world.wecom.counts(corpid).gettoken).toBe(1);
  });

  test('functions/admin › returns ids and values; the terminal has words for each', async () => {
    const world = await startWorld({ redis: 'server' });
    const { result } = await world.admin({ action: 'diagnose' });
    const { findings } = result as { findings: Finding[] };
    expect(findings[0]).toEqual({ id: 'redis.reachable.ok', status: 'ok' });
    expect(findings.find(({ id }) => id === 'wecom.visible_range.ok')).toEqual({
      id: 'wecom.visible_range.ok',
      status: 'ok',
      values: { members: 1, departments: 0, tags: 0 },
      about: corpid,
    });
    for (const finding of findings) {
      expect(inWords(finding, 'en').found).not.toMatch(/[{}?]|does not know/);
      expect(inWords(finding, 'zh').found).not.toMatch(/[{}?]|不认识/);
    }
  });

  test('npm run doctor › shows what another version of the function found, and says what to do', () => {
    const finding = {
      id: 'redis.colour.blue',
      status: 'warning',
      values: { shade: 7 },
      about: corpid,
    } as const;
    const lines = linesOf(finding, { language: 'en', coloured: false, columns: 100 });
    expect(lines).toContain(`! redis.colour, ${corpid}: redis.colour.blue (shade 7), which this checkout`);
    expect(lines).toContain('update it, or deploy');
    const chinese = linesOf(finding, { language: 'zh', coloured: false, columns: 100 });
    expect(chinese).toContain(
      `! redis.colour，${corpid}：redis.colour.blue（shade 7），当前代码不认识这项结果`,
    );
  });

  test('diagnose › names every company apart, and asks each gettoken and jscode2session at most once', async () => {
    const world = await startWorld({ redis: 'server' });
    world.wecom.updateCompany(otherCorpid, { ipTrusted: false });
    const findings = await diagnoseByFunction(world);
    expect(problemsIn(findings)).toMatchObject([{ about: otherCorpid, check: 'wecom.trusted_ip' }]);
    expect(findings.filter(({ about }) => about === corpid)).toEqual([
      { check: 'wecom.gettoken', status: 'ok', about: corpid, found: expect.any(String) },
      { check: 'wecom.trusted_ip', status: 'ok', about: corpid, found: expect.any(String) },
      { check: 'wecom.linked', status: 'ok', about: corpid, found: expect.any(String) },
      {
        check: 'wecom.visible_range',
        status: 'ok',
        about: corpid,
        found: expect.stringContaining('members by name: 1,'),
      },
    ]);
    expect(world.wecom.counts(corpid)).toMatchObject({ gettoken: 1, jscode2session: 1 });
    expect(world.wecom.counts(otherCorpid)).toMatchObject({ gettoken: 1, jscode2session: 0 });
  });

  test('diagnose › leaves what a login leaves: one access_token per company, and nothing else', async () => {
    const world = await startWorld({ redis: 'server' });
    await diagnoseByFunction(world);
    const keys = (await world.redisContents()).map(({ key }) => key.replace(/\{.*\}/, '{}'));
    expect(keys).toEqual(['wxt1:{}:calls', 'wxt1:{}:tok', 'wxt1:{}:calls', 'wxt1:{}:tok']);
    const login = await world.startLogin();
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    await diagnoseByFunction(world);
    expect(world.wecom.counts(corpid).gettoken).toBe(1);
  });

  test('diagnose › replaces a stored access_token that WeCom has dropped, as a login would', async () => {
    const world = await startWorld({ redis: 'server' });
    await diagnose(world);
    world.wecom.dropTokens(corpid);
    expect(problemsIn(await diagnose(world))).toEqual([]);
    expect(world.wecom.counts(corpid).gettoken).toBe(2);
  });

  test('diagnose › asks about the link with the access_token that replaced a dropped one', async () => {
    const world = await startWorld({ redis: 'server' });
    await diagnose(world);
    world.wecom.dropTokens(corpid);
    // What WeCom says to the dropped one, and then to the new one of an app that may not ask this.
    world.wecom.fault({ endpoint: 'agent/list', corpid, kind: 'errcode', errcode: 40014, times: 1 });
    world.wecom.fault({ endpoint: 'agent/list', corpid, kind: 'errcode', errcode: 48002 });
    const findings = (await diagnose(world)).filter(({ about }) => about === corpid);
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'wecom.gettoken ok',
      'wecom.trusted_ip ok',
      'wecom.linked ok',
      'wecom.visible_range skipped',
    ]);
    expect(world.wecom.counts(corpid)).toMatchObject({ gettoken: 2, jscode2session: 2 });
  });

  test('diagnose › finds wecom.app.stopped when WeCom answers but says so of the app', async () => {
    const world = await startWorld({ redis: 'server' });
    world.wecom.fault({ endpoint: 'agent/get', corpid, kind: 'fields', fields: { close: 1 } });
    const problems = problemsIn(await diagnose(world));
    expect(problems).toMatchObject([{ diagnosis: 'wecom.app.stopped', about: corpid }]);
  });

  test('diagnose › counts a visible range of 3,000 members by name, and gives up beyond 4 MB', async () => {
    const world = await startWorld({ redis: 'server' });
    for (let i = 0; i < 3000; i += 1) world.addMember({ userid: `ouyang.xiaoming.of.the.sales.team.${i}` });
    const rangeOf = (findings: FindingInWords[]) =>
      findings.find(({ check, about }) => check === 'wecom.visible_range' && about === corpid);
    expect(rangeOf(await diagnose(world))).toMatchObject({
      status: 'ok',
      found: 'members by name: 3001, departments: 0, tags: 0',
    });
    const fields = { padding: 'x'.repeat(4_200_000) };
    world.wecom.fault({ endpoint: 'agent/get', corpid, kind: 'fields', fields });
    const problems = problemsIn(await diagnose(world));
    expect(problems).toMatchObject([{ diagnosis: 'wecom.reachable.not_wecom', about: corpid }]);
  });

  test.each([[null], [''], [[]], [{ user: 'x' }]])(
    'diagnose › is no judge of how the visible range is written (%j)',
    async (odd) => {
      const world = await startWorld({ redis: 'server' });
      const fields = { allow_userinfos: odd, allow_tags: odd, allow_partys: { partyid: [1] }, close: '0' };
      world.wecom.fault({ endpoint: 'agent/get', corpid, kind: 'fields', fields });
      expect(problemsIn(await diagnose(world))).toEqual([]);
    },
  );

  test.each<[string, (world: World) => Promise<{ url: string }>]>([
    ['keeps INFO to itself', () => serverWith('--rename-command', 'INFO', '')],
    ['hangs up on INFO', ({ redis }) => startRedisProxy(redis.url, { kind: 'no_info' })],
  ])('diagnose › finds nothing wrong with a Redis that %s: logins do without it', async (_, start) => {
    const world = await startWorld({ redis: 'server' });
    const redis = await start(world);
    const findings = await diagnose(world, { REDIS_URL: redis.url });
    expect(problemsIn(findings)).toEqual([]);
    const skippedChecks = findings.filter(({ status }) => status === 'skipped').map(({ check }) => check);
    expect(skippedChecks).toEqual(['redis.version', 'redis.eviction', 'redis.memory']);
  });

  test.each<[string, Manner]>([
    ['is like Redis 4', { kind: 'redis_4' }],
    ['takes only scripts whose keys are written KEYS[n]', { kind: 'literal_keys' }],
    ['takes no EVALSHA', { kind: 'no_evalsha', answer: 'ERR parse error' }],
  ])('diagnose › finds nothing wrong with a Redis that %s: logins work', async (_, manner) => {
    const world = await startWorld({ redis: 'server' });
    const proxy = await startRedisProxy(world.redis.url, manner);
    expect(problemsIn(await diagnose(world, { REDIS_URL: proxy.url }))).toEqual([]);
  });

  test('diagnose › tells of a Redis that goes away while WeCom is asked, for each company', async () => {
    const world = await startWorld({ redis: 'server' });
    const gate = await startRedisGate(world.redis.url);
    // The first look at a company's token; nothing before is read in this way.
    const { held, release } = gate.holdNext('hmget');
    const diagnosed = diagnose(world, { REDIS_URL: gate.url });
    await held;
    await gate.set({ kind: 'refuse' });
    release();
    expect(problemsIn(await diagnosed)).toMatchObject([
      { check: 'redis.reachable', about: corpid },
      { check: 'redis.reachable', about: otherCorpid },
    ]);
  });

  test('diagnose › asks nothing more when the time of the function is nearly over, and tells what it knows', async () => {
    const world = await startWorld({ redis: 'server' });
    const clock = countedClock();
    const gate = world.wecom.hold({ endpoint: 'agent/get', corpid });
    const diagnosed = diagnose(world, { WECOM_CORPS: corps(world)[0] }, clock);
    await gate.arrived(1);
    clock.passes(12_000);
    gate.release();
    expect(problemsIn(await diagnosed)).toMatchObject([
      { diagnosis: 'wecom.reachable.no_answer', found: expect.stringContaining('no_time_left') },
    ]);
    expect(world.wecom.counts(corpid).jscode2session).toBe(0);
  });

  test('diagnose › never calls gettoken while Redis fails', async () => {
    const world = await startWorld({ redis: 'server' });
    const findings = await diagnose(world, { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(findings.filter(({ status }) => status === 'skipped')).toHaveLength(2);
    expect(world.wecom.counts().gettoken).toBe(0);
  });

  test('diagnose › answers in time for SCF when nothing answers it', async () => {
    const world = await startWorld({ redis: 'server' });
    for (const endpoint of ['gettoken', 'jscode2session', 'agent/list', 'agent/get'] as const) {
      world.wecom.fault({ endpoint, kind: 'hang' });
    }
    const start = performance.now();
    const findings = await diagnose(world);
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(problemsIn(findings).map(({ check }) => check)).toEqual(['wecom.reachable', 'wecom.reachable']);
  });

  test('diagnose › takes no other field', async () => {
    const world = await startWorld({ redis: 'server' });
    const { error } = await world.admin({ action: 'diagnose', corpid });
    expect(error).toBe('invalid_request');
  });
});

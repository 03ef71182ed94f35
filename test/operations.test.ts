// docs/operations.md says what the functions log and what they take: compared with what they do.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock as clock } from '../lib/clock.ts';
import { logEvents } from '../lib/log-events.ts';
import { createRedis } from '../lib/redis.ts';
import { createSeal } from '../lib/seal.ts';
import { createSessions } from '../lib/session.ts';
import { startRedis } from '../simulator/redis.ts';
import { commonFields, eventsInDocument, shippedSources } from './log-events.ts';
import { troubledDay } from './troubled-day.ts';
import { realRedis, startWorld } from './world.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const wordsOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, word = '']) => word);
const document = read('docs/operations.md');
const documented = eventsInDocument(document);
let lived: ReturnType<typeof troubledDay> | undefined;
const day = () => (lived ??= troubledDay());

describe('the log events of docs/operations.md', () => {
  test('docs/operations.md › has every event of lib/log-events.ts and no other, with its levels and fields', () => {
    const sorted = ({ levels, fields }: { levels: readonly string[]; fields: readonly string[] }) => ({
      levels: levels.toSorted(),
      fields: fields.toSorted(),
    });
    const table = Object.entries(logEvents).map(([event, row]) => [event, sorted(row)]);
    const rows = [...documented].map(([event, row]) => [event, sorted(row)]);
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(table));
    const sources = [...shippedSources()].filter(([path]) => !path.endsWith('/log-events.ts'));
    const text = sources.map(([, source]) => source).join('\n');
    expect(Object.keys(logEvents).filter((event) => !text.includes(`'${event}'`))).toEqual([]);
  });

  test('docs/operations.md › has every field that a day full of trouble leaves, and needs no other', async () => {
    const lines = await day();
    const left = new Map([...documented.keys()].map((event) => [event, new Set<string>()]));
    for (const { event, ...rest } of lines) {
      for (const field of Object.keys(rest)) left.get(String(event))?.add(field);
    }
    for (const [event, fields] of left) {
      const known = [...commonFields, ...(documented.get(event)?.fields ?? [])];
      expect([event, [...fields].filter((field) => !known.includes(field))]).toEqual([event, []]);
    }
    // These need a race, an hour of an attack, a Redis set up otherwise, or a bug.
    const rare = [
      // Only of functions/wecom, and with ROLES.
      'wecom_called',
      'wecom_call_refused',
      'directory_not_read',
      'role_unknown',
      'access_denied',
      'recheck_skipped',
      'redis_evicts',
      'session_not_touched',
      'session_not_ended',
      'token_lease_lost',
      'token_not_stored',
      'gettoken_too_often',
      'login_brake_on',
      'reviewer_brake_on',
      'reviewer_locked',
      'crashed',
    ];
    const unseen = [...left].filter(([, fields]) => fields.size === 0).map(([event]) => event);
    expect(unseen.filter((event) => !rare.includes(event))).toEqual([]);
  });

  test('docs/operations.md › shows a request line as it is', async () => {
    const world = await startWorld();
    const login = await world.startLogin();
    await login.login({ js_code: world.jsCode() });
    const [line] = (await login.logOf(await login.login({ js_code: world.jsCode() }))).slice(-1);
    const example = JSON.parse(/```json\n(.*?)```/s.exec(document)?.[1] ?? '') as Record<string, unknown>;
    expect(Object.keys(example)).toEqual(Object.keys(line ?? {}));
    const { time, ms, redis_ms, request_id, scf_request_id, wecom, redis_calls, ...fixed } = example;
    expect(line).toMatchObject(fixed);
    expect(JSON.stringify(wecom).replaceAll(/\d+/g, '0')).toBe(
      JSON.stringify(line?.['wecom']).replaceAll(/\d+/g, '0'),
    );
    for (const value of [ms, redis_ms, redis_calls]) expect(value).toBeTypeOf('number');
    for (const value of [time, request_id, scf_request_id]) expect(value).toBeTypeOf('string');
  });

  test('docs/operations.md › has every reason, those of a 503 and of Redis where it lists them', () => {
    const [, whatIsLogged = ''] = document.split(/^## /m);
    const [, reasons = ''] = whatIsLogged.split('### Reasons\n');
    const sources = [...shippedSources().values()].join('\n');
    const of503 = wordsOf(sources, /unavailable\(\s*['`](\w+?)_?(?:\$|['`])/g);
    const ofRedis = wordsOf(sources, /(?:^ {2}[A-Z]+: |RedisError\()'(\w+)'/gm);
    const others = wordsOf(sources, /(?:reason: |\binvalid\(|\brefusal\()['`](\w+?)_?(?:\$|['`])/g);
    expect([of503.length > 8, ofRedis.length > 10, others.length > 25]).toEqual([true, true, true]);
    for (const reason of [...of503, ...ofRedis]) expect(reasons).toContain(`\`${reason}`);
    for (const reason of others) expect(whatIsLogged).toContain(`\`${reason}`);
  });
});

describe('docs/privacy.md', () => {
  const privacy = read('docs/privacy.md');

  test('docs/privacy.md › is right that no log line holds a name, a department or a position', async () => {
    const lines = await day();
    expect(lines.length).toBeGreaterThan(40);
    for (const line of lines) {
      expect(JSON.stringify(line)).not.toMatch(/张三|成员\d|工程师|"department"|"position"/);
    }
  });

  test('docs/privacy.md › has the events that name a person', async () => {
    const persons = new Set(
      (await day()).filter((line) => 'userid' in line).map(({ event }) => String(event)),
    );
    expect(persons.size).toBeGreaterThan(3);
    for (const event of persons) expect(privacy).toContain(`\`${event}\``);
    const others = [...documented].filter(([, { fields }]) => fields.includes('userid'));
    for (const [event] of others) expect(privacy).toContain(`\`${event}\``);
  });

  test('docs/privacy.md › has every key of docs/reference.md whose name is made of a person or an address', () => {
    const keys = wordsOf(read('docs/reference.md'), /^\| `(wx[sl]1:[^`]+)`/gm);
    expect(keys.length).toBeGreaterThan(8);
    const ofNobody = [
      'wxl1:fleet:{all}',
      'wxl1:reviewer-fleet:{all}',
      'wxl1:recheck:{hash}',
      'wxl1:recheck-minute:{hash}',
    ];
    const known = wordsOf(privacy, /`(wx[sl]1:[^`]+)`/g).map((key) => key.replace('…:{hash}', ''));
    const missing = keys.filter(
      (key) => !ofNobody.includes(key) && !known.some((one) => key.startsWith(one)),
    );
    expect(missing).toEqual([]);
  });
});

describe('the queries of docs/operations.md', () => {
  const searches = [
    ...wordsOf(document, /```cql\n(.*?)```/gs).flatMap((block) => block.trim().split('\n')),
    ...wordsOf(document, /^\|[^|\n]+\| `((?:\w+:).*?)`,/gm).map((query) =>
      query.replaceAll(String.raw`\|`, '|'),
    ),
  ];

  test('docs/operations.md › asks only for events and fields that there are, and indexes every one of them', () => {
    expect(searches.length).toBeGreaterThan(20);
    const fields = new Set([...commonFields, ...[...documented.values()].flatMap((event) => event.fields)]);
    const index = /^\| fields.*?\n\n/ms.exec(document)?.[0] ?? '';
    const indexed = wordsOf(index, /`(\w+)`/g);
    expect(indexed.filter((field) => !fields.has(field))).toEqual([]);
    for (const query of searches) {
      for (const event of wordsOf(query, /event:"(\w+)"/g)) expect(documented.has(event), event).toBe(true);
      const own = query
        .replaceAll(/"[^"]*"|cast\(__TIMESTAMP__ as timestamp\)|interval 1 hour|\w+(?=\()/g, '')
        .replaceAll(/ AS \w+/g, '');
      const known = [...indexed, ...wordsOf(query, / AS (\w+)/g)];
      const words = wordsOf(own, /\b([a-z_]\w*)\b/g);
      expect([query, words.filter((word) => !known.includes(word))]).toEqual([query, []]);
    }
  });
});

describe('the numbers of docs/operations.md', () => {
  const rows = [...document.matchAll(/^\| ([\d,]+) +\| [^|]+\| `([\w./-]+)` `([\w-]+)` +\|$/gm)];

  test.each(rows.map(([, number = '', file = '', name = '']) => [name, file, number] as const))(
    'docs/operations.md › has %s as it stands in %s',
    (name, file, number) => {
      const value = new RegExp(`(?:\\b${name}(?: =|:)|'${name}',) ([\\d_]+)`).exec(read(file))?.[1];
      expect(number.replaceAll(',', '')).toBe(value?.replaceAll('_', ''));
    },
  );

  test('docs/operations.md › has a dozen of them', () => expect(rows.length).toBeGreaterThanOrEqual(12));

  test('POST /login › takes as many Redis operations as docs/operations.md says', async () => {
    const world = await startWorld();
    const [cold, warm] = [await world.startLogin(), await world.startLogin()];
    await warm.login({ js_code: world.jsCode() });
    const operations = async (login: typeof warm, address: string) => {
      const answer = await login.login({ js_code: world.jsCode() }, { 'x-forwarded-for': address });
      return (await login.logOf(answer)).at(-1)?.['redis_calls'];
    };
    expect(await operations(cold, '81.0.0.1')).toBe(4);
    expect(await operations(warm, '81.0.0.1')).toBe(3);
    expect(await operations(warm, '81.0.0.1')).toBe(2);
  });

  test.runIf(realRedis)('docs/operations.md › says what sessions take of Redis’ memory', async () => {
    const [first = 0, further = 0] = wordsOf(
      /^- Memory of Redis.*$/m.exec(document)?.[0] ?? '',
      / ([\d,]+)(?= bytes|, until)/g,
    ).map((number) => Number(number.replaceAll(',', '')));
    const persons = 500;
    const server = await startRedis({ kind: 'server' });
    const { hostname: host, port } = new URL(server.url);
    const redis = createRedis({ host, port: Number(port), db: 0 }, clock, () => undefined);
    const raw = new Redis(server.url);
    onTestFinished(async () => {
      raw.disconnect();
      redis.close();
      await server.stop();
    });
    const sessions = createSessions({
      redis,
      seal: createSeal([randomBytes(32)], 'session'),
      limits: { idleSeconds: 1800, maxSeconds: 28_800 },
      clock,
      log: () => undefined,
    });
    const used = async () => Number(/used_memory:(\d+)/.exec(await raw.info('memory'))?.[1]);
    const oneEach = async () => {
      for (let i = 0; i < persons; i += 1) {
        const userid = `ouyang.xiaoming${i}`;
        const member = {
          corpid: 'wwcorpa0000000001',
          userid,
          name: '欧阳小明',
          department: [1, 7],
          position: '高级工程师',
        };
        const sessionKey = randomBytes(16).toString('base64');
        const kept = { sessionKey, deviceHash: '0123456789abcdef' };
        await sessions.create({ role: 'member', member, checkedAt: Date.now(), ...kept });
      }
      return used();
    };
    await sessions.end(
      (await sessions.create({ role: 'reviewer', account: 'x', endsAt: Date.now() + 1e6 })).sessionToken,
      { reason: 'logout' },
    );
    const [empty, one, two] = [await used(), await oneEach(), await oneEach()];
    const expectAbout = (measured: number, said: number) => {
      expect(measured).toBeGreaterThan(said * 0.75);
      expect(measured).toBeLessThan(said * 1.25);
    };
    expectAbout((one - empty) / persons, first);
    expectAbout((two - one) / persons, further);
  });
});

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { corpid, from, otherCorpid, type RedisEntry, secret, startWorld } from './world.ts';

/** The key tables of lib/token-store.ts, lib/session-store.ts, lib/shared-answer.ts and lib/rate-limit.ts. */
const keyTable: { pattern: RegExp; type: string; fields: RegExp; ttlSecondsMax: number }[] = [
  { pattern: /^wxt1:\{[0-9a-f]{16}\}:tok$/, type: 'hash', fields: /^[ghcnpx]$/, ttlSecondsMax: 7200 },
  { pattern: /^wxt1:\{[0-9a-f]{16}\}:lease$/, type: 'string', fields: /^$/, ttlSecondsMax: 5 },
  { pattern: /^wxt1:\{[0-9a-f]{16}\}:neg$/, type: 'string', fields: /^$/, ttlSecondsMax: 600 },
  { pattern: /^wxt1:\{[0-9a-f]{16}\}:calls$/, type: 'string', fields: /^$/, ttlSecondsMax: 65 },
  { pattern: /^wxt1:\{[0-9a-f]{16}\}:(fails|rejects)$/, type: 'string', fields: /^$/, ttlSecondsMax: 1800 },
  { pattern: /^wxs1:\{[\w-]{22}\}$/, type: 'hash', fields: /^([\w-]{43}|member)$/, ttlSecondsMax: 28_800 },
  { pattern: /^wxd1:\{[\w-]{22}\}$/, type: 'string', fields: /^$/, ttlSecondsMax: 1800 },
  { pattern: /^wxl1:address:\{[\w-]{22}\}$/, type: 'string', fields: /^$/, ttlSecondsMax: 60 },
  { pattern: /^wxl1:network:\{[\w-]{22}\}$/, type: 'string', fields: /^$/, ttlSecondsMax: 600 },
  { pattern: /^wxl1:fleet:\{all\}$/, type: 'string', fields: /^$/, ttlSecondsMax: 3600 },
  { pattern: /^wxl1:known:\{[\w-]{22}\}$/, type: 'string', fields: /^$/, ttlSecondsMax: 604_800 },
];

function expectInTable(entry: RedisEntry): void {
  const row = keyTable.find(({ pattern }) => pattern.test(entry.key));
  expect(row, `${entry.key} is in no key table`).toBeDefined();
  expect(entry.type).toBe(row?.type);
  for (const field of Object.keys(entry.fields)) expect(field).toMatch(row?.fields ?? '');
  expect(entry.ttlMs).toBeGreaterThan(0);
  expect(entry.ttlMs).toBeLessThanOrEqual((row?.ttlSecondsMax ?? 0) * 1000);
}

test('[A43] Redis › holds after a run only keys of the documented tables, each with a TTL, and nothing readable', async () => {
  const world = await startWorld();
  world.wecom.setTag({ corpid, tagid: 3, userids: ['ZhangSan'] });
  const login = await world.startLogin({ ROLES: 'auditor:tag:3' });
  const headers = from();
  const readable = [corpid, otherCorpid, ...Object.values(headers)];
  const answers = [];
  for (const company of [corpid, otherCorpid]) {
    for (let i = 0; i < 3; i += 1) {
      const name = `欧阳${randomBytes(6).toString('hex')}`;
      const position = secret(`职务${randomBytes(6).toString('hex')}`);
      const userid = world.addMember({ corpid: company, name: secret(name), position });
      const js_code = world.jsCode(userid, company);
      answers.push(await login.login({ js_code, corpid: company }, headers));
      readable.push(name, position, userid, userid.toLowerCase());
    }
  }
  for (const { status, body } of answers) {
    expect(status).toBe(200);
    const token = String(body['session_token']);
    readable.push(token, token.slice(26));
    await login.withSession('GET', '/session', token);
  }
  await login.login({ js_code: 'unknown' }, headers);

  const entries = await world.redisContents();
  const kinds = entries.map(({ key }) => key.replace(/\{.*\}/, '{}'));
  expect(kinds).toEqual([
    'wxd1:{}',
    'wxl1:address:{}',
    'wxl1:fleet:{}',
    'wxl1:known:{}',
    'wxl1:network:{}',
    ...Array<string>(6).fill('wxs1:{}'),
    'wxt1:{}:calls',
    'wxt1:{}:tok',
    'wxt1:{}:calls',
    'wxt1:{}:tok',
  ]);
  entries.forEach(expectInTable);

  const dump = JSON.stringify(entries);
  // Among them every access_token, js_code and session_key that WeCom gave out.
  expect(world.secrets.length).toBeGreaterThan(2 + 6 * 2);
  for (const value of [...readable, ...world.secrets]) {
    expect(dump.includes(value), `${value.slice(0, 4)}… stands in Redis`).toBe(false);
  }
  for (const { fields } of entries.filter(({ key }) => key.startsWith('wxs1:'))) {
    const { member, ...sessions } = fields;
    expect(member).toMatch(/^[\w-]{100,}$/);
    for (const record of Object.values(sessions)) expect(record).toMatch(/^\d{13}\|[\w-]{200,}$/);
  }
});

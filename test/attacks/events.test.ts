import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { timerEvent } from '../../simulator/functions.ts';
import { corpid, startWorld, worldForAll } from '../world.ts';

const all = worldForAll();
const noTimer: [string, unknown][] = [
  ['null', null],
  ['a number', 7],
  ['a text', 'Timer'],
  ['a list', [timerEvent()]],
  ['nothing in it', {}],
  ['__proto__', JSON.parse('{"__proto__":{"httpMethod":"GET"}}')],
];

test.each(noTimer)('[A31] refresh › looks at the token and not at the event: %s', async (_, event) => {
  const { result, lines } = await all.world.refresh({}, event);
  expect(result).toMatchObject({ companies: 2, failed: 0, failed_transient: 0 });
  for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ level: 'error' });
});

test.each([
  { httpMethod: 'POST', headers: {}, body: '{}' },
  { ...timerEvent(), headers: {} },
])('[A30] refresh › answers no HTTP, whatever else the event says (%#)', async (event) => {
  const world = await startWorld();
  const { result, error, lines } = await world.refresh({}, event);
  expect([result, error]).toEqual([undefined, 'this function answers no HTTP']);
  expect(lines.join()).toContain('"unexpected_event"');
  expect(world.wecom.counts().gettoken).toBe(0);
});

test.each(noTimer.slice(0, 4))('[A31] admin › fails with invalid_request on %s', async (_, event) => {
  expect(await all.world.admin(event)).toMatchObject({ error: 'invalid_request' });
});

test('[A30] serverless.yml › gives HTTP to login, callback and wecom only, a timer to refresh, nothing to admin', () => {
  const [, functions = ''] = readFileSync('serverless.yml', 'utf8').split(/^functions:$/m);
  const triggers = functions
    .split(/^ {2}(?=\w+:$)/m)
    .slice(1)
    .map((block) => [/^\w+/.exec(block)?.[0], /^ {6}- (\w+):$/m.exec(block)?.[1] ?? 'none']);
  expect(Object.fromEntries(triggers)).toEqual({
    login: 'http',
    callback: 'http',
    wecom: 'http',
    refresh: 'timer',
    admin: 'none',
  });
});

test('[A30] POST /login › takes an event of another kind for a body of the wrong shape', async () => {
  const bodies = [
    timerEvent(),
    { httpMethod: 'POST', path: '/login', body: '{}' },
    { action: 'end', corpid, userid: 'ZhangSan' },
  ];
  for (const body of bodies) expect((await all.login.login(body)).status).toBe(400);
});

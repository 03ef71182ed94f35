import { randomBytes, scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histories, type History } from './mini-program-histories.ts';
import { compiled } from './mini-program-old-runtime.ts';
import { play } from './mini-program-play.ts';
import { secret, worldForAll } from './world.ts';

/** CONTRIBUTING.md tells how to play more of them, and how to play one again. */
const count = Number(process.env['CLIENT_HISTORIES'] ?? 200);
const { CLIENT_SEED: seed, CLIENT_PATH: path } = process.env;
const msPerHistoryMax = 500;

const reviewer = { account: 'appstore', password: secret('richtig Pferd Batterie 8') };
const salt = randomBytes(16);
const key = scryptSync(reviewer.password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
const all = worldForAll({
  REVIEWERS: `${reviewer.account}:14.8.1.${salt.toString('base64url')}.${key.toString('base64url')}`,
  REVIEWERS_UNTIL: '2099-12-31',
});
const code = compiled('miniprogram/wecom-login.ts');
const played = (history: History) => play(code, { ...all, reviewer }, history);

test.each<[string, Partial<History> & Pick<History, 'steps'>]>([
  [
    'fail() of wx.qy.login in the middle of logins',
    { steps: [{ qy: 'fail()' }, { call: 'login' }, { call: 'get' }] },
  ],
  [
    'hidden during a login, and never told that it is shown again [P3]',
    {
      tellsShow: false,
      steps: [
        { request: 'unsent: interrupted' },
        { call: 'login' },
        { happens: 'hide' },
        { happens: 'all settles' },
      ],
    },
  ],
  [
    'the same for a logout that waits for the login [P3]',
    {
      tellsShow: false,
      steps: [{ qy: 'late' }, { call: 'login' }, { happens: 'hide' }, { call: 'logout' }, { call: 'login' }],
    },
  ],
  [
    'a logout while a request waits for the server',
    {
      steps: [
        { call: 'login' },
        { happens: 'all settles' },
        { request: 'wait 1' },
        { call: 'post' },
        { passMs: 100 },
        { call: 'logout' },
      ],
    },
  ],
  [
    'two requests for a session that has ended',
    {
      steps: [
        { call: 'login' },
        { call: 'get' },
        { happens: 'all settles' },
        { happens: 'session ends' },
        { call: 'get' },
        { call: 'get' },
      ],
    },
  ],
  [
    'a session that has ended, which the phone says as text',
    {
      steps: [
        { call: 'login' },
        { passMs: 1 },
        { call: 'upload' },
        { qy: 'late' },
        { call: 'login' },
        { storage: 'get throws' },
        { happens: 'session ends' },
        { call: 'post' },
        { request: 'data as text' },
        { call: 'login' },
        { happens: 'hide' },
      ],
    },
  ],
  [
    'a login while a logout takes the session away',
    { steps: [{ call: 'login' }, { call: 'logout' }, { call: 'login' }] },
  ],
  [
    'a wrong PIN of an own function',
    { steps: [{ call: 'login' }, { happens: 'all settles' }, { request: 'own 401' }, { call: 'post' }] },
  ],
])('[P2] the client › keeps its promises: %s', (_, history) =>
  played({ inWecom: true, tellsShow: true, ...history }),
);

test(
  `[P2] the client › keeps its promises in ${count} random histories`,
  { timeout: 60_000 + count * msPerHistoryMax },
  async () => {
    const result = await fc.check(fc.asyncProperty(histories, played), {
      numRuns: count,
      ...(seed !== undefined && { seed: Number(seed) }),
      ...(path !== undefined && { path }),
    });
    const { failed, seed: itsSeed, counterexamplePath, counterexample, errorInstance } = result;
    const again = `CLIENT_SEED=${itsSeed} CLIENT_PATH=${counterexamplePath} npx vitest run test/mini-program-client-histories.test.ts`;
    expect(failed ? `${String(errorInstance)}\n${JSON.stringify(counterexample)}\nagain: ${again}` : '').toBe(
      '',
    );
  },
);

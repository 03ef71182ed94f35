// Every problem of the variables has a Chinese sentence. That none is missing is a matter of types; this runs them.
import { expect, test } from 'vitest';
import { readCallbackConfig, readLoginConfig, readWecomConfig } from '../lib/config.ts';
import { ConfigError, type Environment } from '../lib/environment.ts';
import { environmentProblems } from '../scripts/doctor/environment.ts';
import { problemText, problemTexts } from '../scripts/environment-problems.ts';

/** Each variable as wrong as it can be, in several ways. */
const wrong: Environment[] = [
  {},
  {
    WECOM_CORPS: 'ww1234567890:a,ww1234567890:b,nonsense,ww17f8d10783494584:c',
    ALLOW_TEST_CORP: 'maybe',
    REDIS_URL: 'http://user:p@host:0/abc',
    REDIS_CA: '/nowhere.pem',
    REDIS_TLS_NAME: '10.0.0.1',
    STAGE: 'a stage',
    ENCRYPTION_KEY: 'short',
    WECOM_BASE_URL: 'ftp://example.com/path',
    WECOM_DOMAIN_VERIFY: 'WW_verify_a.txt',
    WECOM_APPID: 'gh_1',
    LISTEN_HOST: 'localhost',
    PORT: '99999',
    SESSION_IDLE_SECONDS: '1 minute',
    REVIEWERS: 'name:hash',
    REVIEWERS_UNTIL: '2026-02-30',
    MEMBER_FIELDS: `mobile,${Array.from({ length: 21 }, (_, i) => `extattr.${i}`).join(',')}`,
    ROLES: `nobody,a:dept:1:ww0000000000,${Array.from({ length: 101 }, (_, i) => `r:tag:${i + 1}`).join(',')}`,
    WECOM_CALLBACKS: 'nonsense,ww1234567890:t:k,ww1234567890:t:k',
    WECOM_CALLERS: `nonsense,a:${'0'.repeat(64)},a:${'0'.repeat(64)}`,
    WECOM_APIS: 'Message/Send,gettoken',
    TENCENT_SECRET_ID: 'AKID',
  },
  { REDIS_URL: 'redis://%', WECOM_CORPS: 'ww1234567890:a#b' },
];

test('every problem of the variables › is a Chinese sentence at a Chinese terminal', () => {
  const readers = [readLoginConfig, readCallbackConfig, readWecomConfig, environmentProblems];
  const found = new Set(
    wrong.flatMap((environment) => readers.flatMap((read) => problemsOf(read, environment))),
  );
  expect(found.size).toBeGreaterThan(30);
  for (const problem of found) {
    const { en, zh } = problemText(problem);
    expect(en).toBe(problem);
    expect(zh).toMatch(/^[A-Z_]+：.*[\u4e00-\u9fff]/);
    expect(zh).not.toMatch(/\{\}|\b(must|may|is|holds|entry)\b/);
  }
});

function problemsOf(
  read: (environment: Environment) => unknown,
  environment: Environment,
): readonly string[] {
  try {
    const found = read(environment);
    return Array.isArray(found) ? found.map(String) : [];
  } catch (error) {
    return error instanceof ConfigError ? error.problems : expect.fail(String(error));
  }
}

test('a problem › keeps its numbers, and its form is Chinese too', () => {
  expect(problemText('PORT: must be a whole number from 0 to 65535').zh).toBe('PORT：应为 0 到 65535 的整数');
  const entry = 'REVIEWERS: entry 2 must be account:hash, as npm run reviewer prints it';
  expect(problemText(entry).zh).toBe('REVIEWERS：第 2 项的格式应为 账号:哈希（由 npm run reviewer 生成）');
  expect(problemText('what nobody knows').zh).toBe('what nobody knows');
  expect(problemTexts(['A: is missing', 'B: is missing'], { en: '; ', zh: '；' })).toEqual({
    en: 'A: is missing; B: is missing',
    zh: 'A：缺少；B：缺少',
  });
});

import { describe, expect, test } from 'vitest';
import { errorTable } from '../lib/errors.ts';
import { duration, problemOf, reviewerTexts, textOf, texts } from '../miniprogram/texts.ts';
import { clientErrorCodes, WecomLoginError } from '../miniprogram/wecom-login.ts';

const chinese = /\p{Script=Han}/u;
/** What a reader can do: every advice names at least one of these. */
const deeds = /请|联系|返回|重试/;

describe('miniprogram/texts.ts', () => {
  test('texts › has one for every error code of the server and of the client, and no others', () => {
    expect(Object.keys(texts).toSorted()).toEqual(
      [...Object.keys(errorTable), ...clientErrorCodes].toSorted(),
    );
  });

  test.each(Object.entries(texts))(
    'texts › %s is in Chinese and says what it is and what to do',
    (_, text) => {
      expect(text.title).toMatch(chinese);
      expect(text.title).not.toMatch(/[。，！]/);
      expect(text.title.length).toBeLessThanOrEqual(14);
      expect(text.advice).toMatch(chinese);
      expect(text.advice).toMatch(deeds);
      expect(text.advice).toMatch(/。$/);
    },
  );

  test('texts › no two codes read alike', () => {
    const whole = Object.values(texts).map(({ title, advice }) => title + advice);
    expect(new Set(whole).size).toBe(whole.length);
  });

  test('texts › calls exactly the 403s a refusal', () => {
    const refused = Object.entries(errorTable).filter(([, { status }]) => status === 403);
    const refusals = Object.entries(texts).filter(([, { refusal }]) => refusal);
    expect(refusals.map(([code]) => code)).toEqual(refused.map(([code]) => code));
  });

  test('texts › wait a while (稍后) unless they stand beside something that runs, and speak of no phone', () => {
    const all = [...Object.values(texts), ...Object.values(reviewerTexts)];
    for (const { title, advice } of all) expect(title + advice).not.toMatch(/稍候|手机/);
    // What the server or a developer has to mend is not the member's device or network.
    for (const code of ['server_failed', 'wecom_api_missing']) {
      expect(textOf(code).advice).not.toMatch(/检查网络|更新企业微信|换一个网络/);
    }
  });

  test('textOf() › has something helpful for a code of another backend', () => {
    for (const code of ['', 'quota_exceeded', '__proto__', 'constructor']) {
      expect(textOf(code).title).toMatch(chinese);
      expect(textOf(code).advice).toMatch(deeds);
    }
  });

  test('problemOf() › carries what the operator and the member need', () => {
    const error = new WecomLoginError('rate_limited', {
      status: 429,
      requestId: 'e5f65e01-2d44-457b-bad3-484fd9a1371d',
      retryAfterSeconds: 61,
    });
    expect(problemOf(error)).toEqual({
      code: 'rate_limited',
      title: texts['rate_limited']?.title,
      advice: texts['rate_limited']?.advice,
      number: 'e5f65e01',
      waitSeconds: 61,
    });
    expect(problemOf(new WecomLoginError('offline'))).toMatchObject({ number: '', waitSeconds: 0 });
  });

  test.each([
    [-5, '0 秒'],
    [0.2, '1 秒'],
    [59.5, '1 分钟'],
    [60, '1 分钟'],
    [61, '2 分钟'],
    [3541, '1 小时'],
    [3600, '1 小时'],
    [3660, '1 小时 1 分钟'],
    [28_800, '8 小时'],
  ])('duration() › of %d seconds is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

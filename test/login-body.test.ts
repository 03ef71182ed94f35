import { beforeEach, describe, expect, test } from 'vitest';
import { expectError } from './expect-answer.ts';
import { corpid, worldForAll } from './world.ts';

const nothing = { gettoken: 0, jscode2session: 0, 'user/get': 0 };

describe('POST /login with a body that is not what it should be', () => {
  const all = worldForAll();
  beforeEach(() => all.world.wecom.reset());

  /** Refused before anyone is asked, and not a word of it is logged. */
  async function expectRefused(
    body: string | Uint8Array<ArrayBuffer>,
    reason: 'not_json' | 'shape',
  ): Promise<void> {
    const { world, login } = all;
    const answer = await login.send('POST', '/login', {
      headers: { 'content-type': 'application/json' },
      body,
    });
    expectError(answer, 'invalid_request');
    expect(await login.logOf(answer)).toEqual([
      {
        time: expect.any(String),
        level: 'info',
        event: 'request',
        request_id: answer.body['request_id'],
        scf_request_id: answer.scfRequestId,
        method: 'POST',
        route: '/login',
        status: 400,
        error: 'invalid_request',
        reason,
        ms: expect.any(Number),
        redis_ms: 0,
        redis_calls: 0,
        wecom: [],
      },
    ]);
    expect(world.wecom.counts()).toEqual(nothing);
  }

  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));

  test.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ['empty', ''],
    ['blank', ' \r\n'],
    ['cut off', '{"js_code":"abc'],
    ['two values', '{"js_code":"abc"}{}'],
    ['with a trailing comma', '{"js_code":"abc",}'],
    ['a form', 'js_code=abc'],
    ['NaN', 'NaN'],
    ['with a comment', '{"js_code":"abc"/**/}'],
    ['with a byte order mark', bytes([0xef, 0xbb, 0xbf], '{"js_code":"abc"}')],
    ['invalid UTF-8', bytes('{"js_code":"ab', [0xff, 0xfe], '"}')],
    ['an overlong UTF-8 form', bytes('{"js_code":"ab', [0xc0, 0xaf], '"}')],
    ['UTF-16', Buffer.from('{"js_code":"abc"}', 'utf16le')],
    ['with a NUL', '{"js_code":"abc"}\0'],
    ['with a raw NUL in the string', '{"js_code":"a\0c"}'],
    ['with a raw line break in the string', '{"js_code":"a\r\nc"}'],
  ])('[A3] POST /login › answers 400 invalid_request when the body is %s', (_, body) =>
    expectRefused(body, 'not_json'),
  );

  test.each([
    'null',
    'true',
    '1',
    '"x"',
    '[]',
    '["js_code"]',
    '[{"js_code":"abc"}]',
    '{}',
    '{"code":"abc"}',
    '{"JS_CODE":"abc"}',
    '{"js_code ":"abc"}',
    '{"corpid":"wwcorpa0000000001"}',
    '{"Type":"Timer","TriggerName":"refresh","Time":"2026-01-01T00:00:00Z","Message":""}',
    '['.repeat(2048) + ']'.repeat(2048),
    `{"js_code":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}`,
    `{"js_code":"abc","a":${'['.repeat(1900)}${']'.repeat(1900)}}`,
  ])(
    '[A3 A4 A30] POST /login › answers 400 invalid_request to the JSON %#, which is not the object it takes',
    (body) => expectRefused(body, 'shape'),
  );

  test.each([
    ['a userid', '"userid":"ZhangSan"'],
    ['a role', '"role":"reviewer"'],
    ['an access_token', '"access_token":"x"'],
    ['a member', '"member":{"userid":"ZhangSan"}'],
    ['__proto__', '"__proto__":{"corpid":"wwcorpa0000000001"}'],
    ['an empty __proto__', '"__proto__":null'],
    ['constructor', '"constructor":{"prototype":{"corpid":"x"}}'],
    ['toString', '"toString":"x"'],
    ['hasOwnProperty', '"hasOwnProperty":1'],
    ['an empty key', '"":1'],
  ])(
    '[A5 A6 A12] POST /login › answers 400 invalid_request when the body also brings %s',
    async (_, more) => {
      const { world } = all;
      await expectRefused(`{"js_code":"${world.jsCode()}",${more}}`, 'shape');
      await expectRefused(`{${more},"js_code":"${world.jsCode()}"}`, 'shape');
    },
  );

  test('[A5] POST /login › answers 400 invalid_request when js_code stands in __proto__ only', () =>
    expectRefused('{"__proto__":{"js_code":"abc"}}', 'shape'));

  test.each([
    ['null', null],
    ['a number', 1],
    ['true', true],
    ['an array', ['abc']],
    ['an object', { toString: 'abc' }],
    ['empty', ''],
    ['513 characters long', 'a'.repeat(513)],
    ['with another parameter', 'abc&access_token=x'],
    ['with a fragment', 'abc#x'],
    ['with a question mark', 'abc?x'],
    ['with a slash', '../user/get'],
    ['with a percent sign', 'abc%26x'],
    ['with a plus', 'a+b'],
    ['with an equals sign', 'a='],
    ['with CR and LF', 'abc\r\nX: y'],
    ['with a line break at the end', 'abc\n'],
    ['with a space', 'a b'],
    ['with a space at the end', 'abc '],
    ['with a NUL', 'abc\0'],
    ['of full-width letters', 'ａｂｃ'],
    ['with a Cyrillic look-alike', 'аbc'],
    ['with a zero-width space', 'a\u200bc'],
    ['with a right-to-left override', 'a\u202ec'],
    ['with a lone surrogate', 'a\ud800c'],
    ['with a control sequence', '\u001b[31mred'],
    ['with a forged log line', '","level":"error","event":"forged'],
  ])('[A6 A7 A32] POST /login › answers 400 invalid_request when js_code is %s', (_, js_code) =>
    expectRefused(JSON.stringify({ js_code }), 'shape'),
  );

  test.each([null, 1, true, {}, [corpid], '', ' ', 'ww a', `${corpid}\n`, 'ww&x', '公司', 'w'.repeat(65)])(
    '[A12] POST /login › answers 400 invalid_request when corpid is %j',
    (hint) => expectRefused(JSON.stringify({ js_code: all.world.jsCode(), corpid: hint }), 'shape'),
  );

  test('[A7] POST /login › takes every character that a URL does not reserve, and 512 of them', async () => {
    const { world, login } = all;
    for (const js_code of ['A', 'Az09-_.~', '..', 'a'.repeat(512)]) {
      expectError(await login.login({ js_code }), 'invalid_js_code');
    }
    expect(world.wecom.counts()).toMatchObject({ jscode2session: 4 });
    expect(world.wecom.violations).toEqual([]);
  });

  test('[A3] POST /login › uses the last of two js_code keys, as JSON.parse does', async () => {
    const { world, login } = all;
    const answer = await login.send('POST', '/login', {
      headers: { 'content-type': 'application/json' },
      body: `{"js_code":"first-one","js_code":"${world.jsCode()}"}`,
    });
    expect(answer.status).toBe(200);
    expect(world.wecom.counts()).toMatchObject({ jscode2session: 1 });
  });
});

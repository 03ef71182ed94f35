import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCallback, parseCallbackXml } from '../lib/callback.ts';
import { signedCallback } from '../simulator/wecom/callback.ts';
import { expectError } from './expect-answer.ts';
import { type Answer, corpid, type Login, otherCorpid, secret, startWorld, worldForAll } from './world.ts';

const all = worldForAll();
let callback: Login;
beforeAll(async () => {
  callback = await all.world.startCallback();
});

interface Message {
  /** Whose URL it is sent to. */
  to?: string;
  /** Whose token and key it is made with. */
  by?: string;
  receiver?: string;
  ageSeconds?: number;
  key?: string;
}

/** As document 90968 says, with nothing of the code under test. */
function sealed(text: string, { to = corpid, by = to, receiver = to, ageSeconds = 0, key }: Message = {}) {
  const { token = '', encodingAESKey = '' } = all.world.callbacks[by] ?? {};
  const aesKey = Buffer.from(`${key ?? encodingAESKey}=`, 'base64');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  const plain = Buffer.concat([randomBytes(16), length, Buffer.from(text + receiver)]);
  const pad = 32 - (plain.length % 32);
  const cipher = createCipheriv('aes-256-cbc', aesKey, aesKey.subarray(0, 16)).setAutoPadding(false);
  const encrypt = Buffer.concat([
    cipher.update(plain),
    cipher.update(Buffer.alloc(pad, pad)),
    cipher.final(),
  ]);
  return signed(encrypt.toString('base64'), token, Math.floor(Date.now() / 1000) - ageSeconds);
}

function signed(
  encrypt: string,
  token: string,
  seconds: number | string,
  nonce = randomBytes(6).toString('hex'),
) {
  const timestamp = String(seconds);
  const parts = [token, timestamp, nonce, encrypt].toSorted().join('');
  return { encrypt, timestamp, nonce, msg_signature: createHash('sha1').update(parts).digest('hex') };
}

type Sealed = ReturnType<typeof sealed>;
const queryOf = ({ timestamp, nonce, msg_signature }: Sealed) =>
  new URLSearchParams({ msg_signature, timestamp, nonce }).toString();
const envelope = ({ encrypt }: Sealed, to = corpid) =>
  `<xml><ToUserName><![CDATA[${to}]]></ToUserName><Encrypt><![CDATA[${encrypt}]]></Encrypt><AgentID><![CDATA[218]]></AgentID></xml>`;

const verify = (message: Sealed, to = corpid) =>
  callback.send('GET', `/callback/${to}?${queryOf(message)}&echostr=${encodeURIComponent(message.encrypt)}`);
const post = (message: Sealed, body: string | Uint8Array<ArrayBuffer> = envelope(message), to = corpid) =>
  callback.send('POST', `/callback/${to}?${queryOf(message)}`, {
    headers: { 'content-type': 'text/xml' },
    body,
  });
const deliver = (text: string, options: Message = {}) => {
  const { to = corpid } = options;
  const message = sealed(text, options);
  return post(message, envelope(message, to), to);
};

const nowSeconds = (ageSeconds = 0) => String(Math.floor(Date.now() / 1000) - ageSeconds);
const event = (fields: Record<string, string>) =>
  `<xml>${Object.entries(fields)
    .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
    .join('\n')}</xml>`;
const unsubscribe = (userid: string) =>
  event({
    ToUserName: corpid,
    FromUserName: userid,
    CreateTime: nowSeconds(),
    MsgType: 'event',
    Event: 'unsubscribe',
    AgentID: '1',
  });

async function newSession(userid: string, id = corpid): Promise<unknown> {
  const answer = await all.login.login({ js_code: all.world.jsCode(userid, id), corpid: id });
  expect(answer.status).toBe(200);
  return answer.body['session_token'];
}
const statusOf = async (token: unknown) => (await all.login.withSession('GET', '/session', token)).status;

async function expectAcknowledged(answer: Answer, ...lines: object[]): Promise<void> {
  expect([answer.status, answer.text]).toEqual([200, 'success']);
  expect(await callback.logOf(answer)).toEqual(
    [...lines, { event: 'request', route: '/callback/:corpid', status: 200 }].map((line) =>
      expect.objectContaining(line),
    ),
  );
}

async function expectRejected(answer: Answer, reason: unknown): Promise<void> {
  expectError(answer, 'invalid_request');
  expect(await callback.logOf(answer)).toEqual([
    expect.objectContaining({
      event: 'request',
      level: 'info',
      status: 400,
      error: 'invalid_request',
      reason,
      redis_calls: 0,
    }),
  ]);
}

describe('the verification of the URL', () => {
  test.each([corpid, otherCorpid])('GET /callback/%s › answers the echo bare', async (to) => {
    const echo = '1616140317555161061';
    const answer = await verify(sealed(echo, { to }), to);
    expect([answer.status, answer.text]).toEqual([200, echo]);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await callback.logOf(answer)).toContainEqual(
      expect.objectContaining({ event: 'callback_verified', corpid: to }),
    );
  });

  test('GET /callback/:corpid › answers 400 invalid_request without parameters', async () => {
    await expectRejected(await callback.send('GET', `/callback/${corpid}`), 'signature');
  });

  test('[A46] ANY /callback/:corpid › answers 404 for a company that is not configured, whoever signed', async () => {
    const message = sealed('x', { to: corpid });
    expectError(await verify(message, 'wwstranger0000000'), 'not_found');
    expectError(await post(message, envelope(message), '__proto__'), 'not_found');
    expectError(await post(message, envelope(message), `${corpid}/x`), 'not_found');
    const answer = await callback.send('PUT', `/callback/${corpid}`);
    expectError(answer, 'method_not_allowed', { allow: 'GET, POST' });
  });
});

describe('a callback that is not from WeCom to this company', () => {
  const ping = event({ MsgType: 'event', Event: 'ping' });

  test.each<[string, unknown, (good: Sealed) => Sealed]>([
    ['another signature', 'signature', (good) => ({ ...good, msg_signature: '0'.repeat(40) })],
    [
      'the signature in capitals',
      'signature',
      (good) => ({ ...good, msg_signature: good.msg_signature.toUpperCase() }),
    ],
    ['no signature', 'signature', (good) => ({ ...good, msg_signature: '' })],
    ['a longer signature', 'signature', (good) => ({ ...good, msg_signature: `${good.msg_signature}0` })],
    ['a signature of other letters', 'signature', (good) => ({ ...good, msg_signature: '安'.repeat(40) })],
    ['another nonce', 'signature', (good) => ({ ...good, nonce: 'x' })],
    [
      'another timestamp',
      'signature',
      (good) => ({ ...good, timestamp: String(Number(good.timestamp) + 1) }),
    ],
    [
      'a changed message',
      'signature',
      // One of 64 messages begins with an A.
      (good) => ({ ...good, encrypt: `${good.encrypt.startsWith('A') ? 'B' : 'A'}${good.encrypt.slice(1)}` }),
    ],
    [
      "the other company's token and key",
      'signature',
      () => sealed(ping, { by: otherCorpid, receiver: corpid }),
    ],
    [
      'another AES key',
      // With another key anything may come out.
      expect.stringMatching(/^(not_decrypted|another_receiver)$/),
      () => sealed(ping, { key: randomBytes(32).toString('base64').slice(0, 42).concat('A') }),
    ],
    ['another receiver', 'another_receiver', () => sealed(ping, { receiver: otherCorpid })],
    ['no receiver', 'another_receiver', () => sealed(ping, { receiver: '' })],
    ['11 minutes of age', 'outdated', () => sealed(ping, { ageSeconds: 660 })],
    ['a time 11 minutes ahead', 'outdated', () => sealed(ping, { ageSeconds: -660 })],
    ['a nonce of another form', 'nonce', (good) => signed(good.encrypt, tokenOf(), good.timestamp, 'a b')],
    ['no time', 'outdated', (good) => signed(good.encrypt, tokenOf(), '')],
    ['a time that is none', 'outdated', (good) => signed(good.encrypt, tokenOf(), 'now')],
    ['nothing encrypted', 'not_decrypted', (good) => signed('', tokenOf(), good.timestamp)],
    ['something else encrypted', 'not_decrypted', (good) => signed('AAAA', tokenOf(), good.timestamp)],
  ])('[A46] ANY /callback/:corpid › answers 400 invalid_request to %s', async (_, reason, change) => {
    const message = change(sealed(ping));
    await expectRejected(await post(message), reason);
    await expectRejected(await verify(message), reason);
  });
  const tokenOf = () => all.world.callbacks[corpid]?.token ?? '';

  test('POST /callback/:corpid › takes what is 9 minutes old', async () => {
    await expectAcknowledged(await deliver(ping, { ageSeconds: 540 }), {
      event: 'callback',
      event_name: 'ping',
    });
  });

  test.each<[string, string | Uint8Array<ArrayBuffer>, string]>([
    ['empty', '', 'not_xml'],
    ['JSON', '{"Encrypt":"x"}', 'not_xml'],
    ['cut off', '<xml><Encrypt>', 'signature'],
    ['other XML', '<html><Encrypt>x</Encrypt></html>', 'not_xml'],
    ['without Encrypt', '<xml><ToUserName>x</ToUserName></xml>', 'signature'],
    ['with Encrypt twice', '<xml><Encrypt>x</Encrypt><Encrypt>x</Encrypt></xml>', 'signature'],
    ['with elements in Encrypt', '<xml><Encrypt><a>x</a></Encrypt></xml>', 'signature'],
    ['with a DOCTYPE', '<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>', 'doctype'],
    [
      'with an external entity',
      '<!doctype x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml>&a;</xml>',
      'doctype',
    ],
    ['with an entity nobody declared', '<xml><Encrypt>&a;</Encrypt></xml>', 'signature'],
    ['nested 5,000 deep', `<xml>${'<a>'.repeat(5000)}`, 'not_xml'],
    ['with __proto__', '<xml><__proto__><Encrypt>x</Encrypt></__proto__></xml>', 'not_xml'],
    ['nothing but <', '<'.repeat(16_000), 'not_xml'],
    ['invalid UTF-8', Buffer.from([0x3c, 0xff, 0xfe]), 'not_utf8'],
  ])(
    '[A47] POST /callback/:corpid › answers 400 invalid_request to a body that is %s',
    async (_, body, reason) => {
      await expectRejected(await post(sealed(ping), body), reason);
    },
  );

  test('[A1 A47] POST /callback/:corpid › answers 413 to a body of more than 16 KB', async () => {
    const message = sealed(ping);
    expectError(await post(message, envelope(message).padEnd(16_385)), 'too_large');
    expect((await post(message, envelope(message).padEnd(16_384))).status).toBe(200);
  });

  test('[A47] POST /callback/:corpid › does not open XML with a DOCTYPE even when WeCom signed it', async () => {
    await expectRejected(await deliver(`<!DOCTYPE xml [<!ENTITY a "b">]>${ping}`), 'doctype');
  });
});

describe('a member who leaves', () => {
  const change = (fields: Record<string, string>) =>
    event({ ToUserName: corpid, FromUserName: 'sys', MsgType: 'event', Event: 'change_contact', ...fields });

  test.each<[string, string, (userid: string) => string]>([
    ['unsubscribe', 'unsubscribe', unsubscribe],
    ['delete_user', 'delete_user', (UserID) => change({ ChangeType: 'delete_user', UserID })],
    [
      'update_user with a new userid',
      'update_user',
      (UserID) => change({ ChangeType: 'update_user', UserID, NewUserID: 'New' }),
    ],
    [
      'update_user of one disabled',
      'status_2',
      (UserID) => change({ ChangeType: 'update_user', UserID, Status: '2' }),
    ],
    [
      'update_user of one not activated',
      'status_4',
      (UserID) => change({ ChangeType: 'update_user', UserID, Status: '4' }),
    ],
    [
      'update_user of one who left',
      'status_5',
      (UserID) => change({ ChangeType: 'update_user', UserID, Status: '5' }),
    ],
    [
      'unsubscribe, its elements in another order',
      'unsubscribe',
      (userid) =>
        event({
          Event: 'unsubscribe',
          AgentID: '1',
          MsgType: 'event',
          FromUserName: userid,
          ToUserName: corpid,
        }),
    ],
    [
      'unsubscribe of the userid in other letters',
      'unsubscribe',
      (userid) => unsubscribe(userid.toUpperCase()),
    ],
    [
      'unsubscribe without CDATA',
      'unsubscribe',
      (userid) => unsubscribe(userid).replaceAll(/<!\[CDATA\[|\]\]>/g, ''),
    ],
  ])(
    'POST /callback/:corpid › ends all sessions of a member at once on %s, and nobody else’s',
    async (_, reason, text) => {
      const userid = all.world.addMember();
      all.world.addMember({ corpid: otherCorpid, userid });
      const tokens = [await newSession(userid), await newSession(userid)];
      const [namesake, colleague] = [
        await newSession(userid, otherCorpid),
        await newSession(all.world.addMember()),
      ];
      const message = sealed(text(userid));
      const answer = await post(message);
      const ended = { event: 'session_ended', level: 'warn', corpid, reason };
      await expectAcknowledged(
        answer,
        { ...ended, sessions: 2 },
        { event: 'callback', corpid, type: 'event' },
      );
      const statuses = await Promise.all([...tokens, namesake, colleague].map(statusOf));
      expect(statuses).toEqual([401, 401, 200, 200]);
      // WeCom may deliver twice.
      await expectAcknowledged(await post(message), { event: 'callback' });
    },
  );

  test.each<[string, Record<string, string>]>([
    ['subscribe', { MsgType: 'event', Event: 'subscribe' }],
    ['an event of tomorrow', { MsgType: 'event', Event: 'quantum_leap' }],
    ['a text that looks like an event', { MsgType: 'text', Event: 'unsubscribe' }],
    ['create_user', { MsgType: 'event', Event: 'change_contact', ChangeType: 'create_user' }],
    [
      'update_user without a new userid',
      { MsgType: 'event', Event: 'change_contact', ChangeType: 'update_user' },
    ],
    [
      'update_user of one who is active',
      { MsgType: 'event', Event: 'change_contact', ChangeType: 'update_user', Status: '1' },
    ],
    [
      'update_user with an empty new userid',
      { MsgType: 'event', Event: 'change_contact', ChangeType: 'update_user', NewUserID: '' },
    ],
    ['delete_party', { MsgType: 'event', Event: 'change_contact', ChangeType: 'delete_party' }],
    ['unsubscribe of nobody', { MsgType: 'event', Event: 'unsubscribe', FromUserName: '' }],
  ])('POST /callback/:corpid › acknowledges %s, logs its type and ends nothing', async (_, fields) => {
    const userid = all.world.addMember();
    const token = await newSession(userid);
    const answer = await deliver(event({ FromUserName: userid, UserID: userid, ...fields }));
    const { MsgType: type, Event: event_name } = fields;
    await expectAcknowledged(answer, { event: 'callback', level: 'info', corpid, type, event_name });
    expect(await statusOf(token)).toBe(200);
  });

  test('POST /callback/:corpid › answers 503 while Redis is down, so that WeCom delivers again', async () => {
    const world = await startWorld();
    const url = secret('redis://127.0.0.1:1');
    const [{ token = '', encodingAESKey = '' } = {}] = [all.world.callbacks[corpid]];
    const down = await world.startCallback({
      REDIS_URL: url,
      WECOM_CALLBACKS: `${corpid}:${token}:${encodingAESKey}`,
    });
    const message = sealed(unsubscribe('ZhangSan'));
    const answer = await down.send('POST', `/callback/${corpid}?${queryOf(message)}`, {
      body: envelope(message),
    });
    expectError(answer, 'temporarily_unavailable');
    // What needs no Redis works: WeCom still finds its URL there.
    const echo = sealed('42');
    const path = `/callback/${corpid}?${queryOf(echo)}&echostr=${encodeURIComponent(echo.encrypt)}`;
    expect((await down.send('GET', path)).text).toBe('42');
  });
});

test('[A48] POST /callback/:corpid › refuses a captured message whose time and nonce are exchanged', async () => {
  const { token = '' } = all.world.callbacks[corpid] ?? {};
  const userid = all.world.addMember();
  const session = await newSession(userid);
  const { encrypt } = sealed(unsubscribe(userid).replace(nowSeconds(), nowSeconds(3600)));
  const captured = signed(encrypt, token, nowSeconds(3600), nowSeconds());
  await expectRejected(await post(captured), 'outdated');
  const exchanged = { ...captured, timestamp: captured.nonce, nonce: captured.timestamp };
  await expectRejected(await post(exchanged), 'outdated');
  expect(await statusOf(session)).toBe(200);
});

test('POST /callback/:corpid › takes what the app and the contacts of one company send with different tokens', async () => {
  const world = await startWorld();
  const two = [0, 1].map(() => ({
    token: secret(randomBytes(16).toString('hex')),
    encodingAESKey: secret(randomBytes(32).toString('base64').slice(0, 42).concat('A')),
  }));
  const entries = two.map(({ token, encodingAESKey }) => `${corpid}:${token}:${encodingAESKey}`);
  const both = await world.startCallback({ WECOM_CALLBACKS: entries.join(',') });
  for (const settings of two) {
    const { path, body } = signedCallback(
      { corpid, ...settings },
      event({ MsgType: 'event', Event: 'ping' }),
    );
    expect((await both.send('POST', path, { body })).status).toBe(200);
  }
  const crossed = signedCallback(
    { corpid, token: two[0]?.token ?? '', encodingAESKey: two[1]?.encodingAESKey ?? '' },
    event({ MsgType: 'event', Event: 'ping' }),
  );
  expect((await both.send('POST', crossed.path, { body: crossed.body })).status).toBe(400);
});

test('functions/callback › names everything its environment lacks, and needs nothing else', async () => {
  const world = await startWorld();
  const started = world.startWeb('callback', {});
  await expect(started).rejects.toThrow(/WECOM_CALLBACKS: is missing.*REDIS_URL: is missing/);
  await expect(started).rejects.not.toThrow(/WECOM_CORPS|ENCRYPTION_KEY/);
});

test('the official vectors › are opened at their time, and only then', () => {
  const { vectors } = JSON.parse(readFileSync('test/vectors/vectors_callback.json', 'utf8')) as {
    vectors: Record<
      'token' | 'encodingAesKey' | 'receiveId' | 'timestamp' | 'nonce' | 'msgSignature' | 'plain',
      string
    >[] &
      { encrypt?: string; echostr?: string }[];
  };
  expect(vectors).toHaveLength(2);
  for (const vector of vectors) {
    const { token, encodingAesKey: encodingAESKey, receiveId, timestamp, nonce, encrypt, echostr } = vector;
    const query = { timestamp, nonce, msg_signature: vector.msgSignature };
    const open = (id: string, seconds: number) =>
      openCallback([{ corpid: id, token, encodingAESKey }], query, encrypt ?? echostr ?? '', seconds * 1000);
    expect(open(receiveId, Number(timestamp) + 600)).toBe(vector.plain);
    expect(() => open(receiveId, Number(timestamp) + 601)).toThrow('invalid_request');
    expect(() => open(corpid, Number(timestamp))).toThrow('invalid_request');
  }
  expect(parseCallbackXml(vectors[0]?.plain ?? '')).toMatchObject({ MsgType: 'text', Content: 'hello' });
});

import { randomBytes } from 'node:crypto';
import { encrypt, getSignature } from '@wecom/crypto';
import { expect, test } from 'vitest';
import { signedCallback } from '../../simulator/wecom/callback.ts';
import { figure } from '../reliability/figure.ts';
import type { Random } from '../simulation/random.ts';
import { corpid, otherCorpid, quickRedis, startWorld, type World } from '../world.ts';
import type { FuzzTarget, OwnRequest } from './fuzz-requests.ts';
import { mutated, plainText } from './fuzz-text.ts';
import { fuzz, type FuzzResult, fuzzSeed } from './fuzzer.ts';
import { reviewersOn } from './reviewers.ts';

const seed = fuzzSeed();
/** `FUZZ_REQUESTS=200000` for a long run. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 15_000);
const json = { 'content-type': 'application/json' };
/** A member has logged in from here before, so it stays admitted however many codes fail elsewhere. */
const office = { 'x-forwarded-for': '81.200.0.1' };

/** As a client that is in order would send it, and what comes of it. */
async function loginTarget(url: string, world: World): Promise<FuzzTarget> {
  const post = async (js_code: string) => {
    const headers = { ...json, ...office };
    const answer = await fetch(`${url}/login`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ js_code }),
    });
    return (await answer.json()) as { session_token: string };
  };
  world.addMember({ userid: 'Colleague' });
  const { session_token } = await post(world.jsCode());
  const userdata = JSON.stringify(
    world.wecom.encryptUserData({ corpid, userid: 'ZhangSan' }, { gender: '1' }),
  );
  const bearer = { authorization: `Bearer ${session_token}` };
  const stranger = (random: Random) => ({
    authorization: `Bearer s1.${plainText(random, 22)}.${plainText(random, 43)}`.replaceAll(/[~+/=:,]/g, 'a'),
  });
  const login = (body: string, status: number, headers = json): OwnRequest => ({
    method: 'POST',
    path: '/login',
    headers: { ...office, ...headers },
    body,
    status,
  });
  return {
    paths: [
      '/login',
      '/login',
      '/login/reviewer',
      '/session',
      '/session?all=true',
      '/userdata',
      '/health',
      '/',
    ],
    bodies: [
      '{"js_code":"MARKER"}',
      `{"js_code":"MARKER","corpid":"${corpid}"}`,
      '{"account":"MARKER","password":"x"}',
      userdata,
    ],
    headers: { authorization: `Bearer s1.${'a'.repeat(22)}.${'b'.repeat(43)}` },
    ownShare: 0.3,
    own: [
      () => ({ method: 'GET', path: '/health', status: 200 }),
      () => ({ method: 'GET', path: '/WW_verify_AbC123.txt', status: 200 }),
      () => ({ method: 'GET', path: '/session', headers: bearer, status: 200 }),
      (random) => ({ method: 'GET', path: '/session', headers: stranger(random), status: 401 }),
      (random) => ({ method: 'DELETE', path: '/session?all=true', headers: stranger(random), status: 401 }),
      (random) => ({
        method: 'POST',
        path: '/userdata',
        headers: { ...stranger(random), ...json },
        body: '{}',
        status: 401,
      }),
      () => ({
        method: 'POST',
        path: '/userdata',
        headers: { ...bearer, ...json },
        body: userdata,
        status: 200,
      }),
      (random) => ({
        method: 'POST',
        path: '/userdata',
        headers: { ...bearer, ...json },
        body: mutated(random, userdata),
      }),
      () => ({ method: 'PUT', path: '/login', status: 405 }),
      (random) => ({ method: 'GET', path: `/${random.integer(0, 1e9)}`, status: 404 }),
      // One in forty of these: each is three calls to WeCom.
      (random) =>
        random.chance(0.025)
          ? login(JSON.stringify({ js_code: world.jsCode('Colleague') }), 200)
          : login('{}', 400),
      () => login('{"js_code":"x"}'.padEnd(4097), 413),
      () => login('js_code=x', 415, { 'content-type': 'text/plain' }),
    ],
  };
}

function callbackTarget(world: World): FuzzTarget {
  const { token = '', encodingAESKey = '' } = world.callbacks[corpid] ?? {};
  const settings = { corpid, token, encodingAESKey };
  const event = (fields: Record<string, string>) =>
    `<xml>${Object.entries(fields)
      .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
      .join('')}</xml>`;
  const leaver = (userid: string) =>
    event({ ToUserName: corpid, FromUserName: userid, MsgType: 'event', Event: 'unsubscribe', AgentID: '1' });
  const now = () => String(Math.floor(Date.now() / 1000));
  /** With a signature that is right, around anything. */
  const signed = (encrypted: string, method: 'GET' | 'POST'): OwnRequest => {
    const [timestamp, nonce] = [now(), '1'];
    const query = new URLSearchParams({
      msg_signature: getSignature(token, timestamp, nonce, encrypted),
      timestamp,
      nonce,
      ...(method === 'GET' && { echostr: encrypted }),
    });
    const path = `/callback/${corpid}?${query.toString()}`;
    return method === 'GET' ? { method, path } : { method, path, body: event({ Encrypt: encrypted }) };
  };
  const delivered = (text: string): OwnRequest => ({ method: 'POST', ...signedCallback(settings, text) });
  const someone = (random: Random) => leaver(`fuzz${random.integer(0, 99)}`);
  return {
    paths: [
      `/callback/${corpid}?msg_signature=${'0'.repeat(40)}&timestamp=${now()}&nonce=1&echostr=AAAA`,
      `/callback/${otherCorpid}`,
      '/callback/x',
      '/callback/',
      '/health',
    ],
    bodies: [
      leaver('MARKER'),
      event({ ToUserName: corpid, Encrypt: 'MARKER'.repeat(40) }),
      delivered(leaver('x')).body ?? '',
    ],
    headers: {},
    ownShare: 0.6,
    own: [
      (random) => ({ ...delivered(someone(random)), status: 200 }),
      () => ({ ...signed(encrypt(encodingAESKey, '1616140317555161061', corpid), 'GET'), status: 200 }),
      (random) => delivered(mutated(random, someone(random))),
      (random) => delivered(mutated(random, `${someone(random)}${someone(random)}`)),
      (random) => signed(mutated(random, encrypt(encodingAESKey, someone(random), corpid)), 'POST'),
      (random) => ({
        ...signed(encrypt(encodingAESKey, someone(random), otherCorpid), random.pick(['GET', 'POST'])),
        status: 400,
      }),
      (random) =>
        signed(randomBytes(16 * random.integer(0, 12)).toString('base64'), random.pick(['GET', 'POST'])),
      (random) => ({
        ...delivered(someone(random)),
        body: mutated(random, delivered(someone(random)).body ?? ''),
      }),
    ],
  };
}

async function fuzzLogin(): Promise<FuzzResult> {
  const world = await startWorld(quickRedis);
  const environment = world.environment({ ...reviewersOn('x'), WECOM_DOMAIN_VERIFY: 'AbC123' });
  const count = Math.round(requests * 0.75);
  const result = await fuzz('login', environment, ({ url }) => loginTarget(url, world), { count, seed });
  expect(result.statuses[200]).toBeGreaterThan(count / 100);
  expect(world.wecom.violations).toEqual([]);
  return result;
}

async function fuzzCallback(): Promise<FuzzResult> {
  const world = await startWorld(quickRedis);
  const entries = Object.entries(world.callbacks);
  const environment = {
    REDIS_URL: world.redis.url,
    WECOM_CALLBACKS: entries
      .map(([id, { token, encodingAESKey }]) => `${id}:${token}:${encodingAESKey}`)
      .join(','),
  };
  const count = Math.round(requests * 0.25);
  const result = await fuzz('callback', environment, async () => callbackTarget(world), { count, seed });
  expect(result.statuses[200]).toBeGreaterThan(count / 100);
  return result;
}

// Both at once: one alone would leave half of two cores idle. Ten times the time it takes on a machine of its own.
test(
  '[G7 A3 A4 A6 A28 A46 A47] login and callback › answer nothing undocumented to odd requests, however many, and do not grow',
  { timeout: 600_000 },
  async () => {
    const startMs = performance.now();
    const results = await Promise.all([fuzzLogin(), fuzzCallback()]);
    const seconds = Math.round((performance.now() - startMs) / 1000);
    const answered = results.reduce((sum, result) => sum + result.answered, 0);
    const heap = Math.max(...results.map((result) => result.heapBytesMore));
    const statuses = [...new Set(results.flatMap((result) => Object.keys(result.statuses)))].toSorted();
    const text =
      `${answered} answers, only ${statuses.join(', ')}, each as documented; ` +
      `heap of a process ${(heap / 1e6).toFixed(1)} MB more`;
    figure('G7', text);
    console.info(`${text}; ${seconds} s, FUZZ_SEED=${seed}`);
  },
);

// Every way in which an answer of WeCom can be broken.
import { expect, test } from 'vitest';
import type { Endpoint } from '../../simulator/wecom/answer.ts';
import type { FaultKind } from '../../simulator/wecom/faults.ts';
import { expectError } from '../expect-answer.ts';
import { endPauses } from '../token-state.ts';
import { allLetIn, quickRedis, secret, startWorld } from '../world.ts';

const rst = { kind: 'cut', how: 'rst' } as const;
const fin = { kind: 'cut', how: 'fin' } as const;
const faults: Record<string, FaultKind> = {
  'no answer': { kind: 'hang', effect: true },
  'headers, then nothing': { kind: 'stall' },
  'one byte at a time': { kind: 'drip', ms: 200 },
  'RST before the answer': { ...rst, at: 'before' },
  'FIN before the answer': { ...fin, at: 'before' },
  'RST in the body': { ...rst, at: 'mid_body' },
  'FIN in the body': { ...fin, at: 'mid_body' },
  'half a JSON': { kind: 'truncated' },
  '502 in HTML': { kind: 'html', status: 502 },
  '200 in HTML': { kind: 'html', status: 200 },
  'an empty object': { kind: 'body', body: '{}' },
  null: { kind: 'body', body: 'null' },
  'a list': { kind: 'body', body: '[]' },
  'nothing at all': { kind: 'body', body: '' },
  'not gzip': { kind: 'body', body: 'x', headers: { 'Content-Encoding': 'gzip' } },
  'an errcode that is none': { kind: 'fields', fields: { errcode: 'ok' } },
  'an endless body': { kind: 'endless' },
  'a redirect': { kind: 'redirect' },
};
const fields = (changes: Record<string, unknown>): FaultKind => ({ kind: 'fields', fields: changes });
const gettokenOnly: Record<string, FaultKind> = {
  'expires_in as a word': fields({ expires_in: 'two hours' }),
  'expires_in 0': fields({ expires_in: 0 }),
  'expires_in -1': fields({ expires_in: -1 }),
  'expires_in 1e9': fields({ expires_in: 1e9 }),
  'no expires_in': fields({ expires_in: undefined }),
  'no token': fields({ access_token: undefined }),
  'a token of 10 KB': fields({ access_token: 'x'.repeat(10_240) }),
  'a token with a blank': fields({ access_token: 'x y' }),
};
const perEndpoint: Record<Endpoint, Record<string, FaultKind>> = {
  gettoken: { ...faults, ...gettokenOnly },
  jscode2session: faults,
  // Its fields are all optional, so an empty object is a member without a name.
  'user/get': Object.fromEntries(Object.entries(faults).filter(([name]) => name !== 'an empty object')),
};

test.each(Object.entries(perEndpoint) as [Endpoint, Record<string, FaultKind>][])(
  '[W14 W15 W16] POST /login › answers 503 in time for every broken answer of %s, and 200 when it is whole again',
  async (endpoint, kinds) => {
    const world = await startWorld(quickRedis);
    // A company for each fault, so that all can happen in one process at the same time.
    const companies = Object.entries(kinds).map(([name, kind], i) => {
      const id = `wwfault${i}`;
      const corpsecret = secret(`corpsecret-${id}-of-this-test`);
      world.wecom.addCompany({ corpid: id, corpsecret });
      world.wecom.addMember({ corpid: id, userid: 'ZhangSan', name: '张三' });
      world.wecom.fault({ endpoint, corpid: id, ...kind });
      return { id, corpsecret, name };
    });
    const corps = companies.map(({ id, corpsecret }) => `${id}:${corpsecret}`).join(',');
    const login = await world.startLogin({ WECOM_CORPS: corps });
    const outcomes = await Promise.all(
      companies.map(async ({ id, name }) => {
        const answer = await login.login({ js_code: world.jsCode('ZhangSan', id), corpid: id });
        expectError(answer, 'temporarily_unavailable');
        const { gettoken, jscode2session } = world.wecom.counts(id);
        return [name, gettoken, jscode2session];
      }),
    );
    const upTo = (most: number) => expect.toSatisfy((calls) => calls >= 1 && calls <= most);
    // A js_code that may be spent is not sent again; only a connection that had served before and breaks without
    // a byte of an answer is taken for one that died unnoticed, and whether one is used depends on the others.
    const perTry = (name: string) => (name.endsWith('before the answer') ? 2 : 1);
    const sent = (name: string) => (endpoint === 'gettoken' ? 0 : upTo(perTry(name)));
    // What fails quickly is asked once more.
    const asked = (name: string) => (endpoint === 'gettoken' ? upTo(2 * perTry(name)) : 1);
    expect(outcomes).toEqual(companies.map(({ name }) => [name, asked(name), sent(name)]));
    const failures = login.logged(endpoint === 'gettoken' ? 'gettoken_failed' : 'wecom_failed');
    expect(new Set(failures.map(({ level, corpid }) => `${level} ${corpid}`))).toEqual(
      new Set(companies.map(({ id }) => `error ${id}`)),
    );
    expect(world.wecom.violations).toEqual([]);

    world.wecom.clearFaults();
    await endPauses(world);
    await Promise.all(companies.map(({ id }) => allLetIn(world, [login], 1, id)));
    expect(login.logged('crashed')).toEqual([]);
  },
);

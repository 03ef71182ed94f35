// A WeCom simulator that lives as long as the worker of these files, and a plain client for it.
import { once } from 'node:events';
import http from 'node:http';
import { expect, onTestFinished } from 'vitest';
import type { Endpoint } from '../../simulator/wecom/answer.ts';
import type { Call } from '../../simulator/wecom/calls.ts';
import type { MemberInput } from '../../simulator/wecom/directory.ts';
import type { FaultKind } from '../../simulator/wecom/faults.ts';
import { startWecom, type Wecom } from '../../simulator/wecom/server.ts';

export const wecom = await startWecom({ appid: 'wxtest0000000001' });
let companies = 0;

export type Body = Record<string, unknown>;

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null;
}

export function bodyOf(value: unknown): Body {
  if (!isBody(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value;
}

export const urlOf = (path: string, params: Record<string, string>) =>
  `${wecom.url}/cgi-bin/${path}?${new URLSearchParams(params).toString()}`;

export async function get(path: string, params: Record<string, string>, init?: RequestInit): Promise<Body> {
  const response = await fetch(urlOf(path, params), init);
  expect(response.status).toBe(200);
  return bodyOf(await response.json());
}

/** gettoken without a look at status or body. */
export const rawGettoken = (corpid: string, corpsecret: string, init?: RequestInit) =>
  fetch(urlOf('gettoken', { corpid, corpsecret }), init);

export const exchange = (access_token: string, js_code: string, init?: RequestInit) =>
  get('miniprogram/jscode2session', { access_token, js_code, grant_type: 'authorization_code' }, init);

export const userGet = (access_token: string, userid = 'ZhangSan') =>
  get('user/get', { access_token, userid });

/** A response by node:http, for what fetch hides: chunks and the connection it came on. */
export function open(
  url: string,
  agent?: http.Agent,
): Promise<{ res: http.IncomingMessage; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const req = http.get(url, agent ? { agent } : {}, (res) => resolve({ res, reused: req.reusedSocket }));
    req.on('error', reject);
  });
}

export async function chunksOf(res: http.IncomingMessage): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  res.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(res, 'end');
  return chunks;
}

/** A company of the test's own with one member. */
export function newCompany(member: Partial<MemberInput> = {}, linked = true) {
  companies += 1;
  const corpid = `ww${String(companies).padStart(16, '0')}`;
  const corpsecret = `secret-${companies}`;
  const person = { corpid, userid: 'ZhangSan' };
  wecom.addCompany({ corpid, corpsecret, linked });
  wecom.addMember({ ...person, name: '张三', ...member });
  const gettoken = () => get('gettoken', { corpid, corpsecret });
  const token = async () => String((await gettoken())['access_token']);
  const jsCode = () => wecom.createJsCode(person);
  return { corpid, corpsecret, person, gettoken, token, jsCode };
}

/** Turns switches for one test; others of this file never see them. */
export function set(settings: Parameters<Wecom['set']>[0]): void {
  wecom.set(settings);
  onTestFinished(() => wecom.reset());
}

export function fault(corpid: string, kind: FaultKind, endpoint: Endpoint = 'gettoken', times = 1): void {
  wecom.fault({ endpoint, corpid, times, ...kind });
  onTestFinished(() => wecom.clearFaults());
}

/** Resolves with the next finished call of the company. */
export function nextCall(corpid: string): Promise<Call> {
  return new Promise((resolve) => {
    const stop = wecom.onCall((call) => {
      if (call.corpid !== corpid) return;
      stop();
      resolve(call);
    });
  });
}

export async function expectErrcode(answer: Promise<Body>, errcode: number): Promise<Body> {
  const body = await answer;
  expect(body).toMatchObject({ errcode });
  return body;
}

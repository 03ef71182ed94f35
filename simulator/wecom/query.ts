// Checks the form of a request to WeCom, more strictly than WeCom does.
import type { AnyEndpoint } from './answer.ts';

const expectedKeys: Record<AnyEndpoint, readonly string[]> = {
  gettoken: ['corpid', 'corpsecret'],
  jscode2session: ['access_token', 'js_code', 'grant_type'],
  'user/get': ['access_token', 'userid'],
  'agent/list': ['access_token'],
  'agent/get': ['access_token', 'agentid'],
  'message/send': ['access_token'],
  'department/simplelist': ['access_token'],
  'department/list': ['access_token'],
  'tag/get': ['access_token', 'tagid'],
};
/** In the query without being required. */
const optionalKeys: Partial<Record<AnyEndpoint, readonly string[]>> = {
  'department/simplelist': ['id'],
  'department/list': ['id'],
};
const posts: ReadonlySet<AnyEndpoint> = new Set(['message/send']);

/**
 * Returns what is wrong with the method, the query or the type of the body of a request, or undefined.
 *
 * WeCom ignores unknown keys. Here they are an error: either a client's mistake (`debug=1`) or a value that was not
 * percent-encoded. The text names keys, never values.
 * @see https://developer.work.weixin.qq.com/document/path/91507
 */
export function requestProblem(
  endpoint: AnyEndpoint,
  method: string,
  query: URLSearchParams,
  contentType: string | undefined,
): string | undefined {
  const isPost = posts.has(endpoint);
  if (method !== (isPost ? 'POST' : 'GET')) return `method ${method}, expected ${isPost ? 'POST' : 'GET'}`;
  if (isPost && contentType !== 'application/json') return 'the body is not application/json';
  const expected = [
    ...expectedKeys[endpoint],
    ...(optionalKeys[endpoint] ?? []).filter((key) => query.has(key)),
  ];
  const keys = [...query.keys()];
  const surplus = keys.find((key) => !expected.includes(key));
  if (surplus !== undefined) return `unexpected query key ${JSON.stringify(surplus.slice(0, 64))}`;
  const repeated = keys.find((key, position) => keys.indexOf(key) !== position);
  if (repeated !== undefined) return `query key ${repeated} repeated`;
  const missing = expected.find((key) => !query.get(key));
  if (missing !== undefined) return `query key ${missing} missing`;
  if (endpoint === 'jscode2session' && query.get('grant_type') !== 'authorization_code') {
    return 'grant_type is not authorization_code';
  }
  return undefined;
}

// WECOM_CALLERS and WECOM_APIS of the environment: which systems may call WeCom through us, and what. Trusts no value.
import { hash, timingSafeEqual } from 'node:crypto';
import { isAnyTwice, type Variables } from './environment.ts';
import type { Corp } from './wecom.ts';

/** A system of the company that calls WeCom through us. */
export interface WecomCaller {
  /** For the audit log. */
  name: string;
  /** SHA-256 of its key. The key has 256 random bits, so the hash needs no salt and no slow function. */
  keyHash: Buffer;
  corp: Corp;
}

/** The name of an API as in WeCom's documentation, without `/cgi-bin/`: `message/send`. */
export const apiForm = /^[a-z0-9_]+(\/[a-z0-9_]+){0,5}$/;
/** Their answers hold a credential, or they need another token than the app's. */
const unsafeApi = /token|ticket|secret|session|suite|provider|permanent/;
const apisMax = 100;

/** Reads WECOM_CALLERS (`name:SHA-256 of its key[:corpid]`, without a corpid the first company) and WECOM_APIS. */
export function readWecomCallers(
  variables: Variables,
  corps: readonly [Corp, ...Corp[]],
): { callers: WecomCaller[]; apis: string[] } {
  const name = 'WECOM_CALLERS';
  variables.required(name);
  const form = 'name:SHA-256 of its key in hex, with :corpid for another company';
  const callers = variables.list(name, form, (fields): WecomCaller | undefined => {
    const [caller = '', keyHash = '', corpid = corps[0].corpid, ...rest] = fields;
    const corp = corps.find((one) => one.corpid === corpid);
    const isValid =
      rest.length === 0 && /^[A-Za-z0-9_-]{1,32}$/.test(caller) && /^[0-9a-f]{64}$/.test(keyHash);
    return corp && isValid ? { name: caller, keyHash: Buffer.from(keyHash, 'hex'), corp } : undefined;
  });
  if (isAnyTwice(callers.map((caller) => caller.name))) variables.problem(name, 'holds a name twice');
  if (isAnyTwice(callers.map(({ keyHash }) => keyHash.toString('hex')))) {
    variables.problem(name, 'holds a key twice');
  }
  variables.required('WECOM_APIS');
  const apis = [...new Set(variables.items('WECOM_APIS'))];
  if (!apis.every((api) => apiForm.test(api)) || apis.length > apisMax) {
    variables.problem(
      'WECOM_APIS',
      `must be at most ${apisMax} names like message/send, separated by commas`,
    );
  }
  if (apis.some((api) => unsafeApi.test(api))) {
    variables.problem('WECOM_APIS', 'holds an API that answers with a credential');
  }
  return { callers, apis };
}

/** Returns the caller with this key. */
export function callerWith(callers: readonly WecomCaller[], key: string): WecomCaller | undefined {
  const given = hash('sha256', key, 'buffer');
  return callers.find(({ keyHash }) => timingSafeEqual(keyHash, given));
}

// The only reader of process.env. Trusts no value: all problems are named together, never with a value, in a
// `ConfigError`.
import { isIP } from 'node:net';
import { type Environment, isAnyTwice, readEnvironment, type Variables } from './environment.ts';
import { readMemberFields } from './member-fields.ts';
import { corpidForm } from './person.ts';
import { readRedisAddress } from './redis-address.ts';
import { parsePasswordHash } from './reviewer.ts';
import { readRoles } from './role-rules.ts';
import type { Corp } from './wecom.ts';
import { readWecomCallers } from './wecom-callers.ts';

/** What a function needs to find out who is calling; your own functions use it too. */
export type ServicesConfig = ReturnType<typeof servicesConfig>;

/** A company's 接收消息 settings. */
export interface Callback {
  corpid: string;
  token: string;
  encodingAESKey: string;
}

/** The public test company of WeChat DevTools: its secret is published and anyone can be in it. */
const testCorpid = 'ww17f8d10783494584';

export function readRefreshConfig(environment: Environment = process.env) {
  return readEnvironment(environment, refreshConfig);
}

export function readServicesConfig(environment: Environment = process.env) {
  return readEnvironment(environment, servicesConfig);
}

export function readLoginConfig(environment: Environment = process.env) {
  return readEnvironment(environment, (variables) => {
    const services = servicesConfig(variables);
    const reviewing = reviewers(variables);
    // With a hash, passwords can be tried without our limits.
    const hashes = reviewing.reviewers.map(({ hash }) => hash.key.toString('base64url'));
    return {
      ...services,
      ...reviewing,
      secrets: [...services.secrets, ...hashes],
      domainVerify: domainVerify(variables),
      appid: appid(variables),
    };
  });
}

export function readCallbackConfig(environment: Environment = process.env) {
  return readEnvironment(environment, (variables) => {
    const parsed = callbacks(variables);
    const redis = readRedisAddress(variables);
    const secrets = parsed.flatMap(({ token, encodingAESKey }) => [token, encodingAESKey]);
    return {
      callbacks: parsed,
      redis,
      secrets: [...secrets, redis.password ?? ''],
      ...listening(variables),
    };
  });
}

/** For the function that calls WeCom for other systems. */
export function readWecomConfig(environment: Environment = process.env) {
  return readEnvironment(environment, (variables) => {
    const refresh = refreshConfig(variables);
    return { ...refresh, ...readWecomCallers(variables, refresh.corps), ...listening(variables) };
  });
}

function servicesConfig(variables: Variables) {
  const { integer } = variables;
  const recheckSeconds = integer('MEMBER_RECHECK_SECONDS', 600, 1, 86_400);
  // With a grace period shorter than the time between two checks, each check would be too late.
  const graceSeconds = Math.max(recheckSeconds, integer('MEMBER_RECHECK_GRACE_SECONDS', 1800, 60, 86_400));
  const refresh = refreshConfig(variables);
  return {
    ...refresh,
    session: {
      idleSeconds: integer('SESSION_IDLE_SECONDS', 1800, 60, 86_400),
      maxSeconds: integer('SESSION_MAX_SECONDS', 28_800, 300, 2_592_000),
    },
    recheck: { recheckSeconds, graceSeconds },
    memberFields: readMemberFields(variables),
    roles: readRoles(variables, refresh.corps),
    ...listening(variables),
  };
}

function refreshConfig(variables: Variables) {
  const redis = readRedisAddress(variables);
  const parsedCorps = corps(variables);
  const corpsecrets = parsedCorps.map(({ corpsecret }) => corpsecret);
  return {
    corps: parsedCorps,
    redis,
    encryptionKeys: encryptionKeys(variables),
    wecomBaseUrl: wecomBaseUrl(variables),
    /** Values that must never be written anywhere. */
    secrets: [...corpsecrets, redis.password ?? '', ...variables.items('ENCRYPTION_KEY')],
  };
}

/** The allow-list of companies; the first is the default. */
function corps(variables: Variables): [Corp, ...Corp[]] {
  const name = 'WECOM_CORPS';
  const allowTestCorp = variables.text('ALLOW_TEST_CORP');
  if (!['', 'true', 'false'].includes(allowTestCorp)) {
    variables.problem('ALLOW_TEST_CORP', 'must be true or false');
  }
  variables.required(name);
  const parsed = variables.list(name, 'corpid:corpsecret', ([corpid = '', corpsecret = '', ...rest]) => {
    if (corpid === testCorpid && allowTestCorp !== 'true') {
      variables.problem(name, 'holds the public test company of WeChat DevTools; see ALLOW_TEST_CORP');
    }
    const isValid = rest.length === 0 && corpidForm.test(corpid) && /^[\x21-\x7e]{1,128}$/.test(corpsecret);
    return isValid ? { corpid, corpsecret } : undefined;
  });
  if (isAnyTwice(parsed.map(({ corpid }) => corpid))) variables.problem(name, 'holds a corpid twice');
  const [first = { corpid: '', corpsecret: '' }, ...others] = parsed;
  return [first, ...others];
}

/** 32 bytes each; the first seals, all open. */
function encryptionKeys(variables: Variables): [Buffer, ...Buffer[]] {
  const name = 'ENCRYPTION_KEY';
  variables.required(name);
  const keys = variables
    .items(name)
    .map((encoded) => ({ encoded, bytes: Buffer.from(encoded, 'base64url') }));
  // A placeholder such as AAAA…A has 32 bytes too.
  const unusable = keys.some(
    ({ encoded, bytes }) =>
      bytes.length !== 32 || bytes.toString('base64url') !== encoded || new Set(bytes).size < 8,
  );
  const [first = Buffer.alloc(32), ...older] = keys.map(({ bytes }) => bytes);
  if (unusable || older.length > 1) {
    variables.problem(name, 'must be 32 random bytes in base64url; new,old while rotating');
  }
  return [first, ...older];
}

function wecomBaseUrl(variables: Variables): string {
  const value = variables.text('WECOM_BASE_URL') || 'https://qyapi.weixin.qq.com';
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const loopback = url && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  const schemeAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback);
  const bare = url?.href === `${url?.origin}/`;
  if (!schemeAllowed || !bare) {
    variables.problem('WECOM_BASE_URL', 'must be https://host (http:// only for loopback), without a path');
  }
  return url?.origin ?? '';
}

/** Codes of WW_verify_<code>.txt. */
function domainVerify(variables: Variables): string[] {
  const codes = variables.items('WECOM_DOMAIN_VERIFY');
  if (!codes.every((code) => /^[A-Za-z0-9]{1,64}$/.test(code))) {
    variables.problem('WECOM_DOMAIN_VERIFY', 'must be the letters and digits of WW_verify_<code>.txt');
  }
  return [...new Set(codes)];
}

/** The mini-program's; `''` if it is not checked. */
function appid(variables: Variables): string {
  const value = variables.text('WECOM_APPID');
  if (!/^(wx[0-9a-zA-Z]{1,62})?$/.test(value)) variables.problem('WECOM_APPID', 'must look like wx…');
  return value;
}

/** Where a Web function listens; port 0: any free one. */
function listening(variables: Variables) {
  const host = variables.text('LISTEN_HOST') || '127.0.0.1';
  if (isIP(host) === 0) variables.problem('LISTEN_HOST', 'must be an IP address such as 0.0.0.0');
  return { host, port: variables.integer('PORT', 9000, 0, 65_535) };
}

function callbacks(variables: Variables): Callback[] {
  const name = 'WECOM_CALLBACKS';
  variables.required(name);
  const parsed = variables.list(name, 'corpid:token:encodingAESKey', (fields) => {
    const [corpid = '', token = '', encodingAESKey = '', ...rest] = fields;
    const isValid =
      rest.length === 0 &&
      corpidForm.test(corpid) &&
      /^[A-Za-z0-9]{1,32}$/.test(token) &&
      /^[A-Za-z0-9+/]{43}$/.test(encodingAESKey);
    return isValid ? { corpid, token, encodingAESKey } : undefined;
  });
  if (isAnyTwice(parsed.map(({ corpid, token }) => `${corpid}:${token}`))) {
    variables.problem(name, 'holds a corpid twice with the same token');
  }
  return parsed;
}

/** Reviewers may log in only with both settings, and only until the end of that day in China. */
function reviewers(variables: Variables) {
  const name = 'REVIEWERS';
  const parsed = variables.list(name, 'account:hash, as npm run reviewer prints it', (fields) => {
    const [account = '', text = '', ...rest] = fields;
    const hash = parsePasswordHash(text);
    const isValid = rest.length === 0 && /^[A-Za-z0-9_.@-]{1,64}$/.test(account);
    return hash && isValid ? { account, hash } : undefined;
  });
  if (isAnyTwice(parsed.map(({ account }) => account.toLowerCase()))) {
    variables.problem(name, 'holds an account twice');
  }
  const until = variables.text('REVIEWERS_UNTIL');
  const startOfDay = /^\d{4}-\d{2}-\d{2}$/.test(until) ? Date.parse(`${until}T00:00:00+08:00`) : Number.NaN;
  if (until !== '' && (Number.isNaN(startOfDay) || dayInChina(startOfDay) !== until)) {
    variables.problem('REVIEWERS_UNTIL', 'must be a day like 2026-01-31');
  }
  /** From this time no reviewer may log in. Milliseconds since 1970. */
  const reviewersUntil = until === '' ? 0 : startOfDay + 86_400_000;
  return { reviewers: parsed, reviewersUntil };
}

/** Returns the day of a time in China. Detects February 30, which Date.parse accepts as March 2. */
function dayInChina(wallMs: number): string {
  return new Date(wallMs + 8 * 3_600_000).toISOString().slice(0, 10);
}

// The only reader of process.env. Trusts no value: at start it names all problems together, never with a value.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Environment, readEnvironment, type Variables } from './environment.ts';
import type { RecheckLimits } from './permission.ts';
import type { RedisAddress } from './redis-address.ts';
import { parsePasswordHash, type Reviewer } from './reviewer.ts';
import type { SessionLimits } from './session.ts';
import type { Corp } from './wecom.ts';

export interface RefreshConfig {
  corps: readonly [Corp, ...Corp[]];
  redis: RedisAddress;
  /** 32 bytes each; the first seals, all open. */
  encryptionKeys: readonly [Buffer, ...Buffer[]];
  wecomBaseUrl: string;
  /** Values that must never be written anywhere. */
  secrets: readonly string[];
}

/** What a function needs to find out who is calling; your own functions use it too. */
export interface ServicesConfig extends RefreshConfig {
  session: SessionLimits;
  recheck: RecheckLimits;
  /** Where a Web function listens; port 0 = any free port. */
  host: string;
  port: number;
}

export interface LoginConfig extends ServicesConfig {
  /** Codes of WW_verify_<code>.txt. */
  domainVerify: readonly string[];
  /** The mini-program's; `''` if it is not checked. */
  appid: string;
  reviewers: readonly Reviewer[];
  /** From this time no reviewer may log in. Milliseconds since 1970. */
  reviewersUntil: number;
}

/** A company's 接收消息 settings. */
export interface Callback {
  corpid: string;
  token: string;
  encodingAESKey: string;
}

export interface CallbackConfig {
  callbacks: readonly Callback[];
  redis: RedisAddress;
  secrets: readonly string[];
  host: string;
  port: number;
}

/** The public test company of WeChat DevTools: its secret is published and anyone can be in it. */
const testCorpid = 'ww17f8d10783494584';

/** @throws ConfigError */
export function readRefreshConfig(environment: Environment = process.env): RefreshConfig {
  return readEnvironment(environment, refreshConfig);
}

/** @throws ConfigError */
export function readServicesConfig(environment: Environment = process.env): ServicesConfig {
  return readEnvironment(environment, servicesConfig);
}

/** @throws ConfigError */
export function readLoginConfig(environment: Environment = process.env): LoginConfig {
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

/** @throws ConfigError */
export function readCallbackConfig(environment: Environment = process.env): CallbackConfig {
  return readEnvironment(environment, (variables) => {
    const parsed = callbacks(variables);
    const redis = redisAddress(variables);
    return {
      callbacks: parsed,
      redis,
      secrets: [
        ...parsed.flatMap(({ token, encodingAESKey }) => [token, encodingAESKey]),
        ...passwordOf(redis),
      ],
      ...listening(variables),
    };
  });
}

function servicesConfig(variables: Variables): ServicesConfig {
  const { integer } = variables;
  const recheckSeconds = integer('MEMBER_RECHECK_SECONDS', 600, 1, 86_400);
  // With a grace period shorter than the time between two checks, each check would be too late.
  const graceSeconds = Math.max(recheckSeconds, integer('MEMBER_RECHECK_GRACE_SECONDS', 1800, 60, 86_400));
  return {
    ...refreshConfig(variables),
    session: {
      idleSeconds: integer('SESSION_IDLE_SECONDS', 1800, 60, 86_400),
      maxSeconds: integer('SESSION_MAX_SECONDS', 28_800, 300, 2_592_000),
    },
    recheck: { recheckSeconds, graceSeconds },
    ...listening(variables),
  };
}

function refreshConfig(variables: Variables): RefreshConfig {
  const redis = redisAddress(variables);
  const parsedCorps = corps(variables);
  return {
    corps: parsedCorps,
    redis,
    encryptionKeys: encryptionKeys(variables),
    wecomBaseUrl: wecomBaseUrl(variables),
    secrets: [
      ...parsedCorps.map(({ corpsecret }) => corpsecret),
      ...passwordOf(redis),
      ...variables
        .text('ENCRYPTION_KEY')
        .split(',')
        .map((key) => key.trim()),
    ],
  };
}

function passwordOf({ password }: RedisAddress): string[] {
  return password === undefined ? [] : [password];
}

function corps(variables: Variables): [Corp, ...Corp[]] {
  const name = 'WECOM_CORPS';
  const allowTestCorp = variables.text('ALLOW_TEST_CORP');
  if (!['', 'true', 'false'].includes(allowTestCorp)) {
    variables.problem('ALLOW_TEST_CORP', 'must be true or false');
  }
  const value = variables.required(name);
  const entries = value === '' ? [] : value.split(',');
  const parsed = entries.map((entry, index) => {
    const [corpid = '', corpsecret = '', ...rest] = entry.trim().split(':');
    const place = `entry ${index + 1}`;
    if (
      rest.length > 0 ||
      !/^[A-Za-z0-9_-]{1,64}$/.test(corpid) ||
      !/^[\x21-\x7e]{1,128}$/.test(corpsecret)
    ) {
      variables.problem(name, `${place} must be corpid:corpsecret`);
    }
    if (corpid === testCorpid && allowTestCorp !== 'true') {
      variables.problem(name, `${place} is the public test company of WeChat DevTools; see ALLOW_TEST_CORP`);
    }
    return { corpid, corpsecret };
  });
  if (new Set(parsed.map(({ corpid }) => corpid)).size < parsed.length) {
    variables.problem(name, 'holds a corpid twice');
  }
  const [first = { corpid: '', corpsecret: '' }, ...others] = parsed;
  return [first, ...others];
}

function redisAddress(variables: Variables): RedisAddress {
  const value = variables.required('REDIS_URL');
  const address: RedisAddress = { host: '', port: 6379, db: 0 };
  const caFile = variables.text('REDIS_CA');
  if (value === '') return address;
  let url: URL;
  try {
    url = new URL(value);
    address.password = decodeURIComponent(url.password);
  } catch {
    variables.problem('REDIS_URL', 'must be redis://:password@host:port, the password percent-encoded');
    return address;
  }
  if (!['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    variables.problem('REDIS_URL', 'must begin with redis:// or rediss:// and name a host');
  }
  if (url.username !== '' && url.username !== 'default') {
    variables.problem(
      'REDIS_URL',
      'must not have a username; TencentDB wants account@password as the password',
    );
  }
  if (url.port === '0') variables.problem('REDIS_URL', 'must not name port 0');
  if (!/^(\/\d{0,3})?$/.test(url.pathname) || url.search !== '') {
    variables.problem('REDIS_URL', 'may end with /0 to /999, nothing else');
  }
  if (address.password === '') delete address.password;
  const stage = variables.text('STAGE');
  if (!/^[A-Za-z0-9-]{0,32}$/.test(stage)) {
    variables.problem('STAGE', 'must be letters, digits and -, 32 at most');
  }
  if (stage !== '') address.keyPrefix = `${stage}:`;
  address.host = url.hostname.replace(/^\[|\]$/g, '');
  address.port = Number(url.port || 6379);
  address.db = Number(url.pathname.slice(1));
  if (url.protocol === 'rediss:') address.tls = {};
  const { tls } = address;
  if (caFile !== '') {
    const ca = certificatesIn(caFile);
    if (ca === undefined) variables.problem('REDIS_CA', 'must be a readable PEM file of certificates alone');
    else if (tls) tls.ca = ca;
    else variables.problem('REDIS_CA', 'is only for a rediss:// REDIS_URL');
  }
  const name = variables.text('REDIS_TLS_NAME');
  if (name !== '') {
    if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) || isIP(name) !== 0) {
      variables.problem(
        'REDIS_TLS_NAME',
        'must be a name as it is in the certificate, without * and no address',
      );
    }
    if (tls) tls.name = name;
    else variables.problem('REDIS_TLS_NAME', 'is only for a rediss:// REDIS_URL');
  }
  return address;
}

/** Returns the text of a PEM file that contains only certificates. No key, because the file is packed with the function. */
function certificatesIn(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const labels = [...text.matchAll(/-----BEGIN ([^-]*)-----/g)].map(([, label]) => label);
    return labels.length > 0 && labels.every((label) => /^CERTIFICATE$/.test(label ?? '')) ? text : undefined;
  } catch {
    return undefined;
  }
}

function encryptionKeys(variables: Variables): [Buffer, ...Buffer[]] {
  const value = variables.required('ENCRYPTION_KEY');
  if (value === '') return [Buffer.alloc(32)];
  const keys = value
    .split(',')
    .map((encoded) => ({ encoded: encoded.trim(), bytes: Buffer.from(encoded.trim(), 'base64url') }));
  // A placeholder such as AAAA…A has 32 bytes too.
  const unusable = keys.some(
    ({ encoded, bytes }) =>
      bytes.length !== 32 || bytes.toString('base64url') !== encoded || new Set(bytes).size < 8,
  );
  const [first = Buffer.alloc(32), ...older] = keys.map(({ bytes }) => bytes);
  if (unusable || older.length > 1) {
    variables.problem('ENCRYPTION_KEY', 'must be 32 random bytes in base64url; new,old while rotating');
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

function domainVerify(variables: Variables): string[] {
  const value = variables.text('WECOM_DOMAIN_VERIFY');
  const codes = value === '' ? [] : value.split(',').map((code) => code.trim());
  if (!codes.every((code) => /^[A-Za-z0-9]{1,64}$/.test(code))) {
    variables.problem('WECOM_DOMAIN_VERIFY', 'must be the letters and digits of WW_verify_<code>.txt');
  }
  return [...new Set(codes)];
}

function appid(variables: Variables): string {
  const value = variables.text('WECOM_APPID');
  if (!/^(wx[0-9a-zA-Z]{1,62})?$/.test(value)) variables.problem('WECOM_APPID', 'must look like wx…');
  return value;
}

function listening(variables: Variables): { host: string; port: number } {
  const host = variables.text('LISTEN_HOST') || '127.0.0.1';
  if (isIP(host) === 0) variables.problem('LISTEN_HOST', 'must be an IP address such as 0.0.0.0');
  return { host, port: variables.integer('PORT', 9000, 0, 65_535) };
}

function callbacks(variables: Variables): Callback[] {
  const value = variables.required('WECOM_CALLBACKS');
  const parsed = value === '' ? [] : value.split(',').map((entry) => entry.trim().split(':'));
  const result = parsed.map(([corpid = '', token = '', encodingAESKey = '', ...rest], index) => {
    const valid =
      rest.length === 0 &&
      /^[A-Za-z0-9_-]{1,64}$/.test(corpid) &&
      /^[A-Za-z0-9]{1,32}$/.test(token) &&
      /^[A-Za-z0-9+/]{43}$/.test(encodingAESKey);
    if (!valid)
      variables.problem('WECOM_CALLBACKS', `entry ${index + 1} must be corpid:token:encodingAESKey`);
    return { corpid, token, encodingAESKey };
  });
  if (new Set(result.map(({ corpid, token }) => `${corpid}:${token}`)).size < result.length) {
    variables.problem('WECOM_CALLBACKS', 'holds a corpid twice with the same token');
  }
  return result;
}

/** Reviewers may log in only with both settings, and only until the end of that day in China. */
function reviewers(variables: Variables): Pick<LoginConfig, 'reviewers' | 'reviewersUntil'> {
  const list = variables.text('REVIEWERS');
  const until = variables.text('REVIEWERS_UNTIL');
  const accounts = new Set<string>();
  const parsed = (list === '' ? [] : list.split(',')).flatMap((entry, index): Reviewer[] => {
    const [account = '', text = '', ...rest] = entry.trim().split(':');
    const hash = parsePasswordHash(text);
    if (!hash || rest.length > 0 || !/^[A-Za-z0-9_.@-]{1,64}$/.test(account)) {
      variables.problem(
        'REVIEWERS',
        `entry ${index + 1} must be account:hash, as npm run reviewer prints it`,
      );
      return [];
    }
    accounts.add(account.toLowerCase());
    return [{ account, hash }];
  });
  if (accounts.size < parsed.length) variables.problem('REVIEWERS', 'holds an account twice');
  const startOfDay = /^\d{4}-\d{2}-\d{2}$/.test(until) ? Date.parse(`${until}T00:00:00+08:00`) : Number.NaN;
  if (until !== '' && (Number.isNaN(startOfDay) || dayInChina(startOfDay) !== until))
    variables.problem('REVIEWERS_UNTIL', 'must be a day like 2026-01-31');
  const reviewersUntil = until === '' ? 0 : startOfDay + 86_400_000;
  return { reviewers: parsed, reviewersUntil };
}

/** Returns the day of a time in China. Detects February 30, which Date.parse accepts as March 2. */
function dayInChina(wallMs: number): string {
  return new Date(wallMs + 8 * 3_600_000).toISOString().slice(0, 10);
}

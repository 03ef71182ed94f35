import { readFileSync } from 'node:fs';
import type { RedisAddress } from './redis.ts';
import type { SessionLimits } from './session.ts';
import type { Corp } from './wecom.ts';

/** Every problem of the environment at once. Names variables and says what is expected; never holds a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the environment is not usable: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

export interface RefreshConfig {
  corps: readonly [Corp, ...Corp[]];
  redis: RedisAddress;
  /** 32 bytes each; the first seals, all open. */
  encryptionKeys: readonly [Buffer, ...Buffer[]];
  wecomBaseUrl: string;
  /** Values that must never be written anywhere. */
  secrets: readonly string[];
}

export interface LoginConfig extends RefreshConfig {
  /** Codes of WW_verify_<code>.txt. */
  domainVerify: readonly string[];
  session: SessionLimits;
  /** 0 = any free port. */
  port: number;
}

type Environment = Record<string, string | undefined>;

/** The public test company of WeChat DevTools: its secret is published and anyone can be in it. */
const testCorpid = 'ww17f8d10783494584';
/** Serverless expands `$`, .env files end at `#`, SCF may cut at `;` and at a second `=`. */
const damagingCharacters = /[$#;=]/;

/** @throws ConfigError */
export function readRefreshConfig(environment: Environment = process.env): RefreshConfig {
  return read(environment, refreshConfig);
}

/** @throws ConfigError */
export function readLoginConfig(environment: Environment = process.env): LoginConfig {
  return read(environment, (variables) => {
    const common = refreshConfig(variables);
    const idleSeconds = variables.integer('SESSION_IDLE_SECONDS', 1800, 60, 86_400);
    const maxSeconds = variables.integer('SESSION_MAX_SECONDS', 28_800, 300, 2_592_000);
    return {
      ...common,
      domainVerify: domainVerify(variables),
      session: { idleSeconds, maxSeconds },
      port: variables.integer('PORT', 9000, 0, 65_535),
    };
  });
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
      ...(redis.password === undefined ? [] : [redis.password]),
      ...variables.text('ENCRYPTION_KEY').split(','),
    ],
  };
}

interface Variables {
  /** Trimmed; `''` when unset. */
  text(name: string): string;
  required(name: string): string;
  integer(name: string, byDefault: number, min: number, max: number): number;
  problem(name: string, what: string): void;
}

/** Reads on after a problem, with stand-ins, so that all of them can be named together. */
function read<Config>(environment: Environment, build: (variables: Variables) => Config): Config {
  const problems = new Set<string>();
  const problem = (name: string, what: string) => problems.add(`${name}: ${what}`);

  function text(name: string): string {
    const value = (environment[name] ?? '').trim();
    if (damagingCharacters.test(value)) {
      problem(name, 'must not contain $, #, ; or = (percent-encode them in REDIS_URL)');
    }
    return value;
  }

  const config = build({
    text,
    problem,
    required(name) {
      const value = text(name);
      if (value === '') problem(name, 'is missing');
      return value;
    },
    integer(name, byDefault, min, max) {
      const value = text(name);
      if (value === '') return byDefault;
      const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= min && number <= max)) problem(name, `must be a whole number from ${min} to ${max}`);
      return number;
    },
  });
  if (problems.size > 0) throw new ConfigError([...problems]);
  return config;
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
  if (!/^(\/\d{0,3})?$/.test(url.pathname) || url.search !== '') {
    variables.problem('REDIS_URL', 'may end with /0 to /999, nothing else');
  }
  if (address.password === '') delete address.password;
  address.host = url.hostname.replace(/^\[|\]$/g, '');
  address.port = Number(url.port || 6379);
  address.db = Number(url.pathname.slice(1));
  if (url.protocol === 'rediss:') address.tls = {};
  if (caFile !== '') {
    try {
      const ca = readFileSync(caFile, 'utf8');
      if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('not PEM');
      if (address.tls) address.tls.ca = ca;
      else variables.problem('REDIS_CA', 'is only for a rediss:// REDIS_URL');
    } catch {
      variables.problem('REDIS_CA', 'must be a readable PEM file');
    }
  }
  return address;
}

function encryptionKeys(variables: Variables): [Buffer, ...Buffer[]] {
  const value = variables.required('ENCRYPTION_KEY');
  if (value === '') return [Buffer.alloc(32)];
  const keys = value
    .split(',')
    .map((encoded) => ({ encoded: encoded.trim(), bytes: Buffer.from(encoded.trim(), 'base64url') }));
  // A placeholder like AAAA…A is 32 bytes too.
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
  return codes;
}

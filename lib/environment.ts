// Reads variables of an environment and collects all problems. Trusts no value, and never repeats one.

/** All problems of the environment. Names variables and what is expected, but never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the environment is not usable: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

export type Environment = Record<string, string | undefined>;

/** Serverless expands `$`, .env files end at `#`, SCF may cut at `;` and at a second `=`. */
export const damagingCharacters = /[$#;=]/;

/** Reads one variable at a time. A problem is recorded, and reading continues with a default value. */
export interface Variables {
  /** Returns the trimmed value; `''` if it is not set. */
  text(name: string): string;
  required(name: string): string;
  integer(name: string, byDefault: number, min: number, max: number): number;
  /** Reads `a,b`; `[]` if it is not set. */
  items(name: string): string[];
  /** Reads `a:b,c:d`. `read` returns undefined for fields that are not of this form; then the entry is left out. */
  list<Entry>(name: string, form: EntryForm, read: (fields: string[]) => Entry | undefined): Entry[];
  problem(name: string, what: Problem): void;
}

/**
 * Builds a configuration from an environment, and names all its problems together.
 *
 * @throws ConfigError
 */
export function readEnvironment<Config>(
  environment: Environment,
  build: (variables: Variables) => Config,
): Config {
  const problems = new Set<string>();
  const problem = (name: string, what: Problem) => problems.add(`${name}: ${what}`);

  function text(name: string): string {
    const value = (environment[name] ?? '').trim();
    if (damagingCharacters.test(value)) {
      problem(name, 'must not contain $, #, ; or = (percent-encode them in REDIS_URL)');
    }
    return value;
  }

  function items(name: string): string[] {
    const value = text(name);
    return value === '' ? [] : value.split(',').map((item) => item.trim());
  }

  const config = build({
    text,
    items,
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
    list(name, form, read) {
      return items(name).flatMap((entry, index) => {
        const parsed = read(entry.split(':'));
        if (parsed === undefined) problem(name, `entry ${index + 1} must be ${form}`);
        return parsed ?? [];
      });
    },
  });
  if (problems.size > 0) throw new ConfigError([...problems]);
  return config;
}

/** Returns whether a value is there more than once. */
export function isAnyTwice(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

/**
 * What can be wrong with a variable; `{}` is a number, a list or a form. Not shipped: the words are where the problem is
 * found. scripts/environment-problems.ts has them in Chinese, and compiles only if none is missing there.
 */
export type ProblemText =
  | 'is missing'
  | 'must not contain $, #, ; or = (percent-encode them in REDIS_URL)'
  | 'must be a whole number from {} to {}'
  | 'must be true or false'
  | 'entry {} must be {}'
  | 'holds the public test company of WeChat DevTools; see ALLOW_TEST_CORP'
  | 'holds a corpid twice'
  | 'holds a corpid twice with the same token'
  | 'holds an account twice'
  | 'holds a name twice'
  | 'holds a key twice'
  | 'holds an API that answers with a credential'
  | 'must be 32 random bytes in base64url; new,old while rotating'
  | 'must be https://host (http:// only for loopback), without a path'
  | 'must be the letters and digits of WW_verify_<code>.txt'
  | 'must look like wx…'
  | 'must be an IP address such as 0.0.0.0'
  | 'must be a day like 2026-01-31'
  | 'must be redis://:password@host:port, the password percent-encoded'
  | 'must begin with redis:// or rediss:// and name a host'
  | 'must not have a username; TencentDB wants account@password as the password'
  | 'must not name port 0'
  | 'may end with /0 to /999, nothing else'
  | 'must be letters, digits and -, 32 at most'
  | 'must be a readable PEM file of certificates alone'
  | 'is only for a rediss:// REDIS_URL'
  | 'must be a name as it is in the certificate, without * and no address'
  | 'names a company that WECOM_CORPS does not have'
  | 'may have at most {} entries'
  | 'may name at most {} tags'
  | 'may hold at most {} fields'
  | 'may hold extattr.<name> and {}'
  | 'must be at most {} names like message/send, separated by commas';

/** What an entry of a list must look like. */
export type EntryForm =
  | 'corpid:corpsecret'
  | 'corpid:token:encodingAESKey'
  | 'account:hash, as npm run reviewer prints it'
  | 'role:dept:7, role:user:ZhangSan|LiSi or role:tag:3, with :corpid for another company'
  | 'name:SHA-256 of its key in hex, with :corpid for another company';

/** A text with everything filled in. */
export type Problem = Filled<ProblemText>;

type Filled<Text extends string> = Text extends `${infer Start}{}${infer End}`
  ? `${Start}${string}${Filled<End>}`
  : Text;

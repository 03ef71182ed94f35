// Reads variables of an environment and collects all problems. Trusts no value, and never repeats one.
import type { EntryForm, Problem } from './environment-problems.ts';

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

export function isAnyTwice(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

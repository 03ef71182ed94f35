// The framework gives `deploy`, `invoke` and `logs` the options of AWS. Those that mean something here are ours; the
// others are refused by name, since an option that is ignored in silence is worse than none.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { both } from '../scripts/language.ts';
import { DeployError } from './errors.ts';
import type { CommandOptions } from './serverless.ts';
import { optionTexts } from './texts.ts';

/** Of every command. */
const commonOptions = ['stage', 'region', 'config', 'param', 'verbose', 'debug', 'help', 'version', 'lang'];
const ourOptions = {
  deploy: ['yes', 'function', 'package'],
  'deploy function': ['yes', 'function'],
  info: [],
  remove: ['yes'],
  rollback: ['function', 'to'],
  invoke: ['function', 'data', 'path', 'qualifier', 'log', 'raw'],
  logs: ['function', 'tail', 'startTime', 'filter', 'interval'],
} as const;

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const defaultStart = '1h';
const defaultIntervalMs = 2000;
const intervalMsMin = 500;

/** Throws DeployError naming the first option that this command does not have. */
export function refuseOtherOptions(command: keyof typeof ourOptions, options: CommandOptions): void {
  const known = new Set<string>([...commonOptions, ...ourOptions[command]]);
  const other = Object.entries(options).find(
    ([name, value]) => !known.has(name) && value !== undefined && value !== null && value !== false,
  );
  if (!other) return;
  const own = ourOptions[command].map((name) => `--${name}`).join(', ');
  throw new DeployError(
    optionTexts.unknown(command, other[0], own === '' ? optionTexts.none : both(() => own)),
  );
}

/** What `sls logs` shows. */
export interface LogOptions {
  fromMs: number;
  /** Goes on until it is stopped. */
  isTail: boolean;
  /** In CLS' query language. */
  filter: string | undefined;
  intervalMs: number;
}

/** Throws DeployError for an invalid time or number. */
export function readLogOptions(options: CommandOptions, nowMs: number): LogOptions {
  const given = options.startTime ?? defaultStart;
  const [, amount, unit = ''] = /^(\d+)([smhd])$/.exec(given) ?? [];
  const fromMs = amount === undefined ? Date.parse(given) : nowMs - Number(amount) * (unitMs[unit] ?? 0);
  if (Number.isNaN(fromMs)) throw new DeployError(optionTexts.startTime(given));
  const intervalMs = Number(options.interval ?? defaultIntervalMs);
  if (!(intervalMs >= intervalMsMin)) throw new DeployError(optionTexts.interval(intervalMsMin));
  return { fromMs, isTail: options.tail === true, filter: options.filter, intervalMs };
}

/** The event of `sls invoke`, as JSON: --data, the file of --path, or with --raw the data as one string. */
export function readEvent(options: CommandOptions, folder: string): string {
  const { data, path, raw } = options;
  if (data !== undefined && path !== undefined) throw new DeployError(optionTexts.dataOrPath);
  const text = path === undefined ? (data ?? '{}') : fileContent(resolve(folder, path), path);
  if (raw === true) return JSON.stringify(text);
  try {
    JSON.parse(text);
  } catch (cause) {
    const words = path === undefined ? optionTexts.dataNotJson : optionTexts.fileNotJson(path);
    throw new DeployError(words, { cause });
  }
  return text;
}

function fileContent(file: string, path: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DeployError(optionTexts.unreadable(path), { cause });
  }
}

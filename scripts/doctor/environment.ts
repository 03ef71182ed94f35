// The variables of .env, read as the functions read them. No finding shows a value.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readCallbackConfig, readLoginConfig, readWecomConfig } from '../../lib/config.ts';
import { ConfigError, type Environment } from '../../lib/environment.ts';
import { exampleNames, parsedEnvironment } from '../environment.ts';
import { problemTexts } from '../environment-problems.ts';
import { both } from '../language.ts';
import { outside, type Report } from './finding.ts';

/** Reports on the file. */
export function checkFile(
  file: string | undefined,
  folder: string,
  stage: string,
  environment: Environment,
  report: Report,
) {
  if (file === undefined) {
    if (environment['WECOM_CORPS']) report(outside('environment.file.of_this_shell'));
    else report(outside('environment.file.missing', { wanted: `.env.${stage}` }));
    return;
  }
  const isOfAnother = file === '.env' && stage !== 'dev';
  const isOpen = process.platform !== 'win32' && (statSync(join(folder, file)).mode & 0o077) !== 0;
  if (isOfAnother) report(outside('environment.file.of_another_stage', { stage }));
  if (isOpen) report(outside('environment.file.readable_by_others', { file }));
  if (!isOfAnother && !isOpen) report(outside('environment.file.ok', { file }));
}

/** Names that no file of the project lists, but programs read. */
const namesOfPrograms = new Set([
  'TENCENT_CLOUD_ENDPOINT',
  'WECOM_LOGIN_LANG',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
]);

/** Reports names in the file that nothing reads, each with the known name that is most like it. */
export function checkNames(file: string, folder: string, report: Report): void {
  const known = exampleNames(folder);
  const manifest = readFileSync(join(folder, 'serverless.yml'), 'utf8');
  const inManifest = new Set([...manifest.matchAll(/\$\{env:(\w+)/g)].map(([, name]) => name));
  const unknown = Object.keys(parsedEnvironment(readFileSync(join(folder, file), 'utf8'))).filter(
    (name) => !known.includes(name) && !namesOfPrograms.has(name) && !inManifest.has(name),
  );
  if (unknown.length === 0) return;
  const guesses = unknown.map((name) => [name, mostLike(name, known)] as const);
  const names = both((language) =>
    language === 'zh'
      ? guesses.map(([name, guess]) => `${name}（是否为 ${guess}？）`).join('、')
      : guesses.map(([name, guess]) => `${name} (${guess}?)`).join(', '),
  );
  report(outside('environment.variables.unknown', { names, file }));
}

/** The candidate that shares the longest beginning and end with a mistyped name. */
function mostLike(name: string, candidates: string[]): string {
  const shared = (candidate: string) => {
    const length = Math.min(name.length, candidate.length);
    let start = 0;
    while (start < length && name[start] === candidate[start]) start += 1;
    let end = 0;
    while (end < length - start && name.at(-1 - end) === candidate.at(-1 - end)) end += 1;
    return start + end;
  };
  return candidates.toSorted((one, other) => shared(other) - shared(one))[0] ?? '';
}

/** Every problem of the variables that functions and deploy read; names them, never a value. */
export function environmentProblems(environment: Environment): string[] {
  const readers = [
    readLoginConfig,
    ...(environment['WECOM_CALLBACKS'] ? [readCallbackConfig] : []),
    ...(environment['WECOM_CALLERS'] ? [readWecomConfig] : []),
  ];
  const problems = new Set(readers.flatMap((read) => problemsOf(() => read(environment))));
  const together = [
    ['TENCENT_SECRET_ID', 'TENCENT_SECRET_KEY'],
    ['TENCENT_VPC_ID', 'TENCENT_SUBNET_ID'],
    ['TENCENT_DOMAIN', 'TENCENT_CERTIFICATE_ID'],
  ] as const;
  for (const [one, other] of together) {
    const missing = [one, other].filter((name) => !environment[name]);
    if (missing.length === 1) problems.add(`${missing[0]}: is missing, ${one} and ${other} go together`);
  }
  return [...problems];
}

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Reports on the variables. Returns whether they can be used. */
export function checkVariables(environment: Environment, file: string | undefined, report: Report): boolean {
  const problems = environmentProblems(environment);
  if (problems.length > 0) {
    const separator = { en: ' · ', zh: '；' };
    const values = { problems: problemTexts(problems, separator), file: file ?? '.env' };
    report(outside('environment.variables.unusable', values));
    return false;
  }
  const companies = (environment['WECOM_CORPS'] ?? '').split(',').length;
  report(outside('environment.variables.ok', { companies }));
  return true;
}

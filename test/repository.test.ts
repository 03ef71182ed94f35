// Files that only GitHub, Renovate or a CI reads: what they name exists here.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yaml from 'js-yaml';
import { describe, expect, onTestFinished, test } from 'vitest';
import { secret } from './world.ts';

interface Manifest {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}
interface Workflow {
  permissions: Record<string, string>;
  jobs: Record<string, { steps: { uses?: string; run?: string; with?: Record<string, unknown> }[] }>;
}

const read = (path: string) => readFileSync(path, 'utf8');
const { scripts, ...manifest }: Manifest = JSON.parse(read('package.json'));
const yamlFiles = readdirSync('.github', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yml'))
  .map((name) => join('.github', name));
const workflows = yamlFiles.filter((path) => path.includes('workflows'));

test.each(yamlFiles)('%s › is YAML', (path) => {
  expect(yaml.safeLoad(read(path))).toBeTypeOf('object');
});

describe.each(workflows)('%s', (path) => {
  const { permissions, jobs } = yaml.safeLoad(read(path)) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const runs = steps.flatMap(({ run }) => run ?? []);

  test(`${path} › may read the sources, and nothing else`, () => {
    expect(permissions).toEqual({ contents: 'read' });
    expect(read(path).match(/permissions:|: write/g)).toEqual(['permissions:']);
  });

  test(`${path} › runs commands of this project, and puts no value into their text`, () => {
    expect(runs.length).toBeGreaterThan(0);
    for (const run of runs) {
      expect(run).not.toContain('${{');
      const name = /^npm run (?:--silent )?([\w:-]+)/.exec(run)?.[1];
      const isKnown = name === undefined ? run === 'npm ci' || run === 'rm -f .env' : name in scripts;
      expect(isKnown || existsSync(run), run).toBe(true);
    }
  });

  test(`${path} › pins its actions, and leaves no credentials behind`, () => {
    for (const { uses, with: options } of steps.filter((step) => step.uses !== undefined)) {
      expect(uses).toMatch(/^actions\/[\w-]+@v\d+\.\d+\.\d+$/);
      if (uses?.startsWith('actions/checkout@')) expect(options).toEqual({ 'persist-credentials': false });
    }
  });
});

test('renovate.json › names packages of package.json, each with a reason', () => {
  const { packageRules }: { packageRules: { description: string; matchPackageNames: string[] }[] } =
    JSON.parse(read('renovate.json'));
  const packages = { ...manifest.dependencies, ...manifest.devDependencies };
  expect(
    packageRules.flatMap((rule) => rule.matchPackageNames).filter((name) => !(name in packages)),
  ).toEqual([]);
  for (const { description } of packageRules) expect(description).toMatch(/\.$/);
});

describe('.ci/env', () => {
  function writeEnv(environment: Record<string, string>) {
    const folder = mkdtempSync(join(tmpdir(), 'wecom-login-ci-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, '.ci'));
    copyFileSync('.ci/env', join(folder, '.ci/env'));
    const run = () =>
      spawnSync(join(folder, '.ci/env'), {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], ...environment },
      });
    return { file: join(folder, '.env'), run };
  }
  const corpsecret = secret('a-secret-of-a-company-0123');
  const content = `WECOM_CORPS=wwcorpa0000000001:${corpsecret}\nSESSION_IDLE_SECONDS=1800`;

  test('.ci/env › writes the secret to .env for this user only, prints nothing, and overwrites nothing', () => {
    const { file, run } = writeEnv({ ENV_FILE: content });
    expect(run()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(read(file)).toBe(`${content}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(run()).toMatchObject({ status: 1, stdout: '' });
  });

  test('.ci/env › tells GitHub to hide each part of a value that may be a secret', () => {
    const { run } = writeEnv({ ENV_FILE: content, GITHUB_ACTIONS: 'true' });
    expect(run().stdout.trim().split('\n')).toEqual([
      '::add-mask::wwcorpa0000000001',
      `::add-mask::${corpsecret}`,
    ]);
  });

  test.each([{}, { ENV_FILE: '' }])('.ci/env › fails without the secret: %j', (environment) => {
    const { file, run } = writeEnv(environment);
    expect(run().status).toBe(1);
    expect(existsSync(file)).toBe(false);
  });
});

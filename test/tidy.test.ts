// What is written twice says the same; what is deployed is what we think.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, expect, test } from 'vitest';
import { nodeMajorOf, runtimeIn } from '../deploy/runtime.ts';
import { readCallbackConfig, readLoginConfig, readWecomConfig } from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { errorTable } from '../lib/errors.ts';
import { invokeFunction } from '../simulator/functions.ts';
import { shippedSources } from './log-events.ts';
import { startWorld } from './world.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .toSorted();
/** All first groups of `pattern`, sorted, each once. */
const all = (text: string, pattern: RegExp) =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].toSorted();
/** Everything that ends up in a function. */
const shipped = () => [...shippedSources().values()].join('\n');
/** A Web function is a server; the others are called with an event. */
const isWeb = (name: string) => read(`functions/${name}/index.ts`).includes('startWebFunction(');
const codeCache = (name: string) => `dist/${name}/app-${process.versions.v8}-${process.arch}.cache`;
const functionNames = readdirSync('functions').toSorted();
/** The part of a Markdown file below this heading. */
const section = (text: string, heading: string) =>
  text.split(/^(?=#{2,3} )/m).find((part) => part.startsWith(`${heading}\n`)) ?? '';

interface LockEntry {
  version: string;
  link?: boolean;
  resolved?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

describe('package-lock.json', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> };
  const entries = Object.entries(packages).filter(([path]) => path !== '');

  /** Where Node would find `name` from the package at `path`. */
  function found(path: string, name: string): boolean {
    for (
      let folder = path;
      ;
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
    ) {
      if (packages[`${folder}${folder === '' ? '' : '/'}node_modules/${name}`]) return true;
      if (folder === '') return false;
    }
  }

  test('package-lock.json › has an entry for every dependency, optional ones of other platforms included', () => {
    const holes = entries.flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !found(path, name))
        .map((name) => `${path} → ${name}`),
    );
    expect(holes).toEqual([]);
    expect(entries.length).toBeGreaterThan(100);
  });

  test('package-lock.json › names no registry and has the checksum of every package', () => {
    expect(entries.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    const unchecked = entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    expect(unchecked.map(([path]) => path)).toEqual([]);
  });

  test('package.json › pins every dependency exactly, to what the lock file holds', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const pins = Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    expect(pins.length).toBeGreaterThan(10);
    for (const [name, version] of pins) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });
});

describe('documents', () => {
  const variables = [
    'ALLOW_TEST_CORP',
    'ENCRYPTION_KEY',
    'LISTEN_HOST',
    'MEMBER_FIELDS',
    'MEMBER_RECHECK_GRACE_SECONDS',
    'MEMBER_RECHECK_SECONDS',
    'PORT',
    'REDIS_CA',
    'REDIS_TLS_NAME',
    'REDIS_URL',
    'REVIEWERS',
    'REVIEWERS_UNTIL',
    'ROLES',
    'SESSION_IDLE_SECONDS',
    'SESSION_MAX_SECONDS',
    'STAGE',
    'WECOM_APIS',
    'WECOM_APPID',
    'WECOM_BASE_URL',
    'WECOM_CALLBACKS',
    'WECOM_CALLERS',
    'WECOM_CORPS',
    'WECOM_DOMAIN_VERIFY',
  ];
  const reference = read('docs/reference.md');

  test('the configuration, .env.example and docs/reference.md › name the same variables', () => {
    const asked = new Set<string>();
    const environment = new Proxy<Record<string, string>>(
      {},
      { get: (_, name) => (asked.add(String(name)), name === 'REDIS_URL' ? 'redis://10.0.0.5' : undefined) },
    );
    for (const configure of [readLoginConfig, readCallbackConfig, readWecomConfig]) {
      expect(() => configure(environment)).toThrow(ConfigError);
    }
    expect([...asked].toSorted()).toEqual(variables);
    expect(all(read('.env.example'), /^((?!TENCENT_|ALARM_)[A-Z_]+)=$/gm)).toEqual(variables);
    expect(all(section(reference, '## Configuration'), /^\| `([A-Z_]+)`/gm)).toEqual(variables);
  });

  test('serverless.yml › gives each function the variables that it reads, but for where it listens', () => {
    const manifest = read('serverless.yml');
    const redis = ['REDIS_CA', 'REDIS_TLS_NAME', 'REDIS_URL', 'STAGE'];
    const common = ['ALLOW_TEST_CORP', 'ENCRYPTION_KEY', ...redis, 'WECOM_BASE_URL', 'WECOM_CORPS'];
    const services = variables.filter(
      (name) => common.includes(name) || /^(SESSION_|MEMBER_|ROLES$)/.test(name),
    );
    const expected: Record<string, string[]> = {
      login: variables.filter((name) => !/^(LISTEN_HOST|PORT|WECOM_(CALLBACKS|CALLERS|APIS))$/.test(name)),
      refresh: common,
      callback: [...redis, 'WECOM_CALLBACKS'],
      admin: services,
      wecom: [...common, 'WECOM_APIS', 'WECOM_CALLERS'].toSorted(),
    };
    for (const [name, names] of Object.entries(expected)) {
      const block = manifest.split(/^ {2}(?=\w+:$)/m).find((text) => text.startsWith(`${name}:`)) ?? '';
      const taken = all(block, /^ {6}([A-Z_]+): \$\{env:\1, ''\}$/gm);
      expect(block, name).toContain('\n      STAGE: ${self:provider.stage}\n');
      const listens = block.includes('\n      LISTEN_HOST: 0.0.0.0\n');
      expect(listens, name).toBe(isWeb(name));
      expect([...taken, 'STAGE'].toSorted(), name).toEqual(names);
    }
  });

  test('.env.example › names every variable that a deploy reads', () => {
    const reads = [...filesOf('deploy'), 'serverless.yml'].map(read).join('\n');
    const named = all(reads, /\b((?:TENCENT|ALARM)_(?!CLOUD_ENDPOINT|DEPLOY)[A-Z_]+)/g);
    expect(all(read('.env.example'), /^((?:TENCENT|ALARM)_[A-Z_]+)=$/gm)).toEqual(named);
  });

  test('.env.example › has one comment line for each variable and holds no value', () => {
    expect(read('.env.example')).toMatch(/^(# \S.*\n[A-Z_]+=\n)+$/);
  });

  test('.env.example › becomes a working environment with the three required values', () => {
    const empty = Object.fromEntries(all(read('.env.example'), /^([A-Z_]+)=$/gm).map((name) => [name, '']));
    const required = {
      WECOM_CORPS: 'a:b',
      REDIS_URL: 'redis://h',
      ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64url'),
    };
    expect(readLoginConfig({ ...empty, ...required })).toEqual(readLoginConfig(required));
  });

  test('docs/reference.md › has every error that the functions answer, each with its status', () => {
    const used = all(shipped(), /new AppError\('(\w+)'/g);
    const statuses = Object.entries(errorTable).map(([code, { status }]) => [code, status] as const);
    const documented = [...section(reference, '### Errors').matchAll(/^\| (\d{3}) +\| `(\w+)`/gm)];
    expect(Object.fromEntries(documented.map(([, status, code]) => [code, Number(status)]))).toEqual(
      Object.fromEntries(statuses.filter(([code]) => used.includes(code))),
    );
  });

  test('docs/reference.md › has the Redis keys that the code documents, and the code makes no others', () => {
    const documented = all(section(reference, '## Redis keys'), /^\| `(\S+)`/gm);
    const sources = shipped();
    expect(all(sources, /^ \* \| `(wx\S+)`/gm)).toEqual(documented);
    expect(all(sources, /`(wx\w\d):\{?/g)).toEqual(all(documented.join('\n'), /^(wx\w\d):/gm));
  });
});

describe('sources', () => {
  // The linter holds the other habits: camelCase constants and interfaces.
  test('sources › declare their functions with `function`, not as constants', () => {
    const folders = [
      'bench',
      'demo',
      'deploy',
      'dev',
      'functions',
      'lib',
      'miniprogram',
      'scripts',
      'simulator',
    ];
    const arrows = folders
      .flatMap(filesOf)
      .filter((path) => /^(?!.*node_modules).*\.ts$/.test(path))
      .filter((path) => /^(export )?const \w+ = (async )?(<.*>)?\([^=]*\)(: [^=]+)? =>/m.test(read(path)));
    expect(arrows).toEqual([]);
  });

  // Not miniprogram/: wecom-login.ts is long because it is one file that others copy into their mini-program.
  test('lib/ and functions/ › hold no file of more than 340 lines', () => {
    const long = [...filesOf('lib'), ...filesOf('functions')]
      .map((path) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > 340);
    expect(long).toEqual([]);
  });

  test('lib/ and functions/ › read process.env in config.ts and write output in log.ts only', () => {
    const sources = [...filesOf('lib'), ...filesOf('functions')];
    const using = (pattern: RegExp) => sources.filter((path) => pattern.test(read(path)));
    expect(using(/process\.env|['"]process['"]/)).toEqual(['lib/config.ts']);
    expect(using(/process\.(stdout|stderr)|console\.|writeSync/)).toEqual(['lib/log.ts']);
    expect(using(/from 'axios'/)).toEqual(['lib/wecom-http.ts', 'lib/wecom.ts']);
    expect(using(/import (?!type)[^;]*from 'axios'/)).toEqual(['lib/wecom.ts']);
    expect(using(/from 'ioredis'/)).toEqual(['lib/redis-connection.ts']);
  });
});

describe('the figures of the README', () => {
  /** How a row of the README is called in docs/bench/results.md. */
  const rows: [string, string][] = [
    ['gettoken calls, 1,000 first logins on 50 cold processes', 'gettoken: 50 cold processes, 1,000 logins'],
    ['logins per second, 32 concurrent, one process', 'logins per second, 32 concurrent'],
    ['CPU per login, µs', 'CPU per login, µs'],
    ['cold start to the first login, ms', 'cold start to the first login answered, ms'],
    ['the same over TLS, 20 ms to WeCom, ms', 'cold start over TLS, 20 ms to WeCom, ms'],
    ['bundle, KB', 'bundle, minified, KB'],
  ];
  const cellsOf = (text: string, title: string) =>
    (text.split('\n').find((line) => line.startsWith(`| ${title} `)) ?? '')
      .split('|')
      .slice(2, -1)
      .map((cell) => Number(/[\d,]+/.exec(cell)?.[0].replaceAll(',', '')));

  test.each(rows)('README › “%s” is what the last benchmark measured', (inReadme, inResults) => {
    const [floor, ours, ...peers] = cellsOf(read('docs/bench/results.md'), inResults);
    const line = read('README.md')
      .split('\n')
      .find((text) => text.startsWith(`| ${inReadme} `));
    const numbers = all(line?.slice(inReadme.length + 2) ?? '', /([\d,]+)/g).map((n) =>
      Number(n.replaceAll(',', '')),
    );
    expect(new Set(numbers)).toEqual(new Set([ours, floor, Math.min(...peers), Math.max(...peers)]));
  });
});

describe('dist/', () => {
  test('dist/ › holds exactly what is deployed, and a package.json for loading it here', () => {
    const deployed = functionNames.flatMap((name) => [
      `dist/${name}/index.js`,
      ...(isWeb(name) ? [`dist/${name}/app.js`, codeCache(name), `dist/${name}/scf_bootstrap`] : []),
    ]);
    expect(deployed.length).toBeGreaterThanOrEqual(6);
    expect(filesOf('dist')).toEqual([...deployed, 'dist/package.json'].toSorted());
    expect(JSON.parse(read('dist/package.json'))).toEqual({ type: 'commonjs' });
  });

  test.each(functionNames.filter(isWeb))(
    'dist/%s/scf_bootstrap › can be executed and starts Node of the runtime',
    (name) => {
      expect(statSync(`dist/${name}/scf_bootstrap`).mode & 0o777).toBe(0o755);
      const major = nodeMajorOf(runtimeIn(read('serverless.yml')));
      expect(read(`dist/${name}/scf_bootstrap`)).toBe(
        `#!/bin/bash\nexport PATH=/var/lang/node${major}/bin:$PATH\nexec node index.js\n`,
      );
    },
  );

  // Every KB is read at each cold start.
  test.each(functionNames)('dist/%s › is at most 190 KB and loads nothing but Node itself', (name) => {
    const bundle = read(`dist/${name}/${isWeb(name) ? 'app' : 'index'}.js`);
    expect(Buffer.byteLength(bundle)).toBeLessThanOrEqual(190_000);
    const loaded = all(bundle, /\brequire\("([^"]+)"\)/g);
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((module) => !isBuiltin(module))).toEqual([]);
    expect(bundle).not.toContain('sourceMappingURL');
  });

  test('dist/login/index.js › starts and logs in without the parts of Node that are slow to load', async () => {
    const world = await startWorld();
    const login = await world.startLogin({}, { nodeArgs: ['--require', './test/loaded-parts.cjs'] });
    expect((await login.login({ js_code: world.jsCode() })).status).toBe(200);
    await login.stop();
    const parts: string[] = JSON.parse(login.lines.at(-1) ?? '[]');
    expect(parts).toContain('NativeModule http');
    const slow = ['internal/deps/undici/undici', 'http2', 'tty'];
    expect(slow.filter((name) => parts.includes(`NativeModule ${name}`))).toEqual([]);
  });

  test('dist/refresh/index.js › exports main_handler, which answers counts only', async () => {
    const world = await startWorld();
    expect(await world.refresh()).toMatchObject({
      result: { companies: 2, fresh: 0, renewed: 2, busy: 0, paused: 0, failed: 0, failed_transient: 0 },
    });
    const http = await invokeFunction('refresh', world.environment(), { httpMethod: 'GET', headers: {} });
    expect(http.error).toBe('this function answers no HTTP');
  });
});

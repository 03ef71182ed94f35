// A small service of two functions in its own folder, and a local Tencent Cloud. Runs `sls` if the framework matters,
// otherwise the plugin in this process.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { startTencentCloud, type CloudOptions, type TencentCloud } from '../simulator/tencent-cloud/index.ts';
import type { StoredFunction } from '../simulator/tencent-cloud/state.ts';
import { type Run, runInProcess } from './deploy-in-process.ts';
import { type Command, runSls, runSlsAlone } from './framework.ts';
import { keepOutput, secret } from './world.ts';
import { isTimeVirtual, startVirtualTime, stopVirtualTime } from './virtual-time.ts';

const root = process.cwd();
export const secretId = 'AKIDfixture0000000000000000000000000';
export const secretKey = 'fixture-secret-key-0123456789abcd';
export const corpsecret = 'corpsecret-that-nobody-may-read';

/** Responds to GET /health, echoes requests, tries to write files, and shows what the platform passed to it. */
const webFunction = `
const { createServer } = require('node:http');
const fs = require('node:fs');
if (process.env.HEALTH === 'ends') process.exit(1);
const attempt = (path) => { try { fs.writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; } };
createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
    if (request.url === '/health') { const [status, page] = (process.env.HEALTH || '200').split(' '); response.statusCode = Number(status); return response.end(page ?? '{"status":"ok"}'); }
    console.log('answered', request.url);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      version: 1, greeting: process.env.GREETING, headers: request.headers, body: Buffer.concat(chunks).toString(),
      code: attempt('written.txt'), temporary: attempt(require('node:os').tmpdir() + '/written.txt'),
      foreign: process.env.TENCENT_SECRET_KEY ?? null, node: process.version, ca: process.env.CA_FILE ? fs.readFileSync(process.env.CA_FILE, 'utf8') : null,
    }));
  });
}).listen(Number(process.env.PORT || 9000), '0.0.0.0');
`;
const bootstrapFile = '#!/bin/sh\nPATH=/var/lang/node20/bin:$PATH\nexport PATH\nexec node index.js\n';
const eventFunction = `
exports.main_handler = async (event, context) => {
  console.log('event of type', event.Type ?? 'none');
  if (event.fail) throw new Error('asked to fail');
  return { type: event.Type ?? null, message: event.Message ?? null, event, function: context.function_name };
};
`;

const serverlessYml = {
  service: 'fixture',
  frameworkVersion: '3',
  configValidationMode: 'error',
  useDotenv: true,
  plugins: [join(root, 'deploy/index.cjs')],
  provider: {
    name: 'tencent',
    stage: "${opt:stage, 'dev'}",
    region: 'ap-guangzhou',
    runtime: 'Nodejs20.19',
    memorySize: 128,
    timeout: 30,
    initTimeout: 60,
    vpc: { vpcId: 'vpc-one', subnetId: 'subnet-one' },
    publicNetwork: true,
    eip: true,
    requiredEnvironment: ['WECOM_CORPS'],
    environmentFiles: ['CA_FILE'],
    cls: { retentionDays: 180 },
    tags: { app: 'fixture' },
  },
  functions: {
    web: {
      type: 'web',
      src: 'dist/web',
      instanceConcurrency: 10,
      healthPath: '/health',
      environment: {
        WECOM_CORPS: "${env:WECOM_CORPS, ''}",
        GREETING: 'hello',
        UNSET: "${env:UNSET_VARIABLE, ''}",
      },
      events: [{ http: { parameters: { authType: 'NONE' } } }],
    },
    tick: {
      type: 'event',
      src: 'dist/tick',
      environment: { GREETING: 'tick' },
      events: [
        {
          timer: {
            name: 'every-5-minutes',
            parameters: { cronExpression: '0 */5 * * * * *', argument: 'hi' },
          },
        },
      ],
    },
  },
};

interface FunctionFile {
  memorySize?: number;
  instanceConcurrency?: number;
  environment: Record<string, string>;
  events: object[];
}

/** The parts of the fixture's serverless.yml that tests change. */
export interface ServiceFile {
  provider: Record<string, unknown>;
  functions: { web: FunctionFile; tick: FunctionFile };
}

/** Names of the two functions in the cloud. */
export const webName = 'fixture-dev-web';
export const tickName = 'fixture-dev-tick';
/** The writes of a first deploy without a domain. */
export const firstWrites = [
  'CreateLogset',
  'CreateTopic',
  'CreateFunction',
  'PublishVersion',
  'CreateTrigger',
  'DeleteTrigger',
  'UpdateAlias',
];

export interface Fixture {
  folder: string;
  cloud: TencentCloud;
  /** Runs sls in the service folder. `environment` adds variables or (undefined) removes them. */
  sls(args: string, environment?: Record<string, string | undefined>): Promise<Run>;
  /** The same in a process of its own, which takes seconds. */
  slsAlone(args: string): Promise<Run>;
  /** The same, ended by Ctrl-C after it printed this text, or when `until` is aborted. */
  slsUntil(args: string, until: string | AbortSignal): Promise<Run>;
  /**
   * The same without the framework, in this process and in virtual time. From then on the cloud is in virtual time too, so
   * `sls` can only be used before.
   */
  run(args: string, environment?: Record<string, string | undefined>): Promise<Run & { error: unknown }>;
  /** The same for a command that does not end by itself. */
  runUntil(args: string, text: string): Promise<Run>;
  /** Returns the cloud's record of a function. */
  stored(name: string): StoredFunction;
  /** Returns the version that serves requests. */
  liveVersion(name: string): string | undefined;
  /** Writes serverless.yml after `change`; without it, the original. */
  configure(change?: (yml: ServiceFile) => void): void;
  write(path: string, content: string, mode?: number): void;
  /** Returns the SCF actions since the last call of this function. */
  actionsSince(): string[];
  /** Sends one request to a host of the local cloud. */
  fetch(
    url: string,
    init?: { method?: string; headers?: Record<string, string>; body?: Buffer | string },
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }>;
  end(): Promise<void>;
}

/** The key's CAM policy from docs/deploy.md. Every test uses it, which shows that it is sufficient. */
export function documentedPolicy(): string[] {
  const json = /```json\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/deploy.md'), 'utf8'))?.[1] ?? '';
  const policy = JSON.parse(json) as { statement: { action: string[] }[] };
  return policy.statement.flatMap(({ action }) => action);
}

/** With `copyOf`, starts with that fixture's service folder and cloud state instead of an empty account. */
export async function createFixture(
  options: Partial<CloudOptions> & { copyOf?: Fixture } = {},
): Promise<Fixture> {
  const { copyOf, ...cloudOptions } = options;
  for (const value of [secretKey, corpsecret]) secret(value);
  const folder = mkdtempSync(join(tmpdir(), 'deploy-fixture-'));
  const write: Fixture['write'] = (path, content, mode = 0o644) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  };
  const configure: Fixture['configure'] = (change) => {
    const yml: ServiceFile = structuredClone(serverlessYml);
    change?.(yml);
    // JSON is YAML, but the framework looks for a line that begins with `provider:`.
    const lines = Object.entries(yml).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
    write('serverless.yml', lines.join(''));
  };
  if (copyOf) cpSync(copyOf.folder, folder, { recursive: true });
  write('package.json', '{"name":"fixture","version":"1.0.0"}');
  write('dist/web/scf_bootstrap', bootstrapFile);
  write('dist/web/index.js', webFunction);
  write('dist/tick/index.js', eventFunction);
  write('.env', `WECOM_CORPS=ww1:${corpsecret}\n`);
  configure();
  const cloud = await startTencentCloud({
    stateFolder: join(folder, '.cloud'),
    secretKeys: { [secretId]: secretKey },
    allowed: documentedPolicy(),
    now: () => Date.now(),
    ...cloudOptions,
  });
  let seen = 0;
  let isVirtual = false;
  type Environment = Record<string, string | undefined>;
  const environmentWith = (given: Environment): Environment => ({
    TENCENT_SECRET_ID: secretId,
    TENCENT_SECRET_KEY: secretKey,
    TENCENT_CLOUD_ENDPOINT: cloud.url,
    ...given,
  });
  const run = async (args: string, environment: Environment = {}, until?: string) => {
    if (!isVirtual) startVirtualTime(() => cloud.isBusy());
    isVirtual = true;
    const played = await runInProcess(folder, args, environmentWith(environment), until);
    keepOutput(played.output);
    return played;
  };
  const framework = async (played: () => Promise<Run>): Promise<Run> => {
    if (isTimeVirtual()) throw new Error('the cloud is in virtual time and sls would not be');
    const run = await played();
    keepOutput(run.output);
    return run;
  };
  const command = (args: string, environment: Environment = {}): Command => ({
    args: args.split(' '),
    cwd: folder,
    environment: environmentWith(environment),
  });

  const stored = (name: string): StoredFunction => {
    const fn = cloud.state.functions[name];
    if (!fn) throw new Error(`${name} is not deployed`);
    return fn;
  };

  return {
    folder,
    cloud,
    write,
    configure,
    sls: (args, environment) => framework(() => runSls(command(args, environment))),
    slsAlone: (args) => framework(() => runSlsAlone(command(args))),
    slsUntil: (args, until) => framework(() => runSlsAlone(command(args), until)),
    run,
    runUntil: (args, text) => run(args, {}, text),
    stored,
    liveVersion: (name) => stored(name).aliases['$DEFAULT'],
    actionsSince() {
      const actions = cloud.calls.slice(seen).map(({ action }) => action);
      seen = cloud.calls.length;
      return actions;
    },
    fetch(url, { method = 'GET', headers = {}, body = '' } = {}) {
      const target = new URL(url);
      return new Promise((resolve, reject) => {
        const outgoing = request(
          cloud.url + target.pathname + target.search,
          { method, headers: { ...headers, host: target.host } },
          (response) => {
            buffer(response).then(
              (data) =>
                resolve({
                  status: response.statusCode ?? 0,
                  text: data.toString(),
                  headers: response.headers,
                }),
              reject,
            );
          },
        );
        outgoing.once('error', reject);
        outgoing.end(body);
      });
    },
    async end() {
      if (isVirtual) stopVirtualTime();
      await cloud.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `createFixture`; it ends with the calling test. */
export async function testFixture(options?: Parameters<typeof createFixture>[0]): Promise<Fixture> {
  const fixture = await createFixture(options);
  onTestFinished(() => fixture.end());
  return fixture;
}

// A project that consists of links, with its own .env, deployed to a local Tencent Cloud, with WeCom and Redis.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { ServiceSettings } from '../deploy/settings.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Environment } from '../lib/environment.ts';
import { type Command, runCommand } from '../scripts/command.ts';
import { doctor } from '../scripts/doctor/command.ts';
import { readService } from '../scripts/doctor/service.ts';
import { type RunningRedis, startRedis } from '../simulator/redis.ts';
import { startTencentCloud, type TencentCloud } from '../simulator/tencent-cloud/index.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { runSls } from './framework.ts';
import { corpid, keepOutput, secret } from './world.ts';

export const secretId = 'AKIDdoctor00000000000000000000000000';
export const domain = 'login.example.com';
export const certificateId = 'certificate1';
export const verifyCode = 'DoctorCode12345x';
/** Names of functions begin with it. */
export const service = 'wecom-login-dev';

export interface Run {
  code: number | null;
  /** What the person at the terminal reads. */
  out: string;
  err: string;
}

/** A clock that moves only by `passes`, so that no duration depends on the machine. */
export function stillClock(): Clock & { passes(ms: number): void } {
  let nowMs = Date.now();
  return {
    ...systemClock,
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    passes(ms) {
      nowMs += ms;
    },
  };
}

export interface DoctorWorld {
  folder: string;
  redis: RunningRedis;
  wecom: Wecom;
  cloud: TencentCloud;
  variables: Record<string, string>;
  /** Values that must never be printed. */
  secrets: string[];
  /** Writes .env (mode 0600); `undefined` removes a variable. */
  writeEnv(overrides?: Record<string, string | undefined>, file?: string): void;
  /** `npm run doctor` in the folder, in this process. */
  doctor(...args: string[]): Promise<Run>;
  /** serverless.yml of the folder, with these variables; the framework reads each content of both once. */
  readService(variables?: Environment, stage?: string): Promise<ServiceSettings>;
  /** A program of the project in the folder, as a process with nothing but PATH in its environment. */
  runProgram(...args: string[]): Promise<Run>;
  stop(): Promise<void>;
}

/** Runs a program until it ends. */
export async function runProgram(
  args: string[],
  options: { cwd: string; env?: Record<string, string>; typed?: string },
): Promise<Run> {
  const { cwd, env = {}, typed } = options;
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, SLS_SCHEMA_CACHE_BASE_DIR: resolve('.build'), ...env },
  });
  const run: Run = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (run.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (run.err += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(typed ?? '');
  run.code = await new Promise((done) => {
    child.once('close', done);
  });
  keepOutput(run.out + run.err);
  return run;
}

/** Runs a command of scripts/ in this process until it ends. */
export async function runInFolder(
  command: Command,
  args: string[],
  folder: string,
  options: { environment?: Environment; typed?: string } = {},
): Promise<Run> {
  const { environment = {}, typed } = options;
  const run: Run = { code: null, out: '', err: '' };
  const into = (stream: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        run[stream] += String(chunk);
        done();
      },
    });
  const stdin = Readable.from(typed === undefined ? [] : [typed]);
  const streams = { stdin, stdout: into('out'), stderr: into('err') };
  run.code = await runCommand(command, args, { folder, environment, ...streams });
  keepOutput(run.out + run.err);
  return run;
}

/** An empty folder in which the project's scripts find the project, but no .env. */
export function projectFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wecom-login-doctor-'));
  const own = ['serverless.yml', 'dist', '.build', '.git', '.serverless'];
  for (const name of readdirSync('.')) {
    if (!own.includes(name) && (!name.startsWith('.env') || name === '.env.example')) {
      symlinkSync(resolve(name), join(folder, name));
    }
  }
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  // dist/ is already built.
  const manifest = readFileSync('serverless.yml', 'utf8').replace(/^ {2}build: .*\n/m, '');
  writeFileSync(join(folder, 'serverless.yml'), manifest);
  return folder;
}

/** `sls` in the folder, as the doctor starts it. */
async function runFramework(args: string[], cwd: string) {
  const { exitCode, output } = await runSls({ args, cwd });
  return { code: exitCode, stdout: output, stderr: output };
}

export async function startDoctorWorld(): Promise<DoctorWorld> {
  const folder = projectFolder();
  const redis = await startRedis({ kind: 'server' }).catch(() => startRedis({ kind: 'embedded' }));
  const wecom = await startWecom({ onSecret: secret });
  const secretKey = secret(randomBytes(24).toString('base64url'));
  const corpsecret = secret(randomBytes(32).toString('base64url'));
  const token = secret(randomBytes(16).toString('hex'));
  const encodingAESKey = secret(
    randomBytes(32).toString('base64').slice(0, 42).replaceAll(/[+/]/g, 'x') + 'A',
  );
  const encryptionKey = secret(randomBytes(32).toString('base64url'));
  wecom.addCompany({ corpid, corpsecret });
  wecom.addMember({ corpid, userid: 'ZhangSan', name: '张三' });
  const cloud = await startTencentCloud({
    stateFolder: join(folder, '.cloud'),
    secretKeys: { [secretId]: secretKey },
  });
  const variables: Record<string, string> = {
    TENCENT_SECRET_ID: secretId,
    TENCENT_SECRET_KEY: secretKey,
    TENCENT_VPC_ID: 'vpc-doctor',
    TENCENT_SUBNET_ID: 'subnet-doctor',
    TENCENT_DOMAIN: domain,
    TENCENT_CERTIFICATE_ID: certificateId,
    WECOM_CORPS: `${corpid}:${corpsecret}`,
    WECOM_CALLBACKS: `${corpid}:${token}:${encodingAESKey}`,
    WECOM_DOMAIN_VERIFY: verifyCode,
    WECOM_BASE_URL: wecom.url,
    REDIS_URL: redis.url,
    ENCRYPTION_KEY: encryptionKey,
  };
  const read = new Map<string, Promise<ServiceSettings>>();
  const readOnce: typeof readService = (stage, environment, cwd) => {
    const manifest = readFileSync(join(folder, 'serverless.yml'), 'utf8');
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const content = JSON.stringify([stage, manifest, ...variables.toSorted()]);
    const settings = read.get(content) ?? readService(stage, environment, cwd, runFramework);
    read.set(content, settings);
    return settings.then((found) => structuredClone(found));
  };
  const world: DoctorWorld = {
    folder,
    redis,
    wecom,
    cloud,
    variables,
    secrets: [secretKey, corpsecret, token, encodingAESKey, encryptionKey],
    writeEnv(overrides = {}, file = '.env') {
      const lines = Object.entries({ ...variables, ...overrides }).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}\n`],
      );
      writeFileSync(join(folder, file), lines.join(''), { mode: 0o600 });
    },
    doctor: (...args) =>
      runInFolder(
        (given, surroundings) => doctor(given, surroundings, { read: readOnce, clock: stillClock() }),
        args,
        folder,
        {
          environment: { TENCENT_CLOUD_ENDPOINT: cloud.url },
        },
      ),
    readService: (given = variables, stage = 'dev') => {
      const environment = { ...given, TENCENT_CLOUD_ENDPOINT: cloud.url, STAGE: stage };
      return readOnce(stage, environment, folder);
    },
    runProgram: (...args) => runProgram(args, { cwd: folder, env: { TENCENT_CLOUD_ENDPOINT: cloud.url } }),
    async stop() {
      await cloud.stop();
      await Promise.all([wecom.close(), redis.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  cloud.state.certificates[certificateId] = certificateUntil(200);
  world.writeEnv();
  return world;
}

/** The domain's certificate; it expires in this many days. */
export function certificateUntil(days: number) {
  const end = new Date(Date.now() + days * 86_400_000 + 8 * 3_600_000);
  const CertEndTime = end.toISOString().slice(0, 19).replace('T', ' ');
  return { Domain: domain, SubjectAltName: [domain], CertEndTime };
}

// A project of links with a .env of its own, deployed to a local Tencent Cloud, with WeCom and Redis behind it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type RunningRedis, startRedis } from '../simulator/redis.ts';
import { startTencentCloud, type TencentCloud } from '../simulator/tencent-cloud/index.ts';
import { startWecom, type Wecom } from '../simulator/wecom/server.ts';
import { corpid, secret } from './world.ts';

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

export interface DoctorWorld {
  folder: string;
  redis: RunningRedis;
  wecom: Wecom;
  cloud: TencentCloud;
  variables: Record<string, string>;
  /** Values that nothing may print. */
  secrets: string[];
  /** Writes .env (mode 0600); `undefined` leaves a variable out. */
  writeEnv(overrides?: Record<string, string | undefined>, file?: string): void;
  /** `scripts/<name>.ts` in the folder, with an environment that has nothing but PATH and these. */
  run(
    script: string,
    args?: string[],
    options?: { env?: Record<string, string>; typed?: string },
  ): Promise<Run>;
  sls(...args: string[]): Promise<Run>;
  stop(): Promise<void>;
}

/** What nothing may print is noted, and what was printed kept, for the search at the end of `npm test`. */
function note(variable: 'SECRETS_FILE' | 'OUTPUT_FILE', text: string): void {
  const file = process.env[variable];
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** Runs a program to its end; a script of the project runs as `npm run` would run it. */
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
  note('OUTPUT_FILE', run.out + run.err);
  return run;
}

export const scriptArgs = (script: string, args: string[] = []): string[] => [
  resolve('scripts/run.mjs'),
  `scripts/${script}.ts`,
  ...args,
];

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
  // dist/ is built already; a build here would only repeat it.
  const manifest = readFileSync('serverless.yml', 'utf8').replace(/^ {2}build: .*\n/m, '');
  writeFileSync(join(folder, 'serverless.yml'), manifest);
  return folder;
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
    run: (script, args, { env, typed } = {}) =>
      runProgram(scriptArgs(script, args), {
        cwd: folder,
        env: { TENCENT_CLOUD_ENDPOINT: cloud.url, ...env },
        ...(typed !== undefined && { typed }),
      }),
    sls: (...args) =>
      runProgram(['deploy/sls.mjs', ...args], { cwd: folder, env: { TENCENT_CLOUD_ENDPOINT: cloud.url } }),
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

/** The domain's certificate, for so many days more. */
export function certificateUntil(days: number) {
  const end = new Date(Date.now() + days * 86_400_000 + 8 * 3_600_000);
  const CertEndTime = end.toISOString().slice(0, 19).replace('T', ' ');
  return { Domain: domain, SubjectAltName: [domain], CertEndTime };
}

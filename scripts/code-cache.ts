// Creates V8's code cache of a Web function for the zip, so that a new instance need not compile it. It is made after one
// login, so that it contains lazily compiled functions. Two runs produce different bytes, so the first cache per source
// is kept.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { startRedis } from '../simulator/redis.ts';
import { startWecom } from '../simulator/wecom/server.ts';

/** Folder of the caches between builds. */
const kept = '.build/code-cache';
const madeWithinMs = 20_000;

/** Writes the code cache next to `app.js` of each folder. A function that does not start with invented variables gets none. */
export async function addCodeCaches(folders: readonly string[]): Promise<void> {
  await mkdir(kept, { recursive: true });
  const wanted = await Promise.all(
    folders.map(async (folder) => {
      const sha256 = createHash('sha256').update(await readFile(`${folder}/app.js`));
      const file = `${kept}/${sha256.digest('hex')}-${process.versions.v8}-${process.arch}.cache`;
      const target = `${folder}/app-${process.versions.v8}-${process.arch}.cache`;
      return { folder, file, target, there: await copied(file, target) };
    }),
  );
  const missing = wanted.filter(({ there }) => !there);
  if (missing.length === 0) return;
  const surroundings = await startSurroundings();
  for (const { folder, file, target } of missing) {
    const cache = await make(`${folder}/app.js`, surroundings).catch((error: unknown) => {
      process.stdout.write(`${folder}: no code cache, ${error instanceof Error ? error.message : ''}\n`);
    });
    if (!cache) continue;
    await writeFile(`${file}.${process.pid}`, cache);
    await rename(`${file}.${process.pid}`, file);
    await copyFile(file, target);
  }
  await surroundings.stop();
}

function copied(from: string, to: string) {
  return copyFile(from, to).then(
    () => true,
    () => false,
  );
}

interface Surroundings {
  environment: Record<string, string>;
  jsCode(): string;
  stop(): Promise<unknown>;
}

async function startSurroundings(): Promise<Surroundings> {
  const redis = await startRedis({ kind: 'embedded' });
  const wecom = await startWecom();
  const [corpid, userid, corpsecret] = ['wwbuild0000000001', 'ZhangSan', randomBytes(16).toString('hex')];
  wecom.addCompany({ corpid, corpsecret });
  wecom.addMember({ corpid, userid, name: '张三', department: [1], position: '工程师' });
  return {
    environment: {
      PORT: '0',
      WECOM_BASE_URL: wecom.url,
      REDIS_URL: redis.url,
      WECOM_CORPS: `${corpid}:${corpsecret}`,
      WECOM_CALLBACKS: `${corpid}:token:${randomBytes(32).toString('hex').slice(0, 42)}A`,
      WECOM_CALLERS: `caller:${randomBytes(32).toString('hex')}`,
      WECOM_APIS: 'message/send',
      ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
    },
    jsCode: () => wecom.createJsCode({ corpid, userid }),
    stop: () => Promise.all([wecom.close(), redis.stop()]),
  };
}

async function make(app: string, surroundings: Surroundings): Promise<Buffer> {
  const child = spawn(process.execPath, ['scripts/code-cache-maker.cjs', app], {
    env: { PATH: process.env['PATH'] ?? '', ...surroundings.environment },
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    timeout: madeWithinMs,
    killSignal: 'SIGKILL',
  });
  const url = `http://127.0.0.1:${await portOf(child)}`;
  await fetch(`${url}/health`);
  await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ js_code: surroundings.jsCode() }),
  });
  const cache = new Promise<string>((resolve, reject) => {
    child.once('message', (base64: string) => resolve(base64));
    child.once('exit', () => reject(new Error('it ended')));
  });
  child.send('write');
  return Buffer.from(await cache, 'base64');
}

function portOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('it does not start with invented variables')));
    if (!child.stdout) return;
    createInterface(child.stdout).on('line', (line) => {
      const port = /"event":"listening","port":(\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(port);
    });
  });
}

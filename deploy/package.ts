// Zips a built function. The zip holds exactly the files of its folder, with modes set here and not taken from the disk
// (a checkout on Windows has none), in a fixed order and with a fixed time: same content, same fingerprint.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';
import * as z from 'zod/mini';
import { DeployError } from './errors.ts';
import { checkBootstrap } from './runtime.ts';
import type { FunctionSettings } from './settings.ts';
import { manifestTexts } from './texts.ts';

const ProjectManifest = z.looseObject({ version: z.optional(z.string()) });
const bootstrapName = 'scf_bootstrap';
/** V8's code cache follows from the code beside it, and no two machines make the same bytes. */
const codeCacheName = /^app-[^/]+\.cache$/;
/** Never shipped, whatever a build left behind: secrets, sources, tests, source maps. */
const forbiddenFile = /(^|\/)(\.env[^/]*|node_modules|tests?|[^/]+\.(ts|map))$|(^|\/)(node_modules|tests?)\//;

export interface PackedFile {
  /** Path inside the zip. */
  name: string;
  mode: number;
  content: Buffer;
}

export interface FunctionPackage {
  files: PackedFile[];
  /** SHA-256 of names, modes and contents but for V8's code cache; independent of the compressor. */
  sha256: string;
  /** `version` in the package.json of the service, empty without one. */
  release: string;
  zipPath: string;
  bytes: number;
}

/** Checks and zips one function into `outputFolder`. Throws DeployError naming the file that is missing or does not belong. */
export async function packageFunction(
  fn: FunctionSettings,
  serviceFolder: string,
  outputFolder: string,
): Promise<FunctionPackage> {
  const files = collect(fn, serviceFolder);
  const bootstrap = files.find(({ name }) => name === bootstrapName);
  if (bootstrap) checkBootstrap(bootstrap.content.toString(), fn.runtime, `functions.${fn.key}`);
  const hash = createHash('sha256');
  for (const { name, mode, content } of files) {
    if (codeCacheName.test(name)) continue;
    hash.update(`${name}\0${mode}\0${content.length}\0`).update(content);
  }
  const archive = new yazl.ZipFile();
  for (const { name, mode, content } of files) {
    archive.addBuffer(content, name, {
      mode: 0o100000 | mode,
      mtime: new Date(1980, 0, 1),
      forceDosTimestamp: true,
    });
  }
  archive.end();
  const zip = await buffer(archive.outputStream);
  mkdirSync(outputFolder, { recursive: true });
  const zipPath = join(outputFolder, `${fn.name}.zip`);
  writeFileSync(zipPath, zip);
  const sha256 = hash.digest('hex');
  return { files, sha256, release: releaseIn(serviceFolder), zipPath, bytes: zip.length };
}

function releaseIn(serviceFolder: string): string {
  const file = join(serviceFolder, 'package.json');
  if (!existsSync(file)) return '';
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return z.parse(ProjectManifest, manifest).version ?? '';
}

function collect(fn: FunctionSettings, serviceFolder: string): PackedFile[] {
  const folder = resolve(serviceFolder, fn.src);
  if (!existsSync(folder)) throw new DeployError(manifestTexts.noFolder(fn.key, fn.src));
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const sources = new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path).split(sep).join('/'), path];
    }),
  );
  const stray = [...sources.keys()].find((name) => forbiddenFile.test(name));
  if (stray !== undefined) throw new DeployError(manifestTexts.strayFile(`${fn.src}/${stray}`));
  for (const [name, path] of Object.entries(fn.extraFiles)) {
    const file = resolve(serviceFolder, path);
    if (!existsSync(file)) throw new DeployError(manifestTexts.noFile(fn.key, path));
    if (sources.has(name))
      throw new DeployError(manifestTexts.replacesFile(fn.key, path, `${fn.src}/${name}`));
    sources.set(name, file);
  }
  const entry = fn.type === 'web' ? bootstrapName : `${fn.handler.split('.')[0]}.js`;
  if (!sources.has(entry)) {
    const why = fn.type === 'web' ? manifestTexts.startsWeb : manifestTexts.handlerNames(fn.handler);
    throw new DeployError(manifestTexts.noEntry(fn.key, fn.src, entry, why));
  }
  return [...sources]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, path]) => ({
      name,
      mode: name === bootstrapName ? 0o755 : 0o644,
      content: readFileSync(path),
    }));
}

// Unpacks an uploaded zip as SCF does: keeps the modes, makes nothing writable, writes nothing outside the folder.
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';

export interface ZipFile {
  /** Path inside the zip. */
  name: string;
  /** Unix permission bits; 0644 if the zip has none. */
  mode: number;
  content: Buffer;
}

export async function readZip(zip: Buffer): Promise<ZipFile[]> {
  const archive = await yauzl.fromBufferPromise(zip);
  const files: ZipFile[] = [];
  for await (const entry of archive.eachEntry()) {
    if (entry.fileName.endsWith('/')) continue;
    const stream = await archive.openReadStreamPromise(entry);
    const mode = (entry.externalFileAttributes >>> 16) & 0o777;
    files.push({ name: entry.fileName, mode: mode === 0 ? 0o644 : mode, content: await buffer(stream) });
  }
  return files;
}

/** Returns the folder with the unpacked code. The same zip is unpacked only once. */
export async function unpack(zip: Buffer, sha256: string, parent: string): Promise<string> {
  const folder = join(parent, sha256);
  if (existsSync(folder)) return folder;
  // In the cloud there is no package.json above /var/user. Here the project's own would make the code ESM.
  mkdirSync(parent, { recursive: true });
  writeFileSync(join(parent, 'package.json'), '{"type":"commonjs"}\n');
  const temporary = `${folder}.${process.pid}`;
  for (const file of await readZip(zip)) {
    const path = join(temporary, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
    chmodSync(path, file.mode & 0o555);
  }
  if (existsSync(folder)) rmSync(temporary, { recursive: true });
  else renameSync(temporary, folder);
  return folder;
}

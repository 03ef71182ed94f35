// Becomes index.js of a Web function: runs app.js with the code cache that the build put next to it, so that a cold
// start need not compile it. V8 refuses a cache of another version, other flags or another length of the source. It does
// not detect another source of the same length (an edit in SCF's console), so the hash is compared here. Without a
// matching cache, app.js is compiled as usual.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { wrap } from 'node:module';
import { Script } from 'node:vm';

/** SHA-256 of app.js; set by the build. */
declare const sourceSha256: string;

const filename = `${__dirname}/app.js`;
const source = readFileSync(filename, 'utf8');
const script = new Script(wrap(source), { filename, cachedData: codeCache() });
script.runInThisContext()(exports, require, module, filename, __dirname);

function codeCache(): Buffer | undefined {
  if (createHash('sha256').update(source).digest('hex') !== sourceSha256) return undefined;
  try {
    return readFileSync(`${__dirname}/app-${process.versions.v8}-${process.arch}.cache`);
  } catch {
    return undefined;
  }
}

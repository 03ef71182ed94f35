import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';
import type { PhoneFiles } from '../phone/compile.ts';

/** The page in `folder`: `/`, `/page.css`, `/page.js`. */
export async function compilePage(folder = 'demo/page'): Promise<PhoneFiles> {
  const { outputFiles } = await build({
    entryPoints: [`${folder}/page.ts`, `${folder}/page.css`],
    outdir: folder,
    bundle: true,
    write: false,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    charset: 'utf8',
    logLevel: 'silent',
  });
  const output = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return new Map([
    ['/', { contentType: 'text/html', body: await readFile(`${folder}/index.html`, 'utf8') }],
    ['/page.css', { contentType: 'text/css', body: output('.css') }],
    ['/page.js', { contentType: 'text/javascript', body: output('.js') }],
  ]);
}

import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';
import type { PhoneFiles } from '../phone/compile.ts';

/** The page itself: `/`, `/page.css`, `/page.js`. */
export async function compilePage(): Promise<PhoneFiles> {
  const { outputFiles } = await build({
    entryPoints: ['demo/page/page.ts'],
    bundle: true,
    write: false,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    charset: 'utf8',
    logLevel: 'silent',
  });
  return new Map([
    ['/', { contentType: 'text/html', body: await readFile('demo/page/index.html', 'utf8') }],
    ['/page.css', { contentType: 'text/css', body: await readFile('demo/page/page.css', 'utf8') }],
    ['/page.js', { contentType: 'text/javascript', body: outputFiles[0]?.text ?? '' }],
  ]);
}

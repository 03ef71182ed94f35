// The function of docs/add-a-function.md, read from there: exactly what the document shows is built and deployed.
import { readFileSync } from 'node:fs';

/** Returns the document's source of `functions/hello/index.ts`. */
export function exampleSource(): string {
  const document = readFileSync('docs/add-a-function.md', 'utf8');
  const [, example = ''] = /`functions\/hello\/index\.ts`:\n\n```ts\n(.*?)```/s.exec(document) ?? [];
  return example;
}

/** Adds a block for the function: a copy of the one of `login`, with the changes that the document names. */
export function manifestWithExample(manifest: string): string {
  const [login = ''] = /^ {2}login:\n(?: {4}.*\n)+/m.exec(manifest) ?? [];
  const variablesOfLogin = /^ {6}(?:WECOM_APPID|WECOM_DOMAIN_VERIFY|REVIEWERS|REVIEWERS_UNTIL): .*\n/gm;
  const hello = login
    .replace('  login:', '  hello:')
    .replace('src: dist/login', 'src: dist/hello')
    .replace(variablesOfLogin, '');
  return `${manifest.trimEnd()}\n\n${hello}`;
}

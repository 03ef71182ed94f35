// The functions of docs/add-a-function.md, read from there: exactly what the document shows is built and deployed.
import { readFileSync } from 'node:fs';

/** Returns the document's source of `functions/<name>/index.ts`. */
export function exampleSource(name: string): string {
  const document = readFileSync('docs/add-a-function.md', 'utf8');
  const pattern = new RegExp(`\`functions/${name}/index\\.ts\`:\\n\\n\`\`\`ts\\n(.*?)\`\`\``, 's');
  const [, example = ''] = pattern.exec(document) ?? [];
  return example;
}

/** Adds a block for the function: a copy of the one of `login`, with the changes that the document names. */
export function manifestWithExample(manifest: string, name: string): string {
  const [login = ''] = /^ {2}login:\n(?: {4}.*\n)+/m.exec(manifest) ?? [];
  const variablesOfLogin = /^ {6}(?:WECOM_APPID|WECOM_DOMAIN_VERIFY|REVIEWERS|REVIEWERS_UNTIL): .*\n/gm;
  const own = login
    .replace('  login:', `  ${name}:`)
    .replace('src: dist/login', `src: dist/${name}`)
    .replace(variablesOfLogin, '');
  return `${manifest.trimEnd()}\n\n${own}`;
}

// Runs the compiled client as an old base library would: without any function that is newer than the list allows.
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { transformSync } from 'esbuild';

/**
 * Functions of the language that the mini-program may call. All are in ES2016 or older, so every base library has them,
 * also on iOS and in WeCom for Mac. The syntax may be ES2017, which WeChat's tools compile further.
 */
const mayBeCalled = {
  globals: ['Array', 'Date', 'Error', 'JSON', 'Math', 'Number', 'Object', 'Promise', 'Set', 'String'],
  statics: (
    'Array.from Array.isArray Date.now JSON.parse JSON.stringify Math.ceil Math.max Math.min Math.random ' +
    'Object.assign Object.keys Promise.resolve'
  ).split(' '),
  methods: (
    'catch then add filter find has includes indexOf join map push some every slice exec replace split startsWith test ' +
    'toLowerCase trim getHours getMinutes getSeconds getFullYear getMonth getDate'
  ).split(' '),
  /** Functions of pages, in every base library that this mini-program supports. */
  ofWechat: 'App Page setData reLaunch navigateTo setClipboardData'.split(' '),
};

/** Returns the calls in `code` that are neither in the list of {@link mayBeCalled} nor declared in `own`. */
export function notInList(code: string, own: string): string[] {
  const source = code
    // esbuild's own helpers, which need ES2015.
    .replaceAll(/^var __\w+ = .*?(;|^\};)$/gms, '')
    .replaceAll(/"(?:[^"\\\n]|\\.)*"|^\s*\/\/.*$/gm, '""');
  const used = (pattern: RegExp) => [...new Set([...source.matchAll(pattern)].map(([, name = '']) => name))];
  const declared = (name: string) =>
    new RegExp(
      `^\\s*(async )?${name}\\??((<.*>)?\\(|: (async )?[(<])|\\b(function|const|let|class) ${name}\\b|^  ${name},$`,
      'm',
    ).test(own);
  const { globals, statics, methods, ofWechat } = mayBeCalled;
  const staticNames = statics.map((name) => name.split('.')[1] ?? '');
  const known = [...methods, ...staticNames, ...ofWechat];
  return [
    ...used(/\.([a-z]\w*)\(/g)
      .filter(
        (name) =>
          !known.includes(name) && !declared(name) && !new RegExp(`[A-Z]\\w*\\.${name}\\(`).test(source),
      )
      .map((name) => `.${name}`),
    ...used(/(?<![.\w$])([A-Z]\w*\.[a-z]\w*)\b/g).filter((name) => !statics.includes(name)),
    ...used(/(?<![.\w$])([A-Z]\w*)(?=[.(])/g).filter(
      (name) => ![...globals, ...ofWechat].includes(name) && !declared(name),
    ),
  ];
}

/** Deleted before the client is loaded. Some were reported missing, the others are equally new. */
const missing = [
  'Promise.prototype.finally',
  'Promise.allSettled',
  'Promise.any',
  'Object.entries',
  'Object.values',
  'Object.fromEntries',
  'Object.hasOwn',
  'Object.getOwnPropertyDescriptors',
  'Array.prototype.flat',
  'Array.prototype.flatMap',
  'Array.prototype.at',
  'Array.prototype.findLast',
  'Array.prototype.toSorted',
  'String.prototype.padStart',
  'String.prototype.padEnd',
  'String.prototype.replaceAll',
  'String.prototype.matchAll',
  'String.prototype.trimStart',
  'String.prototype.trimEnd',
  'String.prototype.at',
  'Symbol.asyncIterator',
  'globalThis.structuredClone',
  'globalThis.queueMicrotask',
  'globalThis.URL',
  'globalThis.globalThis',
];

/** Compiles to ES2017, as `npx esbuild --target=es2017` does. */
export function compiled(path: string, format: 'cjs' | 'esm' = 'cjs'): string {
  const source = readFileSync(path, 'utf8');
  return transformSync(source, { loader: 'ts', format, target: 'es2017', charset: 'utf8' }).code;
}

type Client = typeof import('../miniprogram/wecom-login.ts');

/** The client's surroundings. */
export interface Surroundings {
  /** Any object: tests pass values that no phone should have. */
  wx?: object;
  setTimeout: (run: () => void, ms: number) => unknown;
  clearTimeout: (timer: never) => void;
  now: () => number;
}

/** Runs a compiled client in its own context, whose built-ins lack the {@link missing} functions. */
export function openClient(code: string, { now, ...surroundings }: Surroundings): Client {
  const context = createContext({ ...surroundings });
  runInContext(missing.map((name) => `delete ${name};`).join('\n'), context);
  const run = runInContext(`(module, now) => { Date.now = now; ${code}\n}`, context) as (
    module: { exports: unknown },
    now: () => number,
  ) => void;
  const module = { exports: {} };
  run(module, now);
  return module.exports as Client;
}

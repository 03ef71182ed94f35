// What serverless.yml names as plugin. Serverless loads plugins with `require`, and a fresh clone must deploy without a
// build step, so the TypeScript beside this file is bundled on the spot (some 100 ms) and run from memory.
'use strict';

const { join } = require('node:path');
const { Module } = require('node:module');
const { buildSync } = require('esbuild');

const filename = join(__dirname, 'plugin.ts');
const { outputFiles } = buildSync({
  entryPoints: [filename],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  target: `node${process.versions.node}`,
  packages: 'external',
  sourcemap: 'inline',
});
process.setSourceMapsEnabled(true);
const bundle = new Module(filename, module);
bundle.paths = module.paths;
bundle.filename = filename;
// oxlint-disable-next-line no-underscore-dangle -- Node's own way to run a module that is no file
bundle._compile(outputFiles[0].text, filename);

// The framework calls it with `new`; its name is the heading in `sls --help`.
module.exports = function TencentCloud(...given) {
  Object.assign(this, bundle.exports.createPlugin(...given));
};

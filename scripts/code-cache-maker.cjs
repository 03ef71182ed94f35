// Runs the script given as argument, as the loader does. On request it sends the code cache of what has run so far.
const { readFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { Script } = require('node:vm');

const filename = process.argv[2];
const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename });
process.once('message', () =>
  process.send(script.createCachedData().toString('base64'), () => process.exit()),
);
script.runInThisContext()(exports, require, module, filename, __dirname);

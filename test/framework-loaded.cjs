// A process that runs commands of the framework, one after the other, each as a process of its own would. What such a
// process mostly does is load the packages that the framework uses: they stay loaded here. The framework does not.
'use strict';

const { realpathSync } = require('node:fs');
const { dirname, sep } = require('node:path');

/** Packages that keep something of a command. */
const stateful = ['@serverless', 'essentials', 'log', 'log-node', 'uni-global'].map(
  (name) => `${sep}node_modules${sep}${name}${sep}`,
);
/** What the framework listens to. */
const events = ['SIGHUP', 'SIGINT', 'SIGTERM', 'exit', 'uncaughtException', 'unhandledRejection'];

// One stream, so that nothing comes after the last line.
process.stderr.write = process.stdout.write.bind(process.stdout);

process.on('message', ({ program, args, cwd, env }) => {
  // As a process of its own, the command has ended when nothing is left to do.
  process.channel.unref();
  process.once('beforeExit', (exitCode) => {
    process.channel.ref();
    process.exitCode = undefined;
    forget(dirname(dirname(realpathSync(program))) + sep);
    process.stdout.write(`[ended with ${exitCode}]\n`);
  });
  process.argv.splice(1, Infinity, program, ...args);
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  require(program);
});

function forget(framework) {
  for (const path of Object.keys(require.cache)) {
    if ([framework, ...stateful].some((part) => path.includes(part))) delete require.cache[path];
  }
  for (const event of events) process.removeAllListeners(event);
  for (const name of Object.keys(EvalError)) delete EvalError[name];
  // Here uni-global keeps what is to be known in all copies of a package: the level of the log, for one.
  const common = EvalError[Symbol.for('$uniGlobal202109')] ?? {};
  for (const name of Object.keys(common)) delete common[name];
}

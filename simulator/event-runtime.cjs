// Runs one event function in its own process. Takes invocations from the parent over IPC, one at a time, and calls the
// handler as SCF does: event and context as JSON, result as JSON, errors printed and reported.
'use strict';

const resultCharactersMax = 6 * 1024 * 1024;
const { _HANDLER: entry } = process.env;
const [file, exported] = entry.split('.');

let handler;
let failure;
try {
  handler = require(require('node:path').join(process.cwd(), file))[exported];
  if (typeof handler !== 'function') failure = `${file}.js exports no function ${exported}`;
} catch (error) {
  failure = String(error && error.stack);
}
process.send({ ready: true, failure });
// The process that started it has ended, in any way.
process.on('disconnect', () => process.exit());

process.on('message', ({ event, context }) => {
  const finish = (answer) => {
    // After the handler's own output: when the parent has read both marks, its log is complete.
    for (const stream of [process.stdout, process.stderr]) stream.write(`\0end ${context.request_id}\n`);
    process.send({ requestId: context.request_id, ...answer });
  };
  const fail = (error) => {
    console.error(error instanceof Error ? error.stack : error);
    const message =
      error instanceof Error ? error.message : `${String(error)}(callback err is not instance of Error)`;
    finish({ error: message });
  };
  const succeed = (value) => {
    const result = JSON.stringify(value === undefined ? null : value);
    if (result.length > resultCharactersMax) fail(new Error('body size is too long'));
    else finish({ result });
  };
  try {
    const returned = handler(event, context, (error, value) => (error ? fail(error) : succeed(value)));
    if (returned && typeof returned.then === 'function') returned.then(succeed, fail);
  } catch (error) {
    fail(error);
  }
});

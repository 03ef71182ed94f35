// Preloaded into a function: it ends when the process that started it has ended, in any way. The channel closes then, also
// after SIGKILL. It does not keep the function running.
'use strict';

process.on('disconnect', () => process.exit());
process.channel.unref();

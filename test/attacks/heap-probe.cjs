// Preloaded with --expose-gc: at each SIGUSR2 writes how many bytes are still in use after a full collection. The
// resident set would not do: it also holds what V8 keeps for later.
process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`{"event":"heap","bytes":${heapUsed + external}}\n`);
});

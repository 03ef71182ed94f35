// Preloaded into a candidate: tells on request what it has used, after a collection of garbage if that is asked for.
process.on('message', (order) => {
  if (order === 'collect') globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ cpu: process.cpuUsage(), rssBytes: rss, liveBytes: heapUsed + external });
});
process.channel.unref();

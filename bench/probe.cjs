// Preloaded into a candidate. On request it reports the resources used, after a garbage collection if asked for.
process.on('message', (order) => {
  if (order === 'collect') globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ cpu: process.cpuUsage(), rssBytes: rss, liveBytes: heapUsed + external });
});
process.channel.unref();

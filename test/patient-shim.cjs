// Preloaded into a function under test: its time passes twenty times more slowly, so that no deadline expires because this
// machine is busy.
const slowdown = 20;

const now = Date.now.bind(Date);
const monotonic = performance.now.bind(performance);
const realSetTimeout = setTimeout;
const [startedAt, startedAtMonotonic] = [now(), monotonic()];
Date.now = () => startedAt + Math.floor((now() - startedAt) / slowdown);
performance.now = () => startedAtMonotonic + (monotonic() - startedAtMonotonic) / slowdown;
globalThis.setTimeout = (action, ms, ...given) => realSetTimeout(action, (ms ?? 0) * slowdown, ...given);

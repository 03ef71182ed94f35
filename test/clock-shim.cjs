// Preloaded into a function under test: moves its clocks ahead by the milliseconds that stand in CLOCK_FILE.
const { readFileSync } = require('node:fs');

const now = Date.now.bind(Date);
const monotonic = performance.now.bind(performance);
let ahead = 0;
const aheadMs = () => {
  try {
    ahead = Number(readFileSync(process.env.CLOCK_FILE, 'utf8'));
  } catch {
    // The test is over and its file gone; the process ends a moment later.
  }
  return ahead;
};
Date.now = () => now() + aheadMs();
performance.now = () => monotonic() + aheadMs();

// Preloaded into a function under test: moves its clocks ahead by the milliseconds that stand in CLOCK_FILE.
const { readFileSync } = require('node:fs');

const now = Date.now.bind(Date);
const monotonic = performance.now.bind(performance);
const aheadMs = () => Number(readFileSync(process.env.CLOCK_FILE, 'utf8'));
Date.now = () => now() + aheadMs();
performance.now = () => monotonic() + aheadMs();

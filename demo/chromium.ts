/** Returns the path of Chromium: `CHROMIUM_PATH`, or Debian's path. */
export function chromiumPath(): string {
  return process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
}

/** No sandbox, so that it also runs as root in a container. It opens only the demo's own pages. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // In place of Playwright's own list: what asks Google at the start, what holds back a page that is ready, and the pages
  // below the address bar, each in a process of its own.
  `--disable-features=${[
    'AimEnabled',
    'NetworkTimeServiceQuerying',
    'OptimizationHints',
    'PreconnectToSearch',
    'PaintHolding',
    'WebUIOmniboxAimPopup',
    'WebUIOmniboxPopup',
  ].join(',')}`,
];

import { appendFileSync } from 'node:fs';

/** Notes what a test has measured for one of the goals; `docs/reliability.md` shows it. */
export function figure(id: string, text: string): void {
  const file = process.env['FIGURES_FILE'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ id, text })}\n`);
}

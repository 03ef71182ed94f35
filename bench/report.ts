// What a run found, as a Markdown table and as an SVG chart.
import type { Figure } from './figures.ts';

/** Where and when it was measured. */
export interface Conditions {
  date: string;
  commit: string;
  node: string;
  machine: string;
  redis: string;
  command: string;
  /** Candidates that were not installed. */
  missing: readonly string[];
}

/** One figure of all candidates as a line of the table. */
export interface Row {
  figure: string;
  key: string;
  title: string;
  digits: number;
  /** With the ratio to the floor beside the number. */
  ratio?: boolean;
}

/** What of a run is shown, and how. */
export interface Report {
  title: string;
  rows: readonly Row[];
  panels: readonly Panel[];
  /** Below the table, as Markdown. */
  note: string;
  /** Of the chart, for those who do not see it. */
  label: string;
}

const rows: readonly Row[] = [
  {
    figure: 'throughput',
    key: 'perSecond32',
    title: 'logins per second, 32 concurrent',
    digits: 0,
    ratio: true,
  },
  {
    figure: 'throughput',
    key: 'perSecond1',
    title: 'logins per second, 1 at a time',
    digits: 0,
    ratio: true,
  },
  { figure: 'throughput', key: 'p50Ms', title: 'login p50 at 32 concurrent, ms', digits: 1 },
  { figure: 'throughput', key: 'cpuUs', title: 'CPU per login, µs', digits: 0, ratio: true },
  { figure: 'throughput', key: 'busyPercent', title: 'candidate busy, % of a core', digits: 0 },
  {
    figure: 'throughput',
    key: 'surroundingsBusyPercent',
    title: 'WeCom and clients busy, % of a core',
    digits: 0,
  },
  { figure: 'latency', key: 'loginMs', title: 'login p50 at WeCom 60 ms, Redis 2 ms', digits: 1 },
  { figure: 'latency', key: 'ownMs', title: 'of it above the waits, ms', digits: 1 },
  { figure: 'latency', key: 'redisRoundTrips', title: 'Redis round trips of a warm login', digits: 1 },
  { figure: 'cold', key: 'listeningMs', title: 'cold start to listening, ms', digits: 0 },
  {
    figure: 'cold',
    key: 'coldMs',
    title: 'cold start to the first login answered, ms',
    digits: 0,
    ratio: true,
  },
  {
    figure: 'cold',
    key: 'quarterMs',
    title: 'the same with a quarter of a core, ms',
    digits: 0,
    ratio: true,
  },
  { figure: 'cold', key: 'tlsMs', title: 'cold start over TLS, 20 ms to WeCom, ms', digits: 0, ratio: true },
  { figure: 'size', key: 'bundleKb', title: 'bundle, minified, KB', digits: 0 },
  { figure: 'memory', key: 'rss10k', title: 'memory after 10,000 logins, MB', digits: 0 },
  { figure: 'memory', key: 'rssGrowth', title: 'growth to 20,000 logins, MB', digits: 1 },
  { figure: 'memory', key: 'liveGrowth', title: 'of it live after a collection, MB', digits: 1 },
  { figure: 'storms', key: 'emptyCalls', title: 'gettoken: 50 cold processes, 1,000 logins', digits: 0 },
  { figure: 'storms', key: 'emptyFailed', title: 'logins that failed', digits: 0 },
  { figure: 'storms', key: 'storedCalls', title: 'gettoken: the same with a token in Redis', digits: 0 },
  { figure: 'storms', key: 'storedFailed', title: 'logins that failed', digits: 0 },
  { figure: 'storms', key: 'invalidatedCalls', title: 'gettoken: token dropped, 500 logins', digits: 0 },
  { figure: 'storms', key: 'invalidatedFailed', title: 'logins that failed', digits: 0 },
  { figure: 'storms', key: 'limitedCalls', title: 'gettoken: 50 cold, limited to 20 a minute', digits: 0 },
  { figure: 'storms', key: 'limitedFailed', title: 'of 50 logins failed', digits: 0 },
];

type Results = ReadonlyMap<string, Figure>;

/** The table, one column per candidate. */
export function markdown(
  { title, rows, note }: Report,
  names: readonly string[],
  results: Results,
  conditions: Conditions,
): string {
  const { date, commit, node, machine, redis, command, missing } = conditions;
  const cells = rows
    .filter(({ figure }) => results.has(figure))
    .map((row) => [row.title, ...names.map((name) => cell(row, name, results))]);
  const lines = [['', ...names], names.map(() => '--:'), ...cells].map((line, index) =>
    index === 1 ? `| --- | ${line.join(' | ')} |` : `| ${line.join(' | ')} |`,
  );
  return `# ${title}

\`${command}\` · ${date} · commit ${commit} · Node ${node} · ${machine} · Redis ${redis}
${missing.length > 0 ? `\nNot installed: ${missing.join(', ')}.\n` : ''}
${lines.join('\n')}

${note}
`;
}

function value(figure: string, key: string, name: string, results: Results): number | undefined {
  return results.get(figure)?.get(name)?.[key];
}

function cell({ figure, key, digits, ratio }: Row, name: string, results: Results): string {
  const found = value(figure, key, name, results);
  if (found === undefined) return '';
  const floor = value(figure, key, 'floor', results);
  const text = format(found, digits);
  return ratio && floor !== undefined && name !== 'floor' ? `${text} (${(found / floor).toFixed(2)})` : text;
}

function format(number: number, digits: number): string {
  return number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** One figure of all candidates as bars. */
export interface Panel {
  figure: string;
  key: string;
  title: string;
  better: 'longer' | 'shorter';
  digits: number;
}

const panels: readonly Panel[] = [
  {
    figure: 'storms',
    key: 'emptyCalls',
    title: 'gettoken calls, 50 cold processes',
    better: 'shorter',
    digits: 0,
  },
  {
    figure: 'storms',
    key: 'invalidatedFailed',
    title: 'failed of 500 logins, token dropped',
    better: 'shorter',
    digits: 0,
  },
  {
    figure: 'throughput',
    key: 'perSecond32',
    title: 'logins per second, 32 concurrent',
    better: 'longer',
    digits: 0,
  },
  { figure: 'throughput', key: 'cpuUs', title: 'CPU per login, µs', better: 'shorter', digits: 0 },
  { figure: 'cold', key: 'coldMs', title: 'cold start to first login, ms', better: 'shorter', digits: 0 },
  { figure: 'size', key: 'bundleKb', title: 'bundle, KB', better: 'shorter', digits: 0 },
];

/** The floor, ours and the peers side by side. */
export const comparison: Report = {
  title: 'What was measured',
  rows,
  panels,
  label: 'Benchmark of the login function',
  note: `In brackets: ratio to the floor of the same run. Medians of rounds in which every candidate has its turn. How and
against what: [bench/README.md](../../bench/README.md).`,
};

const colours: Record<string, string> = { ours: '#0969da', floor: '#8c959f' };
const barHeight = 18;
const barGap = 4;
const panelWidth = 470;
const labelWidth = 150;
const barWidthMax = panelWidth - labelWidth - 70;

/** The chart: a panel per figure, a bar per candidate. */
export function svg(
  { panels, label }: Report,
  names: readonly string[],
  results: Results,
  { date, commit, node, machine }: Conditions,
): string {
  const shown = panels.filter(({ figure }) => results.has(figure));
  const panelHeight = 50 + names.length * (barHeight + barGap);
  const width = 2 * panelWidth + 40;
  const height = Math.ceil(shown.length / 2) * panelHeight + 50;
  const drawn = shown.map((panel, index) => {
    const x = 20 + (index % 2) * panelWidth;
    const y = 10 + Math.floor(index / 2) * panelHeight;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, names, results)}</g>`;
  });
  const note = `${date}, commit ${commit}, Node ${node}, ${machine}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escape(label)}">
<rect width="100%" height="100%" fill="#fff"/>
${drawn.join('\n')}
<text x="20" y="${height - 16}" fill="#57606a" font-size="11">${escape(note)}</text>
</svg>
`;
}

function drawPanel(
  { figure, key, title, better, digits }: Panel,
  names: readonly string[],
  results: Results,
): string {
  const values = names.map((name) => value(figure, key, name, results));
  const max = Math.max(1e-9, ...values.map((found) => found ?? 0));
  const bars = names.map((name, index) => {
    const found = values[index];
    const y = 32 + index * (barHeight + barGap);
    const width = found === undefined ? 0 : Math.max(found > 0 ? 2 : 0, (found / max) * barWidthMax);
    const colour = colours[name] ?? '#d4a72c';
    const text = found === undefined ? 'not measured' : format(found, digits);
    return `<text x="${labelWidth - 8}" y="${y + 13}" text-anchor="end" fill="#1f2328"${name === 'ours' ? ' font-weight="bold"' : ''}>${escape(name)}</text><rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" fill="${colour}"/><text x="${(labelWidth + width + 6).toFixed(1)}" y="${y + 13}" fill="#1f2328">${text}</text>`;
  });
  return `<text y="20" font-weight="bold" fill="#1f2328">${escape(title)} <tspan font-weight="normal" fill="#57606a">(${better} is better)</tspan></text>${bars.join('')}`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

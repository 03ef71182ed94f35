import type { Finding } from '../../lib/diagnose-table.ts';

/** What each check is called in the terminal. WeCom's own words where an operator looks for them in its console. */
const titles: Record<string, string> = {
  'doctor.step': 'doctor',
  'environment.file': 'file',
  'environment.variables': 'variables',
  'cloud.manifest': 'serverless.yml',
  'cloud.api': 'Tencent Cloud',
  'cloud.key': 'API key',
  'cloud.region': 'region',
  'cloud.functions': 'functions',
  'cloud.settings': 'settings',
  'cloud.url': 'function URL',
  'cloud.timer': 'timer',
  'cloud.egress_ip': 'egress IP',
  'cloud.admin': 'admin function',
  'domain.binding': 'domain',
  'domain.answer': 'domain answers',
  'domain.certificate': 'certificate',
  'domain.verify_file': '可信域名 (proof of ownership)',
  'callback.url': '接收消息 (callback)',
  'callback.domain': '接收消息, its domain',
  'redis.reachable': 'Redis',
  'redis.tls': 'Redis, encryption',
  'redis.auth': 'Redis, password',
  'redis.version': 'Redis, version',
  'redis.scripts': 'Redis, scripts',
  'redis.writes': 'Redis, writing',
  'redis.memory': 'Redis, memory',
  'redis.eviction': 'Redis, when full',
  'redis.reads': 'Redis, reads',
  'redis.latency': 'Redis, speed',
  'wecom.reachable': 'WeCom',
  'wecom.gettoken': 'access_token (corpid and secret)',
  'wecom.trusted_ip': '企业可信IP (trusted IP)',
  'wecom.app': 'app',
  'wecom.linked': 'app linked with the mini-program',
  'wecom.visible_range': '可见范围 (visible range)',
};

const marks = { ok: '✓', warning: '!', failed: '✗', skipped: '–' } as const;
const colours = { ok: 32, warning: 33, failed: 31, skipped: 90 } as const;
const columnsMax = 100;

/** The lines of one finding: what was seen, and with a problem what to do. */
export function linesOf(finding: Finding, coloured: boolean): string {
  const { check, status, about, found, advice, diagnosis } = finding;
  const mark = coloured ? `\u001b[${colours[status]}m${marks[status]}\u001b[0m` : marks[status];
  const title = [titles[check] ?? check, about].filter(Boolean).join(', ');
  const lines = [`  ${mark} ${title}: ${found}`];
  if (advice !== undefined) lines.push(...wrapped(advice, '      '), `      [${diagnosis}]`);
  return `${lines.join('\n')}\n`;
}

/** Broken between words, each line after this indent. */
export function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length > indent.length && widthOf(`${line}${word}`) > columnsMax) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** Chinese characters take two columns. */
function widthOf(text: string): number {
  return text.length + (text.match(/[\u2e80-\uffef]/g)?.length ?? 0);
}

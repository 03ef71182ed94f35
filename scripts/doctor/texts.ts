// What `npm run doctor` says beside its findings.
import type { Bilingual } from '../language.ts';

export const usage: Bilingual = {
  en: `npm run doctor   what is wrong, and where to fix it; changes nothing
  --stage STAGE   which deployment (default: dev); its variables are those of .env.STAGE, else of .env
  --local         do not check what is deployed; ask Redis and WeCom from this computer
  --json          one JSON document instead of lines; \`check\` and \`diagnosis\` are stable, docs/doctor.md lists them
  --lang LANG     zh or en (default: that of the terminal)
Exit codes: 0 everything is ok, 1 something failed, 2 wrong usage, 3 nothing failed, but there is a warning.`,
  zh: `npm run doctor   检查哪里有问题、在哪里修改；不做任何改动
  --stage STAGE   检查哪个 stage（默认 dev）；变量取自 .env.STAGE，没有则取自 .env
  --local         不检查已部署的内容，从本机检查 Redis 和企业微信
  --json          输出一个 JSON 文档（英文）；check 和 diagnosis 是稳定的名称，见 docs/zh/doctor.md
  --lang LANG     zh 或 en（默认与终端一致）
退出码：0 全部正常，1 有失败项，2 用法错误，3 没有失败项但有警告。`,
};

export const headings = {
  miniProgram: { en: 'Mini-program', zh: '小程序' },
  cloud: { en: 'Tencent Cloud', zh: '腾讯云' },
  domain: { en: 'Domain and callback', zh: '域名和回调' },
  inside: { en: 'Redis and WeCom, as the functions see them', zh: 'Redis 和企业微信（从云上的函数检查）' },
  here: {
    en: 'Redis and WeCom, as this computer sees them (once deployed, the functions are asked)',
    zh: 'Redis 和企业微信（从本机检查；部署后从云上的函数检查）',
  },
} as const satisfies Record<string, Bilingual>;

export function environmentHeading(stage: string): Bilingual {
  return { en: `Environment of stage ${stage}`, zh: `环境变量（stage ${stage}）` };
}

/** What the doctor is waiting for. */
export const steps = {
  manifest: { en: 'reading serverless.yml', zh: '读取 serverless.yml' },
  deployed: { en: 'reading what is deployed', zh: '读取已部署的内容' },
  urls: { en: 'asking the function URLs', zh: '访问函数 URL' },
  timers: { en: 'reading the log of the timer', zh: '读取定时触发器的日志' },
  domain: { en: 'asking the domain', zh: '访问域名' },
  callback: { en: 'asking the callback URL', zh: '校验回调 URL' },
  admin: {
    en: 'asking functions/admin, which asks Redis and WeCom',
    zh: '调用 functions/admin，由它检查 Redis 和企业微信',
  },
  here: { en: 'asking Redis and WeCom', zh: '检查 Redis 和企业微信' },
} as const satisfies Record<string, Bilingual>;

/** The place of variables that no file has. */
export const theEnvironment: Bilingual = { en: 'the environment', zh: '环境变量' };

/** SCF's own responses at a function URL. @see https://cloud.tencent.com/document/product/583/42611 */
export const meanings: Record<number, Bilingual> = {
  405: { en: 'the function does not start', zh: '函数启动失败' },
  406: { en: 'the request is too large', zh: '请求过大' },
  407: { en: 'the response is too large', zh: '响应过大' },
  429: { en: 'too many requests at this moment', zh: '当前请求过多' },
  430: { en: 'the function threw an error', zh: '函数抛出异常' },
  432: { en: 'no quota or no balance is left', zh: '配额或余额不足' },
  433: { en: 'the function took longer than its timeout', zh: '函数执行超时' },
  434: { en: 'the function needed more memory than it has', zh: '函数内存不足' },
  439: { en: 'the process of the function ended', zh: '函数进程退出' },
  443: { en: 'the function threw an error', zh: '函数抛出异常' },
};
export const unknownMeaning: Bilingual = {
  en: 'its documents do not say what that means',
  zh: '官方文档没有说明其含义',
};

export const otherVersion: Bilingual = {
  en: 'its version and that of this checkout do not fit',
  zh: '它的版本与当前代码不匹配',
};

/** The last line: how many of each. */
export function summary(counts: {
  failed: number;
  warnings: number;
  ok: number;
  skipped: number;
}): Bilingual {
  const { failed, warnings, ok, skipped } = counts;
  const several = failed > 1;
  return {
    en: `${failed} failed, ${warnings} warnings, ${ok} ok, ${skipped} not checked.${several ? ' The first one often explains the others.' : ''}`,
    zh: `失败 ${failed} 项，警告 ${warnings} 项，正常 ${ok} 项，未检查 ${skipped} 项。${several ? '第一项往往是其他各项的原因。' : ''}`,
  };
}

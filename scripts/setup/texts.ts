// What `npm run setup` says beside its questions.
import { menusOf } from '../console-paths.ts';
import type { Bilingual } from '../language.ts';

export function usage(parts: string): Bilingual {
  return {
    en: `npm run setup   asks for what .env needs, checks and writes it; then checks Redis and WeCom
npm run setup -- [KEY=value …] [options]
  --stage STAGE      writes .env.STAGE instead of .env
  --answers FILE     a JSON object of answers; nothing is asked
  --ask              ask even if standard input is not a terminal; otherwise it may hold lines of KEY=value
  --replace          replace existing values without asking
  --no-check         do not check Redis and WeCom at the end
  --lang LANG        zh or en (default: that of the terminal)
KEY is a variable of .env.example, or a part of one: ${parts}.
Exit codes: 0 written, 1 an answer is not valid, 2 wrong usage, 3 would replace values, 4 written, but Redis or WeCom
refuses it, 130 cancelled. With 1, 2, 3 and 130 nothing has changed.`,
    zh: `npm run setup   逐项询问 .env 所需的值，校验后写入；最后检查 Redis 和企业微信
npm run setup -- [KEY=value …] [选项]
  --stage STAGE      写入 .env.STAGE，而不是 .env
  --answers FILE     从 JSON 文件读取回答，不再询问
  --ask              标准输入不是终端时也询问；否则标准输入可以是多行 KEY=value
  --replace          直接替换已有的值，不再确认
  --no-check         最后不检查 Redis 和企业微信
  --lang LANG        zh 或 en（默认与终端一致）
KEY 是 .env.example 中的变量，或变量的一部分：${parts}。
退出码：0 已写入，1 有回答不合要求，2 用法错误，3 需要替换已有的值，4 已写入，但 Redis 或企业微信检查不通过，
130 已取消。退出码为 1、2、3、130 时没有任何改动。`,
  };
}

export const texts = {
  cancelled: { en: '\nCancelled; nothing was written.', zh: '\n已取消，没有写入任何内容。' },
  keyGenerated: {
    en: 'ENCRYPTION_KEY, which encrypts what is stored, is generated unless it is already set.',
    zh: '用于加密存储数据的 ENCRYPTION_KEY 会自动生成；已有的不会改动。',
  },
  another: {
    en: '  Does another company use the same mini-program?',
    zh: '  还有其他企业使用这个小程序吗？',
  },
  keepAnyway: { en: '  Keep it anyway?', zh: '  仍然保留吗？' },
  doesNotFit: { en: 'That does not fit. Expected: ', zh: '格式不对。应为：' },
  setUpNow: { en: '. Set it up now?', zh: '。现在设置吗？' },
  notJson: { en: '--answers: no readable JSON file', zh: '--answers：无法读取该 JSON 文件' },
  notTexts: {
    en: '--answers: must be a JSON object of texts',
    zh: '--answers：应为 JSON 对象，且所有的值都是字符串',
  },
  here: {
    en: '\nRedis and WeCom, as this computer sees them\n',
    zh: '\nRedis 和企业微信（从本机检查）\n',
  },
  next: { en: '\nNext:\n', zh: '\n接下来：\n' },
  callbackStep: {
    en: `in WeCom, ${menusOf('appCallback').en}: Token and EncodingAESKey are in WECOM_CALLBACKS, corpid:Token:EncodingAESKey`,
    zh: `在企业微信管理后台 ${menusOf('appCallback').zh}：Token 和 EncodingAESKey 在 WECOM_CALLBACKS 中，格式为 corpid:Token:EncodingAESKey`,
  },
} as const satisfies Record<string, Bilingual>;

export function starts(file: string): Bilingual {
  return {
    en: `This writes ${file}. Ctrl-C cancels it at any time and changes nothing.`,
    zh: `将写入 ${file}。随时可按 Ctrl-C 取消，不会有任何改动。`,
  };
}

export function alreadySet(names: string): Bilingual {
  return {
    en: `  ${names}: already set. Change it?`,
    zh: `  ${names} 已有值。要修改吗？`,
  };
}

export function unchanged(file: string): Bilingual {
  return {
    en: `\n${file} already has these values.\n`,
    zh: `\n${file} 中已经是这些值。\n`,
  };
}

export function replacedName(name: string): Bilingual {
  return {
    en: `${name} (replaced)`,
    zh: `${name}（替换）`,
  };
}

/** `written` is the same text after the question. */
export function writing(file: string, names: readonly Bilingual[]): { ask: Bilingual; written: Bilingual } {
  const en = `${file}: ${names.map((name) => name.en).join(', ')}`;
  const zh = `${file}：${names.map((name) => name.zh).join('、')}`;
  return {
    ask: { en: `\nWrite ${en}?`, zh: `\n写入 ${zh}？` },
    written: { en: `\nWritten ${en}\n`, zh: `\n已写入 ${zh}\n` },
  };
}

export function wouldReplace(file: string, names: string): Bilingual {
  return {
    en: `${file} has other values for ${names}; --replace replaces them`,
    zh: `${file} 中的 ${names} 已有其他值；加上 --replace 可以替换`,
  };
}

export function runAgain(setup: string): Bilingual {
  return {
    en: `${setup} again, to correct what failed`,
    zh: `再次运行 ${setup}，改正失败的项`,
  };
}

export function keyThenDeploy(setup: string, deploy: string): Bilingual {
  return {
    en: `${setup} again for the API key, then ${deploy}`,
    zh: `再次运行 ${setup} 填写 API 密钥，然后运行 ${deploy}`,
  };
}

export function fromInside(doctor: string): Bilingual {
  return {
    en: `${doctor}, which then checks from inside`,
    zh: `运行 ${doctor}，从云上检查`,
  };
}

export function noSuchAnswer(name: string): Bilingual {
  return {
    en: `${name}: there is no such answer; .env.example names all variables`,
    zh: `${name}：没有这一项；所有变量见 .env.example`,
  };
}

export function expectedForm(name: string, expected: Bilingual): Bilingual {
  return {
    en: `${name}: expected ${expected.en}`,
    zh: `${name}：应为${expected.zh}`,
  };
}

export function notPair(place: number): Bilingual {
  return {
    en: `line or argument ${place} is not KEY=value`,
    zh: `第 ${place} 行或第 ${place} 个参数不是 KEY=value`,
  };
}

/** What is wrong with answers that are each of the right form. */
export const answerTexts = {
  partOf: (part: string, whole: string): Bilingual => ({
    en: `${part} is a part of ${whole}: give one of the two`,
    zh: `${part} 是 ${whole} 的一部分：只填其中一个`,
  }),
  together: (one: string, other: string): Bilingual => ({
    en: `${one} and ${other} go together`,
    zh: `${one} 和 ${other} 须同时填写`,
  }),
  hostMissing: {
    en: 'REDIS_HOST is missing, which REDIS_PORT, REDIS_TLS and REDIS_PASSWORD belong to',
    zh: '缺少 REDIS_HOST：填写 REDIS_PORT、REDIS_TLS 或 REDIS_PASSWORD 时必须填写',
  },
  host: { en: 'REDIS_HOST must be a host name or an address', zh: 'REDIS_HOST 应为主机名或 IP 地址' },
  port: { en: 'REDIS_PORT must be a number', zh: 'REDIS_PORT 应为数字' },
  yesOrNo: (name: string): Bilingual => ({ en: `${name} must be yes or no`, zh: `${name} 只能是 yes 或 no` }),
  account: (expected: Bilingual): Bilingual => ({
    en: `REVIEWER_ACCOUNT: it must be ${expected.en}`,
    zh: `REVIEWER_ACCOUNT：只能用${expected.zh}`,
  }),
  password: (weakness: Bilingual): Bilingual => ({
    en: `REVIEWER_PASSWORD: too weak: ${weakness.en}.`,
    zh: `REVIEWER_PASSWORD：强度不够，${weakness.zh}。`,
  }),
} as const;

export const fileTexts = {
  severalLines: (name: string): Bilingual => ({
    en: `${name} is written over several lines: change it by hand`,
    zh: `${name} 写成了多行：请手动修改`,
  }),
  notKept: (name: string): Bilingual => ({
    en: `${name} holds characters that a .env file does not keep`,
    zh: `${name} 含有 .env 文件无法保存的字符`,
  }),
} as const;

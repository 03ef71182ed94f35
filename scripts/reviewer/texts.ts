// What `npm run reviewer` says, and `npm run setup` of the same account.
import type { Bilingual } from '../language.ts';

export const accountExpected: Bilingual = { en: 'letters, digits, _ . @ -', zh: '字母、数字和 _ . @ -' };

export const usage: Bilingual = {
  en: `usage: npm run reviewer -- NAME   (${accountExpected.en})`,
  zh: `用法：npm run reviewer -- NAME   （NAME 只能用${accountExpected.zh}）`,
};

export function passwordQuestion(account: string, charactersMin: number): Bilingual {
  return {
    en: `Password for ${account}, ${charactersMin} characters or more`,
    zh: `${account} 的密码，至少 ${charactersMin} 个字符`,
  };
}

export function tooWeak(weakness: Bilingual): Bilingual {
  return {
    en: `That password is too weak: ${weakness.en}.`,
    zh: `密码强度不够：${weakness.zh}。`,
  };
}

export const texts = {
  onceMore: { en: 'Once more', zh: '再输入一次' },
  notTheSame: { en: 'The two are not the same.', zh: '两次输入不一致。' },
  put: {
    en: 'Put this into .env, several separated by commas, together with REVIEWERS_UNTIL:',
    zh: '把下面一行写入 .env，多个账号用英文逗号分隔；还须填写 REVIEWERS_UNTIL：',
  },
  cancelled: { en: '\nCancelled.', zh: '\n已取消。' },
} as const satisfies Record<string, Bilingual>;

/** Why a password is too weak. */
export const weaknesses = {
  short: (charactersMin: number): Bilingual => ({
    en: `it has fewer than ${charactersMin} characters`,
    zh: `少于 ${charactersMin} 个字符`,
  }),
  long: { en: 'it has more than 128 characters', zh: '超过 128 个字符' },
  repeats: { en: 'it repeats too few characters', zh: '重复的字符太多' },
  account: { en: 'it contains the account', zh: '包含账号' },
  guessed: { en: 'it contains one of the first guesses', zh: '包含最容易被猜到的词' },
} as const;

// What is wrong with a variable, in the language of the terminal. The functions log the English words of lib/, which are
// also the keys here: the Chinese ones are not shipped with them.
import type { EntryForm, ProblemText } from '../lib/environment.ts';
import { both, type Bilingual } from './language.ts';

/** Found by scripts/doctor/environment.ts: no function reads both. */
export const halfOfPair = 'is missing, {} and {} go together';

const chinese: Record<ProblemText | typeof halfOfPair, string> = {
  'is missing': '缺少',
  [halfOfPair]: '缺少；{} 和 {} 要么都填，要么都不填',
  'must not contain $, #, ; or = (percent-encode them in REDIS_URL)':
    '不能包含 $、#、; 或 =（REDIS_URL 中请写成百分号编码）',
  'must be a whole number from {} to {}': '应为 {} 到 {} 的整数',
  'must be true or false': '只能是 true 或 false',
  'entry {} must be {}': '第 {} 项的格式应为 {}',
  'holds the public test company of WeChat DevTools; see ALLOW_TEST_CORP':
    '包含微信开发者工具的公开测试企业；如确需使用，见 ALLOW_TEST_CORP',
  'holds a corpid twice': '同一个 corpid 出现了两次',
  'holds a corpid twice with the same token': '同一个 corpid 和 Token 出现了两次',
  'holds an account twice': '同一个账号出现了两次',
  'holds a name twice': '同一个名称出现了两次',
  'holds a key twice': '同一个密钥出现了两次',
  'holds an API that answers with a credential': '包含会返回凭证的接口，不允许转发',
  'must be 32 random bytes in base64url; new,old while rotating':
    '应为 32 字节随机数的 base64url；轮换期间写成“新,旧”',
  'must be https://host (http:// only for loopback), without a path':
    '应为 https://主机名，不带路径（只有本机回环地址可以用 http://）',
  'must be the letters and digits of WW_verify_<code>.txt':
    '只填 WW_verify_<code>.txt 中 <code> 的字母和数字',

  'must look like wx…': '应以 wx 开头',
  'must be an IP address such as 0.0.0.0': '应为 IP 地址，例如 0.0.0.0',
  'must be a day like 2026-01-31': '应为日期，例如 2026-01-31',
  'must be redis://:password@host:port, the password percent-encoded':
    '格式应为 redis://:密码@主机:端口，密码用百分号编码',
  'must begin with redis:// or rediss:// and name a host': '应以 redis:// 或 rediss:// 开头，并写明主机',
  'must not have a username; TencentDB wants account@password as the password':
    '不能带用户名；云数据库 Redis 的自建账号请把“账号@密码”整体写在密码的位置',
  'must not name port 0': '端口不能是 0',
  'may end with /0 to /999, nothing else': '结尾只能是 /0 到 /999（库编号）',
  'must be letters, digits and -, 32 at most': '只能是字母、数字和 -，最多 32 个字符',
  'must be a readable PEM file of certificates alone': '应为可读取的 PEM 文件，且只包含证书',
  'is only for a rediss:// REDIS_URL': '只在 REDIS_URL 为 rediss:// 时使用',
  'must be a name as it is in the certificate, without * and no address':
    '应为证书中写明的域名，不能是 IP，也不能带 *',
  'names a company that WECOM_CORPS does not have': '引用了 WECOM_CORPS 中没有的企业',
  'may have at most {} entries': '最多 {} 项',
  'may name at most {} tags': '最多引用 {} 个标签',
  'may hold at most {} fields': '最多 {} 个字段',
  'may hold extattr.<name> and {}': '只能填 extattr.<名称> 和以下字段：{}',
  'must be at most {} names like message/send, separated by commas':
    '最多 {} 个接口名，形如 message/send，用英文逗号分隔',
};

const chineseForms: Record<EntryForm, string> = {
  'corpid:corpsecret': 'corpid:corpsecret',
  'corpid:token:encodingAESKey': 'corpid:Token:EncodingAESKey',
  'account:hash, as npm run reviewer prints it': '账号:哈希（由 npm run reviewer 生成）',
  'role:dept:7, role:user:ZhangSan|LiSi or role:tag:3, with :corpid for another company':
    '角色:dept:7、角色:user:ZhangSan|LiSi 或 角色:tag:3；其他企业在末尾加 :corpid',
  'name:SHA-256 of its key in hex, with :corpid for another company':
    '名称:密钥的 SHA-256（十六进制）；其他企业在末尾加 :corpid',
};

/** A problem as ConfigError has it, such as `WECOM_CORPS: is missing`. */
export function problemText(problem: string): Bilingual {
  return { en: problem, zh: inChinese(problem) };
}

/** Several problems as one text. */
export function problemTexts(problems: readonly string[], separator: Bilingual): Bilingual {
  return both((language) =>
    problems.map((problem) => problemText(problem)[language]).join(separator[language]),
  );
}

function inChinese(problem: string): string {
  const [, name = '', what = ''] = /^(\w+): (.*)$/s.exec(problem) ?? [];
  for (const [text, words] of Object.entries(chinese)) {
    const values = valuesIn(what, text);
    if (values) return `${name}：${filled(words, values)}`;
  }
  return problem;
}

/** What is in the places of `{}`; undefined if it is another text. */
function valuesIn(what: string, text: string): string[] | undefined {
  const pattern = text
    .split('{}')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('(.*)');
  return new RegExp(`^${pattern}$`, 's').exec(what)?.slice(1);
}

function filled(words: string, values: readonly string[]): string {
  const forms: Record<string, string> = chineseForms;
  let next = 0;
  return words.replaceAll('{}', () => {
    const value = values[next] ?? '';
    next += 1;
    return forms[value] ?? value;
  });
}

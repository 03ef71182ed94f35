// What setup asks, in its order, and which answers it takes.
import type { Environment } from '../../lib/environment.ts';
import { at } from '../console-paths.ts';
import { type Bilingual, wrapped } from '../language.ts';
import { accountExpected } from '../reviewer/texts.ts';
import type { Terminal } from '../terminal.ts';
import type { Answers } from './answers.ts';
import { alreadySet, texts } from './texts.ts';

/** One value that setup asks for. */
export interface Question {
  /** What the answer is called, also in `--answers` and on standard input. */
  name: string;
  /** Where it is found: menus as the consoles name them. */
  where: Bilingual;
  /** What the answer must match. */
  form: RegExp;
  expected: Bilingual;
  hidden?: boolean;
  /** May be empty, which clears the existing value. */
  optional?: boolean;
  /** Asked only if this returns true. */
  when?(answers: Answers): boolean;
  byDefault?: string;
}

/** Questions that are asked together, or skipped together when their variables are already set. */
export interface Group {
  title: Bilingual;
  /** What these are for. */
  why: Bilingual;
  variables: string[];
  /** A group with this text may be skipped; it says what happens then. */
  unless?: Bilingual;
  questions: Question[];
}

const secretText = /^[^\s$#;=]+$/;
const secretExpected = { en: 'no blanks and none of $ # ; =', zh: '不含空格和 $ # ; = 的文本' };

/** In the order in which a new user needs them. */
export const groups: Record<
  'corps' | 'miniProgram' | 'callback' | 'redis' | 'key' | 'vpc' | 'domain' | 'reviewer',
  Group
> = {
  corps: {
    title: { en: 'The company and its app in WeCom', zh: '企业微信中的企业和应用' },
    why: {
      en: `With them, the functions ask WeCom who a member is. The mini-program must be published and linked first: ${at.appLinked.en}.`,
      zh: `函数用它们向企业微信查询成员身份。小程序须先发布并关联：${at.appLinked.zh}。`,
    },
    variables: ['WECOM_CORPS'],
    questions: [
      {
        name: 'WECOM_CORPID',
        where: { en: `${at.corpid.en} (at the bottom)`, zh: `${at.corpid.zh}（在页面底部）` },
        form: /^w[wx][A-Za-z0-9_-]{4,62}$/,
        expected: { en: 'ww and letters and digits', zh: '以 ww 开头的字母和数字' },
      },
      {
        name: 'WECOM_CORPSECRET',
        where: {
          en: `${at.appSecret.en}; it arrives in your WeCom`,
          zh: `${at.appSecret.zh}；会发送到您的企业微信`,
        },
        form: secretText,
        expected: secretExpected,
        hidden: true,
      },
    ],
  },
  miniProgram: {
    title: { en: 'The mini-program', zh: '小程序' },
    why: {
      en: 'With its AppID, POST /userdata refuses data that was encrypted for another mini-program.',
      zh: '填写 AppID 后，POST /userdata 会拒绝为其他小程序加密的数据。',
    },
    variables: ['WECOM_APPID'],
    questions: [
      {
        name: 'WECOM_APPID',
        where: {
          en: `${at.mpAppid.en}. Enter: without this check`,
          zh: `${at.mpAppid.zh}。直接回车：不做这项校验`,
        },
        form: /^wx[0-9a-f]{16}$/,
        expected: { en: 'wx and 16 digits and letters from a to f', zh: 'wx 加 16 位数字或 a 到 f 的字母' },
        optional: true,
      },
    ],
  },
  callback: {
    title: { en: 'Callback of WeCom (接收消息)', zh: '企业微信的“接收消息”（回调）' },
    why: {
      en: 'With it, the sessions of a member who leaves end at once, and WeCom lets you enter a trusted IP. Token and key are generated here; copy them from the file into WeCom after the deploy.',
      zh: '启用后，成员离职时会话立即失效；填写企业可信IP之前，企业微信也要求先设置它（或可信域名）。Token 和 EncodingAESKey 在这里生成，部署后从文件复制到企业微信管理后台。',
    },
    variables: ['WECOM_CALLBACKS'],
    unless: {
      en: 'Without it, a member who leaves is noticed within ten minutes',
      zh: '不启用时，成员离职后最多十分钟才能发现',
    },
    questions: [],
  },
  redis: {
    title: { en: 'Redis', zh: 'Redis' },
    why: {
      en: `It holds sessions and the shared access_token. For TencentDB: ${at.redis.en}.`,
      zh: `保存会话和共用的 access_token。使用云数据库 Redis 时：${at.redis.zh}。`,
    },
    variables: ['REDIS_URL'],
    questions: [
      {
        name: 'REDIS_HOST',
        where: { en: '内网地址, the part before the colon', zh: '“内网地址”中冒号前的部分' },
        form: /^[\w.:-]+$/,
        expected: { en: 'a host name or an address', zh: '主机名或 IP 地址' },
      },
      {
        name: 'REDIS_PORT',
        where: { en: '内网地址, the part after the colon', zh: '“内网地址”中冒号后的部分' },
        form: /^\d{1,5}$/,
        expected: { en: 'a number', zh: '数字' },
        byDefault: '6379',
      },
      {
        name: 'REDIS_TLS',
        where: { en: 'SSL 加密: yes if it is on', zh: '“SSL 加密”：已开启填 yes，否则填 no' },
        form: /^(yes|no)$/,
        expected: { en: 'yes or no', zh: 'yes 或 no' },
        byDefault: 'no',
      },
      {
        name: 'REDIS_CA',
        where: {
          en: 'SSL 加密 → 下载证书: the path of the PEM file in it. Enter: the certificate is from a public authority',
          zh: 'SSL 加密 → 下载证书：解压后 PEM 文件的路径。直接回车：证书由公共机构签发',
        },
        form: /^[^$#;=]+$/,
        expected: { en: 'a path without $ # ; =', zh: '不含 $ # ; = 的路径' },
        optional: true,
        when: ({ REDIS_TLS }) => REDIS_TLS === 'yes',
      },
      {
        name: 'REDIS_PASSWORD',
        where: {
          en: 'the password (default account), account@password (an account of your own) or instance-id:password (bought before 2018); type it as it is, without encoding. Enter: no password',
          zh: '默认账号填密码；自建账号填“账号@密码”；2018 年以前购买的实例填“实例 ID:密码”。原样输入，不要编码。直接回车：没有密码',
        },
        form: /^\S+$/,
        expected: { en: 'no blanks', zh: '不含空格的文本' },
        hidden: true,
        optional: true,
      },
    ],
  },
  key: {
    title: { en: 'API key of Tencent Cloud', zh: '腾讯云 API 密钥' },
    why: {
      en: 'With it, npm run deploy and npm run doctor reach your account. Use the key of a user that has only the policy of docs/deploy.md.',
      zh: 'npm run deploy 和 npm run doctor 用它访问您的账号。请使用子用户的密钥，只授予 docs/zh/deploy.md 中的策略。',
    },
    variables: ['TENCENT_SECRET_ID', 'TENCENT_SECRET_KEY'],
    unless: { en: 'Without it, nothing can be deployed', zh: '不填写则无法部署' },
    questions: [
      {
        name: 'TENCENT_SECRET_ID',
        where: { en: `${at.camNewKey.en}: SecretId`, zh: `${at.camNewKey.zh}：SecretId` },
        form: /^[A-Za-z0-9]{4,128}$/,
        expected: { en: 'AKID and letters and digits', zh: '以 AKID 开头的字母和数字' },
      },
      {
        name: 'TENCENT_SECRET_KEY',
        where: { en: 'SecretKey beside it; it is shown only once', zh: '旁边的 SecretKey，只显示一次' },
        form: secretText,
        expected: secretExpected,
        hidden: true,
      },
    ],
  },
  vpc: {
    title: { en: 'Region and network', zh: '地域和网络' },
    why: {
      en: 'The functions run in the VPC of Redis: its private address can be reached only from there.',
      zh: '函数运行在 Redis 所在的 VPC 中：内网地址只能在 VPC 内访问。',
    },
    variables: ['TENCENT_REGION', 'TENCENT_VPC_ID', 'TENCENT_SUBNET_ID'],
    unless: {
      en: 'Without it, the functions run in ap-guangzhou, outside a VPC',
      zh: '不填写时，函数运行在 ap-guangzhou，不在任何 VPC 中',
    },
    questions: [
      {
        name: 'TENCENT_REGION',
        where: {
          en: '地域 of the Redis: ap-guangzhou (广州), ap-shanghai (上海), ap-beijing (北京), …',
          zh: 'Redis 的“地域”：ap-guangzhou（广州）、ap-shanghai（上海）、ap-beijing（北京）……',
        },
        form: /^[a-z]+-[a-z]+(-[a-z0-9]+)?$/,
        expected: { en: 'like ap-guangzhou', zh: '形如 ap-guangzhou' },
        byDefault: 'ap-guangzhou',
      },
      {
        name: 'TENCENT_VPC_ID',
        where: { en: '所属网络 on the page of the Redis (vpc-…)', zh: 'Redis 实例页面的“所属网络”（vpc-…）' },
        form: /^vpc-\w+$/,
        expected: { en: 'vpc- and letters and digits', zh: 'vpc- 加字母和数字' },
      },
      {
        name: 'TENCENT_SUBNET_ID',
        where: { en: 'the subnet beside it (subnet-…)', zh: '旁边的子网（subnet-…）' },
        form: /^subnet-\w+$/,
        expected: { en: 'subnet- and letters and digits', zh: 'subnet- 加字母和数字' },
      },
    ],
  },
  domain: {
    title: { en: 'Domain', zh: '域名' },
    why: {
      en: 'Mini-programs and WeCom call only a domain with an ICP filing (备案) of your company.',
      zh: '小程序和企业微信只访问备案主体为本企业的域名。',
    },
    variables: ['TENCENT_DOMAIN', 'TENCENT_CERTIFICATE_ID'],
    unless: {
      en: 'Without it, the functions have addresses of Tencent, which are enough for a trial',
      zh: '不填写时使用腾讯云分配的地址，足够试用',
    },
    questions: [
      {
        name: 'TENCENT_DOMAIN',
        where: {
          en: 'the name of the functions, such as login.example.com',
          zh: '函数使用的域名，例如 login.example.com',
        },
        form: /^([a-z0-9-]+\.)+[a-z]{2,}$/,
        expected: { en: 'a name in lower case, without https://', zh: '小写域名，不带 https://' },
      },
      {
        name: 'TENCENT_CERTIFICATE_ID',
        where: at.certificateId,
        form: /^[\w-]{4,64}$/,
        expected: { en: 'letters and digits', zh: '字母和数字' },
      },
    ],
  },
  reviewer: {
    title: { en: 'Account for the reviewers of the app store', zh: '小程序审核人员的账号' },
    why: {
      en: 'They open the mini-program in ordinary WeChat and see demo data only. Not needed if you submit it as 仅在企业微信运行.',
      zh: '审核人员在普通微信中打开小程序，只能看到演示数据。提交审核时选择“仅在企业微信运行”则不需要。',
    },
    variables: ['REVIEWERS', 'REVIEWERS_UNTIL'],
    unless: { en: 'Without it, nobody logs in with a password', zh: '不填写则不能用密码登录' },
    questions: [
      {
        name: 'REVIEWER_ACCOUNT',
        where: {
          en: 'the account that you will enter in the submission form',
          zh: '提交审核时填写的账号',
        },
        form: /^[A-Za-z0-9_.@-]{1,64}$/,
        expected: accountExpected,
      },
      {
        name: 'REVIEWERS_UNTIL',
        where: { en: 'its last day, in China’s time', zh: '最后一天（北京时间）' },
        form: /^\d{4}-\d{2}-\d{2}$/,
        expected: { en: 'like 2026-01-31', zh: '形如 2026-01-31' },
      },
      {
        name: 'REVIEWER_PASSWORD',
        where: {
          en: '15 characters or more; only its hash is stored, so write it down',
          zh: '至少 15 个字符；只保存哈希，请自行记录密码',
        },
        form: /^.{15,128}$/,
        expected: { en: '15 to 128 characters', zh: '15 到 128 个字符' },
        hidden: true,
      },
    ],
  },
};

/**
 * Asks the questions of a group, unless its values are already set and stay, or the group is skipped. Adds to `answers`.
 * Enter takes what `defaults` has, except for what is hidden. Returns whether anything was asked. Rejects with Aborted.
 */
export async function askGroup(
  terminal: Terminal,
  group: Group,
  answers: Answers,
  existing: Environment,
  defaults: Answers = {},
): Promise<boolean> {
  const { title, why, variables, unless, questions } = group;
  if (questions.some(({ name }) => answers[name] !== undefined)) return false;
  if (variables.some((name) => answers[name] !== undefined)) return false;
  const { language, columns } = terminal;
  terminal.say(`\n${title[language]}\n${wrapped(why[language], '  ', columns).join('\n')}`);
  const there = variables.filter((name) => existing[name]);
  if (there.length > 0) {
    if (!(await terminal.confirm(alreadySet(there.join(', '))[language], false))) return false;
  } else if (unless !== undefined) {
    const question = `  ${unless[language]}${texts.setUpNow[language]}`;
    if (!(await terminal.confirm(question, true))) return false;
  }
  for (const question of questions) {
    if (question.when?.(answers) ?? true) await askOne(terminal, question, answers, defaults[question.name]);
  }
  return true;
}

async function askOne(
  terminal: Terminal,
  question: Question,
  answers: Answers,
  typedBefore?: string,
): Promise<void> {
  const { name, where, form, expected, hidden = false, optional = false } = question;
  const byDefault = (hidden ? '' : typedBefore) || question.byDefault;
  const { language, columns } = terminal;
  terminal.say(wrapped(`· ${where[language]}`, '  ', columns).join('\n'));
  for (;;) {
    const typed = await terminal.ask(`    ${name}${byDefault === undefined ? '' : ` [${byDefault}]`}`, {
      hidden,
    });
    const answer = typed.trim() || (byDefault ?? '');
    if (form.test(answer) || (answer === '' && optional)) {
      answers[name] = answer;
      return;
    }
    const stop = language === 'zh' ? '。' : '.';
    terminal.say(`    ${texts.doesNotFit[language]}${expected[language]}${stop}`);
  }
}

/** All questions by name, to check answers from a file. */
export const questionsByName: ReadonlyMap<string, Question> = new Map(
  Object.values(groups).flatMap(({ questions }) => questions.map((question) => [question.name, question])),
);

// What setup asks, in its order, and which answers it takes.
import type { Environment } from '../../lib/environment.ts';
import { wrapped } from '../language.ts';
import type { Terminal } from '../terminal.ts';
import type { Answers } from './answers.ts';

/** One value that setup asks for. */
export interface Question {
  /** What the answer is called, also in `--answers` and on standard input. */
  name: string;
  /** Where it is found: menus as the consoles name them. */
  where: string;
  /** What the answer must match. */
  form: RegExp;
  expected: string;
  hidden?: boolean;
  /** May be empty, which clears the existing value. */
  optional?: boolean;
  /** Asked only if this returns true. */
  when?(answers: Answers): boolean;
  byDefault?: string;
}

/** Questions that are asked together, or skipped together when their variables are already set. */
export interface Group {
  title: string;
  /** What these are for. */
  why: string;
  variables: string[];
  /** A group with this text may be skipped; it says what happens then. */
  unless?: string;
  questions: Question[];
}

const secretText = /^[^\s$#;=]+$/;
const secretExpected = 'no blanks and none of $ # ; =';
const wecom = 'https://work.weixin.qq.com/wework_admin';

/** In the order in which a new user needs them. */
export const groups: Record<
  'corps' | 'miniProgram' | 'callback' | 'redis' | 'key' | 'vpc' | 'domain' | 'reviewer',
  Group
> = {
  corps: {
    title: 'The company and its app in WeCom',
    why: 'With them, the functions ask WeCom who a member is. The mini-program must be published and linked first: 应用管理 → 小程序 → 关联小程序.',
    variables: ['WECOM_CORPS'],
    questions: [
      {
        name: 'WECOM_CORPID',
        where: `${wecom} → 我的企业 → 企业信息 → 企业ID (at the bottom)`,
        form: /^w[wx][A-Za-z0-9_-]{4,62}$/,
        expected: 'ww and letters and digits',
      },
      {
        name: 'WECOM_CORPSECRET',
        where: `${wecom} → 应用管理 → 小程序 → the linked mini-program → Secret → 查看; it arrives in your WeCom`,
        form: secretText,
        expected: secretExpected,
        hidden: true,
      },
    ],
  },
  miniProgram: {
    title: 'The mini-program',
    why: 'With its AppID, POST /userdata refuses data that was encrypted for another mini-program.',
    variables: ['WECOM_APPID'],
    questions: [
      {
        name: 'WECOM_APPID',
        where: 'https://mp.weixin.qq.com → 开发管理 → 开发设置 → AppID. Enter: without this check',
        form: /^wx[0-9a-f]{16}$/,
        expected: 'wx and 16 digits and letters from a to f',
        optional: true,
      },
    ],
  },
  callback: {
    title: 'Callback of WeCom (接收消息)',
    why: 'With it, the sessions of a member who leaves end at once, and WeCom lets you enter a trusted IP. Token and key are generated here; copy them from the file into WeCom after the deploy.',
    variables: ['WECOM_CALLBACKS'],
    unless: 'Without it, a member who leaves is noticed within ten minutes',
    questions: [],
  },
  redis: {
    title: 'Redis',
    why: 'It holds sessions and the shared access_token. For TencentDB: 云数据库 Redis → 实例列表 → the instance.',
    variables: ['REDIS_URL'],
    questions: [
      {
        name: 'REDIS_HOST',
        where: '内网地址, the part before the colon',
        form: /^[\w.:-]+$/,
        expected: 'a host name or an address',
      },
      {
        name: 'REDIS_PORT',
        where: '内网地址, the part after the colon',
        form: /^\d{1,5}$/,
        expected: 'a number',
        byDefault: '6379',
      },
      {
        name: 'REDIS_TLS',
        where: 'SSL 加密: yes if it is on',
        form: /^(yes|no)$/,
        expected: 'yes or no',
        byDefault: 'no',
      },
      {
        name: 'REDIS_CA',
        where:
          'SSL 加密 → 下载证书: the path of the PEM file in it. Enter: the certificate is from a public authority',
        form: /^[^$#;=]+$/,
        expected: 'a path without $ # ; =',
        optional: true,
        when: ({ REDIS_TLS }) => REDIS_TLS === 'yes',
      },
      {
        name: 'REDIS_PASSWORD',
        where:
          'the password (default account), account@password (an account of your own) or instance-id:password (bought before 2018); type it as it is, without encoding. Enter: no password',
        form: /^\S+$/,
        expected: 'no blanks',
        hidden: true,
        optional: true,
      },
    ],
  },
  key: {
    title: 'API key of Tencent Cloud',
    why: 'With it, npm run deploy and npm run doctor reach your account. Use the key of a user that has only the policy of docs/deploy.md.',
    variables: ['TENCENT_SECRET_ID', 'TENCENT_SECRET_KEY'],
    unless: 'Without it, nothing can be deployed',
    questions: [
      {
        name: 'TENCENT_SECRET_ID',
        where: 'https://console.cloud.tencent.com/cam/user → the user → API 密钥 → 新建密钥 → SecretId',
        form: /^[A-Za-z0-9]{4,128}$/,
        expected: 'AKID and letters and digits',
      },
      {
        name: 'TENCENT_SECRET_KEY',
        where: 'SecretKey beside it; it is shown only once',
        form: secretText,
        expected: secretExpected,
        hidden: true,
      },
    ],
  },
  vpc: {
    title: 'Region and network',
    why: 'The functions run in the VPC of Redis: its private address can be reached only from there.',
    variables: ['TENCENT_REGION', 'TENCENT_VPC_ID', 'TENCENT_SUBNET_ID'],
    unless: 'Without it, the functions run in ap-guangzhou, outside a VPC',
    questions: [
      {
        name: 'TENCENT_REGION',
        where: '地域 of the Redis: ap-guangzhou (广州), ap-shanghai (上海), ap-beijing (北京), …',
        form: /^[a-z]+-[a-z]+(-[a-z0-9]+)?$/,
        expected: 'like ap-guangzhou',
        byDefault: 'ap-guangzhou',
      },
      {
        name: 'TENCENT_VPC_ID',
        where: '所属网络 on the page of the Redis (vpc-…)',
        form: /^vpc-\w+$/,
        expected: 'vpc- and letters and digits',
      },
      {
        name: 'TENCENT_SUBNET_ID',
        where: 'the subnet beside it (subnet-…)',
        form: /^subnet-\w+$/,
        expected: 'subnet- and letters and digits',
      },
    ],
  },
  domain: {
    title: 'Domain',
    why: 'Mini-programs and WeCom call only a domain with an ICP filing (备案) of your company.',
    variables: ['TENCENT_DOMAIN', 'TENCENT_CERTIFICATE_ID'],
    unless: 'Without it, the functions have addresses of Tencent, which are enough for a trial',
    questions: [
      {
        name: 'TENCENT_DOMAIN',
        where: 'the name of the functions, such as login.example.com',
        form: /^([a-z0-9-]+\.)+[a-z]{2,}$/,
        expected: 'a name in lower case, without https://',
      },
      {
        name: 'TENCENT_CERTIFICATE_ID',
        where: 'https://console.cloud.tencent.com/ssl → 我的证书 → 证书 ID',
        form: /^[\w-]{4,64}$/,
        expected: 'letters and digits',
      },
    ],
  },
  reviewer: {
    title: 'Account for the reviewers of the app store',
    why: 'They open the mini-program in ordinary WeChat and see demo data only. Not needed if you submit it as 仅在企业微信运行.',
    variables: ['REVIEWERS', 'REVIEWERS_UNTIL'],
    unless: 'Without it, nobody logs in with a password',
    questions: [
      {
        name: 'REVIEWER_ACCOUNT',
        where: 'the account that you will enter in the submission form',
        form: /^[A-Za-z0-9_.@-]{1,64}$/,
        expected: 'letters, digits, _ . @ -',
      },
      {
        name: 'REVIEWERS_UNTIL',
        where: 'its last day, in China’s time',
        form: /^\d{4}-\d{2}-\d{2}$/,
        expected: 'like 2026-01-31',
      },
      {
        name: 'REVIEWER_PASSWORD',
        where: '15 characters or more; only its hash is stored, so write it down',
        form: /^.{15,128}$/,
        expected: '15 to 128 characters',
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
  terminal.say(`\n${title}\n${wrapped(why, '  ').join('\n')}`);
  const there = variables.filter((name) => existing[name]);
  if (there.length > 0) {
    if (!(await terminal.confirm(`  ${there.join(', ')}: already set. Change it?`, false))) return false;
  } else if (unless !== undefined && !(await terminal.confirm(`  ${unless}. Set it up now?`, true))) {
    return false;
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
  terminal.say(wrapped(`· ${where}`, '  ').join('\n'));
  for (;;) {
    const typed = await terminal.ask(`    ${name}${byDefault === undefined ? '' : ` [${byDefault}]`}`, {
      hidden,
    });
    const answer = typed.trim() || (byDefault ?? '');
    if (form.test(answer) || (answer === '' && optional)) {
      answers[name] = answer;
      return;
    }
    terminal.say(`    That does not fit. Expected: ${expected}.`);
  }
}

/** All questions by name, to check answers from a file. */
export const questionsByName: ReadonlyMap<string, Question> = new Map(
  Object.values(groups).flatMap(({ questions }) => questions.map((question) => [question.name, question])),
);

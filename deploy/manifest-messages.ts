// What the framework says about a wrong serverless.yml, in Chinese. It checks the file by the schema of manifest.ts before
// a hook of ours runs, and its words are ajv's: `at 'functions.login.timeout': must be integer`.

const types: Record<string, string> = {
  string: '字符串',
  integer: '整数',
  number: '数字',
  boolean: 'true 或 false',
  object: '键值结构',
  array: '列表',
};

/** First match wins. */
const messages: readonly (readonly [english: RegExp, chinese: (match: readonly string[]) => string])[] = [
  [/^unrecognized property '(.+)'$/, ([, name]) => `没有 ${name} 这一项，请检查拼写`],
  [/^name '(.+)' must be alphanumeric$/, ([, name]) => `函数名 ${name} 只能由字母、数字、- 和 _ 组成`],
  [/^must have required property '(.+)'$/, ([, name]) => `缺少 ${name}`],
  [/^must be (\w+)$/, ([, type = '']) => `应为${types[type] ?? ` ${type}`}`],
  [/^must be >= (\S+)$/, ([, limit]) => `不能小于 ${limit}`],
  [/^must be <= (\S+)$/, ([, limit]) => `不能大于 ${limit}`],
  [/^must match pattern "(.+)"$/, ([, pattern]) => `格式不符，应匹配 ${pattern}`],
  [/^must NOT have more than (\d+) items$/, ([, limit]) => `最多 ${limit} 项`],
  [/^must NOT have fewer than (\d+) items$/, ([, limit]) => `至少 ${limit} 项`],
  [/^must be equal to one of the allowed values \[(.+)\]$/, ([, values]) => `只能是以下之一：${values}`],
  [/^must be equal to constant$/, () => '值不正确'],
  [/^unsupported function event$/, () => '不支持的事件类型'],
  [/^unsupported (value|(?:\w+ )?format|configuration format)$/, () => '写法不正确'],
];

/** One message of the framework in Chinese; what is not known stays as it came. */
export function inChinese(message: string): string {
  const [, at, what] = /^at (?:'(.+?)'|root): (.+)$/.exec(message) ?? [];
  if (what === undefined) return message;
  for (const [english, chinese] of messages) {
    const match = english.exec(what);
    if (match) return `${at ?? '最外层'}：${chinese(match)}`;
  }
  return `${at ?? '最外层'}：${what}`;
}

// The deploy in Chinese: nothing that it says by itself is English.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { adviceByCode } from '../deploy/advice.ts';
import { inChinese } from '../deploy/manifest-messages.ts';
import * as tables from '../deploy/texts.ts';
import { englishIn, expectBothLanguages, textsOf } from './bilingual.ts';
import { documentedPolicy, type Fixture, testFixture, tickName, webName } from './deploy-fixture.ts';

const texts = textsOf(tables);

test.each(texts)('deploy/texts.ts, %s › has the same values in both languages', (_, text) => {
  expectBothLanguages(text);
});

test.each(adviceByCode)('%s › has advice in both languages', (_, advice) => {
  expectBothLanguages(advice);
});

test('what a deploy says › names documents that there are', () => {
  const all = [...texts.map(([, text]) => text), ...adviceByCode.map(([, text]) => text)];
  const named = all.flatMap(({ en, zh }) => `${en} ${zh}`.match(/docs\/[\w/-]+\.md/g) ?? []);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});

const zh = { WECOM_LOGIN_LANG: 'zh' };

/** Runs a command in Chinese and returns what it printed, without what is English: the cloud's own words and logs. */
async function chineseOf(fixture: Fixture, command: string, environment = {}): Promise<string> {
  const { output } = await fixture.run(command, { ...zh, ...environment });
  const ours = output
    .split('\n')
    // The framework's word.
    .filter((line) => line !== 'Error:')
    .map((line) => line.replace(/^Warning: /, ''));
  expect(englishIn(ours.join('\n')), command).toEqual([]);
  return output;
}

describe('in Chinese', () => {
  test('a life of deploys, and the commands beside it', async () => {
    const fixture = await testFixture();
    const first = await chineseOf(fixture, 'deploy');
    expect(first).toContain('web：已创建，版本 1 已上线');
    expect(first).toContain('tick：定时触发器 every-5-minutes 已创建');
    expect(first).toMatch(/耗时：读取 [\d.]+ 秒，web [\d.]+ 秒/);
    expect(first).toMatch(/出口 IP：\d+.*企业可信IP/);
    expect(await chineseOf(fixture, 'deploy')).toContain('web：没有变化，未上传');
    fixture.configure((yml) => {
      yml.functions.web.environment.GREETING = 'changed';
      yml.provider.alarms = { uin: '100000000001' };
    });
    expect(await chineseOf(fixture, 'deploy')).toContain('web：已更新，版本 2 已上线');
    expect(await chineseOf(fixture, 'rollback')).toContain('web：已从版本 2 回滚到版本 1');
    expect(await chineseOf(fixture, 'rollback -f web --to 9')).toContain(
      'web 没有版本 9；已有的版本：1, 2。',
    );
    expect(await chineseOf(fixture, 'info')).toContain(
      '定时触发器 every-5-minutes：0 */5 * * * * *（UTC+8）',
    );
    expect(await chineseOf(fixture, 'invoke -f web')).toContain('web 是 Web 函数');
    expect(await chineseOf(fixture, 'logs -f nobody')).toContain('serverless.yml 中没有函数 nobody');
    expect(await chineseOf(fixture, 'logs -f web --force')).toContain('没有选项 --force');
    expect(await chineseOf(fixture, 'remove')).toContain('sls remove --yes');
    expect(await chineseOf(fixture, 'remove --yes')).toContain(`${webName} 已删除`);
    expect(await chineseOf(fixture, 'info')).toContain('web：未部署');
    expect(await chineseOf(fixture, 'remove --yes')).toContain('没有部署任何内容');
  });

  test('what is refused says what to do, with the cloud’s own code and words', async () => {
    const fixture = await testFixture();
    expect(await chineseOf(fixture, 'deploy', { TENCENT_SECRET_ID: '' })).toContain(
      '请把腾讯云账号的 API 密钥',
    );
    const { output: wrongKey } = await fixture.run('deploy', { ...zh, TENCENT_SECRET_KEY: 'wrong' });
    expect(wrongKey).toMatch(/AuthFailure\.SignatureFailure，.+（request id .+）。请检查 TENCENT_SECRET_ID/);
    expect(wrongKey).toContain('线上服务没有变化；再次执行 sls deploy 会从当前状态继续。');
    fixture.cloud.inject({ action: 'CreateFunction', kind: 'ResourceUnavailable.InsufficientBalance' });
    const { output: arrears } = await fixture.run('deploy', zh);
    expect(arrears).toMatch(/账号欠费或余额不足：请充值（腾讯云控制台 .+费用中心 → 充值）/);
    fixture.cloud.clearFaults();
    fixture.write('.env', '');
    expect(await chineseOf(fixture, 'deploy')).toContain(
      '未设置 WECOM_CORPS：请把 .env.example 复制为 .env.dev',
    );
  });

  test('what is only a warning goes on in Chinese', async () => {
    const allowed = documentedPolicy().filter((action) => !/Index|Alarm/.test(action));
    const fixture = await testFixture({ allowed });
    const { output } = await fixture.run('deploy', zh);
    expect(output).toContain('日志字段未建索引：请手动添加');
    expect(output).toContain('该密钥没有这个权限：请在它的 CAM 策略中加上“cls:DescribeIndex”');
    fixture.configure((yml) => Object.assign(yml, { functions: { web: yml.functions.web } }));
    expect((await fixture.run('deploy', zh)).output).toContain(
      `${tickName} 已不在 serverless.yml 中，但仍在运行`,
    );
  });

  test('a function whose environment is wrong › is refused with the problem of lib/config.ts in Chinese', async () => {
    const fixture = await testFixture();
    fixture.configure((yml) => {
      const environment = { WECOM_CORPS: 'nonsense', REDIS_URL: 'redis://10.0.0.5' };
      Object.assign(yml.functions, { refresh: { ...yml.functions.tick, environment } });
    });
    const output = await chineseOf(fixture, 'deploy');
    expect(output).toContain('functions.refresh.environment：');
    expect(output).toContain('WECOM_CORPS：第 1 项的格式应为 corpid:corpsecret');
    expect(output).toContain('ENCRYPTION_KEY：缺少');
  });

  test('sls --lang zh › serverless.yml with keys, values and events that it cannot have', async () => {
    const fixture = await testFixture();
    fixture.configure((yml) => {
      Object.assign(yml.functions.web, { memorySze: 256, timeout: 'long' });
      Object.assign(yml.functions.tick, { type: 'job', events: [{ cron: {} }] });
    });
    const { exitCode, output } = await fixture.sls('deploy --lang zh');
    expect(exitCode).toBe(1);
    expect(output).toContain('functions.web：没有 memorySze 这一项，请检查拼写');
    expect(output).toContain('functions.web.timeout：应为整数');
    expect(output).toContain('functions.tick.type：只能是以下之一：web, event');
    expect(output).toContain('functions.tick.events.0：不支持的事件类型');
    expect(fixture.actionsSince()).toEqual([]);
  });

  test('a message of the framework that is not known stays as it came', () => {
    expect(inChinese("at 'provider': must be odd and even")).toContain('must be odd and even');
    expect(inChinese('something else')).toBe('something else');
    expect(inChinese("at root: must have required property 'service'")).toBe('最外层：缺少 service');
  });
});

test('a language that there is not › is refused before anything is done', async () => {
  const fixture = await testFixture();
  const run = await fixture.run('deploy', { WECOM_LOGIN_LANG: 'fr' });
  expect(run).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('WECOM_LOGIN_LANG: zh or en') as string,
  });
  expect(fixture.actionsSince()).toEqual([]);
});

// What makes the log of a deployment useful: fields that can be searched and counted, and alarms that reach somebody.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alarmTable } from '../deploy/alarms.ts';
import { indexedFields } from '../deploy/log-index.ts';
import { documentedPolicy, type Fixture, testFixture, webName } from './deploy-fixture.ts';

const webhook = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=robot-key-nobody-may-read';
const isWrite = /^(Create|Update|Delete|Publish|Modify)/;
const document = readFileSync('docs/operations.md', 'utf8');

interface Key {
  Key: string;
  Value: { Type: string; Tokenizer?: string };
}
function topicOf(fixture: Fixture): string {
  return Object.keys(fixture.cloud.state.topics)[0] ?? '';
}
function keysOf(fixture: Fixture): Key[] {
  const rule = fixture.cloud.state.indexes[topicOf(fixture)]?.['Rule'] as
    { KeyValue?: { KeyValues: Key[] } } | undefined;
  return rule?.KeyValue?.KeyValues ?? [];
}
function withAlarms(fixture: Fixture, alarms: object): void {
  return fixture.configure((yml) => Object.assign(yml.provider, { alarms }));
}

test('docs/operations.md › has the fields that a deploy indexes, and the alarms that it sets', () => {
  for (const type of ['text', 'long'] as const) {
    const own = indexedFields[type].filter((name) => !name.startsWith('SCF_'));
    const row = document.split('\n').find((line) => new RegExp(`^\\|.*\\| ${type}\\b`).test(line)) ?? '';
    expect([...row.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(own);
  }
  const rows = [
    ...document.matchAll(
      /^\| ([^|]+?) +\| `(.+?)`, (\d+) (min|h), every (?:(\d+) min|minute) +\| `(.+?)` +\|/gm,
    ),
  ];
  const documented = rows.map(([, name, query = '', last, unit, every, condition]) => ({
    name,
    query: query.replaceAll('\\|', '|'),
    lastMinutes: Number(last) * (unit === 'h' ? 60 : 1),
    everyMinutes: Number(every ?? 1),
    condition,
  }));
  // A threshold that is one's own cannot be set for everybody.
  expect(documented.filter(({ condition }) => !condition?.includes('normal'))).toEqual(alarmTable);
});

test('sls deploy › indexes the fields of the log, and keeps those that others have added', async () => {
  const fixture = await testFixture();
  expect((await fixture.run('deploy')).output).not.toContain('Warning');
  const types = new Map(keysOf(fixture).map(({ Key, Value }) => [Key, Value.Type]));
  expect([types.get('event'), types.get('ms'), types.get('SCF_MemUsage')]).toEqual([
    'text',
    'long',
    'double',
  ]);

  const own = { Key: 'of_ours', Value: { Type: 'long', Tokenizer: '', SqlFlag: true } };
  const FullText = { CaseSensitive: true, Tokenizer: ' ' };
  fixture.cloud.state.indexes[topicOf(fixture)] = {
    TopicId: topicOf(fixture),
    Status: true,
    Rule: { FullText, KeyValue: { CaseSensitive: true, KeyValues: [own] } },
  };
  await fixture.run('deploy');
  expect(keysOf(fixture)[0]).toEqual(own);
  expect(keysOf(fixture).map(({ Key }) => Key)).toContain('event');
  expect(fixture.cloud.state.indexes[topicOf(fixture)]?.['Rule']).toMatchObject({
    FullText,
    KeyValue: { CaseSensitive: true },
  });
  fixture.actionsSince();
  await fixture.run('deploy');
  expect(fixture.actionsSince().filter((action) => isWrite.test(action))).toEqual([]);
});

test('sls logs › shows all of the time asked for, oldest first, and says when it leaves something out', async () => {
  const fixture = await testFixture();
  await fixture.run('deploy');
  const write = (from: number, to: number): void => {
    for (let i = from; i < to; i++)
      fixture.cloud.logs.push({
        functionName: webName,
        requestId: '',
        message: `line ${i}.`,
        timeMs: Date.now() - 60_000,
      });
  };
  const shown = (output: string) =>
    [...output.matchAll(/ line (\d+)\./g)].map(([, number]) => Number(number));
  const count = (total: number, first = 0) => Array.from({ length: total }, (_, i) => first + i);
  write(0, 2500);
  const all = await fixture.run('logs -f web');
  expect(shown(all.output)).toEqual(count(2500));
  expect(all.output).not.toContain('Warning');
  write(2500, 10_500);
  const newest = await fixture.run('logs -f web');
  expect(shown(newest.output)).toEqual(count(10_000, 500));
  expect(newest.output).toContain('Warning: Only the newest 10000 entries are shown');
});

test('sls deploy › writes into a topic of your own, adds its fields to it, and leaves it when it is removed', async () => {
  const fixture = await testFixture();
  const shared = { logsetId: 'logset-of-others', topicId: 'topic-of-others' };
  const { state } = fixture.cloud;
  state.logsets = { 'logset-of-others': { LogsetId: 'logset-of-others', LogsetName: 'all' } };
  state.topics = {
    'topic-of-others': {
      TopicId: 'topic-of-others',
      TopicName: 'all',
      LogsetId: 'logset-of-others',
      Period: 30,
    },
  };
  fixture.configure((yml) => Object.assign(yml.provider, { cls: shared }));
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(fixture.stored(webName).latest).toMatchObject({
    ClsLogsetId: shared.logsetId,
    ClsTopicId: shared.topicId,
  });
  expect(keysOf(fixture).map(({ Key }) => Key)).toContain('event');
  expect(await fixture.run('remove --yes')).toMatchObject({ exitCode: 0 });
  expect(Object.values(state.topics)).toMatchObject([{ TopicId: shared.topicId, Period: 30 }]);
});

test('sls deploy › waits while the index is changing, and gives text separators when the cloud wants some', async () => {
  const fixture = await testFixture();
  fixture.cloud.inject({ action: 'ModifyIndex', kind: 'LimitExceeded.IndexOperating', times: 3 });
  expect((await fixture.run('deploy')).output).not.toContain('Warning');
  expect(keysOf(fixture).length).toBeGreaterThan(30);
  const outcomes = fixture.cloud.calls.map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'LimitExceeded.IndexOperating')).toHaveLength(3);
  fixture.cloud.state.indexes = {};
  fixture.cloud.inject({ action: 'CreateIndex', kind: 'InvalidParameter' });
  expect((await fixture.run('deploy')).output).not.toContain('Warning');
  expect(keysOf(fixture).find(({ Key }) => Key === 'event')?.Value.Tokenizer).toContain('@&?');
});

test('[C7] sls deploy › goes on without index and alarms, and says what to do by hand', async () => {
  const allowed = documentedPolicy().filter((action) => !/Index|Alarm/.test(action));
  const fixture = await testFixture({ allowed });
  withAlarms(fixture, { webhook });
  const run = await fixture.run('deploy');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain('Warning: The fields of the log are not indexed: add them by hand');
  expect(run.output).toContain('add the action "cls:DescribeIndex" to its CAM policy');
  expect(run.output).toContain('Warning: Not all alarms are set: set them by hand');
});

test('sls deploy › sets the alarms and tells a robot and accounts of them; conditions changed by hand stay', async () => {
  const fixture = await testFixture();
  withAlarms(fixture, { webhook, uin: '100012345678,100012345679' });
  const first = await fixture.run('deploy');
  expect(first.output).not.toContain('Warning');
  expect(first.output).not.toContain('robot-key');
  const { alarms, alarmNotices } = fixture.cloud.state;
  expect(Object.values(alarms).map(({ Name }) => Name)).toEqual(
    alarmTable.map(({ name }) => `fixture-dev ${name}`),
  );
  expect(Object.values(alarmNotices)).toMatchObject([
    {
      Name: 'fixture-dev',
      WebCallbacks: [{ CallbackType: 'WeCom', Url: webhook }],
      NoticeReceivers: [{ ReceiverIds: [100012345678, 100012345679] }],
    },
  ]);
  for (const alarm of Object.values(alarms))
    expect(alarm).toMatchObject({
      AlarmTargets: [{ TopicId: topicOf(fixture), SyntaxRule: 1 }],
      AlarmNoticeIds: Object.keys(alarmNotices),
      Status: true,
    });

  Object.assign(Object.values(alarms)[0] ?? {}, { Condition: '$1.calls > 99' });
  fixture.actionsSince();
  await fixture.run('deploy');
  expect(fixture.actionsSince().filter((action) => isWrite.test(action))).toEqual([]);
  expect(Object.values(fixture.cloud.state.alarms)[0]).toMatchObject({ Condition: '$1.calls > 99' });

  withAlarms(fixture, { uin: '100012345678' });
  await fixture.run('deploy');
  expect(Object.values(fixture.cloud.state.alarmNotices)).toMatchObject([{ WebCallbacks: [] }]);
});

test('sls remove, and a deploy with nobody to tell › take the alarms away and keep the log', async () => {
  const fixture = await testFixture();
  withAlarms(fixture, { webhook });
  await fixture.run('deploy');
  withAlarms(fixture, { webhook: '', uin: '' });
  await fixture.run('deploy');
  expect([fixture.cloud.state.alarms, fixture.cloud.state.alarmNotices]).toEqual([{}, {}]);

  withAlarms(fixture, { webhook });
  // The answer of each creation is lost once.
  fixture.cloud.inject({ action: 'CreateAlarm', kind: 'cut', afterEffect: true });
  fixture.cloud.inject({ action: 'CreateAlarmNotice', kind: 'cut', afterEffect: true });
  expect((await fixture.run('deploy')).output).not.toContain('Warning');
  expect(Object.keys(fixture.cloud.state.alarms)).toHaveLength(alarmTable.length);
  const removed = await fixture.run('remove --yes');
  expect(removed.output).toContain(`${alarmTable.length} alarms removed`);
  const { functions, alarms, alarmNotices } = fixture.cloud.state;
  expect([functions, alarms, alarmNotices]).toEqual([{}, {}, {}]);
  expect(Object.keys(fixture.cloud.state.topics)).toHaveLength(1);
});

test.each([
  ['sls remove', 'remove --yes', webhook],
  ['a deploy with nobody to tell', 'deploy', ''],
])('%s › takes away the address of the robot also when no alarm was made', async (_, command, then) => {
  const fixture = await testFixture();
  withAlarms(fixture, { webhook });
  fixture.cloud.inject({ action: 'CreateAlarm', kind: 'UnauthorizedOperation', times: 99 });
  expect((await fixture.run('deploy')).output).toContain('Warning: Not all alarms are set');
  expect(Object.values(fixture.cloud.state.alarmNotices)).toHaveLength(1);
  withAlarms(fixture, { webhook: then });
  expect(await fixture.run(command)).toMatchObject({ exitCode: 0 });
  expect(fixture.cloud.state.alarmNotices).toEqual({});
});

test.each([
  ['webhook', 'https://example.com/robot?key=robot-key-nobody-may-read', 'no address of a group robot'],
  ['uin', 'somebody', 'give ids of accounts'],
])('sls deploy › refuses an alarm %s that cannot be one, and does not show it', async (key, value, says) => {
  const fixture = await testFixture();
  withAlarms(fixture, { [key]: value });
  const run = await fixture.run('deploy');
  expect(run.exitCode).toBe(1);
  expect(run.output).toContain(says);
  expect(run.output).not.toContain(value);
});

// What a deploy releases and what it says of it, and where `sls rollback` goes.
import { describe, expect, test } from 'vitest';
import { switchTable } from '../simulator/tencent-cloud/switches.ts';
import { type Fixture, testFixture, tickName, webName } from './deploy-fixture.ts';
import type { Run } from './deploy-in-process.ts';

function greet(fixture: Fixture, names: ('web' | 'tick')[], greeting: string): void {
  fixture.configure((yml) => {
    for (const name of names) yml.functions[name].environment['GREETING'] = greeting;
  });
}
function live(fixture: Fixture): (string | undefined)[] {
  return [webName, tickName].map(fixture.liveVersion);
}
/** As another run does before it uploads. */
function claimForAnother(fixture: Fixture): void {
  const { latest } = fixture.stored(webName);
  latest.Description = latest.Description.replace(/^Deploy \w+/, 'Deploy another');
}
/** Calls `act` after the first call of this action for web, while the deploy is still running. */
async function actAfter(action: string, act: (fixture: Fixture) => void): Promise<Fixture> {
  let isWaiting = false;
  const fixture = await testFixture({
    switches: { versionDescription: 'as published' },
    onCall(call) {
      const { FunctionName } = call.parameters as { FunctionName?: string };
      if (!isWaiting || call.action !== action || FunctionName !== webName) return;
      isWaiting = false;
      act(fixture);
    },
  });
  await fixture.run('deploy');
  greet(fixture, ['web', 'tick'], 'changed');
  isWaiting = true;
  return fixture;
}
function expectError(run: Run, text: string): void {
  expect(run.exitCode).toBe(1);
  expect(run.output).toContain(text);
}

describe('sls deploy, what it releases', () => {
  test.each(switchTable.versionDescription.ends)(
    'what an earlier run published, where a version has the description %s',
    async (versionDescription) => {
      const fixture = await testFixture({ switches: { versionDescription } });
      fixture.cloud.inject({ action: 'UpdateAlias', kind: 'InternalError' });
      expectError(await fixture.run('deploy'), 'UpdateAlias');
      expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
      expect(live(fixture)).toEqual(['1', '1']);
      expect(fixture.stored(webName).versions).toHaveLength(1);
    },
  );

  test('no version into which another deploy may have written, neither now nor later', async () => {
    const fixture = await actAfter('PublishVersion', claimForAnother);
    expectError(await fixture.run('deploy'), 'another deploy of this stage is running');
    expect(live(fixture)).toEqual(['1', '1']);
    expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
    expect(live(fixture)).toEqual(['3', '2']);
  });

  test.each<[string, (fixture: Fixture) => void]>([
    ['has begun', claimForAnother],
    ['has released', (fixture) => (fixture.stored(tickName).aliases['$DEFAULT'] = '$LATEST')],
  ])('nothing when another deploy %s while the new version was asked for its health', async (_, act) => {
    const fixture = await actAfter('DeleteTrigger', act);
    expectError(await fixture.run('deploy'), 'another deploy of this stage is running');
    expect(fixture.liveVersion(webName)).toBe('1');
    expect(fixture.liveVersion(tickName)).not.toBe('2');
  });

  test.each([{ authType: 'CAM' }, { authType: 'NONE', netConfig: { enableExtranet: false } }])(
    'a function that is not public without opening it for the check: %j',
    async (parameters) => {
      const fixture = await testFixture();
      fixture.configure((yml) => (yml.functions.web.events = [{ http: { parameters } }]));
      const run = await fixture.run('deploy');
      expect(run.output).toContain('version 1 was not asked for /health');
      expect(live(fixture)).toEqual(['1', '1']);
      const made = fixture.cloud.calls.filter(({ action }) => action === 'CreateTrigger');
      expect(made.map(({ parameters }) => parameters)).not.toContainEqual(
        expect.objectContaining({ Qualifier: '1' }),
      );
    },
  );
});

describe('sls deploy, what it says when the cloud is no longer heard', () => {
  test('that the new version may be live', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    greet(fixture, ['web'], 'changed');
    fixture.cloud.inject({ action: 'UpdateAlias', kind: 'gone', afterEffect: true });
    const run = await fixture.run('deploy');
    expect(fixture.liveVersion(webName)).toBe('2');
    expectError(run, 'sls info shows what is live');
    expect(run.output).not.toContain('is unchanged');
  });

  test('that a trigger may be gone', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    fixture.configure((yml) => (yml.functions.tick.events = []));
    fixture.cloud.inject({ action: 'DeleteTrigger', kind: 'gone', afterEffect: true });
    const run = await fixture.run('deploy');
    expect(fixture.stored(tickName).triggers).toEqual([]);
    expectError(run, 'sls info shows what is live');
    expect(run.output).not.toContain('is unchanged');
  });
});

describe('sls rollback', () => {
  test.each(switchTable.aliasDescription.ends)(
    'goes to the version that was live, not to one that was never healthy; descriptions of an alias are %s',
    async (aliasDescription) => {
      const fixture = await testFixture({ switches: { aliasDescription } });
      await fixture.run('deploy');
      fixture.configure((yml) => Object.assign(yml.functions.web.environment, { HEALTH: '500' }));
      expectError(await fixture.run('deploy'), 'was not released');
      greet(fixture, ['web'], 'changed');
      expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
      expect(live(fixture)).toEqual(['3', '1']);
      expect(await fixture.run('rollback')).toMatchObject({ exitCode: 0 });
      expect(live(fixture)).toEqual(['1', '1']);
      expectError(await fixture.run('rollback'), 'There is no earlier version');
    },
  );

  test('undoes all that the last deploy released, also what an earlier run had published', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    greet(fixture, ['web'], 'changed');
    fixture.cloud.inject({ action: 'UpdateAlias', kind: 'InternalError' });
    expectError(await fixture.run('deploy'), 'UpdateAlias');
    greet(fixture, ['web', 'tick'], 'changed');
    await fixture.run('deploy');
    expect(live(fixture)).toEqual(['2', '2']);
    expect(await fixture.run('rollback')).toMatchObject({ exitCode: 0 });
    expect(live(fixture)).toEqual(['1', '1']);
  });

  test('finds the versions that were live, however many were published since and never served', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    greet(fixture, ['web'], 'second');
    await fixture.run('deploy');
    const web = fixture.stored(webName);
    for (const Version of ['3', '4', '5', '6', '7', '8'])
      web.versions.push({ ...structuredClone(web.latest), Version });
    web.versionCounter = 8;
    greet(fixture, ['web'], 'third');
    await fixture.run('deploy');
    expect(web.versions.map(({ Version }) => Version)).toEqual(['1', '2', '7', '8', '9']);
    await fixture.run('rollback');
    await fixture.run('rollback');
    expect(live(fixture)).toEqual(['1', '1']);
    await fixture.run('rollback -f web --to 9');
    await fixture.run('rollback');
    expect(live(fixture)).toEqual(['1', '1']);
  });

  test('changes nothing when one of the versions is gone', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    greet(fixture, ['web', 'tick'], 'changed');
    await fixture.run('deploy');
    fixture.stored(tickName).versions.shift();
    expectError(await fixture.run('rollback'), 'tick has no version 1');
    expect(live(fixture)).toEqual(['2', '2']);
  });
});

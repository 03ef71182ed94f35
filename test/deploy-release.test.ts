// What a deploy releases.
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
});

// The Tencent Cloud that users describe: names made by the cloud, changes that take time, lists that lag behind.
import { expect, test } from 'vitest';
import { type Fixture, firstWrites, testFixture, tickName, webName } from './deploy-fixture.ts';
import { strictest } from './deploy-scenarios.ts';

function urlsOf(fixture: Fixture): string[] {
  return fixture.stored(webName).triggers.map(({ Qualifier }) => Qualifier);
}
function bindDomain(fixture: Fixture): void {
  return fixture.configure((yml) => {
    yml.provider['customDomain'] = {
      domain: 'login.example.com',
      certificateId: 'cert-1',
      routes: { '/*': 'web' },
    };
    yml.functions.web.environment['GREETING'] = 'changed';
    yml.provider['tags'] = { app: 'renamed' };
  });
}

test('[C1] sls deploy, deploy, rollback, remove and deploy at once › hold on a cloud that is strict in everything', async () => {
  const fixture = await testFixture({ switches: strictest });
  const first = await fixture.run('deploy');
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.output).not.toContain('Warning');
  expect(urlsOf(fixture)).toEqual(['$DEFAULT']);
  expect(first.output).toMatch(/http url: https:\/\/\S+tencentscf\.com/);

  bindDomain(fixture);
  const second = await fixture.run('deploy');
  expect(second).toMatchObject({ exitCode: 0 });
  expect(second.output).toContain('https://login.example.com bound');
  expect(fixture.stored(tickName).Tags).toEqual([{ Key: 'app', Value: 'renamed' }]);
  expect([fixture.liveVersion(webName), urlsOf(fixture)]).toEqual(['2', ['$DEFAULT']]);
  expect(await fixture.run('rollback')).toMatchObject({ exitCode: 0 });
  expect(fixture.liveVersion(webName)).toBe('1');

  expect(await fixture.run('remove --yes')).toMatchObject({ exitCode: 0 });
  expect([fixture.cloud.state.functions, fixture.cloud.state.domains]).toEqual([{}, {}]);
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(fixture.liveVersion(webName)).toBe('1');
});

test('[C2] sls deploy › finishes although the answer of every write is lost', async () => {
  const fixture = await testFixture({ switches: { urlName: 'made by the cloud' } });
  for (const action of firstWrites)
    fixture.cloud.inject({ action, kind: 'cut', afterEffect: true, times: 2 });
  const run = await fixture.run('deploy');
  expect(run).toMatchObject({ exitCode: 0 });
  const cut = fixture.cloud.calls.filter(({ outcome }) => outcome === 'cut').map(({ action }) => action);
  expect(new Set(cut)).toEqual(new Set(firstWrites));
  expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['1', '1']);
  expect(fixture.stored(webName).versions).toHaveLength(1);
  expect(urlsOf(fixture)).toEqual(['$DEFAULT']);
});

test('sls deploy › releases what an earlier run published, and clears away a function whose creation failed', async () => {
  const fixture = await testFixture({ switches: { deletion: 'asynchronous' } });
  fixture.cloud.inject({ action: 'UpdateAlias', kind: 'InternalError' });
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 1 });
  Object.assign(fixture.stored(tickName), { Status: 'CreateFailed' });
  fixture.actionsSince();
  const info = await fixture.run('info');
  expect(info.output).toContain('CreateFailed');
  expect(fixture.actionsSince()).not.toContain('DeleteFunction');
  const again = await fixture.run('deploy');
  expect(again).toMatchObject({ exitCode: 0 });
  expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['1', '1']);
  expect(fixture.stored(webName).versions).toHaveLength(1);
});

test('sls deploy › while DNS does not know the domain yet: names the record to make, and everything else is live', async () => {
  const fixture = await testFixture();
  bindDomain(fixture);
  fixture.cloud.inject({ action: 'CreateCustomDomain', kind: 'FailedOperation.CNAME', times: 99 });
  const run = await fixture.run('deploy');
  expect(run.exitCode).toBe(1);
  expect(run.output).toContain('login.example.com CNAME 1250000000.ap-guangzhou.tencentscf.com');
  expect(run.output).toContain('web: created, version 1 is live');
  fixture.cloud.clearFaults();
  expect((await fixture.run('deploy')).output).toContain('https://login.example.com bound');
});

test('[C4] sls deploy › two at once: both end, and what is live is one of them as a whole', async () => {
  const fixture = await testFixture({ switches: { busyCode: 'as seen by users' } });
  await fixture.run('deploy');
  fixture.configure((yml) => (yml.functions.web.environment['GREETING'] = 'both'));
  const runs = await Promise.all([fixture.run('deploy'), fixture.run('deploy')]);
  expect(runs.some(({ exitCode }) => exitCode === 0)).toBe(true);
  for (const { exitCode, output } of runs)
    if (exitCode !== 0) expect(output).toContain('another deploy of this stage is running');
  const live = fixture
    .stored(webName)
    .versions.find(({ Version }) => Version === fixture.liveVersion(webName));
  const deployId = /^deploy (\w+)/.exec(live?.VersionDescription ?? '')?.[1];
  expect(live?.Description).toContain(`Deploy ${deployId}.`);
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
});

test('sls deploy › an answer that is not the version’s own neither fails nor passes the health check', async () => {
  const fixture = await testFixture({
    switches: { urlReady: 'after seconds', urlName: 'made by the cloud' },
  });
  fixture.configure((yml) => Object.assign(yml.functions.web.environment, { HEALTH: '500' }));
  const run = await fixture.run('deploy');
  expect(run.exitCode).toBe(1);
  expect(run.output).toContain('answered GET /health with 500 instead of 200');
  expect(urlsOf(fixture)).toEqual([]);
});

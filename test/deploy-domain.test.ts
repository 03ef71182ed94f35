// What a deploy and a removal may take away: the domain of another stage, and function URLs, which never come back.
import { expect, test } from 'vitest';
import { switchTable } from '../simulator/tencent-cloud/switches.ts';
import { type Fixture, type ServiceFile, testFixture, webName } from './deploy-fixture.ts';
import { advanceSeconds } from './virtual-time.ts';

const domain = 'login.example.com';

function withDomain(fixture: Fixture, change?: (yml: ServiceFile) => void): void {
  fixture.configure((yml) => {
    yml.provider['customDomain'] = { domain, certificateId: 'cert-1', routes: { '/*': 'web' } };
    change?.(yml);
  });
}
/** Names of the functions that the domain leads to. */
function boundTo(fixture: Fixture): string[] {
  return fixture.cloud.state.domains[domain]?.EndpointsConfig.map(({ FunctionName }) => FunctionName) ?? [];
}

test('sls remove of another stage › leaves the domain to the functions that it leads to, and names them', async () => {
  const fixture = await testFixture();
  withDomain(fixture);
  await fixture.run('deploy');
  const run = await fixture.run('remove --stage other');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain(`${domain} leads to ${webName}`);
  expect(boundTo(fixture)).toEqual([webName]);
});

test('sls deploy of another stage › takes the domain only with --yes, and without it changes nothing', async () => {
  const fixture = await testFixture();
  withDomain(fixture);
  await fixture.run('deploy');
  fixture.actionsSince();
  const refused = await fixture.run('deploy --stage other');
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain(`${domain} leads to ${webName}`);
  expect(refused.output).toContain('sls deploy --yes');
  expect(fixture.actionsSince().filter((action) => !/^(Get|List)/.test(action))).toEqual([]);
  const taken = await fixture.run('deploy --stage other --yes');
  expect(taken).toMatchObject({ exitCode: 0 });
  expect(taken.output).toContain(`Warning: ${domain} leads to ${webName}`);
  expect(boundTo(fixture)).toEqual(['fixture-other-web']);
});

test('sls deploy › takes the domain without a question from a function of its own stage that was renamed', async () => {
  const fixture = await testFixture();
  withDomain(fixture);
  await fixture.run('deploy');
  withDomain(fixture, (yml) => {
    const { web, ...rest } = yml.functions;
    Object.assign(yml, { functions: { ...rest, site: web } });
    Object.assign(yml.provider['customDomain'] ?? {}, { routes: { '/*': 'site' } });
  });
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(boundTo(fixture)).toEqual(['fixture-dev-site']);
});

const corsConfig = { enable: true, origins: ['https://a.example'] };
const otherUrl = [{ http: { parameters: { authType: 'NONE', corsConfig } } }];
function urlsOf(fixture: Fixture, name = webName): string[] {
  return fixture
    .stored(name)
    .triggers.filter(({ Type }) => Type === 'http')
    .map(({ TriggerDesc }) => /https:\/\/[^"]+tencentscf\.com/.exec(TriggerDesc)?.[0] ?? '');
}

test('sls deploy function --yes › with a URL that the cloud does not change: makes it again and binds the domain as it was', async () => {
  const fixture = await testFixture({ switches: { updateUrl: 'refused', boundUrl: 'kept' } });
  withDomain(fixture);
  await fixture.run('deploy');
  const WafConfig = { WafOpen: 'OPEN', WafInstanceId: 'waf-1' };
  Object.assign(fixture.cloud.state.domains[domain] ?? {}, { WafConfig });
  const before = structuredClone(fixture.cloud.state.domains);
  const urls = urlsOf(fixture);
  withDomain(fixture, (yml) => (yml.functions.web.events = otherUrl));
  const run = await fixture.run('deploy function -f web --yes');
  expect(run).toMatchObject({ exitCode: 0 });
  for (const line of ['unbound', 'function URL removed', 'function URL made again', 'bound'])
    expect(run.output).toContain(line);
  expect(urlsOf(fixture)).toHaveLength(1);
  expect(urlsOf(fixture)).not.toEqual(urls);
  expect(fixture.cloud.state.domains).toEqual(before);
});

test.each([
  ['no answer', { kind: 'cut', times: 3 }],
  ['a missing right', { kind: 'UnauthorizedOperation.CAM' }],
  ['values that it does not accept', { kind: 'InvalidParameterValue.Cors' }],
])('sls deploy --yes › keeps a URL when its update fails for another reason: %s', async (_, fault) => {
  const fixture = await testFixture();
  withDomain(fixture);
  await fixture.run('deploy');
  const urls = urlsOf(fixture);
  withDomain(fixture, (yml) => (yml.functions.web.events = otherUrl));
  fixture.cloud.inject({ action: 'UpdateTrigger', ...fault });
  const run = await fixture.run('deploy --yes');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain('Warning: web: the settings of its function URL were not changed');
  expect(urlsOf(fixture)).toEqual(urls);
  expect(boundTo(fixture)).toEqual([webName]);
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(fixture.stored(webName).triggers[0]?.TriggerDesc).toContain('https://a.example');
});

test('sls deploy --yes › leaves the domain bound while it makes the URL of a function again that is not behind it', async () => {
  const fixture = await testFixture({ switches: { updateUrl: 'refused', boundUrl: 'kept' } });
  const withSecond = (events: object[]) =>
    withDomain(fixture, (yml) => Object.assign(yml.functions, { second: { ...yml.functions.web, events } }));
  withSecond([{ http: { parameters: { authType: 'NONE' } } }]);
  await fixture.run('deploy');
  withSecond(otherUrl);
  fixture.actionsSince();
  const run = await fixture.run('deploy --yes');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain('second: function URL made again');
  expect(fixture.actionsSince()).not.toContain('DeleteCustomDomain');
});

test('sls deploy --yes › that breaks off without the URL says what is gone, and the next deploy puts it right', async () => {
  const fixture = await testFixture({ switches: { updateUrl: 'refused', boundUrl: 'kept' } });
  withDomain(fixture);
  await fixture.run('deploy');
  withDomain(fixture, (yml) => (yml.functions.web.events = otherUrl));
  fixture.cloud.inject({ action: 'CreateTrigger', kind: 'UnauthorizedOperation' });
  const run = await fixture.run('deploy --yes');
  expect(run.exitCode).toBe(1);
  expect(run.output).not.toContain('is unchanged');
  expect(run.output).toContain(`Done so far: web: domain ${domain} unbound; web: function URL removed.`);
  // Until the list of triggers no longer shows it.
  advanceSeconds(60);
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(boundTo(fixture)).toEqual([webName]);
  expect(urlsOf(fixture)).toHaveLength(1);
});

test('sls deploy --yes › binds the domain again when it may not delete the URL behind it', async () => {
  const fixture = await testFixture({ switches: { updateUrl: 'refused', boundUrl: 'kept' } });
  withDomain(fixture);
  await fixture.run('deploy');
  const urls = urlsOf(fixture);
  withDomain(fixture, (yml) => (yml.functions.web.events = otherUrl));
  // After the refusals because of the domain.
  fixture.cloud.inject({ action: 'DeleteTrigger', kind: 'UnauthorizedOperation', skip: 3 });
  const run = await fixture.run('deploy --yes');
  expect(run.exitCode).toBe(1);
  expect(run.output).not.toContain('is unchanged');
  expect([urlsOf(fixture), boundTo(fixture)]).toEqual([urls, [webName]]);
});

test('sls remove › asks for --yes while a function URL would be lost, also without a fixed egress IP', async () => {
  const fixture = await testFixture();
  fixture.configure((yml) => (yml.provider['eip'] = false));
  await fixture.run('deploy');
  const refused = await fixture.run('remove');
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain(urlsOf(fixture)[0]);
  expect(refused.output).toContain('run sls remove --yes');
  expect(Object.keys(fixture.cloud.state.functions)).toHaveLength(2);
  expect(await fixture.run('remove --yes')).toMatchObject({ exitCode: 0 });
  expect(await fixture.run('remove')).toMatchObject({ exitCode: 0 });
});

test('sls deploy › deletes the function URL that left serverless.yml only with --yes, and says that it is open', async () => {
  const fixture = await testFixture();
  await fixture.run('deploy');
  const urls = urlsOf(fixture);
  fixture.configure((yml) => (yml.functions.web.events = []));
  const run = await fixture.run('deploy');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain('Warning: web: its http event is no longer in serverless.yml');
  expect(run.output).toContain('sls deploy --yes');
  expect(urlsOf(fixture)).toEqual(urls);
  const confirmed = await fixture.run('deploy --yes');
  expect(confirmed.output).toContain('web: function URL removed');
  expect(urlsOf(fixture)).toEqual([]);
});

test('sls deploy › leaves triggers alone that it never makes, and says so', async () => {
  const fixture = await testFixture();
  await fixture.run('deploy');
  const { triggers } = fixture.stored(webName);
  const [url] = triggers;
  if (!url) throw new Error('web has no URL');
  triggers.push(
    { ...url, TriggerName: 'latest', Qualifier: '$LATEST' },
    { ...url, TriggerName: 'canary', Qualifier: 'canary' },
    { ...url, TriggerName: 'queue', Type: 'cmq' as 'http', TriggerDesc: '{}' },
  );
  const run = await fixture.run('deploy --yes');
  expect(run).toMatchObject({ exitCode: 0 });
  for (const title of ['function URL of $LATEST', 'function URL of canary', 'cmq trigger queue'])
    expect(run.output).toContain(`Warning: web: ${title} was not made by sls deploy and is left as it is`);
  expect(triggers).toHaveLength(4);
});

test.each(switchTable.urlAddresses.ends)(
  'sls info › shows the address inside the VPC of a URL for the VPC only, and the deploy does not wait for another (%s)',
  async (urlAddresses) => {
    const fixture = await testFixture({ switches: { urlAddresses } });
    fixture.configure((yml) => {
      const netConfig = { enableExtranet: false, enableIntranet: true };
      yml.functions.web.events = [{ http: { parameters: { authType: 'NONE', netConfig } } }];
    });
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toMatch(/http url: https:\/\/[\w-]+\.in\.ap-guangzhou\.tencentscf\.com/);
    expect(run.output).not.toMatch(/https:\/\/[\w-]+\.ap-guangzhou\.tencentscf\.com/);
    expect(run.output).not.toContain('its address is not known yet');
  },
);

// What a deploy and a removal may take away: the domain of another stage, and function URLs, which never come back.
import { expect, test } from 'vitest';
import { type Fixture, type ServiceFile, testFixture, webName } from './deploy-fixture.ts';

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

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readZip } from '../simulator/tencent-cloud/code.ts';
import type { StoredFunction } from '../simulator/tencent-cloud/state.ts';
import {
  corpsecret,
  createFixture,
  type Fixture,
  secretKey,
  testFixture,
  tickName,
  webName,
} from './deploy-fixture.ts';

const isWrite = /^(Create|Update|Delete|Publish|Modify|Put)/;

/** Deployed once; each test works on a copy of it. */
let template: Fixture;
let firstRun: { exitCode: number | null; output: string };
let firstCalls: string[];
beforeAll(async () => {
  template = await createFixture();
  template.write('dist/web/nested/data.json', '{}');
  firstRun = await template.slsAlone('deploy');
  firstCalls = template.actionsSince();
});
afterAll(() => template.end());

function deployed(): Promise<Fixture> {
  return testFixture({ copyOf: template });
}
function urlOf(fixture: Fixture): string {
  return (
    /https:\/\/[^"]+tencentscf\.com/.exec(fixture.stored(webName).triggers[0]?.TriggerDesc ?? '')?.[0] ?? ''
  );
}
function egressIpOf(fixture: Fixture): string[] {
  return fixture.stored(webName).latest.PublicNetConfig.EipConfig.EipAddress;
}
function environmentOf(fn: StoredFunction): Record<string, string> {
  return Object.fromEntries(fn.latest.Environment.Variables.map(({ Key, Value }) => [Key, Value]));
}

describe('sls deploy to an empty account', () => {
  test('creates both functions as serverless.yml says and releases version 1 of each', () => {
    expect(firstRun).toMatchObject({ exitCode: 0 });
    expect(firstRun.output).toContain('web: created, version 1 is live');
    expect(template.stored(webName).latest).toMatchObject({
      Type: 'HTTP',
      Runtime: 'Nodejs20.19',
      MemorySize: 128,
      Timeout: 30,
      InitTimeout: 60,
      VpcConfig: { VpcId: 'vpc-one', SubnetId: 'subnet-one' },
      PublicNetConfig: { PublicNetStatus: 'ENABLE', EipConfig: { EipStatus: 'ENABLE' } },
      InstanceConcurrencyConfig: { DynamicEnabled: 'FALSE', MaxConcurrency: 10 },
    });
    expect(template.stored(tickName).latest).toMatchObject({ Type: 'Event', Handler: 'index.main_handler' });
    expect([template.liveVersion(webName), template.liveVersion(tickName)]).toEqual(['1', '1']);
    expect(template.stored(webName).Tags).toEqual([{ Key: 'app', Value: 'fixture' }]);
  });

  test('gives each function its own variables and none that is unset', () => {
    expect(environmentOf(template.stored(webName))).toEqual({
      WECOM_CORPS: `ww1:${corpsecret}`,
      GREETING: 'hello',
    });
    expect(environmentOf(template.stored(tickName))).toEqual({ GREETING: 'tick' });
  });

  test('uploads exactly the files of the folder, scf_bootstrap executable', async () => {
    const files = await readZip(template.cloud.codeOf(webName));
    expect(files.map(({ name, mode }) => [name, mode.toString(8)])).toEqual([
      ['index.js', '644'],
      ['nested/data.json', '644'],
      ['scf_bootstrap', '755'],
    ]);
  });

  test('makes the triggers on $DEFAULT and leaves none from the health check', () => {
    expect(template.stored(webName).triggers).toMatchObject([
      { Type: 'http', Qualifier: '$DEFAULT', Enable: 1 },
    ]);
    expect(template.stored(tickName).triggers).toMatchObject([
      {
        Type: 'timer',
        Qualifier: '$DEFAULT',
        TriggerDesc: '{"cron":"0 */5 * * * * *"}',
        CustomArgument: 'hi',
        Enable: 1,
      },
    ]);
    expect(firstCalls.indexOf('UpdateAlias')).toBeGreaterThan(firstCalls.lastIndexOf('PublishVersion'));
  });

  test('keeps logs 180 days in a topic of its own', () => {
    const [topic] = Object.values(template.cloud.state.topics);
    expect(topic).toMatchObject({ TopicName: 'fixture-dev', Period: 180 });
    expect(template.stored(webName).latest.ClsTopicId).toBe(topic?.TopicId);
  });

  test('shows the URL and the egress IP, and no secret', async () => {
    expect(firstRun.output).toContain(urlOf(template));
    expect(firstRun.output).toContain(
      template.stored(webName).latest.PublicNetConfig.EipConfig.EipAddress[0],
    );
    expect(firstRun.output).not.toContain(corpsecret);
    const answer = await template.fetch(`${urlOf(template)}/hello?a=1`, { method: 'POST', body: 'body' });
    expect(JSON.parse(answer.text)).toMatchObject({ greeting: 'hello', body: 'body' });
  });
});

describe('sls deploy to what is deployed', () => {
  test('uploads and changes nothing when nothing changed, in any time zone, and says so; --verbose prints no secret', async () => {
    const fixture = await deployed();
    // What another command said before must not decide what this one says.
    await fixture.sls('info');
    const run = await fixture.sls('deploy --verbose', { TZ: 'Asia/Shanghai' });
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain('index.js, nested/data.json, scf_bootstrap');
    for (const secret of [corpsecret, secretKey]) expect(run.output).not.toContain(secret);
    expect(run.output).toContain('web: unchanged, nothing uploaded');
    expect(run.output).toContain('tick: unchanged, nothing uploaded');
    expect(fixture.actionsSince().filter((action) => isWrite.test(action))).toEqual([]);
  });

  test('updates what changed, keeps the function URL; sls rollback undoes it and nothing else', async () => {
    const fixture = await deployed();
    const url = urlOf(fixture);
    fixture.configure((yml) => {
      yml.functions.web.environment.GREETING = 'changed';
      yml.provider.memorySize = 256;
      yml.functions.tick.memorySize = 128;
      yml.provider.tags = { app: 'renamed' };
    });
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain('web: updated, version 2 is live');
    expect(run.output).toContain('tick: unchanged');
    expect(urlOf(fixture)).toBe(url);
    expect(fixture.stored(tickName).Tags).toEqual([{ Key: 'app', Value: 'renamed' }]);
    expect(JSON.parse((await fixture.fetch(url)).text)).toMatchObject({ greeting: 'changed' });

    const rollback = await fixture.run('rollback');
    expect(rollback).toMatchObject({ exitCode: 0 });
    expect(rollback.output).toContain('web: version 1 is live again, 2 before');
    expect(rollback.output).not.toContain('tick');
    expect(JSON.parse((await fixture.fetch(url)).text)).toMatchObject({ greeting: 'hello' });

    const forward = await fixture.run('rollback -f web --to 2');
    expect(forward).toMatchObject({ exitCode: 0 });
    expect(fixture.liveVersion(webName)).toBe('2');
  });

  test('takes away in the cloud what left serverless.yml: timer, VPC, layers, concurrency, variables', async () => {
    const fixture = await deployed();
    fixture.stored(tickName).latest.Layers = [{ LayerName: 'old', LayerVersion: 1 }];
    fixture.configure((yml) => {
      delete yml.provider.vpc;
      yml.provider.eip = false;
      delete yml.functions.web.instanceConcurrency;
      yml.functions.tick.environment = {};
      yml.functions.tick.events = [];
    });
    const run = await fixture.run('deploy --yes');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain('tick: timer trigger every-5-minutes removed');
    const { latest: tick, triggers } = fixture.stored(tickName);
    expect(triggers).toEqual([]);
    expect(tick).toMatchObject({
      VpcConfig: { VpcId: '', SubnetId: '' },
      Layers: [],
      Environment: { Variables: [] },
    });
    expect(fixture.stored(webName).latest.InstanceConcurrencyConfig).toBeNull();
    expect(tick.PublicNetConfig.EipConfig).toEqual({ EipStatus: 'DISABLE', EipAddress: [] });
  });

  test('changes a timer and a URL in place', async () => {
    const fixture = await deployed();
    const url = urlOf(fixture);
    fixture.configure((yml) => {
      yml.functions.web.events = [
        {
          http: {
            parameters: { authType: 'NONE', corsConfig: { enable: true, origins: ['https://a.example'] } },
          },
        },
      ];
      yml.functions.tick.events = [
        {
          timer: { name: 'every-5-minutes', parameters: { cronExpression: '0 0 3 * * * *', enable: false } },
        },
      ];
    });
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(
      fixture.actionsSince().filter((action) => action.endsWith('Trigger') && isWrite.test(action)),
    ).toEqual(['UpdateTrigger', 'UpdateTrigger']);
    expect(urlOf(fixture)).toBe(url);
    expect(fixture.stored(webName).triggers[0]?.TriggerDesc).toContain('https://a.example');
    expect(fixture.stored(tickName).triggers).toMatchObject([
      { TriggerDesc: '{"cron":"0 0 3 * * * *"}', Enable: 0, CustomArgument: '' },
    ]);
  });

  test('a renamed function is made anew; the old one is named, and deleted with --yes', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => {
      const { tick, ...rest } = yml.functions;
      Object.assign(yml, { functions: { ...rest, clock: tick } });
    });
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain(`${tickName} is no longer in serverless.yml but still runs`);
    expect(Object.keys(fixture.cloud.state.functions)).toEqual([webName, tickName, 'fixture-dev-clock']);
    expect(await fixture.run('deploy --yes')).toMatchObject({ exitCode: 0 });
    expect(Object.keys(fixture.cloud.state.functions)).toEqual([webName, 'fixture-dev-clock']);
  });

  test('a subnet whose change costs the fixed egress IP is changed only with --yes', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => {
      yml.provider.vpc = { vpcId: 'vpc-one', subnetId: 'subnet-two' };
    });
    const refused = await fixture.run('deploy');
    expect(refused.exitCode).toBe(1);
    expect(refused.output).toContain('Run sls deploy --yes');
    expect(fixture.actionsSince().filter((action) => isWrite.test(action))).toEqual([]);
    expect(await fixture.run('deploy --yes')).toMatchObject({ exitCode: 0 });
    expect(fixture.stored(webName).latest.VpcConfig.SubnetId).toBe('subnet-two');
    expect(egressIpOf(fixture)).not.toEqual(egressIpOf(template));
  });

  test('[C5] a version that is not healthy gets no traffic, and the next deploy mends it', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => {
      Object.assign(yml.functions.web.environment, { HEALTH: '500' });
      yml.functions.tick.environment.GREETING = 'also changed';
    });
    const run = await fixture.run('deploy');
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain(
      'version 2 answered GET /health with 500 instead of 200 and was not released',
    );
    expect(run.output).toContain('What serves requests is unchanged');
    expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['1', '1']);
    expect(fixture.stored(webName).triggers).toHaveLength(1);

    fixture.configure();
    const mended = await fixture.run('deploy');
    expect(mended).toMatchObject({ exitCode: 0 });
    expect(mended.output).toContain('web: unchanged');
  });

  test('[C5] a version whose program ends at start gets no traffic, and the deploy says what SCF says', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => Object.assign(yml.functions.web.environment, { HEALTH: 'ends' }));
    const run = await fixture.run('deploy function -f web');
    expect(run.exitCode).toBe(1);
    expect(run.output).toMatch(/answered GET \/health with 405 instead of 200 \(SCF: ContainerStateExited\)/);
    expect(fixture.liveVersion(webName)).toBe('1');
  });

  test.each(['500', '503'])(
    '[C5] a version before which somebody answers %s until the check ends gets no traffic',
    async (status) => {
      const fixture = await deployed();
      fixture.configure((yml) =>
        Object.assign(yml.functions.web.environment, { HEALTH: `${status} <html></html>` }),
      );
      const run = await fixture.run('deploy function -f web');
      expect(run.exitCode).toBe(1);
      expect(run.output).toContain(`answered GET /health with ${status} instead of 200`);
      expect(fixture.liveVersion(webName)).toBe('1');
    },
  );

  test('a version before which a gateway answers with pages of its own is released, and the deploy says it', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => Object.assign(yml.functions.web.environment, { HEALTH: '404 <html></html>' }));
    const run = await fixture.run('deploy function -f web');
    expect(run.exitCode).toBe(0);
    expect(fixture.liveVersion(webName)).toBe('2');
  });

  test('deploy function -f deploys one function and keeps five versions, the ones before and after it among them', async () => {
    const fixture = await deployed();
    fixture.configure((yml) => {
      yml.functions.web.environment.GREETING = 'changed';
      yml.functions.tick.environment.GREETING = 'changed';
    });
    const tick = fixture.stored(tickName);
    for (const Version of ['2', '3', '4', '5', '6'])
      tick.versions.push({ ...structuredClone(tick.latest), Version });
    tick.versionCounter = 6;
    const run = await fixture.sls('deploy function -f tick');
    expect(run).toMatchObject({ exitCode: 0 });
    expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['1', '7']);
    expect(tick.versions.map(({ Version }) => Version)).toEqual(['1', '4', '5', '6', '7']);
  });
});

test('a second stage is a copy of its own with its own .env file, without functions whose variable is empty', async () => {
  const fixture = await deployed();
  fixture.write('.env.prod', 'WECOM_CORPS=ww2:another\n');
  fixture.configure((yml) => Object.assign(yml.functions.tick, { onlyWith: 'UNSET_VARIABLE' }));
  const run = await fixture.sls('deploy --stage prod');
  expect(run).toMatchObject({
    exitCode: 0,
    output: expect.stringContaining('npm run doctor -- --stage prod'),
  });
  expect(Object.keys(fixture.cloud.state.functions)).toEqual([webName, tickName, 'fixture-prod-web']);
  expect(environmentOf(fixture.stored('fixture-prod-web'))['WECOM_CORPS']).toBe('ww2:another');
});

test('a file named by a variable travels in the zip and the function is told its place', async () => {
  const fixture = await deployed();
  fixture.write('certificates/redis.pem', 'PEM');
  fixture.configure((yml) => {
    Object.assign(yml.functions.web.environment, { CA_FILE: 'certificates/redis.pem' });
  });
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect(environmentOf(fixture.stored(webName))['CA_FILE']).toBe('redis.pem');
  expect(JSON.parse((await fixture.fetch(urlOf(fixture))).text)).toMatchObject({ ca: 'PEM' });
});

test('a file named by a variable replaces none of the function’s own', async () => {
  const fixture = await deployed();
  for (const file of ['index.js', 'scf_bootstrap']) {
    fixture.write(`certificates/${file}`, 'PEM');
    fixture.configure((yml) => {
      Object.assign(yml.functions.web.environment, { CA_FILE: `certificates/${file}` });
    });
    const run = await fixture.run('deploy');
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain(`certificates/${file} would replace`);
  }
});

test('a custom domain leads to the functions behind it, and goes before they do', async () => {
  const fixture = await deployed();
  fixture.configure((yml) => {
    yml.provider.customDomain = {
      domain: 'login.example.com',
      certificateId: 'cert-1',
      routes: { '/*': 'web' },
    };
  });
  const run = await fixture.run('deploy');
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.output).toContain('https://login.example.com bound');
  expect(JSON.parse((await fixture.fetch('http://login.example.com/x')).text)).toMatchObject({
    greeting: 'hello',
  });
  expect(await fixture.run('remove --yes')).toMatchObject({ exitCode: 0 });
  expect([fixture.cloud.state.functions, fixture.cloud.state.domains]).toEqual([{}, {}]);
});

describe('the other commands', () => {
  test('sls remove asks for --yes while a fixed egress IP would be lost', async () => {
    const fixture = await deployed();
    const refused = await fixture.run('remove');
    expect(refused.exitCode).toBe(1);
    expect(refused.output).toContain('run sls remove --yes');
    expect(Object.keys(fixture.cloud.state.functions)).toHaveLength(2);
  });

  test('sls remove --yes deletes the functions', async () => {
    const fixture = await deployed();
    expect(await fixture.sls('remove --yes')).toMatchObject({ exitCode: 0 });
    const logs = await fixture.run('logs -f web');
    expect([logs.exitCode, logs.output]).toEqual([
      1,
      expect.stringContaining(
        'web is not deployed. What it logged before is in the CLS console, topic fixture-dev',
      ),
    ]);
    expect(fixture.cloud.state.functions).toEqual({});
  });

  test('sls info needs no .env', async () => {
    const fixture = await deployed();
    rmSync(join(fixture.folder, '.env'));
    const info = await fixture.sls('info');
    expect(info).toMatchObject({ exitCode: 0 });
    expect(info.output).toContain(urlOf(fixture));
    expect(info.output).toContain('0 */5 * * * * * (UTC+8)');
  });

  test('sls info shows of each function which version of package.json is live', async () => {
    const fixture = await deployed();
    fixture.write('package.json', '{"name":"fixture","version":"1.1.0-rc.2"}');
    fixture.configure((yml) => (yml.functions.web.environment.GREETING = 'changed'));
    await fixture.run('deploy');
    const { output } = await fixture.run('info');
    expect(output).toContain(`web: ${webName}, version 2 (1.1.0 rc.2), Active`);
    // It was not deployed again: nothing in it has changed.
    expect(output).toContain(`tick: ${tickName}, version 1 (1.0.0), Active`);
  });

  test('sls invoke answers and fails as the function does; sls logs shows what it wrote', async () => {
    const fixture = await deployed();
    const invoked = await fixture.run('invoke -f tick -d {"a":1}');
    expect(invoked).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(invoked.output)).toMatchObject({ event: { a: 1 }, function: tickName });
    const failed = await fixture.run('invoke -f tick -d {"fail":true}');
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain('tick failed: asked to fail');

    const logs = await fixture.run('logs -f tick');
    expect(logs).toMatchObject({ exitCode: 0 });
    expect(logs.output).toContain('event of type none');
  });

  test('sls logs --tail shows what is written from now on; --filter and --startTime choose', async () => {
    const fixture = await deployed();
    const tail = fixture.runUntil('logs -f tick --tail --interval 500', 'event of type second');
    await fixture.run('invoke -f tick -d {"Type":"first"}');
    await fixture.run('invoke -f tick -d {"Type":"second"}');
    expect((await tail).output.match(/event of type first/g)).toHaveLength(1);
    const filtered = await fixture.run('logs -f tick --startTime 2h --filter first');
    expect(filtered.output).toContain('event of type first');
    expect(filtered.output).not.toContain('event of type second');
    expect((await fixture.run('logs -f tick --startTime yesterday')).output).toContain(
      '--startTime: "yesterday"',
    );
  });

  test('the framework hands over the options of sls invoke, logs and rollback', async () => {
    const fixture = await deployed();
    fixture.write('event.json', '{"Type":"of a file"}');
    const invoked = await fixture.sls('invoke -f tick --path event.json --qualifier 1 --log');
    expect(invoked).toMatchObject({ exitCode: 0 });
    expect(invoked.output).toContain('event of type of a file');
    const options = 'logs -f tick --tail --interval 500 --startTime 2h --filter file';
    const logs = await fixture.slsUntil(options, 'event of type of a file');
    expect(logs.output).toContain('event of type of a file');
    const rollback = await fixture.sls('rollback -f web --to 7');
    expect(rollback.output).toContain('web has no version 7; there are 1.');
  });

  test('sls invoke takes the event of a file, a version and a bare text, and shows the log', async () => {
    const fixture = await deployed();
    fixture.write('event.json', '{"Type":"of a file"}');
    const run = await fixture.run('invoke -f tick --path event.json --qualifier 1 --log');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain('event of type of a file');
    expect((await fixture.run('invoke -f tick --raw -d plain')).output).toContain('"event":"plain"');
    expect((await fixture.run('invoke -f tick --qualifier 99')).output).toContain('Version or alias');
  });

  test.each([
    ['invoke -f tick --type Event', 'sls invoke has no --type on Tencent Cloud'],
    ['deploy --force', 'sls deploy has no --force on Tencent Cloud'],
    ['deploy function -f tick --update-config', 'sls deploy function has no --update-config'],
  ])('sls %s: an option of AWS is refused by name', async (args, says) => {
    const fixture = await deployed();
    const run = await fixture.run(args);
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain(says);
    expect(fixture.actionsSince()).toEqual([]);
  });

  test('sls print masks every value of the environment, and the address of the robot with its key', async () => {
    const fixture = await deployed();
    const webhook = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=robot-key-nobody-may-read';
    fixture.configure((yml) => Object.assign(yml.provider, { alarms: { webhook, uin: '100012345678' } }));
    const run = await fixture.sls('print');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain("WECOM_CORPS: '***'");
    expect(run.output).toContain("webhook: '***'");
    expect(run.output).not.toContain('robot-key');
    expect(run.output).not.toContain(corpsecret);
  });
});

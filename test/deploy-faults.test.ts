import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../simulator/tencent-cloud/faults.ts';
import {
  corpsecret,
  firstWrites,
  createFixture,
  type Fixture,
  secretId,
  secretKey,
  type ServiceFile,
  testFixture,
  tickName,
  webName,
} from './deploy-fixture.ts';
import type { Run } from './deploy-in-process.ts';

/** The lines of the error itself; around it the framework prints its own versions and links. */
function errorOf(run: Run): string[] {
  return run.output
    .slice(run.output.indexOf('Error:') + 'Error:'.length)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(Environment|Docs|Support|Bugs|Learn more):? /.test(line));
}

function expectOneLine(run: Run, text: string): void {
  expect(run.exitCode).toBe(1);
  const lines = errorOf(run);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(text);
  for (const secret of [corpsecret, secretKey]) expect(run.output).not.toContain(secret);
}

describe('sls deploy, as it is printed', () => {
  test('wrong secret', async () => {
    const fixture = await testFixture();
    const run = await fixture.sls('deploy', { TENCENT_SECRET_KEY: 'wrong' });
    expectOneLine(run, 'AuthFailure.SignatureFailure');
    expectOneLine(run, 'Check TENCENT_SECRET_ID and TENCENT_SECRET_KEY');
    expect(fixture.actionsSince()).toEqual(['GetFunction']);
  });

  test('wrong secret with --verbose: the same with a stack, and still no secret', async () => {
    const fixture = await testFixture();
    const run = await fixture.sls('deploy --verbose', { TENCENT_SECRET_KEY: 'wrong' });
    expect(run.exitCode).toBe(1);
    expect(run.output).toMatch(/AuthFailure\.SignatureFailure.*request id [\w-]+[^]*\n\s+at /);
    for (const secret of [corpsecret, secretId]) expect(run.output).not.toContain(secret);
    expect(fixture.actionsSince()).toEqual(['GetFunction']);
  });

  test('keys and events that serverless.yml does not have, each by its place', async () => {
    const fixture = await testFixture();
    fixture.configure((yml) => {
      Object.assign(yml.functions.web, { memorySze: 256 });
      Object.assign(yml.functions.tick, { events: [{ cron: {} }] });
    });
    const run = await fixture.slsAlone('deploy');
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain("at 'functions.web': unrecognized property 'memorySze'");
    expect(run.output).toContain("at 'functions.tick.events.0': unsupported function event");
    expect(fixture.actionsSince()).toEqual([]);
  });
});

describe('sls deploy with a mistake on our side says it in one line and calls nothing that changes the cloud', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await createFixture();
  });
  afterAll(() => fixture.end());

  const configured = async (change: (yml: ServiceFile) => void): Promise<Run> => {
    fixture.configure(change);
    const run = await fixture.run('deploy');
    fixture.configure();
    expect(fixture.actionsSince()).toEqual([]);
    return run;
  };

  test('no credentials', async () => {
    const run = await fixture.run('deploy', { TENCENT_SECRET_KEY: undefined });
    expectOneLine(run, 'TENCENT_SECRET_ID and TENCENT_SECRET_KEY are not set');
  });

  test('no network', async () => {
    const run = await fixture.run('deploy', { TENCENT_CLOUD_ENDPOINT: 'http://127.0.0.1:1' });
    expectOneLine(run, 'no answer from Tencent Cloud');
  });

  test('an endpoint that is not loopback', async () => {
    const run = await fixture.run('deploy', { TENCENT_CLOUD_ENDPOINT: 'http://cloud.example.com' });
    expectOneLine(run, 'must be http:// on a loopback address');
  });

  test('.env missing', async () => {
    rmSync(join(fixture.folder, '.env'));
    const run = await fixture.run('deploy');
    fixture.write('.env', `WECOM_CORPS=ww1:${corpsecret}\n`);
    expectOneLine(run, 'WECOM_CORPS is not set: copy .env.example to .env.dev or .env');
  });

  test('cron of five fields', async () => {
    const run = await configured((yml) => {
      yml.functions.tick.events = [
        { timer: { name: 'five', parameters: { cronExpression: '*/5 * * * *' } } },
      ];
    });
    expectOneLine(
      run,
      'functions.tick.events[0].timer.parameters.cronExpression: "*/5 * * * *" has 5 fields',
    );
  });

  test('a misspelt runtime', async () => {
    const run = await configured((yml) => Object.assign(yml.provider, { runtime: 'NodeJS20' }));
    expectOneLine(
      run,
      'functions.web.runtime: "NodeJS20" is no runtime of SCF. Those of 2026-11: Nodejs20.19,',
    );
  });

  test('a runtime that scf_bootstrap was not built for', async () => {
    const run = await configured((yml) => Object.assign(yml.provider, { runtime: 'Nodejs22.20' }));
    expectOneLine(run, 'functions.web: its scf_bootstrap starts Node.js 20 and its runtime is Nodejs22.20');
  });

  test('handler file missing', async () => {
    const run = await configured((yml) =>
      Object.assign(yml.functions.tick, { handler: 'missing.main_handler' }),
    );
    expectOneLine(run, 'functions.tick.handler: dist/tick has no file missing.js');
  });

  test('function name too long', async () => {
    const run = await configured((yml) => Object.assign(yml.functions.tick, { name: 'a'.repeat(61) }));
    expectOneLine(run, '(61 characters) is not one SCF takes');
  });

  test('environment over 4 KB', async () => {
    const run = await configured((yml) => {
      yml.functions.tick.environment.GREETING = 'x'.repeat(4097);
    });
    expectOneLine(run, 'functions.tick.environment: 4105 bytes in all, SCF takes 4096');
  });

  test('a value that Serverless or SCF would damage', async () => {
    fixture.write('.env', `WECOM_CORPS=ww1:${corpsecret};\n`);
    const run = await fixture.run('deploy');
    fixture.write('.env', `WECOM_CORPS=ww1:${corpsecret}\n`);
    expectOneLine(run, 'functions.web.environment.WECOM_CORPS: the value holds ";"');
  });

  test('a source map in a function folder', async () => {
    fixture.write('dist/web/index.js.map', '');
    const run = await fixture.run('deploy');
    rmSync(join(fixture.folder, 'dist/web/index.js.map'));
    expectOneLine(run, 'dist/web/index.js.map does not belong into a function');
  });
});

describe('sls deploy with another runtime', () => {
  const runOf = (fixture: Fixture, runtime: string): Promise<Run> => {
    fixture.configure((yml) => Object.assign(yml.provider, { runtime }));
    const major = /\d+/.exec(runtime)?.[0];
    fixture.write(
      'dist/web/scf_bootstrap',
      `#!/bin/sh\nexec env PATH=/var/lang/node${major}/bin:$PATH node index.js\n`,
    );
    return fixture.run('deploy');
  };

  test.each(['Nodejs22.21', 'Nodejs24.11'])('%s: works as soon as the cloud knows it', async (runtime) => {
    const fixture = await testFixture();
    expect(await runOf(fixture, runtime)).toMatchObject({ exitCode: 0 });
    expect(fixture.stored(webName).latest.Runtime).toBe(runtime);
  });

  test('one that the cloud does not know: says which setting that is', async () => {
    const fixture = await testFixture({ switches: { runtimes: 'up to Nodejs20.19' } });
    const run = await runOf(fixture, 'Nodejs24.11');
    expectOneLine(run, 'InvalidParameterValue.Runtime');
    expectOneLine(run, 'check provider.runtime in serverless.yml');
  });

  test('one that a function was not created with: names both ways, before anything is changed', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    fixture.actionsSince();
    const run = await runOf(fixture, 'Nodejs22.21');
    expectOneLine(run, 'it was created with runtime Nodejs20.19, and SCF cannot change that to Nodejs22.21');
    expectOneLine(run, 'sls deploy --stage NAME');
    expectOneLine(run, 'sls remove --yes');
    expect(fixture.actionsSince().filter((action) => /^(Create|Update|Publish)/.test(action))).toEqual([]);
    expect(await fixture.run('remove --yes')).toMatchObject({ exitCode: 0 });
    expect(await runOf(fixture, 'Nodejs22.21')).toMatchObject({ exitCode: 0 });
  });
});

/** So many minutes this computer's clock is wrong. */
test.each([-60, 60])('sls deploy with a clock that is wrong by %i minutes › says so', async (minutes) => {
  const fixture = await testFixture({ now: () => Date.now() + minutes * 60_000 });
  expectOneLine(await fixture.run('deploy'), 'The clock of this computer is wrong by more than five minutes');
});

/** Ctrl-C, a lid that closes: from that call on nothing is heard of it. */
test.each(firstWrites)(
  '[C3] sls deploy that ends after its first %s › is finished by the next one',
  async (action) => {
    const fixture = await testFixture();
    fixture.cloud.inject({ action, kind: 'gone', afterEffect: true });
    expect(await fixture.run('deploy')).toMatchObject({ exitCode: 1 });
    fixture.cloud.clearFaults();
    expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
    for (const name of [webName, tickName]) {
      expect([name, fixture.liveVersion(name)]).toEqual([name, '1']);
      expect(fixture.stored(name).triggers.map(({ Qualifier }) => Qualifier)).toEqual(['$DEFAULT']);
    }
  },
);

test('[C3] sls deploy › ends at Ctrl-C, and the next one finishes what it began', async () => {
  const ctrlC = new AbortController();
  const fixture = await testFixture({
    onCall: ({ action }) => {
      if (action === 'PublishVersion') ctrlC.abort();
    },
  });
  expect((await fixture.slsUntil('deploy', ctrlC.signal)).exitCode).not.toBe(0);
  expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['$LATEST', '$LATEST']);
  expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
  expect([fixture.liveVersion(webName), fixture.liveVersion(tickName)]).toEqual(['1', '1']);
});

describe('sls deploy with a fault of the cloud', () => {
  const repeated: [string, Fault][] = [
    ['throttling', { action: 'CreateFunction', kind: 'RequestLimitExceeded', times: 2 }],
    ['a cut read', { action: 'GetFunction', kind: 'cut', times: 2 }],
    ['a function still changing', { action: 'PublishVersion', kind: 'FailedOperation.FunctionStatusError' }],
  ];
  test('goes on after throttling, a cut read and a function that is still changing', async () => {
    const fixture = await testFixture();
    for (const [, fault] of repeated) fixture.cloud.inject(fault);
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    const refused = fixture.cloud.calls.filter(({ outcome }) => outcome !== 'ok' && !/^\d+$/.test(outcome));
    expect(refused.map(({ outcome }) => outcome)).toEqual(
      expect.arrayContaining(['RequestLimitExceeded', 'cut', 'FailedOperation.FunctionStatusError']),
    );
  });

  const fatal: [title: string, fault: Fault, says: string][] = [
    ['an internal error', { action: 'CreateFunction', kind: 'InternalError' }, 'A fault on Tencent’s side'],
    ['a connection that stays cut', { action: 'CreateFunction', kind: 'cut', times: 9 }, 'no answer'],
    ['a name in use', { action: 'CreateFunction', kind: 'ResourceInUse.Function' }, 'It exists already'],
    [
      'no right to publish',
      { action: 'PublishVersion', kind: 'UnauthorizedOperation' },
      'CAM policy of docs/deploy.md',
    ],
  ];
  test.each(fatal)('%s: one line with code and advice, and the next run finishes', async (_, fault, says) => {
    const fixture = await testFixture();
    fixture.cloud.inject(fault);
    const run = await fixture.run('deploy');
    expectOneLine(run, says);
    expectOneLine(run, 'What serves requests is unchanged; the next sls deploy goes on from what it finds.');
    if (fault.kind !== 'cut') expectOneLine(run, fault.kind);
    fixture.cloud.clearFaults();
    expect(await fixture.run('deploy')).toMatchObject({ exitCode: 0 });
    expect(fixture.cloud.state.functions[webName]?.aliases['$DEFAULT']).toMatch(/^\d+$/);
    expect(fixture.cloud.state.functions[webName]?.triggers).toHaveLength(1);
  });

  test('no right to upload into a bucket of your own: says which right that is', async () => {
    const fixture = await testFixture();
    fixture.configure((yml) => Object.assign(yml.provider, { codeBucket: 'own' }));
    fixture.cloud.inject({ action: 'PutObject', kind: 'AccessDenied', times: 9 });
    expectOneLine(await fixture.run('deploy'), 'The upload needs cos:PutObject');
  });

  test('[C6] no right to create: prints the action to add to the policy, out of a message of two lines', async () => {
    const allowed = ['scf:GetFunction', 'cls:*'];
    const fixture = await testFixture({ allowed });
    expectOneLine(await fixture.run('deploy'), 'add the action "scf:CreateFunction" to its CAM policy');
  });

  test('between two releases: says what is live, and the next run releases the rest', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    fixture.configure((yml) => {
      yml.functions.web.environment.GREETING = 'changed';
      yml.functions.tick.environment.GREETING = 'changed';
    });
    fixture.cloud.inject({ action: 'UpdateAlias', kind: 'InternalError', skip: 1 });
    const run = await fixture.run('deploy');
    expectOneLine(
      run,
      'Done so far: web: updated, version 2 is live. The next sls deploy finishes the rest.',
    );
    const again = await fixture.run('deploy');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.output).toContain('web: unchanged');
    expect(again.output).toContain('tick: updated, version 2 is live');
  });

  test('a function whose creation failed is made again', async () => {
    const fixture = await testFixture();
    await fixture.run('deploy');
    Object.assign(fixture.cloud.state.functions[webName] ?? {}, { Status: 'CreateFailed', pendingPolls: 0 });
    const run = await fixture.run('deploy');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.output).toContain('web: created, version 1 is live');
  });
});

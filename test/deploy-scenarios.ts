// What operators do with a service, played with the plugin in this process, in virtual time, on a cloud as odd as wished.
import { DeployError } from '../deploy/errors.ts';
import type { Fault } from '../simulator/tencent-cloud/faults.ts';
import { mildest, switchTable, type SwitchName, type Switches } from '../simulator/tencent-cloud/switches.ts';
import {
  createFixture,
  documentedPolicy,
  firstWrites,
  type Fixture,
  tickName,
  webName,
} from './deploy-fixture.ts';
import { advanceSeconds } from './virtual-time.ts';

export interface Scenario {
  name: string;
  switches: Partial<Switches>;
  seed: number;
  /** Through a custom domain. */
  hasDomain: boolean;
  /** Worth its time in every run of the tests. */
  isQuick: boolean;
  /** Struck by the first deploy. */
  fault?: Fault;
  /** Taken from the key's rights until the first deploy has named it. */
  missingRight?: string;
}

const domain = 'login.example.com';
/** A run that fails for a passing reason is repeated by hand, so often at most. */
const runsMax = 8;
/** The account has to be put right before a deploy can work; until then it says what is wrong. */
const blockingSwitches = new Set<SwitchName>(['scf', 'cls', 'role', 'balance', 'codeFromCos']);
const passing = new Set<SwitchName>(['throttling', 'lostAnswers']);
const functionWrites = /^(Create|Update|Publish|Delete)(Function|Version|Alias|Trigger|CustomDomain)/;
const writeActions = [...firstWrites, 'CreateCustomDomain'];

export const strictest: Partial<Switches> = Object.fromEntries(
  Object.entries(switchTable)
    .filter(([, { kind }]) => kind !== 'account')
    .map(([name, { ends }]) => [name, ends.at(-1)]),
);

/** Every row's every end alone, all strict ends together with several seeds, and trouble on top of them. */
export function scenarios(): Scenario[] {
  const list: Scenario[] = [];
  const add = (scenario: Omit<Scenario, 'isQuick'> & { isQuick?: boolean }): void => {
    list.push({ isQuick: false, ...scenario });
  };
  for (const hasDomain of [false, true]) {
    const where = hasDomain ? ' with a domain' : '';
    add({ name: `mildest cloud${where}`, switches: mildest, seed: 1, hasDomain, isQuick: hasDomain });
    for (const [name, { ends }] of Object.entries(switchTable))
      for (const end of ends.slice(1))
        add({ name: `${name}: ${end}${where}`, switches: { ...mildest, [name]: end }, seed: 1, hasDomain });
    for (let seed = 1; seed <= 10; seed++)
      add({
        name: `strictest cloud${where}, seed ${seed}`,
        switches: strictest,
        seed,
        hasDomain,
        isQuick: hasDomain && seed === 1,
      });
    for (const action of writeActions.filter((write) => hasDomain || write !== 'CreateCustomDomain'))
      for (const afterEffect of [true, false])
        add({
          name: `strictest cloud${where}, connection cut ${afterEffect ? 'after' : 'before'} ${action}`,
          switches: strictest,
          seed: 1,
          hasDomain,
          fault: { action, kind: 'cut', afterEffect },
        });
  }
  for (const name of passing)
    for (let seed = 1; seed <= 5; seed++)
      add({
        name: `strictest cloud, ${name}, seed ${seed}`,
        switches: { ...strictest, [name]: switchTable[name].ends.at(-1) },
        seed,
        hasDomain: true,
        isQuick: seed === 1,
      });
  for (const name of blockingSwitches)
    add({
      name: `strictest cloud, ${name}: ${switchTable[name].ends.at(-1)}`,
      switches: { ...strictest, [name]: switchTable[name].ends.at(-1) },
      seed: 1,
      hasDomain: false,
      isQuick: name === 'cls' || name === 'role',
    });
  for (const action of ['CreateFunction', 'UpdateAlias'])
    for (const camCode of switchTable.camCode.ends)
      add({
        name: `no right to ${action}, ${camCode}`,
        switches: { ...strictest, camCode },
        seed: 1,
        hasDomain: false,
        missingRight: `scf:${action}`,
        isQuick: action === 'CreateFunction' && camCode === switchTable.camCode.ends[1],
      });
  for (const kind of ['CreateFailed', 'PublishFailed'])
    add({
      name: `strictest cloud, a function is ${kind}`,
      switches: strictest,
      seed: 1,
      hasDomain: false,
      fault: { action: '', kind },
      isQuick: true,
    });
  return list;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'not even an error';
}

class NotSo extends Error {}
function check(isTrue: boolean, what: string): asserts isTrue {
  if (!isTrue) throw new NotSo(what);
}

/** Plays deploy, deploy again, a change, remove, deploy. Throws with the step at which something was not as it should be. */
export async function play(scenario: Scenario): Promise<void> {
  const allowed = documentedPolicy().filter((action) => action !== scenario.missingRight);
  const blocking = Object.keys(scenario.switches).filter(
    (name): name is SwitchName =>
      blockingSwitches.has(name as SwitchName) &&
      scenario.switches[name as SwitchName] !== switchTable[name as SwitchName].ends[0],
  );
  const fixture = await createFixture({
    switches: scenario.switches,
    seed: scenario.seed,
    speed: 1,
    allowed,
  });
  const configure = (isChanged: boolean): void =>
    fixture.configure((yml) => {
      if (scenario.hasDomain)
        yml.provider.customDomain = { domain, certificateId: 'cert-1', routes: { '/*': 'web' } };
      if (!isChanged) return;
      yml.functions.web.environment.GREETING = 'changed';
      yml.functions.tick.environment.GREETING = 'changed';
      yml.provider.tags = { app: 'renamed' };
      const corsConfig = { enable: true, origins: ['https://a.example'] };
      yml.functions.web.events = [{ http: { parameters: { authType: 'NONE', corsConfig } } }];
    });
  const isUnsteady =
    scenario.fault !== undefined ||
    [...passing].some((name) => (scenario.switches[name] ?? 'none') !== 'none');
  const succeed = async (step: string, command: string): Promise<string> => {
    for (let runs = 1; ; runs++) {
      const { output, error } = await fixture.run(command);
      if (error === undefined) return output;
      const text = textOf(error);
      check(error instanceof DeployError, `${step}: not one of our errors: ${text}`);
      check(!text.includes('\n'), `${step}: the error has several lines: ${text}`);
      check(isUnsteady && runs < runsMax, `${step}: ${text}`);
    }
  };
  try {
    configure(false);
    if (blocking.length > 0 || scenario.missingRight !== undefined) {
      const { error } = await fixture.run('deploy');
      if (error !== undefined) {
        check(error instanceof DeployError, `not one of our errors: ${textOf(error)}`);
        check(!error.message.includes('--verbose'), `no advice: ${error.message}`);
        if (scenario.missingRight !== undefined)
          check(error.message.includes(scenario.missingRight), `the right is not named: ${error.message}`);
      }
      for (const name of blocking)
        Object.assign(fixture.cloud.switches, { [name]: switchTable[name].ends[0] });
      if (scenario.missingRight !== undefined) allowed.push(scenario.missingRight);
    }
    if (scenario.fault) fixture.cloud.inject(scenario.fault);
    await succeed('first deploy', 'deploy');
    fixture.cloud.clearFaults();
    const url = await checkDeployed(fixture, scenario, 'hello');

    fixture.actionsSince();
    const again = await succeed('second deploy', 'deploy');
    check(again.includes('web: unchanged'), 'second deploy: web is not unchanged');
    const writes = fixture.actionsSince().filter((action) => functionWrites.test(action));
    check(isUnsteady || writes.length === 0, `second deploy: ${writes.join(', ')}`);

    configure(true);
    await succeed('changed deploy', 'deploy');
    check((await checkDeployed(fixture, scenario, 'changed')) === url, 'the function URL changed');
    for (const name of [webName, tickName])
      check(
        fixture.stored(name).Tags.some(({ Value }) => Value === 'renamed'),
        `${name}: the tags did not change`,
      );

    const { error: refused } = await fixture.run('invoke -f tick -d {"fail":true}');
    check(refused instanceof DeployError || isUnsteady, 'invoke: a failed invocation counts as done');
    const lines = await succeed('logs', 'logs -f tick');
    check(lines.includes('event of type'), 'logs: the line of the function is missing');

    await succeed('remove', 'remove --yes');
    check(!Object.values(fixture.cloud.state.domains).length, 'remove: the domain is still bound');
    configure(false);
    await succeed('deploy after remove', 'deploy');
    await checkDeployed(fixture, scenario, 'hello');
    await succeed('last remove', 'remove --yes');
    // What `remove` leaves behind may only be on its way out.
    advanceSeconds(600);
    await fixture.run('info');
    check(Object.keys(fixture.cloud.state.functions).length === 0, 'remove: a function is left');
  } finally {
    await fixture.end();
  }
}

/** Everything live, once the cloud has come to rest; returns the function URL. */
async function checkDeployed(fixture: Fixture, scenario: Scenario, greeting: string): Promise<string> {
  advanceSeconds(60);
  for (const name of [webName, tickName])
    check(/^\d+$/.test(fixture.liveVersion(name) ?? ''), `${name}: no version is live`);
  const { triggers } = fixture.stored(webName);
  check(
    triggers.length === 1 && triggers[0]?.Qualifier === '$DEFAULT',
    `web has the URLs ${triggers.map(({ Qualifier }) => Qualifier).join(', ')}`,
  );
  check(fixture.stored(tickName).triggers.length === 1, 'tick has not one timer');
  const url = /https:\/\/[^"]+tencentscf\.com/.exec(triggers[0].TriggerDesc)?.[0] ?? '';
  for (const base of scenario.hasDomain ? [url, `http://${domain}`] : [url]) {
    const { status, text } = await fixture.fetch(`${base}/x`);
    check(status === 200 && text.includes(`"greeting":"${greeting}"`), `${base} answered ${status}`);
  }
  return url;
}

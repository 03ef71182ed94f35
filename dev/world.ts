// What is around the functions: the simulated WeCom with its people, or WeCom's real servers with the companies of .env.
import { randomBytes } from 'node:crypto';
import { answerAsWecomApp } from '../demo/wecom-app.ts';
import { Trouble } from '../scripts/trouble.ts';
import { readEnvironmentFile } from '../scripts/environment.ts';
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { startWecom } from '../simulator/wecom/server.ts';
import type { Bilingual } from '../scripts/language.ts';
import type { PageState } from './page-server.ts';
import { createPeople, type Holder } from './people.ts';
import { startTexts, troubleTexts } from './texts.ts';

export type World = Awaited<ReturnType<typeof createWorld>>;

/** Values of .env that belong to another world than the simulated one. */
const ofAnotherWorld = {
  ALLOW_TEST_CORP: '',
  REDIS_CA: '',
  REDIS_TLS_NAME: '',
  WECOM_APPID: '',
  WECOM_DOMAIN_VERIFY: '',
};

/** Unless .env says otherwise: in the cloud, what changes in WeCom is noticed after minutes. */
const recheckSeconds = '3';
/** Which field of an entry, separated by colons, names its company. */
const corpidAt = { ROLES: 3, WECOM_CALLERS: 2 };

/** @throws Trouble if .env or dev/people.json lacks what is needed */
export async function createWorld(kind: 'simulator' | 'real', redisUrl: string, stage: string) {
  const fixed = { REDIS_URL: redisUrl, ENCRYPTION_KEY: randomBytes(32).toString('base64url') };
  const ofEnv = () => readEnvironmentFile(stage).environment;
  return kind === 'real' ? realWorld(fixed, ofEnv) : simulatedWorld(fixed, ofEnv);
}

async function simulatedWorld(fixed: Record<string, string>, ofEnv: () => NodeJS.ProcessEnv) {
  const wecom = await startWecom();
  const people = await createPeople(wecom).catch(async (error: Error) => {
    await wecom.close();
    throw error instanceof Trouble ? error : new Trouble(error.message);
  });
  const token = randomBytes(12).toString('hex');
  const encodingAESKey = randomBytes(32).toString('base64').slice(0, 43);
  return {
    wecom: startTexts.simulated(wecom.url),
    needs: undefined as Bilingual | undefined,
    variables: () => ({
      ...ofEnv(),
      ...entriesOf(people.corpids(), ofEnv()).kept,
      MEMBER_RECHECK_SECONDS: ofEnv()['MEMBER_RECHECK_SECONDS'] || recheckSeconds,
      ...ofAnotherWorld,
      ...fixed,
      ...people.environment(),
      WECOM_BASE_URL: wecom.url,
      WECOM_CALLBACKS: people
        .corpids()
        .map((corpid) => `${corpid}:${token}:${encodingAESKey}`)
        .join(','),
    }),
    /** Entries of .env that are not in `variables`, because their company is not simulated. */
    leftOut: () => entriesOf(people.corpids(), ofEnv()).leftOut,
    holders: people.holders,
    reviewers: people.reviewers,
    companyNames: people.companyNames,
    /** Returns the calls that WeCom makes because of the changes: 接收消息. */
    async rereadPeople() {
      const left = await people.read();
      return left.map((person) =>
        signedCallback({ corpid: person.corpid, token, encodingAESKey }, unsubscribeMessage(person)),
      );
    },
    askWecomApp({ person }: Holder, api: string): object {
      if (!person) throw new Error('no WeCom here');
      return answerAsWecomApp(wecom, person, api);
    },
    stop: () => wecom.close(),
  };
}

/** Keeps the entries of these companies, and those that name none: these mean the first. */
function entriesOf(corpids: string[], environment: NodeJS.ProcessEnv) {
  const kept: Record<string, string> = {};
  const leftOut: string[] = [];
  for (const [name, at] of Object.entries(corpidAt)) {
    const entries = (environment[name] ?? '').split(',');
    const isKept = (entry: string) => {
      const corpid = entry.split(':')[at]?.trim();
      return corpid === undefined || corpids.includes(corpid);
    };
    kept[name] = entries.filter(isKept).join(',');
    const others = entries.filter((entry) => !isKept(entry));
    leftOut.push(...others.map((entry) => `${name} ${entry.split(':')[0]?.trim()}`));
  }
  return { kept, leftOut };
}

function realWorld(fixed: Record<string, string>, ofEnv: () => NodeJS.ProcessEnv) {
  if (!ofEnv()['WECOM_CORPS']) throw new Trouble(troubleTexts.realNeedsCorps);
  const nobody: Holder = { who: 'nobody', name: '—', company: '', flag: undefined, person: undefined };
  return {
    wecom: startTexts.real,
    needs: startTexts.realNeeds,
    variables: () => ({ ...ofEnv(), ...fixed }),
    leftOut: (): string[] => [],
    holders: () => [nobody],
    reviewers: (): PageState['reviewers'] => [],
    companyNames: (): Record<string, string> => ({}),
    rereadPeople: () => Promise.resolve<{ path: string; body: string }[]>([]),
    askWecomApp(): object {
      throw new Error('--wecom real: only WeCom itself gives codes');
    },
    stop: () => Promise.resolve(),
  };
}

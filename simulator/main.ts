// `npm run simulator [-- --port N]`: runs a simulated WeCom and a Redis, with the people of the cast or of dev/people.json,
// until Ctrl-C.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Exit } from '../scripts/command.ts';
import { type Language, languageIn } from '../scripts/language.ts';
import { optionProblem } from '../scripts/option-problem.ts';
import { wordsOf } from '../scripts/trouble.ts';
import { castFile, createCast, ownPeopleFile, type People, readPeople } from './people.ts';
import { startRedis } from './redis.ts';
import { mainTexts as texts } from './texts.ts';
import { startWecom } from './wecom/server.ts';

const { values, language } = readOptions(process.argv.slice(2));
const port = Number(values.port);
if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
  console.error(texts.notPort(values.port)[language]);
  process.exit(2);
}

const file = existsSync(ownPeopleFile) ? ownPeopleFile : castFile;
const { companies } = readPeopleOrEnd();
const ours = companies.filter(({ stranger }) => !stranger);
const wecom = await startWecom({ port }).catch((error: unknown) => {
  console.error(texts.port(port, String(error))[language]);
  process.exit(1);
});
// With it the printed lines are all that a login needs, also in the local Tencent Cloud.
const redis = await startRedis({ kind: 'embedded' });
const secrets = new Map(ours.map(({ corpid }) => [corpid, randomBytes(32).toString('base64url')]));
createCast(wecom, (corpid) => secrets.get(corpid) ?? '').set({ companies, reviewers: [] });
const [first] = ours;

const start = {
  url: wecom.url,
  environment: `  WECOM_BASE_URL=${wecom.url}
  WECOM_CORPS=${[...secrets].map((pair) => pair.join(':')).join(',')}
  WECOM_APPID=${wecom.appid}
  REDIS_URL=${redis.url}`,
  file,
  members: ours.map(({ corpid, people }) => `  ${corpid}: ${people.map(describe).join(', ')}`).join('\n'),
  person: `{"corpid":"${first?.corpid}","userid":"${first?.people[0]?.userid}"}`,
};
console.log(texts.start(start)[language]);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void Promise.all([wecom.close(), redis.stop()]));
}

function describe({ userid, outOfRange, disabled }: People['companies'][number]['people'][number]): string {
  if (disabled) return texts.disabled(userid)[language];
  return outOfRange ? texts.outOfRange(userid)[language] : userid;
}

function readPeopleOrEnd(): People {
  try {
    return readPeople(file);
  } catch (error) {
    console.error(wordsOf(error)[language]);
    process.exit(2);
  }
}

function readOptions(args: string[]): { values: { port: string }; language: Language } {
  let language: Language = 'en';
  try {
    language = languageIn(args, process.env);
    const options = { port: { type: 'string', default: '8095' }, lang: { type: 'string' } } as const;
    return { values: parseArgs({ args, options }).values, language };
  } catch (error) {
    const reason = error instanceof Exit ? error.message : optionProblem(error)[language];
    console.error(`${reason}\n${texts.usage[language]}`);
    process.exit(2);
  }
}

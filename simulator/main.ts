// `npm run simulator [-- --port N]`: runs a simulated WeCom with the people of the cast, or of dev/people.json, until Ctrl-C.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { castFile, createCast, ownPeopleFile, type People, readPeople } from './people.ts';
import { startWecom } from './wecom/server.ts';

const values = readOptions();
const port = Number(values.port);
if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
  console.error(`--port ${values.port}: not a port number`);
  process.exit(2);
}

const file = existsSync(ownPeopleFile) ? ownPeopleFile : castFile;
const { companies } = readPeopleOrEnd();
const ours = companies.filter(({ stranger }) => !stranger);
const wecom = await startWecom({ port }).catch((error: unknown) => {
  console.error(`port ${port} cannot be used: ${String(error)}; choose another with --port`);
  process.exit(1);
});
const secrets = new Map(ours.map(({ corpid }) => [corpid, randomBytes(32).toString('base64url')]));
createCast(wecom, (corpid) => secrets.get(corpid) ?? '').set({ companies, reviewers: [] });
const [first] = ours;

console.log(`WeCom simulator: ${wecom.url}

For .env (new values at each start):
  WECOM_BASE_URL=${wecom.url}
  WECOM_CORPS=${[...secrets].map((pair) => pair.join(':')).join(',')}
  WECOM_APPID=${wecom.appid}

Members, from ${file}:
${ours.map(({ corpid, people }) => `  ${corpid}: ${people.map(describe).join(', ')}`).join('\n')}
Get a js_code, as from wx.qy.login:
  curl -d '{"corpid":"${first?.corpid}","userid":"${first?.people[0]?.userid}"}' ${wecom.url}/_simulator/createJsCode
See what happened: curl ${wecom.url}/_simulator/state
Press Ctrl-C to end it.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void wecom.close());

function describe({ userid, outOfRange, disabled }: People['companies'][number]['people'][number]): string {
  if (disabled) return `${userid} (disabled)`;
  return outOfRange ? `${userid} (not in the visible range)` : userid;
}

function readPeopleOrEnd(): People {
  try {
    return readPeople(file);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

function readOptions(): { port: string } {
  try {
    return parseArgs({ options: { port: { type: 'string', default: '8095' } } }).values;
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : String(error)}\nUsage: npm run simulator -- [--port N]`,
    );
    process.exit(2);
  }
}

// `node scripts/run.mjs simulator/tencent-cloud/main.ts`: runs a simulated Tencent Cloud, to try `npx sls deploy` by hand.
import { parseArgs } from 'node:util';
import { startTencentCloud } from './index.ts';
import { switchTable } from './switches.ts';

const usage = `node scripts/run.mjs simulator/tencent-cloud/main.ts [options]
  --port N            (default: 9100)
  --state FOLDER      what the account holds (default: .build/tencent-cloud)
  --switch NAME=END   one end of a doubt, a row of simulator/tencent-cloud/switches.ts; may be repeated
  --seed N            of the delays
  --speed N           how many times faster the delays are`;

const values = readOptions();
const port = Number(values.port);
if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
  console.error(`--port ${values.port}: not a port number`);
  process.exit(2);
}
const switches = Object.fromEntries(
  values.switch.map((given): [string, string] => {
    const [name = '', end = ''] = given.split('=', 2);
    return [name, end];
  }),
);
for (const [name, end] of Object.entries(switches)) {
  const ends: readonly string[] =
    Object.entries(switchTable).find(([known]) => known === name)?.[1].ends ?? [];
  if (ends.includes(end)) continue;
  console.error(
    `--switch ${name}=${end}: ${ends.length > 0 ? ends.join(' | ') : Object.keys(switchTable).join(', ')}`,
  );
  process.exit(2);
}
const secretId = 'AKIDlocal';
const secretKey = 'local-cloud-only';
const cloud = await startTencentCloud({
  port,
  stateFolder: values.state,
  secretKeys: { [secretId]: secretKey },
  switches,
  seed: Number(values.seed),
  speed: Number(values.speed),
  onCall: ({ service, action, outcome }) => console.log(`${service} ${action} ${outcome}`),
}).catch((error: unknown) => {
  console.error(`port ${port} cannot be used: ${String(error)}`);
  process.exit(1);
});
console.log(`Local Tencent Cloud: ${cloud.url}, state in ${values.state} (delete the folder for an empty account)

For .env.try, which \`npx sls deploy --stage try\` reads:
TENCENT_CLOUD_ENDPOINT=${cloud.url}
TENCENT_SECRET_ID=${secretId}
TENCENT_SECRET_KEY=${secretKey}

Call a function URL by its host name:
  curl -H 'Host: <host that sls info shows>' ${cloud.url}/health
`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cloud.stop().then(() => process.exit(0));
  });
}

function readOptions() {
  try {
    const { values: given } = parseArgs({
      options: {
        port: { type: 'string', default: '9100' },
        state: { type: 'string', default: '.build/tencent-cloud' },
        switch: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string', default: '1' },
        speed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (!given.help) return given;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}

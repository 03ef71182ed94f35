// The simulator's own HTTP interface under /_simulator/: a table of the functions of `Wecom`. It checks every input.
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { endpoints } from './answer.ts';
import type { Control } from './control.ts';

const bodyMaxBytes = 65_536;

const { exactOptional, strictObject } = z;
const text = z.string().check(z.minLength(1), z.maxLength(256));
const flag = exactOptional(z.boolean());
const ms = z.number().check(z.gte(0), z.lte(86_400_000 * 365));
const count = z.int().check(z.gte(1));
const person = { corpid: text, userid: text };
const endpoint = z.enum(endpoints);
const target = { endpoint, corpid: exactOptional(text) };
const company = { corpid: text, corpsecret: text, name: exactOptional(text), linked: flag };
const memberDetails = {
  name: exactOptional(text),
  department: exactOptional(z.array(z.int())),
  position: exactOptional(z.string()),
  status: exactOptional(z.literal([1, 2, 4, 5])),
  visible: flag,
  deleted: flag,
  further: exactOptional(z.record(z.string(), z.unknown())),
};
const status = z.int().check(z.gte(200), z.lte(599));
const common = { ...target, times: exactOptional(count) };
const replacing = { ...common, effect: flag };
const how = exactOptional(z.enum(['rst', 'fin']));

const faultSchema = z.discriminatedUnion('kind', [
  strictObject({ ...replacing, kind: z.literal('errcode'), errcode: z.int(), errmsg: exactOptional(text) }),
  strictObject({ ...replacing, kind: z.literal('html'), status }),
  strictObject({
    ...replacing,
    kind: z.literal('body'),
    body: z.string(),
    status: exactOptional(status),
    headers: exactOptional(z.record(z.string(), z.string())),
  }),
  strictObject({ ...common, kind: z.literal('fields'), fields: z.record(z.string(), z.unknown()) }),
  strictObject({ ...common, kind: z.literal(['truncated', 'stall']) }),
  strictObject({ ...common, kind: z.literal(['latency', 'drip']), ms }),
  strictObject({ ...replacing, kind: z.literal(['hang', 'endless']) }),
  z.discriminatedUnion('at', [
    strictObject({ ...replacing, kind: z.literal('cut'), at: z.literal('before'), how }),
    strictObject({ ...common, kind: z.literal('cut'), at: z.literal('mid_body'), how }),
  ]),
  strictObject({ ...replacing, kind: z.literal('redirect'), location: exactOptional(text) }),
]);

const settingsSchema = strictObject({
  gettokenMode: exactOptional(z.enum(['A', 'B', 'C', 'D'])),
  tokenLifeSeconds: exactOptional(count),
  expiresInCountsDown: flag,
  expiredTokenErrcode: exactOptional(z.literal([42001, 40014])),
  droppedTokenErrcode: exactOptional(z.literal([40014, 42001])),
  unlinkedErrcode: exactOptional(z.literal([40014, 48002])),
  usedCodeErrcode: exactOptional(z.literal([40029, 42022])),
  expiredCodeErrcode: exactOptional(z.literal([40029, 42003])),
  outOfRangeErrcode: exactOptional(z.literal([60011, 60111])),
  deletedErrcode: exactOptional(z.literal([60111, 40003])),
  gettokenPerMinuteMax: exactOptional(z.nullable(z.int().check(z.gte(0)))),
  wrongSecretMax: exactOptional(count),
  egressIp: exactOptional(text),
  deviceid: exactOptional(z.string()),
});

// zod/mini has no texts of its own. Set per call, because other code in this process uses zod too.
const inEnglish = z.locales.en().localeError;

type Verb = (wecom: Control, input: unknown) => unknown;

function verb<Schema extends z.ZodMiniType>(
  schema: Schema,
  run: (wecom: Control, input: z.output<Schema>) => unknown,
): Verb {
  return (wecom, input) => {
    const parsed = schema.safeParse(input, { error: inEnglish });
    if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
    return run(wecom, parsed.data);
  };
}

const verbs: Record<string, Verb> = {
  addCompany: verb(strictObject(company), (wecom, input) => wecom.addCompany(input)),
  addApp: verb(strictObject(company), (wecom, input) => wecom.addApp(input)),
  updateCompany: verb(
    strictObject({
      corpid: text,
      corpsecret: exactOptional(text),
      linked: flag,
      stopped: flag,
      ipTrusted: flag,
    }),
    (wecom, { corpid, ...changes }) => wecom.updateCompany(corpid, changes),
  ),
  addMember: verb(strictObject({ ...memberDetails, ...person, name: text }), (wecom, input) =>
    wecom.addMember(input),
  ),
  updateMember: verb(strictObject({ ...memberDetails, ...person }), (wecom, { corpid, userid, ...changes }) =>
    wecom.updateMember(corpid, userid, changes),
  ),
  setDepartment: verb(
    strictObject({ corpid: text, id: count, name: text, parentid: z.int().check(z.gte(0)), visible: flag }),
    (wecom, input) => wecom.setDepartment(input),
  ),
  setTag: verb(
    strictObject({
      corpid: text,
      tagid: count,
      tagname: exactOptional(text),
      userids: exactOptional(z.array(text)),
      departments: exactOptional(z.array(count)),
    }),
    (wecom, input) => wecom.setTag(input),
  ),
  createJsCode: verb(strictObject(person), (wecom, input) => ({ js_code: wecom.createJsCode(input) })),
  encryptUserData: verb(
    strictObject({ ...person, fields: z.record(z.string(), z.unknown()) }),
    (wecom, { fields, ...who }) => wecom.encryptUserData(who, fields),
  ),
  dropTokens: verb(strictObject({ corpid: text }), (wecom, { corpid }) => wecom.dropTokens(corpid)),
  liftBan: verb(strictObject({}), (wecom) => wecom.liftBan()),
  set: verb(settingsSchema, (wecom, changes) => wecom.set(changes)),
  advanceMs: verb(strictObject({ ms }), (wecom, input) => wecom.advanceMs(input.ms)),
  fault: verb(faultSchema, (wecom, fault) => wecom.fault(fault)),
  clearFaults: verb(strictObject({ endpoint: exactOptional(endpoint) }), (wecom, input) =>
    wecom.clearFaults(input.endpoint),
  ),
  hold: verb(
    strictObject({ ...target, position: exactOptional(z.enum(['before', 'after'])) }),
    (wecom, { position, ...who }) => {
      wecom.hold(who, position);
    },
  ),
  release: verb(strictObject({ endpoint: exactOptional(endpoint) }), (wecom, input) =>
    wecom.release(input.endpoint),
  ),
  closeIdleSockets: verb(strictObject({ how: z.enum(['fin', 'rst']) }), (wecom, input) => ({
    closed: wecom.closeIdleSockets(input.how),
  })),
  reset: verb(strictObject({}), (wecom) => wecom.reset()),
};

/** Handles `GET /_simulator/state` and `POST /_simulator/<verb>`. Returns 400 for any wrong input. */
export async function serveAdmin(
  wecom: Control,
  name: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const send = (status: number, body: unknown) => {
    res.writeHead(status, { 'Content-Type': 'application/json; charset=UTF-8' });
    res.end(`${JSON.stringify(body)}\n`);
  };
  try {
    const body = await readBody(req);
    if (name === 'state' && req.method === 'GET') return send(200, wecom.state());
    const run = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (!run) return send(404, { error: `no verb ${name}; there are: ${Object.keys(verbs).join(', ')}` });
    if (req.method !== 'POST') return send(405, { error: `POST /_simulator/${name}` });
    return send(200, run(wecom, body === '' ? {} : JSON.parse(body)) ?? {});
  } catch (error) {
    return send(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyMaxBytes) throw new Error(`body over ${bodyMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

// Random histories of the client: the calls of pages, the behaviour of wx and the network, and the member's actions.
import fc from 'fast-check';

/** Undocumented ways in which a function of wx calls back, or does not. */
export const oddities = [
  'late',
  'never',
  'throws',
  'throws nothing',
  'fail()',
  'fail(null)',
  'fail(text)',
  'fail(object)',
  'fail(Error)',
  'fail(odd errMsg)',
  'success()',
  'success(null)',
  'success(text)',
  'success({})',
  'success(odd types)',
  'fail then success',
  'success then fail',
  'success twice',
  'promise rejects',
] as const;
export type Oddity = (typeof oddities)[number];

const failures = [
  'interrupted',
  'timeout',
  '',
  '请求超时。',
  '此服务器的证书无效',
  '似乎已断开与互联网的连接',
  'url not in domain list',
] as const;

/** A request that does not arrive, a lost response, and responses in other forms. */
export type Transport = `${'unsent' | 'lost'}: ${(typeof failures)[number]}` | (typeof shapes)[number];
const shapes = ['status as text', 'data as text', 'no headers', 'no task', 'abort throws'] as const;
const transports: Transport[] = failures.flatMap((reason): Transport[] => [
  `unsent: ${reason}`,
  `lost: ${reason}`,
]);
transports.push(...shapes);

const scf = (statusCode: number, status = statusCode): [number, unknown] => [
  status,
  { errorCode: statusCode, errorMessage: 'it did not run', requestId: 'scf-1' },
];
const html = '<html><title>Hotel WiFi</title></html>';

/** Responses of others instead of the login function: status, body, and Retry-After. */
export const answersInstead = {
  'html 200': [200, html],
  'html 502': [502, html],
  'html 504': [504, html],
  'platform 200': scf(-1, 200),
  'platform 432': scf(432),
  'platform 433': scf(433),
  'platform 443': scf(443),
  'own 401': [401, { error: 'wrong_pin' }],
  'bare 401': [401, ''],
  invalid_session: [401, { error: 'invalid_session' }],
  login_again: [409, { error: 'login_again', corpid: 'wwcorpa0000000001' }],
  member_not_allowed: [403, { error: 'member_not_allowed', request_id: 'r-1' }],
  'wait 1': [503, { error: 'temporarily_unavailable' }, '1'],
  'wait 60': [429, { error: 'rate_limited' }, '60'],
  wait: [503, { error: 'temporarily_unavailable' }],
  number: [200, 7],
  '204': [204, ''],
} satisfies Record<string, [status: number, body: unknown, retryAfter?: string]>;
export type AnswerInstead = keyof typeof answersInstead;

export const storageFaults = ['get throws', 'set throws', 'junk', 'other company', 'no company'] as const;
const qyFates = [...oddities, 'junk code', 'absent', 'without functions'] as const;
const operations = [
  'login',
  'get',
  'post',
  'full',
  'upload',
  'download',
  'socket',
  'abort',
  'userdata',
  'mobile',
  'logout',
  'logout everywhere',
  'reviewer',
  'offered',
  'environment',
  'session',
] as const;
const happenings = ['hide', 'show', 'hour ahead', 'hour back', 'session ends', 'all settles'] as const;

export type QyFate = (typeof qyFates)[number];
export type RequestFate = Oddity | Transport | AnswerInstead;
export type SystemInfoFate = Oddity | 'elsewhere';
export type StorageFault = (typeof storageFaults)[number];
export type Operation = (typeof operations)[number];

/** `qy`, `request`, `systemInfo` and `storage` decide what happens to the next call of that kind. */
export type Step =
  | { call: Operation }
  | { qy: QyFate }
  | { request: RequestFate }
  | { systemInfo: SystemInfoFate }
  | { storage: StorageFault }
  | { happens: (typeof happenings)[number] }
  | { passMs: number };

export interface History {
  inWecom: boolean;
  /** Whether wx reports that the mini-program is visible again. */
  tellsShow: boolean;
  steps: Step[];
}

const step = <Name extends string, Value>(weight: number, name: Name, values: fc.Arbitrary<Value>) => ({
  weight,
  arbitrary: values.map((value) => ({ [name]: value }) as Record<Name, Value>),
});
const oneOf = <Value>(...values: readonly Value[]) => fc.constantFrom(...values);
const requestFates: RequestFate[] = [
  ...oddities,
  ...transports,
  ...(Object.keys(answersInstead) as AnswerInstead[]),
];
const mostly = (wanted: number) => fc.integer({ min: 0, max: 9 }).map((drawn) => drawn < wanted);

export const histories: fc.Arbitrary<History> = fc.record({
  inWecom: mostly(9),
  tellsShow: mostly(7),
  steps: fc.array(
    fc.oneof(
      step(6, 'call', oneOf(...operations)),
      step(1, 'qy', oneOf(...qyFates)),
      step(2, 'request', oneOf(...requestFates)),
      step(1, 'systemInfo', oneOf<SystemInfoFate>(...oddities, 'elsewhere')),
      step(1, 'storage', oneOf(...storageFaults)),
      step(3, 'happens', oneOf(...happenings)),
      step(1, 'passMs', fc.integer({ min: 1, max: 20_000 })),
    ),
    { minLength: 1, maxLength: 24, size: 'max' },
  ),
});

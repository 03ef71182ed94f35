import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Redis } from '../../lib/redis.ts';
import type { TokenStore } from '../../lib/token-store.ts';
import type * as Heart from './heart.ts';
import { type Answer, type Copy, createModel, type KeyName, sealedOf, type Step } from './model.ts';
import { type Data, type Lua, RedisAnswer, runCommand } from './redis-data.ts';

/** A Redis whose time can be made to pass. */
export interface Backend {
  redis: Redis;
  /** Takes `ms` off the life of every key; returns by how much it made the times in them older. */
  pass(keys: readonly string[], ms: number): Promise<number>;
}

const keyNames: readonly KeyName[] = ['tok', 'lease', 'neg', 'fails', 'rejects', 'calls'];
const owners = ['ann:1', 'bob:1', 'bob:2'];
const fingerprints = ['aa', 'bb', 'cc'];
/** A history during which so much real time passed proves nothing: a pause may have ended on its own. */
const realMsMax = 1000;
/** Redis counts on while we compare. */
const slackMs = 1500;

const owner = fc.constantFrom(...owners);
const fingerprint = fc.constantFrom(...fingerprints);
const copies: readonly Copy[] = [1, 2];
const sealed = fingerprints.flatMap((print) => copies.map((copy) => sealedOf(print, copy)));
const pause = fc.constantFrom({ baseMs: 60_000, capMs: 600_000 }, { baseMs: 3000, capMs: 30_000 });

/** More of what moves a record on; few enough names that steps meet. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('begin'),
      owner,
      unusable: fc.constantFrom('', ...sealed),
      aheadMs: fc.constantFrom(60_000, 1_200_000),
      // Such as 6 s ago, when 7 s pass between two steps.
      acceptedMsAgo: fc.constantFrom(3000, 10_000, 1_000_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('commit'),
      owner,
      fingerprint,
      copy: fc.constantFrom(...copies),
      ttlMs: fc.constantFrom(30_000, 510_000, 7_200_000),
      afterRefusal: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(owner, pause).map(([name, ms]): Step => ({ do: 'fail', owner: name, ...ms })),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('giveUp'), owner, fingerprint }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('confirm'), fingerprint }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unend'), ms: fc.constantFrom(0, 3_600_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(7000, 65_000, 455_000, 1_900_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('lose', 'spoil'), key: fc.constantFrom(...keyNames) }),
  },
);

/** What mostly follows a lease: a history of single steps seldom comes far. */
const outcome = fc.constantFrom('another token', 'the same token', 'failure');
const fetched = fc.tuple(owner, fingerprint, outcome, pause).map(([name, print, what, ms]): Step[] => {
  const commit = { do: 'commit', owner: name, copy: 2, afterRefusal: true } as const;
  const after: Record<typeof what, Step> = {
    'another token': { ...commit, fingerprint: print === 'aa' ? 'bb' : 'aa', ttlMs: 510_000 },
    'the same token': { ...commit, fingerprint: print, ttlMs: 7_200_000 },
    failure: { do: 'fail', owner: name, ...ms },
  };
  return [
    { do: 'begin', owner: name, unusable: sealedOf(print, 1), aheadMs: 60_000 },
    after[what],
    { do: 'pass', ms: 7000 },
  ];
});
/** A token that is refused to two calls while gettoken fails. */
const givenUp = fc.tuple(fingerprint, pause).map(([print, ms]): Step[] => {
  const mine = { owner: 'ann:1', fingerprint: print, unusable: sealedOf(print, 1) };
  return [
    { do: 'begin', ...mine, aheadMs: 60_000 },
    { do: 'commit', ...mine, copy: 1, ttlMs: 7_200_000, afterRefusal: true },
    { do: 'giveUp', ...mine },
    { do: 'begin', ...mine, aheadMs: 60_000 },
    { do: 'fail', ...mine, ...ms },
    { do: 'giveUp', ...mine, owner: 'bob:1' },
  ];
});
const steps = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: step.map((single) => [single]) },
      { weight: 1, arbitrary: fetched },
      { weight: 1, arbitrary: givenUp },
    ),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  .map((parts) => parts.flat());

/** Runs random histories on `backend`; throws, with seed and path, when an answer is not the model's. */
export async function compareWithModel(
  heart: typeof Heart,
  backend: Backend,
  runs: number,
  seed?: number,
): Promise<void> {
  const history = fc.asyncProperty(steps, async (all) => {
    const kid = randomBytes(8).toString('hex');
    const keys = keyNames.map((name) => `wxt1:{${kid}}:${name}`);
    const store = heart.createTokenStore(backend.redis, kid);
    const model = createModel();
    const generations: number[] = [];
    let olderMs = 0;
    const startedAt = performance.now();
    for (const [index, next] of all.entries()) {
      const answer = await perform(backend, store, keys, next, (ms) => (olderMs += ms));
      const expected = model.step(next);
      if (performance.now() - startedAt > realMsMax || model.isClose()) return;
      const difference = compare(answer, expected, generations, olderMs * 1000);
      if (difference) throw new Error(`step ${index} ${JSON.stringify(next)}: ${difference}`);
    }
  });
  await fc.assert(history, { numRuns: runs, ...(seed !== undefined && { seed }) });
}

async function perform(
  { redis, pass }: Backend,
  store: TokenStore,
  keys: readonly string[],
  step: Step,
  onOlder: (ms: number) => void,
): Promise<Answer> {
  switch (step.do) {
    case 'begin':
      return store.begin(step.owner, step.unusable, step.aheadMs, step.acceptedMsAgo);
    case 'commit': {
      const { fingerprint, copy, ttlMs } = step;
      const token = { fingerprint, sealed: sealedOf(fingerprint, copy), ttlMs };
      return store.commit(step.owner, token, step.afterRefusal);
    }
    case 'fail':
      return { pauseMs: await store.fail(step.owner, 'because', step) };
    case 'giveUp':
      return { pauseMs: await store.giveUp(step.owner, step.fingerprint) };
    case 'confirm':
      await store.confirm(step.fingerprint);
      return undefined;
    case 'unend': {
      const [, lease = ''] = keys;
      const [ttl] = await redis.pipeline([['pttl', lease]]);
      if (Number(ttl) <= 0) return undefined;
      const [value] = await redis.pipeline([['get', lease]]);
      await redis.pipeline([['set', lease, String(value), ...(step.ms > 0 ? ['PX', step.ms] : [])]]);
      return undefined;
    }
    case 'read':
      return { record: await store.read() };
    case 'pass':
      onOlder(await pass(keys, step.ms));
      return undefined;
    case 'lose':
    case 'spoil': {
      const key = keys[keyNames.indexOf(step.key)] ?? '';
      await redis.pipeline([['del', key]]);
      if (step.do === 'spoil') {
        await redis.pipeline([step.key === 'tok' ? ['set', key, 'x'] : ['hset', key, 'x', 'y']]);
      }
      return undefined;
    }
  }
}

const approximate = new Set(['generation', 'ttlMs', 'waitMs', 'pauseMs']);

/** Times may differ by a little, generations must grow alike; all else is equal. */
function compare(
  answer: Answer,
  expected: Answer,
  generations: number[],
  olderUs: number,
): string | undefined {
  const plain = (value: Answer): unknown =>
    JSON.parse(JSON.stringify(value ?? null, (key, part: unknown) => (approximate.has(key) ? 0 : part)));
  if (!isDeepStrictEqual(plain(answer), plain(expected))) {
    return `answered ${JSON.stringify(answer)} instead of ${JSON.stringify(expected)}`;
  }
  for (const name of ['ttlMs', 'waitMs', 'pauseMs'] as const) {
    const [is, should] = [numberIn(answer, name), numberIn(expected, name)];
    if (is !== undefined && should !== undefined && Math.abs(is - should) > slackMs) {
      return `${name} is ${is} instead of ${should}`;
    }
  }
  const [found, should] = [numberIn(answer, 'generation'), numberIn(expected, 'generation')];
  if (found === undefined || should === undefined) return undefined;
  const is = found + olderUs;
  const isNew = generations[should] === undefined;
  const newest = Math.max(0, ...generations.filter((known) => known !== undefined));
  if (isNew && is <= newest) return `generation ${is} after ${newest}`;
  if (!isNew && generations[should] !== is) return `generation ${is} instead of ${generations[should]}`;
  generations[should] = is;
  return undefined;
}

function numberIn(answer: Answer, name: string): number | undefined {
  const record = answer && 'record' in answer ? answer.record : undefined;
  const value = Object.entries({ ...record, ...answer }).find(([key]) => key === name)?.[1];
  return typeof value === 'number' ? value : undefined;
}

/** The data and the Lua of the simulation, without any wait. */
export function virtualBackend(heart: typeof Heart, lua: Lua): Backend {
  let nowMs = 1_767_225_600_000;
  const data: Data = new Map();
  const redis = { data, nowMs: () => nowMs, refuse: () => undefined };

  function answered<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof RedisAnswer)) throw error;
      throw new heart.RedisError(error.message.startsWith('WRONGTYPE') ? 'wrong_type' : 'error_answer');
    }
  }

  const pipeline: Redis['pipeline'] = async (commands) =>
    commands.map(([name, ...args]) => answered(() => runCommand(redis, name, args.map(String))));

  return {
    redis: {
      pipeline,
      read: pipeline,
      script: async (script, keys, args) => {
        nowMs += 1;
        return answered(() => lua.run(redis, script.lua, keys, args.map(String)));
      },
      close() {},
    },
    async pass(_, ms) {
      nowMs += ms;
      return 0;
    },
  };
}

/** Any Redis: its keys are made to end sooner. */
export function backendOf(redis: Redis): Backend {
  return {
    redis,
    async pass(keys, ms) {
      const lives = await redis.pipeline(keys.map((key) => ['pttl', key]));
      await redis.pipeline(
        keys.map((key, index) => {
          const leftMs = Number(lives[index]);
          return leftMs > ms ? ['pexpire', key, leftMs - ms] : ['pttl', key];
        }),
      );
      const over = keys.filter((_, index) => Number(lives[index]) >= 0 && Number(lives[index]) <= ms);
      if (over.length > 0) await redis.pipeline(over.map((key) => ['del', key]));
      await shiftTimes(redis, keys, ms);
      return ms;
    },
  };
}

/** What is stored as a time, and not as a life, grows older too. */
async function shiftTimes(redis: Redis, keys: readonly string[], ms: number): Promise<void> {
  const [tok = '', calls = ''] = [keys[keyNames.indexOf('tok')], keys[keyNames.indexOf('calls')]];
  const [types, left] = [
    await redis.pipeline([
      ['type', tok],
      ['type', calls],
    ]),
    await redis.pipeline([['pttl', calls]]),
  ];
  if (types[0] === 'hash') {
    for (const field of ['g', 'p']) {
      const [time] = await redis.pipeline([['hget', tok, field]]);
      if (typeof time !== 'string' || time === '') continue;
      await redis.pipeline([['hset', tok, field, String(Number(time) - ms * 1000)]]);
    }
  }
  if (types[1] === 'string') {
    const [times] = await redis.pipeline([['get', calls]]);
    const earlier = String(times).replaceAll(/\d{13}/g, (time) => String(Number(time) - ms));
    await redis.pipeline([['set', calls, earlier, 'PX', Math.max(1, Number(left[0]))]]);
  }
}

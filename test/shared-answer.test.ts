import { expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import type { Redis } from '../lib/redis.ts';
import { createSharedAnswer, type Directory } from '../lib/shared-answer.ts';

// With the sources, because a question through the front door ends after 2 s: here it waits for as long as the test does.
test('an answer that is asked for again › the old one is used meanwhile; only the request that asks waits', async () => {
  let wallMs = Date.now();
  const questions: ((answer: string) => void)[] = [];
  const redis = { script: async () => [1, null], pipeline: async () => [] } as unknown as Redis;
  const corp = { corpid: 'ww1', corpsecret: 'corpsecret' };
  const directory = {
    redis,
    encryptionKeys: [Buffer.alloc(32)],
    limits: { recheckSeconds: 600, graceSeconds: 1800 },
    clock: { ...systemClock, wallMs: () => wallMs },
    log: () => undefined,
  } as unknown as Directory;
  const ask = () => new Promise<string>((resolve) => void questions.push(resolve));
  const asked = async (count: number) => {
    await expect.poll(() => questions.length).toBe(count);
    return questions[count - 1];
  };
  const answer = createSharedAnswer({ what: 'test', ask, read: (stored: string) => stored }, directory);
  const find = () => answer(corp);

  const [first, second] = [find(), find()];
  (await asked(1))?.('old');
  expect(await Promise.all([first, second])).toEqual(['old', 'old']);

  wallMs += 700_000;
  const asking = find();
  const third = await asked(2);
  expect(await find()).toBe('old');
  third?.('new');
  expect([await asking, await find(), questions.length]).toEqual(['new', 'new', 2]);
});

// The demo's Redis: the one of `REDIS_URL` if it is set, else an embedded one.
import { systemClock } from '../lib/clock.ts';
import { readRefreshConfig } from '../lib/config.ts';
import { ConfigError } from '../lib/environment.ts';
import { createRedis } from '../lib/redis.ts';
import { startRedis } from '../simulator/redis.ts';
import { problemTexts } from '../scripts/environment-problems.ts';
import type { Bilingual } from '../scripts/language.ts';
import { redisTexts, troubleTexts } from './texts.ts';
import { Trouble } from '../scripts/trouble.ts';

/** A running Redis. */
export interface DemoRedis {
  url: string;
  /** A description for the screen, without the password. */
  description: Bilingual;
  /** Only for an embedded one: a given one may hold other data. */
  empty?: () => Promise<void>;
  stop: () => Promise<void>;
}

/** @throws Trouble if `givenUrl` is malformed or its Redis does not answer */
export async function startDemoRedis(givenUrl: string | undefined): Promise<DemoRedis> {
  if (givenUrl) return givenRedis(givenUrl);
  const { url, flush, stop } = await startRedis({ kind: 'embedded' });
  return { url, description: redisTexts.embedded(url), empty: flush, stop };
}

async function givenRedis(url: string): Promise<DemoRedis> {
  const address = addressOf(url);
  const at = `${address.host}:${address.port}`;
  const redis = createRedis(address, systemClock, () => undefined);
  try {
    await redis.pipeline([['ping']]);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('redis: ', '') : String(error);
    throw new Trouble(troubleTexts.redisDead(at, reason));
  } finally {
    redis.close();
  }
  return { url, description: redisTexts.given(at), stop: () => Promise.resolve() };
}

/** Reads it as the functions do, so that the demo refuses the same values. */
function addressOf(url: string) {
  try {
    return readRefreshConfig({
      REDIS_URL: url,
      REDIS_CA: process.env['REDIS_CA'],
      WECOM_CORPS: 'wwdemo:secret',
      ENCRYPTION_KEY: Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64url'),
    }).redis;
  } catch (error) {
    throw error instanceof ConfigError
      ? new Trouble(problemTexts(error.problems, { en: '; ', zh: '；' }))
      : error;
  }
}

// The shared access_token as tests see and change it: in Redis, and by what WeCom was asked.
import type { World } from './world.ts';

/** How often WeCom was asked for one, of a company or of all. */
export const gettokens = (world: World, corpid?: string): number => world.wecom.counts(corpid).gettoken;

/** The record of one in Redis. */
export async function tokenRecord(world: World) {
  const [found] = await tokenRecords(world);
  return found ?? { key: '', fields: {}, ttlMs: 0 };
}

/** One for each company. */
export async function tokenRecords(world: World) {
  return (await world.redisContents()).filter(({ key }) => key.endsWith(':tok'));
}

/** Ends all pauses of gettoken and forgets how often it was called, as waiting would. */
export async function endPauses(world: World): Promise<void> {
  for (const { key } of await world.redisContents()) {
    if (/:(neg|calls)$/.test(key)) await world.redisCommand('DEL', key);
  }
}

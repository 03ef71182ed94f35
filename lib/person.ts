import { createHash } from 'node:crypto';
import { available, defineScript, type Redis } from './redis.ts';

/** userid in any case: WeCom does not tell `Bottle` from `bottle`. A reviewer has no corpid: `''`. */
export interface Person {
  corpid: string;
  userid: string;
}

export interface Member extends Person {
  name: string;
  department: number[];
  position: string;
}

/** The Redis hash that holds all sessions of a person. */
export function sessionsKey(person: Person): string {
  return `wxs1:{${personId(person)}}`;
}

/** Held by whoever asks WeCom about this person again. */
export function checkKey(person: Person): string {
  return `${sessionsKey(person)}:check`;
}

/** How a person is called in keys and tokens: 128 bits of SHA-256, 22 characters; NUL cannot occur in either part. */
export function personId({ corpid, userid }: Person): string {
  const identity = `${corpid}\0${userid.toLowerCase()}`;
  return createHash('sha256').update(identity).digest().subarray(0, 16).toString('base64url');
}

/** KEYS sessions of a person */
const endAllScript = defineScript(`
local n = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], 'member')
redis.call('DEL', KEYS[1])
return n`);

/** Ends all sessions of a person; needs no encryption key. Rejects with `temporarily_unavailable`. */
export async function endAllSessions(redis: Redis, person: Person): Promise<number> {
  return Number(await available(redis.script(endAllScript, [sessionsKey(person)], [])));
}

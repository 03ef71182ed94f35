import { LuaWasmEngine } from 'lua-redis-wasm';

/** What Redis holds: keys with an end, read against a clock that is given. Values are never changed in place. */
export interface Entry {
  value: string | ReadonlyMap<string, string>;
  /** By the clock of Redis; absent = never. */
  endsAtMs?: number;
}

export type Data = Map<string, Entry>;

export interface RedisData {
  data: Data;
  nowMs: () => number;
  /** Answers why a command may not run now, or `undefined`. */
  refuse: (name: string, firstWrite: boolean) => string | undefined;
}

/** An error answer of Redis, such as `READONLY …`. */
export class RedisAnswer extends Error {
  override readonly name = 'RedisAnswer';
}

const writes = new Set(['SET', 'DEL', 'HSET', 'HDEL', 'PEXPIRE']);

export function entryOf(redis: RedisData, key: string): Entry | undefined {
  const entry = redis.data.get(key);
  if (entry?.endsAtMs !== undefined && entry.endsAtMs <= redis.nowMs()) return undefined;
  return entry;
}

/** -2 without the key, -1 without an end, as PTTL. */
export function ttlOf(redis: RedisData, key: string): number {
  const entry = entryOf(redis, key);
  if (!entry) return -2;
  return entry.endsAtMs === undefined ? -1 : entry.endsAtMs - redis.nowMs();
}

export function stringOf(redis: RedisData, key: string): string | undefined {
  const value = entryOf(redis, key)?.value;
  return typeof value === 'string' ? value : undefined;
}

export function hashOf(redis: RedisData, key: string): ReadonlyMap<string, string> | undefined {
  const value = entryOf(redis, key)?.value;
  return typeof value === 'object' ? value : undefined;
}

type Reply = string | number | null | Reply[] | { status: string };

function typed(redis: RedisData, key: string, type: 'string' | 'hash'): Entry | undefined {
  const entry = entryOf(redis, key);
  if (entry && typeof entry.value !== (type === 'hash' ? 'object' : 'string')) {
    throw new RedisAnswer('WRONGTYPE Operation against a key holding the wrong kind of value');
  }
  return entry;
}

function milliseconds(text: string | undefined): number {
  if (text === undefined || !/^-?\d+$/.test(text)) {
    throw new RedisAnswer('ERR value is not an integer or out of range');
  }
  return Number(text);
}

function hashFields(redis: RedisData, key: string): ReadonlyMap<string, string> {
  const value = typed(redis, key, 'hash')?.value;
  return typeof value === 'object' ? value : new Map();
}

/** The commands our scripts use; an unknown one is a mistake in the simulation, not a fault to live with. */
const commands: Record<string, (redis: RedisData, key: string, args: string[]) => Reply> = {
  TYPE(redis, key) {
    const entry = entryOf(redis, key);
    if (!entry) return { status: 'none' };
    return { status: typeof entry.value === 'string' ? 'string' : 'hash' };
  },
  GET(redis, key) {
    const value = typed(redis, key, 'string')?.value;
    return typeof value === 'string' ? value : null;
  },
  SET(redis, key, [value = '', px, ms]) {
    if (px !== undefined && px.toUpperCase() !== 'PX') throw new Error(`SET ${px} is not simulated`);
    const lifeMs = px === undefined ? undefined : milliseconds(ms);
    if (lifeMs !== undefined && lifeMs <= 0)
      throw new RedisAnswer("ERR invalid expire time in 'set' command");
    redis.data.set(key, { value, ...(lifeMs !== undefined && { endsAtMs: redis.nowMs() + lifeMs }) });
    return { status: 'OK' };
  },
  DEL(redis, key, more) {
    let deleted = 0;
    for (const name of [key, ...more]) {
      if (entryOf(redis, name)) deleted += 1;
      redis.data.delete(name);
    }
    return deleted;
  },
  HGET: (redis, key, [field = '']) => hashFields(redis, key).get(field) ?? null,
  HMGET(redis, key, fields) {
    const hash = hashFields(redis, key);
    return fields.map((field) => hash.get(field) ?? null);
  },
  HSET(redis, key, pairs) {
    const hash = new Map(hashFields(redis, key));
    for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i] ?? '', pairs[i + 1] ?? '');
    redis.data.set(key, { ...entryOf(redis, key), value: hash });
    return pairs.length / 2;
  },
  HDEL(redis, key, fields) {
    const hash = new Map(hashFields(redis, key));
    const deleted = fields.filter((field) => hash.delete(field)).length;
    if (deleted > 0) redis.data.set(key, { ...entryOf(redis, key), value: hash });
    return deleted;
  },
  PTTL: (redis, key) => ttlOf(redis, key),
  PEXPIRE(redis, key, [ms]) {
    const entry = entryOf(redis, key);
    if (!entry) return 0;
    redis.data.set(key, { value: entry.value, endsAtMs: redis.nowMs() + milliseconds(ms) });
    return 1;
  },
  TIME(redis) {
    const now = redis.nowMs();
    return [`${Math.floor(now / 1000)}`, `${Math.floor((now % 1000) * 1000)}`];
  },
};

/** Runs one command; throws `RedisAnswer` where Redis replies with an error. */
export function runCommand(redis: RedisData, name: string, args: string[], firstWrite = true): Reply {
  const command = commands[name.toUpperCase()];
  if (!command) throw new Error(`${name} is not simulated`);
  const refused = redis.refuse(name.toUpperCase(), firstWrite);
  if (refused !== undefined) throw new RedisAnswer(refused);
  const [key = '', ...rest] = args;
  return command(redis, key, rest);
}

export interface Lua {
  /** Runs a script atomically, as Redis does; throws `RedisAnswer`. */
  run(redis: RedisData, lua: string, keys: readonly string[], args: readonly string[]): unknown;
}

/** Redis' own Lua 5.1, with the commands above behind `redis.call`. */
export async function createLua(): Promise<Lua> {
  let current: RedisData | undefined;
  let wrote = false;
  /** A failure of the simulation itself, which Lua would otherwise turn into an answer. */
  let bug: unknown;

  function call(args: Buffer[]): ReturnType<typeof encode> {
    const [name = '', ...rest] = args.map((arg) => arg.toString());
    if (!current) throw new Error('no data');
    try {
      const reply = runCommand(current, name, rest, !wrote);
      if (writes.has(name.toUpperCase())) wrote = true;
      return encode(reply);
    } catch (error) {
      if (!(error instanceof RedisAnswer)) bug = error;
      return { err: Buffer.from(error instanceof Error ? error.message : 'ERR') };
    }
  }

  const engine = await LuaWasmEngine.create({
    host: { redisCall: call, redisPcall: call, log: () => {} },
    redisProps: { replicate_commands: { returns: true } },
  });

  return {
    run(redis, lua, keys, args) {
      current = redis;
      wrote = false;
      bug = undefined;
      const toBuffers = (list: readonly string[]) => list.map((text) => Buffer.from(text));
      const reply: unknown = decode(engine.evalWithArgs(lua, toBuffers(keys), toBuffers(args)));
      if (bug !== undefined) throw bug;
      return reply;
    },
  };
}

type Encoded = Buffer | number | null | { ok: Buffer } | { err: Buffer } | Encoded[];

function encode(reply: Reply): Encoded {
  if (reply === null || typeof reply === 'number') return reply;
  if (typeof reply === 'string') return Buffer.from(reply);
  if (Array.isArray(reply)) return reply.map(encode);
  return { ok: Buffer.from(reply.status) };
}

function decode(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (Array.isArray(reply)) return reply.map(decode);
  if (typeof reply === 'object' && reply !== null) {
    if ('ok' in reply) return String(reply.ok);
    if ('err' in reply)
      throw new RedisAnswer(
        `${'code' in reply ? `${String(reply.code)} ` : ''}${String(reply.err)} script: …, on @user_script:1.`,
      );
  }
  return reply;
}

export function isWrite(name: string): boolean {
  return writes.has(name);
}

import { randomBytes } from 'node:crypto';
import { invokeFunction } from '../simulator/functions.ts';
import { movableClock } from './clock.ts';
import { tellUnsubscribe, verifyCallback } from './wecom-callback.ts';
import { corpid, from, otherCorpid, startWorld } from './world.ts';

/** Causes every kind of trouble, one after the other, in its own world. Returns all log lines of the functions. */
export async function troubledDay(): Promise<Record<string, unknown>[]> {
  const world = await startWorld();
  const { wecom } = world;
  const clock = movableClock(world);
  const login = await clock.startLogin({ SESSION_IDLE_SECONDS: '86400' });
  const enter = (js_code: string, id = corpid, to = login) => to.login({ js_code, corpid: id }, from());
  const newCode = (visible = true) => world.jsCode(world.addMember({ visible }));
  const refuse = (endpoint: 'jscode2session' | 'user/get', errcode: number, times = 1) =>
    wecom.fault({ endpoint, kind: 'errcode', errcode, times });

  const leaver = world.addMember();
  const { body } = await enter(world.jsCode(leaver));
  for (let sessions = 0; sessions < 6; sessions += 1) await enter(world.jsCode());
  await enter(newCode(false));
  await enter(world.jsCode('Anna', 'wwstranger0000001'));
  await enter(world.jsCode('ZhangSan', otherCorpid));

  wecom.fault({ endpoint: 'jscode2session', kind: 'fields', fields: { userid: '' }, times: 1 });
  await enter(newCode());
  wecom.fault({ endpoint: 'user/get', kind: 'fields', fields: { status: {} }, times: 1 });
  await enter(newCode());

  wecom.dropTokens(corpid);
  await enter(newCode());
  refuse('user/get', -1, 3);
  await enter(newCode());
  refuse('user/get', 48_002);
  await enter(newCode());
  // Mode A returns the same token again. If that is refused too, a call gives up; after two such calls gettoken rests.
  refuse('jscode2session', 40_014, 4);
  await enter(newCode());
  await enter(newCode());
  await restart();
  wecom.set({ tokenLifeSeconds: 30 });
  wecom.dropTokens(corpid);
  await enter(newCode());
  wecom.set({ tokenLifeSeconds: 7200 });
  refuse('jscode2session', 45_009);
  await enter(newCode());
  wecom.updateCompany(otherCorpid, { corpsecret: `reset-${randomBytes(9).toString('hex')}` });
  await enter(world.jsCode('ZhangSan', otherCorpid), otherCorpid);

  const second = await clock.startLogin({ SESSION_IDLE_SECONDS: '86400' });
  clock.advanceSeconds(700);
  refuse('user/get', 60_020, 2);
  await second.withSession('GET', '/session', body['session_token']);
  clock.advanceSeconds(10);
  await enter(newCode(), corpid, second);

  const callback = await world.startCallback();
  await verifyCallback(world, callback);
  await callback.logOf(await tellUnsubscribe(world, callback, leaver));

  const invocations = [
    await world.refresh(),
    await world.refresh({}, { httpMethod: 'GET', headers: {} }),
    await world.admin({ action: 'end', corpid, userid: 'ZhangSan' }),
    await invokeFunction('refresh', {}, {}),
  ];
  const withoutRedis = await world.startLogin({ REDIS_URL: 'redis://127.0.0.1:1' });
  await withoutRedis.logOf(await enter(newCode(), corpid, withoutRedis));
  for (const running of [login, second]) await running.logOf(await running.send('GET', '/health'));
  const all = [login, second, callback, withoutRedis, ...invocations].flatMap(({ lines }) => lines);
  // The runtime also writes what a function threw, which is no line of the log.
  return all.filter((line) => line.startsWith('{')).map((line): Record<string, unknown> => JSON.parse(line));

  /** Forgets the trouble so far. */
  async function restart(): Promise<void> {
    wecom.clearFaults();
    const keys = (await world.redisContents()).filter(({ key }) =>
      /^wxt1:.*:(tok|neg|rejects|calls)$/.test(key),
    );
    for (const { key } of keys) await world.redisCommand('DEL', key);
  }
}

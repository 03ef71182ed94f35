// What WeCom sends to the 接收消息 URL of the first company.
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { type Answer, corpid, type Login, type World } from './world.ts';

function signed(world: World, message: string) {
  const { token = '', encodingAESKey = '' } = world.callbacks[corpid] ?? {};
  return signedCallback({ corpid, token, encodingAESKey }, message);
}

/** Verifies the URL, as WeCom does. */
export function verifyCallback(world: World, callback: Login): Promise<Answer> {
  const { path, body } = signed(world, '2319735201');
  const echostr = /<Encrypt><!\[CDATA\[(.*?)\]\]>/.exec(body)?.[1] ?? '';
  return callback.send('GET', `${path}&echostr=${encodeURIComponent(echostr)}`);
}

/** Reports that a member left, or sends another path or body. */
export function tellUnsubscribe(
  world: World,
  callback: Login,
  userid: string,
  changes: { path?: string; body?: string } = {},
): Promise<Answer> {
  const { path, body } = { ...signed(world, unsubscribeMessage({ corpid, userid })), ...changes };
  return callback.send('POST', path, { headers: { 'content-type': 'text/xml' }, body });
}

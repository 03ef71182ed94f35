// What WeCom sends to the 接收消息 URL of the first company.
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import { type Answer, corpid, type Login, type World } from './world.ts';

function signed(world: World, message: string) {
  const { token = '', encodingAESKey = '' } = world.callbacks[corpid] ?? {};
  return signedCallback({ corpid, token, encodingAESKey }, message);
}

/** Asks whether the URL is ours. */
export function verifyCallback(world: World, callback: Login): Promise<Answer> {
  const { path, body } = signed(world, '2319735201');
  const echostr = /<Encrypt><!\[CDATA\[(.*?)\]\]>/.exec(body)?.[1] ?? '';
  return callback.send('GET', `${path}&echostr=${encodeURIComponent(echostr)}`);
}

/** Tells that a member left; with another path or body, that it does not. */
export function tellUnsubscribe(
  world: World,
  callback: Login,
  userid: string,
  changes: { path?: string; body?: string } = {},
): Promise<Answer> {
  const { path, body } = { ...signed(world, unsubscribeMessage({ corpid, userid })), ...changes };
  return callback.send('POST', path, { headers: { 'content-type': 'text/xml' }, body });
}

// The requests WeCom sends to a callback URL.
import { randomInt } from 'node:crypto';
import { encrypt, getSignature } from '@wecom/crypto';

/** A company's 接收消息 settings. */
export interface CallbackSettings {
  corpid: string;
  token: string;
  encodingAESKey: string;
}

/**
 * Returns what WeCom posts to `/callback/<corpid>`: `message`, encrypted and signed.
 * @see https://developer.work.weixin.qq.com/document/path/90968
 */
export function signedCallback(
  { corpid, token, encodingAESKey }: CallbackSettings,
  message: string,
  nowMs = Date.now(),
): { path: string; body: string } {
  const encrypted = encrypt(encodingAESKey, message, corpid);
  const timestamp = String(Math.floor(nowMs / 1000));
  const nonce = String(randomInt(2 ** 31));
  const msg_signature = getSignature(token, timestamp, nonce, encrypted);
  const query = new URLSearchParams({ msg_signature, timestamp, nonce });
  return {
    path: `/callback/${corpid}?${query.toString()}`,
    body: `<xml><ToUserName><![CDATA[${corpid}]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`,
  };
}

/**
 * Returns the message that WeCom sends when a member leaves the visible range, is disabled, or leaves the company.
 * @see https://developer.work.weixin.qq.com/document/path/90240
 */
export function unsubscribeMessage({ corpid, userid }: { corpid: string; userid: string }): string {
  const createTime = Math.floor(Date.now() / 1000);
  return `<xml><ToUserName><![CDATA[${corpid}]]></ToUserName><FromUserName><![CDATA[${userid}]]></FromUserName><CreateTime>${createTime}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[unsubscribe]]></Event><AgentID>1</AgentID></xml>`;
}

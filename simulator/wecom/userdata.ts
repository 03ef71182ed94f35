// Data that WeCom's client gives to the mini-program, encrypted with a session_key.
import { createCipheriv, randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { Directory, Person } from './directory.ts';
import { useridSeenBy } from './endpoints.ts';
import type { JsCodes } from './js-code.ts';

/** What wx.qy.getEnterpriseUserInfo gives to the mini-program. */
export interface EncryptedUserData {
  encrypted_data: string;
  iv: string;
}

/**
 * Encrypts data of a person as WeCom's client does, with the session_key of the last exchange of their code.
 *
 * Sets corpid, userid and `watermark` {appid, timestamp in s}, unless `fields` replaces them (undefined removes one). As
 * in WeCom, corpid is empty if the company is not linked with the mini-program, and the userid is encrypted if another
 * company exchanged the code. A string in `fields.plain` is encrypted as it is instead. Throws before the first exchange.
 * @see https://developer.work.weixin.qq.com/document/path/91617
 */
export function encryptUserData(
  world: { clock: Clock; directory: Directory; codes: JsCodes; appid: string },
  person: Person,
  fields: Record<string, unknown>,
): EncryptedUserData {
  const exchange = world.codes.lastExchange(person);
  if (!exchange) throw new Error(`no code of ${person.userid} was exchanged yet: there is no session_key`);
  const isLinked = world.directory.companies.get(person.corpid)?.apps.some(({ linked }) => linked) ?? false;
  const usual = JSON.stringify({
    corpid: isLinked ? person.corpid : '',
    userid: useridSeenBy(world.directory, exchange.exchangedBy, person),
    watermark: { appid: world.appid, timestamp: Math.floor(world.clock.nowMs() / 1000) },
    ...fields,
  });
  const plain = typeof fields['plain'] === 'string' ? fields['plain'] : usual;
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(exchange.sessionKey, 'base64'), iv);
  const encrypted = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return { encrypted_data: encrypted.toString('base64'), iv: iv.toString('base64') };
}

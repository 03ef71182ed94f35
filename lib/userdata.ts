// Data that the member's WeCom client returns encrypted. Trusts it no more than that client: AES-CBC has no MAC, so a
// member can change parts of their own data.
import { createDecipheriv } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from './errors.ts';
import { isSameUserid, type Person } from './person.ts';
import { integer, readObject } from './wecom-json.ts';

/** Older data may be a replay, because nothing in it belongs to one request. */
const ageSecondsMax = 3600;
/** Clocks differ. */
const aheadSecondsMax = 300;

const userdataSchema = z.looseObject({
  userid: z.nullish(z.string()),
  corpid: z.nullish(z.string()),
  watermark: z.object({ appid: z.string(), timestamp: integer }),
});

/**
 * Decrypts what `wx.qy.getEnterpriseUserInfo`, `getMobile`, `getEmail`, `getAvatar` or `getQrCode` gave the
 * mini-program: AES-128-CBC with the session's own session_key.
 *
 * The data must belong to this person, come from this mini-program, and be at most an hour old. Throws
 * `invalid_encrypted_data` for any problem: an outdated session_key and forged data cannot be told apart.
 *
 * @param expected `appid`: the mini-program's; `''` skips this check
 * @returns the decrypted object without its watermark
 * @see https://developer.work.weixin.qq.com/document/path/91617
 */
export function decryptUserdata(
  encrypted: { encryptedData: string; iv: string; sessionKey: string },
  expected: { person: Person; appid: string; nowMs: number },
): Record<string, unknown> {
  const result = userdataSchema.safeParse(decrypt(encrypted));
  if (!result.success) throw invalid('not_decrypted');
  const { watermark, ...data } = result.data;
  const { person, appid, nowMs } = expected;
  const ageSeconds = nowMs / 1000 - watermark.timestamp;
  if (appid !== '' && watermark.appid !== appid) throw invalid('another_appid');
  if (ageSeconds > ageSecondsMax || ageSeconds < -aheadSecondsMax) throw invalid('outdated');
  // Null counts as missing: the session_key already proves whose data it is.
  const { userid = null, corpid = null } = data;
  if (userid !== null && !isSameUserid(userid, person.userid)) throw invalid('another_userid');
  // WeCom leaves corpid empty if the company has not linked the mini-program.
  if (corpid !== null && corpid !== '' && corpid !== person.corpid) throw invalid('another_corpid');
  return data;
}

function decrypt({ encryptedData, iv, sessionKey }: Parameters<typeof decryptUserdata>[0]): unknown {
  try {
    const key = Buffer.from(sessionKey, 'base64');
    const decipher = createDecipheriv('aes-128-cbc', key, Buffer.from(iv, 'base64'));
    return readObject(decipher.update(encryptedData, 'base64', 'utf8') + decipher.final('utf8'));
  } catch {
    return undefined;
  }
}

function invalid(reason: string): AppError {
  return new AppError('invalid_encrypted_data', { reason });
}

// Data that the member's WeCom client hands out encrypted. Trusts nothing but WeCom's watermark in it.
import { createDecipheriv } from 'node:crypto';
import * as z from 'zod/mini';
import { AppError } from './errors.ts';
import { isSameUserid, type Person } from './person.ts';
import { integer, readObject } from './wecom-json.ts';

/** Older data may be a replay of what was sent once; WeCom signs no request with it. */
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
 * It must be about this person, from this mini-program and at most an hour old. Whatever is wrong with it throws
 * the same `invalid_encrypted_data`: an outdated session_key and forged data look alike.
 *
 * @param appid the mini-program's, `''` if it is not to be checked
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
  // Null is as good as absent: the session_key says whose data it is.
  const { userid = null, corpid = null } = data;
  if (userid !== null && !isSameUserid(userid, person.userid)) throw invalid('another_userid');
  // WeCom leaves corpid empty when the company has not linked the mini-program.
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

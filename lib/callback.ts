import { timingSafeEqual } from 'node:crypto';
import { decrypt, getSignature } from '@wecom/crypto';
import { XMLParser } from 'fast-xml-parser';
import type { Callback } from './config.ts';
import { AppError } from './errors.ts';
import type { Person } from './person.ts';

/** The query of a callback, as WeCom names it. */
export interface CallbackQuery {
  msg_signature?: string;
  timestamp?: string;
  nonce?: string;
}

/** Older callbacks may be replays; ending sessions twice is harmless, so no nonce is kept. */
const ageSecondsMax = 600;

// No entities, no attributes, no numbers: every value is the text that stands there.
const xml = new XMLParser({ processEntities: false, ignoreAttributes: true, parseTagValue: false });

/**
 * Checks the signature, the age and the receiver of what WeCom sent, and decrypts it. Trusts nothing before the
 * signature; throws `invalid_request` for everything that is not from WeCom to this company.
 *
 * @param encrypted `echostr` of a GET, or `Encrypt` of a POST
 * @see https://developer.work.weixin.qq.com/document/path/90968
 */
export function openCallback(
  callback: Callback,
  query: CallbackQuery,
  encrypted: string,
  nowMs: number,
): string {
  const { msg_signature = '', timestamp = '', nonce = '' } = query;
  const signature = Buffer.from(getSignature(callback.token, timestamp, nonce, encrypted));
  const given = Buffer.from(msg_signature);
  if (given.length !== signature.length || !timingSafeEqual(given, signature)) throw invalid('signature');
  const ageSeconds = nowMs / 1000 - Number(timestamp);
  if (!(Math.abs(ageSeconds) <= ageSecondsMax)) throw invalid('outdated');
  const opened = decrypted(callback.encodingAESKey, encrypted);
  if (opened.id !== callback.corpid) throw invalid('another_receiver');
  return opened.message;
}

/** The fields of a message, by name; the order of the elements does not matter. Throws `invalid_request`. */
export function parseCallbackXml(text: string): Record<string, string> {
  // WeCom sends none; a parser that never sees one cannot be bombed with it.
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw invalid('doctype');
  let parsed: unknown;
  try {
    parsed = xml.parse(text);
  } catch {
    throw invalid('not_xml');
  }
  const root = typeof parsed === 'object' && parsed !== null && 'xml' in parsed ? parsed.xml : undefined;
  if (typeof root !== 'object' || root === null) throw invalid('not_xml');
  return Object.fromEntries(Object.entries(root).filter(([, value]) => typeof value === 'string'));
}

/**
 * Whose sessions a message ends, and why; `undefined` for all others.
 *
 * - `unsubscribe`: removed from the visible range, disabled, or left the company
 * - `delete_user`, `update_user` with a new userid: only sent to some kinds of apps
 *
 * @see https://developer.work.weixin.qq.com/document/path/90240
 * @see https://developer.work.weixin.qq.com/document/path/90970
 */
export function leaverOf(
  corpid: string,
  message: Record<string, string>,
): { person: Person; reason: string } | undefined {
  const { MsgType, Event, ChangeType, FromUserName, UserID, NewUserID } = message;
  if (MsgType !== 'event') return undefined;
  const leaver = (userid: string | undefined, reason: string) =>
    userid === undefined || userid === '' ? undefined : { person: { corpid, userid }, reason };
  if (Event === 'unsubscribe') return leaver(FromUserName, 'unsubscribe');
  if (Event !== 'change_contact') return undefined;
  if (ChangeType === 'delete_user') return leaver(UserID, 'delete_user');
  if (ChangeType === 'update_user' && NewUserID) return leaver(UserID, 'update_user');
  return undefined;
}

function decrypted(encodingAESKey: string, encrypted: string): { id: string; message: string } {
  try {
    return decrypt(encodingAESKey, encrypted);
  } catch {
    throw invalid('not_decrypted');
  }
}

function invalid(reason: string): AppError {
  return new AppError('invalid_request', { reason });
}

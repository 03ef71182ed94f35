// WeCom's 接收消息 messages: who sent them, and whose sessions they end. Trusts nothing before the signature is checked.
import { timingSafeEqual } from 'node:crypto';
import { decrypt, getSignature } from '@wecom/crypto';
import { XMLParser } from 'fast-xml-parser';
import type { Callback } from './config.ts';
import { AppError } from './errors.ts';
import type { Person } from './person.ts';

/** The query of a callback, with WeCom's names. */
interface CallbackQuery {
  msg_signature?: string;
  timestamp?: string;
  nonce?: string;
}

/** Older callbacks may be replays. Ending sessions twice is harmless, so nonces are not stored. */
const ageSecondsMax = 600;
const timestampPattern = /^\d{10}$/;
const noncePattern = /^[\w-]{1,64}$/;

// No entities, no attributes, no numbers: each value is the text as it is.
const xml = new XMLParser({ processEntities: false, ignoreAttributes: true, parseTagValue: false });

/**
 * Checks the signature, age and receiver of a message, and decrypts it. Throws `invalid_request` if it is not from
 * WeCom for this company.
 *
 * @param callbacks the company's settings for 接收消息. Its app and its contacts may each have a token.
 * @param encrypted `echostr` of a GET, or `Encrypt` of a POST
 * @see https://developer.work.weixin.qq.com/document/path/90968
 */
export function openCallback(
  callbacks: readonly Callback[],
  query: CallbackQuery,
  encrypted: string,
  nowMs: number,
): string {
  const { msg_signature = '', timestamp = '', nonce = '' } = query;
  const callback = callbacks.find(({ token }) =>
    isSame(msg_signature, getSignature(token, timestamp, nonce, encrypted)),
  );
  if (!callback) throw invalid('signature');
  // WeCom sorts the values it signs, so swapped values have the same signature: check their form too.
  if (!timestampPattern.test(timestamp) || !isRecent(timestamp, nowMs)) throw invalid('outdated');
  if (!noncePattern.test(nonce)) throw invalid('nonce');
  const opened = decryptOrThrow(callback.encodingAESKey, encrypted);
  if (opened.id !== callback.corpid) throw invalid('another_receiver');
  return opened.message;
}

/**
 * Returns the fields of a decrypted message. Throws `invalid_request`, also if the message is too old. The time in the
 * query proves nothing: it can be swapped with a nonce that looks like a time. So the message's own time counts.
 */
export function parseMessage(text: string, nowMs: number): Record<string, string> {
  const message = parseCallbackXml(text);
  const { CreateTime } = message;
  if (CreateTime !== undefined && !isRecent(CreateTime, nowMs)) throw invalid('outdated');
  return message;
}

function isRecent(seconds: string, nowMs: number): boolean {
  return Math.abs(nowMs / 1000 - Number(seconds)) <= ageSecondsMax;
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Returns the fields of a message by name. Throws `invalid_request`. */
export function parseCallbackXml(text: string): Record<string, string> {
  // WeCom sends none, and without them an entity bomb is impossible.
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

/** 2: disabled, 4: not activated, 5: left the company. */
const leftStatuses = new Set(['2', '4', '5']);

/**
 * Returns whose sessions a message ends, and why; `undefined` if it ends none.
 *
 * - `unsubscribe`: removed from the visible range, disabled, or left the company
 * - `delete_user`, and `update_user` with a new userid or a status other than active: sent only to some kinds of apps
 *
 * @see https://developer.work.weixin.qq.com/document/path/90240
 * @see https://developer.work.weixin.qq.com/document/path/90970
 */
export function leaverOf(
  corpid: string,
  message: Record<string, string>,
): { person: Person; reason: string } | undefined {
  const { MsgType, Event, ChangeType, FromUserName, UserID, NewUserID, Status } = message;
  if (MsgType !== 'event') return undefined;
  const leaver = (userid: string | undefined, reason: string) =>
    userid === undefined || userid === '' ? undefined : { person: { corpid, userid }, reason };
  if (Event === 'unsubscribe') return leaver(FromUserName, 'unsubscribe');
  if (Event !== 'change_contact') return undefined;
  if (ChangeType === 'delete_user') return leaver(UserID, 'delete_user');
  if (ChangeType !== 'update_user') return undefined;
  if (NewUserID) return leaver(UserID, 'update_user');
  if (Status !== undefined && leftStatuses.has(Status.trim()))
    return leaver(UserID, `status_${Status.trim()}`);
  return undefined;
}

function decryptOrThrow(encodingAESKey: string, encrypted: string): { id: string; message: string } {
  try {
    return decrypt(encodingAESKey, encrypted);
  } catch {
    throw invalid('not_decrypted');
  }
}

function invalid(reason: string): AppError {
  return new AppError('invalid_request', { reason });
}

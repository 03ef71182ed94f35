// A member leaves the company, and WeCom tells the callback function.
import { request } from 'node:http';
import { signedCallback, unsubscribeMessage } from '../simulator/wecom/callback.ts';
import type { Feed } from './feed.ts';
import type { World } from './world.ts';

/** Deletes the member in WeCom's directory and posts `unsubscribe`, encrypted and signed, to the built function. */
export async function leaveCompany(
  world: World,
  feed: Feed,
  person: { corpid: string; userid: string; name: string },
): Promise<void> {
  world.wecom.updateMember(person.corpid, person.userid, { deleted: true });
  const callbackUrl = await world.startCallback();
  const { path, body } = signedCallback(world.callback, unsubscribeMessage(person));
  const startedMs = performance.now();
  const status = await postCallback(`${callbackUrl}${path}`, body);
  const ms = Math.round(performance.now() - startedMs);
  feed.add({ kind: 'callback', status, ms, name: person.name, event: 'unsubscribe' });
}

/** Posts a callback as WeCom does and returns the status. */
export function postCallback(url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST' }, (incoming) => {
      incoming.resume().on('end', () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on('error', reject).end(body);
  });
}

// WeCom's app on the phone, as far as the mini-program uses it: `wx.qy.*`, implemented with the simulator.
import type { ServerResponse } from 'node:http';
import type { Person } from '../simulator/wecom/directory.ts';
import type { Wecom } from '../simulator/wecom/server.ts';
import type { Breakage } from './breakage.ts';
import type { Feed } from './feed.ts';
import { phones, type Who } from './people.ts';
import type { World } from './world.ts';

/** What WeCom encrypts for the mini-program in addition to corpid and userid. */
const fieldsOf: Record<string, Record<string, string>> = {
  getEnterpriseUserInfo: { language: 'zh_CN' },
  getMobile: { mobile: '13800000000' },
  getEmail: { email: 'member@example.com' },
  getAvatar: { avatar: 'https://example.com/avatar.png' },
  getQrCode: { qr_code: 'https://example.com/qr-code.png' },
};

/**
 * Answers `wx.qy.<api>` for `person`.
 * @throws Error if WeCom's app has no such API
 */
export function answerAsWecomApp(wecom: Wecom, person: Person & { name?: string }, api: string): object {
  if (api === 'checkSession') return { expireIn: 600 };
  if (api === 'login') return { code: wecom.createJsCode(person) };
  const fields = fieldsOf[api];
  if (!fields) throw new Error('not supported');
  const name = api === 'getEnterpriseUserInfo' && person.name !== undefined ? { name: person.name } : {};
  const { encrypted_data, iv } = wecom.encryptUserData(person, { ...name, ...fields });
  return { encryptedData: encrypted_data, iv };
}

export function createWecomApp({ wecom }: World, feed: Feed, breakage: Breakage) {
  async function ask(api: string, who: Who, signal: AbortSignal): Promise<object> {
    const { person } = phones[who];
    if (!person) throw new Error('no WeCom here');
    if (api === 'login') {
      if (breakage.isActive('codeFails')) throw new Error('system error');
      if (!(await breakage.codeGiven(signal))) throw new Error('the phone gave up');
    }
    return answerAsWecomApp(wecom, person, api);
  }

  return async (api: string, who: Who, res: ServerResponse): Promise<void> => {
    const startedMs = performance.now();
    const gone = new AbortController();
    res.on('close', () => gone.abort());
    const answer = await ask(api, who, gone.signal).catch((error: Error) => error);
    const ok = !(answer instanceof Error);
    feed.add({ kind: 'wecom-app', who, api, ms: Math.round(performance.now() - startedMs), ok });
    res.writeHead(ok ? 200 : 500, { 'Content-Type': 'application/json; charset=utf-8' });
    res.end(ok ? JSON.stringify(answer) : answer.message);
  };
}

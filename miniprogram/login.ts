import { settings } from './settings';
import { createWecomLogin, type WecomLoginError } from './wecom-login';

/** The one client of this mini-program: pages share its session and never log in twice. */
export const wecomLogin = createWecomLogin({ serverUrl: settings.serverUrl });

/** Leaves for the page that says why it does not go on, and how it may. */
export function showRefusal(error: WecomLoginError): void {
  if (error.code === 'reviewer_session_ended') {
    void wx.reLaunch({ url: `/pages/reviewer/reviewer?code=${error.code}` });
    return;
  }
  if (error.code === 'not_in_wecom' || error.code === 'logged_out') {
    void wx.reLaunch({
      url: `/pages/entrance/entrance?stay=${error.code === 'logged_out' ? 'left' : 'wechat'}`,
    });
    return;
  }
  const query = [
    `code=${encodeURIComponent(error.code)}`,
    `request_id=${encodeURIComponent(error.requestId ?? '')}`,
    `wait=${error.retryAfterSeconds ?? 0}`,
  ];
  void wx.reLaunch({ url: `/pages/refused/refused?${query.join('&')}` });
}

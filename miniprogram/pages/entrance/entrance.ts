import { showRefusal, wecomLogin } from '../../login';
import { settings } from '../../settings';
import { noProblem, problemOf } from '../../texts';
import { toLoginError } from '../../wecom-login';

const slowAfterMs = 4000;
let slowTimer = 0;

/** The first page. In WeCom it only passes by; in ordinary WeChat it says for whom this is. */
Page({
  data: {
    state: 'entering' as 'entering' | 'wechat' | 'left',
    slow: false,
    busy: false,
    audience: settings.audience,
    left: '',
    reviewer: 'asking' as 'asking' | 'offered' | 'none' | 'unreachable',
    problem: noProblem,
  },

  onLoad(query: Record<string, string | undefined>) {
    if (query['stay'] === 'left') {
      const confirmed = query['unconfirmed'] === undefined;
      this.setData({
        state: 'left',
        left: confirmed ? '本次会话已结束。' : '服务器暂时未能确认，会话闲置一段时间后会自动失效。',
      });
    } else void this.enter();
  },

  onUnload() {
    clearTimeout(slowTimer);
  },

  async enter() {
    // A second tap, before the button is gone.
    if (this.data.busy) return;
    this.setData({ state: 'entering', slow: false, busy: true });
    slowTimer = setTimeout(() => this.setData({ slow: true }), slowAfterMs);
    try {
      await wecomLogin.login();
      void wx.reLaunch({ url: '/pages/home/home' });
    } catch (thrown) {
      const error = toLoginError(thrown);
      if (error.code !== 'not_in_wecom') return showRefusal(error);
      this.setData({ state: 'wechat' });
      void this.askReviewer();
    } finally {
      clearTimeout(slowTimer);
      this.setData({ busy: false });
    }
  },

  async askReviewer() {
    this.setData({ reviewer: 'asking' });
    try {
      this.setData({ reviewer: (await wecomLogin.reviewerLoginOffered()) ? 'offered' : 'none' });
    } catch (thrown) {
      this.setData({ reviewer: 'unreachable', problem: problemOf(toLoginError(thrown)) });
    }
  },

  openReviewer() {
    void wx.navigateTo({ url: '/pages/reviewer/reviewer' });
  },
});

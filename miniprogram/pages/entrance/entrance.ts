import { addressIn, arrive, type Query, showRefusal, wecomLogin } from '../../login';
import { settings } from '../../settings';
import { noProblem, problemOf } from '../../texts';
import { toLoginError } from '../../wecom-login';

/** Most logins are faster: then nothing flashes. */
const visibleAfterMs = 400;
const slowAfterMs = 4000;

/** The first page. In WeCom it logs the member in and opens the next page. In ordinary WeChat it says who this is for. */
Page({
  data: {
    state: 'entering' as 'entering' | 'wechat' | 'left',
    visible: false,
    slow: false,
    busy: false,
    audience: settings.audience,
    left: '',
    reviewer: 'asking' as 'asking' | 'offered' | 'none' | 'unreachable',
    problem: noProblem,
  },
  /** The address to open after the login; empty for home. */
  to: '',
  /** Set when the page is closed: a closed page must not navigate. */
  closed: false,
  visibleTimer: 0,
  slowTimer: 0,

  onLoad(query: Query) {
    this.to = addressIn(query['to']);
    if (query['stay'] === 'left') {
      const confirmed = query['unconfirmed'] === undefined;
      this.setData({
        state: 'left',
        left: confirmed ? '本次会话已结束。' : '服务器暂时未能确认，会话闲置一段时间后会自动失效。',
      });
    } else void this.enter();
  },

  onUnload() {
    this.closed = true;
    this.stopTimers();
  },

  stopTimers() {
    clearTimeout(this.visibleTimer);
    clearTimeout(this.slowTimer);
  },

  async enter() {
    // A second tap before the button disappears.
    if (this.data.busy) return;
    this.setData({ state: 'entering', visible: false, slow: false, busy: true });
    this.visibleTimer = setTimeout(() => this.setData({ visible: true }), visibleAfterMs);
    this.slowTimer = setTimeout(() => this.setData({ slow: true }), slowAfterMs);
    try {
      await wecomLogin.login();
      if (!this.closed) arrive(this.to);
    } catch (thrown) {
      const error = toLoginError(thrown);
      if (this.closed) return;
      if (error.code !== 'not_in_wecom') return showRefusal(error, this.to);
      this.setData({ state: 'wechat' });
      void this.askReviewer();
    } finally {
      this.stopTimers();
      if (!this.closed) this.setData({ busy: false });
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
    void wx.navigateTo({ url: `/pages/reviewer/reviewer?to=${encodeURIComponent(this.to)}` });
  },
});

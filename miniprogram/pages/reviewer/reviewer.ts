import { countDown } from '../../countdown';
import { wecomLogin } from '../../login';
import { duration, noProblem, problemOf, textOf } from '../../texts';
import { toLoginError } from '../../wecom-login';

let stopCountDown = () => {};

/** Account and password, for the app store's reviewers in ordinary WeChat. */
Page({
  data: {
    account: '',
    password: '',
    shown: false,
    busy: false,
    problem: noProblem,
    secondsLeft: 0,
    waitText: '',
  },

  onLoad(query: Record<string, string | undefined>) {
    if (query['code'] === 'reviewer_session_ended') {
      this.setData({ problem: textOf('reviewer_session_ended') });
    }
  },

  onUnload() {
    stopCountDown();
  },

  typeAccount(event: WechatMiniprogram.Input) {
    this.setData({ account: event.detail.value });
  },

  typePassword(event: WechatMiniprogram.Input) {
    this.setData({ password: event.detail.value });
  },

  toggle() {
    this.setData({ shown: !this.data.shown });
  },

  async submit() {
    const { account, password, busy, secondsLeft } = this.data;
    if (busy || secondsLeft > 0) return;
    if (account === '' || password === '') {
      this.setData({ problem: { title: '请填写完整', advice: '账号和密码都需要填写。' } });
      return;
    }
    this.setData({ busy: true, problem: noProblem });
    try {
      await wecomLogin.reviewerLogin(account, password);
      void wx.reLaunch({ url: '/pages/home/home' });
    } catch (thrown) {
      const problem = problemOf(toLoginError(thrown));
      this.setData({ busy: false, problem });
      stopCountDown();
      stopCountDown = countDown(problem.waitSeconds, (left) =>
        this.setData({ secondsLeft: left, waitText: duration(left) }),
      );
    }
  },

  back() {
    void wx.reLaunch({ url: '/pages/entrance/entrance' });
  },
});

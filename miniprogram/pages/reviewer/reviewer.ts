import { countDown } from '../../countdown';
import { addressIn, arrive, enter, type Query, wecomLogin } from '../../login';
import { duration, noProblem, problemOf, reviewerTexts, textOf } from '../../texts';
import { toLoginError } from '../../wecom-login';

/** Account and password, for the app store's reviewers in ordinary WeChat. */
Page({
  data: {
    account: '',
    password: '',
    shown: false,
    /** Moves the focus to the password. */
    goingOn: false,
    busy: false,
    problem: noProblem,
    secondsLeft: 0,
    waitText: '',
  },
  to: '',
  /** Set when the page is closed: a closed page must not navigate. */
  closed: false,
  stopCountDown: () => {},

  onLoad(query: Query) {
    this.to = addressIn(query['to']);
    if (query['code'] === 'reviewer_session_ended') {
      this.setData({ problem: textOf('reviewer_session_ended') });
    }
  },

  onUnload() {
    this.closed = true;
    this.stopCountDown();
  },

  typeAccount(event: WechatMiniprogram.Input) {
    this.setData({ account: event.detail.value });
  },

  typePassword(event: WechatMiniprogram.Input) {
    this.setData({ password: event.detail.value });
  },

  goOn() {
    this.setData({ goingOn: true });
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
      if (!this.closed) arrive(this.to);
    } catch (thrown) {
      const error = toLoginError(thrown);
      if (this.closed) return;
      const problem = { ...problemOf(error), ...reviewerTexts[error.code] };
      this.setData({ busy: false, problem });
      this.stopCountDown();
      this.stopCountDown = countDown(problem.waitSeconds, (left) =>
        this.setData({ secondsLeft: left, waitText: duration(left) }),
      );
    }
  },

  back() {
    enter(this.to);
  },
});

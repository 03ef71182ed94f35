import { countDown } from '../../countdown';
import { addressIn, decoded, enter, type Query } from '../../login';
import { duration, numberOf, textOf, timeOf } from '../../texts';

/** Longer than any wait of the server's; whoever opens this page with another query still gets out of it. */
const waitSecondsMax = 3600;

/** Why it does not go on, and how it may. All it shows is in its query, so it can be opened again. */
Page({
  data: {
    code: '',
    title: '',
    advice: '',
    refusal: false,
    /** What the administrator needs, one line each. */
    details: [] as string[],
    copyText: '复制给管理员',
    secondsLeft: 0,
    waitText: '',
  },
  to: '',
  /** What is copied: the same, with the whole number. */
  report: '',
  stopCountDown: () => {},

  onLoad(query: Query) {
    this.to = addressIn(query['to']);
    const code = known(query['code'], /^\w{1,64}$/);
    const { title, advice, refusal = false } = textOf(code);
    const requestId = known(query['request_id'], /^[\w-]{1,64}$/);
    const atSeconds = Number(known(query['at'], /^\d{1,11}$/));
    const lines = (number: string) =>
      [
        ['错误代码', code],
        ['错误编号', number],
        ['时间', atSeconds === 0 ? '' : timeOf(new Date(atSeconds * 1000))],
        ['账号', known(query['userid'], /^[^\r\n]{1,64}$/)],
        ['说明', known(query['detail'], /^[^\r\n]{1,200}$/)],
      ]
        .filter(([, value]) => value !== '')
        .map(([label, value]) => `${label} ${value}`);
    this.report = [title, ...lines(requestId)].join('\n');
    this.setData({ code, title, advice, refusal, details: lines(numberOf(requestId)) });
    const waitSeconds = Number(known(query['wait'], /^\d{1,6}$/));
    this.stopCountDown = countDown(Math.min(waitSeconds, waitSecondsMax), (secondsLeft) =>
      this.setData({ secondsLeft, waitText: duration(secondsLeft) }),
    );
  },

  onUnload() {
    this.stopCountDown();
  },

  copy() {
    wx.setClipboardData({
      data: this.report,
      success: () => this.setData({ copyText: '已复制' }),
      // As long as 用户隐私保护指引 does not declare the clipboard.
      fail: () => this.setData({ copyText: '未能复制，请长按下面的文字复制' }),
    });
  },

  retry() {
    if (this.data.secondsLeft === 0) enter(this.to);
  },
});

/** Anybody can write a query. */
function known(value: string | undefined, pattern: RegExp): string {
  const text = decoded(value);
  return pattern.test(text) ? text : '';
}

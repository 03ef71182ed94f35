import { countDown } from '../../countdown';
import { addressIn, decode, enter, type Query } from '../../login';
import { duration, numberOf, textOf, timeOf } from '../../texts';

/** Longer than any wait of the server. A page opened with a forged query must not block for longer. */
const waitSecondsMax = 3600;

/** Shows an error and what the member can do. Everything it shows is in its query, so the page can be reloaded. */
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
  /** What is copied: the same lines, with the whole number. */
  report: '',
  stopCountDown: () => {},

  onLoad(query: Query) {
    this.to = addressIn(query['to']);
    const code = checkedValue(query['code'], /^\w{1,64}$/);
    const { title, advice, refusal = false } = textOf(code);
    const requestId = checkedValue(query['request_id'], /^[\w-]{1,64}$/);
    const atSeconds = Number(checkedValue(query['at'], /^\d{1,11}$/));
    const lines = (number: string) =>
      [
        ['错误代码', code],
        ['错误编号', number],
        ['时间', atSeconds === 0 ? '' : timeOf(new Date(atSeconds * 1000))],
        ['账号', checkedValue(query['userid'], /^[^\r\n]{1,64}$/)],
        ['说明', checkedValue(query['detail'], /^[^\r\n]{1,200}$/)],
      ]
        .filter(([, value]) => value !== '')
        .map(([label, value]) => `${label} ${value}`);
    this.report = [title, ...lines(requestId)].join('\n');
    this.setData({ code, title, advice, refusal, details: lines(numberOf(requestId)) });
    const waitSeconds = Number(checkedValue(query['wait'], /^\d{1,6}$/));
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
      // Fails if 用户隐私保护指引 does not declare the clipboard.
      fail: () => this.setData({ copyText: '未能复制，请长按下面的文字复制' }),
    });
  },

  retry() {
    if (this.data.secondsLeft === 0) enter(this.to);
  },
});

/** Returns a value of the query if it matches, else ''. Anybody can write a query. */
function checkedValue(value: string | undefined, pattern: RegExp): string {
  const text = decode(value);
  return pattern.test(text) ? text : '';
}

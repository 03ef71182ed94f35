import { countDown } from '../../countdown';
import { duration, textOf } from '../../texts';

/** Longer than any wait of the server's; whoever opens this page with another query still gets out of it. */
const waitSecondsMax = 3600;
let stopCountDown = () => {};

/** Why it does not go on, and how it may. All it shows is in its query, so it can be opened again. */
Page({
  data: {
    code: '',
    title: '',
    advice: '',
    refusal: false,
    requestId: '',
    copyText: '复制编号',
    secondsLeft: 0,
    waitText: '',
  },

  onLoad(query: Record<string, string | undefined>) {
    const code = known(query['code'], /^\w{1,64}$/);
    const { title, advice, refusal = false } = textOf(code);
    const requestId = known(query['request_id'], /^[\w-]{1,64}$/);
    this.setData({ code, title, advice, refusal, requestId });
    const waitSeconds = Number(known(query['wait'], /^\d{1,6}$/));
    stopCountDown = countDown(Math.min(waitSeconds, waitSecondsMax), (secondsLeft) =>
      this.setData({ secondsLeft, waitText: duration(secondsLeft) }),
    );
  },

  onUnload() {
    stopCountDown();
  },

  copy() {
    wx.setClipboardData({
      data: this.data.requestId,
      success: () => this.setData({ copyText: '已复制' }),
      // As long as 用户隐私保护指引 does not declare the clipboard.
      fail: () => this.setData({ copyText: '未能复制，请长按编号复制' }),
    });
  },

  retry() {
    if (this.data.secondsLeft === 0) void wx.reLaunch({ url: '/pages/entrance/entrance' });
  },
});

/** Anybody can write a query. */
function known(text: string | undefined, pattern: RegExp): string {
  return text !== undefined && pattern.test(text) ? text : '';
}

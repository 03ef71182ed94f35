// The Chinese texts of all errors, and the formats of numbers and times.
import type { WecomLoginError } from './wecom-login';

/** What a member reads when something goes wrong: what happened, and what to do now. */
export interface Text {
  title: string;
  advice: string;
  /** The member may not enter, as opposed to a failure. */
  refusal?: true;
}

/** One text per error code of the server and of the client module. */
export const texts: Record<string, Text> = {
  invalid_request: {
    title: '请求有误',
    advice: '小程序发出的请求不符合要求。请重新进入；如果仍然出现，请把错误编号发给管理员。',
  },
  invalid_js_code: {
    title: '登录凭证已失效',
    advice: '企业微信给出的登录凭证已过期或已用过。请点“重试”，重新获取一次。',
  },
  invalid_encrypted_data: {
    title: '资料无法解密',
    advice: '企业微信给出的资料已过期。请再获取一次；如果仍然出现，请退出后重新进入。',
  },
  invalid_session: {
    title: '登录已过期',
    advice: '您的登录已结束。请重新进入小程序。',
  },
  invalid_credentials: {
    title: '账号或密码不正确',
    advice: '请核对账号和密码后再试，注意区分大小写。',
  },
  corp_not_allowed: {
    title: '您的企业未开通此小程序',
    advice: '只有已开通的企业可以使用。请在企业微信中切换到已开通的企业，再重新进入。',
    refusal: true,
  },
  member_not_allowed: {
    title: '您暂无使用权限',
    advice: '可能是尚未为您开通，也可能是您的账号已停用。请把下面的信息发给企业管理员。',
    refusal: true,
  },
  role_not_allowed: {
    title: '当前身份不能使用此功能',
    advice: '此功能不对您当前的身份开放。请返回使用其他功能，或联系管理员。',
    refusal: true,
  },
  not_found: {
    title: '此功能未开放',
    advice: '服务器上没有这项功能，或它已关闭。请返回；如果您需要它，请联系管理员。',
  },
  method_not_allowed: {
    title: '请求方式有误',
    advice: '小程序与服务器的版本可能不一致。请更新小程序后重试，或联系管理员。',
  },
  login_again: {
    title: '请重新登录',
    advice: '您似乎刚刚切换了企业。请点“重试”，用当前企业重新登录。',
  },
  too_large: {
    title: '提交的内容过大',
    advice: '请减少内容后再试。',
  },
  unsupported_media_type: {
    title: '请求格式有误',
    advice: '小程序与服务器的版本可能不一致。请更新小程序后重试，或联系管理员。',
  },
  rate_limited: {
    title: '当前网络请求过多',
    advice: '同一网络中的请求太多，与您的账号无关。请稍后再试。',
  },
  internal_error: {
    title: '服务器出错了',
    advice: '请稍后重试；如果仍然出现，请把错误编号发给管理员。',
  },
  temporarily_unavailable: {
    title: '服务暂时不可用',
    advice: '请稍后重试；如果长时间如此，请把错误编号发给管理员。',
  },

  not_in_wecom: {
    title: '请在企业微信中打开',
    advice: '此小程序仅供企业成员使用。请打开企业微信，从“工作台”进入。',
  },
  wecom_too_old: {
    title: '企业微信版本过低',
    advice: '当前版本不支持此功能。请更新企业微信后重试。',
  },
  wecom_api_missing: {
    title: '小程序缺少企业微信接口',
    advice: '这与您的企业微信版本无关。请联系开发者：小程序框架替换了 wx，其中没有 wx.qy。',
  },
  wecom_login_failed: {
    title: '企业微信未能登录',
    advice: '企业微信没有给出登录凭证。请重试；如果仍然出现，请重启企业微信。',
  },
  wecom_timeout: {
    title: '企业微信没有响应',
    advice: '请重试；如果仍然出现，请重启企业微信。',
  },
  userdata_not_given: {
    title: '未取得资料',
    advice: '您可能没有同意授权，或企业微信暂时无法提供。需要时请再次获取。',
  },
  server_url_missing: {
    title: '尚未设置服务器地址',
    advice: '请开发者在 settings.ts 中填写 serverUrl，重新编译后再试。',
  },
  server_url_refused: {
    title: '服务器地址不可用',
    advice: '请管理员检查小程序后台的“request 合法域名”和服务器证书，然后重试。',
  },
  url_not_trusted: {
    title: '请求地址不受信任',
    advice: '请开发者把这个地址加入 otherBackends，再重试。',
  },
  offline: {
    title: '网络连接失败',
    advice: '请检查网络后重试。',
  },
  server_timeout: {
    title: '服务器响应超时',
    advice: '网络可能较慢。请稍后重试。',
  },
  interrupted: {
    title: '请求被中断',
    advice: '小程序曾切换到后台。请重试。',
  },
  server_failed: {
    title: '服务器没有正常响应',
    advice: '问题出在服务器一侧，与您的设备和网络无关。请稍后重试；如果仍然出现，请联系管理员。',
  },
  bad_server_answer: {
    title: '服务器的回复无法识别',
    advice: '可能是网络需要先登录认证，也可能是服务器地址有误。请换一个网络重试，或联系管理员。',
  },
  reviewer_session_ended: {
    title: '审核登录已结束',
    advice: '请重新输入审核账号和密码。',
  },
  logged_out: {
    title: '您已退出登录',
    advice: '需要时请重新进入。',
  },
  aborted: {
    title: '操作已取消',
    advice: '需要时请再次操作。',
  },
  unexpected: {
    title: '小程序出错了',
    advice: '请重新进入小程序；如果仍然出现，请联系管理员。',
  },
};

/** What a reviewer reads instead of {@link texts}: strangers may try a reviewer's account too. */
export const reviewerTexts: Record<string, Text> = {
  rate_limited: {
    title: '尝试次数过多',
    advice: '为保护账号安全，请稍后再试。',
  },
};

const unknownCode: Text = {
  title: '操作没有成功',
  advice: '请稍后重试；如果仍然出现，请把错误编号发给管理员。',
};

export function textOf(code: string): Text {
  return (Object.keys(texts).includes(code) && texts[code]) || unknownCode;
}

/** An error as pages show it. Without a request id `number` is empty; without a wait `waitSeconds` is 0. */
export interface Problem {
  code: string;
  title: string;
  advice: string;
  /** The operator finds the request in the log by this number. Short enough to be read out. */
  number: string;
  waitSeconds: number;
}

const numberCharacters = 8;

/** Returns the beginning of a request_id: enough to find one request of a day. */
export function numberOf(requestId = ''): string {
  return requestId.slice(0, numberCharacters);
}

export const noProblem: Partial<Problem> = {};

export function problemOf({ code, requestId, retryAfterSeconds }: WecomLoginError): Problem {
  const { title, advice } = textOf(code);
  return { code, title, advice, number: numberOf(requestId), waitSeconds: retryAfterSeconds ?? 0 };
}

/** Returns `45 秒`, `12 分钟` or `1 小时 5 分钟`. Rounds up, so that nobody retries too early. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} 秒`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 60) return `${minutes} 分钟`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} 小时` : `${(minutes - rest) / 60} 小时 ${rest} 分钟`;
}

/** Returns `2026-11-25 09:05:07`, by the clock of this device. */
export function timeOf(date: Date): string {
  const days = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  const hours = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${days.map(twoDigits).join('-')} ${hours.map(twoDigits).join(':')}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** Names of fields that `userdata` may return. WeCom adds fields at any time: a field without a name here is shown as it is. */
export const userdataLabels: Record<string, string> = {
  corpid: '企业 ID',
  userid: '账号',
  name: '姓名',
  gender: '性别',
  language: '语言',
  mobile: '手机号',
  email: '邮箱',
  biz_mail: '企业邮箱',
  avatar: '头像地址',
  qrCode: '二维码地址',
  qr_code: '二维码地址',
};

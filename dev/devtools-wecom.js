// Written by `npm run dev -- --devtools`, for WeChat DevTools without WeCom mode: gives the mini-program a `wx.qy` with codes
// of the simulated WeCom. Who is logged in is chosen on the page of `npm run dev`.
const { settings } = require('./settings');

const { serverUrl, pageUrl, key } = '@addresses@';

// Also stops a copy that was uploaded by mistake.
if (wx.getAccountInfoSync().miniProgram.envVersion !== 'develop') {
  throw new Error('This copy of the mini-program is for npm run dev only. Upload the original.');
}

settings.serverUrl = serverUrl;

function api(name) {
  return ({ success, fail, complete } = {}) =>
    new Promise((resolve, reject) => {
      const settle = (isOk, result) => {
        (isOk ? success : fail)?.(result);
        complete?.(result);
        if (isOk) resolve(result);
        else if (!fail && !complete) reject(result);
      };
      wx.request({
        url: `${pageUrl}/wecom-app/${name}`,
        method: 'POST',
        data: {},
        header: { 'X-Npm-Run-Dev': key },
        success: ({ statusCode, data }) =>
          statusCode === 200
            ? settle(true, { ...data, errMsg: `qy.${name}:ok` })
            : settle(false, { errMsg: `qy.${name}:fail ${data}` }),
        fail: ({ errMsg }) => settle(false, { errMsg: `qy.${name}:fail ${errMsg}` }),
      });
    });
}

const names = [
  'login',
  'checkSession',
  'getEnterpriseUserInfo',
  'getMobile',
  'getEmail',
  'getAvatar',
  'getQrCode',
];
wx.qy = Object.fromEntries(names.map((name) => [name, api(name)]));

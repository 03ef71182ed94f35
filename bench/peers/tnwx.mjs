// Only its WeCom part: `tnwx` itself would also load payment and official accounts.
import { ApiConfig, QyAccessTokenApi, QyApiConfigKit } from '@tnwx/accesstoken';
import { HttpKit } from '@tnwx/kits';
import { QyUserApi } from '@tnwx/wxcp';
import { corpid, corpsecret, redis, serve, succeeded, wecom } from './server.mjs';

// It has WeCom's address in its code.
for (const [api, name] of [
  [QyAccessTokenApi, 'url'],
  [QyUserApi, 'getUrl'],
]) {
  api[name] = api[name].replace('https://qyapi.weixin.qq.com', wecom);
}
// It prints two lines for each token it reads.
console.debug = () => {};

const agentId = '1000001';
QyApiConfigKit.putApiConfig(new ApiConfig(agentId, corpsecret, '', false, '', corpid));
QyApiConfigKit.setCurrentAppId(agentId, corpid);
QyApiConfigKit.setCache = {
  get: (key) => redis.get(key),
  set: (key, value) => redis.set(key, value, 'EX', 7200),
  remove: (key) => redis.del(key),
};

// It has no jscode2session of WeCom: sent through its own HTTP client.
serve(async () => {
  const accessToken = await QyAccessTokenApi.getAccessToken();
  return {
    async exchange(jsCode) {
      const query = `access_token=${accessToken.getAccessToken}&js_code=${jsCode}&grant_type=authorization_code`;
      return succeeded(
        await HttpKit.getHttpDelegate.httpGet(`${wecom}/cgi-bin/miniprogram/jscode2session?${query}`),
      );
    },
    member: async (userid) => succeeded(await QyUserApi.get(userid, accessToken)),
  };
});

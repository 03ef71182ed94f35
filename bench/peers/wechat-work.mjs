import { Commander, ContactsCommander, EnumSecretType } from 'wechat-work';
// Not exported.
import { MiniProgramCommander } from 'wechat-work/dist/mini-programs/mini-programs.commander.class.js';
import axios from './node_modules/wechat-work/node_modules/axios/index.js';
import { corpid, corpsecret, redis, serve, wecom } from './server.mjs';

const agentId = '1000001';

// It has WeCom's address in its code.
axios.interceptors.request.use((config) => {
  config.url = config.url.replace('https://qyapi.weixin.qq.com', wecom);
  return config;
});
// It prints a line for each token it reads.
console.log = () => {};

const commander = new Commander({
  corpId: corpid,
  apps: [{ agentId, agentSecret: corpsecret }],
  async getFromCacheMethod(key) {
    const content = await redis.get(key);
    return content === null ? undefined : { content };
  },
  async saveToCacheMethod(key, serialized, ttlSeconds) {
    await redis.set(key, serialized, 'EX', ttlSeconds);
  },
});

serve(async () => {
  const accessToken = await commander.getAccessToken(EnumSecretType.Agent, agentId);
  const miniProgram = new MiniProgramCommander(accessToken);
  const { users } = new ContactsCommander(accessToken);
  return {
    async exchange(jsCode) {
      const { corpId, userId, sessionKey } = await miniProgram.code2Session(jsCode);
      return { corpid: corpId, userid: userId, session_key: sessionKey };
    },
    member: (userid) => users.findById(userid),
  };
});

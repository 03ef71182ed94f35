// Only the parts that a login needs: the whole package would also load payment and official accounts.
import Application from 'node-easywechat/dist/Work/Application.js';
import { corpid, corpsecret, redis, serve, succeeded, wecom } from './server.mjs';

const app = new Application({
  corp_id: corpid,
  secret: corpsecret,
  token: 'unused',
  aes_key: 'unused',
  http: { baseURL: `${wecom}/` },
});
app.setCache({
  get: (key) => redis.get(key),
  has: async (key) => (await redis.exists(key)) === 1,
  set: async (key, value, seconds) => (await redis.set(key, value, 'EX', seconds)) === 'OK',
  delete: async (key) => (await redis.del(key)) === 1,
});
const client = app.getClient();

async function get(path, params) {
  return succeeded((await client.get(path, { params })).toObject());
}

serve(() => ({
  exchange: (jsCode) =>
    get('/cgi-bin/miniprogram/jscode2session', { js_code: jsCode, grant_type: 'authorization_code' }),
  member: (userid) => get('/cgi-bin/user/get', { userid }),
}));
